/**
 * Sends what is due, once. Asks for the right when it claims a mail and again in the tick in which the body is released; writes
 * `data` before the first octet leaves; finds out what became of a mail before it calls it unknown; files one copy in Sent.
 *
 * What may happen is decided in state.ts, what an SMTP error means in smtp.ts. Here: when, in which order, and what is durable first.
 * - one attempt and one connection at a time for each mailbox, a few mailboxes at once; a server that is silent holds up neither: what it
 *   has and does not answer for waits beside the rest, some of it for each mailbox, and the row says so
 * - an outcome is written before anything else is done with it; a store that cannot write is asked until it can
 * - a mail that is held for seconds (undo) leaves after those seconds, one that is held for a date leaves at that date: whoever sets the
 *   clock shortens no window and lengthens none
 * - local delivery (hosted mailboxes) is repeated after a crash only when the mail is not in the folder already
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { notFound, PostroomError } from '../../protocol/errors.ts';
import type { MailboxAccount, Outbox, OutboxDeps, ServerAddress, TestStep } from '../engines.ts';
import type { Reach } from '../network.ts';
import type { MailboxId, Millis, OutboxId, OutboxPatch, OutboxRow, OutboxState } from '../store/types.ts';
import { markAnswered } from './answered.ts';
import { type Attempt, type Credentials, probe, submit, type TimeLimits } from './smtp.ts';
import { after, afterRestart, begun, canBeProven, claim, holdForRight, type Outcome, pause, proven, wasSent } from './state.ts';

const connectTimeoutMs = 30_000;
const maxMailboxesAtOnce = 5;
/** Mails of one mailbox that its server has and does not answer for, before the others wait too. */
const maxUnanswered = 4;
/** Consecutive connections that failed before a mailbox's other mail waits too; refused credentials do it at once. */
const failuresThatOpen = 3;
/** Looks at the clock at least this often: a wall clock may jump, and a timer holds no more than 24 days. */
const maxTimerMs = 60_000;
const lookTimeoutMs = 60_000;
/** After a start the mailbox's server may not be connected yet: pauses before a look that could not be taken is tried again. */
const looksAtStartMs = [0, 500, 2_000, 10_000];
/** Somebody waits for it with a file in hand. */
const askSizeMs = 5_000;
const unforeseenPauseMs = 1_000;

export function createOutbox(deps: OutboxDeps): Outbox {
  return new Delivery(deps);
}

/** What a person may be given to change their mind, at most (`outbox.send`, holdMs). A longer wait is for a date. */
const longestUndoMs = 600_000;

type Run = {
  row: OutboxRow;
  attempt: Attempt | null;
  recalled: string | null;
  /** `slow`: nothing was heard for a while. `unanswered`: and the server has the mail. */
  pace: 'quick' | 'slow' | 'unanswered';
  done: Promise<void>;
};
type Look = 'found' | 'not-there' | 'could-not';
/** A mailbox whose server does not take its mail: nothing of it is tried before `until`. */
type Breaker = { failures: number; until: Millis; why: string };

class Delivery implements Outbox {
  readonly #deps: OutboxDeps;
  readonly #limits: TimeLimits;
  readonly #closing = new AbortController();
  readonly #runs = new Map<OutboxId, Run>();
  readonly #breakers = new Map<MailboxId, Breaker>();
  /** Filing and looking: work that no mail waits for. */
  readonly #aside = new Map<string, Promise<void>>();
  readonly #watchers = new Map<OutboxId, Set<() => void>>();
  /** When the undo window of a held mail is over, by the monotonic clock; null: how long it is has yet to be read. */
  readonly #windows = new Map<OutboxId, { begun: Millis; until: Millis | null; isOver?: boolean }>();
  readonly #unsubscribe: () => void;
  /** Nothing is claimed before: what was found in `sending` is then from another life, for certain. */
  readonly #recovered: Promise<void>;
  #pumping: Promise<void> | null = null;
  #pumpAgain = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    const { commandTimeoutMs, finalDotTimeoutMs, attemptTimeoutMs } = deps.config;
    this.#limits = {
      connectMs: Math.min(connectTimeoutMs, attemptTimeoutMs),
      commandMs: commandTimeoutMs,
      finalDotMs: finalDotTimeoutMs,
      attemptMs: attemptTimeoutMs,
    };
    this.#unsubscribe = deps.store.onChange((changes) => {
      for (const change of changes) {
        if (change.kind !== 'outbox') continue;
        if (change.state !== 'held') this.#windows.delete(change.outbox);
        else if (!this.#windows.has(change.outbox)) this.#windows.set(change.outbox, { begun: performance.now(), until: null });
        this.#wake(change.outbox);
        if (change.state === 'accepted') this.#markAnswered(change.outbox);
      }
    });
    this.#recovered = this.#recover();
    this.poke();
  }

  poke(): void {
    if (this.#closing.signal.aborted) return;
    if (this.#pumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = null;
      if (this.#pumpAgain) this.poke();
    });
  }

  async settled(id: string): Promise<OutboxRow> {
    for (;;) {
      using change = this.#nextChange(id);
      const row = await this.#deps.store.outboxRow(id);
      if (row === null) throw notFound();
      if (isSettled(row.state)) return row;
      if (!this.#closing.signal.aborted) await change.happened;
      if (this.#closing.signal.aborted) throw new PostroomError('unavailable', 'The daemon stops. The mail is safe in the outbox.');
    }
  }

  async test(account: MailboxAccount): Promise<{ steps: TestStep[]; sizeOctets?: number | null }> {
    if (account.smtp === null) return { steps: [] };
    let credentials: Credentials;
    try {
      credentials = await credentialsFor(account.smtp, account);
    } catch (error) {
      return { steps: [{ server: 'smtp', step: 'sign in', ok: false, message: messageOf(error) }] };
    }
    const tested = await probe(account.smtp, account.reach(), credentials, this.#limits);
    // One that is being added is not there yet: whoever adds it notes the size under the name that it gets.
    if (tested.sizeOctets !== undefined && this.#deps.account(account.id) !== null)
      await this.#noteSize(account.id, account.smtp.host, tested.sizeOctets);
    if (tested.steps.every(({ ok }) => ok)) await this.#reopen(account.id);
    return tested;
  }

  async askSize({ id, kind, smtp, reach }: MailboxAccount): Promise<void> {
    const server = kind === 'hosted' ? relayOf(this.#deps.hostedConfig) : smtp;
    if (server === null) return;
    const { sizeOctets } = await probe(server, kind === 'hosted' ? null : reach(), null, {
      ...this.#limits,
      attemptMs: Math.min(askSizeMs, this.#limits.attemptMs),
    });
    if (sizeOctets !== undefined) await this.#noteSize(id, server.host, sizeOctets);
  }

  async arrived(id: OutboxId): Promise<void> {
    const row = await this.#deps.store.outboxRow(id);
    // Under a name of its own: whoever still looks for the mail waits for hours, and stops when it sees what was decided.
    if (row?.sentCopy === 'pending' && wasSent(row)) this.#beside(`${id} copy`, () => this.#file(row));
  }

  async tryNow(mailbox: MailboxId): Promise<void> {
    const { store } = this.#deps;
    this.#breakers.delete(mailbox);
    for (const row of await store.outbox({ mailboxes: [mailbox], states: ['queued'], limit: 10_000 })) {
      if (row.nextAttemptAt !== null) await store.outboxMove(row.id, 'queued', { nextAttemptAt: null });
    }
    this.poke();
  }

  async revoked(who: { author: string; mailbox: MailboxId }): Promise<number> {
    const { store, refusal } = this.#deps;
    let held = 0;
    for (const run of [...this.#runs.values()].filter(({ row }) => row.mailbox === who.mailbox && row.author === who.author)) {
      const why = refusal(run.row);
      if (why === null) continue;
      run.recalled = why; // from here on its body cannot begin
      const began = run.attempt !== null && !run.attempt.recall(why);
      if (!began) await run.done;
      if ((await store.outboxRow(run.row.id))?.heldFor === 'right') held++;
    }
    // What waits for its time as well: a right that comes back before then must not send what nobody has said yes to since.
    const waiting = await store.outbox({ mailboxes: [who.mailbox], states: ['queued', 'held'], limit: 10_000 });
    for (const row of waiting) {
      const lost = row.author === who.author && row.heldFor !== 'right' ? refusal(row) : null;
      if (lost !== null && (await store.outboxMove(row.id, row.state, holdForRight(lost)))) held++;
    }
    return held;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearTimeout(this.#timer);
    for (const { attempt } of this.#runs.values()) attempt?.stop();
    await this.#recovered;
    await this.#pumping;
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
    await Promise.all(this.#aside.values());
    this.#unsubscribe();
    for (const id of [...this.#watchers.keys()]) this.#wake(id);
  }

  // --- when --------------------------------------------------------------------------------------------------------

  async #pump(): Promise<void> {
    await this.#recovered;
    if (this.#closing.signal.aborted) return;
    do {
      this.#pumpAgain = false;
      try {
        await this.#endWindows();
        const waits = await this.#startDue();
        await this.#setTimer(waits);
      } catch (error) {
        this.#deps.log.error({ err: error }, 'outbox: the store did not answer; trying again');
        this.#arm(1_000);
      }
    } while (this.#pumpAgain && !this.#closing.signal.aborted);
  }

  /** Reads how long new windows are, and makes due what the wall clock, set back, would hold beyond its window. */
  async #endWindows(): Promise<void> {
    const { store, now } = this.#deps;
    for (const [id, window] of [...this.#windows]) {
      if (window.until !== null && performance.now() < window.until) continue;
      const row = await store.outboxRow(id);
      const lasts = row?.state === 'held' && row.heldFor === 'time' ? row.sendAt - row.createdAt : null;
      if (row === null || lasts === null || lasts > longestUndoMs) {
        this.#windows.delete(id);
        continue;
      }
      window.until ??= window.begun + lasts;
      if (performance.now() < window.until) continue;
      window.isOver = true;
      if (row.sendAt > now()) await store.outboxMove(id, 'held', { sendAt: now() });
    }
  }

  /** True when something that is due by the wall clock waits for its window. */
  async #startDue(): Promise<boolean> {
    const { store, now } = this.#deps;
    let waits = false;
    for (let limit = 50; ; limit *= 4) {
      const due = await store.outboxDue(now(), limit);
      for (const row of due) {
        const quick = [...this.#runs.values()].filter(({ pace }) => pace === 'quick');
        if (this.#closing.signal.aborted || quick.length >= maxMailboxesAtOnce) return waits;
        const ofMailbox = [...this.#runs.values()].filter(({ row: { mailbox } }) => mailbox === row.mailbox);
        if (ofMailbox.some(({ pace }) => pace !== 'unanswered')) continue;
        if (ofMailbox.length >= maxUnanswered) {
          const why = `Waits until the mail server answers for one of ${ofMailbox.length} mails that it has.`;
          if (row.state === 'queued' && row.lastError !== why) await store.outboxMove(row.id, 'queued', { lastError: why });
          continue;
        }
        const until = row.state === 'held' ? this.#windows.get(row.id)?.until : null;
        if (typeof until === 'number' && performance.now() < until) {
          waits = true;
          continue;
        }
        const breaker = this.#breakers.get(row.mailbox);
        if (breaker && now() < breaker.until) {
          await store.outboxMove(row.id, row.state, {
            state: 'queued',
            heldFor: null,
            nextAttemptAt: breaker.until,
            lastError: breaker.why,
          });
        } else this.#launch(row);
      }
      if (due.length < limit) return waits; // otherwise one mailbox's long queue may hide the others
    }
  }

  async #setTimer(waits: boolean): Promise<void> {
    const next = await this.#deps.store.nextOutboxAt();
    if (next === null) return;
    // One that ended since it was looked at is looked at again: the wall clock may not be what its mail waits for.
    const windows = [...this.#windows.values()].flatMap(({ until, isOver }) =>
      isOver === true ? [] : [until === null ? 10 : until - performance.now()],
    );
    // What is due and not running waits for its window, or for a mailbox that is busy: its end pokes.
    const due = Math.max(next - this.#deps.now(), this.#runs.size > 0 || waits ? 1_000 : 10);
    this.#arm(Math.max(10, Math.min(due, ...windows)));
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#closing.signal.aborted) this.#timer = setTimeout(() => this.poke(), Math.min(delayMs, maxTimerMs));
  }

  #launch(row: OutboxRow): void {
    const run: Run = { row, attempt: null, recalled: null, pace: 'quick', done: Promise.resolve() };
    this.#runs.set(row.id, run);
    const clock = setInterval(() => this.#notice(run), this.#deps.config.slowAfterMs);
    run.done = this.#send(run)
      .catch((error: unknown) => {
        // The store cannot write, or a bug: the row is as it was, and due. It waits a little, lest it is tried without a pause.
        this.#deps.log.error({ err: error, outbox: row.id }, 'outbox: a mail could not be taken up');
        const until = this.#deps.now() + unforeseenPauseMs;
        this.#breakers.set(row.mailbox, { failures: failuresThatOpen, until, why: 'The daemon could not take it up; it tries again.' });
      })
      .finally(() => {
        clearInterval(clock);
        this.#runs.delete(row.id);
        this.poke();
      });
  }

  /** A run that takes long makes room for others, and its row says what it waits for. */
  #notice(run: Run): void {
    const pace = run.attempt?.handedOver() === true ? 'unanswered' : 'slow';
    if (run.pace === pace || this.#closing.signal.aborted) return;
    run.pace = pace;
    const lastError =
      pace === 'unanswered' ? 'The mail server has this mail and has not answered yet.' : 'The mail server has not answered yet.';
    void this.#record(run.row.id, 'sending', { lastError });
    this.poke();
  }

  // --- one mail ----------------------------------------------------------------------------------------------------

  async #send(run: Run): Promise<void> {
    const { store, refusal, config, now, log } = this.#deps;
    const refused = refusal(run.row);
    if (refused !== null) {
      await store.outboxMove(run.row.id, run.row.state, holdForRight(refused));
      return;
    }
    const claimed = claim(run.row);
    if (!(await store.outboxMove(run.row.id, run.row.state, claimed))) return; // cancelled, or moved to another time
    run.row = { ...run.row, ...claimed };

    const outcome = await this.#attempt(run).catch((error: unknown): Outcome => {
      log.error({ err: error, outbox: run.row.id }, 'outbox: the attempt could not begin');
      return { kind: 'lost', where: 'before-data', why: messageOf(error) };
    });
    // With what was delivered here: that stays so, whatever became of the rest.
    let patch = { recipients: run.row.recipients, ...after(run.row, outcome, config, now(), Math.random()) };
    if (outcome.kind === 'lost' && outcome.where === 'dot' && (await this.#look(run.row)) === 'found') patch = proven(patch);
    if (outcome.kind === 'accepted' && outcome.remark != null) patch = { ...patch, remark: outcome.remark };
    log.info({ outbox: run.row.id, messageId: run.row.messageId, outcome: outcome.kind, state: patch.state }, 'outbox: attempt ended');
    if (await this.#record(run.row.id, 'sending', patch)) this.#aftermath({ ...run.row, ...patch });
    await this.#minding(run.row.mailbox, outcome);
  }

  async #attempt(run: Run): Promise<Outcome> {
    const account = this.#deps.account(run.row.mailbox);
    if (account === null) return { kind: 'impossible', why: 'The mailbox is gone.' };
    if (account.kind === 'hosted') return this.#attemptHosted(run);
    if (account.smtp === null) return { kind: 'impossible', why: 'The mailbox has no server to send through.' };
    let credentials: Credentials;
    try {
      credentials = await credentialsFor(account.smtp, account);
    } catch (error) {
      return { kind: 'auth', why: messageOf(error) };
    }
    return this.#submit(run, account.smtp, account.reach(), credentials);
  }

  /** Local recipients first, by ingest; the others together, through the relay. */
  async #attemptHosted(run: Run): Promise<Outcome> {
    const { hosted, hostedAccountFor, hostedConfig, refusal, store, now } = this.#deps;
    const octets = await store.octets(run.row.hash);
    const reached = new Set<MailboxId>(); // two addresses of one mailbox are one delivery
    for (const { address, state } of run.row.recipients) {
      const account = state === 'pending' ? hostedAccountFor(address) : null;
      if (account === null) continue;
      if (!reached.has(account.id) && (run.row.attempts < 2 || !(await this.#arrived(account, run.row)))) {
        const why = run.recalled ?? refusal(run.row);
        if (why !== null) return { kind: 'forbidden', why };
        await hosted.deliver(account, 'inbox', octets, now());
      }
      reached.add(account.id);
      const delivered = { address, state: 'accepted', reply: 'delivered here' } as const;
      run.row = { ...run.row, recipients: run.row.recipients.map((it) => (it.address === address ? delivered : it)) };
    }
    if (run.row.recipients.every(({ state }) => state !== 'pending')) {
      return { kind: 'accepted', reply: 'delivered here', refused: new Map() };
    }
    const relay = relayOf(hostedConfig);
    if (relay === null) {
      return { kind: 'impossible', why: 'Mail to other servers needs hosted.relay in the daemon’s configuration.' };
    }
    return this.#submit(run, relay, null, null);
  }

  /** Whether a delivery that a crash cut off put the mail into the inbox already. */
  async #arrived(account: MailboxAccount, row: OutboxRow): Promise<boolean> {
    const inbox = (await this.#deps.store.folders(account.id)).find(({ role }) => role === 'inbox');
    return inbox !== undefined && (await this.#deps.store.identities(inbox.id)).some(({ hash }) => hash === row.hash);
  }

  async #submit(run: Run, server: ServerAddress, reach: Reach, credentials: Credentials): Promise<Outcome> {
    const { store, refusal } = this.#deps;
    const octets = await store.octets(run.row.hash);
    if (run.recalled !== null) return { kind: 'forbidden', why: run.recalled };
    if (this.#closing.signal.aborted) return { kind: 'lost', where: 'before-data', why: 'The daemon stopped.' };
    run.attempt = submit({
      server,
      reach,
      credentials,
      mailFrom: run.row.from,
      rcptTo: run.row.recipients.filter(({ state }) => state === 'pending').map(({ address }) => address),
      octets,
      commit: async (refused) => {
        const recipients = begun(run.row.recipients, refused);
        const ours = await store.outboxMove(run.row.id, 'sending', { phase: 'data', recipients });
        if (ours) run.row = { ...run.row, recipients };
        return ours;
      },
      refusal: () => run.recalled ?? refusal(run.row),
      greeted: (sizeOctets) => {
        const { mailbox } = run.row;
        this.#beside(`${mailbox} size`, () => this.#noteSize(mailbox, server.host, sizeOctets));
      },
      limits: this.#limits,
    });
    return run.attempt.outcome;
  }

  /** Kept for whoever composes the next mail. A server says it at each connection, and mostly the same. */
  async #noteSize(mailbox: MailboxId, server: string, octets: number | null): Promise<void> {
    const { store } = this.#deps;
    const known = await store.sizeLimit(mailbox);
    if (known?.octets !== octets || known.server !== server) await store.noteSizeLimit(mailbox, { server, octets });
  }

  /** Keeps count of a mailbox's failures; a mail's own failure is none. */
  async #minding(mailbox: MailboxId, outcome: Outcome): Promise<void> {
    const failed = outcome.kind === 'auth' || (outcome.kind === 'lost' && outcome.where === 'before-data');
    if (outcome.kind === 'forbidden') return;
    if (!failed) {
      await this.#reopen(mailbox);
      return;
    }
    const failures = (this.#breakers.get(mailbox)?.failures ?? 0) + 1;
    const open = outcome.kind === 'auth' || failures >= failuresThatOpen;
    const until = open ? this.#deps.now() + pause(this.#deps.config.retryAfterMs, failures, 0) : 0;
    this.#breakers.set(mailbox, { failures, until, why: outcome.why });
  }

  /** The server takes mail again: what waited for it goes now. */
  async #reopen(mailbox: MailboxId): Promise<void> {
    const { store } = this.#deps;
    const breaker = this.#breakers.get(mailbox);
    this.#breakers.delete(mailbox);
    if (breaker === undefined || breaker.until === 0) return;
    for (const row of await store.outbox({ mailboxes: [mailbox], states: ['queued'], limit: 10_000 })) {
      if (row.nextAttemptAt !== null && row.lastError === breaker.why) await store.outboxMove(row.id, 'queued', { nextAttemptAt: null });
    }
    this.poke();
  }

  /** Writes what is known for certain, until the store takes it. False when the row was moved by somebody else meanwhile. */
  async #record(id: OutboxId, expected: OutboxState, patch: OutboxPatch): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.#deps.store.outboxMove(id, expected, patch);
      } catch (error) {
        this.#deps.log.error({ err: error, outbox: id }, 'outbox: the store did not take an outcome; trying again');
        if (!(await this.#pauseFor(Math.min(30_000, 100 * 2 ** failures)))) return false;
      }
    }
  }

  // --- afterwards --------------------------------------------------------------------------------------------------

  /** Start-up needs no hand: asked until the store answers. */
  async #recover(): Promise<void> {
    const { store, log } = this.#deps;
    do {
      try {
        for (const row of await store.outboxInterrupted()) {
          const move = afterRestart(row);
          if (move.kind === 'again') await store.outboxMove(row.id, 'sending', move.patch);
          else this.#beside(row.id, () => this.#resolve(row));
        }
        for (const row of await store.outboxUnfiled(10_000)) this.#aftermath(row);
        for (const id of await store.outboxUnanswered(10_000)) this.#markAnswered(id);
        await this.#takeUpWindows();
        return;
      } catch (error) {
        log.error({ err: error }, 'outbox: the store did not answer at the start; trying again');
      }
    } while (await this.#pauseFor(unforeseenPauseMs));
  }

  /** Windows that began in another life: what is left of them by the wall clock, from here on by the monotonic one. */
  async #takeUpWindows(): Promise<void> {
    const [now, begun] = [this.#deps.now(), performance.now()];
    for (const { id, state, heldFor, createdAt, sendAt } of await this.#deps.store.outboxDue(now + longestUndoMs, 10_000)) {
      if (state !== 'held' || heldFor !== 'time' || sendAt - createdAt > longestUndoMs) continue;
      this.#windows.set(id, { begun, until: begun + Math.min(Math.max(sendAt - now, 0), sendAt - createdAt) });
    }
  }

  /** Found in `data` after a restart: proof, or `unknown`. Never sent again by itself. */
  async #resolve(row: OutboxRow): Promise<void> {
    const outcome: Outcome = { kind: 'lost', where: 'dot', why: 'The daemon stopped before the server answered.' };
    const unknown = { recipients: row.recipients, ...after(row, outcome, this.#deps.config, this.#deps.now(), 0) };
    let found: Look = 'could-not';
    for (const delay of looksAtStartMs) {
      if (!(await this.#pauseFor(delay))) return; // stays in `data`: the next start looks
      found = await this.#look(row);
      if (found !== 'could-not') break;
    }
    const patch = found === 'found' ? proven(unknown) : unknown;
    if (!(await this.#record(row.id, 'sending', patch))) return;
    this.poke(); // those who were not taken are tried again
    await this.#settleCopy({ ...row, ...patch });
  }

  /** What is left to do for a mail that came to rest. */
  #aftermath(row: OutboxRow): void {
    if (row.state !== 'queued') this.#beside(row.id, () => this.#settleCopy(row));
  }

  async #settleCopy(row: OutboxRow): Promise<void> {
    if (row.state === 'unknown' && canBeProven(row)) await this.#lookAgain(row);
    else if (row.state !== 'queued' && row.sentCopy === 'pending' && wasSent(row)) await this.#file(row);
  }

  #markAnswered(id: OutboxId): void {
    if (this.#closing.signal.aborted) return;
    this.#beside(`${id} answered`, () => markAnswered(this.#deps, id, (delayMs) => this.#pauseFor(delayMs)));
  }

  #beside(id: string, work: () => Promise<void>): void {
    if (this.#aside.has(id)) return;
    const done = work()
      .catch((error: unknown) => this.#deps.log.error({ err: error, outbox: id }, 'outbox: work after sending failed'))
      .finally(() => this.#aside.delete(id));
    this.#aside.set(id, done);
  }

  /** Some servers file what they accept, some answer after we gave up: a copy in the mailbox is proof. */
  async #look(row: OutboxRow): Promise<Look> {
    const account = this.#deps.account(row.mailbox);
    if (account === null || account.kind === 'hosted' || !canBeProven(row)) return 'not-there';
    const { sync, log } = this.#deps;
    const ids = { messageId: row.messageId, postroomId: row.postroomId };
    const anywhere = async () => (await sync.find(row.mailbox, 'sent', ids)) || (await sync.find(row.mailbox, null, ids));
    try {
      return (await this.#within(lookTimeoutMs, anywhere())) ? 'found' : 'not-there';
    } catch (error) {
      log.warn({ err: error, outbox: row.id }, 'outbox: could not look for the mail');
      return 'could-not';
    }
  }

  /** A server may file late, or be away just now: four more looks, then only a person decides. */
  async #lookAgain(row: OutboxRow): Promise<void> {
    for (const failures of [1, 2, 3, 4]) {
      if (!(await this.#pauseFor(pause(this.#deps.config.retryAfterMs, failures, 0)))) return;
      const present = await this.#deps.store.outboxRow(row.id);
      if (present?.state !== 'unknown') return;
      if ((await this.#look(present)) !== 'found') continue;
      const patch = proven({ recipients: present.recipients, nextAttemptAt: null });
      if (await this.#record(row.id, 'unknown', patch)) await this.#file({ ...present, ...patch });
      return;
    }
  }

  /** One copy in Sent. Its failures are its own: nothing here comes near SMTP. */
  async #file(row: OutboxRow): Promise<void> {
    const { config, now, store, log } = this.#deps;
    for (let attempts = row.sentCopyAttempts + 1; ; attempts++) {
      let patch: OutboxPatch = { sentCopy: 'filed', sentCopyAttempts: attempts };
      try {
        await this.#putCopy(row);
      } catch (error) {
        log.warn({ err: error, outbox: row.id }, 'outbox: the copy in Sent is not there yet');
        const givenUp = now() >= row.sendAt + config.giveUpAfterMs;
        patch = { sentCopy: givenUp ? 'failed' : 'pending', sentCopyAttempts: attempts };
        if (givenUp) patch.lastError = `The mail was sent; its copy in Sent could not be filed: ${messageOf(error)}`;
      }
      const present = await store.outboxRow(row.id);
      if (present === null) return;
      await this.#record(row.id, present.state, patch);
      if (patch.sentCopy !== 'pending') return;
      if (!(await this.#pauseFor(pause(config.retryAfterMs, attempts, Math.random())))) return;
    }
  }

  async #putCopy(row: OutboxRow): Promise<void> {
    const { store, sync, hosted, now } = this.#deps;
    const account = this.#deps.account(row.mailbox);
    if (account === null) throw new Error('The mailbox is gone.');
    if (account.kind === 'hosted') {
      const entry = await store.entry(row.entry);
      if (entry?.placements.some(({ role }) => role === 'sent')) return;
      await hosted.deliver(account, 'sent', await store.octets(row.hash), now(), ['\\Seen']);
      return;
    }
    const ids = { messageId: row.messageId, postroomId: row.postroomId };
    if (await this.#within(lookTimeoutMs, sync.find(row.mailbox, 'sent', ids))) return;
    await sync.append(row.mailbox, 'sent', await store.octets(row.hash), ['\\Seen'], now());
    if (!(await this.#within(lookTimeoutMs, sync.find(row.mailbox, 'sent', ids)))) throw new Error('The copy is not in Sent after APPEND.');
  }

  // --- waiting -----------------------------------------------------------------------------------------------------

  #nextChange(id: OutboxId): Disposable & { happened: Promise<void> } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(resolve));
    return {
      happened: promise,
      [Symbol.dispose]: () => {
        watchers.delete(resolve);
        if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
      },
    };
  }

  #wake(id: OutboxId): void {
    const watchers = this.#watchers.get(id);
    this.#watchers.delete(id);
    for (const watcher of watchers ?? []) watcher();
  }

  /** False when the outbox closed meanwhile. */
  #pauseFor(delayMs: Millis): Promise<boolean> {
    return sleep(delayMs, true, { signal: this.#closing.signal }).catch(() => false);
  }

  async #within<T>(timeoutMs: Millis, work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const clock = sleep(timeoutMs, null, { signal: AbortSignal.any([over.signal, this.#closing.signal]) }).then(
      () => Promise.reject(new Error(`The IMAP server did not answer within ${timeoutMs / 1000} s.`)),
      () => Promise.reject(new Error('The daemon stops.')),
    );
    try {
      return await Promise.race([work, clock]);
    } finally {
      clock.catch(() => {}); // nobody waits for it any more
      over.abort();
    }
  }
}

const isSettled = (state: OutboxState): boolean => state !== 'queued' && state !== 'sending' && state !== 'waiting-approval';

const relayOf = ({ relay }: OutboxDeps['hostedConfig']): ServerAddress | null => (relay === null ? null : { ...relay, user: '', ca: null });

async function credentialsFor(server: ServerAddress, account: MailboxAccount): Promise<Credentials> {
  return server.user === '' ? null : { user: server.user, secret: await account.secret() };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
