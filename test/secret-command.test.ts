/** A command of the configuration: its password goes to the servers named with it, also after the configuration became narrower. */
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { type Postroom, startPostroom } from './support/postroom.ts';

const canary = 'c4nary-of-the-vault';

/** An IMAP server that takes every login and remembers what it heard. */
async function listener() {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('* OK ready\r\n');
    socket.on('data', (octets) => {
      heard.push(octets.toString('latin1'));
      const tag = octets.toString('latin1').split(' ', 1)[0];
      if (/ CAPABILITY/i.test(octets.toString('latin1'))) socket.write('* CAPABILITY IMAP4rev1\r\n');
      socket.write(`${tag} OK done\r\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { heard, port: address.port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}

const testSteps = async (postroom: Postroom) =>
  (await (await postroom.connect('eva')).call('mailbox.test', { mailbox: 'kim@example.net' })).steps;

test('what may go there is asked at every use', async () => {
  await using server = await listener();
  const vault = (host: string) => ({ vault: { run: ['/bin/echo', canary], hosts: [host], timeoutMs: 5_000 } });
  await using postroom = await startPostroom({ config: { secretCommands: vault('127.0.0.1') } });
  const servers = { imap: `imap://127.0.0.1:${server.port}?tls=no`, smtp: `smtp://127.0.0.1:${server.port}?tls=no` };
  const eva = await postroom.as('eva');
  await eva.call('mailbox.add', {
    address: 'kim@example.net',
    ...servers,
    secret: { kind: 'command', name: 'vault' },
    shared: false,
    test: false,
  });
  await testSteps(postroom);
  const whole = () =>
    server.heard.join('') + server.heard.map((line) => Buffer.from(line.split(' ').at(-1) ?? '', 'base64').toString()).join('');
  expect(whole()).toContain(canary);

  await postroom.stopDaemon();
  server.heard.length = 0;
  await postroom.startDaemon({ secretCommands: vault('mail.example.net') });
  const steps = await testSteps(postroom);
  expect(
    steps
      .filter(({ ok }) => !ok)
      .map(({ message }) => message)
      .join(),
  ).toContain('No command vault gives a password for 127.0.0.1');
  expect(whole()).not.toContain(canary);
});
