/**
 * From a full mailbox on a real Dovecot to a panel that has it all and a search that finds it, beside `mbsync` with `notmuch new`, and beside
 * a raw socket that fetches the same octets and drops them.
 */
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { DaemonProcess } from '../test/support/process.ts';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, ratio, timed } from './figures.ts';
import { address, only, order } from './mails.ts';
import { mbsync, missing, notmuch } from './peers.ts';

const count = 5_000;
const password = 'secret';

export async function sync(): Promise<void> {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address, password);
  const mails = Array.from({ length: count }, (_, n) => order(n));
  const octets = mails.reduce((sum, { byteLength }) => sum + byteLength, 0);
  await dovecot.fill(address, mails);
  await rawFetch(dovecot); // the server's caches are warm for both
  const raw = await rawFetch(dovecot);

  await using daemon = await DaemonProcess.start();
  const done = Promise.withResolvers<void>();
  const first = Promise.withResolvers<number>();
  const began = { at: 0 };
  const client = await daemon.connect((event) => {
    if (event.name !== 'mailbox.changed') return;
    if (event.payload.sync.done > 0) first.resolve(performance.now() - began.at);
    if (event.payload.state === 'idle' && event.payload.sync.done >= count) done.resolve();
  });
  await client.subscribe(['mailbox.changed']);
  began.at = performance.now();
  const server = { imap: `imaps://localhost:${dovecot.ports.imaps}`, smtp: 'smtps://localhost:9', ca: dovecot.ca };
  await client.call('mailbox.add', { address, ...server, secret: { kind: 'password', password }, workFrom: null });
  await done.promise;
  for (const n of [0, count - 1]) {
    const { total } = await client.call('search.run', { query: only(n) });
    if (total !== 1) throw new Error(`${only(n)} is in ${total} mails, not in one`);
  }
  const all = performance.now() - began.at;
  const panel = await client.call('panel.list', {});
  const { eventLoopP99Ms } = await client.call('daemon.status', {});
  await client.close();
  await daemon.stop();
  if (panel.counts.team === 0) throw new Error('the panel is empty');

  print('messages', `${count}, ${(octets / 1e6).toFixed(0)} MB, over TLS`);
  print('raw socket, all bodies, dropped', ms(raw));
  print('first messages in the panel after', ms(await first.promise));
  print(
    'all stored, threaded, in the panel, searchable',
    `${ms(all)}  (${ratio(all, raw)} the raw socket), ${Math.round(count / (all / 1_000))} messages/s`,
  );
  print("the daemon's event-loop delay meanwhile, p99", ms(eventLoopP99Ms));
  await besidePeers(dovecot, all);
}

async function besidePeers(dovecot: Dovecot, ours: number): Promise<void> {
  const without = missing('mbsync', 'notmuch');
  if (without.length > 0) return print('left out', `mbsync and notmuch new: ${without.join(' and ')} not installed`);
  await using directory = await tempDir();
  const fetch = await mbsync(directory.path, dovecot, address, password);
  const ask = await notmuch(directory.path, address);
  const [fetching = 0] = await timed(1, fetch);
  const [indexing = 0] = await timed(1, () => ask('new', '--quiet'));
  const stored = Number(await ask('count', '*'));
  if (stored !== count) throw new Error(`notmuch has ${stored} mails, not ${count}`);
  const theirs = fetching + indexing;
  print(
    'mbsync, then notmuch new',
    `${ms(fetching)} + ${ms(indexing)} = ${ms(theirs)}, ${Math.round(count / (theirs / 1_000))} messages/s`,
  );
  print('ours beside the two', ratio(ours, theirs));
}

async function rawFetch(dovecot: Dovecot): Promise<number> {
  const began = performance.now();
  const socket = connectTls({ host: 'localhost', port: dovecot.ports.imaps, ca: dovecot.ca });
  await once(socket, 'secureConnect');
  let tail = '';
  let wanted = '* OK';
  let heard = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    const text = tail + chunk.toString('latin1');
    if (text.includes(wanted)) heard.resolve();
    tail = text.slice(-20);
  });
  const command = async (line: string, tag: string): Promise<void> => {
    heard = Promise.withResolvers();
    wanted = `${tag} OK`;
    tail = '';
    socket.write(`${tag} ${line}\r\n`);
    await heard.promise;
  };
  await heard.promise;
  await command(`LOGIN ${address} ${password}`, 'a1');
  await command('SELECT INBOX', 'a2');
  await command('UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])', 'a3');
  socket.destroy();
  return performance.now() - began;
}
