/**
 * The bulk connection's thread: from its login on the connection lives here, because an authenticated socket cannot be handed to
 * another thread, and because parsing FETCH answers would hold up the daemon's. The password comes by message, never by argument
 * or environment, and is kept no longer than the login takes.
 */
import { parentPort } from 'node:worker_threads';
import { largeUids, readMessages } from './batches.ts';
import type { FromBulk, ToBulk } from './bulk.ts';
import { factsOf, faultOf, ImapFault } from './fault.ts';
import { connectImap, type Imap } from './imap.ts';

/** Batches on their way to the store; more would only fill memory. */
const window = 3;
/** One larger than this is on disk before anything else is asked for: a folder of large messages is one of them in memory. */
const largeOctets = 16 * 1024 * 1024;

const port = parentPort;
if (!port) throw new Error('bulk.worker is a thread of the daemon');

let imap: Imap | null = null;
let unacknowledged = 0;
let acknowledged: () => void = () => {};

const say = (message: FromBulk, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

port.on('message', (message: ToBulk) => {
  if (message.kind === 'ack') {
    unacknowledged--;
    acknowledged();
    return;
  }
  act(message).then(say, (error: unknown) => say({ kind: 'fault', fault: factsOf(faultOf(error, 'reading messages', 'reading')) }));
});

async function act(message: Exclude<ToBulk, { kind: 'ack' }>): Promise<FromBulk> {
  switch (message.kind) {
    case 'connect':
      imap = await connectImap(message);
      return { kind: 'connected' };
    case 'read': {
      if (!imap) throw new Error('asked to read before it was connected');
      const opened = await imap.open(message.folder);
      if (opened.uidValidity !== message.uidValidity) {
        throw new ImapFault({ kind: 'refused', message: `${message.folder.name} was made anew on the server`, retryAfterMs: null });
      }
      const large = message.allInParts ? new Set(message.slices.flat()) : await largeUids(imap);
      const unfetchable = await readMessages(imap, message.slices, large, async ({ buffer, items }) => {
        while (unacknowledged >= window) await new Promise<void>((resolve) => (acknowledged = resolve));
        const isLarge = buffer.byteLength > largeOctets;
        unacknowledged++;
        say({ kind: 'batch', buffer, items }, [buffer]);
        while (isLarge && unacknowledged > 0) await new Promise<void>((resolve) => (acknowledged = resolve));
      });
      while (unacknowledged > 0) await new Promise<void>((resolve) => (acknowledged = resolve));
      return { kind: 'read', unfetchable };
    }
    case 'end':
      await imap?.logout();
      port?.close(); // nothing is left to run: the thread ends by itself
      return { kind: 'ended' };
    default:
      return message satisfies never;
  }
}
