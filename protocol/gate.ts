/**
 * The gate: who may open a ZeroMQ connection at all (ZAP, RFC 27).
 *
 * It admits keys and does nothing more. ROUTER never learns which key a message came from, and taking a key off the list leaves its live
 * connections up; both are the seal's and the session's work. Closed by default: when the handler throws, stalls or is gone, libzmq denies,
 * because the socket enforces its ZAP domain. It has to be bound before the first socket of its context is.
 */
import { type Context, Reply } from 'zeromq';
import { encodeZ85 } from './keys.ts';
import type { Log } from './session.ts';

/** The peer as the kernel knows it: uid, gid and pid over ipc, the address over tcp. */
export type Peer = { address: string; uid: number | null };

export type Gate = { close(): void };

export const gateDomain = 'postroom';

export async function openGate(
  context: Context,
  isKeyAllowed: (publicKey: string, peer: Peer) => boolean | Promise<boolean>,
  log: Log,
): Promise<Gate> {
  const socket = new Reply({ context, linger: 0 });
  await socket.bind('inproc://zeromq.zap.01');

  const decide = async ([, , domain, address, , mechanism, key]: readonly Buffer[]): Promise<boolean> => {
    if (domain?.toString() !== gateDomain || mechanism?.toString() !== 'CURVE' || key?.length !== 32) return false;
    return (await isKeyAllowed(encodeZ85(key), peerOf(address?.toString() ?? ''))) === true;
  };

  const answerAll = async (): Promise<void> => {
    while (!socket.closed) {
      const request = await socket.receive();
      // 500 is a refusal for now, 400 for good: a client goes on trying after the first.
      const status = await decide(request).then(
        (allowed) => (allowed ? '200' : '400'),
        (error: unknown) => {
          log.error({ err: error }, 'the gate could not decide and refused');
          return '500';
        },
      );
      if (!socket.closed) await socket.send([request[0] ?? '1.0', request[1] ?? '', status, '', '', '']);
    }
  };
  answerAll().catch((error: unknown) => {
    if (socket.closed) return; // closing is what ends a pending receive
    log.error({ err: error }, 'the gate stopped; nobody new gets in');
    socket.close();
  });

  return { close: () => socket.close() };
}

/** Over ipc libzmq gives `localhost:UID:GID:PID` from the kernel's credentials, over tcp the address. */
function peerOf(address: string): Peer {
  const uid = /^localhost:(\d+):\d+:\d+$/.exec(address)?.[1];
  return { address, uid: uid === undefined ? null : Number(uid) };
}
