/**
 * Mail in, as batches, and what other clients did: octets -> message (once), entry (once for each mailbox; `entry.ts`), placement.
 *
 * - Octets first: `packs.append` here, fsync before the COMMIT of the slice that names them. A batch goes in as slices, each a
 *   transaction of its own, so that urgent work fits between; its checkpoint is in the last.
 * - Coming again is harmless: the same octets at the same place change nothing.
 */
import { createHash } from 'node:crypto';
import { PostroomError } from '../../protocol/errors.ts';
import { addEntry, expunge, idsOf, type Origin, reclassify, remove } from './entry.ts';
import { foundInSent } from './forms.ts';
import { claimRoom } from './room.ts';
import type { Db } from './sqlite.ts';
import type {
  EntryId,
  FolderChange,
  FolderId,
  FolderRole,
  Ingest,
  Ingested,
  IngestItem,
  MailboxId,
  Millis,
  Relink,
  WorkPolicy,
} from './types.ts';
import { putMark, putPolicy, Touched, type Writing } from './work.ts';

const sliceMails = 96;
const sliceOctets = 4 * 1024 * 1024;

// --- batches -------------------------------------------------------------------------------------------------------

export function* ingest(writing: Writing, batch: Ingest): Generator<void, Ingested[]> {
  const { db } = writing;
  const folder = folderOf(db, batch.mailbox, batch.folder);
  const done: Ingested[] = [];
  // The buffer may be larger than what lies in it.
  const incoming = batch.items.reduce((sum, { length }) => sum + length, 0);
  let at = 0;
  while (at < batch.items.length) {
    const touched = new Touched(writing);
    const slice: { item: IngestItem; uid: number; entry: number; fresh: boolean }[] = [];
    claimRoom(writing.packs.dir, incoming, 'incoming');
    for (let octets = 0; at < batch.items.length && slice.length < sliceMails && octets < sliceOctets; at++) {
      const item = batch.items[at];
      if (item === undefined) break;
      octets += item.length;
      slice.push(takeIn(writing, touched, batch, folder.role, item));
    }
    putPolicy(writing, batch.mailbox, batch.policy);
    touched.settle();
    for (const { uid, entry, fresh, item } of slice) {
      if (hasSeen(item.flags)) followSeen(writing, batch.policy, entry, true);
      done.push({ ...idsOf(db, entry), uid, fresh });
    }
    if (at < batch.items.length) yield;
  }
  if (folder.uid_validity === null) db.run('UPDATE folder SET uid_validity = ? WHERE id = ?', batch.uidValidity, batch.folder);
  if (batch.checkpoint !== undefined) checkpoint(db, batch.folder, batch.checkpoint);
  writing.changed({ kind: 'folders', mailbox: batch.mailbox });
  // A batch may be one mail of 100 MB, and the next one is on its way: the memory goes now, not when it is collected.
  batch.buffer.transfer(0);
  return done;
}

function takeIn(
  writing: Writing,
  touched: Touched,
  batch: Ingest,
  role: FolderRole,
  item: IngestItem,
): { item: IngestItem; uid: number; entry: number; fresh: boolean } {
  const { db } = writing;
  const octets = new Uint8Array(batch.buffer, item.offset, item.length);
  const hash = createHash('sha256').update(octets).digest();
  const known = db.get<{ row: number }>(
    'SELECT e.row FROM message m JOIN entry e ON e.message = m.num AND e.mailbox = ? WHERE m.hash = ?',
    batch.mailbox,
    hash,
  );
  const uid = item.uid ?? nextUid(db, batch.folder, batch.uidValidity);
  const origin = batch.policy.workFrom !== null && item.receivedAt < batch.policy.workFrom ? 'import' : batch.origin;
  const entry =
    known?.row ??
    addEntry(writing, touched, {
      mailbox: batch.mailbox,
      policy: batch.policy,
      octets,
      hash,
      receivedAt: item.receivedAt,
      found: role === 'sent' ? 'in-sent' : role === 'drafts' ? 'in-drafts' : 'elsewhere',
      joins: null,
      live: origin === 'live',
    }).row;

  place(
    writing,
    touched,
    entry,
    { folder: batch.folder, uidValidity: batch.uidValidity, uid, flags: item.flags, modSeq: item.modSeq },
    origin,
  );
  if (known !== undefined && role === 'sent') foundInSent(writing, touched, batch.mailbox, entry, batch.policy.addresses);
  return { item, uid, entry, fresh: known === undefined };
}

type Place = { folder: FolderId; uidValidity: number; uid: number; flags: readonly string[]; modSeq: string | null };

/** Puts an entry at a place; what lay there under that number is gone. */
function place(
  writing: Writing,
  touched: Touched,
  entry: number,
  { folder, uidValidity, uid, flags, modSeq }: Place,
  origin: Origin,
): void {
  const { db } = writing;
  const there = db.get<{ entry: number }>(
    'SELECT entry FROM placement WHERE folder = ? AND uid_validity = ? AND uid = ?',
    folder,
    uidValidity,
    uid,
  );
  if (there !== undefined && there.entry !== entry) remove(writing, touched, folder, uidValidity, uid);
  db.run(
    `INSERT INTO placement (folder, uid_validity, uid, entry, flags, mod_seq) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET flags = excluded.flags, mod_seq = excluded.mod_seq`,
    folder,
    uidValidity,
    uid,
    entry,
    flags.join(' '),
    modSeq,
  );
  db.run('DELETE FROM unfetchable WHERE folder = ? AND uid_validity = ? AND uid = ?', folder, uidValidity, uid);
  reclassify(writing, touched, entry, origin);
}

/** What one pass over a folder found. Slices, because a folder may have been emptied. */
export function* applyChanges(writing: Writing, change: FolderChange): Generator<void, void> {
  const { db } = writing;
  folderOf(db, change.mailbox, change.folder);
  putPolicy(writing, change.mailbox, change.policy);
  const steps = [
    ...change.flags.map((it) => (touched: Touched) => {
      const old = db.get<{ entry: number; flags: string }>(
        'SELECT entry, flags FROM placement WHERE folder = ? AND uid_validity = ? AND uid = ?',
        change.folder,
        change.uidValidity,
        it.uid,
      );
      if (old === undefined) return;
      const sameFlags = old.flags === it.flags.join(' ');
      if (sameFlags && it.modSeq === null) return;
      db.run(
        'UPDATE placement SET flags = ?, mod_seq = coalesce(?, mod_seq) WHERE folder = ? AND uid_validity = ? AND uid = ?',
        it.flags.join(' '),
        it.modSeq,
        change.folder,
        change.uidValidity,
        it.uid,
      );
      if (sameFlags) return; // a full scan brings every message; nobody is told of those that are as they were
      reclassify(writing, touched, old.entry, 'import').flags = true;
      const seen = hasSeen(it.flags);
      if (seen !== hasSeen(old.flags.split(' '))) followSeen(writing, change.policy, old.entry, seen);
    }),
    ...change.gone.map((uid) => (touched: Touched) => remove(writing, touched, change.folder, change.uidValidity, uid)),
  ];
  for (let at = 0; at < steps.length; at += 500) {
    const touched = new Touched(writing);
    for (const step of steps.slice(at, at + 500)) step(touched);
    touched.settle();
    if (at + 500 < steps.length) yield;
  }
  checkpoint(db, change.folder, change.checkpoint);
  writing.changed({ kind: 'folders', mailbox: change.mailbox });
}

/** Octets stay attached to what people made of them: only the place changes its number. In slices; beginning again is harmless. */
export function* relink(writing: Writing, mailbox: MailboxId, { folder, uidValidity, pairs }: Relink): Generator<void, void> {
  const { db, changed } = writing;
  folderOf(db, mailbox, folder);
  for (let at = 0; at < pairs.length; at += 500) {
    const touched = new Touched(writing);
    for (const { from, uid, flags, modSeq } of pairs.slice(at, at + 500)) {
      const old = db.get<{ entry: number }>(
        'DELETE FROM placement WHERE folder = ? AND uid_validity = ? AND uid = ? RETURNING entry',
        folder,
        from.uidValidity,
        from.uid,
      );
      if (old !== undefined) place(writing, touched, old.entry, { folder, uidValidity, uid, flags, modSeq }, 'import');
    }
    touched.settle();
    if (at + 500 < pairs.length) yield;
  }
  changed({ kind: 'folders', mailbox });
}

export function* dropStale(writing: Writing, mailbox: MailboxId, folder: FolderId, policy: WorkPolicy): Generator<void, void> {
  const { db } = writing;
  const { uid_validity: current } = folderOf(db, mailbox, folder);
  putPolicy(writing, mailbox, policy);
  for (;;) {
    const stale = db.all<{ uid_validity: number; uid: number }>(
      'SELECT uid_validity, uid FROM placement WHERE folder = ? AND uid_validity IS NOT ? LIMIT 500',
      folder,
      current,
    );
    const touched = new Touched(writing);
    for (const { uid_validity, uid } of stale) remove(writing, touched, folder, uid_validity, uid);
    touched.settle();
    if (stale.length < 500) break;
    yield;
  }
  db.run('DELETE FROM unfetchable WHERE folder = ? AND uid_validity IS NOT ?', folder, current);
  writing.changed({ kind: 'folders', mailbox });
}

/** A folder that the server does not have any more, and all that lay in it: mail that lies nowhere else goes after the grace. */
export function* dropFolder(
  writing: Writing,
  mailbox: MailboxId,
  folder: FolderId,
  policy: WorkPolicy,
  isListed: boolean,
): Generator<void, void> {
  const { db } = writing;
  folderOf(db, mailbox, folder);
  putPolicy(writing, mailbox, policy);
  for (;;) {
    const places = db.all<{ uid_validity: number; uid: number }>(
      'SELECT uid_validity, uid FROM placement WHERE folder = ? LIMIT 500',
      folder,
    );
    const touched = new Touched(writing);
    for (const { uid_validity, uid } of places) remove(writing, touched, folder, uid_validity, uid);
    touched.settle();
    if (places.length < 500) break;
    yield;
  }
  db.run('DELETE FROM unfetchable WHERE folder = ?', folder);
  if (isListed)
    db.run('UPDATE folder SET uid_validity = NULL, uid_next = NULL, highest_mod_seq = NULL, server_count = NULL WHERE id = ?', folder);
  else db.run('DELETE FROM folder WHERE id = ?', folder);
  writing.changed({ kind: 'folders', mailbox });
}

export function moveHosted(writing: Writing, mailbox: MailboxId, policy: WorkPolicy, entries: readonly EntryId[], to: FolderId): void {
  const { db, changed } = writing;
  const target = folderOf(db, mailbox, to);
  const uidValidity = target.uid_validity ?? 1;
  if (target.uid_validity === null) db.run('UPDATE folder SET uid_validity = ? WHERE id = ?', uidValidity, to);
  putPolicy(writing, mailbox, policy);
  const touched = new Touched(writing);
  for (const id of entries) {
    const entry = db.get<{ row: number }>('SELECT row FROM entry WHERE id = ? AND mailbox = ?', id, mailbox);
    if (entry === undefined) continue;
    const old = db.all<{ folder: number; flags: string }>('DELETE FROM placement WHERE entry = ? RETURNING folder, flags', entry.row);
    const flags = old[0]?.flags.split(' ').filter((flag) => flag !== '') ?? [];
    place(writing, touched, entry.row, { folder: to, uidValidity, uid: nextUid(db, to, uidValidity), flags, modSeq: null }, 'live');
    if (target.role === 'sent') foundInSent(writing, touched, mailbox, entry.row, policy.addresses);
  }
  touched.settle();
  changed({ kind: 'folders', mailbox });
}

const hasSeen = (flags: readonly string[]): boolean => flags.some((flag) => flag.toLowerCase() === '\\seen');

/**
 * In a personal mailbox the owner's mark follows \\Seen: up to the first mail that is not seen, back to before one that no longer is.
 * Mail that comes in never moves the mark back: what was read here may be on its way to the server still.
 */
function followSeen({ db, changed }: Writing, { seenBy }: WorkPolicy, entry: number, seen: boolean): void {
  if (seenBy === null) return;
  const at = db.get<{ conversation: number; id: string; mailbox: MailboxId; mark: number; last: number; unseen: number | null }>(
    `SELECT c.num AS conversation, c.id, c.mailbox, c.last_in_row AS last,
       coalesce((SELECT upto FROM read_mark WHERE person = ? AND conversation = c.num), 0) AS mark,
       (SELECT min(n.row) FROM entry n WHERE n.conversation = c.num AND n.feeds = 1 AND n.same_as IS NULL
         AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.entry = n.row AND ' ' || p.flags || ' ' LIKE '% \\Seen %')) AS unseen
     FROM entry e JOIN conversation c ON c.num = e.conversation WHERE e.row = ?`,
    seenBy,
    entry,
  );
  if (at === undefined) return;
  const mark = seen ? Math.max(at.mark, at.unseen === null ? at.last : at.unseen - 1) : Math.min(at.mark, entry - 1);
  if (mark === at.mark) return;
  putMark(db, seenBy, at.conversation, mark);
  changed({ kind: 'read', mailbox: at.mailbox, conversation: at.id, person: seenBy });
}

// --- what has no place any more ------------------------------------------------------------------------------------

/** Takes out entries that lost their last place before `until`; at most a slice, true when there is more. */
export function sweep(writing: Writing, until: Millis): boolean {
  const { db } = writing;
  const gone = db.all<{ row: number; conversation: number; feeds: number }>(
    'SELECT row, conversation, feeds FROM entry WHERE unplaced_at <= ? ORDER BY unplaced_at LIMIT ?',
    until,
    sliceMails,
  );
  const touched = new Touched(writing);
  for (const { row, conversation, feeds } of gone) {
    expunge(db, row);
    const pending = touched.touch(conversation);
    pending.lost ||= feeds === 1;
  }
  touched.settle();
  return gone.length === sliceMails;
}

export const nextUnplaced = (db: Db): Millis | null =>
  db.get<{ at: Millis | null }>('SELECT min(unplaced_at) AS at FROM entry WHERE unplaced_at IS NOT NULL')?.at ?? null;

/** Rows only: the journal stays, and octets that nothing names any more are reclaimed later. */
export function* forgetMailbox({ db, changed }: Writing, mailbox: MailboxId): Generator<void, void> {
  const ofConversation = '(SELECT num FROM conversation WHERE mailbox = ?)';
  // Interrupted, it goes on at the next start (`unfinished`).
  db.run('INSERT OR IGNORE INTO forgetting (mailbox) VALUES (?)', mailbox);
  db.run('DELETE FROM right_use WHERE mailbox = ?', mailbox);
  db.run('DELETE FROM size_limit WHERE mailbox = ?', mailbox);
  const steps = [
    'DELETE FROM placement WHERE (folder, uid_validity, uid) IN (SELECT p.folder, p.uid_validity, p.uid FROM placement p JOIN folder f ON f.id = p.folder WHERE f.mailbox = ? LIMIT 2000)',
    'UPDATE entry SET same_as = NULL WHERE row IN (SELECT row FROM entry WHERE mailbox = ? AND same_as IS NOT NULL LIMIT 2000)',
    'DELETE FROM entry WHERE row IN (SELECT row FROM entry WHERE mailbox = ? LIMIT 2000)',
    'DELETE FROM gone WHERE row IN (SELECT row FROM gone WHERE mailbox = ? LIMIT 2000)',
    'DELETE FROM thread_key WHERE (mailbox, key, conversation) IN (SELECT mailbox, key, conversation FROM thread_key WHERE mailbox = ? LIMIT 2000)',
    'DELETE FROM unfetchable WHERE folder IN (SELECT id FROM folder WHERE mailbox = ?)',
    'DELETE FROM folder WHERE mailbox = ?',
    'DELETE FROM outbox WHERE mailbox = ?',
    'DELETE FROM report_id WHERE mailbox = ?',
    'DELETE FROM report WHERE mailbox = ?',
    ...['note', 'read_mark', 'star'].map((table) => `DELETE FROM ${table} WHERE conversation IN ${ofConversation}`),
    'UPDATE conversation SET merged_into = NULL WHERE mailbox = ? AND merged_into IS NOT NULL',
    'DELETE FROM conversation WHERE num IN (SELECT num FROM conversation WHERE mailbox = ? LIMIT 2000)',
    'DELETE FROM policy WHERE mailbox = ?',
    'DELETE FROM forgetting WHERE mailbox = ?',
  ];
  for (const sql of steps) {
    while (db.run(sql, mailbox).changes > 0) yield;
  }
  db.run(
    `DELETE FROM correspondent WHERE NOT EXISTS (SELECT 1 FROM entry_correspondent WHERE correspondent = num)
     AND NOT EXISTS (SELECT 1 FROM gone_correspondent WHERE correspondent = num)`,
  );
  changed({ kind: 'folders', mailbox });
}

export const mailboxesStored = (db: Db): MailboxId[] =>
  db
    .all<{ mailbox: MailboxId }>('SELECT mailbox FROM folder UNION SELECT mailbox FROM conversation UNION SELECT mailbox FROM outbox')
    .map(({ mailbox }) => mailbox);

export const unfinished = (db: Db): MailboxId[] =>
  db.all<{ mailbox: MailboxId }>('SELECT mailbox FROM forgetting').map(({ mailbox }) => mailbox);

// --- numbers -------------------------------------------------------------------------------------------------------

function nextUid(db: Db, folder: FolderId, uidValidity: number): number {
  const row = db.get<{ uid: number }>(
    `SELECT max(coalesce(uid_next, 1), coalesce((SELECT max(uid) + 1 FROM placement WHERE folder = ? AND uid_validity = ?), 1)) AS uid FROM folder WHERE id = ?`,
    folder,
    uidValidity,
    folder,
  );
  const uid = row?.uid ?? 1;
  db.run('UPDATE folder SET uid_next = ? WHERE id = ?', uid + 1, folder);
  return uid;
}

function checkpoint(db: Db, folder: FolderId, { uidNext, highestModSeq, serverCount }: FolderChange['checkpoint']): void {
  if (uidNext !== undefined) db.run('UPDATE folder SET uid_next = ? WHERE id = ?', uidNext, folder);
  if (highestModSeq !== undefined) db.run('UPDATE folder SET highest_mod_seq = ? WHERE id = ?', highestModSeq, folder);
  if (serverCount !== undefined) db.run('UPDATE folder SET server_count = ? WHERE id = ?', serverCount, folder);
}

function folderOf(db: Db, mailbox: MailboxId, folder: FolderId): { role: FolderRole; uid_validity: number | null } {
  const row = db.get<{ role: FolderRole; uid_validity: number | null }>(
    'SELECT role, uid_validity FROM folder WHERE id = ? AND mailbox = ?',
    folder,
    mailbox,
  );
  if (row === undefined) throw new PostroomError('not-found', `Folder ${folder} is not a folder of this mailbox.`);
  return row;
}
