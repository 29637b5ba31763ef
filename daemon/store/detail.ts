/** One conversation, one entry, and which mailbox an id from the wire belongs to. */
import type { Address, Attachment } from '../mail/message.ts';
import type { PackPlace } from './packs.ts';
import { rowOf } from './panel.ts';
import type { Db } from './sqlite.ts';
import type {
  ConversationDetail,
  ConversationId,
  EntryId,
  EntryRow,
  FolderRole,
  Hash,
  MailboxId,
  NoteRow,
  PersonId,
  Seen,
} from './types.ts';
import { resolve } from './verbs.ts';

/** null also when it is not in `seen.mailbox`: foreign and missing look alike. Entries oldest first, whatever folder they are in. */
export function conversationDetail(db: Db, id: ConversationId, person: PersonId, seen: Seen): ConversationDetail | null {
  const num = resolve(db, id);
  const row = num === null ? null : rowOf(db, num, person, new Map([[seen.mailbox, seen]]));
  if (num === null || row === null) return null;
  const entries = db.all<Row>(`${selectEntry} WHERE e.conversation = ? AND e.same_as IS NULL ORDER BY e.row`, num);
  const notes = db.all<NoteRow>('SELECT id, author, at, text FROM note WHERE conversation = ? ORDER BY at, id', num);
  return { row, entries: entries.map((entry) => toEntry(db, entry)), notes };
}

export function entryRow(db: Db, id: EntryId): EntryRow | null {
  const row = db.get<Row>(`${selectEntry} WHERE e.id = ?`, id);
  return row === undefined ? null : toEntry(db, row);
}

type Row = Omit<EntryRow, 'inReplyTo' | 'references' | 'from' | 'replyTo' | 'to' | 'cc' | 'attachments' | 'placements' | 'automatic'> & {
  row: number;
  head: string;
  automatic: number;
};

/** Written by `ingest.ts`. */
type Head = {
  from: Address[];
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  inReplyTo: string[];
  references: string[];
  attachments: Attachment[];
};

const selectEntry = `SELECT e.row, e.id, c.id AS conversation, e.mailbox, lower(hex(m.hash)) AS hash, m.message_id AS messageId,
  coalesce(m.date, e.received_at) AS date, e.received_at AS receivedAt, m.subject, e.direction, e.automatic, e.author, m.size AS sizeOctets, m.head,
  (SELECT o.id FROM outbox o WHERE o.id = e.outbox AND o.state <> 'accepted') AS outbox
  FROM entry e JOIN message m ON m.num = e.message JOIN conversation c ON c.num = e.conversation`;

function toEntry(db: Db, { row, head, automatic, ...rest }: Row): EntryRow {
  const { from, replyTo, to, cc, inReplyTo, references, attachments } = JSON.parse(head) as Head;
  const placements = db.all<{ folder: number; path: string; role: FolderRole; uidValidity: number; uid: number; flags: string }>(
    `SELECT p.folder, f.path, f.role, p.uid_validity AS uidValidity, p.uid, p.flags FROM placement p JOIN folder f ON f.id = p.folder
     WHERE p.entry IN (SELECT row FROM entry WHERE row = ? OR same_as = ?) ORDER BY p.folder, p.uid`,
    row,
    row,
  );
  return {
    ...rest,
    inReplyTo,
    references,
    from,
    replyTo,
    to,
    cc,
    attachments,
    automatic: automatic === 1,
    placements: placements.map((at) => ({ ...at, flags: at.flags === '' ? [] : at.flags.split(' ') })),
  };
}

export function mailboxOf(db: Db, kind: 'conversation' | 'message' | 'outbox', id: string): MailboxId | null {
  const table = { conversation: 'conversation', message: 'entry', outbox: 'outbox' }[kind];
  return db.get<{ mailbox: MailboxId }>(`SELECT mailbox FROM ${table} WHERE id = ?`, id)?.mailbox ?? null;
}

export const countMessages = (db: Db, mailbox: MailboxId): number =>
  db.get<{ n: number }>('SELECT count(*) AS n FROM entry WHERE mailbox = ? AND same_as IS NULL', mailbox)?.n ?? 0;

export const placeOf = (db: Db, hash: Hash): PackPlace | null =>
  db.get<PackPlace>('SELECT pack, offset, stored, size, codec FROM message WHERE hash = ?', Buffer.from(hash, 'hex')) ?? null;

/** The first and the last record of each pack: enough to tell a pack that is gone, cut or unreadable without reading all of them. */
export const packEnds = (db: Db): (PackPlace & { hash: Hash })[] =>
  db.all(
    `SELECT pack, offset, stored, size, codec, lower(hex(hash)) AS hash FROM message
     WHERE (pack, offset) IN (SELECT pack, min(offset) FROM message GROUP BY pack UNION SELECT pack, max(offset) FROM message GROUP BY pack)
     ORDER BY pack, offset`,
  );
