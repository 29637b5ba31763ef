/** A home whose mailbox is full before its daemon starts: the mails go straight into the store. */
import { openStore } from '../daemon/store/store.ts';
import { DaemonProcess } from '../test/support/process.ts';
import { address, dateOf } from './mails.ts';

const perBatch = 1_000;

export type Filled = { daemon: DaemonProcess /** How many went in. */; count: number /** How long that took. */; ms: number };

/** Puts `count` mails in, or as many as `withinMs` allows for; all of them are work. The daemon runs when it returns. */
export async function filledHome(count: number, make: (n: number) => Buffer, withinMs = Number.POSITIVE_INFINITY): Promise<Filled> {
  await using undo = new AsyncDisposableStack();
  const daemon = undo.use(await DaemonProcess.start({ hosted: { domains: ['example.org'], smtp: { port: 0 } } }));
  const client = await daemon.connect();
  const { id } = await client.call('mailbox.add', { address, imap: null, smtp: null, secret: null, workFrom: null });
  await client.close();
  await daemon.stop();

  const began = performance.now();
  const store = await openStore({ home: daemon.places.data });
  let n = 0;
  try {
    const inbox = (await store.folders(id)).find(({ role }) => role === 'inbox');
    if (inbox === undefined) throw new Error('the mailbox has no inbox');
    const policy = { addresses: [address], workFrom: null, followServer: false, seenBy: null };
    const place = { mailbox: id, policy, folder: inbox.id, uidValidity: inbox.uidValidity ?? 1, origin: 'import' } as const;
    while (n < count && performance.now() - began < withinMs) {
      const mails = Array.from({ length: Math.min(perBatch, count - n) }, (_, place) => make(n + place));
      await store.ingest({ ...place, ...batch(mails, n) });
      n += mails.length;
    }
  } finally {
    await store.close();
  }
  const ms = performance.now() - began;
  await daemon.run();
  undo.move();
  return { daemon, count: n, ms };
}

/** One after another in a buffer that the writer takes away. */
function batch(mails: readonly Buffer[], first: number) {
  const buffer = new ArrayBuffer(mails.reduce((sum, { byteLength }) => sum + byteLength, 0));
  const octets = new Uint8Array(buffer);
  let offset = 0;
  const items = mails.map((mail, place) => {
    octets.set(mail, offset);
    const item = { offset, length: mail.byteLength, receivedAt: dateOf(first + place), flags: [], modSeq: null, uid: null };
    offset += mail.byteLength;
    return item;
  });
  return { buffer, items };
}
