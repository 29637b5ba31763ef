/** What people do with conversations, and the clock for them. Reading and starring are a person's own: they raise nothing and are no record. */
import { nextRow } from './entry.ts';
import { record } from './journal.ts';
import type { Db } from './sqlite.ts';
import { addText } from './text.ts';
import type { Assignee, ConversationId, HeldBy, MailboxId, Millis, PersonId, WorkResult, WorkState, WorkVerb } from './types.ts';
import {
  assigneeOf,
  assigneeText,
  closedBy,
  type Decision,
  derive,
  lastingWas,
  policyOf,
  putMark,
  randomId,
  recordState,
  type Sums,
  sumsSql,
  type Writing,
  waitsSince,
  workOf,
} from './work.ts';

/** The conversation that an id means today: itself, or the one it was merged into. */
export function resolve(db: Db, id: ConversationId): number | null {
  const row = db.get<{ num: number }>('SELECT coalesce(merged_into, num) AS num FROM conversation WHERE id = ?', id);
  return row?.num ?? null;
}

export function work(
  writing: Writing,
  id: ConversationId,
  verb: WorkVerb,
  actor: PersonId,
  now: Millis,
  ifRevision: number | null,
): WorkResult | null {
  const { db, changed } = writing;
  const num = resolve(db, id);
  if (num === null) return null;
  const before = workOf(db, num);
  if (ifRevision !== null && ifRevision !== before.revision) return { ok: false, revision: before.revision };

  let { revision } = before;
  let what: 'state' | 'assign' | 'note' = 'state';
  let note: string | undefined;
  let had: Assignee | null | undefined;
  switch (verb.kind) {
    case 'done':
      setState(db, num, 'done', now, null, null);
      break;
    case 'open':
      if (before.state !== 'open') reopen(db, num, before.mailbox, now);
      break;
    case 'back':
      // What a colleague closed or opened since is theirs.
      if (before.state === 'done' && closedBy(db, before.id) === verb.closedBy) putBack(db, num, before.mailbox, now);
      break;
    case 'snooze':
      setState(db, num, 'snoozed', now, null, verb.until);
      break;
    case 'assign': {
      what = 'assign';
      had = holderOf(db, num);
      // Decided here, where one verb comes after the other: two who take at the same moment do not both get it.
      if (verb.yield === true && had?.kind === 'person' && had.id !== verb.to?.id)
        return { ok: false, revision: before.revision, held: { by: had, since: heldSince(db, num) ?? now } };
      assign(writing, num, verb.to, { actor, at: now });
      break;
    }
    case 'note': {
      what = 'note';
      note = randomId();
      revision += 1;
      const row = nextRow(db, now);
      db.run('INSERT INTO note (id, conversation, author, at, text, row) VALUES (?, ?, ?, ?, ?, ?)', note, num, actor, now, verb.text, row);
      addText(db, [{ row, mailbox: before.mailbox, note: verb.text }]);
      db.run('UPDATE conversation SET revision = ? WHERE num = ?', revision, num);
      record(writing, {
        at: now,
        kind: 'note',
        mailbox: before.mailbox,
        conversation: before.id,
        actor,
        summary: 'noted',
        details: { note },
        key: null,
      });
      break;
    }
    default:
      verb satisfies never;
  }
  const after = db.get<{ state: WorkState; assignee: string }>('SELECT state, assignee FROM conversation WHERE num = ?', num);
  const state = after?.state ?? before.state;
  if (state !== before.state) recordState(writing, before, state, { actor, at: now, why: null });
  changed({
    kind: 'conversation',
    mailbox: before.mailbox,
    conversation: before.id,
    revision,
    what,
    live: true,
    by: actor,
    ...(had === undefined ? {} : { had }),
  });
  return {
    ok: true,
    revision,
    state,
    assignee: assigneeOf(after?.assignee ?? ''),
    changed: what !== 'state' || state !== before.state || verb.kind === 'snooze',
    ...(note === undefined ? {} : { note }),
  };
}

/** Gives it to somebody or to nobody; to whom it has already is no event. `lost`: whoever had it may not answer any more, and is remembered. */
function assign(
  writing: Writing,
  num: number,
  to: Assignee | null,
  { actor, at, lost = false }: { actor: PersonId | null; at: Millis; lost?: boolean },
): void {
  const { db } = writing;
  const { id: conversation, mailbox } = workOf(db, num);
  const before = db.get<{ assignee: string }>('SELECT assignee FROM conversation WHERE num = ?', num)?.assignee ?? '';
  const after = assigneeText(to);
  if (after === before) return;
  db.run('UPDATE conversation SET assignee = ?, had = ? WHERE num = ?', after, lost && after === '' ? before : '', num);
  const summary = after === '' ? 'released' : 'assigned';
  record(writing, { at, kind: 'assign', mailbox, conversation, actor, summary, details: { before, after }, key: null });
}

const holderOf = (db: Db, num: number): Assignee | null =>
  assigneeOf(db.get<{ assignee: string }>('SELECT assignee FROM conversation WHERE num = ?', num)?.assignee ?? '');

/** When it was given to whoever has it, as far as the journal goes back. */
const heldSince = (db: Db, num: number): Millis | null =>
  db.get<{ at: Millis }>(
    "SELECT at FROM activity WHERE conversation = (SELECT id FROM conversation WHERE num = ?) AND kind = 'assign' ORDER BY at DESC LIMIT 1",
    num,
  )?.at ?? null;

function setState(
  db: Db,
  num: number,
  state: WorkState,
  decidedAt: Millis | null,
  waitingSince: Millis | null,
  snoozedUntil: Millis | null,
): void {
  db.run(
    'UPDATE conversation SET state = ?, decided_at = ?, waiting_since = ?, snoozed_until = ? WHERE num = ?',
    state,
    decidedAt,
    waitingSince,
    snoozedUntil,
    num,
  );
}

/** As it was before it was done. */
function putBack(db: Db, num: number, mailbox: MailboxId, now: Millis): void {
  const sums = db.get<Sums>(sumsSql, num);
  const was = sums === undefined ? null : lastingWas(db, num, sums);
  if (was === null) reopen(db, num, mailbox, now);
  else setState(db, num, was.state, was.decidedAt, was.waitingSince, was.snoozedUntil);
}

/** The customer has waited since the mail that nobody answered, not since somebody noticed; `since` where nothing tells. */
function reopen(db: Db, num: number, mailbox: MailboxId, now: Millis, since: Millis | null = null): void {
  const sums = db.get<Sums>(sumsSql, num);
  const was = sums === undefined ? null : lastingWas(db, num, sums);
  const unanswered = sums !== undefined && derive(sums, 0).state === 'open';
  setState(
    db,
    num,
    'open',
    now,
    was?.waitingSince ?? (unanswered ? waitsSince(db, num, sums, policyOf(db, mailbox).workFrom) : null) ?? since ?? now,
    null,
  );
}

/** Unread: from the last incoming mail on. */
export function markRead({ db, changed }: Writing, id: ConversationId, person: PersonId, read: boolean): void {
  const row = db.get<{ num: number; id: string; mailbox: MailboxId; last: number }>(
    'SELECT num, id, mailbox, last_in_row AS last FROM conversation WHERE num = (SELECT coalesce(merged_into, num) FROM conversation WHERE id = ?)',
    id,
  );
  if (row === undefined) return;
  putMark(db, person, row.num, read ? row.last : Math.max(0, row.last - 1));
  changed({ kind: 'read', mailbox: row.mailbox, conversation: row.id, person });
}

export function star({ db, changed }: Writing, id: ConversationId, person: PersonId, starred: boolean): void {
  const num = resolve(db, id);
  if (num === null) return;
  if (starred) db.run('INSERT OR IGNORE INTO star (person, conversation) VALUES (?, ?)', person, num);
  else db.run('DELETE FROM star WHERE person = ? AND conversation = ?', person, num);
  const { mailbox, id: current } = workOf(db, num);
  changed({ kind: 'read', mailbox, conversation: current, person });
}

/** Everything that `from` has: to the heir in those mailboxes, to nobody elsewhere. Done again it changes nothing. */
export function handOver(writing: Writing, from: Assignee, heir: { to: Assignee; mailboxes: readonly MailboxId[] } | null): void {
  giveUp(writing, from, (mailbox) => (heir?.mailboxes.includes(mailbox) === true ? heir.to : null));
}

/** What `from` has in these mailboxes is nobody's again, and remembers whose it was. Done again it changes nothing. */
export function loseHolder(writing: Writing, from: Assignee, mailboxes: readonly MailboxId[]): void {
  giveUp(writing, from, (mailbox) => (mailboxes.includes(mailbox) ? null : from));
}

function giveUp(writing: Writing, from: Assignee, to: (mailbox: MailboxId) => Assignee | null): void {
  const { db, changed, now } = writing;
  const held = db.all<{ num: number; id: string; mailbox: MailboxId; revision: number }>(
    "SELECT num, id, mailbox, revision FROM conversation WHERE assignee = ? AND assignee <> ''",
    assigneeText(from),
  );
  for (const { num, id, mailbox, revision } of held) {
    const next = to(mailbox);
    if (next === from) continue;
    assign(writing, num, next, { actor: null, at: now(), lost: true });
    changed({ kind: 'conversation', mailbox, conversation: id, revision, what: 'assign', live: true, by: null });
  }
}

/** Everybody who has a conversation, done ones too. */
export const assignees = (db: Db): Assignee[] =>
  db
    .all<{ assignee: string }>("SELECT DISTINCT assignee FROM conversation WHERE assignee <> ''")
    .flatMap(({ assignee }) => assigneeOf(assignee) ?? []);

export const heldBy = (db: Db, assignee: Assignee): HeldBy[] =>
  db.all<HeldBy>(
    `SELECT mailbox, sum(state <> 'done') AS assigned, sum(state = 'snoozed') AS snoozed FROM conversation
     WHERE assignee = ? AND assignee <> '' GROUP BY mailbox ORDER BY mailbox`,
    assigneeText(assignee),
  );

/** An answer that did not arrive leaves the customer waiting: the conversation is open work again, for them since `since`. */
export function openAgain(writing: Writing, num: number, now: Millis, why: string, since: Millis | null = null): void {
  const { db, changed } = writing;
  const before = workOf(db, num);
  if (before.state === 'open') return;
  reopen(db, num, before.mailbox, now, since);
  recordState(writing, before, 'open', { actor: null, at: now, why });
  const { mailbox, id: conversation, revision } = before;
  changed({ kind: 'conversation', mailbox, conversation, revision, what: 'state', live: true, by: null });
}

/** What a mail of ours leaves its conversation in. */
export type Afterwards = Pick<Decision, 'state' | 'waitingSince' | 'snoozedUntil'>;

export function settleAs(writing: Writing, num: number, to: Afterwards, why: string): void {
  const { db, changed, now } = writing;
  const before = workOf(db, num);
  if (before.state === to.state) return;
  setState(db, num, to.state, now(), to.waitingSince, to.snoozedUntil);
  recordState(writing, before, to.state, { actor: null, at: now(), why });
  const { mailbox, id: conversation, revision } = before;
  changed({ kind: 'conversation', mailbox, conversation, revision, what: 'state', live: true, by: null });
}

/** Opens what was snoozed until now. */
export function wake(writing: Writing, now: Millis): void {
  for (const { num } of writing.db.all<{ num: number }>('SELECT num FROM conversation WHERE snoozed_until <= ?', now)) {
    openAgain(writing, num, now, 'its time came');
  }
}
