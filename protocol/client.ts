/**
 * The client's end of the protocol: rows -> typed calls, subscriptions and streams, over a connection that mends itself.
 *
 * Invariants: every call settles, by an answer, a time-out or the end of the connection; a call that may have been carried out is never sent
 * again by itself (only `rate-limited`, where nothing was done, is); after a gap of any kind there is a `resync`, and only then more events.
 */
import { Context } from 'zeromq';
import { type ErrorCode, PostroomError } from './errors.ts';
import { events as allEvents, type EventTable } from './events.ts';
import { conform, type DaemonFrame, pack, Subscribed, sizes, streamWindow, type Who, type WireError } from './frame.ts';
import { type DaemonKeyNews, fingerprint, type Identity, type Invitation } from './keys.ts';
import { type Ending, Link, type Target, type Trouble } from './link.ts';
import { methods as allMethods, type MethodTable } from './methods.ts';
import type { EventRow, Events, MethodRow, Methods, ParamsOf, PayloadOf, ResultOf } from './rows.ts';

export type ClientState =
  | { state: 'connecting' }
  | { state: 'online'; who: Who; daemonRelease: string }
  /** It goes on trying. */
  | { state: 'offline'; reason: Trouble | Ending['reason']; message: string }
  /** It does not: nothing will change by itself. */
  | { state: 'refused'; reason: Ending['reason']; message: string };

export type CallOptions = {
  /** Without an answer, or without progress of a stream, for so long it fails with `unavailable`. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** What an upload sends; read only as fast as the daemon takes it. */
  upload?: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Takes what a download brings, in order; the next chunk comes when it resolves. The answer comes after the last. */
  onChunk?: (chunk: Uint8Array) => void | Promise<void>;
};

/** The two rows that the client itself tells: a gap in the events, and a session that the daemon ended. */
type OwnEvents = { resync: EventRow; 'session.ended': EventRow };
export type Told<E extends Events> = { [K in keyof E & string]: { name: K; seq: number; payload: PayloadOf<E[K]> } }[keyof E & string];

export type ClientOf<M extends Methods, E extends Events> = {
  readonly state: ClientState;
  call<K extends keyof M & string>(method: K, params: ParamsOf<M[K]>, options?: CallOptions): Promise<ResultOf<M[K]>>;
  /** From now on, and again after each reconnect. Events after `seq` come; take the snapshot after this. `[]` ends it. */
  subscribe(names: readonly (keyof E & string)[]): Promise<{ seq: number }>;
  /** Resolves once online; rejects when that takes longer than `connectTimeoutMs`, or will never be. */
  ready(): Promise<Who>;
  /** Fails what is open. Never hangs. */
  close(): Promise<void>;
};

export type ConnectOptions<E extends Events = EventTable> = ({ identity: Omit<Identity, 'person'> } | { invitation: Invitation }) & {
  onEvent?: (event: Told<E>) => void;
  onState?: (state: ClientState) => void;
  /** Whoever keeps the identity writes it down (`keepDaemonKey`); a client without it goes by what it was given. */
  onDaemonKey?: (news: DaemonKeyNews) => void;
  /** How long calls wait for a daemon that is not there. */
  connectTimeoutMs?: number;
  /** Default of `CallOptions.timeoutMs`. */
  timeoutMs?: number;
  release?: string;
  context?: Context;
};

export type Client = ClientOf<MethodTable, EventTable>;
export type DaemonEvent = Told<EventTable>;

/** For a program that lives on: returns at once, connects when it can and again whenever it must, and says so through `onState`. */
export const openClient = (options: ConnectOptions): Client => openClientOf({ methods: allMethods, events: allEvents }, options);

/** For one command: an open session, or an error in about `connectTimeoutMs` (two seconds). */
export const connect = (options: ConnectOptions): Promise<Client> => connectOf({ methods: allMethods, events: allEvents }, options);

export async function connectOf<M extends Methods, E extends Events & OwnEvents>(
  table: { methods: M; events: E },
  options: ConnectOptions<E>,
): Promise<ClientOf<M, E>> {
  const client = openClientOf(table, { connectTimeoutMs: 2_000, ...options });
  try {
    await client.ready();
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

export function openClientOf<M extends Methods, E extends Events & OwnEvents>(
  table: { methods: M; events: E },
  options: ConnectOptions<E>,
): ClientOf<M, E> {
  const client = new ClientEnd(table.methods, table.events, {
    ...options,
    onEvent: (event) => options.onEvent?.(event as Told<E>), // it was parsed by the row of its name
  });
  return {
    get state() {
      return client.state;
    },
    call: async (method, params, callOptions) => (await client.call(method, params, callOptions ?? {})) as ResultOf<M[typeof method]>,
    subscribe: (names) => client.subscribe(names),
    ready: () => client.ready(),
    close: () => client.close(),
  };
}

/** What the daemon holds open for one session (its credit); more wait here. */
const openAtOnce = 64;
const backOffFirstMs = 100;
const backOffLastMs = 5_000;

/** What the application throws is the application's, as in an event emitter: it must not look like a broken connection. */
function callOut(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

let shared: Context | undefined;
const sharedContext = (): Context => {
  shared ??= new Context({ blocky: false });
  return shared;
};

type Untyped = Omit<ConnectOptions, 'onEvent' | 'identity' | 'invitation'> & {
  identity?: Omit<Identity, 'person'>;
  invitation?: Invitation;
  onEvent: (event: { name: string; seq: number; payload: unknown }) => void;
};

class ClientEnd {
  state: ClientState = { state: 'connecting' };
  readonly #methods: Methods;
  readonly #events: Events;
  readonly #options: Untyped;
  #target: Target;
  /** The key that the daemon announced under the one of `#target`: tried when that one is not held any more. */
  #nextKey: string | null;
  /** The pinned key, while the announced one is tried. */
  #triedInstead: string | null = null;
  readonly #open = new Map<number, Call>();
  readonly #waiting: Call[] = [];
  readonly #calls = new Set<Call>();
  readonly #onlookers = new Set<() => void>();
  #link: Link;
  #linkedAt = performance.now();
  #backOffMs = backOffFirstMs;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #lastId = 0;
  #subscribed: readonly string[] = [];
  #seq = 0;
  #wasOnline = false;

  constructor(methods: Methods, events: Events, options: Untyped) {
    this.#methods = methods;
    this.#events = events;
    this.#options = options;
    const target = options.identity ?? options.invitation;
    if (!target) throw new PostroomError('invalid', 'An identity or an invitation is needed to reach a daemon.');
    this.#target = target;
    this.#nextKey = options.identity?.nextDaemonKey ?? null;
    this.#link = this.#connect();
  }

  call(method: string, params: unknown, options: CallOptions): Promise<unknown> {
    const row = this.#methods[method];
    if (!row) return Promise.reject(new PostroomError('invalid', `There is no method ${method}.`));
    return this.#place(
      new Call(row, options, this.#options.timeoutMs ?? 30_000, (id) => ({
        t: 'ask',
        id,
        method,
        params,
        ...(row.download ? { credit: streamWindow } : {}),
      })),
    );
  }

  async subscribe(names: readonly string[]): Promise<{ seq: number }> {
    this.#subscribed = [...names];
    return conform(
      Subscribed,
      await this.#place(new Call(null, {}, this.#options.timeoutMs ?? 30_000, (id) => ({ t: 'subscribe', id, names: [...names] }))),
    );
  }

  ready(): Promise<Who> {
    return new Promise((resolve, reject) => {
      const { connectTimeoutMs } = this.#options;
      const timer =
        connectTimeoutMs === undefined ? undefined : setTimeout(() => settle(() => reject(this.#unavailable())), connectTimeoutMs);
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.#onlookers.delete(look);
        how();
      };
      const look = (): void => {
        const { state } = this;
        if (state.state === 'online') settle(() => resolve(state.who));
        else if (state.state === 'refused' || this.#closed) settle(() => reject(this.#unavailable()));
      };
      this.#onlookers.add(look);
      look();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#link.close();
    this.#failAll(new PostroomError('unavailable', 'This client was closed.'));
    for (const look of [...this.#onlookers]) look();
  }

  #connect(): Link {
    this.#linkedAt = performance.now();
    return new Link(this.#target, this.#options.release ?? '', this.#options.context ?? sharedContext(), {
      onTrouble: (trouble) => this.#hearTrouble(trouble),
      onOpened: (who, daemonRelease) => this.#opened(who, daemonRelease),
      onNextKey: (key) => this.#hearNextKey(key),
      onFrame: (frame, chunk) => this.#hear(frame, chunk),
      onOver: (ending) => this.#over(ending),
    });
  }

  /** Whether the daemon still holds the pinned key or already the announced one, only trying tells: a server never shows its key. */
  #hearTrouble(trouble: Trouble): void {
    const pinned = this.#triedInstead;
    const other = trouble === 'daemon-key' ? (pinned ?? this.#nextKey) : null;
    if (other === null || pinned !== null) this.#become({ state: 'offline', reason: trouble, message: this.#messageFor(trouble) });
    if (other === null || this.#closed) return;
    this.#triedInstead = pinned === null ? this.#target.daemonKey : null;
    this.#target = { ...this.#target, daemonKey: other };
    this.#link.abandon();
    this.#connectAfter(pinned === null ? 0 : this.#backOffMs);
  }

  /** Sealed by a daemon that holds the pinned key. After a change nothing but the new one is taken. */
  #hearNextKey(key: string): void {
    if (key === this.#nextKey || key === this.#target.daemonKey) return;
    this.#nextKey = key;
    callOut(() => this.#options.onDaemonKey?.({ kind: 'announced', key }));
  }

  #messageFor(trouble: Trouble): string {
    const { endpoint } = this.#target;
    return trouble === 'no-daemon'
      ? `No daemon answers at ${endpoint}. Start it with \`postroom daemon start\`, or ask whoever runs it.`
      : `Something answers at ${endpoint}, but it cannot prove that it is the daemon this identity trusts (its key is ${fingerprint(this.#triedInstead ?? this.#target.daemonKey)}). Check the endpoint. If the daemon's key was changed, have whoever runs it read you what \`postroom daemon key\` says, then: postroom identity trust KEY. Or ask for a new invitation.`;
  }

  #become(state: ClientState): void {
    const { state: kind } = this.state;
    const same = kind === state.state && 'reason' in state && 'reason' in this.state && state.reason === this.state.reason;
    this.state = state;
    if (same) return;
    callOut(() => this.#options.onState?.(state));
    for (const look of [...this.#onlookers]) look();
  }

  #opened(who: Who, daemonRelease: string): void {
    this.#seq = 0;
    if (this.#triedInstead !== null) {
      const key = this.#target.daemonKey;
      this.#triedInstead = null;
      this.#nextKey = null;
      callOut(() => this.#options.onDaemonKey?.({ kind: 'followed', key }));
    }
    if (this.#subscribed.length > 0 && this.#wasOnline)
      this.#link.send({ t: 'subscribe', id: ++this.#lastId, names: [...this.#subscribed] });
    this.#become({ state: 'online', who, daemonRelease });
    if (this.#wasOnline) this.#tell('resync', 0, { why: 'the connection is new' });
    this.#wasOnline = true;
    this.#sendWaiting();
  }

  #over(ending: Ending): void {
    for (const call of [...this.#open.values()]) {
      call.fail(new PostroomError('unavailable', `${ending.message} The request may or may not have been carried out.`, { sent: true }));
    }
    if (this.#closed) return;
    if (ending.reason === 'revoked') this.#tell('session.ended', this.#seq, { why: ending.message });
    if (ending.reason === 'key' || ending.reason === 'version' || ending.reason === 'revoked') {
      this.#become({ state: 'refused', reason: ending.reason, message: ending.message });
      this.#failAll(this.#unavailable());
      return;
    }
    if (performance.now() - this.#linkedAt > 10_000) this.#backOffMs = backOffFirstMs;
    // An old session is replaced without a word.
    if (ending.reason === 'expired') this.#become({ state: 'connecting' });
    else this.#become({ state: 'offline', reason: ending.reason, message: ending.message });
    this.#connectAfter(ending.reason === 'expired' ? 0 : this.#backOffMs);
  }

  #connectAfter(ms: number): void {
    this.#retry = setTimeout(() => {
      this.#link = this.#connect();
    }, ms);
    this.#backOffMs = Math.min(this.#backOffMs * 2, backOffLastMs);
  }

  /** Why nothing can be asked now. `details.daemon` tells it from a mail server that is away. */
  #unavailable(): PostroomError {
    const { state } = this;
    if (state.state === 'refused') {
      const code: ErrorCode = state.reason === 'version' ? 'unavailable' : 'unauthenticated';
      return new PostroomError(code, state.message, { daemon: state.reason === 'version', reason: state.reason });
    }
    const message = state.state === 'offline' ? state.message : this.#messageFor('no-daemon');
    return new PostroomError('unavailable', message, { daemon: true, reason: state.state === 'offline' ? state.reason : 'no-daemon' });
  }

  #failAll(error: PostroomError): void {
    for (const call of [...this.#calls]) call.fail(error);
  }

  #place(call: Call): Promise<unknown> {
    if (this.#closed) return Promise.reject(new PostroomError('unavailable', 'This client was closed.'));
    if (this.state.state === 'refused') return Promise.reject(this.#unavailable());
    if (call.over) return call.settled;
    this.#calls.add(call);
    call.onSettled = () => {
      this.#calls.delete(call);
      const waiting = this.#waiting.indexOf(call);
      if (waiting >= 0) this.#waiting.splice(waiting, 1);
      // Told although nobody may listen any more: what the daemon still does for it should stop.
      if (this.#open.delete(call.id) && !call.answered) this.#link.send({ t: 'cancel', id: call.id });
      this.#sendWaiting();
    };
    call.expireAfter(this.#link.open ? call.timeoutMs : Math.min(this.#options.connectTimeoutMs ?? call.timeoutMs, call.timeoutMs), () =>
      this.#link.open
        ? new PostroomError('unavailable', `The daemon gave no answer in ${call.timeoutMs} ms.`, { sent: call.id > 0 })
        : this.#unavailable(),
    );
    this.#waiting.push(call);
    this.#sendWaiting();
    return call.settled;
  }

  #sendWaiting(): void {
    while (this.#link.open && this.#open.size < openAtOnce) {
      const call = this.#waiting.shift();
      if (!call) return;
      call.id = ++this.#lastId;
      const body = pack(call.frame(call.id));
      if (body.length > sizes.toDaemon) {
        call.fail(new PostroomError('invalid', `This request is larger than the ${sizes.toDaemon} octets that the daemon takes.`));
        continue;
      }
      this.#open.set(call.id, call);
      this.#link.sendBody(body);
      call.progressed(call.timeoutMs);
    }
  }

  #hear(frame: DaemonFrame, chunk: Buffer): void {
    if (frame.t === 'event') this.#hearEvent(frame);
    if (!('id' in frame)) return;
    const call = this.#open.get(frame.id);
    if (!call) return; // it was given up
    call.progressed(call.timeoutMs);
    if (frame.t === 'credit') call.extend(frame.chunks, this.#link);
    else if (frame.t === 'chunk') call.takeChunk(Buffer.from(chunk), this.#link);
    else if (frame.error) this.#hearError(call, frame.error);
    else call.succeed(frame.result);
  }

  #hearError(call: Call, { code, message, details }: WireError): void {
    const wait = details.retryAfterMs;
    if (code !== 'rate-limited' || typeof wait !== 'number' || wait > call.timeoutMs) {
      call.answered = true;
      call.fail(new PostroomError(code, message, details));
      return;
    }
    // Nothing was done: it is asked again, where that is within its time.
    this.#open.delete(call.id);
    setTimeout(() => {
      if (call.over) return;
      this.#waiting.push(call);
      this.#sendWaiting();
    }, wait);
  }

  #hearEvent({ seq, name, payload }: Extract<DaemonFrame, { t: 'event' }>): void {
    const gap = seq !== this.#seq + 1;
    this.#seq = seq;
    const row = this.#events[name];
    const parsed = row?.payload.safeParse(payload);
    if (gap) this.#tell('resync', seq, { why: 'events were lost on the way' });
    else if (parsed?.success) callOut(() => this.#options.onEvent({ name, seq, payload: parsed.data }));
    else this.#tell('resync', seq, { why: 'an event came that this program does not understand' });
  }

  #tell(name: keyof OwnEvents, seq: number, payload: { why: string }): void {
    const parsed = this.#events[name]?.payload.parse(payload);
    callOut(() => this.#options.onEvent({ name, seq, payload: parsed }));
  }
}

/** One call from its beginning to its end, with its streams. */
class Call {
  id = 0;
  answered = false;
  over = false;
  onSettled: () => void = () => {};
  readonly timeoutMs: number;
  readonly settled: Promise<unknown>;
  readonly frame: (id: number) => Parameters<typeof pack>[0];
  readonly #row: MethodRow | null;
  readonly #options: CallOptions;
  #resolve: (result: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #whyLate: () => PostroomError = () => new PostroomError('unavailable', 'The daemon gave no answer.');
  #delivered: Promise<void> = Promise.resolve();
  #taken = 0;
  #credit = 0;
  #sendMore: (() => void) | undefined;

  constructor(row: MethodRow | null, options: CallOptions, timeoutMs: number, frame: (id: number) => Parameters<typeof pack>[0]) {
    this.#row = row;
    this.#options = options;
    this.timeoutMs = options.timeoutMs ?? timeoutMs;
    this.frame = frame;
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  readonly #abort = (): void => this.fail(this.#options.signal?.reason);

  expireAfter(ms: number, why: () => PostroomError): void {
    this.#whyLate = why;
    this.progressed(ms);
  }

  progressed(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.over) this.#timer = setTimeout(() => this.fail(this.#whyLate()), ms);
  }

  fail(error: unknown): void {
    if (this.#end()) this.#reject(error);
  }

  /** After the last chunk was taken, so that a call that resolved has everything. */
  succeed(result: unknown): void {
    this.answered = true;
    clearTimeout(this.#timer);
    this.#delivered.then(
      () => {
        const parsed = this.#row ? this.#row.result.safeParse(result) : { success: true as const, data: result };
        if (!parsed.success) this.fail(new PostroomError('internal', 'The daemon gave an answer that this program does not understand.'));
        else if (this.#end()) this.#resolve(parsed.data);
      },
      (error: unknown) => this.fail(error),
    );
  }

  #end(): boolean {
    if (this.over) return false;
    this.over = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#sendMore?.();
    this.onSettled();
    return true;
  }

  takeChunk(chunk: Buffer, link: Link): void {
    this.#delivered = this.#delivered.then(async () => {
      if (this.over) return;
      await this.#options.onChunk?.(chunk);
      this.progressed(this.timeoutMs);
      if (++this.#taken % (streamWindow / 2) === 0) link.send({ t: 'credit', id: this.id, chunks: streamWindow / 2 });
    });
    this.#delivered.catch((error: unknown) => this.fail(error));
  }

  /** The daemon has room for more of the upload. */
  extend(chunks: number, link: Link): void {
    this.#credit += chunks;
    if (this.#sendMore) this.#sendMore();
    else this.#upload(link).catch((error: unknown) => this.fail(error));
  }

  async #upload(link: Link): Promise<void> {
    this.#sendMore = () => {};
    for await (const octets of this.#options.upload ?? []) {
      for (let at = 0; at < octets.length; at += sizes.chunk) {
        while (this.#credit === 0 && !this.over) await new Promise<void>((resolve) => (this.#sendMore = resolve));
        if (this.over) return;
        this.#credit--;
        link.send({ t: 'chunk', id: this.id, last: false }, octets.subarray(at, at + sizes.chunk));
      }
      if (this.over || this.answered) return;
    }
    while (this.#credit === 0 && !this.over) await new Promise<void>((resolve) => (this.#sendMore = resolve));
    if (!this.over) link.send({ t: 'chunk', id: this.id, last: true });
  }
}
