/**
 * The seal of a session, both ends.
 *
 * ZeroMQ tells a ROUTER neither which key a message came from nor that a routing id still belongs to the peer it knew, so a session proves
 * itself: both ends compute X25519 of their long-term keys, salt it with a nonce from each, and get one AES-256-GCM key for each direction.
 * Only who holds the secret half of the client's or the daemon's key can seal or open; CURVE below it adds forward secrecy on the wire.
 *
 * Invariants: the envelope (version, kind, session id, counter) is authenticated with the body; each direction has a key of its own, so
 * nothing can be reflected; counters rise by at least one (ZeroMQ may drop, so they may jump), equal or lower is refused; a counter is
 * never used twice under one key.
 */
import { createCipheriv, createDecipheriv, diffieHellman, hkdfSync } from 'node:crypto';
import { Malformed, sizes, writeEnvelope } from './frame.ts';
import { type CurveKeys, privateKeyOf, publicKeyOf } from './keys.ts';

export type Seal = {
  /** The two parts to send. */
  seal(body: Buffer): [envelope: Buffer, sealed: Buffer];
  /** The body, or Malformed when it was not sealed by the other end of this session, for this direction, after everything opened so far. */
  open(envelope: Buffer, counter: number, sealed: Buffer): Buffer;
};

export type Agreement = {
  role: 'client' | 'daemon';
  own: CurveKeys;
  /** Z85. */
  peer: string;
  session: Buffer;
  clientNonce: string;
  daemonNonce: string;
};

const cipher = 'aes-256-gcm';

/** Computes the keys of a session. Throws Malformed when the peer's key is no point that a secret can be agreed with. */
export function agree({ role, own, peer, session, clientNonce, daemonNonce }: Agreement): Seal {
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey: privateKeyOf(own), publicKey: publicKeyOf(peer) });
  } catch (error) {
    throw new Malformed('no secret can be agreed with this key', { cause: error });
  }
  const [client, daemon] = role === 'client' ? [own.publicKey, peer] : [peer, own.publicKey];
  const info = Buffer.from(`postroom session 1\0${session.toString('hex')}\0${client}\0${daemon}`);
  const salt = Buffer.concat([Buffer.from(clientNonce, 'base64url'), Buffer.from(daemonNonce, 'base64url')]);
  const both = Buffer.from(hkdfSync('sha256', shared, salt, info, 64));
  const [toDaemon, toClient] = [both.subarray(0, 32), both.subarray(32)];
  const [sending, receiving] = role === 'client' ? [toDaemon, toClient] : [toClient, toDaemon];

  let sent = 0;
  let received = 0;
  return {
    seal(body) {
      const envelope = writeEnvelope('sealed', session, ++sent);
      const gcm = createCipheriv(cipher, sending, nonceOf(sent), { authTagLength: sizes.seal }).setAAD(envelope);
      return [envelope, Buffer.concat([gcm.update(body), gcm.final(), gcm.getAuthTag()])];
    },
    open(envelope, counter, sealed) {
      if (counter <= received) throw new Malformed('a counter that was seen before');
      if (sealed.length < sizes.seal) throw new Malformed('shorter than a seal');
      const end = sealed.length - sizes.seal;
      const gcm = createDecipheriv(cipher, receiving, nonceOf(counter), { authTagLength: sizes.seal });
      gcm.setAAD(envelope).setAuthTag(sealed.subarray(end));
      const body = gcm.update(sealed.subarray(0, end));
      try {
        gcm.final();
      } catch (error) {
        throw new Malformed('a seal that does not fit', { cause: error });
      }
      received = counter; // only now: a forged high counter must not lock the true peer out
      return body;
    },
  };
}

function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(counter), 4);
  return nonce;
}
