/**
 * Conversations as work: how mail, people and other clients move their state. Everything here runs inside a transaction of the
 * writer, which gathers what it touched in `Touched` and settles it at the end, once for each conversation.
 *
 * - `decided_at` null: the state follows the mail alone (`derive`), a function of the entries, so any order of arrival gives the
 *   same. A verb, live mail or another client decides (`decided_at`); imported mail overrules that only when it is newer by date.
 * - Fed by: the inbox and user-made folders. Counted: those, archive, all mail, sent and the outbox; never junk, trash, drafts.
 * - Live mail from outside reopens; automatic mail only opens a conversation that it begins, receipts and delays not even that; what
 *   says that a mail of ours did not arrive opens the conversation of that mail. Mail before `workFrom` never does.
 * - A mail of ours that goes to nobody who wrote answers nobody (`aside`): it leaves the state.
 * - An answer by another client moves to waiting, unless newer mail from outside is there already.
 * - No incoming mail left in a feeding folder: done; one that comes back: as it was before, open where a person had closed it
 *   (`followServer`). What it was is kept while it is done (`was`), so that an undo loses nobody's turn.
 * - The revision rises with live mail in or out, notes and merges, never with imports, flags, read marks or assignment.
 */
import { randomFillSync } from 'node:crypto';
import { writerOfStored } from '../mail/correspondent.ts';
import type { Address } from '../mail/message.ts';
import type { AuditChain } from './audit.ts';
import { judgeForeign } from './correspondents.ts';
import { record } from './journal.ts';
import type { PackWriter } from './packs.ts';
import type { Db } from './sqlite.ts';
import { addText, type TextRow } from './text.ts';
import type {
  Assignee,
  ConversationId,
  Direction,
  EntryId,
  MailboxId,
  Millis,
  PersonId,
  StoreChange,
  WorkPolicy,
  WorkState,
} from './types.ts';

/** What every operation of the writer is handed. */
export type Writing = { db: Db; packs: PackWriter; audit: AuditChain; now: () => Millis; changed: (change: StoreChange) => void };

/** Asking the kernel for each id would cost a tenth of an import. */
const randomness = { octets: Buffer.alloc(4_096), used: 4_096 };

/** 120 random bits, base32: unguessable, and safe in a shell and a file name. */
export function randomId(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  if (randomness.used + 24 > randomness.octets.length) {
    randomFillSync(randomness.octets);
    randomness.used = 0;
  }
  let id = '';
  for (const octet of randomness.octets.subarray(randomness.used, randomness.used + 24)) id += alphabet[octet & 31];
  randomness.used += 24;
  return id;
}

export const assigneeText = (to: Assignee | null): string => (to === null ? '' : `${to.kind}:${to.id}`);
export function assigneeOf(text: string): Assignee | null {
  if (text === '') return null;
  const colon = text.indexOf(':');
  return { kind: text.slice(0, colon) === 'role' ? 'role' : 'person', id: text.slice(colon + 1) };
}

// --- policy ------------------------------------------------------------------------------------------------------

export function putPolicy({ db }: Writing, mailbox: MailboxId, policy: WorkPolicy): void {
  db.run(
    `INSERT INTO policy (mailbox, work_from, follow_server) VALUES (?, ?, ?) ON CONFLICT (mailbox) DO UPDATE
     SET work_from = excluded.work_from, follow_server = excluded.follow_server
     WHERE work_from IS NOT excluded.work_from OR follow_server <> excluded.follow_server`,
    mailbox,
    policy.workFrom,
    Number(policy.followServer),
  );
}

type Policy = { workFrom: Millis; followServer: boolean };

export function policyOf(db: Db, mailbox: MailboxId): Policy {
  const row = db.get<{ work_from: Millis | null; follow_server: number }>(
    'SELECT work_from, follow_server FROM policy WHERE mailbox = ?',
    mailbox,
  );
  return { workFrom: row?.work_from ?? 0, followServer: row?.follow_server !== 0 };
}

// --- what mail alone says ------------------------------------------------------------------------------------------

/** A conversation's entries, added up. Times are of receipt; null where there is no such entry. */
export type Sums = {
  entries: number;
  messages: number;
  attachments: number;
  incoming: number;
  first: number | null;
  last: number | null;
  lastWritten: number | null;
  lastOut: number | null;
  lastFeeding: number | null;
  anyFirst: number | null;
  anyLast: number | null;
  outAt: Millis | null;
  foreignOutAt: Millis | null;
  inAt: Millis | null;
  automaticAt: Millis | null;
  /** A report that a mail of ours did not arrive. */
  bouncedAt: Millis | null;
};

export const sumsSql = `SELECT count(*) AS entries,
  count(*) FILTER (WHERE counted = 1) AS messages,
  coalesce(sum(attachments) FILTER (WHERE counted = 1), 0) AS attachments,
  count(*) FILTER (WHERE counted = 1 AND direction = 'in') AS incoming,
  min(row) FILTER (WHERE counted = 1) AS first,
  max(row) FILTER (WHERE counted = 1) AS last,
  coalesce(max(row) FILTER (WHERE counted = 1 AND direction = 'in' AND automatic = 0 AND claims = 0),
    max(row) FILTER (WHERE counted = 1 AND direction = 'in' AND automatic = 0)) AS lastWritten,
  max(row) FILTER (WHERE counted = 1 AND direction = 'out') AS lastOut,
  max(row) FILTER (WHERE feeds = 1) AS lastFeeding,
  min(row) AS anyFirst,
  max(row) AS anyLast,
  max(received_at) FILTER (WHERE counted = 1 AND direction = 'out' AND aside = 0) AS outAt,
  max(received_at) FILTER (WHERE counted = 1 AND direction = 'out' AND aside = 0 AND author IS NULL) AS foreignOutAt,
  max(received_at) FILTER (WHERE feeds = 1 AND automatic = 0) AS inAt,
  max(received_at) FILTER (WHERE feeds = 1 AND automatic = 1) AS automaticAt,
  max(received_at) FILTER (WHERE feeds = 1 AND bounced = 1) AS bouncedAt
  FROM entry WHERE conversation = ? AND same_as IS NULL`;

type Derived = { state: 'open' | 'waiting' | 'done'; at: Millis };

/** The state that the mail alone gives: that of the newest which counts. Automatic mail counts where there is nothing else. */
export function derive(sums: Pick<Sums, 'incoming' | 'outAt' | 'inAt' | 'automaticAt' | 'bouncedAt'>, workFrom: Millis): Derived {
  const written = sums.inAt ?? (sums.outAt === null ? sums.automaticAt : null);
  // What came back is not answered.
  const inAt = sums.bouncedAt === null ? written : Math.max(written ?? 0, sums.bouncedAt);
  const filed = sums.incoming > 0 && sums.inAt === null && sums.automaticAt === null;
  const at = Math.max(inAt ?? 0, sums.outAt ?? 0);
  if (filed || at < workFrom || (inAt === null && sums.outAt === null)) return { state: 'done', at };
  return { state: inAt !== null && inAt >= (sums.outAt ?? 0) ? 'open' : 'waiting', at };
}

/** The first mail from outside after `settled` that nobody has answered. */
export function waitsSince(db: Db, conversation: number, sums: Sums, workFrom: Millis, settled: Millis = -1): Millis | null {
  const row = db.get<{ since: Millis | null }>(
    `SELECT min(received_at) AS since FROM entry
     WHERE conversation = ? AND feeds = 1 AND same_as IS NULL AND automatic <= ? AND received_at > ? AND received_at >= ?`,
    conversation,
    sums.inAt === null ? 1 : 0,
    Math.max(sums.outAt ?? -1, settled),
    workFrom,
  );
  return row?.since ?? sums.inAt ?? sums.automaticAt;
}

// --- what one transaction touched ----------------------------------------------------------------------------------

export type Arrival = {
  id: EntryId;
  author: PersonId | null;
  direction: Direction;
  feeds: boolean;
  automatic: boolean;
  /** Automatic, and never work. */
  quiet: boolean;
  /** It says that a mail of ours did not arrive. */
  bounced: boolean;
  receivedAt: Millis;
};
/** A state that somebody gives it, whatever the mail says. */
export type Decision = {
  state: WorkState;
  decidedAt: Millis | null;
  waitingSince: Millis | null;
  snoozedUntil: Millis | null;
};
type Pending = {
  /** Made in this transaction. */
  begun: boolean;
  /** Live mail, to be applied in the order of its dates. */
  arrivals: Arrival[];
  /** Imported mail: the state follows if it is newer. */
  imported: Direction | null;
  /** An incoming entry no longer feeds it. */
  lost: boolean;
  /** Receipt of an incoming entry that feeds it again. */
  restored: Millis | null;
  /** The state is to be worked out anew whatever was decided. */
  rederive: boolean;
  decision: Decision | null;
  /** For the journal: who moves the state, when, and in words why; null: the mail that is here says it. */
  because: { actor: PersonId | null; at: Millis; why: string } | null;
  flags: boolean;
  /** Mail came in, so that which mails of ours answer it may be another matter; the mailbox's addresses. */
  judge: readonly string[] | null;
};

type Work = {
  id: ConversationId;
  mailbox: MailboxId;
  state: WorkState;
  decided_at: Millis | null;
  waiting_since: Millis | null;
  revision: number;
  shown: number;
};

export class Touched {
  readonly #writing: Writing;
  readonly #pending = new Map<number, Pending>();
  readonly #texts: TextRow[] = [];

  constructor(writing: Writing) {
    this.#writing = writing;
  }

  begin(mailbox: MailboxId): number {
    const { row } = this.#writing.db.run('INSERT INTO conversation (id, mailbox) VALUES (?, ?)', randomId(), mailbox);
    this.touch(row).begun = true;
    return row;
  }

  touch(conversation: number): Pending {
    const found = this.#pending.get(conversation);
    if (found !== undefined) return found;
    const pending: Pending = {
      begun: false,
      arrivals: [],
      imported: null,
      lost: false,
      restored: null,
      rederive: false,
      decision: null,
      because: null,
      judge: null,
      flags: false,
    };
    this.#pending.set(conversation, pending);
    return pending;
  }

  /** To be found by its words when the transaction is. */
  text(row: TextRow): void {
    this.#texts.push(row);
  }

  /** Joins `loser` into the older `survivor`; its id resolves there from now on. */
  merge(survivor: number, loser: number): void {
    const { db, changed } = this.#writing;
    const into = this.touch(survivor);
    const from = this.touch(loser);
    this.#pending.delete(loser);
    into.begun &&= from.begun;
    into.arrivals.push(...from.arrivals);
    into.imported ??= from.imported;
    into.lost ||= from.lost;
    into.restored ??= from.restored;
    into.rederive ||= from.rederive;
    into.decision ??= from.decision;
    into.because ??= from.because;
    into.judge ??= from.judge;

    mergeMarks(db, survivor, loser);
    const a = workOf(db, survivor);
    const b = workOf(db, loser);
    const joined = joinStates(a, b);
    if (joined === 'derive') into.rederive = true;
    for (const table of ['entry', 'gone']) db.run(`UPDATE ${table} SET conversation = ? WHERE conversation = ?`, survivor, loser);
    db.run('INSERT OR IGNORE INTO thread_key SELECT mailbox, key, ? FROM thread_key WHERE conversation = ?', survivor, loser);
    db.run('DELETE FROM thread_key WHERE conversation = ?', loser);
    db.run('INSERT OR IGNORE INTO star SELECT person, ? FROM star WHERE conversation = ?', survivor, loser);
    db.run('DELETE FROM star WHERE conversation = ?', loser);
    db.run('UPDATE note SET conversation = ? WHERE conversation = ?', survivor, loser);
    db.run('UPDATE outbox SET conversation = ? WHERE conversation = ?', survivor, loser);
    const revision = Math.max(a.revision, b.revision) + 1;
    const kept = joined === 'derive' ? a : joined;
    db.run(
      `UPDATE conversation SET revision = ?, state = ?, decided_at = ?, waiting_since = ?, snoozed_until = ?,
       assignee = CASE WHEN assignee = '' THEN (SELECT assignee FROM conversation WHERE num = ?) ELSE assignee END WHERE num = ?`,
      revision,
      kept.state,
      joined === 'derive' ? null : kept.decided_at,
      kept.waiting_since,
      kept.state === 'snoozed' ? kept.snoozed_until : null,
      loser,
      survivor,
    );
    db.run('UPDATE conversation SET merged_into = ? WHERE merged_into = ?', survivor, loser);
    db.run(
      `UPDATE conversation SET merged_into = ?, revision = ?, state = 'done', waiting_since = NULL, snoozed_until = NULL, assignee = '',
       shown = 0, messages = 0, attachments = 0, last_row = 0, last_in_row = 0 WHERE num = ?`,
      survivor,
      revision,
      loser,
    );
    // Threads that an import puts together were never seen apart.
    if (a.decided_at !== null || b.decided_at !== null) {
      const summary = 'two conversations became one: a mail belongs to both';
      const told = { kind: 'system' as const, mailbox: a.mailbox, conversation: a.id, actor: null, key: null };
      record(this.#writing, { ...told, at: this.#writing.now(), summary, details: { action: 'conversation.merge', merged: b.id } });
    }
    changed({
      kind: 'conversation',
      mailbox: b.mailbox,
      conversation: b.id,
      revision,
      what: 'merged',
      live: into.arrivals.length > 0,
      by: null,
    });
  }

  /** Brings rows and states of all that was touched up to date; at the end of the transaction. */
  settle(): void {
    for (const [conversation, pending] of this.#pending) settleOne(this.#writing, conversation, pending);
    this.#pending.clear();
    addText(this.#writing.db, this.#texts.splice(0));
  }
}

export const workOf = (db: Db, conversation: number): Work & { snoozed_until: Millis | null } => {
  const row = db.get<Work & { snoozed_until: Millis | null }>(
    'SELECT id, mailbox, state, decided_at, waiting_since, snoozed_until, revision, shown FROM conversation WHERE num = ?',
    conversation,
  );
  if (row === undefined) throw new Error(`conversation ${conversation} is not there`);
  return row;
};

/** Open beats everything, unless mail alone says otherwise: then the newest mail of both decides. */
function joinStates<W extends Work>(a: W, b: W): W | 'derive' {
  if (a.decided_at === null && b.decided_at === null) return 'derive';
  const rank: readonly WorkState[] = ['done', 'waiting', 'snoozed', 'open'];
  const [low, high] = rank.indexOf(a.state) <= rank.indexOf(b.state) ? [a, b] : [b, a];
  // We answered one part; the other only looks unanswered because its older mail came in apart.
  if (high.state === 'open' && high.decided_at === null && low.state === 'waiting') return 'derive';
  const since = [a, b].flatMap((it) => (it.state === 'open' && it.waiting_since !== null ? [it.waiting_since] : []));
  return {
    ...high,
    waiting_since: since.length === 0 ? null : Math.min(...since),
    decided_at: Math.max(a.decided_at ?? 0, b.decided_at ?? 0),
  };
}

/** Who marked both loses no unread mail: their mark falls to just before the first that was unread in either. */
function mergeMarks(db: Db, survivor: number, loser: number): void {
  const marks = db.all<{ person: PersonId; mine: number | null; other: number }>(
    `SELECT l.person, l.upto AS other, (SELECT upto FROM read_mark WHERE person = l.person AND conversation = ?) AS mine
     FROM read_mark l WHERE l.conversation = ?`,
    survivor,
    loser,
  );
  const firstUnread = (conversation: number, upto: number): number =>
    db.get<{ row: number | null }>(
      'SELECT min(row) AS row FROM entry WHERE conversation = ? AND feeds = 1 AND same_as IS NULL AND row > ?',
      conversation,
      upto,
    )?.row ?? Number.MAX_SAFE_INTEGER;
  for (const { person, mine, other } of marks) {
    const unread = mine === null ? Number.MAX_SAFE_INTEGER : Math.min(firstUnread(survivor, mine), firstUnread(loser, other));
    putMark(db, person, survivor, Math.min(Math.max(mine ?? 0, other), unread - 1));
  }
  db.run('DELETE FROM read_mark WHERE conversation = ?', loser);
}

export function putMark(db: Db, person: PersonId, conversation: number, upto: number): void {
  db.run(
    'INSERT INTO read_mark (person, conversation, upto) VALUES (?, ?, ?) ON CONFLICT (person, conversation) DO UPDATE SET upto = excluded.upto',
    person,
    conversation,
    upto,
  );
}

function settleOne(writing: Writing, conversation: number, pending: Pending): void {
  const { db, changed } = writing;
  const before = workOf(db, conversation);
  if (pending.judge !== null) judgeForeign(db, conversation, pending.judge);
  const sums = db.get<Sums>(sumsSql, conversation);
  if (sums === undefined || (sums.entries === 0 && forgetEmpty(db, conversation))) {
    changed({
      kind: 'conversation',
      mailbox: before.mailbox,
      conversation: before.id,
      revision: before.revision,
      what: 'gone',
      live: false,
      by: null,
    });
    return;
  }
  const shown = sums.messages === 0 ? 0 : sums.incoming === 0 ? 1 : 2;
  describe(db, conversation, sums, shown);

  const after = pending.decision ?? nextState(writing, conversation, before, pending, sums);
  const revision = before.revision + (pending.begun ? Math.max(0, pending.arrivals.length - 1) : pending.arrivals.length);
  db.run(
    `UPDATE conversation SET state = ?, decided_at = ?, waiting_since = ?, revision = ?,
     snoozed_until = CASE WHEN ? = 'snoozed' THEN coalesce(?, snoozed_until) END WHERE num = ?`,
    after.state,
    after.decidedAt,
    after.state === 'open' ? after.waitingSince : null,
    revision,
    after.state,
    pending.decision?.snoozedUntil ?? null,
    conversation,
  );
  for (const { id, direction, receivedAt } of pending.arrivals) {
    changed({ kind: 'activity', mailbox: before.mailbox, id, what: `mail-${direction}`, at: receivedAt, conversation: before.id });
  }
  // What history amounts to while it is imported happened to nobody; what was decided here and is overruled did.
  const happened = pending.arrivals.length > 0 || pending.because !== null || before.decided_at !== null;
  if (after.state !== before.state && !pending.begun && happened) {
    const { actor, at, why } = pending.because ?? { actor: null, at: writing.now(), why: whyMoved(pending) };
    recordState(writing, before, after.state, { actor, at, why });
  }

  const mail = pending.arrivals.some(({ direction }) => direction === 'in') ? 'in' : (pending.arrivals[0]?.direction ?? pending.imported);
  const what =
    before.shown > 0 && shown === 0 ? 'gone' : mail !== null ? (`mail-${mail}` as const) : after.state !== before.state ? 'state' : 'flags';
  changed({
    kind: 'conversation',
    mailbox: before.mailbox,
    conversation: before.id,
    revision,
    what,
    live: pending.arrivals.length > 0 || pending.lost || pending.restored !== null,
    by: pending.because?.actor ?? null,
  });
}

export function recordState(
  writing: Writing,
  before: Pick<Work, 'id' | 'mailbox' | 'state'>,
  after: WorkState,
  { actor, at, why }: { actor: PersonId | null; at: Millis; why: string | null },
): void {
  const { id: conversation, mailbox, state } = before;
  const summary = `${state} → ${after}${why === null ? '' : `: ${why}`}`;
  record(writing, { at, kind: 'state', mailbox, conversation, actor, summary, details: { before: state, after }, key: null });
}

function whyMoved({ arrivals, lost, restored }: Pending): string {
  const last = arrivals.at(-1); // in the order of their dates by now
  if (last?.bounced === true) return 'a mail of ours came back';
  if (last !== undefined) return last.direction === 'in' ? 'a mail came in' : 'answered outside Postroom';
  if (restored !== null) return 'put back in the mailbox';
  return lost ? 'filed in the mailbox' : 'mail was found that is newer';
}

/** What it was before it was done, without a wait that was answered since; null where that is not known. */
export function lastingWas(db: Db, conversation: number, { outAt }: Pick<Sums, 'outAt'>): Decision | null {
  const row = db.get<{ was: string | null }>('SELECT was FROM conversation WHERE num = ?', conversation);
  if (row === undefined || row.was === null) return null;
  const was = JSON.parse(row.was) as Decision;
  return was.waitingSince !== null && outAt !== null && outAt > was.waitingSince ? null : was;
}

/** Who moved its state last; null: nobody did, or mail. */
export const closedBy = (db: Db, conversation: ConversationId): PersonId | null =>
  db.get<{ actor: PersonId | null }>(
    "SELECT actor FROM activity WHERE conversation = ? AND kind = 'state' ORDER BY seq DESC LIMIT 1",
    conversation,
  )?.actor ?? null;

/** A mail of ours that another program sent to somebody else leaves the state. */
const answersThem = (db: Db, { id }: Arrival): boolean =>
  db.get<{ aside: number }>('SELECT aside FROM entry WHERE id = ?', id)?.aside !== 1;

type Decided = { state: WorkState; waitingSince: Millis | null; decidedAt: Millis | null };

function nextState({ db, now }: Writing, conversation: number, before: Work, pending: Pending, sums: Sums): Decided {
  const policy = policyOf(db, before.mailbox);
  const since = (settled?: Millis): Millis => waitsSince(db, conversation, sums, policy.workFrom, settled) ?? now();
  let { state, waiting_since: waitingSince, decided_at: decidedAt } = before;

  const derived = derive(sums, policy.workFrom);
  if (pending.rederive || (pending.imported !== null && (decidedAt === null || derived.at > decidedAt))) {
    state = derived.state;
    if (state === 'open') waitingSince = since(before.state === 'done' ? (decidedAt ?? -1) : -1);
    decidedAt = null;
  }

  let begun = pending.begun;
  for (const mail of pending.arrivals.sort((a, b) => a.receivedAt - b.receivedAt)) {
    if (mail.direction === 'in') {
      // Dates of one server can be compared; our own answer was dated by another clock and hides nothing.
      const answered = sums.foreignOutAt !== null && sums.foreignOutAt > mail.receivedAt;
      // What the report itself opened already stays open since then, because of the mail that it is about.
      const opens = mail.bounced ? state !== 'open' : !mail.automatic || (begun && !mail.quiet);
      if (mail.feeds && (!answered || mail.bounced) && opens) {
        if (state !== 'open') waitingSince = mail.bounced ? since() : mail.receivedAt;
        state = 'open';
        decidedAt = now();
      }
    } else if (
      answersThem(db, mail) &&
      (sums.inAt ?? -1) <= mail.receivedAt &&
      !(state === 'done' && decidedAt !== null && decidedAt > mail.receivedAt)
    ) {
      state = 'waiting';
      decidedAt = now();
    }
    begun = false;
  }

  const feeding = sums.inAt !== null || sums.automaticAt !== null;
  if (policy.followServer && pending.lost && !feeding && (state === 'open' || state === 'waiting')) {
    state = 'done';
    decidedAt = now();
  }
  if (policy.followServer && pending.restored !== null && feeding && state === 'done' && pending.restored >= policy.workFrom) {
    const was = lastingWas(db, conversation, sums);
    const isFiled = closedBy(db, before.id) === null;
    state = isFiled && was?.state === 'waiting' ? 'waiting' : 'open';
    waitingSince = was?.waitingSince ?? since();
    decidedAt = now();
  }
  if (state === 'open' && waitingSince === null) waitingSince = since();
  return { state, waitingSince, decidedAt };
}

/** Writes what a list row shows. Where nothing counts (all in junk, say) it describes what there is, for the folder's own list. */
function describe(db: Db, conversation: number, sums: Sums, shown: 0 | 1 | 2): void {
  type Described = {
    subject: string;
    snippet: string;
    head: string;
    received_at: Millis;
    direction: Direction;
    addressed_to: string | null;
    claims: number;
  };
  const of = (row: number | null): Described | undefined =>
    row === null
      ? undefined
      : db.get<Described>(
          'SELECT m.subject, m.snippet, m.head, e.received_at, e.direction, e.addressed_to, e.claims FROM entry e JOIN message m ON m.num = e.message WHERE e.row = ?',
          row,
        );
  const first = of(sums.first ?? sums.anyFirst);
  const last = of(sums.last ?? sums.anyLast);
  // Who writes with us, whatever machines said since: a report is not from the one whom it is about.
  const wrote = of(sums.lastWritten ?? sums.lastOut ?? sums.last) ?? last;
  const {
    from = [],
    replyTo = [],
    to = [],
  } = wrote === undefined ? {} : (JSON.parse(wrote.head) as Partial<Record<'from' | 'replyTo' | 'to', Address[]>>);
  const incoming = wrote?.direction === 'in' ? { addressedTo: wrote.addressed_to, claims: wrote.claims } : null;
  const who = (incoming === null ? to[0] : writerOfStored({ from, replyTo }, incoming)) ?? null;
  db.run(
    `UPDATE conversation SET shown = ?, messages = ?, attachments = ?, last_row = ?, last_in_row = ?, last_at = ?, direction = ?,
     subject = ?, sender = ?, addressed_to = ?, snippet = ? WHERE num = ?`,
    shown,
    sums.messages,
    sums.attachments,
    sums.last ?? sums.anyLast ?? 0,
    sums.lastFeeding ?? 0,
    last?.received_at ?? 0,
    last?.direction ?? 'in',
    first?.subject ?? subjectOfGone(db, conversation),
    who === null ? null : JSON.stringify(who),
    wrote?.addressed_to ?? null,
    last?.snippet ?? '',
    conversation,
  );
}

const subjectOfGone = (db: Db, conversation: number): string =>
  db.get<{ subject: string }>('SELECT subject FROM gone WHERE conversation = ? ORDER BY row LIMIT 1', conversation)?.subject ?? '';

/** A conversation without mail goes, unless it had some, people wrote notes into it, or something on its way out names it. */
function forgetEmpty(db: Db, conversation: number): boolean {
  const kept = db.get(
    `SELECT 1 WHERE EXISTS (SELECT 1 FROM note WHERE conversation = ?) OR EXISTS (SELECT 1 FROM outbox WHERE conversation = ?)
       OR EXISTS (SELECT 1 FROM gone WHERE conversation = ?)`,
    conversation,
    conversation,
    conversation,
  );
  if (kept !== undefined) return false;
  for (const table of ['thread_key', 'read_mark', 'star']) db.run(`DELETE FROM ${table} WHERE conversation = ?`, conversation);
  db.run('DELETE FROM conversation WHERE merged_into = ?', conversation);
  db.run('DELETE FROM conversation WHERE num = ?', conversation);
  return true;
}
