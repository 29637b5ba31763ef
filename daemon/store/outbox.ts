/**
 * What goes out. `queue` is one transaction: octets (fsynced before COMMIT), message, entry, conversation, outbox row; so whoever is
 * told "queued" finds all of it after any crash. The revision is compared in that transaction: two colleagues cannot both win.
 * The outbox engine decides the moves between states; here they are compare-and-set, nothing more.
 */
import { createHash } from 'node:crypto';
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { reaches } from './correspondents.ts';
import { addEntry, placedAt, reclassify, removeEntry } from './entry.ts';
import { record } from './journal.ts';
import { catchUpReports } from './reports.ts';
import { claimRoom } from './room.ts';
import type { Db } from './sqlite.ts';
import type {
  AuditOrigin,
  MailboxId,
  Millis,
  OutboxId,
  OutboxPatch,
  OutboxRow,
  OutboxState,
  PersonId,
  QueueRequest,
  QueueResult,
  Recipient,
} from './types.ts';
import { type Afterwards, openAgain, resolve, settleAs } from './verbs.ts';
import { type Decision, putPolicy, randomId, Touched, type Writing } from './work.ts';

type Row = Omit<OutboxRow, 'recipients' | 'answered'> & { recipients: string; answered: number };

const selectRow = `SELECT o.id, o.mailbox, o.author, o.sender AS "from", c.id AS conversation, o.entry, o.state, o.phase, o.held_for AS heldFor,
  o.message_id AS messageId, o.postroom_id AS postroomId, o.subject, o.recipients, lower(hex(m.hash)) AS hash, o.created_at AS createdAt,
  o.send_at AS sendAt, o.attempts, o.next_attempt_at AS nextAttemptAt, o.last_error AS lastError, o.sent_copy AS sentCopy,
  o.sent_copy_attempts AS sentCopyAttempts, o.answers, o.answered, o.remark
  FROM outbox o JOIN conversation c ON c.num = o.conversation JOIN message m ON m.num = o.message`;

const toRow = ({ recipients, answered, ...row }: Row): OutboxRow => ({
  ...row,
  answered: answered === 1,
  recipients: JSON.parse(recipients) as Recipient[],
});

// --- queue ---------------------------------------------------------------------------------------------------------

export function queue(writing: Writing, request: QueueRequest): QueueResult {
  const { db, changed } = writing;
  const { mailbox, author, now } = request;
  if (request.idempotencyKey !== null) {
    const again = rowWhere(db, 'o.author = ? AND o.idempotency_key = ?', author, request.idempotencyKey);
    if (again !== null) return { ok: true, row: again, repeated: true };
  }
  const joins = request.conversation === null ? null : resolve(db, request.conversation);
  const before = joins === null ? undefined : workBefore(db, joins);
  if (request.conversation !== null && before?.mailbox !== mailbox) throw notFound();
  if (before !== undefined && request.ifRevision !== null && before.revision !== request.ifRevision)
    return { ok: false, revision: before.revision };

  const hash = createHash('sha256').update(request.octets).digest();
  const known = db.get<{ outbox: OutboxId | null }>(
    'SELECT e.outbox FROM message m JOIN entry e ON e.message = m.num AND e.mailbox = ? WHERE m.hash = ?',
    mailbox,
    hash,
  );
  if (known !== undefined) {
    const again = known.outbox === null ? null : rowWhere(db, 'o.id = ?', known.outbox);
    if (again !== null) return { ok: true, row: again, repeated: true }; // the same octets are the same mail: never sent twice
    throw new PostroomError('invalid', 'Exactly this mail is in the mailbox already. Compose it anew.');
  }
  const aside = isAside(db, request, joins);
  // First: the conversation is then as it was before that mail, and taking the new one back leads there.
  if (request.instead != null) {
    const { id, expected, patch } = request.instead;
    if (patch === null || !outboxMove(writing, id, expected, patch, author, request.by))
      return { ok: false, instead: rowWhere(db, 'o.id = ?', id)?.state ?? null };
  }

  claimRoom(writing.packs.dir, request.octets.length, 'outgoing');
  putPolicy(writing, mailbox, request.policy);
  const touched = new Touched(writing);
  const entry = addEntry(writing, touched, {
    mailbox,
    policy: request.policy,
    octets: request.octets,
    hash,
    receivedAt: now,
    found: 'queued',
    joins,
    live: true,
  });
  const found: Decision = workBefore(db, entry.conversation)?.before ?? {
    state: 'done',
    decidedAt: null,
    waitingSince: null,
    snoozedUntil: null,
  };
  const { state, waitingSince, snoozedUntil } = found;
  const afterwards: Afterwards =
    aside && request.afterwards === 'waiting'
      ? { state, waitingSince, snoozedUntil }
      : { state: request.afterwards, waitingSince: null, snoozedUntil: null };
  const id = randomId();
  const recipients: Recipient[] = request.recipients.map((address) => ({ address, state: 'pending', reply: null }));
  db.run(
    `INSERT INTO outbox (id, mailbox, author, sender, conversation, entry, message, state, held_for, message_id, postroom_id, subject, recipients,
     created_at, send_at, idempotency_key, before, afterwards, answers) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    mailbox,
    author,
    request.from,
    entry.conversation,
    entry.id,
    entry.message,
    request.sendAt > now ? 'held' : 'queued',
    request.sendAt > now ? 'time' : null,
    request.messageId,
    request.postroomId,
    request.subject,
    JSON.stringify(recipients),
    now,
    request.sendAt,
    request.idempotencyKey,
    JSON.stringify(found),
    JSON.stringify(afterwards),
    request.answers ?? null,
  );
  db.run('UPDATE entry SET outbox = ?, author = ?, aside = ? WHERE row = ?', id, author, Number(aside), entry.row);
  const pending = reclassify(writing, touched, entry.row, 'live');
  // Queueing decides, whatever the dates of what is there already: the author saw it (`ifRevision`).
  pending.decision = { ...afterwards, decidedAt: now };
  pending.because = { actor: author, at: now, why: 'answered' };
  touched.settle();

  const row = rowWhere(db, 'o.id = ?', id);
  if (row === null) throw new Error(`outbox row ${id} is not there`);
  const { conversation, messageId } = row;
  const details = { outbox: id, messageId, sendAt: new Date(request.sendAt).toISOString(), session: request.session ?? null };
  record(writing, { at: now, kind: 'mail-out', mailbox, conversation, actor: author, summary: row.state, details, key: null });
  auditMove(writing, row, { action: 'send', summary: `sent a mail to ${count(recipients.length)}: ${row.state}` }, author, request.by);
  changed({ kind: 'outbox', mailbox, outbox: id, state: row.state, author, conversation });
  return { ok: true, row, repeated: false };
}

/** Whether it answers nobody who waits: as the request says, not when it takes the place of one that answers, else by whom it goes to. */
function isAside(db: Db, request: QueueRequest, conversation: number | null): boolean {
  if (conversation === null) return false;
  if (request.answersThem != null) return !request.answersThem;
  const old = db.get<{ aside: number }>(
    'SELECT e.aside FROM outbox o JOIN entry e ON e.id = o.entry WHERE o.id = ?',
    request.instead?.id ?? null,
  );
  if (old?.aside === 0) return false;
  return !reaches(db, conversation, request.recipients, request.policy.addresses);
}

function workBefore(db: Db, conversation: number): { mailbox: MailboxId; revision: number; before: Decision } | undefined {
  const row = db.get<Decision & { mailbox: MailboxId; revision: number }>(
    `SELECT mailbox, revision, state, decided_at AS decidedAt, waiting_since AS waitingSince, snoozed_until AS snoozedUntil
     FROM conversation WHERE num = ?`,
    conversation,
  );
  if (row === undefined) return undefined;
  const { mailbox, revision, ...before } = row;
  return { mailbox, revision, before };
}

/** The conversation's state when this mail was queued. */
function foundBy(db: Db, id: OutboxId): Decision | undefined {
  const row = db.get<{ before: string }>('SELECT before FROM outbox WHERE id = ?', id);
  return row === undefined ? undefined : (JSON.parse(row.before) as Decision);
}

// --- moves ---------------------------------------------------------------------------------------------------------

export function outboxMove(
  writing: Writing,
  id: OutboxId,
  expected: OutboxState,
  patch: OutboxPatch,
  actor: PersonId | null = null,
  by?: By,
): boolean {
  const { db, changed } = writing;
  const columns = {
    state: patch.state,
    phase: patch.phase,
    held_for: patch.heldFor,
    recipients: patch.recipients === undefined ? undefined : JSON.stringify(patch.recipients),
    send_at: patch.sendAt,
    attempts: patch.attempts,
    next_attempt_at: patch.nextAttemptAt,
    last_error: patch.lastError,
    sent_copy: patch.sentCopy,
    sent_copy_attempts: patch.sentCopyAttempts,
    answered: patch.answered === undefined ? undefined : Number(patch.answered),
    remark: patch.remark,
  };
  const given = Object.entries(columns).flatMap(([column, value]) => (value === undefined ? [] : [{ column, value }]));
  const set = ['state = state', ...given.map(({ column }) => `${column} = ?`)].join(', ');
  const { changes } = db.run(`UPDATE outbox SET ${set} WHERE id = ? AND state = ?`, ...given.map(({ value }) => value), id, expected);
  if (changes === 0) return false;
  const row = rowWhere(db, 'o.id = ?', id);
  if (row === null) return false;
  // What was held for its time and is held for a right now stays in its state, and does not leave any more.
  const isNews = row.state !== expected || patch.heldFor === 'right';
  recordMove(writing, row, { expected, isNews, patch }, actor, by);
  if (row.state === 'cancelled' && expected !== 'cancelled') cancel(writing, row, actor);
  if (isNews) followFate(writing, row);
  changed({ kind: 'outbox', mailbox: row.mailbox, outbox: id, state: row.state, author: row.author, conversation: row.conversation });
  if (expected === 'sending' && row.state !== 'sending') catchUpReports(writing, id);
  return true;
}

/**
 * What did not get to whom it was for is work again, and when another attempt is accepted the conversation comes to what its author
 * wanted, unless something else happened to it since.
 */
function followFate(writing: Writing, row: OutboxRow): void {
  const { db, now } = writing;
  const conversation = resolve(db, row.conversation);
  const work = conversation === null ? undefined : workBefore(db, conversation)?.before;
  const own = db.get<{ openedAt: Millis | null; afterwards: string }>(
    'SELECT opened_at AS openedAt, afterwards FROM outbox WHERE id = ?',
    row.id,
  );
  if (conversation === null || work === undefined || own === undefined) return;
  const openedAt = (at: Millis | null): unknown => db.run('UPDATE outbox SET opened_at = ? WHERE id = ?', at, row.id);
  const why = whyOpened(row);
  if (why !== null && work.state !== 'open') {
    // The mail left nothing behind but that it failed: they wait as long as they did before it.
    const since = work.decidedAt === row.createdAt ? (foundBy(db, row.id)?.waitingSince ?? null) : null;
    const at = now();
    openAgain(writing, conversation, at, why, since);
    openedAt(at);
  } else if (why !== null && openedByMail(db, conversation, row.id, work.decidedAt)) {
    openedAt(work.decidedAt);
  }
  if (own.openedAt === null || row.state !== 'accepted' || row.recipients.some(({ state }) => state !== 'accepted')) return;
  openedAt(null);
  const isFree = work.state === 'open' && work.decidedAt === own.openedAt && !openedByMail(db, conversation, row.id, work.decidedAt);
  if (isFree) settleAs(writing, conversation, JSON.parse(own.afterwards) as Afterwards, 'a mail of ours was taken after all');
}

/** Whether another mail of the conversation is why it was opened at that moment, and still is no better. */
const openedByMail = (db: Db, conversation: number, but: OutboxId, at: Millis | null): boolean =>
  db.get('SELECT 1 FROM outbox WHERE conversation = ? AND id <> ? AND opened_at = ?', conversation, but, at) !== undefined;

function whyOpened({ state, heldFor, lastError }: OutboxRow): string | null {
  const because = lastError === null ? '' : `: ${lastError}`;
  if (state === 'failed') return `a mail of ours did not leave${because}`;
  if (state === 'bounced') return `a mail of ours came back${because}`;
  return state === 'held' && heldFor === 'right' ? `a mail of ours is held${because}` : null;
}

/** What a mail came to, and what a person decided about it. Waiting, trying and trying again are on the outbox's own page. */
function recordMove(
  writing: Writing,
  row: OutboxRow,
  { expected, isNews, patch }: { expected: OutboxState; isNews: boolean; patch: OutboxPatch },
  actor: PersonId | null,
  by?: By,
): void {
  const summary = isNews ? fate(row, actor) : copyLost(patch);
  if (summary === null) return;
  const { mailbox, conversation } = row;
  const details = { outbox: row.id, before: expected, after: row.state, reason: row.lastError };
  record(writing, { at: writing.now(), kind: 'delivery', mailbox, conversation, actor, summary, details, key: null });
  if (!isNews) return; // the mail's own fate is as it was
  const decided = { queued: 'retry', accepted: 'settle', cancelled: 'cancel' } as const;
  const action = actor !== null && row.state in decided ? decided[row.state as keyof typeof decided] : row.state;
  auditMove(writing, row, { action, summary, before: expected }, actor, by);
}

/** A person's name is known to whoever asks, not to the store. */
type By = { name: string; origin: AuditOrigin | null };

/** No contents and no recipients: the mail itself has them, for those who may read it. */
function auditMove(
  { db, audit, now }: Writing,
  row: OutboxRow,
  { action, summary, before }: { action: string; summary: string; before?: OutboxState },
  actor: PersonId | null,
  by: By | undefined,
): void {
  const of = (...states: Recipient['state'][]): number => row.recipients.filter(({ state }) => states.includes(state)).length;
  audit.append(db, {
    at: now(),
    actor: actor === null ? null : { id: actor, name: by?.name ?? actor },
    origin: by?.origin ?? null,
    action: `outbox.${action}`,
    subject: row.messageId,
    person: row.author,
    mailbox: { id: row.mailbox, address: row.from },
    summary,
    details: {
      outbox: row.id,
      state: row.state,
      ...(before === undefined ? {} : { before }),
      recipients: row.recipients.length,
      accepted: of('accepted'),
      failed: of('failed', 'bounced'),
      ...(row.sendAt > row.createdAt ? { sendAt: new Date(row.sendAt).toISOString() } : {}),
      ...(row.lastError === null ? {} : { reason: row.lastError }),
    },
    once: null,
  });
}

const count = (recipients: number): string => (recipients === 1 ? '1 recipient' : `${recipients} recipients`);

const copyLost = ({ sentCopy, lastError }: OutboxPatch): string | null => (sentCopy === 'failed' ? (lastError ?? 'no copy in Sent') : null);

function fate({ state, heldFor, lastError, recipients }: OutboxRow, actor: PersonId | null): string | null {
  const because = lastError === null ? '' : `: ${lastError}`;
  switch (state) {
    case 'accepted':
      if (actor === null) return 'accepted';
      return recipients.every((one) => one.state === 'accepted') ? 'did arrive, says a person' : 'given up for those whom it did not reach';
    case 'unknown':
    case 'failed':
    case 'bounced':
      return `${state}${because}`;
    case 'held':
      return heldFor === 'right' ? `held${because}` : null;
    case 'cancelled':
      return recipients.every((one) => one.state === 'pending') ? 'taken back before it was sent' : 'given up';
    case 'queued':
      return actor === null ? null : 'to be sent again';
    case 'waiting-approval':
    case 'sending':
      return null;
    default:
      return state satisfies never;
  }
}

/** Takes the mail out of its conversation, which gets back the state it had unless something moved it since. */
function cancel(writing: Writing, row: OutboxRow, actor: PersonId | null): void {
  const { db, changed, now } = writing;
  const own = db.get<{ num: number; conversation: number; before: string }>(
    'SELECT num, conversation, before FROM outbox WHERE id = ?',
    row.id,
  );
  const entry = db.get<{ row: number }>('SELECT row FROM entry WHERE id = ?', row.entry);
  if (own === undefined || entry === undefined) return;
  const decided = workBefore(db, own.conversation)?.before;
  const before = JSON.parse(own.before) as Decision;

  db.run('UPDATE entry SET outbox = NULL WHERE row = ?', entry.row);
  const touched = new Touched(writing);
  const pending = touched.touch(own.conversation);
  // A copy lies in the mailbox all the same (somebody discarded one whose fate was unknown): then it stays.
  if (placedAt(db, entry.row).places > 0) reclassify(writing, touched, entry.row, 'import');
  else removeEntry(db, entry.row);
  const untouched = decided?.decidedAt === row.createdAt;
  pending.because = { actor, at: now(), why: 'what was sent is taken back' };
  if (untouched) pending.decision = before;
  else pending.rederive = decided?.state === 'waiting';
  touched.settle();
  const after = db.get<{ id: string; revision: number }>(
    'UPDATE conversation SET revision = revision + 1 WHERE num = ? RETURNING id, revision',
    own.conversation,
  );
  if (after !== undefined) {
    const { id: conversation, revision } = after;
    changed({ kind: 'conversation', mailbox: row.mailbox, conversation, revision, what: 'state', live: true, by: actor });
  }
}

// --- read ----------------------------------------------------------------------------------------------------------

function rowWhere(db: Db, where: string, ...values: string[]): OutboxRow | null {
  const row = db.get<Row>(`${selectRow} WHERE ${where}`, ...values);
  return row === undefined ? null : toRow(row);
}

export const outboxRow = (db: Db, id: OutboxId): OutboxRow | null => rowWhere(db, 'o.id = ?', id);

/** By the index of (author, idempotency key). */
export const unsentOf = (db: Db, author: PersonId): OutboxRow[] =>
  db.all<Row>(`${selectRow} WHERE o.author = ? AND o.state IN ('held', 'waiting-approval', 'queued') ORDER BY o.num`, author).map(toRow);

/** Newest first. */
export function outboxOf(db: Db, filter: { mailboxes: readonly MailboxId[]; states?: readonly OutboxState[]; limit: number }): OutboxRow[] {
  const states = filter.states === undefined ? '' : 'AND o.state IN (SELECT value FROM json_each(?))';
  return db
    .all<Row>(
      `${selectRow} WHERE o.mailbox IN (SELECT value FROM json_each(?)) ${states} ORDER BY o.num DESC LIMIT ?`,
      JSON.stringify(filter.mailboxes),
      ...(filter.states === undefined ? [] : [JSON.stringify(filter.states)]),
      filter.limit,
    )
    .map(toRow);
}

const dueAt = 'max(o.send_at, coalesce(o.next_attempt_at, 0))';
const waits = "(o.state = 'queued' OR (o.state = 'held' AND o.held_for = 'time'))";

export const outboxDue = (db: Db, now: Millis, limit: number): OutboxRow[] =>
  db.all<Row>(`${selectRow} WHERE ${waits} AND ${dueAt} <= ? ORDER BY ${dueAt}, o.num LIMIT ?`, now, limit).map(toRow);

export const nextOutboxAt = (db: Db): Millis | null =>
  db.get<{ at: Millis }>(`SELECT ${dueAt} AS at FROM outbox o WHERE ${waits} ORDER BY ${dueAt}, o.num LIMIT 1`)?.at ?? null;

export const outboxInterrupted = (db: Db): OutboxRow[] => db.all<Row>(`${selectRow} WHERE o.state = 'sending' ORDER BY o.num`).map(toRow);

/** Partly sent is sent for those who got it: a row that failed for others is filed too. */
/** What a person should look at: mail that failed, came back or is of unknown fate, and copies that Sent did not take; newest first. */
export const outboxTroubled = (db: Db, mailbox: MailboxId, limit: number): OutboxRow[] =>
  db
    .all<Row>(
      `${selectRow} WHERE o.mailbox = ? AND (o.state IN ('failed', 'unknown', 'bounced') OR o.state = 'accepted' AND (o.sent_copy = 'failed'
         OR o.sent_copy = 'pending' AND o.sent_copy_attempts > 0)) ORDER BY o.num DESC LIMIT ?`,
      mailbox,
      limit,
    )
    .map(toRow);

export const outboxUnfiled = (db: Db, limit: number): OutboxRow[] =>
  db
    .all<Row>(
      `${selectRow} WHERE o.sent_copy = 'pending' AND (o.state = 'accepted' OR o.state IN ('failed', 'unknown', 'bounced') AND o.recipients LIKE '%"state":"accepted"%')
       ORDER BY o.num LIMIT ?`,
      limit,
    )
    .map(toRow);

export const outboxUnanswered = (db: Db, limit: number): OutboxId[] =>
  db
    .all<{ id: OutboxId }>(
      "SELECT id FROM outbox WHERE answered = 0 AND answers IS NOT NULL AND state = 'accepted' ORDER BY num LIMIT ?",
      limit,
    )
    .map(({ id }) => id);
