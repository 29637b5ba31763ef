/**
 * Who a mail was exchanged with: every address in From, Reply-To, To and Cc, except the one of ours that it was written to or from.
 * Lower case, and bounded: a mail to thousands is found by the first of them. Written with the entry, gone with it.
 */
import { type Address, addressKey } from '../mail/address-list.ts';
import type { Db } from './sqlite.ts';
import type { Direction, MailboxId, Millis } from './types.ts';
import type { Writing } from './work.ts';

const maxCorrespondents = 200;
/** RFC 5321: 64 octets, an @ and 255 octets. What is longer reaches nobody. */
const maxAddressLength = 320;
const sliceEntries = 250;

type Correspondence = { from: readonly Address[]; replyTo: readonly Address[]; to: readonly Address[]; cc: readonly Address[] };
type Entry = { row: number; mailbox: MailboxId; direction: Direction; receivedAt: Millis; addressedTo: string | null };

export function addCorrespondents(db: Db, { row, mailbox, direction, receivedAt, addressedTo }: Entry, mail: Correspondence): void {
  const addresses = new Set<string>();
  for (const { address } of [...mail.from, ...mail.replyTo, ...mail.to, ...mail.cc]) {
    const folded = addressKey(address);
    if (folded !== '' && folded !== addressedTo && folded.length <= maxAddressLength) addresses.add(folded);
    if (addresses.size === maxCorrespondents) break;
  }
  for (const address of addresses) {
    db.run(
      'INSERT OR IGNORE INTO entry_correspondent (correspondent, mailbox, direction, at, entry) VALUES (?, ?, ?, ?, ?)',
      correspondentOf(db, address) ?? db.run('INSERT INTO correspondent (address) VALUES (?)', address).row,
      mailbox,
      direction,
      receivedAt,
      row,
    );
  }
}

export const correspondentOf = (db: Db, address: string): number | null =>
  db.get<{ num: number }>('SELECT num FROM correspondent WHERE address = ?', addressKey(address))?.num ?? null;

/** Entries of a mail.db that an older Postroom wrote, newest first. Interrupted, it goes on at the next start. */
export function* backfillTimeline({ db }: Writing): Generator<void, void> {
  for (;;) {
    const entries = db.all<Entry & { head: string }>(
      `SELECT e.row, e.mailbox, e.direction, e.received_at AS receivedAt, e.addressed_to AS addressedTo, m.head
       FROM entry e JOIN message m ON m.num = e.message WHERE e.row < (SELECT below FROM timeline_backfill) ORDER BY e.row DESC LIMIT ?`,
      sliceEntries,
    );
    for (const { head, ...entry } of entries) {
      addCorrespondents(db, entry, JSON.parse(head) as Correspondence);
      db.run(`UPDATE entry SET told = ${tells} WHERE row = ? AND told <> ${tells}`, entry.row);
    }
    const last = entries.at(-1);
    if (last === undefined) break;
    db.run('UPDATE timeline_backfill SET below = ?', last.row);
    yield;
  }
  db.run('DELETE FROM timeline_backfill');
}

export const isBackfillDue = (db: Db): boolean => db.get('SELECT 1 FROM timeline_backfill') !== undefined;

/** What `reclassify` makes of an entry's placements, as SQL over `entry`. Without a place it stays as it was when it had one. */
export const tells = `(entry.outbox IS NOT NULL OR coalesce((SELECT max(f.role IS NULL OR f.role NOT IN ('junk', 'drafts'))
  AND NOT max(f.role IS 'drafts' OR ' ' || p.flags || ' ' LIKE '% \\Draft %')
  FROM placement p JOIN folder f ON f.id = p.folder WHERE p.entry = entry.row), 0))`;
