/**
 * Lists of conversations. A page is found in two steps: keys from a covering index for each mailbox (and assignee), merged; then
 * whole rows for the page alone. So 50 rows cost the same among a hundred conversations and among a million.
 * Cursors hold the last row's key: a page begins after it, whatever came and went in between.
 */

import { PostroomError } from '../../protocol/errors.ts';
import type { Address } from '../mail/message.ts';
import type { Db } from './sqlite.ts';
import type {
  ConversationRow,
  Direction,
  ListQuery,
  MailboxId,
  Millis,
  PanelCounts,
  PanelQuery,
  PersonId,
  Rows,
  Seen,
  WorkState,
} from './types.ts';
import { assigneeOf, assigneeText } from './work.ts';

type Key = { key: number; num: number };

// --- pages ---------------------------------------------------------------------------------------------------------

export function panel(db: Db, query: PanelQuery): Rows<ConversationRow> {
  const { view, limit } = query;
  const tag = view === 'done' ? closedTag : view;
  const after = readCursor(query.cursor, tag);
  const assignees = view === 'mine' ? mine(query) : view === 'unassigned' ? [''] : [null];
  const keys = query.mailboxes.flatMap((seen) =>
    view === 'done' ? closedFirst(db, seen, after, limit + 1) : assignees.flatMap((who) => longestFirst(db, seen, who, after, limit + 1)),
  );
  keys.sort(view === 'done' ? descending : ascending);
  const byMailbox = new Map(query.mailboxes.map((seen) => [seen.mailbox, seen]));
  return page(keys, limit, tag, (num) => rowOf(db, num, query.person, byMailbox));
}

/** A mailbox, or one folder of it: open ones longest waiting first, done ones of a mailbox as they were closed, all others by last mail. */
export function list(db: Db, query: ListQuery): Rows<ConversationRow> {
  const { mailbox: seen, folder, state, limit } = query;
  const closed = state === 'done' && folder === null;
  const tag = closed ? closedTag : `${folder ?? ''}/${state}`;
  const after = readCursor(query.cursor, tag);
  const all: Seen = { ...seen, outgoingInPanel: true };
  const keys =
    state === 'open'
      ? longestFirst(db, all, null, after, limit + 1, folder)
      : folder !== null && (state === 'any' || state === 'done')
        ? inFolder(db, folder, state, after, limit + 1)
        : closed
          ? closedFirst(db, all, after, limit + 1)
          : lastFirst(db, all, state, after, limit + 1, folder);
  return page(keys, limit, tag, (num) => rowOf(db, num, query.person, new Map([[seen.mailbox, seen]])));
}

const ascending = (a: Key, b: Key): number => a.key - b.key || a.num - b.num;
const descending = (a: Key, b: Key): number => b.key - a.key || b.num - a.num;

const mine = ({ person, roles }: Pick<PanelQuery, 'person' | 'roles'>): string[] => [
  assigneeText({ kind: 'person', id: person }),
  ...roles.map((id) => assigneeText({ kind: 'role', id })),
];

/** 1: outgoing mail alone is enough to be shown; 2: somebody outside must have written. */
const leastShown = (seen: Seen): 1 | 2 => (seen.outgoingInPanel ? 1 : 2);

const hasPlacementIn = (folder: number | null): string =>
  folder === null
    ? ''
    : 'AND EXISTS (SELECT 1 FROM entry e JOIN placement p ON p.entry = e.row WHERE e.conversation = conversation.num AND p.folder = ?)';
const folderValues = (folder: number | null): number[] => (folder === null ? [] : [folder]);

function longestFirst(db: Db, seen: Seen, assignee: string | null, after: Key | null, limit: number, folder: number | null = null): Key[] {
  return db.all<Key>(
    `SELECT waiting_since AS key, num FROM conversation WHERE mailbox = ? AND state = 'open' ${assignee === null ? '' : 'AND assignee = ?'}
     AND shown > 0 AND shown >= ? AND (waiting_since, num) > (?, ?) ${hasPlacementIn(folder)} ORDER BY waiting_since, num LIMIT ?`,
    seen.mailbox,
    ...(assignee === null ? [] : [assignee]),
    leastShown(seen),
    after?.key ?? -1,
    after?.num ?? -1,
    ...folderValues(folder),
    limit,
  );
}

function lastFirst(db: Db, seen: Seen, state: WorkState | 'any', after: Key | null, limit: number, folder: number | null = null): Key[] {
  return db.all<Key>(
    `SELECT last_row AS key, num FROM conversation WHERE mailbox = ? ${state === 'any' ? '' : 'AND state = ?'}
     AND shown > 0 AND shown >= ? AND (last_row, num) < (?, ?) ${hasPlacementIn(folder)} ORDER BY last_row DESC, num DESC LIMIT ?`,
    seen.mailbox,
    ...(state === 'any' ? [] : [state]),
    leastShown(seen),
    after?.key ?? Number.MAX_SAFE_INTEGER,
    after?.num ?? 0,
    ...folderValues(folder),
    limit,
  );
}

/** Names what its cursors hold. */
const closedTag = 'closed';

/** What is done, closed last first. */
function closedFirst(db: Db, seen: Seen, after: Key | null, limit: number): Key[] {
  const key = after?.key ?? Number.MAX_SAFE_INTEGER;
  return db.all<Key>(
    `SELECT coalesce(decided_at, last_at) AS key, num FROM conversation WHERE mailbox = ? AND state = 'done' AND shown > 0 AND shown >= ?
     AND coalesce(decided_at, last_at) <= ? AND (coalesce(decided_at, last_at) < ? OR num < ?)
     ORDER BY coalesce(decided_at, last_at) DESC, num DESC LIMIT ?`,
    seen.mailbox,
    leastShown(seen),
    key,
    key,
    after?.num ?? 0,
    limit,
  );
}

/** Every conversation with mail in the folder, junk and drafts too, by its newest mail there. */
function inFolder(db: Db, folder: number, state: 'any' | 'done', after: Key | null, limit: number): Key[] {
  return db.all<Key>(
    `SELECT DISTINCT e.row AS key, e.conversation AS num FROM placement p JOIN entry e ON e.row = p.entry
     ${state === 'done' ? "JOIN conversation c ON c.num = e.conversation AND c.state = 'done'" : ''}
     WHERE p.folder = ? AND p.entry < ? AND NOT EXISTS (
       SELECT 1 FROM entry n JOIN placement q ON q.entry = n.row WHERE n.conversation = e.conversation AND n.row > e.row AND q.folder = p.folder)
     ORDER BY p.entry DESC LIMIT ?`,
    folder,
    after?.key ?? Number.MAX_SAFE_INTEGER,
    limit,
  );
}

function page(keys: Key[], limit: number, tag: string, toRow: (num: number) => ConversationRow | null): Rows<ConversationRow> {
  const shown = keys.slice(0, limit);
  const last = keys.length > limit ? shown.at(-1) : undefined;
  const rows = shown.flatMap(({ num }) => toRow(num) ?? []);
  return { rows, next: last === undefined ? null : writeCursor(tag, last) };
}

export const writeCursor = (tag: string, { key, num }: Key): string => Buffer.from(JSON.stringify([tag, key, num])).toString('base64url');

/** `tag` names the list: a cursor of another list is refused, not misread. */
export function readCursor(cursor: string | null, tag: string): Key | null {
  if (cursor === null) return null;
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(cursor.slice(0, 400), 'base64url').toString());
  } catch {
    read = null; // answered below, like every other cursor that is not ours
  }
  if (Array.isArray(read) && read.length === 3 && read[0] === tag && Number.isSafeInteger(read[1]) && Number.isSafeInteger(read[2])) {
    return { key: Number(read[1]), num: Number(read[2]) };
  }
  throw new PostroomError('invalid', 'This cursor does not belong to this list. Ask for the first page again.');
}

// --- one row -------------------------------------------------------------------------------------------------------

type Row = {
  id: string;
  mailbox: MailboxId;
  subject: string;
  sender: string | null;
  addressed_to: string | null;
  last_at: Millis;
  waiting_since: Millis | null;
  direction: Direction;
  messages: number;
  attachments: number;
  assignee: string;
  had: string;
  state: WorkState;
  revision: number;
  snippet: string;
  last_in_row: number;
  upto: number | null;
  starred: number;
};

/** null when it is not in one of `reach`. */
export function rowOf(db: Db, num: number, person: PersonId, reach: ReadonlyMap<MailboxId, Seen>): ConversationRow | null {
  const row = db.get<Row>(
    `SELECT id, mailbox, subject, sender, addressed_to, last_at, waiting_since, direction, messages, attachments, assignee, had, state, revision,
     snippet, last_in_row, (SELECT upto FROM read_mark WHERE person = ? AND conversation = num) AS upto,
     EXISTS (SELECT 1 FROM star WHERE person = ? AND conversation = num) AS starred FROM conversation WHERE num = ?`,
    person,
    person,
    num,
  );
  const seen = row === undefined ? undefined : reach.get(row.mailbox);
  if (row === undefined || seen === undefined) return null;
  const mark = Math.max(row.upto ?? 0, markOf(seen.unreadSince));
  const unread =
    row.last_in_row <= mark
      ? 0
      : db.get<{ n: number }>(
          'SELECT count(*) AS n FROM entry WHERE conversation = ? AND feeds = 1 AND same_as IS NULL AND row > ?',
          num,
          mark,
        )?.n;
  return {
    id: row.id,
    mailbox: row.mailbox,
    subject: row.subject,
    from: row.sender === null ? null : (JSON.parse(row.sender) as Address),
    addressedTo: row.addressed_to,
    lastAt: row.last_at,
    waitingSince: row.waiting_since,
    direction: row.direction,
    unread: unread ?? 0,
    messages: row.messages,
    attachments: row.attachments,
    assignee: assigneeOf(row.assignee),
    had: assigneeOf(row.had),
    state: row.state,
    revision: row.revision,
    snippet: row.snippet,
    starred: row.starred === 1,
  };
}

/** What was received before `since` is read: the last row before that second. */
const markOf = (since: Millis): number => Math.max(0, Math.floor(since / 1_000) * 2 ** 20 - 1);

// --- counts --------------------------------------------------------------------------------------------------------

/** The rows of each view. `unread` counts open conversations with something unread, not mails, of what the person watches. */
export function panelCounts(db: Db, query: Pick<PanelQuery, 'person' | 'roles' | 'mailboxes'>): PanelCounts {
  const counts: PanelCounts = { mine: 0, unassigned: 0, team: 0, unread: 0 };
  const own = mine(query);
  for (const seen of query.mailboxes) {
    const { mailbox, watch } = seen;
    const least = leastShown(seen);
    const count = (assignee: string | null): number => countOpen(db, mailbox, least, assignee);
    const unread = (assignee: string | null): number =>
      countOpen(db, mailbox, least, assignee, { person: query.person, since: markOf(seen.unreadSince) });
    counts.mine += own.reduce((sum, who) => sum + count(who), 0);
    counts.unassigned += count('');
    counts.team += count(null);
    if (watch === 'all') counts.unread += unread(null);
    if (watch === 'mine') counts.unread += [...own, ''].reduce((sum, who) => sum + unread(who), 0);
  }
  return counts;
}

function countOpen(
  db: Db,
  mailbox: MailboxId,
  least: 1 | 2,
  assignee: string | null,
  unread: { person: PersonId; since: number } | null = null,
): number {
  const marks = unread === null ? '' : 'LEFT JOIN read_mark ON person = ? AND conversation = num';
  const row = db.get<{ n: number }>(
    `SELECT count(*) AS n FROM conversation ${marks} WHERE mailbox = ? AND state = 'open' AND shown > 0 AND shown >= ?
     ${assignee === null ? '' : 'AND assignee = ?'} ${unread === null ? '' : 'AND last_in_row > max(?, coalesce(upto, 0))'}`,
    ...(unread === null ? [] : [unread.person]),
    mailbox,
    least,
    ...(assignee === null ? [] : [assignee]),
    ...(unread === null ? [] : [unread.since]),
  );
  return row?.n ?? 0;
}
