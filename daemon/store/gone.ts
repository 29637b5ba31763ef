/**
 * What history keeps of a mail that is no longer on the server: from, to, subject and when, in its mailbox and its conversation. Not its
 * text, not Bcc, and no search finds it.
 *
 * - A mail is gone when nothing of it is left in the mailbox: another form of it that is still there stands for it.
 * - What no timeline told (only in Junk or Drafts) leaves nothing behind.
 * - A mail that comes back (moved so slowly that the grace ended, a folder that was numbered anew) takes the place of its row: the same
 *   octets, or the same Message-ID with From, date and subject.
 */
import type { Address, Message } from '../mail/message.ts';
import { sameHeading } from '../mail/same-mail.ts';
import type { Db } from './sqlite.ts';
import type { Direction, EntryId, GoneRow, MailboxId } from './types.ts';

type Entry = {
  row: number;
  mailbox: MailboxId;
  direction: Direction;
  told: number;
  same_as: number | null;
  message_id: string | null;
  date: number | null;
  subject: string;
  head: string;
};
type Head = { from: Address[]; to: Address[] };
type Heading = Pick<Message, 'messageId' | 'date' | 'subject' | 'from'>;

/** Some programs give all their mails one Message-ID. */
const mostAlike = 100;

const fromOf = (head: string): Address[] => (JSON.parse(head) as Head).from;
const headingOf = ({ date, subject, head }: Pick<Entry, 'date' | 'subject' | 'head'>) => ({ date, subject, from: fromOf(head) });

/** Before the entry is removed. */
export function noteGone(db: Db, row: number): void {
  const entry = db.get<Entry>(
    `SELECT e.row, e.mailbox, e.direction, e.told, e.same_as, m.message_id, m.date, m.subject, m.head
     FROM entry e JOIN message m ON m.num = e.message WHERE e.row = ?`,
    row,
  );
  if (entry === undefined || entry.told === 0 || entry.same_as !== null || isStillThere(db, entry)) return;
  const { from, to } = JSON.parse(entry.head) as Head;
  db.run(
    `INSERT INTO gone (row, id, mailbox, conversation, received_at, direction, hash, message_id, date, subject, head)
     SELECT e.row, e.id, e.mailbox, e.conversation, e.received_at, e.direction, m.hash, m.message_id, m.date, m.subject, ?
     FROM entry e JOIN message m ON m.num = e.message WHERE e.row = ?`,
    JSON.stringify({ from, to }),
    row,
  );
  db.run(
    `INSERT INTO gone_correspondent (correspondent, mailbox, direction, at, gone)
     SELECT correspondent, mailbox, direction, at, entry FROM entry_correspondent WHERE entry = ?`,
    row,
  );
}

function isStillThere(db: Db, entry: Entry): boolean {
  if (db.get('SELECT 1 FROM entry WHERE same_as = ?', entry.row) !== undefined) return true;
  if (entry.message_id === null) return false;
  const others = db.all<Pick<Entry, 'date' | 'subject' | 'head'>>(
    `SELECT m.date, m.subject, m.head FROM message m CROSS JOIN entry e ON e.message = m.num AND e.mailbox = ?
     WHERE m.message_id = ? AND m.date IS ? AND e.row <> ? AND e.direction = ? AND e.told = 1 AND e.unplaced_at IS NULL LIMIT ?`,
    entry.mailbox,
    entry.message_id,
    entry.date,
    entry.row,
    entry.direction,
    mostAlike,
  );
  return others.some((other) => sameHeading(headingOf(entry), headingOf(other)));
}

/** Of one conversation, newest first, before a row. */
export const goneIn = (db: Db, conversation: number, before: number, limit: number): GoneRow[] =>
  db
    .all<Omit<GoneRow, 'from' | 'to'> & { head: string }>(
      `SELECT row, id, received_at AS receivedAt, direction, subject, head FROM gone
       WHERE conversation = ? AND row < ? ORDER BY row DESC LIMIT ?`,
      conversation,
      before,
      limit,
    )
    .map(({ head, ...rest }) => ({ ...rest, ...(JSON.parse(head) as Head) }));

export type Gone = { row: number; id: EntryId; conversation: number; direction: Direction; isSame: boolean };

/** Rows that a mail is, which comes (back) in; of the same octets, or by its heading. */
export function goneAs(db: Db, mailbox: MailboxId, hash: Uint8Array, message: Heading): Gone[] {
  type Found = Omit<Gone, 'isSame'> & Pick<Entry, 'date' | 'subject' | 'head'> & { isSame: number };
  return db
    .all<Found>(
      `SELECT row, id, conversation, direction, date, subject, head, hash = ? AS isSame FROM gone
       WHERE mailbox = ? AND (hash = ? OR (message_id = ? AND date IS ?)) ORDER BY isSame DESC LIMIT ?`,
      hash,
      mailbox,
      hash,
      message.messageId,
      message.date,
      mostAlike,
    )
    .filter((one) => one.isSame === 1 || sameHeading(headingOf(one), message))
    .map(({ row, id, conversation, direction, isSame }) => ({ row, id, conversation, direction, isSame: isSame === 1 }));
}

export function forgetGone(db: Db, rows: readonly Gone[]): void {
  for (const { row } of rows) db.run('DELETE FROM gone WHERE row = ?', row);
}
