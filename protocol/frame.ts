/**
 * One message of the protocol <-> ZeroMQ frames. No other file knows a frame.
 *
 * On the wire a message is exactly two parts (a ROUTER sees the peer's routing id before them):
 *
 *   envelope, 32 octets   'Post' | version | kind | 0 0 | session id (16) | counter (8, big endian)
 *   body                  clear JSON for hello, welcome and refused; sealed octets (seal.ts) for everything else
 *
 * An opened body is `length of header (4) | header, JSON | binary chunk`. The first six octets keep their meaning in every
 * version, so that two releases that cannot talk can still tell each other so.
 *
 * Invariants: what is longer, deeper or shaped otherwise than said here throws `Malformed` and nothing else; no object that comes out
 * of here owns a `__proto__`; at most one receive loop runs on a socket, since ZeroMQ throws EBUSY at the second.
 */
import type { Dealer, Router } from 'zeromq';
import * as z from 'zod';
import { errorCodes } from './errors.ts';

export const protocolVersion = 1;

/** Sizes in octets, as both ends know them. Data that may be larger travels in chunks. */
export const sizes = {
  envelope: 32,
  sessionId: 16,
  seal: 16,
  chunk: 64 * 1024,
  /** Body of one message to the daemon. */
  toDaemon: 1024 * 1024,
  /** Body of one message to a client: a page of rows, never a mail. */
  toClient: 16 * 1024 * 1024,
} as const;

/** CURVE and the framing of ZMTP add less than this to a part; libzmq counts them against `maxMessageSize`. */
export const transportOverheadOctets = 256;

/** How many chunks may be under way in one stream. Memory for a stream is at most this times the size of a chunk, at each end. */
export const streamWindow = 16;

const jsonDepth = 32;
const magic = Buffer.from('Post');
const kinds = ['hello', 'welcome', 'refused', 'sealed'] as const;

export type Kind = (typeof kinds)[number];
export type Envelope = { version: number; kind: Kind | 'unknown'; session: Buffer; counter: number };

/** What came is no message of ours. The reason is for the log; a stranger is told nothing. */
export class Malformed extends Error {
  override name = 'Malformed';
}

const noSession = Buffer.alloc(sizes.sessionId);

export function writeEnvelope(kind: Kind, session: Buffer = noSession, counter = 0): Buffer {
  const envelope = Buffer.alloc(sizes.envelope);
  magic.copy(envelope);
  envelope[4] = protocolVersion;
  envelope[5] = kinds.indexOf(kind);
  session.copy(envelope, 8);
  envelope.writeBigUInt64BE(BigInt(counter), 24);
  return envelope;
}

export function readEnvelope(part: Buffer): Envelope {
  if (part.length !== sizes.envelope || !part.subarray(0, 4).equals(magic)) throw new Malformed('no envelope of this protocol');
  const counter = part.readBigUInt64BE(24);
  if (part[6] !== 0 || part[7] !== 0 || counter > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('envelope fields out of range');
  return { version: part[4] ?? 0, kind: kinds[part[5] ?? -1] ?? 'unknown', session: part.subarray(8, 24), counter: Number(counter) };
}

/** The two parts of a message, or Malformed. `maxBodyOctets` differs by direction. */
export function readParts(parts: readonly Buffer[], maxBodyOctets: number): { envelope: Envelope; envelopePart: Buffer; body: Buffer } {
  const [envelopePart, body] = parts;
  if (parts.length !== 2 || envelopePart === undefined || body === undefined) throw new Malformed(`${parts.length} parts instead of 2`);
  if (body.length > maxBodyOctets + sizes.seal) throw new Malformed(`body of ${body.length} octets`);
  return { envelope: readEnvelope(envelopePart), envelopePart, body };
}

/** Packs a header that is JSON text already: one text can go to many sessions. */
export function packText(header: string, chunk?: Uint8Array): Buffer {
  const headerOctets = Buffer.byteLength(header);
  const body = Buffer.allocUnsafe(4 + headerOctets + (chunk?.length ?? 0));
  body.writeUInt32BE(headerOctets, 0);
  body.write(header, 4);
  if (chunk) body.set(chunk, 4 + headerOctets);
  return body;
}

export const pack = (frame: ClientFrame | DaemonFrame, chunk?: Uint8Array): Buffer => packText(JSON.stringify(frame), chunk);

export type Unpacked<Frame> = { frame: Frame; chunk: Buffer };

/** The header of an opened body before any schema has seen it: the daemon looks here for an id to answer a misfit under. */
export function unpackRaw(body: Buffer): Unpacked<unknown> {
  const headerOctets = body.length >= 4 ? body.readUInt32BE(0) : 0;
  if (headerOctets < 2 || headerOctets > body.length - 4) throw new Malformed('header length beyond the body');
  return { frame: readJson(body.subarray(4, 4 + headerOctets)), chunk: body.subarray(4 + headerOctets) };
}

/** Parses and checks; which fields were wrong stays in the error's message, their values do not. */
export function conform<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new Malformed(`unexpected fields: ${parsed.error.issues.map((issue) => issue.path.join('.') || issue.code).join(', ')}`);
  return parsed.data;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** JSON from a stranger: valid UTF-8, bounded depth (everything that walks the value later recurses), no `__proto__` keys. */
export function readJson(octets: Buffer): unknown {
  if (depthOf(octets) > jsonDepth) throw new Malformed(`JSON nested deeper than ${jsonDepth}`);
  try {
    const text = utf8.decode(octets);
    const value: unknown = JSON.parse(text);
    // The key can also be spelled with escapes; a reviver on every frame would cost ten times as much as this look.
    if (text.includes('__proto__') || /\\u005f/i.test(text)) refuseProto(value);
    return value;
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed('not JSON', { cause: error });
  }
}

function depthOf(octets: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i];
    if (inString) {
      if (octet === 0x5c) i++;
      else if (octet === 0x22) inString = false;
    } else if (octet === 0x22) inString = true;
    else if (octet === 0x7b || octet === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (octet === 0x7d || octet === 0x5d) depth--;
  }
  return deepest;
}

function refuseProto(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) throw new Malformed('a __proto__ key');
  for (const inner of Object.values(value)) refuseProto(inner);
}

const RequestId = z.int().min(1);
const Seq = z.int().min(0);
const Credit = z.int().min(1).max(streamWindow);

const Random = z.base64url().length(43); // 32 octets
const Key = z.string().length(40); // Z85

/** The clear frames that agree on a session. */
export const Hello = z.object({ release: z.string().max(40), key: Key, nonce: Random });
export const Welcome = z.object({ nonce: Random, answers: Random });
export const Refused = z.object({
  reason: z.enum(['version', 'key', 'session', 'stopping']),
  message: z.string().max(1_000),
  release: z.string().max(40),
});
export type Hello = z.output<typeof Hello>;
export type Welcome = z.output<typeof Welcome>;
export type Refused = z.output<typeof Refused>;

export const Who = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('person'), person: z.string() }),
  z.object({ kind: z.literal('invitation'), invitation: z.string() }),
]);
/** Whom a key stands for. */
export type Who = z.output<typeof Who>;

/** Strict, as everything that the daemon reads. */
export const ClientFrame = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('open') }),
  z.strictObject({ t: z.literal('ask'), id: RequestId, method: z.string().max(100), params: z.unknown(), credit: Credit.optional() }),
  z.strictObject({ t: z.literal('subscribe'), id: RequestId, names: z.array(z.string().max(100)).max(200) }),
  z.strictObject({ t: z.literal('chunk'), id: RequestId, last: z.boolean() }),
  z.strictObject({ t: z.literal('credit'), id: RequestId, chunks: Credit }),
  z.strictObject({ t: z.literal('cancel'), id: RequestId }),
  z.strictObject({ t: z.literal('ping') }),
  z.strictObject({ t: z.literal('bye') }),
]);
export type ClientFrame = z.output<typeof ClientFrame>;

export const WireError = z.object({
  code: z.enum(errorCodes).catch('internal'),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type WireError = z.output<typeof WireError>;

/** Why the daemon ends a session. */
export const EndCode = z.enum(['revoked', 'expired', 'stopping', 'broken', 'slow', 'busy']);
export type EndCode = z.output<typeof EndCode>;

/** Open to new fields: an older client ignores what it does not know. */
export const DaemonFrame = z.discriminatedUnion('t', [
  // `nextKey`: the key that the daemon will hold later; this session proves that the one of now vouches for it.
  z.object({ t: z.literal('opened'), who: Who, release: z.string(), nextKey: Key.optional() }),
  z.object({ t: z.literal('answer'), id: RequestId, result: z.unknown().optional(), error: WireError.optional() }),
  z.object({ t: z.literal('event'), seq: Seq, name: z.string(), payload: z.unknown() }),
  z.object({ t: z.literal('chunk'), id: RequestId }),
  z.object({ t: z.literal('credit'), id: RequestId, chunks: Credit }),
  z.object({ t: z.literal('alive'), nextKey: Key.optional() }),
  z.object({ t: z.literal('end'), code: EndCode, message: z.string() }),
]);
/** The answer to `subscribe`. */
export const Subscribed = z.object({ seq: Seq });
export type DaemonFrame = z.output<typeof DaemonFrame>;

/** The code of an error that libzmq or its binding gave, e.g. EAGAIN. */
export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** The one receive loop of a socket. Resolves when the socket is closed; anything else that stops it is thrown. */
export async function receiveAll(socket: Dealer | Router, take: (parts: Buffer[]) => void): Promise<void> {
  while (!socket.closed) {
    let parts: Buffer[];
    try {
      parts = await socket.receive();
    } catch (error) {
      if (socket.closed) return; // closing is what ends a pending receive: it rejects with EAGAIN
      throw error;
    }
    take(parts);
  }
}

/**
 * Hands one message to one peer. Never waits: needs `mandatory: true` and `sendTimeout: 0`, without which a ROUTER drops silently.
 * `full`: the peer reads too slowly, try later. `gone`: nobody is there under this address any more.
 */
export async function sendTo(socket: Router, address: Buffer, parts: readonly Buffer[]): Promise<'sent' | 'full' | 'gone'> {
  if (socket.closed) return 'gone';
  try {
    await socket.send([address, ...parts]);
    return 'sent';
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return socket.closed ? 'gone' : 'full';
    if (codeOf(error) === 'EHOSTUNREACH' || socket.closed) return 'gone';
    throw error;
  }
}

/** Sends in order on a socket that waits when the other side is full: one send at a time, the next when the last was taken. */
export class SendQueue {
  readonly #socket: Dealer;
  #last: Promise<void> = Promise.resolve();

  constructor(socket: Dealer) {
    this.#socket = socket;
  }

  /** Resolves when ZeroMQ has taken the message, or when the socket is closed: who waits for an answer learns that otherwise. */
  send(parts: readonly Buffer[]): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.#socket.closed) return;
      try {
        await this.#socket.send([...parts]);
      } catch (error) {
        if (!this.#socket.closed) throw error;
      }
    });
    return this.#last;
  }
}
