/**
 * The daemon's end of the protocol: rows + a service -> answers and events.
 *
 * The gate says who may connect, the handshake who it is, proven; answer.ts turns a request into its answer; here they meet, with what each
 * session may cost and who is told of an event.
 *
 * Invariants: the gate is bound before any endpoint; a session exists only for a key that `identify` knows, and is bound to the routing id
 * it was opened from; no handler runs before `authorize`; nothing from a client stops the receive loop.
 */
import { randomBytes } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { Context, Router } from 'zeromq';
import * as z from 'zod';
import { answer, type Reply, type Service, toWire } from './answer.ts';
import { PostroomError } from './errors.ts';
import {
  ClientFrame,
  conform,
  type EndCode,
  Hello,
  Malformed,
  packText,
  protocolVersion,
  type Refused,
  readJson,
  readParts,
  receiveAll,
  sendTo,
  sizes,
  transportOverheadOctets,
  unpackRaw,
  type Who,
  writeEnvelope,
} from './frame.ts';
import { gateDomain, openGate, type Peer } from './gate.ts';
import type { CurveKeys } from './keys.ts';
import type { Events, Methods, PayloadInputOf } from './rows.ts';
import { agree } from './seal.ts';
import { LiveSession, type Log, type Session, type SessionLimits } from './session.ts';

export type { Service } from './answer.ts';
export type { Who } from './frame.ts';
export type { Peer } from './gate.ts';
export type { Log, Session, Stream } from './session.ts';

export type Limits = SessionLimits & {
  sessions: number;
  sessionsPerKey: number;
  /** Greetings whose proof has not come yet; the oldest gives way. */
  unproven: number;
  /** Requests a second that one person may make for long, over all their sessions, and at once. */
  requestsPerSecond: number;
  requestsAtOnce: number;
  /** Malformed messages in a minute that end a session and silence its address for the rest of that minute. */
  malformed: number;
  /** A session that says nothing ends after this; clients ping. */
  idleMs: number;
  /** A session ends after this, when no request is open; clients open another by themselves. */
  lifeMs: number;
  /** From a greeting to its proof. */
  proofMs: number;
  /** How often a quiet session is told that the daemon lives; that is also how a client that died is noticed. */
  probeMs: number;
};

export const defaultLimits: Limits = {
  unsentOctets: 8 * 1024 * 1024,
  stalledMs: 60_000,
  requests: 64,
  streams: 4,
  sessions: 1_024,
  sessionsPerKey: 64,
  unproven: 256,
  requestsPerSecond: 500,
  requestsAtOnce: 1_000,
  malformed: 10,
  idleMs: 30 * 60_000,
  lifeMs: 12 * 3_600_000,
  proofMs: 10_000,
  probeMs: 5_000,
};

/** One place to listen. `mode` is the ipc socket's: 0o600 unless a group shares the daemon. */
export type Listening = { endpoint: string; mode?: number };

export type ServerOptions<M extends Methods, E extends Events> = {
  methods: M;
  events: E;
  keys: CurveKeys;
  endpoints: readonly Listening[];
  /** The daemon's release, for the message when versions differ. */
  release: string;
  /** Who may connect at all: keys of live persons and of open invitations. */
  isKeyAllowed(publicKey: string, peer: Peer): boolean | Promise<boolean>;
  /** Whom a key stands for at this moment; null ends the attempt. */
  identify(publicKey: string): Who | null;
  /** The public key that the daemon will hold after `keys`, once it is announced: told in every session, where `keys` vouches for it. */
  nextKey?(): string | null;
  service: Service<M>;
  log: Log;
  limits?: Partial<Limits>;
};

export type Server<E extends Events> = {
  /** Where it listens, with the port that was found for `tcp://host:*`. */
  readonly endpoints: readonly string[];
  /** Tells the sessions that subscribed and may see it. `to.person` limits it to that person's sessions. */
  publish<K extends keyof E & string>(name: K, payload: PayloadInputOf<E[K]>, to: { mailbox?: string; person?: string }): void;
  /** Ends every session that fits, at once: their open requests and streams stop. Returns how many. */
  endSessions(where: (session: Session) => boolean, code: EndCode, message: string): number;
  /** Asks again whether the open streams of these sessions may go on; one that may not stops at once, also while it waits for its client. */
  recheckStreams(where: (session: Session) => boolean): void;
  sessions(): readonly (Session & { lastHeardAt: number; subscribed: boolean })[];
  /** Sessions that were ever opened: short ones come and go between two looks at `sessions`. */
  opened(): number;
  /** Tells everybody, waits for open requests for at most `graceMs`, then closes. */
  close(graceMs?: number): Promise<void>;
};

export async function listen<M extends Methods, E extends Events>(options: ServerOptions<M, E>): Promise<Server<E>> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  // A context of its own: several daemons can live in one process, each with its own gate.
  const context = new Context({ blocky: false });
  const gate = await openGate(context, options.isKeyAllowed, options.log);
  const socket = new Router({
    context,
    curveServer: true,
    curvePublicKey: options.keys.publicKey,
    curveSecretKey: options.keys.secretKey,
    // Only the two together deny when no gate answers.
    zapDomain: gateDomain,
    zapEnforceDomain: true,
    mandatory: true,
    sendTimeout: 0,
    // Low, so that what a slow client has not read waits in its session, where it is counted.
    sendHighWaterMark: 128,
    receiveHighWaterMark: 128,
    maxMessageSize: sizes.toDaemon + sizes.seal + transportOverheadOctets,
    handshakeInterval: 5_000,
    heartbeatInterval: 5_000,
    heartbeatTimeout: 15_000,
    heartbeatTimeToLive: 15_000,
    backlog: 256,
    linger: 0,
  });
  const server = new DaemonEnd(options, limits, socket);
  try {
    for (const listening of options.endpoints) await server.bind(listening);
  } catch (error) {
    socket.close();
    gate.close();
    throw error;
  }
  const stopped = receiveAll(socket, (parts) => server.take(parts)).catch((error: unknown) => {
    options.log.error({ err: error }, 'the daemon stopped to receive');
  });
  const ticking = setInterval(() => server.tick(performance.now()), Math.min(limits.probeMs, 1_000));
  const close = async (graceMs: number): Promise<void> => {
    await server.stop(graceMs);
    clearInterval(ticking);
    socket.linger = 100; // for the last words
    socket.close();
    gate.close();
    await stopped;
    await server.removeSocketFiles();
  };
  let closing: Promise<void> | undefined;
  return {
    endpoints: server.endpoints,
    publish: (name, payload, to) => server.publish(name, payload, to),
    endSessions: (where, code, message) => server.endSessions(where, code, message),
    recheckStreams: (where) => server.recheckStreams(where),
    sessions: () => server.listing(),
    opened: () => server.opened,
    close: (graceMs = 0) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

/** A greeting or a message that we answer in clear, since no session is there to answer in. */
class Refusal extends Error {
  readonly reason: Refused['reason'];

  constructor(reason: Refused['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What one routing id has done lately. Not who it is. */
type Address = { session: LiveSession | null; malformed: number; refusedAt: number };

class DaemonEnd<M extends Methods, E extends Events> {
  readonly endpoints: string[] = [];
  opened = 0;
  readonly #options: ServerOptions<M, E>;
  readonly #limits: Limits;
  readonly #socket: Router;
  readonly #sessions = new Map<string, LiveSession>();
  readonly #addresses = new Map<string, Address>();
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  #minuteAt = performance.now();
  #stopping = false;

  constructor(options: ServerOptions<M, E>, limits: Limits, socket: Router) {
    this.#options = options;
    this.#limits = limits;
    this.#socket = socket;
  }

  async bind({ endpoint, mode = 0o600 }: Listening): Promise<void> {
    const path = endpoint.startsWith('ipc://') ? endpoint.slice('ipc://'.length) : null;
    if (path !== null && Buffer.byteLength(path) > 107) {
      throw new PostroomError(
        'invalid',
        `The path of the socket ${path} is longer than the 107 octets that the system allows. Choose a shorter one.`,
      );
    }
    if (endpoint.startsWith('tcp://*'))
      throw new PostroomError('invalid', 'Name the address to listen on: tcp://* would be every network.');
    try {
      await this.#socket.bind(endpoint);
    } catch (error) {
      throw new PostroomError('unavailable', `The daemon cannot listen on ${endpoint}.`, {}, { cause: error });
    }
    if (path !== null) await chmod(path, mode);
    this.endpoints.push(this.#socket.lastEndpoint ?? endpoint);
  }

  /** libzmq leaves them behind. */
  async removeSocketFiles(): Promise<void> {
    for (const endpoint of this.endpoints) if (endpoint.startsWith('ipc://')) await rm(endpoint.slice('ipc://'.length), { force: true });
  }

  /** One message as it came. Never throws. */
  take([address, ...parts]: Buffer[]): void {
    if (address === undefined) return;
    const known = this.#address(address);
    if (known.malformed >= this.#limits.malformed) return;
    try {
      const { envelope, envelopePart, body } = readParts(parts, sizes.toDaemon);
      if (envelope.kind === 'hello') this.#greet(address, known, envelope.version, body);
      else {
        if (envelope.kind !== 'sealed' || envelope.version !== protocolVersion) throw new Malformed('not a message for a daemon');
        const session = this.#sessions.get(envelope.session.toString('hex'));
        // Bound to its address: a frame of this session from anywhere else is somebody's copy.
        if (!session?.address.equals(address)) throw new Refusal('session', 'This session is not open any more.');
        this.#takeSealed(session, session.seal.open(envelopePart, envelope.counter, body));
      }
    } catch (error) {
      if (error instanceof Refusal) this.#refuse(address, known, error);
      else this.#malformed(known, error);
      if (!(error instanceof Malformed || error instanceof Refusal))
        this.#options.log.error({ err: error }, 'a message could not be taken');
    }
  }

  #address(address: Buffer): Address {
    const key = address.toString('latin1');
    let known = this.#addresses.get(key);
    if (!known) {
      known = { session: null, malformed: 0, refusedAt: Number.NEGATIVE_INFINITY };
      this.#addresses.set(key, known);
    }
    return known;
  }

  #malformed(known: Address, error: unknown): void {
    if (++known.malformed !== this.#limits.malformed) return;
    this.#options.log.warn({ reason: error instanceof Error ? error.message : '' }, 'too many malformed messages from one client');
    if (known.session) this.#end(known.session, 'broken', 'Too many malformed messages came from this client.');
  }

  /** Answers a greeting with our half of the session, or says in clear why not. The peer has proven nothing yet. */
  #greet(address: Buffer, known: Address, version: number, body: Buffer): void {
    if (version !== protocolVersion) {
      const older = version < protocolVersion ? 'the client (this program)' : 'the daemon';
      throw new Refusal(
        'version',
        `The daemon speaks version ${protocolVersion} of the protocol, the client ${version}: upgrade ${older}.`,
      );
    }
    if (this.#stopping) throw new Refusal('stopping', 'The daemon is stopping.');
    const hello = conform(Hello, readJson(body));
    const who = this.#options.identify(hello.key);
    if (!who) throw new Refusal('key', 'The daemon does not know this key, or it was revoked.');
    // Another greeting from an address is no accident of ours: our clients take a new socket each time.
    if (known.session) throw new Malformed('a greeting within a session');
    // Unproven sessions cost the key they name nothing, since anybody may name it; they push out each other.
    const unproven = [...this.#sessions.values()].filter((session) => !session.proven);
    if (unproven[0] && unproven.length >= this.#limits.unproven) this.#forget(unproven[0]);

    const id = randomBytes(sizes.sessionId);
    const nonce = randomBytes(32).toString('base64url');
    const seal = agree({
      role: 'daemon',
      own: this.#options.keys,
      peer: hello.key,
      session: id,
      clientNonce: hello.nonce,
      daemonNonce: nonce,
    });
    const session = new LiveSession(
      { id: id.toString('hex'), who, publicKey: hello.key, address, seal },
      this.#socket,
      this.#limits,
      (why, error) => {
        if (error !== undefined) this.#options.log.error({ err: error }, 'a session could not be sent to');
        if (why === 'slow') this.#end(session, 'slow', 'This client reads too slowly.');
        else this.#forget(session);
      },
    );
    this.#sessions.set(session.id, session);
    known.session = session;
    const welcome = packText(JSON.stringify({ nonce, answers: hello.nonce })).subarray(4);
    void sendTo(this.#socket, address, [writeEnvelope('welcome', id), welcome]).catch((error: unknown) =>
      this.#options.log.error({ err: error }, 'a greeting could not be answered'),
    );
  }

  /** Once a second for each address: a stranger must not make us talk. */
  #refuse(address: Buffer, known: Address, { reason, message }: Refusal): void {
    const now = performance.now();
    if (now - known.refusedAt < 1_000) return;
    known.refusedAt = now;
    const refused: Refused = { reason, message, release: this.#options.release };
    void sendTo(this.#socket, address, [writeEnvelope('refused'), Buffer.from(JSON.stringify(refused))]).catch((error: unknown) =>
      this.#options.log.error({ err: error }, 'a refusal could not be sent'),
    );
  }

  #takeSealed(session: LiveSession, body: Buffer): void {
    session.lastHeardAt = performance.now();
    const { frame: raw, chunk } = unpackRaw(body);
    const parsed = ClientFrame.safeParse(raw);
    if (!parsed.success) {
      const id = z.object({ id: z.int().min(1) }).safeParse(raw).data?.id;
      const message = 'The daemon does not understand this message.';
      if (id !== undefined && session.proven) session.push({ t: 'answer', id, error: { code: 'invalid', message, details: {} } });
      throw new Malformed('unexpected fields in a sealed message');
    }
    const frame = parsed.data;
    if (session.proven === (frame.t === 'open')) throw new Malformed('a session begins with `open`, once');
    if (chunk.length > 0 && frame.t !== 'chunk') throw new Malformed('a chunk where none belongs');
    switch (frame.t) {
      case 'open':
        this.#prove(session);
        break;
      case 'ask':
        void this.#ask(session, frame);
        break;
      case 'subscribe':
        this.#subscribe(session, frame.id, frame.names);
        break;
      case 'chunk': {
        // A request that is over may still be sent to: the client did not know.
        const request = session.request(frame.id);
        if (request && !request.take(chunk, frame.last)) throw new Malformed('a chunk without credit');
        break;
      }
      case 'credit':
        session.request(frame.id)?.extend(frame.chunks);
        break;
      case 'cancel':
        session.request(frame.id)?.abort(new PostroomError('unavailable', 'The client cancelled this request.'));
        break;
      case 'ping':
        session.push({ t: 'alive', ...this.#announced() });
        break;
      case 'bye':
        this.#forget(session);
        break;
      default:
        frame satisfies never;
    }
  }

  /** The first sealed message opened, so the peer holds the key it named. Asked again who that is: the greeting was a moment ago. */
  #prove(session: LiveSession): void {
    const proven = [...this.#sessions.values()].filter((other) => other.proven);
    const ofKey = proven.filter((other) => other.publicKey === session.publicKey).length;
    if (!this.#options.identify(session.publicKey)) this.#end(session, 'revoked', 'This key was revoked.');
    else if (proven.length >= this.#limits.sessions || ofKey >= this.#limits.sessionsPerKey) {
      this.#end(session, 'busy', 'Too many sessions are open. Close some, or try again later.');
    } else {
      session.proven = true;
      this.opened++;
      session.push({ t: 'opened', who: session.who, release: this.#options.release, ...this.#announced() });
    }
  }

  #announced(): { nextKey?: string } {
    const nextKey = this.#options.nextKey?.() ?? null;
    return nextKey === null ? {} : { nextKey };
  }

  #subscribe(session: LiveSession, id: number, names: readonly string[]): void {
    const unknown = names.find((name) => !Object.hasOwn(this.#options.events, name));
    if (unknown === undefined) {
      session.subscribed = new Set(names);
      session.push({ t: 'answer', id, result: { seq: session.seq } });
    } else {
      const message = 'This daemon does not publish that event. Its release may be older than yours.';
      session.push({ t: 'answer', id, error: { code: 'invalid', message, details: { name: unknown } } });
    }
  }

  async #ask(session: LiveSession, ask: Extract<ClientFrame, { t: 'ask' }>): Promise<void> {
    const { methods, log } = this.#options;
    let reply: Reply;
    try {
      if (this.#stopping) throw new PostroomError('unavailable', 'The daemon is stopping.');
      this.#spend(session);
      const row = Object.hasOwn(methods, ask.method) ? methods[ask.method] : undefined;
      const request = session.admit(ask, { upload: row?.upload ?? false, download: row?.download ?? false });
      reply = await answer(this.#options, session, ask, request);
      session.settle(ask.id);
    } catch (error) {
      reply = { error: toWire(error, ask.method, methods, log) };
    }
    const text = JSON.stringify({ t: 'answer', id: ask.id, ...reply });
    // A character is at most three octets.
    if (text.length <= sizes.toClient / 3) {
      session.pushText(text);
      return;
    }
    log.error({ method: ask.method, characters: text.length }, 'a result is too large to be sent');
    session.push({
      t: 'answer',
      id: ask.id,
      error: { code: 'internal', message: 'The answer is too large. Ask for less at once.', details: {} },
    });
  }

  /** Takes a token from the person's bucket, or says when there will be one. */
  #spend(session: LiveSession): void {
    const key = session.who.kind === 'person' ? session.who.person : session.publicKey;
    const now = performance.now();
    const { requestsPerSecond, requestsAtOnce } = this.#limits;
    const bucket = this.#buckets.get(key) ?? { tokens: requestsAtOnce, at: now };
    bucket.tokens = Math.min(requestsAtOnce, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * requestsPerSecond);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < 1) {
      const retryAfterMs = Math.ceil(((1 - bucket.tokens) / requestsPerSecond) * 1_000) + 10;
      throw new PostroomError('rate-limited', 'Too many requests. Wait a moment.', { retryAfterMs });
    }
    bucket.tokens--;
  }

  publish(name: keyof E & string, payload: unknown, to: { mailbox?: string; person?: string }): void {
    const row = this.#options.events[name];
    const checked = row?.payload.safeParse(payload);
    if (!row || !checked?.success) {
      this.#options.log.error({ event: name, err: checked?.error }, 'an event does not fit its row and was not published');
      return;
    }
    const text = JSON.stringify(checked.data);
    for (const session of this.#sessions.values()) {
      if (!session.subscribed.has(name) || session.who.kind !== 'person') continue;
      if (to.person !== undefined && session.who.person !== to.person) continue;
      if (this.#options.service.maySee(session, row.needs, to.mailbox ?? null)) session.pushEvent(name, text);
    }
  }

  endSessions(where: (session: Session) => boolean, code: EndCode, message: string): number {
    const fitting = [...this.#sessions.values()].filter(where);
    for (const session of fitting) this.#end(session, code, message);
    return fitting.length;
  }

  recheckStreams(where: (session: Session) => boolean): void {
    for (const session of this.#sessions.values()) if (where(session)) session.recheckStreams();
  }

  listing(): (Session & { lastHeardAt: number; subscribed: boolean })[] {
    return [...this.#sessions.values()]
      .filter((session) => session.proven)
      .map(({ id, who, publicKey, openedAt, seq, lastHeardAt, subscribed }) => ({
        id,
        who,
        publicKey,
        openedAt,
        seq,
        lastHeardAt,
        subscribed: subscribed.size > 0,
      }));
  }

  tick(now: number): void {
    for (const session of this.#sessions.values()) {
      if (!session.proven && now - session.openedAt > this.#limits.proofMs) this.#forget(session);
      else if (session.stalled(now)) this.#end(session, 'slow', 'This client stopped to read.');
      else if (now - session.lastHeardAt > this.#limits.idleMs) this.#end(session, 'expired', 'This session was idle.');
      else if (now - session.openedAt > this.#limits.lifeMs && session.openRequests === 0)
        this.#end(session, 'expired', 'This session is old.');
      else if (session.proven && now - session.lastSentAt > this.#limits.probeMs) session.push({ t: 'alive', ...this.#announced() });
    }
    if (now - this.#minuteAt < 60_000) return;
    this.#minuteAt = now;
    for (const [key, known] of this.#addresses) {
      if (known.session) known.malformed = 0;
      else this.#addresses.delete(key);
    }
    for (const [key, bucket] of this.#buckets) if (now - bucket.at > 60_000) this.#buckets.delete(key);
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const until = performance.now() + graceMs;
    const busy = () => [...this.#sessions.values()].some((session) => session.openRequests > 0);
    while (busy() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    this.endSessions(() => true, 'stopping', 'The daemon is stopping.');
  }

  #end(session: LiveSession, code: EndCode, message: string): void {
    session.end(message, code);
    this.#drop(session);
  }

  /** Ends the session of a client that is gone: there is nobody to tell. */
  #forget(session: LiveSession): void {
    session.end('The client is gone.');
    this.#drop(session);
  }

  #drop(session: LiveSession): void {
    this.#sessions.delete(session.id);
    const known = this.#address(session.address);
    if (known.session === session) known.session = null;
  }
}
