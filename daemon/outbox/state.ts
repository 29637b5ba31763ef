/**
 * The states of a mail on its way out, and its moves. Pure: facts in, a patch for the row out.
 *
 *   held ──time──> queued ──claim──> sending/claimed ──commit──> sending/data ──250──> accepted
 *    ^ right lost ──┘ ^── temporary ──────┴───────────────────────┘   └─ no reply ──> unknown
 *
 * Invariants
 * - `phase: 'data'` is durable before the first octet of the body leaves; so a row in `claimed` was not sent, and a row in
 *   `data` may have been: only proof (a copy found) or a person moves it on
 * - recipients move on their own: an accepted one is never asked for again, whatever becomes of the others
 * - while one recipient is pending the row waits in `queued`; when none is, the row shows the worst
 */
import type { Millis, OutboxPatch, OutboxRow, OutboxState, Recipient, ReportedTo } from '../store/types.ts';

/** A reply of the server, to the whole mail or to one recipient. */
export type Reply = { code: number; text: string };

/** What became of one attempt. */
export type Outcome =
  /** 250 to the final dot. `refused`: recipients that RCPT did not take. `remark`: what the server said beyond its answer. */
  | { kind: 'accepted'; reply: string; refused: ReadonlyMap<string, Reply>; remark?: string | null }
  /** 4xx or 5xx to MAIL, DATA or the final dot; recipients that RCPT did not take have their own reply in `recipients`. */
  | { kind: 'refused'; reply: Reply; recipients: ReadonlyMap<string, Reply> }
  /** No credentials, or credentials that the server does not take. */
  | { kind: 'auth'; why: string }
  /**
   * The connection or a time-out ended it. `dot`: the last octet was handed over, so the final dot may have arrived. `refused`: what RCPT
   * had answered by then to those whom it did not take.
   */
  | { kind: 'lost'; where: 'before-data' | 'in-body' | 'dot'; why: string; refused?: ReadonlyMap<string, Reply> }
  /** The right to send went before the body was released. */
  | { kind: 'forbidden'; why: string }
  /** It cannot be sent at all, and no later attempt will change that. */
  | { kind: 'impossible'; why: string };

/** How long to wait after the n-th failure (n from 1): the last pause repeats, and each is up to a tenth longer. */
export function pause(retryAfterMs: readonly Millis[], failures: number, jitter: number): Millis {
  const base = retryAfterMs[Math.min(Math.max(failures, 1), retryAfterMs.length) - 1] ?? 0;
  return Math.round(base * (1 + jitter / 10));
}

export type RetryPolicy = { retryAfterMs: readonly Millis[]; giveUpAfterMs: Millis };
type Facts = Pick<OutboxRow, 'recipients' | 'attempts' | 'sendAt'>;

/** The claim: from `queued`, or from `held` for time. */
export const claim = (row: Pick<OutboxRow, 'attempts'>): OutboxPatch => ({
  state: 'sending',
  phase: 'claimed',
  heldFor: null,
  attempts: row.attempts + 1,
  nextAttemptAt: null,
});

export const holdForRight = (why: string): OutboxPatch => ({
  state: 'held',
  heldFor: 'right',
  phase: null,
  nextAttemptAt: null,
  lastError: why,
});

/** What is durable before the body begins: each answer of RCPT, so that nobody whom it refused is thought to have the mail. */
export const begun = (recipients: readonly Recipient[], refused: ReadonlyMap<string, Reply>): Recipient[] =>
  recipients.map((recipient) => {
    if (recipient.state !== 'pending') return recipient;
    const reply = refused.get(recipient.address);
    return reply === undefined ? { ...recipient, taken: true } : answered(recipient, reply);
  });

/** What follows from a fault: the decision table. `jitter` is at least 0 and below 1. */
export function after(row: Facts, outcome: Outcome, policy: RetryPolicy, now: Millis, jitter: number): OutboxPatch {
  const patch = decided(row, outcome, policy, now, jitter);
  return patch.recipients === undefined ? patch : { ...patch, recipients: patch.recipients.map(({ taken: _, ...recipient }) => recipient) };
}

function decided(row: Facts, outcome: Outcome, policy: RetryPolicy, now: Millis, jitter: number): OutboxPatch {
  switch (outcome.kind) {
    case 'accepted':
      return settle(
        row,
        row.recipients.map((recipient) => {
          if (recipient.state !== 'pending') return recipient;
          const refused = outcome.refused.get(recipient.address);
          return refused ? answered(recipient, refused) : { ...recipient, state: 'accepted', reply: outcome.reply };
        }),
        policy,
        now,
        jitter,
      );
    case 'refused':
      return settle(
        row,
        row.recipients.map((recipient) =>
          recipient.state === 'pending' ? answered(recipient, outcome.recipients.get(recipient.address) ?? outcome.reply) : recipient,
        ),
        policy,
        now,
        jitter,
      );
    case 'lost': {
      const { where, why, refused = new Map<string, Reply>() } = outcome;
      const marked = row.recipients.some(({ taken }) => taken === true);
      const recipients = row.recipients.map((recipient): Recipient => {
        if (recipient.state !== 'pending') return recipient;
        const reply = refused.get(recipient.address);
        if (reply !== undefined) return answered(recipient, reply);
        const mayHaveIt = where === 'dot' && (recipient.taken === true || !marked);
        return mayHaveIt ? { ...recipient, state: 'unknown', reply: recipient.reply ?? why } : recipient;
      });
      if (recipients.some(({ state }) => state === 'pending')) return again(row, recipients, why, policy, now, jitter);
      return {
        state: worst(recipients),
        phase: null,
        recipients,
        nextAttemptAt: null,
        lastError: where === 'dot' ? why : errorOf(recipients),
      };
    }
    case 'auth':
      // The mailbox is at fault, not the mail: it waits for as long as it takes.
      return {
        state: 'queued',
        phase: null,
        recipients: row.recipients,
        nextAttemptAt: now + pause(policy.retryAfterMs, row.attempts, jitter),
        lastError: outcome.why,
      };
    case 'forbidden':
      return holdForRight(outcome.why);
    case 'impossible': {
      const recipients = marked(row.recipients, 'failed', outcome.why);
      return { state: worst(recipients), phase: null, recipients, nextAttemptAt: null, lastError: outcome.why };
    }
    default:
      return outcome satisfies never;
  }
}

/** A row found in `sending` after a restart: what is known without asking anybody. `look`: only a copy on the server can tell. */
export function afterRestart(row: Pick<OutboxRow, 'phase' | 'recipients'>): { kind: 'again'; patch: OutboxPatch } | { kind: 'look' } {
  if (row.phase === 'data') return { kind: 'look' };
  return { kind: 'again', patch: { state: 'queued', phase: null, nextAttemptAt: null } };
}

/** A copy was found on the server: what may have been sent was sent. `patch`: what would be so without it. */
export function proven(patch: OutboxPatch & { recipients: Recipient[] }): OutboxPatch & { recipients: Recipient[] } {
  const recipients = patch.recipients.map(
    (recipient): Recipient =>
      recipient.state === 'unknown' ? { ...recipient, state: 'accepted', reply: 'found in the mailbox' } : recipient,
  );
  const rests = recipients.every(({ state }) => state !== 'pending');
  return { ...patch, recipients, lastError: errorOf(recipients), ...(rests ? { state: worst(recipients) } : {}) };
}

/**
 * Whether a copy on the server proves anything: one that is there because others got it, in another attempt, says nothing of those of
 * whom nobody knows.
 */
export const canBeProven = ({ recipients }: Pick<OutboxRow, 'recipients'>): boolean =>
  recipients.every(({ state }) => state !== 'accepted');

/** What a row without pending recipients shows: one that came back, whatever else; then what is worst. */
export function worst(recipients: readonly Recipient[]): 'accepted' | 'bounced' | 'failed' | 'unknown' {
  for (const state of ['bounced', 'unknown', 'failed'] as const) {
    if (recipients.some((recipient) => recipient.state === state)) return state;
  }
  return 'accepted';
}

/**
 * What a report says of recipients whom a server took the mail for (or may have): the move that follows, null when there is none. Whom it
 * was not tried for it says nothing of. While a row is sending, only the server's answer moves it.
 */
export function reported(row: Pick<OutboxRow, 'state' | 'recipients'>, told: readonly ReportedTo[]): OutboxPatch | null {
  if (row.state === 'sending' || row.state === 'cancelled') return null;
  const recipients = told.reduce<Recipient[]>(
    (all, one) => all.map((recipient) => (recipient.address === one.address ? marking(recipient, one) : recipient)),
    [...row.recipients],
  );
  if (recipients.every((one, at) => one === row.recipients[at])) return null;
  const patch = { recipients, lastError: errorOf(recipients) };
  // What still waits for others goes on.
  return row.state === 'queued' || row.state === 'held' || row.state === 'waiting-approval'
    ? { recipients }
    : { ...patch, state: worst(recipients) };
}

function marking(recipient: Recipient, { action, text }: ReportedTo): Recipient {
  const { state } = recipient;
  if (state !== 'accepted' && state !== 'unknown' && state !== 'bounced') return recipient;
  if (action === 'failed') return { ...recipient, state: 'bounced', reply: text ?? 'a report says that it did not arrive' };
  // Whoever passes it on, has it, or has read it, was handed it.
  if (state === 'bounced') return recipient;
  const said = { delayed: 'delayed', delivered: 'arrived', read: 'read' }[action];
  return { ...recipient, state: 'accepted', reply: text === null ? said : `${said}: ${text}` };
}

/** What people are told: a mail that came back for one has come back, though it may still wait for others. */
export const shownState = ({ state, recipients }: Pick<OutboxRow, 'state' | 'recipients'>): OutboxState =>
  state === 'queued' && recipients.some((one) => one.state === 'bounced') ? 'bounced' : state;

/** Whether somebody got it, so that a copy belongs in Sent. */
export const wasSent = (row: Pick<OutboxRow, 'recipients'>): boolean =>
  row.recipients.some(({ state }) => state === 'accepted' || state === 'bounced');

/** States in which another mail can take its place: whom it has not reached was not handed it either. */
export const replaceable: readonly OutboxState[] = ['held', 'waiting-approval', 'queued', 'failed', 'bounced'];

/** A person gives it up for those whom it did not reach. For those whom it did it stays sent, with its copy in Sent. */
export function givenUp(row: Pick<OutboxRow, 'recipients'>): OutboxPatch {
  const patch: OutboxPatch = { phase: null, heldFor: null, nextAttemptAt: null };
  if (!wasSent(row)) return { ...patch, state: 'cancelled' };
  return { ...patch, state: 'accepted', recipients: marked(row.recipients, 'failed', 'given up') };
}

/** Recipients that one local delivery or refusal settled. */
export function settle(row: Facts, recipients: Recipient[], policy: RetryPolicy, now: Millis, jitter: number): OutboxPatch {
  if (recipients.some(({ state }) => state === 'pending')) return again(row, recipients, errorOf(recipients) ?? '', policy, now, jitter);
  return { state: worst(recipients), phase: null, recipients, nextAttemptAt: null, lastError: errorOf(recipients) };
}

function again(row: Facts, recipients: Recipient[], why: string, policy: RetryPolicy, now: Millis, jitter: number): OutboxPatch {
  if (now >= row.sendAt + policy.giveUpAfterMs) {
    const given = marked(recipients, 'failed', why);
    return { state: worst(given), phase: null, recipients: given, nextAttemptAt: null, lastError: `Given up: ${why}` };
  }
  return {
    state: 'queued',
    phase: null,
    recipients,
    nextAttemptAt: now + pause(policy.retryAfterMs, row.attempts, jitter),
    lastError: why,
  };
}

const answered = (recipient: Recipient, { code, text }: Reply): Recipient => ({
  ...recipient,
  state: code >= 500 ? 'failed' : 'pending',
  reply: text,
});

const marked = (recipients: readonly Recipient[], state: 'failed', reply: string): Recipient[] =>
  recipients.map((recipient) => (recipient.state === 'pending' ? { ...recipient, state, reply: recipient.reply ?? reply } : recipient));

/** The words of the first recipient that was not accepted. */
function errorOf(recipients: readonly Recipient[]): string | null {
  return recipients.find(({ state }) => state !== 'accepted')?.reply ?? null;
}
