/**
 * One mail in one mailbox: made from octets, threaded into its conversation, and read anew from where it lies.
 *
 * - A message's first placement in a folder that counts is its arrival, whatever folder it came to first; later ones bring it back.
 * - An entry that lost its last placement stays as it was, for a grace: its new place may not have been seen yet, and a move is a move.
 * - Which mails are ours, and which are other forms of them: `forms.ts`. Nobody outside can hide a mail behind another.
 */
import { type Message, readMessage } from '../mail/message.ts';
import { addressedTo, type FoundIn, firstForm, foldClaims, whoWrote } from './forms.ts';
import { forgetGone, goneAs, noteGone } from './gone.ts';
import { aboutOf, adoptReports, noteReport } from './reports.ts';
import type { Db } from './sqlite.ts';
import { nameReport, threadOf } from './thread.ts';
import { addCorrespondents } from './timeline-index.ts';
import type { ConversationId, Direction, EntryId, FolderId, Ingest, MailboxId, Millis, PersonId, WorkPolicy } from './types.ts';
import { randomId, type Touched, type Writing } from './work.ts';

export type Origin = Ingest['origin'];

const rowsPerSecond = 2 ** 20;

export type NewEntry = {
  mailbox: MailboxId;
  policy: WorkPolicy;
  octets: Uint8Array;
  hash: Uint8Array;
  receivedAt: Millis;
  found: FoundIn;
  /** The conversation that it belongs to whatever its headers name. */
  joins: number | null;
  /** It arrives now; what is history tells nobody. */
  live: boolean;
};

/** Writes message and entry and finds the conversation, joining those that the message connects. Not counted until placed. */
export function addEntry(
  writing: Writing,
  touched: Touched,
  it: NewEntry,
): { row: number; id: EntryId; message: number; conversation: number } {
  const { db } = writing;
  const message = readMessage(it.octets);
  const num = addMessage(writing, it.octets, it.hash, message);
  const own = it.policy.addresses;
  const wrote = whoWrote(message, it.found, own);
  const octets = (): Uint8Array => it.octets;
  const first = wrote.ours || wrote.claims ? firstForm(writing, it.mailbox, message, octets, it.found) : null;
  const { direction, ours, claims } = first === null ? wrote : ({ direction: 'out', ours: true, claims: false } as const);
  // A report belongs to the mail that it is about, whatever it answers.
  const about = direction === 'in' && message.report !== null ? aboutOf(db, it.mailbox, message.report, it.receivedAt) : null;
  const before = goneAs(db, it.mailbox, it.hash, message).filter((one) => one.isSame || one.direction === direction);
  const same = before.find(({ isSame }) => isSame);
  const joins = first?.conversation ?? it.joins ?? same?.conversation ?? null;
  const { conversation, bySubject } =
    about === null ? threadOf(writing, touched, { mailbox: it.mailbox, message, own, ours, joins }) : { ...about, bySubject: false };
  if (about !== null) nameReport(db, it.mailbox, message, own, about.conversation);
  forgetGone(db, before);
  for (const one of before) touched.touch(one.conversation);
  const row = nextRow(db, it.receivedAt);
  const id = same?.id ?? randomId();
  const writtenTo = addressedTo(message, direction, own);
  db.run(
    `INSERT INTO entry (row, id, mailbox, message, conversation, received_at, direction, automatic, counted, feeds, attachments, addressed_to, same_as, claims, by_subject)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?)`,
    row,
    id,
    it.mailbox,
    num,
    conversation,
    it.receivedAt,
    direction,
    automaticness(message),
    message.attachments.length,
    writtenTo,
    first?.row ?? null,
    Number(claims),
    Number(bySubject),
  );
  addCorrespondents(db, { row, mailbox: it.mailbox, direction, receivedAt: it.receivedAt, addressedTo: writtenTo }, message);
  touched.touch(conversation);
  touched.text({ row, mailbox: it.mailbox, mail: message });
  if (direction === 'in' && message.report !== null) {
    const { mailbox, receivedAt, live } = it;
    noteReport(writing, touched, message.report, about, { mailbox, row, id, conversation, receivedAt, live });
  }
  if (it.found !== 'queued') touched.touch(conversation).judge = own;
  if (direction === 'out') adoptReports(writing, touched, it.mailbox, message.messageId);
  if (!ours || first !== null) return { row, id, message: num, conversation };
  foldClaims(writing, touched, it.mailbox, { row, message, octets }, own);
  const now = db.get<{ conversation: number }>('SELECT conversation FROM entry WHERE row = ?', row); // what claimed it may have been older
  return { row, id, message: num, conversation: now?.conversation ?? conversation };
}

/** 0: written by a person; 1: by a machine; 2: by a machine, and never work: receipts, delays, deliveries that went well. */
function automaticness({ automatic, report }: Message): 0 | 1 | 2 {
  if (!automatic) return 0;
  return report !== null &&
    (report.kind === 'read' || (report.recipients.length > 0 && report.recipients.every(({ action }) => action !== 'failed')))
    ? 2
    : 1;
}

function addMessage({ db, packs }: Writing, octets: Uint8Array, hash: Uint8Array, message: Message): number {
  const known = db.get<{ num: number }>('SELECT num FROM message WHERE hash = ?', hash);
  if (known !== undefined) return known.num;
  const place = packs.append(octets, hash);
  const { from, replyTo, to, cc, inReplyTo, references, attachments } = message;
  const report = message.report?.kind;
  const { row } = db.run(
    `INSERT INTO message (hash, pack, offset, stored, size, codec, message_id, postroom_id, automatic, date, subject, snippet, attachments, head)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    hash,
    place.pack,
    place.offset,
    place.stored,
    place.size,
    place.codec,
    message.messageId,
    message.postroomId,
    Number(message.automatic),
    message.date,
    message.subject,
    message.snippet,
    attachments.length,
    JSON.stringify({ from, replyTo, to, cc, inReplyTo, references, attachments, report }),
  );
  return row;
}

type Placed = { places: number; draft: number; counts: number; feeds: number; tells: number };
type EntryState = {
  id: EntryId;
  author: PersonId | null;
  conversation: number;
  direction: Direction;
  automatic: number;
  bounced: number;
  received_at: Millis;
  counted: number;
  feeds: number;
  arrived: number;
  outbox: string | null;
  same_as: number | null;
};

/**
 * Works out anew, from where an entry lies, whether it counts and feeds, and tells its conversation what that means: an arrival,
 * mail that was filed, mail that came back.
 */
export function reclassify(writing: Writing, touched: Touched, row: number, origin: Origin): ReturnType<Touched['touch']> {
  const { db, now } = writing;
  const entry = db.get<EntryState>(
    'SELECT id, author, conversation, direction, automatic, bounced, received_at, counted, feeds, arrived, outbox, same_as FROM entry WHERE row = ?',
    row,
  );
  if (entry === undefined) throw new Error(`entry ${row} is not there`);
  const placed = placedAt(db, row);
  const pending = touched.touch(entry.conversation);
  if (placed.places === 0 && entry.outbox === null) {
    db.run('UPDATE entry SET unplaced_at = coalesce(unplaced_at, ?) WHERE row = ?', now(), row);
    return pending;
  }
  const counted = Number(entry.outbox !== null || (placed.counts === 1 && placed.draft === 0));
  const feeds = Number(entry.direction === 'in' && placed.feeds === 1 && placed.draft === 0);
  const told = Number(entry.outbox !== null || (placed.tells === 1 && placed.draft === 0));
  db.run(
    'UPDATE entry SET counted = ?, feeds = ?, told = ?, arrived = max(arrived, ?), unplaced_at = NULL WHERE row = ?',
    counted,
    feeds,
    told,
    counted,
    row,
  );
  if (entry.same_as !== null) return pending;

  const live = origin === 'live' || entry.counted === 1;
  if (counted === 1 && entry.arrived === 0) {
    const { id, author, direction, received_at: receivedAt } = entry;
    if (origin === 'live')
      pending.arrivals.push({
        id,
        author,
        direction,
        feeds: feeds === 1,
        automatic: entry.automatic > 0,
        quiet: entry.automatic === 2,
        bounced: entry.bounced === 1,
        receivedAt,
      });
    else pending.imported = direction === 'in' ? 'in' : (pending.imported ?? 'out');
  } else if (feeds > entry.feeds) {
    if (origin === 'live') pending.restored = Math.max(pending.restored ?? 0, entry.received_at);
    else pending.imported = 'in';
  }
  if (live && feeds < entry.feeds) pending.lost = true;
  return pending;
}

export function placedAt(db: Db, row: number): Placed {
  const placed = db.get<Placed>(
    `SELECT count(*) AS places,
       coalesce(max(f.role IS 'drafts' OR ' ' || p.flags || ' ' LIKE '% \\Draft %'), 0) AS draft,
       coalesce(max(f.role IS NULL OR f.role IN ('inbox', 'sent', 'archive', 'all')), 0) AS counts,
       coalesce(max(f.role IS NULL OR f.role = 'inbox'), 0) AS feeds,
       coalesce(max(f.role IS NULL OR f.role NOT IN ('junk', 'drafts')), 0) AS tells
     FROM placement p JOIN folder f ON f.id = p.folder WHERE p.entry = ?`,
    row,
  );
  return placed ?? { places: 0, draft: 0, counts: 0, feeds: 0, tells: 0 };
}

export function entriesIn(db: Db, folder: FolderId): number[] {
  return db.all<{ entry: number }>('SELECT DISTINCT entry FROM placement WHERE folder = ?', folder).map(({ entry }) => entry);
}

/** Takes a mail from a place. */
export function remove(writing: Writing, touched: Touched, folder: FolderId, uidValidity: number, uid: number): void {
  const gone = writing.db.get<{ entry: number }>(
    'DELETE FROM placement WHERE folder = ? AND uid_validity = ? AND uid = ? RETURNING entry',
    folder,
    uidValidity,
    uid,
  );
  if (gone !== undefined) reclassify(writing, touched, gone.entry, 'import');
}

/** A mail that is nowhere on the server any more: history keeps who, what and when. */
export function expunge(db: Db, row: number): void {
  noteGone(db, row);
  removeEntry(db, row);
}

/** Another form of it, if there is one, is shown in its place. */
export function removeEntry(db: Db, row: number): void {
  const heir = db.get<{ row: number | null }>('SELECT min(row) AS row FROM entry WHERE same_as = ?', row)?.row ?? null;
  if (heir !== null) {
    db.run('UPDATE entry SET same_as = ? WHERE same_as = ? AND row <> ?', heir, row, heir);
    db.run('UPDATE entry SET same_as = NULL WHERE row = ?', heir);
  }
  db.run('DELETE FROM entry WHERE row = ?', row);
}

/** The next free row of that second, of entries, notes and what is gone alike: row order is date order. A second that is full (a million mails) runs over into the next. */
export function nextRow(db: Db, receivedAt: Millis): number {
  for (let second = Math.min(Math.max(Math.floor(receivedAt / 1_000), 0), 2 ** 33 - 2); ; second++) {
    const first = second * rowsPerSecond;
    const end = first + rowsPerSecond;
    const last = db.get<{ row: number }>(
      `SELECT max(coalesce((SELECT max(row) FROM entry WHERE row >= ? AND row < ?), -1),
         coalesce((SELECT max(row) FROM note WHERE row >= ? AND row < ?), -1),
         coalesce((SELECT max(row) FROM gone WHERE row >= ? AND row < ?), -1)) AS row`,
      first,
      end,
      first,
      end,
      first,
      end,
    )?.row;
    if (last === undefined || last < first) return first;
    if (last + 1 < end) return last + 1;
  }
}

/** The wire ids of an entry; another form answers with the one that is shown. */
export function idsOf(db: Db, row: number): { entry: EntryId; conversation: ConversationId } {
  const ids = db.get<{ entry: EntryId; conversation: ConversationId }>(
    `SELECT s.id AS entry, c.id AS conversation FROM entry e JOIN entry s ON s.row = coalesce(e.same_as, e.row)
     JOIN conversation c ON c.num = s.conversation WHERE e.row = ?`,
    row,
  );
  if (ids === undefined) throw new Error(`entry ${row} is not there`);
  return ids;
}
