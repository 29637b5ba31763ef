/** From a full mailbox on a real Dovecot to a panel that has it all, beside a raw socket that fetches the same octets and drops them. */
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { type Dovecot, startDovecot } from '../test/support/dovecot.ts';
import { mail } from '../test/support/message.ts';
import { DaemonProcess } from '../test/support/process.ts';
import { ms, print, ratio } from './figures.ts';

const count = 5_000;
const address = 'support@example.org';

export async function sync(): Promise<void> {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address, 'secret');
  let octets = 0;
  const mails = Array.from({ length: count }, (_, n) => {
    const made = mail({
      from: `Customer ${n % 500} <c${n % 500}@example.net>`,
      to: address,
      subject: `Order ${n} and what became of it`,
      text: `Number ${n}.\n${'We would like to know where it is. '.repeat(20 + (n % 160))}\n`,
      date: Date.UTC(2026, 0, 1) + n * 60_000,
      messageId: `bench-${n}@example.net`,
    });
    octets += made.byteLength;
    return made;
  });
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
  await client.call('mailbox.add', { address, ...server, secret: { kind: 'password', password: 'secret' }, workFrom: null });
  await done.promise;
  const all = performance.now() - began.at;
  const panel = await client.call('panel.list', {});
  const { eventLoopP99Ms } = await client.call('daemon.status', {});
  await client.close();

  print('messages', `${count}, ${(octets / 1e6).toFixed(0)} MB, over TLS`);
  print('raw socket, all bodies, dropped', ms(raw));
  print('first messages in the panel after', ms(await first.promise));
  print(
    'all stored, threaded, in the panel',
    `${ms(all)}  (${ratio(all, raw)} the raw socket), ${Math.round(count / (all / 1_000))} messages/s`,
  );
  print("the daemon's event-loop delay meanwhile, p99", ms(eventLoopP99Ms));
  if (panel.counts.team === 0) throw new Error('the panel is empty');
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
  await command(`LOGIN ${address} secret`, 'a1');
  await command('SELECT INBOX', 'a2');
  await command('UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])', 'a3');
  socket.destroy();
  return performance.now() - began;
}
