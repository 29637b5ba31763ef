/** A client of the protocol that does what it likes: raw parts, its own routing id, its own seal. */
import { expect } from 'vitest';
import { Context, Dealer } from 'zeromq';
import * as z from 'zod';
import { pack, readEnvelope, readJson, receiveAll, writeEnvelope } from '../../protocol/frame.ts';
import type { CurveKeys } from '../../protocol/keys.ts';
import { agree, type Seal } from '../../protocol/seal.ts';
import { eventually } from './eventually.ts';

export interface RawClient {
  readonly socket: Dealer;
  /** What came and was not asked for with `next`. */
  readonly inbox: Buffer[][];
  next(): Promise<Buffer[]>;
  /** Greets as `claimed`, seals with its own keys. */
  greet(claimed?: string): Promise<{ seal: Seal; session: Buffer }>;
  /** What the next sealed message says. */
  opened(seal: Seal): Promise<unknown>;
  close(): Promise<void>;
}

export function rawClient(daemon: { endpoint: string; daemonKey: string }, keys: CurveKeys, routingId?: string): RawClient {
  const context = new Context({ blocky: false });
  const socket = new Dealer({
    context,
    linger: 0,
    curveServerKey: daemon.daemonKey,
    curvePublicKey: keys.publicKey,
    curveSecretKey: keys.secretKey,
    ...(routingId ? { routingId } : {}),
  });
  const inbox: Buffer[][] = [];
  socket.connect(daemon.endpoint);
  const received = receiveAll(socket, (parts) => inbox.push(parts));
  const next = async (): Promise<Buffer[]> => {
    if (inbox.length === 0) await eventually(() => expect(inbox.length).toBeGreaterThan(0));
    return inbox.shift() ?? [];
  };
  return {
    socket,
    inbox,
    next,
    close: async () => {
      socket.close();
      await received;
    },
    greet: async (claimed = keys.publicKey) => {
      const nonce = Buffer.alloc(32, 9).toString('base64url');
      await socket.send([writeEnvelope('hello'), JSON.stringify({ release: 'raw', key: claimed, nonce })]);
      const [envelope, body] = await next();
      if (!envelope || !body || readEnvelope(envelope).kind !== 'welcome') throw new Error(`refused: ${body}`);
      const session = Buffer.from(readEnvelope(envelope).session);
      const { nonce: daemonNonce } = z.object({ nonce: z.string() }).parse(readJson(body));
      return { session, seal: agree({ role: 'client', own: keys, peer: daemon.daemonKey, session, clientNonce: nonce, daemonNonce }) };
    },
    opened: async (seal) => {
      const [envelope, body] = await next();
      if (!envelope || !body) throw new Error('nothing');
      if (readEnvelope(envelope).kind !== 'sealed') return readJson(body);
      const open = seal.open(envelope, readEnvelope(envelope).counter, body);
      return readJson(open.subarray(4, 4 + open.readUInt32BE(0)));
    },
  };
}

/** Greets, proves its key, and is a session. */
export async function openSession(client: RawClient): Promise<Seal> {
  const { seal } = await client.greet();
  await client.socket.send(seal.seal(pack({ t: 'open' })));
  expect(await client.opened(seal)).toMatchObject({ t: 'opened' });
  return seal;
}
