/** What people do with conversations, and the clock for them. Reading and starring are a person's own and raise nothing. */
import { nextRow } from './entry.ts';
import type { Db } from './sqlite.ts';
import { addText } from './text.ts';
import type { Assignee, ConversationId, MailboxId, Millis, PersonId, WorkResult, WorkState, WorkVerb } from './types.ts';
import {
  assigneeOf,
  assigneeText,
  derive,
  policyOf,
  putMark,
  randomId,
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
  switch (verb.kind) {
    case 'done':
      setState(db, num, 'done', now, null, null);
      break;
    case 'open':
      if (before.state !== 'open') reopen(db, num, before.mailbox, now);
      break;
    case 'snooze':
      setState(db, num, 'snoozed', now, null, verb.until);
      break;
    case 'assign':
      what = 'assign';
      db.run('UPDATE conversation SET assignee = ? WHERE num = ?', assigneeText(verb.to), num);
      break;
    case 'note': {
      what = 'note';
      note = randomId();
      revision += 1;
      const row = nextRow(db, now);
      db.run('INSERT INTO note (id, conversation, author, at, text, row) VALUES (?, ?, ?, ?, ?, ?)', note, num, actor, now, verb.text, row);
      addText(db, [{ row, mailbox: before.mailbox, note: verb.text }]);
      db.run('UPDATE conversation SET revision = ? WHERE num = ?', revision, num);
      break;
    }
    default:
      verb satisfies never;
  }
  changed({ kind: 'conversation', mailbox: before.mailbox, conversation: before.id, revision, what, live: true });
  const after = db.get<{ state: WorkState; assignee: string }>('SELECT state, assignee FROM conversation WHERE num = ?', num);
  return {
    ok: true,
    revision,
    state: after?.state ?? 'done',
    assignee: assigneeOf(after?.assignee ?? ''),
    ...(note === undefined ? {} : { note }),
  };
}

export function setState(
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

/** The customer has waited since the mail that nobody answered, not since somebody noticed. */
function reopen(db: Db, num: number, mailbox: MailboxId, now: Millis): void {
  const sums = db.get<Sums>(sumsSql, num);
  const unanswered = sums !== undefined && derive(sums, 0).state === 'open';
  setState(db, num, 'open', now, (unanswered ? waitsSince(db, num, sums, policyOf(db, mailbox).workFrom) : null) ?? now, null);
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

export function releaseAll({ db, changed }: Writing, assignee: Assignee): void {
  const held = db.all<{ num: number; id: string; mailbox: MailboxId; revision: number }>(
    "SELECT num, id, mailbox, revision FROM conversation WHERE assignee = ? AND assignee <> ''",
    assigneeText(assignee),
  );
  for (const { num, id, mailbox, revision } of held) {
    db.run("UPDATE conversation SET assignee = '' WHERE num = ?", num);
    changed({ kind: 'conversation', mailbox, conversation: id, revision, what: 'assign', live: true });
  }
}

/** Opens what was snoozed until now. */
export function wake({ db, changed }: Writing, now: Millis): void {
  const due = db.all<{ num: number; id: string; mailbox: MailboxId; revision: number }>(
    'SELECT num, id, mailbox, revision FROM conversation WHERE snoozed_until <= ?',
    now,
  );
  for (const { num, id, mailbox, revision } of due) {
    reopen(db, num, mailbox, now);
    changed({ kind: 'conversation', mailbox, conversation: id, revision, what: 'state', live: true });
  }
}
