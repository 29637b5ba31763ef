/** One conversation, one entry, and which mailbox an id from the wire belongs to. */
import type { Address, Attachment } from '../mail/message.ts';
import type { Report } from '../mail/report.ts';
import { goneIn } from './gone.ts';
import type { PackPlace } from './packs.ts';
import { readCursor, rowOf, writeCursor } from './panel.ts';
import type { Db } from './sqlite.ts';
import { correspondentOf } from './timeline-index.ts';
import type {
  ConversationDetail,
  ConversationId,
  Earlier,
  EntryId,
  EntryRow,
  Hash,
  MailboxId,
  NoteRow,
  Part,
  PersonId,
  Placement,
  Seen,
  SeenPlaces,
} from './types.ts';
import { resolve } from './verbs.ts';
import { type Writing, workOf } from './work.ts';

/**
 * null also when it is not in `seen.mailbox`: foreign and missing look alike. Anybody may add mails to a thread by naming it, so however
 * long it has grown, what is read here is as much as `part` says.
 */
export function conversationDetail(db: Db, id: ConversationId, person: PersonId, seen: Seen, part: Part): ConversationDetail | null {
  const num = resolve(db, id);
  const row = num === null ? null : rowOf(db, num, person, new Map([[seen.mailbox, seen]]));
  if (num === null || row === null) return null;
  if ('message' in part) {
    const entries = db.all<Row>(`${selectEntry} WHERE e.conversation = ? AND e.same_as IS NULL AND e.id = ?`, num, part.message);
    return { row, entries: entries.map((entry) => toEntry(db, entry)), notes: [], gone: [], earlier: null };
  }
  const before = readCursor(part.before ?? null, earlierTag)?.key ?? Number.MAX_SAFE_INTEGER;
  // One more of each than fits tells whether there is more.
  const entries = db.all<Row>(
    `${selectEntry} WHERE e.conversation = ? AND e.same_as IS NULL AND ${notOnlyDraft} AND e.row < ? ORDER BY e.row DESC LIMIT ?`,
    num,
    before,
    part.limit + 1,
  );
  const notes = db.all<NoteRow>(
    'SELECT row, id, author, at, text FROM note WHERE conversation = ? AND row < ? ORDER BY at DESC, row DESC LIMIT ?',
    num,
    before,
    part.limit + 1,
  );
  const history = part.history === true;
  const gone = history ? goneIn(db, num, before, part.limit + 1) : [];
  const rows = [...entries, ...notes, ...gone].map((item) => item.row).sort((a, b) => b - a);
  const oldest = rows[part.limit - 1] ?? 0;
  const within = (item: { row: number }) => item.row >= oldest;
  return {
    row,
    entries: entries
      .filter(within)
      .reverse()
      .map((entry) => toEntry(db, entry)),
    notes: notes.filter(within).reverse(),
    gone: gone.filter(within).reverse(),
    earlier: rows.length > part.limit ? earlierThan(db, id, oldest, history) : null,
  };
}

const earlierTag = 'earlier';

export function earlierThan(db: Db, id: ConversationId, row: number, history: boolean): Earlier | null {
  const num = resolve(db, id);
  const count = db.get<{ messages: number; notes: number }>(
    `SELECT (SELECT count(*) FROM entry e WHERE e.conversation = ? AND e.row < ? AND e.same_as IS NULL AND ${notOnlyDraft})
       + ${history ? '(SELECT count(*) FROM gone WHERE conversation = ? AND row < ?)' : '0'} AS messages,
     (SELECT count(*) FROM note WHERE conversation = ? AND row < ?) AS notes`,
    ...[num, row],
    ...(history ? [num, row] : []),
    ...[num, row],
  );
  if (num === null || count === undefined || count.messages + count.notes === 0) return null;
  return { ...count, cursor: writeCursor(earlierTag, { key: row, num: 0 }) };
}

export function placed(db: Db, id: ConversationId): { entry: EntryId; placement: Placement }[] {
  const rows = db.all<PlacementRow & { entry: EntryId }>(
    `SELECT coalesce(o.id, e.id) AS entry, ${placementColumns}
     FROM entry e LEFT JOIN entry o ON o.row = e.same_as JOIN placement p ON p.entry = e.row JOIN folder f ON f.id = p.folder
     WHERE e.conversation = ? ORDER BY coalesce(e.same_as, e.row), p.folder, p.uid`,
    resolve(db, id),
  );
  return rows.map(({ entry, ...at }) => ({ entry, placement: toPlacement(at) }));
}

/** The same, compared where one verb comes after the other: nothing that came in after `ifRevision` is among them. */
export function seenPlaces({ db }: Pick<Writing, 'db'>, id: ConversationId, ifRevision: number | null): SeenPlaces | null {
  const num = resolve(db, id);
  if (num === null) return null;
  const { revision } = workOf(db, num);
  return ifRevision !== null && ifRevision !== revision ? { ok: false } : { ok: true, placed: placed(db, id) };
}

export function answerable(db: Db, id: ConversationId): EntryRow | null {
  const num = resolve(db, id);
  const newest = (which: string): Row | undefined =>
    db.get<Row>(`${selectEntry} WHERE e.conversation = ? AND e.same_as IS NULL AND ${which} ORDER BY e.row DESC LIMIT 1`, num);
  // People before machines: an answer in a thread that a mailer-daemon wrote to last is for the correspondent.
  const row =
    newest("e.direction = 'in' AND e.automatic = 0 AND e.bounced = 0") ??
    newest(`e.direction = 'out' AND ${notOnlyDraft}`) ??
    newest("e.direction = 'in'") ??
    newest(notOnlyDraft);
  return row === undefined ? null : toEntry(db, row);
}

export function entryRow(db: Db, id: EntryId): EntryRow | null {
  const row = db.get<Row>(`${selectEntry} WHERE e.id = ?`, id);
  return row === undefined ? null : toEntry(db, row);
}

type Row = Omit<
  EntryRow,
  'inReplyTo' | 'references' | 'from' | 'replyTo' | 'to' | 'cc' | 'attachments' | 'placements' | 'automatic' | 'report' | 'marks'
> & {
  head: string;
  automatic: number;
  claims: number;
  bySubject: number;
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
  /** Missing on all but reports. */
  report?: Report['kind'];
};

const selectEntry = `SELECT e.row, e.id, c.id AS conversation, e.mailbox, lower(hex(m.hash)) AS hash, m.message_id AS messageId,
  coalesce(m.date, e.received_at) AS date, e.received_at AS receivedAt, m.subject, e.direction, e.automatic, e.author, e.claims,
  e.by_subject AS bySubject, m.size AS sizeOctets, m.head,
  (SELECT o.id FROM outbox o WHERE o.id = e.outbox AND o.state <> 'accepted') AS outbox
  FROM entry e JOIN message m ON m.num = e.message JOIN conversation c ON c.num = e.conversation`;

/** Somebody's draft in another client is not part of the conversation until it is sent. What is counted is no draft: mostly this is cheap. */
const notOnlyDraft = `(e.counted = 1 OR coalesce((SELECT max(f.role IS NOT 'drafts') FROM placement p JOIN folder f ON f.id = p.folder
  WHERE p.entry IN (SELECT row FROM entry WHERE row = e.row OR same_as = e.row)), 1))`;

type PlacementRow = Omit<Placement, 'flags'> & { flags: string };
const placementColumns = 'p.folder, f.path, f.role, p.uid_validity AS uidValidity, p.uid, p.flags';
const toPlacement = (at: PlacementRow): Placement => ({ ...at, flags: at.flags === '' ? [] : at.flags.split(' ') });

function toEntry(db: Db, { head, automatic, claims, bySubject, ...rest }: Row): EntryRow {
  const { from, replyTo, to, cc, inReplyTo, references, attachments, report = null } = JSON.parse(head) as Head;
  const placements = db.all<PlacementRow>(
    `SELECT ${placementColumns} FROM placement p JOIN folder f ON f.id = p.folder
     WHERE p.entry IN (SELECT row FROM entry WHERE row = ? OR same_as = ?) ORDER BY p.folder, p.uid`,
    rest.row,
    rest.row,
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
    automatic: automatic > 0,
    report,
    marks: [
      ...(claims === 1 ? (['claims-ours'] as const) : []),
      ...(claims === 0 && rest.direction === 'in' && isFirstOf(db, rest, from[0]) ? (['new-sender'] as const) : []),
      ...(rest.direction === 'out' && rest.author === null && !isDraft(placements) ? (['outside-postroom'] as const) : []),
      ...(bySubject === 1 ? (['by-subject'] as const) : []),
    ],
    placements: placements.map(toPlacement),
  };
}

const isDraft = (placements: readonly PlacementRow[]): boolean =>
  placements.some(({ role, flags }) => role === 'drafts' || flags.split(' ').includes('\\Draft'));

/** Nothing went between the mailbox and that address before. */
function isFirstOf(db: Db, { row, mailbox, receivedAt }: Pick<Row, 'row' | 'mailbox' | 'receivedAt'>, who: Address | undefined): boolean {
  const correspondent = correspondentOf(db, who?.address ?? '');
  if (correspondent === null) return false;
  const before = (direction: 'in' | 'out'): boolean =>
    db.get(
      `SELECT 1 FROM entry_correspondent WHERE correspondent = ? AND mailbox = ? AND direction = ? AND (at, entry) < (?, ?)
       UNION ALL SELECT 1 FROM gone_correspondent WHERE correspondent = ? AND mailbox = ? AND direction = ? AND (at, gone) < (?, ?) LIMIT 1`,
      ...[correspondent, mailbox, direction, receivedAt, row],
      ...[correspondent, mailbox, direction, receivedAt, row],
    ) !== undefined;
  return !before('in') && !before('out');
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
