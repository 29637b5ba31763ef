/**
 * The full-text index, as the writer keeps it. Invariants (check.ts): each entry and each note has its row, under its own row number
 * and with the token of its mailbox; there is no other. Mail from before the index is taken in by `takeInOlder`.
 *
 * Rows go in ascending within a transaction: at every step back FTS5 would write out what it has gathered.
 */
import { foldForIndex } from '../mail/fold.ts';
import { type Message, readMessage } from '../mail/message.ts';
import { scopeToken } from '../mail/query.ts';
import { type PackPlace, readPackNow } from './packs.ts';
import type { Db } from './sqlite.ts';
import type { Hash, MailboxId } from './types.ts';
import type { Writing } from './work.ts';

/** One row to come. */
export type TextRow = { row: number; mailbox: MailboxId } & ({ mail: Searchable } | { note: string });
type Searchable = Pick<Message, 'subject' | 'from' | 'replyTo' | 'to' | 'cc' | 'text' | 'attachments'>;

const sliceRows = 96;

/** Takes rows in, in the order that FTS5 likes. */
export function addText(db: Db, rows: TextRow[]): void {
  for (const it of rows.sort((a, b) => a.row - b.row)) {
    const people = (list: Message['from']): string => foldForIndex(list.map(({ name, address }) => `${name ?? ''} ${address}`).join(' , '));
    const columns =
      'note' in it
        ? ['', '', '', '', '', '', foldForIndex(it.note)]
        : [
            foldForIndex(it.mail.subject),
            // A form writes from our own address: who it is about stands in Reply-To.
            people([...it.mail.from, ...it.mail.replyTo]),
            people(it.mail.to),
            people(it.mail.cc),
            foldForIndex(it.mail.text),
            foldForIndex(it.mail.attachments.map(({ filename }) => filename).join(' , ')),
            '',
          ];
    db.run(
      'INSERT INTO mail_text (rowid, mailbox, subject, sender, recipients, copies, body, files, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      it.row,
      scopeToken(it.mailbox),
      ...columns,
    );
  }
}

export const hasBacklog = (db: Db): boolean => db.get('SELECT 1 FROM text_backlog') !== undefined;

type Older = PackPlace & {
  row: number;
  mailbox: MailboxId;
  note: string | null;
  hash: Hash;
  subject: string;
  head: string;
  snippet: string;
};

/**
 * Takes in what was there before the index, newest first, one slice for each step. How far it came is written with each slice, so it
 * goes on where it stopped, whatever stopped it.
 */
export function* takeInOlder({ db, packs }: Pick<Writing, 'db' | 'packs'>): Generator<void, void> {
  for (;;) {
    const below = db.get<{ below: number }>('SELECT below FROM text_backlog')?.below;
    if (below === undefined) return;
    const rows = db.all<{ row: number }>(
      `SELECT row FROM (SELECT row FROM entry WHERE row < ? UNION ALL SELECT row FROM note WHERE row < ?) ORDER BY row DESC LIMIT ?`,
      below,
      below,
      sliceRows,
    );
    const last = rows.at(-1);
    if (last === undefined) {
      db.run('DELETE FROM text_backlog');
      return;
    }
    addText(
      db,
      rows
        .filter(({ row }) => db.get('SELECT 1 FROM mail_text WHERE rowid = ?', row) === undefined)
        .flatMap(({ row }) => older(db, packs.dir, row)),
    );
    db.run('UPDATE text_backlog SET below = ?', last.row);
    yield;
  }
}

function older(db: Db, packsDir: string, row: number): TextRow[] {
  const note = db.get<{ text: string; mailbox: MailboxId }>(
    'SELECT n.text, c.mailbox FROM note n JOIN conversation c ON c.num = n.conversation WHERE n.row = ?',
    row,
  );
  if (note !== undefined) return [{ row, mailbox: note.mailbox, note: note.text }];
  const entry = db.get<Older>(
    `SELECT e.mailbox, lower(hex(m.hash)) AS hash, m.pack, m.offset, m.stored, m.size, m.codec, m.subject, m.head, m.snippet
     FROM entry e JOIN message m ON m.num = e.message WHERE e.row = ?`,
    row,
  );
  if (entry === undefined) return [];
  const octets = readPackNow(packsDir, entry, entry.hash);
  // A damaged pack (`check` names it) keeps nobody from finding the mail by what its row says.
  const mail =
    octets === null ? { ...(JSON.parse(entry.head) as Searchable), subject: entry.subject, text: entry.snippet } : readMessage(octets);
  return [{ row, mailbox: entry.mailbox, mail }];
}
