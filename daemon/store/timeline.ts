/**
 * Timelines: what happened in a mailbox, a conversation, or with a contact, newest first. Two sources are merged by time:
 *
 * - mails as the mailbox has them (`entry`), at their receipt, and who and what of those that are no longer on the server (`gone.ts`),
 *   numbered in one row. They are not copied into the journal: mail is imported in any order and backwards, is merged into other
 *   conversations, is deleted on the server. Read from where it lies, a timeline is right after all of that, and an import writes
 *   nothing twice.
 * - the journal (`activity`), append-only: what was done by people, by the outbox, and by mail that arrived while the daemon ran. It names
 *   conversations by the id they had; one that was merged since is read under the id that lives on, so the history of both is whole.
 *   Its record of who queued a mail is for the audit; here the mail itself shows, with its author.
 *
 * A page is found in two steps, as in `panel.ts`: keys from one covering index for each mailbox, kind and source, each at most a page
 * long; then whole rows for the page alone. At the same millisecond the journal comes after the mail: mail is its cause.
 * A cursor names the last row by its id, never by numbers that would count what others do. (It may name a record of the mailbox that is not
 * the contact's: an id that opens nothing.)
 */
import { PostroomError } from '../../protocol/errors.ts';
import { type Address, addressKey } from '../mail/address-list.ts';
import type { Db } from './sqlite.ts';
import { correspondentOf } from './timeline-index.ts';
import type {
  ActivityKind,
  ConversationId,
  Direction,
  MailboxId,
  Millis,
  OutboxId,
  OutboxState,
  PersonId,
  Rows,
  TimelineQuery,
  TimelineRow,
  WorkState,
} from './types.ts';
import { resolve } from './verbs.ts';
import { assigneeOf } from './work.ts';

type Source = 'mail' | 'journal';
/** `n`: row of an entry or of a mail that is gone, or number in the journal. */
type Key = { source: Source; at: Millis; n: number };
/** What to look for in one source: strictly before `(at, n)`, not before `since`. */
type Range = { at: Millis; n: number; since: Millis; limit: number };

const shownRecipients = 20;
const shownText = 500;
/** A contact's conversations are looked through one by one up to this many mails; beyond, the mailbox's journal is. */
const fewMails = 200;
/** So many records are looked at for one page: it may be short, or empty, and its cursor goes on from there. */
const looked = 400;

export function timeline(db: Db, query: TimelineQuery): Rows<TimelineRow> {
  const { scope, kinds, limit } = query;
  const after = readCursor(db, query);
  const rangeOf = (source: Source): Range => ({
    ...boundOf(after, source),
    since: query.since ?? Number.MIN_SAFE_INTEGER,
    limit: limit + 1,
  });
  const directions = (['in', 'out'] as const).filter((direction) => kinds.includes(`mail-${direction}`));
  const done = kinds.filter((kind) => kind !== 'mail-in' && kind !== 'mail-out');
  const sources = { mail: rangeOf('mail'), journal: rangeOf('journal') };

  const { keys, until } = ((): Looked => {
    switch (scope.kind) {
      case 'mailbox':
        return { keys: ofMailbox(db, scope.mailbox, directions, done, sources), until: null };
      case 'conversation':
        return { keys: ofConversation(db, scope.conversation, directions, done, sources), until: null };
      case 'contact':
        return ofContact(db, scope.address, scope.mailboxes, directions, done, sources);
      default:
        return scope satisfies never;
    }
  })();

  // Beyond where the journal was looked through, mails of the same time would hide what was done.
  const known = keys.sort(newestFirst).filter((key) => until === null || newestFirst(key, until) <= 0);
  const shown = known.slice(0, limit);
  const rows = shown.flatMap(({ source, n }) => (source === 'mail' ? mailRow(db, n) : journalRow(db, n)) ?? []);
  const last = known.length > limit ? shown.at(-1) : until;
  return { rows, next: last === null || last === undefined ? null : writeCursor(db, query, last) };
}

/** What was found; `until`: a record up to which the journal was looked through, and not beyond. */
type Looked = { keys: Key[]; until: Key | null };

const rank = { mail: 0, journal: 1 } as const;
const newestFirst = (a: Key, b: Key): number => b.at - a.at || rank[b.source] - rank[a.source] || b.n - a.n;

/** Where a source goes on after a row that may be the other's. */
function boundOf(after: Key | null, source: Source): { at: Millis; n: number } {
  if (after === null) return { at: Number.MAX_SAFE_INTEGER, n: 0 };
  if (after.source === source) return { at: after.at, n: after.n };
  return { at: after.at, n: rank[source] < rank[after.source] ? Number.MAX_SAFE_INTEGER : -1 };
}

type Sources = { mail: Range; journal: Range };
type Done = Exclude<ActivityKind, 'mail-in' | 'mail-out'>;
type Found = { at: Millis; n: number };
const from =
  (source: Source) =>
  ({ at, n }: Found): Key => ({ source, at, n });

// --- keys ----------------------------------------------------------------------------------------------------------

function ofMailbox(db: Db, mailbox: MailboxId, directions: readonly Direction[], done: readonly Done[], { mail, journal }: Sources): Key[] {
  const mails = directions.flatMap((direction) =>
    ['entry WHERE told = 1 AND same_as IS NULL', 'gone WHERE true'].flatMap((which) =>
      db.all<Found>(
        `SELECT received_at AS at, row AS n FROM ${which} AND mailbox = ? AND direction = ?
         AND (received_at, row) < (?, ?) AND received_at >= ? ORDER BY received_at DESC, row DESC LIMIT ?`,
        mailbox,
        direction,
        mail.at,
        mail.n,
        mail.since,
        mail.limit,
      ),
    ),
  );
  const records = done.flatMap((kind) =>
    db.all<Found>(
      `SELECT at, seq AS n FROM activity WHERE mailbox = ? AND kind = ? AND (at, seq) < (?, ?) AND at >= ?
       ORDER BY at DESC, seq DESC LIMIT ?`,
      mailbox,
      kind,
      journal.at,
      journal.n,
      journal.since,
      journal.limit,
    ),
  );
  return [...mails.map(from('mail')), ...records.map(from('journal'))];
}

function ofConversation(
  db: Db,
  id: ConversationId,
  directions: readonly Direction[],
  done: readonly Done[],
  { mail, journal }: Sources,
): Key[] {
  const num = resolve(db, id);
  if (num === null) return [];
  const mails = ['entry WHERE told = 1 AND same_as IS NULL', 'gone WHERE true'].flatMap((which) =>
    db.all<Found>(
      `SELECT received_at AS at, row AS n FROM ${which} AND conversation = ?
       AND direction IN (SELECT value FROM json_each(?)) AND (received_at, row) < (?, ?) AND received_at >= ?
       ORDER BY received_at DESC, row DESC LIMIT ?`,
      num,
      JSON.stringify(directions),
      mail.at,
      mail.n,
      mail.since,
      mail.limit,
    ),
  );
  return [...mails.map(from('mail')), ...recordsOf(db, 'VALUES (?)', [num], done, journal).map(from('journal'))];
}

/** The journal of some conversations; `nums` is SQL that gives them. */
function recordsOf(db: Db, nums: string, values: readonly (number | string)[], done: readonly Done[], journal: Range): Found[] {
  return db.all<Found>(
    `WITH living (num) AS (${nums}),
       ids (id) AS (SELECT c.id FROM living CROSS JOIN conversation c ON c.num = living.num
         UNION ALL SELECT c.id FROM living CROSS JOIN conversation c ON c.merged_into = living.num)
     SELECT a.at, a.seq AS n FROM ids CROSS JOIN activity a ON a.conversation = ids.id
     WHERE a.kind IN (SELECT value FROM json_each(?)) AND (a.at, a.seq) < (?, ?) AND a.at >= ? ORDER BY a.at DESC, a.seq DESC LIMIT ?`,
    ...values,
    JSON.stringify(done),
    journal.at,
    journal.n,
    journal.since,
    journal.limit,
  );
}

/** Mails to and from an address, and what was done with the conversations that they are in. */
function ofContact(
  db: Db,
  address: string,
  mailboxes: readonly MailboxId[],
  directions: readonly Direction[],
  done: readonly Done[],
  { mail, journal }: Sources,
): Looked {
  const contact = correspondentOf(db, address);
  if (contact === null) return { keys: [], until: null };
  const keys: Key[] = [];
  let until: Key | null = null;
  for (const mailbox of mailboxes) {
    const mails = directions.flatMap((direction) => withContact(db, contact, mailbox, direction, mail));
    keys.push(...mails.map(from('mail')));
    const mine = [contact, mailbox, contact, mailbox];
    const many = db.get<{ n: number }>(`SELECT count(*) AS n FROM (${conversationsWith} LIMIT ?)`, ...mine, fewMails + 1)?.n ?? 0;
    if (many <= fewMails) {
      const nums = `SELECT DISTINCT conversation FROM (${conversationsWith})`;
      keys.push(...recordsOf(db, nums, mine, done, journal).map(from('journal')));
      continue;
    }
    // Who wrote so often mostly fills a page with mails: of what was done only the time since the last of them is looked through.
    const floor = mails.map(({ at }) => at).sort((a, b) => b - a)[mail.limit - 1] ?? journal.since;
    const range = { ...journal, since: Math.max(journal.since, floor), limit: Math.ceil(looked / (done.length * mailboxes.length)) };
    for (const kind of done) {
      const records = recordsWith(db, contact, mailbox, kind, range);
      keys.push(...records.filter(({ with: isWith }) => isWith === 1).map(from('journal')));
      const last = records.length === range.limit ? records.at(-1) : undefined;
      if (last !== undefined && (until === null || newestFirst(from('journal')(last), until) < 0)) until = from('journal')(last);
    }
  }
  return { keys, until };
}

const withContact = (db: Db, contact: number, mailbox: MailboxId, direction: Direction, { at, n, since, limit }: Range): Found[] =>
  [
    `SELECT x.at, x.entry AS n FROM entry_correspondent x CROSS JOIN entry e ON e.row = x.entry
     WHERE x.correspondent = ? AND x.mailbox = ? AND x.direction = ? AND (x.at, x.entry) < (?, ?) AND x.at >= ?
       AND e.told = 1 AND e.same_as IS NULL ORDER BY x.at DESC, x.entry DESC LIMIT ?`,
    `SELECT at, gone AS n FROM gone_correspondent WHERE correspondent = ? AND mailbox = ? AND direction = ? AND (at, gone) < (?, ?)
       AND at >= ? ORDER BY at DESC, gone DESC LIMIT ?`,
  ].flatMap((sql) => db.all<Found>(sql, contact, mailbox, direction, at, n, since, limit));

/** The conversation of each mail that was exchanged; contact and mailbox stand in it twice. */
const conversationsWith = `SELECT e.conversation FROM entry_correspondent x CROSS JOIN entry e ON e.row = x.entry
    WHERE x.correspondent = ? AND x.mailbox = ? AND e.told = 1
  UNION ALL SELECT g.conversation FROM gone_correspondent x CROSS JOIN gone g ON g.row = x.gone WHERE x.correspondent = ? AND x.mailbox = ?`;

/** The next records of a mailbox, and which of them are about a conversation with the contact. */
const recordsWith = (
  db: Db,
  contact: number,
  mailbox: MailboxId,
  kind: Done,
  { at, n, since, limit }: Range,
): (Found & { with: number })[] =>
  db.all(
    `SELECT a.at, a.seq AS n, EXISTS (SELECT 1 FROM conversation c CROSS JOIN entry e ON e.conversation = coalesce(c.merged_into, c.num)
         CROSS JOIN entry_correspondent x ON x.entry = e.row AND x.correspondent = ? WHERE c.id = a.conversation AND e.told = 1)
       OR EXISTS (SELECT 1 FROM conversation c CROSS JOIN gone g ON g.conversation = coalesce(c.merged_into, c.num)
         CROSS JOIN gone_correspondent x ON x.gone = g.row AND x.correspondent = ? WHERE c.id = a.conversation) AS "with"
     FROM activity a WHERE a.mailbox = ? AND a.kind = ? AND (a.at, a.seq) < (?, ?) AND a.at >= ? ORDER BY a.at DESC, a.seq DESC LIMIT ?`,
    contact,
    contact,
    mailbox,
    kind,
    at,
    n,
    since,
    limit,
  );

// --- rows ----------------------------------------------------------------------------------------------------------

type Head = { from: Address[]; to: Address[] };
const peopleOf = (head: string | null): { from: Address | null; to: Address[] } => {
  if (head === null) return { from: null, to: [] };
  const { from: authors, to } = JSON.parse(head) as Head;
  return { from: authors[0] ?? null, to: to.slice(0, shownRecipients) };
};

function mailRow(db: Db, row: number): TimelineRow | null {
  const mail = db.get<{
    id: string;
    at: Millis;
    mailbox: MailboxId;
    conversation: ConversationId;
    revision: number;
    direction: Direction;
    actor: PersonId | null;
    subject: string;
    snippet: string;
    head: string;
    outbox: OutboxId | null;
    state: OutboxState | null;
  }>(
    `SELECT e.id, e.received_at AS at, e.mailbox, c.id AS conversation, c.revision, e.direction, e.author AS actor, m.subject, m.snippet,
       m.head, o.id AS outbox, o.state
     FROM entry e JOIN message m ON m.num = e.message JOIN conversation c ON c.num = e.conversation LEFT JOIN outbox o ON o.id = e.outbox
     WHERE e.row = ?`,
    row,
  );
  if (mail === undefined) return goneRow(db, row);
  const { direction, snippet, head, outbox, state, ...rest } = mail;
  return {
    ...rest,
    gone: false,
    ...peopleOf(head),
    kind: `mail-${direction}`,
    summary: snippet,
    message: mail.id,
    outbox: outbox === null || state === null ? null : { id: outbox, state },
    assigned: null,
    state: null,
  };
}

function goneRow(db: Db, row: number): TimelineRow | null {
  const mail = db.get<{
    id: string;
    at: Millis;
    mailbox: MailboxId;
    conversation: ConversationId;
    revision: number;
    direction: Direction;
    subject: string;
    head: string;
  }>(
    `SELECT g.id, g.received_at AS at, g.mailbox, c.id AS conversation, c.revision, g.direction, g.subject, g.head
     FROM gone g JOIN conversation c ON c.num = g.conversation WHERE g.row = ?`,
    row,
  );
  if (mail === undefined) return null;
  const { direction, head, ...rest } = mail;
  return {
    ...rest,
    ...peopleOf(head),
    gone: true,
    kind: `mail-${direction}`,
    actor: null,
    summary: '',
    message: null,
    outbox: null,
    assigned: null,
    state: null,
  };
}

/** What the store itself writes; the directory has its own. */
type Details = { note?: string; outbox?: OutboxId; before?: string; after?: string };

function journalRow(db: Db, seq: number): TimelineRow | null {
  const it = db.get<{
    id: string;
    at: Millis;
    kind: ActivityKind;
    mailbox: MailboxId;
    conversation: ConversationId | null;
    revision: number | null;
    actor: PersonId | null;
    subject: string | null;
    summary: string;
    details: string;
  }>(
    `SELECT a.id, a.at, a.kind, a.mailbox, s.id AS conversation, s.revision, a.actor, s.subject, a.summary, a.details
     FROM activity a LEFT JOIN conversation c ON c.id = a.conversation LEFT JOIN conversation s ON s.num = coalesce(c.merged_into, c.num)
     WHERE a.seq = ?`,
    seq,
  );
  if (it === undefined) return null;
  const { details: text, ...rest } = it;
  const row: TimelineRow = {
    ...rest,
    gone: false,
    subject: it.subject ?? '',
    from: null,
    to: [],
    message: null,
    outbox: null,
    assigned: null,
    state: null,
  };
  const details = JSON.parse(text) as Details;
  switch (it.kind) {
    case 'note':
      return { ...row, summary: noteText(db, details.note ?? '') ?? it.summary };
    case 'assign':
      return { ...row, assigned: { before: assigneeOf(details.before ?? ''), after: assigneeOf(details.after ?? '') } };
    case 'state':
      return { ...row, state: details.after as WorkState };
    case 'delivery':
      return { ...row, ...sent(db, details.outbox ?? '') };
    default:
      return row;
  }
}

const noteText = (db: Db, note: string): string | null =>
  db.get<{ text: string }>('SELECT substr(text, 1, ?) AS text FROM note WHERE id = ?', shownText, note)?.text ?? null;

/** The mail that a delivery is about. Its recipients are those that its headers name: who was in Bcc is not for everybody. */
function sent(db: Db, outbox: OutboxId): Partial<TimelineRow> {
  const mail = db.get<{ state: OutboxState; subject: string; head: string; message: string | null }>(
    `SELECT o.state, o.subject, m.head, e.id AS message FROM outbox o JOIN message m ON m.num = o.message LEFT JOIN entry e ON e.id = o.entry
     WHERE o.id = ?`,
    outbox,
  );
  if (mail === undefined) return {};
  const { state, subject, head, message } = mail;
  return { ...peopleOf(head), subject, message, outbox: { id: outbox, state } };
}

// --- cursors -------------------------------------------------------------------------------------------------------

/** Names the timeline: a cursor of another is refused, not misread. */
function tagOf({ scope }: TimelineQuery): string {
  const of = scope.kind === 'mailbox' ? scope.mailbox : scope.kind === 'conversation' ? scope.conversation : addressKey(scope.address);
  return `${scope.kind} ${of}`;
}

function writeCursor(db: Db, query: TimelineQuery, { source, at, n }: Key): string {
  const idOf = (table: string, number: string) => db.get<{ id: string }>(`SELECT id FROM ${table} WHERE ${number} = ?`, n)?.id;
  const id = (source === 'mail' ? (idOf('entry', 'row') ?? idOf('gone', 'row')) : idOf('activity', 'seq')) ?? '';
  return Buffer.from(JSON.stringify([tagOf(query), at, id])).toString('base64url');
}

function readCursor(db: Db, query: TimelineQuery): Key | null {
  if (query.cursor === null) return null;
  const refused = new PostroomError('invalid', 'This cursor does not belong to this timeline. Begin again without one.');
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(query.cursor, 'base64url').toString('utf8'));
  } catch {
    throw refused;
  }
  if (!Array.isArray(parsed)) throw refused;
  const [tag, at, id] = parsed as unknown[];
  if (tag !== tagOf(query) || typeof at !== 'number' || typeof id !== 'string') throw refused;
  const record = db.get<{ n: number }>('SELECT seq AS n FROM activity WHERE id = ? AND at = ?', id, at);
  if (record !== undefined) return { source: 'journal', at, n: record.n };
  // One that no timeline tells any more leaves its time: others of the same moment may show again.
  const mail = db.get<{ n: number }>(
    'SELECT row AS n FROM entry WHERE id = ? AND received_at = ? UNION ALL SELECT row FROM gone WHERE id = ? AND received_at = ?',
    ...[id, at, id, at],
  );
  return { source: 'mail', at, n: mail?.n ?? Number.MAX_SAFE_INTEGER };
}
