/**
 * The daemon's end of one sealed session: what waits to be sent, which requests are open, how far events have been numbered.
 *
 * Invariants: events are numbered without gaps as the client sees them, dropped ones are announced by a `resync`; what waits to be sent is
 * bounded (events give way first, then the session does); sealing happens when a message leaves, so counters rise in the order of sending;
 * after `end` nothing is opened, answered or pushed any more.
 */
import type { Router } from 'zeromq';
import { PostroomError } from './errors.ts';
import { type ClientFrame, type DaemonFrame, type EndCode, pack, packText, sendTo, sizes, streamWindow, type Who } from './frame.ts';
import type { Seal } from './seal.ts';

export type Log = Record<'info' | 'warn' | 'error', (details: object, message: string) => void>;

/** A session as handlers and authorization know it. */
export type Session = {
  readonly id: string;
  readonly who: Who;
  /** The public half of the key it was opened with, Z85. */
  readonly publicKey: string;
  /** By `performance.now()`: how long a session lasts is no matter of the wall clock, which may be set. */
  readonly openedAt: number;
  /**
   * The number of the last event. A handler that returns a picture reads it BEFORE it reads the picture: an event that happens between the
   * two is then applied twice at worst, never lost.
   */
  readonly seq: number;
};

/** Binary data beside a request. Everything here throws once the client cancels, the session ends, or the right is gone. */
export type Stream = {
  /** What the client sends, in its order. Asked for chunk by chunk, so an upload that nobody reads stays with the client. */
  readonly upload: AsyncIterable<Buffer>;
  /** Resolves when the client has room for it. Any size: it leaves in chunks. */
  download(octets: Uint8Array): Promise<void>;
  readonly signal: AbortSignal;
};

/** A stream that asks before every chunk whether the right still holds; `stillAllowed` throws when it does not. */
export type Guarded = Stream & { guard(stillAllowed: () => Promise<void>): void };

export type SessionLimits = {
  /** Octets of unsent messages beyond which events are dropped. */
  unsentOctets: number;
  /** A client that takes nothing for so long is gone for us. */
  stalledMs: number;
  requests: number;
  streams: number;
};

type Ask = Extract<ClientFrame, { t: 'ask' }>;
type Waiting = { body: Buffer; isEvent: boolean };

const retryFirstMs = 2;
const retryLastMs = 50;

export class LiveSession implements Session {
  readonly id: string;
  readonly who: Who;
  readonly publicKey: string;
  readonly openedAt = performance.now();
  readonly address: Buffer;
  readonly seal: Seal;
  /** Nothing but the proof that the client holds its key is taken before this. */
  proven = false;
  subscribed: ReadonlySet<string> = new Set();
  lastHeardAt = performance.now();
  lastSentAt = performance.now();

  readonly #socket: Router;
  readonly #limits: SessionLimits;
  readonly #onGone: (why: 'gone' | 'slow', error?: unknown) => void;
  readonly #open = new Map<number, OpenRequest>();
  #seq = 0;
  #waiting: Waiting[] = [];
  #next = 0;
  #unsent = 0;
  #sending = false;
  #stalledSince: number | null = null;
  #retryMs = retryFirstMs;
  #retry: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(
    facts: { id: string; who: Who; publicKey: string; address: Buffer; seal: Seal },
    socket: Router,
    limits: SessionLimits,
    onGone: (why: 'gone' | 'slow', error?: unknown) => void,
  ) {
    this.id = facts.id;
    this.who = facts.who;
    this.publicKey = facts.publicKey;
    this.address = facts.address;
    this.seal = facts.seal;
    this.#socket = socket;
    this.#limits = limits;
    this.#onGone = onGone;
  }

  get seq(): number {
    return this.#seq;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get openRequests(): number {
    return this.#open.size;
  }

  get unsentOctets(): number {
    return this.#unsent;
  }

  push(frame: DaemonFrame, chunk?: Uint8Array): void {
    this.#push(pack(frame, chunk), false);
  }

  pushText(header: string): void {
    this.#push(packText(header), false);
  }

  /** `payload` is JSON text: it is written once however many sessions are told. */
  pushEvent(name: string, payload: string): void {
    const size = payload.length + name.length + 64;
    if (this.#unsent + size > this.#limits.unsentOctets) {
      this.#dropEvents();
      name = 'resync';
      payload = '{"why":"events were dropped because this client reads too slowly"}';
    }
    this.#push(packText(`{"t":"event","seq":${++this.#seq},"name":${JSON.stringify(name)},"payload":${payload}}`), true);
  }

  /** An earlier `resync` goes as well: one is enough, at the end. */
  #dropEvents(): void {
    // The head may be on its way to the socket at this moment.
    const head = this.#sending ? this.#waiting.slice(this.#next, this.#next + 1) : [];
    const rest = this.#waiting.slice(this.#next + head.length).filter((entry) => !entry.isEvent);
    this.#waiting = [...head, ...rest];
    this.#next = 0;
    this.#unsent = this.#waiting.reduce((sum, entry) => sum + entry.body.length, 0);
  }

  #push(body: Buffer, isEvent: boolean): void {
    if (this.#ended) return;
    this.#waiting.push({ body, isEvent });
    this.#unsent += body.length;
    if (!isEvent && this.#unsent > 4 * this.#limits.unsentOctets) this.#onGone('slow');
    else if (!this.#sending && this.#retry === undefined) void this.#drain();
  }

  /** Never rejects: whatever the socket throws means that this peer cannot be reached, and goes to `onGone`. */
  async #drain(): Promise<void> {
    this.#sending = true;
    this.#retry = undefined;
    for (let head = this.#waiting[this.#next]; head !== undefined; head = this.#waiting[this.#next]) {
      let failure: unknown;
      const outcome = await sendTo(this.#socket, this.address, this.seal.seal(head.body)).catch((error: unknown) => {
        failure = error;
        return 'gone' as const;
      });
      if (outcome === 'gone') {
        this.#waiting = [];
        this.#next = 0;
        if (!this.#ended) this.#onGone('gone', failure);
        break;
      }
      if (outcome === 'full') {
        // A ROUTER cannot say when one peer has room again, so this asks.
        this.#stalledSince ??= performance.now();
        if (!this.#ended) {
          this.#retry = setTimeout(() => void this.#drain(), this.#retryMs);
          this.#retryMs = Math.min(this.#retryMs * 2, retryLastMs);
        }
        break;
      }
      this.#stalledSince = null;
      this.#retryMs = retryFirstMs;
      this.lastSentAt = performance.now();
      this.#unsent -= head.body.length;
      this.#next++;
      if (this.#next === this.#waiting.length || this.#next > 1_000) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
    }
    this.#sending = false;
  }

  stalled(now: number): boolean {
    return this.#stalledSince !== null && now - this.#stalledSince > this.#limits.stalledMs;
  }

  /** Takes a request in, or says why not. */
  admit(ask: Ask, streaming: { upload: boolean; download: boolean }): OpenRequest {
    if (this.#open.has(ask.id)) throw new PostroomError('invalid', 'This request id is in use.');
    const streams = [...this.#open.values()].filter((request) => request.streams).length;
    const isStream = streaming.upload || streaming.download;
    if (this.#open.size >= this.#limits.requests || (isStream && streams >= this.#limits.streams)) {
      throw new PostroomError('rate-limited', 'Too many requests are open in this session. Wait for answers.', { retryAfterMs: 100 });
    }
    const request = new OpenRequest(this, ask, streaming);
    this.#open.set(ask.id, request);
    return request;
  }

  settle(id: number): void {
    this.#open.delete(id);
  }

  request(id: number): OpenRequest | undefined {
    return this.#open.get(id);
  }

  /** A right may be gone: a stream that waits for its client's credit would ask only when that comes. */
  recheckStreams(): void {
    for (const request of this.#open.values()) if (request.streams) request.recheckSoon();
  }

  /** Stops everything at once. With a code the client is told, if it can still be told. */
  end(message: string, code?: EndCode): void {
    if (this.#ended) return;
    if (code) this.push({ t: 'end', code, message });
    this.#ended = true;
    clearTimeout(this.#retry);
    const reason = new PostroomError('unauthenticated', message);
    for (const request of this.#open.values()) request.abort(reason);
    this.#open.clear();
  }
}

/** One request between its arrival and its answer, with its streams. */
export class OpenRequest implements Guarded {
  readonly streams: boolean;
  readonly #session: LiveSession;
  readonly #ask: Ask;
  readonly #streaming: { upload: boolean; download: boolean };
  #stillAllowed: () => Promise<void> = async () => {};
  readonly #abort = new AbortController();
  /** Chunks that the client will still take. */
  #credit: number;
  /** Chunks that we will still take. */
  #granted = 0;
  #arrived: Buffer[] = [];
  #complete = false;
  #waiters: (() => void)[] = [];

  constructor(session: LiveSession, ask: Ask, streaming: { upload: boolean; download: boolean }) {
    this.#session = session;
    this.#ask = ask;
    this.#streaming = streaming;
    this.streams = streaming.upload || streaming.download;
    this.#credit = ask.credit ?? 0;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  guard(stillAllowed: () => Promise<void>): void {
    this.#stillAllowed = stillAllowed;
  }

  recheckSoon(): void {
    this.#stillAllowed().catch((error: unknown) => this.abort(error));
  }

  abort(reason: unknown): void {
    this.#abort.abort(reason);
    this.#wake();
  }

  /** The client has room for more. It never has more than one window, whatever it says. */
  extend(chunks: number): void {
    this.#credit = Math.min(this.#credit + chunks, streamWindow);
    this.#wake();
  }

  /** False when the client sent what it had no credit for. */
  take(chunk: Buffer, last: boolean): boolean {
    if (this.#complete || !this.#streaming.upload || this.#granted === 0 || chunk.length > sizes.chunk) return false;
    this.#granted--;
    // A copy: the chunk is a view into a frame that is larger.
    if (chunk.length > 0) this.#arrived.push(Buffer.from(chunk));
    this.#complete = last;
    this.#wake();
    return true;
  }

  async download(octets: Uint8Array): Promise<void> {
    if (!this.#streaming.download) throw new Error(`${this.#ask.method} is no download`);
    for (let at = 0; at < octets.length; at += sizes.chunk) {
      await this.#until(() => this.#credit > 0 && this.#credit-- > 0);
      await this.#recheck();
      this.#session.push({ t: 'chunk', id: this.#ask.id }, octets.subarray(at, at + sizes.chunk));
    }
  }

  readonly upload: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (!this.#streaming.upload) throw new Error(`${this.#ask.method} is no upload`);
        const room = streamWindow - this.#granted - this.#arrived.length;
        if (!this.#complete && room >= streamWindow / 2) {
          this.#granted += room;
          this.#session.push({ t: 'credit', id: this.#ask.id, chunks: room });
        }
        await this.#until(() => this.#arrived.length > 0 || this.#complete);
        await this.#recheck();
        const value = this.#arrived.shift();
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
    }),
  };

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async #until(ready: () => boolean): Promise<void> {
    this.signal.throwIfAborted();
    while (!ready()) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
      this.signal.throwIfAborted();
    }
  }

  async #recheck(): Promise<void> {
    await this.#stillAllowed();
    this.signal.throwIfAborted();
  }
}
