/**
 * One search, as the search thread runs it: newest first by row, so a page costs the same among a hundred hits and among a million.
 *
 * - What the person may open is part of the MATCH (`compileQuery`), of subqueries too.
 * - `in_time()` stands in every WHERE and throws when the time is over or the answer is not wanted any more: SQLite asks nobody
 *   else. Because rows come in their order, those found until then are a page, only a short one.
 * - The index keeps no text: what is shown around a hit is read from the stored mail.
 */
import { createHash } from 'node:crypto';
import { writerOfStored } from '../mail/correspondent.ts';
import { type Asked, findIn, foldForIndex } from '../mail/fold.ts';
import { type Address, readMessage } from '../mail/message.ts';
import { compileQuery, firstRow, printQuery, soughtIn, valuesOf } from '../mail/query.ts';
import { type PackPlace, readPackNow } from './packs.ts';
import { readCursor, writeCursor } from './panel.ts';
import type { Db } from './sqlite.ts';
import type { FolderRole, Hash, MailboxId, Millis, PersonId, SearchHit, SearchQuery, SearchResult } from './types.ts';
import { assigneeText } from './work.ts';

/** More hits than this are not counted. */
const mostCounted = 10_000;
/** Larger mails are shown by their beginning: reading them would cost the others their time. */
const mostReadOctets = 2 * 1024 * 1024;
const mostReadCharacters = 100_000;

/** Thrown by `in_time()`. */
export class OutOfTime extends Error {}

export type Clock = { isOver: () => boolean };

const selectHits = `FROM mail_text t LEFT JOIN entry e ON e.row = t.rowid LEFT JOIN note n ON n.row = t.rowid
  CROSS JOIN conversation c ON c.num = coalesce(e.conversation, n.conversation)
  WHERE t.mail_text MATCH ? AND in_time() AND e.same_as IS NULL`;

export function search(db: Db, packsDir: string, query: SearchQuery, clock: Clock): SearchResult {
  const tag = `search ${createHash('sha256').update(printQuery(query.query)).digest('base64url').slice(0, 22)}`;
  const after = readCursor(query.cursor, tag);
  const { match, where, values } = compileQuery(query.query, factsOf(db, query));
  if (match === null) return { rows: [], next: null, total: 0, exact: true, complete: true };
  const condition = where === '' ? '' : `AND ${where}`;

  const rows: number[] = [];
  let complete = true;
  try {
    const found = db.iterate<{ row: number }>(
      `SELECT t.rowid AS row ${selectHits} AND t.rowid < ? ${condition} ORDER BY t.rowid DESC LIMIT ?`,
      match,
      after?.key ?? Number.MAX_SAFE_INTEGER,
      ...values,
      query.limit + 1,
    );
    for (const { row } of found) rows.push(row);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    complete = false;
  }
  const counted = complete ? count(db, `${selectHits} ${condition}`, match, values) : null;
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const around = soughtIn(query.query, ['body', 'note']);
  const reach = new Set(query.reach.map(({ mailbox }) => mailbox));
  return {
    rows: shown.flatMap((row) => hitOf(db, packsDir, row, around, clock) ?? []).filter(({ mailbox }) => reach.has(mailbox)),
    next: last !== undefined && (rows.length > shown.length || !complete) ? writeCursor(tag, { key: last, num: 0 }) : null,
    total: counted?.total ?? rows.length,
    exact: counted?.exact ?? false,
    complete,
  };
}

function count(db: Db, from: string, match: string, values: (string | number)[]): { total: number; exact: boolean } | null {
  try {
    const n = db.get<{ n: number }>(`SELECT count(*) AS n FROM (SELECT 1 ${from} LIMIT ?)`, match, ...values, mostCounted + 1)?.n ?? 0;
    return { total: Math.min(n, mostCounted), exact: n <= mostCounted };
  } catch (error) {
    if (error instanceof OutOfTime) return null;
    throw error;
  }
}

function factsOf(db: Db, query: SearchQuery) {
  const listable = query.reach.filter(({ folders }) => folders).map(({ mailbox }) => mailbox);
  return {
    person: query.person,
    reach: query.reach.map(({ mailbox, unreadSince }) => ({ mailbox, readUpTo: firstRow(unreadSince) - 1 })),
    own: [assigneeText({ kind: 'person', id: query.person }), ...query.roles.map((id) => assigneeText({ kind: 'role', id }))],
    mailboxes: query.named.mailboxes,
    assignees: new Map([...query.named.assignees].map(([name, all]) => [name, all.map((one) => assigneeText(one))])),
    folders: new Map(valuesOf(query.query, 'folder').map((name) => [name, foldersNamed(db, listable, name)])),
    now: query.now,
  };
}

/** By whole name, by its last part, or by what it is for. */
function foldersNamed(db: Db, mailboxes: readonly MailboxId[], named: string): number[] {
  const wanted = foldForIndex(named.toLowerCase());
  return db
    .all<{ id: number; path: string; name: string; delimiter: string | null; role: FolderRole }>(
      'SELECT id, path, name, delimiter, role FROM folder WHERE mailbox IN (SELECT value FROM json_each(?))',
      JSON.stringify(mailboxes),
    )
    .filter(({ path, name, delimiter, role }) => {
      const last = delimiter === null ? name : (name.split(delimiter).at(-1) ?? name);
      return path === named || role === wanted || [name, last].some((one) => foldForIndex(one.toLowerCase()) === wanted);
    })
    .map(({ id }) => id);
}

// --- one hit -------------------------------------------------------------------------------------------------------

type MailRow = PackPlace & {
  id: string;
  conversation: string;
  revision: number;
  mailbox: MailboxId;
  date: Millis;
  subject: string;
  head: string;
  snippet: string;
  addressedTo: string | null;
  claims: number;
} & {
  hash: Hash;
};
type NoteHit = {
  id: string;
  conversation: string;
  revision: number;
  mailbox: MailboxId;
  date: Millis;
  subject: string;
  text: string;
  author: PersonId;
  message: string | null;
};

function hitOf(db: Db, packsDir: string, row: number, asked: readonly Asked[], clock: Clock): SearchHit | null {
  const mail = db.get<MailRow>(
    `SELECT e.id, c.id AS conversation, c.revision, e.mailbox, e.received_at AS date, e.addressed_to AS addressedTo, e.claims, m.subject, m.head, m.snippet, lower(hex(m.hash)) AS hash,
     m.pack, m.offset, m.stored, m.size, m.codec
     FROM entry e JOIN message m ON m.num = e.message JOIN conversation c ON c.num = e.conversation WHERE e.row = ?`,
    row,
  );
  if (mail !== undefined) {
    const { id, conversation, revision, mailbox, date, subject } = mail;
    const { from, replyTo = [] } = JSON.parse(mail.head) as { from: Address[]; replyTo?: Address[] };
    const who = writerOfStored({ from, replyTo }, mail);
    const snippet = snippetOf(packsDir, mail, asked, clock);
    return { kind: 'mail', conversation, revision, message: id, note: null, author: null, mailbox, subject, from: who, date, snippet };
  }
  // Beside a note, the mail that it was written about: the last one before it.
  const note = db.get<NoteHit>(
    `SELECT n.id, c.id AS conversation, c.revision, c.mailbox, n.at AS date, c.subject, n.text, n.author,
     coalesce((SELECT id FROM entry WHERE conversation = c.num AND same_as IS NULL AND row < n.row ORDER BY row DESC LIMIT 1),
       (SELECT id FROM entry WHERE conversation = c.num AND same_as IS NULL ORDER BY row LIMIT 1)) AS message
     FROM note n JOIN conversation c ON c.num = n.conversation WHERE n.row = ?`,
    row,
  );
  if (note === undefined) return null; // it went between the two looks
  const { id, text, ...rest } = note;
  return { ...rest, kind: 'note', note: id, from: null, snippet: excerpt(text, asked) ?? excerptAt(text, 0) };
}

/** The text around the first hit; what lists show of the mail where nothing in its text was asked for. */
function snippetOf(packsDir: string, mail: MailRow, asked: readonly Asked[], clock: Clock): string {
  if (asked.length === 0 || mail.size > mostReadOctets || clock.isOver() || findIn(mail.snippet, asked, 1).length > 0) return mail.snippet;
  const octets = readPackNow(packsDir, mail, mail.hash);
  return (octets === null ? null : excerpt(readMessage(octets).text.slice(0, mostReadCharacters), asked)) ?? mail.snippet;
}

const before = 50;
const length = 200;

function excerpt(text: string, asked: readonly Asked[]): string | null {
  const [hit] = findIn(text, asked, 1);
  return hit === undefined ? null : excerptAt(text, hit[0]);
}

/** One line of at most 200 characters; what is left out at its beginning is told by an ellipsis. */
function excerptAt(text: string, at: number): string {
  const start = at <= before ? 0 : at - before + Math.max(0, text.slice(at - before, at).search(/\s\S/));
  const line = text
    .slice(start, start + 4 * length)
    .replace(/^>[> ]*/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
  const cut = `${start > 0 ? '…' : ''}${line}`.slice(0, length);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}
