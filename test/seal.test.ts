import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Malformed, readEnvelope } from '../protocol/frame.ts';
import { encodeZ85, newKeyPair } from '../protocol/keys.ts';
import { type Agreement, agree, type Seal } from '../protocol/seal.ts';

const nonce = () => randomBytes(32).toString('base64url');

function pair(change: Partial<Agreement> = {}): { client: Seal; daemon: Seal } {
  const [clientKeys, daemonKeys] = [newKeyPair(), newKeyPair()];
  const shared = { session: randomBytes(16), clientNonce: nonce(), daemonNonce: nonce() };
  return {
    client: agree({ role: 'client', own: clientKeys, peer: daemonKeys.publicKey, ...shared }),
    daemon: agree({ role: 'daemon', own: daemonKeys, peer: clientKeys.publicKey, ...shared, ...change }),
  };
}

const open = (seal: Seal, [envelope, body]: readonly [Buffer, Buffer]): Buffer => seal.open(envelope, readEnvelope(envelope).counter, body);

describe('a seal', () => {
  test('opens at the other end, both ways, in order, with gaps', () => {
    const { client, daemon } = pair();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.boolean(), fc.boolean(), (octets, up, lost) => {
        const [from, to] = up ? [client, daemon] : [daemon, client];
        if (lost) from.seal(Buffer.from('never arrives'));
        expect(open(to, from.seal(Buffer.from(octets)))).toEqual(Buffer.from(octets));
      }),
    );
  });

  test('does not open again, nor out of order', () => {
    const { client, daemon } = pair();
    const messages = Array.from({ length: 300 }, (_, i) => client.seal(Buffer.from(`${i}`)));
    const [first, last] = [messages[0], messages[299]];
    if (!first || !last) throw new Error('none');
    open(daemon, first);
    open(daemon, last);
    for (const message of messages) expect(() => open(daemon, message)).toThrow(Malformed);
    expect(open(daemon, client.seal(Buffer.from('on'))).toString()).toBe('on');
  });

  test('does not open at the end that made it, nor with any octet changed, nor cut', () => {
    const { client, daemon } = pair();
    for (let i = 0; i < 300; i++) {
      const [envelope, body] = client.seal(Buffer.from('a message'));
      expect(() => open(client, [envelope, body])).toThrow(Malformed);
      const parts = [Buffer.from(envelope), Buffer.from(body)] as const;
      const at = i % (32 + body.length);
      const part = at < 32 ? parts[0] : parts[1];
      part[at < 32 ? at : at - 32] = (part[at < 32 ? at : at - 32] ?? 0) ^ (1 << (i % 8));
      expect(() => open(daemon, parts)).toThrow(Malformed);
      expect(() => daemon.open(envelope, readEnvelope(envelope).counter, body.subarray(0, i % body.length))).toThrow(Malformed);
    }
    // Forged counters did not move the true one.
    expect(open(daemon, client.seal(Buffer.from('on'))).toString()).toBe('on');
  });

  test('is bound to the session, to both nonces and to both keys', () => {
    for (const change of [
      { session: randomBytes(16) },
      { clientNonce: nonce() },
      { daemonNonce: nonce() },
      { peer: newKeyPair().publicKey },
      { own: newKeyPair() },
    ]) {
      const { client, daemon } = pair(change);
      expect(() => open(daemon, client.seal(Buffer.from('x')))).toThrow(Malformed);
    }
  });

  test('the envelope of one message does not carry the body of another', () => {
    const { client, daemon } = pair();
    const messages = Array.from({ length: 200 }, (_, i) => client.seal(Buffer.from(`${i}`)));
    for (let i = 1; i < messages.length; i++) {
      const [one, other] = [messages[i], messages[i - 1]];
      if (one && other) expect(() => open(daemon, [one[0], other[1]])).toThrow(Malformed);
    }
  });

  test('is agreed with no point of small order', () => {
    const keys = newKeyPair();
    const zero = encodeZ85(Buffer.alloc(32));
    expect(() =>
      agree({ role: 'daemon', own: keys, peer: zero, session: randomBytes(16), clientNonce: nonce(), daemonNonce: nonce() }),
    ).toThrow(Malformed);
  });
});
