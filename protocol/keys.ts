/**
 * Keys and the two things that carry them: the identity file of a person on one device, and the invitation that leads to one.
 *
 * One kind of key (CURVE, which is X25519), no options. A secret is in a file that only its owner reads, or in an invitation that works once.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { curveKeyPair } from 'zeromq';
import * as z from 'zod';
import { PostroomError } from './errors.ts';
import { codeOf } from './frame.ts';
import { makeFolder } from './places.ts';

/** Both halves as Z85, ZeroMQ's own spelling of 32 octets in 40 characters. */
export type CurveKeys = { publicKey: string; secretKey: string };

export const newKeyPair = (): CurveKeys => curveKeyPair();

const z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const z85Value = new Map([...z85].map((character, value) => [character, value]));

/** RFC 32 (ZeroMQ): 4 octets <-> 5 characters. The length has to be a multiple of 4. */
export function encodeZ85(octets: Uint8Array): string {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let text = '';
  for (let i = 0; i < octets.length; i += 4) {
    const word = view.getUint32(i);
    for (const power of [85 ** 4, 85 ** 3, 85 ** 2, 85, 1]) text += z85.charAt(Math.floor(word / power) % 85);
  }
  return text;
}

/** Undefined for what no encoder writes: a wrong length, a foreign character, a group above 2^32. */
export function decodeZ85(text: string): Buffer | undefined {
  if (text.length % 5 !== 0) return undefined;
  const octets = Buffer.alloc((text.length / 5) * 4);
  for (let group = 0; group < text.length / 5; group++) {
    let word = 0;
    for (const character of text.slice(group * 5, group * 5 + 5)) {
      const value = z85Value.get(character);
      if (value === undefined) return undefined;
      word = word * 85 + value;
    }
    if (word > 0xffff_ffff) return undefined;
    octets.writeUInt32BE(word, group * 4);
  }
  return octets;
}

const keyOctets = (text: string): Buffer => {
  const octets = decodeZ85(text);
  if (octets?.length !== 32) throw new PostroomError('invalid', 'This is not a key: a key is 40 characters of Z85.');
  return octets;
};

export const Z85Key = z.string().refine((text) => decodeZ85(text)?.length === 32, 'not a key of 40 Z85 characters');

// DER of an X25519 key up to its 32 octets (RFC 8410). JWK would take the public half on trust; from this OpenSSL computes it.
const pkcs8Head = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spkiHead = Buffer.from('302a300506032b656e032100', 'hex');

export function publicKeyOf(publicKey: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiHead, keyOctets(publicKey)]), format: 'der', type: 'spki' });
}

const privateKeys = new WeakMap<CurveKeys, KeyObject>();

/** The secret half for node:crypto. Refuses a pair whose halves do not belong together: its seals would fit for nobody. */
export function privateKeyOf(keys: CurveKeys): KeyObject {
  const known = privateKeys.get(keys);
  if (known) return known;
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, keyOctets(keys.secretKey)]), format: 'der', type: 'pkcs8' });
  if (publicHalf(key) !== keys.publicKey)
    throw new PostroomError('invalid', 'The public half of this key does not belong to its secret half.');
  privateKeys.set(keys, key);
  return key;
}

function publicHalf(key: KeyObject): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return encodeZ85(spki.subarray(spkiHead.length));
}

/** A public key for people to compare by eye or voice: 100 bits of its SHA-256 as four groups of five, e.g. `K4WQD-7QXNA-PLE2M-3ZJRT`. */
export function fingerprint(publicKey: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'; // RFC 4648: no 0, 1, 8 to be taken for O, I, B
  let bits = BigInt(`0x${createHash('sha256').update(keyOctets(publicKey)).digest('hex')}`) >> 156n;
  let text = '';
  for (let i = 0; i < 20; i++, bits >>= 5n) text = letters.charAt(Number(bits & 31n)) + text;
  return text.replace(/.{5}(?=.)/g, '$&-');
}

/** Where a daemon listens: `ipc:///path` or `tcp://host:port`. */
export const Endpoint = z
  .string()
  .max(300)
  .regex(/^(ipc:\/\/\/.+|tcp:\/\/.+:\d{1,5})$/, 'an endpoint is ipc:///path or tcp://host:port');

const wordHead = 'key1.'; // else one in 64 would look like an option

/** A public key as one word that a shell takes as it stands, for `postroom identity trust`. */
export const publicKeyWord = (publicKey: string): string => wordHead + keyOctets(publicKey).toString('base64url');

export function publicKeyOfWord(word: string): string {
  const octets = /^key1\.[\w-]{43}$/.test(word.trim()) ? Buffer.from(word.trim().slice(wordHead.length), 'base64url') : null;
  if (octets?.length === 32) return encodeZ85(octets);
  throw new PostroomError('invalid', 'This is not a whole key. `postroom daemon key` prints it as one word, from `key1.` to its end.');
}

/** Who a person is on this device, and the one daemon they trust. */
export const Identity = z.strictObject({
  /** For people to read; the daemon goes by the key. Empty while joining: the file is reserved before the invitation is used up. */
  person: z.string().max(200),
  endpoint: Endpoint,
  /** The daemon's public key. Pinned: another daemon at the same endpoint is refused. */
  daemonKey: Z85Key,
  /** The key that the daemon announced, inside a session under the pinned one, for the time after it. */
  nextDaemonKey: Z85Key.optional(),
  publicKey: Z85Key,
  secretKey: Z85Key,
});
export type Identity = z.output<typeof Identity>;

/**
 * Reads an identity file; null when there is none. Refuses one that others could have read, as ssh does: its secret is no secret any more.
 */
export function readIdentity(path: string): Identity | null {
  const text = readPrivateFile(path);
  if (text === null) return null;
  let identity: Identity;
  try {
    identity = Identity.parse(JSON.parse(text));
  } catch (error) {
    throw new PostroomError(
      'invalid',
      `${path} is not an identity file. Join again with a new invitation, or name the right file.`,
      {},
      { cause: error },
    );
  }
  privateKeyOf(identity);
  return identity;
}

function readPrivateFile(path: string): string | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new PostroomError('invalid', `The identity file ${path} cannot be opened (${codeOf(error)}).`, {}, { cause: error });
  }
  try {
    const { mode, uid, size } = fstatSync(file);
    const self = process.getuid?.();
    if (mode & 0o077) throw new PostroomError('invalid', `${path} can be read by others. Make it yours alone: chmod 600 ${path}`);
    if (uid !== self && self !== 0) throw new PostroomError('invalid', `${path} belongs to another user.`);
    if (size > 10_000) throw new PostroomError('invalid', `${path} is too large for an identity file.`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/**
 * Writes an identity file, 0600, whole or not at all, durable when it returns. Overwrites one only when told to: a secret key that is lost
 * cannot be had back.
 */
export function writeIdentity(path: string, identity: Identity, { replace = false } = {}): void {
  const folder = dirname(path);
  makeFolder(folder);
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(temporary, 'wx', 0o600);
  try {
    try {
      writeFileSync(file, `${JSON.stringify(Identity.parse(identity), null, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (replace) renameSync(temporary, path);
    else linkSync(temporary, path); // unlike rename, fails when the name is taken
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new PostroomError('conflict', `There is an identity at ${path} already. Choose another file with --identity.`);
  } finally {
    rmSync(temporary, { force: true });
  }
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** What a session told about the daemon's key: the one that will follow, or that it holds the one that was announced. */
export type DaemonKeyNews = { kind: 'announced' | 'followed'; key: string };

/**
 * Keeps in the identity file what its sessions tell. Answers whether something was written: not when the file holds another identity by now,
 * or pins another key than the one that vouched for the news. Read again each time, since the endpoint in use may be another (`--connect`).
 */
export function daemonKeyKeeper(path: string, { publicKey, daemonKey }: Pick<Identity, 'publicKey' | 'daemonKey'>) {
  let pinned = daemonKey;
  return ({ kind, key }: DaemonKeyNews): boolean => {
    const vouching = pinned;
    if (kind === 'followed') pinned = key;
    const identity = readIdentity(path);
    if (identity === null || identity.publicKey !== publicKey || identity.daemonKey !== vouching) return false;
    const { nextDaemonKey, ...rest } = identity;
    if (kind === 'announced' && nextDaemonKey === key) return false;
    writeIdentity(path, kind === 'announced' ? { ...rest, nextDaemonKey: key } : { ...rest, daemonKey: key }, { replace: true });
    return true;
  };
}

/** A key that people compared takes the place of the pinned one; what was announced under that one goes with it. */
export function trustDaemonKey(path: string, identity: Identity, daemonKey: string): void {
  const { nextDaemonKey: _, ...rest } = identity;
  writeIdentity(path, { ...rest, daemonKey }, { replace: true });
}

/** What a newcomer needs to reach the daemon once: its endpoint, its key, and a key pair that works for a single `person.join`. */
export type Invitation = { endpoint: string; daemonKey: string; publicKey: string; secretKey: string };

const invitationHead = 'postroom1.';
const checksum = (octets: Buffer): Buffer => createHash('sha256').update(octets).digest().subarray(0, 4);

/** One token without blanks or quotes, to be copied as it stands: `postroom1.` and base64url of daemon key, secret key, endpoint, checksum. */
export function encodeInvitation({ endpoint, daemonKey, secretKey }: Invitation): string {
  const octets = Buffer.concat([keyOctets(daemonKey), keyOctets(secretKey), Buffer.from(endpoint)]);
  return invitationHead + Buffer.concat([octets, checksum(octets)]).toString('base64url');
}

export function decodeInvitation(text: string): Invitation {
  const token = text.trim();
  const damaged = new PostroomError('invalid', 'This is not a whole invitation. Copy it again from `postroom1.` to its end.');
  if (!token.startsWith(invitationHead) || token.length > 1_000) throw damaged;
  const all = Buffer.from(token.slice(invitationHead.length), 'base64url');
  const octets = all.subarray(0, -4);
  if (octets.length < 64 || !checksum(octets).equals(all.subarray(-4))) throw damaged;
  const endpoint = Endpoint.safeParse(octets.subarray(64).toString());
  if (!endpoint.success) throw damaged;
  const secret = octets.subarray(32, 64);
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, secret]), format: 'der', type: 'pkcs8' });
  return {
    endpoint: endpoint.data,
    daemonKey: encodeZ85(octets.subarray(0, 32)),
    publicKey: publicHalf(key),
    secretKey: encodeZ85(secret),
  };
}
