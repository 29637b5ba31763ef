/**
 * A client's end of one connection: one socket, one greeting, one sealed session. It lives once; client.ts opens the next.
 *
 * A new socket for every session, because what ZeroMQ still holds for a daemon that went away would arrive before the new session does.
 */
import { randomBytes } from 'node:crypto';
import { type Context, Dealer } from 'zeromq';
import { PostroomError } from './errors.ts';
import {
  type ClientFrame,
  conform,
  DaemonFrame,
  Malformed,
  pack,
  protocolVersion,
  Refused,
  readJson,
  readParts,
  receiveAll,
  SendQueue,
  sizes,
  transportOverheadOctets,
  unpackRaw,
  Welcome,
  type Who,
  writeEnvelope,
} from './frame.ts';
import type { CurveKeys } from './keys.ts';
import { agree, type Seal } from './seal.ts';

/** Where a daemon is, the key it must prove, and the key that we prove. */
export type Target = CurveKeys & { endpoint: string; daemonKey: string };

/** `no-daemon`: nobody listens. `daemon-key`: somebody does, but cannot prove the pinned key. */
export type Trouble = 'no-daemon' | 'daemon-key';
/** Why a link is over. `key`, `version` and `revoked` stay so; after the others it is worth another try. */
export type Ending = { reason: 'key' | 'version' | 'revoked' | 'expired' | 'stopping' | 'lost' | 'closed'; message: string };

export type LinkEvents = {
  onTrouble(trouble: Trouble): void;
  onOpened(who: Who, release: string): void;
  /** The daemon, proven, says which key it will hold next. */
  onNextKey(key: string): void;
  onFrame(frame: DaemonFrame, chunk: Buffer): void;
  onOver(ending: Ending): void;
};

/** From a connection to an open session. */
const greetingMs = 5_000;
/** A daemon says something every few seconds; after this it is gone, whatever the connection looks like. */
const silenceMs = 15_000;
const pingMs = 60_000;

export class Link {
  readonly #target: Target;
  readonly #events: LinkEvents;
  readonly #socket: Dealer;
  readonly #queue: SendQueue;
  readonly #nonce = randomBytes(32).toString('base64url');
  readonly #received: Promise<void>;
  readonly #watch: NodeJS.Timeout;
  #seal: Seal | undefined;
  #greetedAt: number | undefined;
  #opened = false;
  #over = false;
  #heardAt = performance.now();
  #pingedAt = performance.now();

  constructor(target: Target, release: string, context: Context, events: LinkEvents) {
    this.#target = target;
    this.#events = events;
    this.#socket = new Dealer({
      context,
      curveServerKey: target.daemonKey,
      curvePublicKey: target.publicKey,
      curveSecretKey: target.secretKey,
      // Low, so that a client which does not read is noticed by the daemon, and not by its own memory.
      sendHighWaterMark: 64,
      receiveHighWaterMark: 64,
      maxMessageSize: sizes.toClient + sizes.seal + transportOverheadOctets,
      reconnectInterval: 100,
      reconnectMaxInterval: 2_000,
      connectTimeout: 5_000,
      handshakeInterval: 5_000,
      heartbeatInterval: 5_000,
      heartbeatTimeout: 15_000,
      linger: 0,
    });
    this.#queue = new SendQueue(this.#socket);
    this.#watchConnection();
    try {
      this.#socket.connect(target.endpoint);
    } catch (error) {
      this.#socket.close();
      throw new PostroomError('invalid', `${target.endpoint} is no endpoint that can be connected to.`, {}, { cause: error });
    }
    this.#sendParts([writeEnvelope('hello'), Buffer.from(JSON.stringify({ release, key: target.publicKey, nonce: this.#nonce }))]);
    this.#received = receiveAll(this.#socket, (parts) => this.#take(parts)).catch((error: unknown) => this.#lose(error));
    this.#watch = setInterval(() => this.#tick(performance.now()), 1_000);
  }

  get open(): boolean {
    return this.#opened && !this.#over;
  }

  /** In order. Whether it arrived only an answer tells. */
  send(frame: ClientFrame, chunk?: Uint8Array): void {
    this.sendBody(pack(frame, chunk));
  }

  sendBody(body: Buffer): void {
    if (this.#seal && !this.#over) this.#sendParts(this.#seal.seal(body));
  }

  /** Says goodbye when there is somebody to say it to. Never hangs. */
  async close(): Promise<void> {
    if (this.#over) return;
    if (this.#opened) {
      this.#socket.linger = 100;
      this.send({ t: 'bye' });
      // Full queues would make it wait for a daemon that does not read.
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise((resolve) => {
        timer = setTimeout(resolve, 100);
      });
      await Promise.race([this.#queue.send([]).catch(() => undefined), patience]);
      clearTimeout(timer); // else every command would live for so long after its answer
    }
    this.#end({ reason: 'closed', message: 'This client was closed.' });
    await this.#received;
  }

  /** Without a word to anybody: another takes its place. */
  abandon(): void {
    this.#over = true;
    clearInterval(this.#watch);
    this.#socket.close();
  }

  #sendParts(parts: readonly Buffer[]): void {
    this.#queue.send(parts).catch((error: unknown) => this.#lose(error));
  }

  #lose(error: unknown): void {
    this.#end({ reason: 'lost', message: `The connection to the daemon failed: ${error instanceof Error ? error.message : 'unknown'}.` });
  }

  #end(ending: Ending): void {
    if (this.#over) return;
    this.abandon();
    this.#events.onOver(ending);
  }

  /** libzmq connects and retries by itself; its monitor is the only one who knows why it does not succeed. */
  #watchConnection(): void {
    let reached = false;
    const events = this.#socket.events;
    events.on('connect', () => {
      reached = true;
    });
    events.on('close', () => {
      reached = false; // the attempt failed before anybody was reached
    });
    events.on('connect:retry', () => {
      // A wrong daemon key shows only as a peer that hangs up in the handshake.
      if (!this.#over && this.#greetedAt === undefined) this.#events.onTrouble(reached ? 'daemon-key' : 'no-daemon');
    });
    events.on('handshake', () => {
      this.#greetedAt ??= performance.now();
    });
    events.on('handshake:error:auth', ({ error }) => {
      if (error.status === 400) this.#end({ reason: 'key', message: 'The daemon does not know this key, or it was revoked.' });
      else this.#end({ reason: 'lost', message: 'The daemon could not decide about this key just now.' });
    });
    events.on('disconnect', () => {
      if (this.#greetedAt !== undefined) this.#end({ reason: 'lost', message: 'The connection to the daemon was lost.' });
    });
  }

  #tick(now: number): void {
    if (!this.#opened && this.#greetedAt !== undefined && now - this.#greetedAt > greetingMs) {
      this.#end({ reason: 'lost', message: 'The daemon did not answer the greeting.' });
    } else if (this.#opened && now - this.#heardAt > silenceMs) {
      this.#end({ reason: 'lost', message: 'The daemon does not answer any more.' });
    } else if (this.#opened && now - this.#pingedAt > pingMs) {
      this.#pingedAt = now;
      this.send({ t: 'ping' });
    }
  }

  #take(parts: readonly Buffer[]): void {
    if (this.#over) return;
    let body: Buffer | undefined;
    try {
      body = this.#unwrap(parts);
    } catch (error) {
      if (error instanceof Malformed) return; // no message of this session: a late or a stranger's one, and nobody to tell
      throw error;
    }
    if (body === undefined) return;
    try {
      const { frame, chunk } = unpackRaw(body);
      this.#hear(conform(DaemonFrame, frame), chunk);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#end({ reason: 'lost', message: 'The daemon sent a message that this program does not understand. Is it newer?' });
    }
  }

  /** The opened body of a sealed message; undefined after a clear one, which is dealt with here. */
  #unwrap(parts: readonly Buffer[]): Buffer | undefined {
    const { envelope, envelopePart, body } = readParts(parts, sizes.toClient);
    if (envelope.kind === 'sealed' && this.#seal) return this.#seal.open(envelopePart, envelope.counter, body);
    if (envelope.kind === 'refused') this.#refused(conform(Refused, readJson(body)));
    else if (envelope.kind === 'welcome' && !this.#seal && envelope.version === protocolVersion) {
      const { nonce, answers } = conform(Welcome, readJson(body));
      if (answers !== this.#nonce) throw new Malformed('an answer to another greeting');
      const { publicKey, secretKey, daemonKey } = this.#target;
      const session = Buffer.from(envelope.session);
      this.#seal = agree({
        role: 'client',
        own: { publicKey, secretKey },
        peer: daemonKey,
        session,
        clientNonce: answers,
        daemonNonce: nonce,
      });
      this.send({ t: 'open' });
    }
    return undefined;
  }

  #refused({ reason, message, release }: Refused): void {
    const text = reason === 'version' ? `${message} (The daemon is release ${release}.)` : message;
    this.#end({ reason: reason === 'session' ? 'lost' : reason, message: text });
  }

  #hear(frame: DaemonFrame, chunk: Buffer): void {
    this.#heardAt = performance.now();
    if (frame.t === 'opened') {
      this.#opened = true;
      this.#events.onOpened(frame.who, frame.release);
      if (frame.nextKey !== undefined) this.#events.onNextKey(frame.nextKey);
    } else if (frame.t === 'alive') {
      if (frame.nextKey !== undefined) this.#events.onNextKey(frame.nextKey);
    } else if (frame.t === 'end') {
      const { code, message } = frame;
      this.#end({ reason: code === 'revoked' || code === 'expired' || code === 'stopping' ? code : 'lost', message });
    } else this.#events.onFrame(frame, chunk);
  }
}
