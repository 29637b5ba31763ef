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

const testSteps = async (postroom: Postroom, name: string, mailbox: string) =>
  (await (await postroom.connect(name)).call('mailbox.test', { mailbox })).steps;

const vault = (host: string) => ({ vault: { run: ['/bin/echo', canary], hosts: [host], timeoutMs: 5_000 } });

const mailboxAt = (address: string, port: number, name = 'vault') => ({
  address,
  imap: `imap://127.0.0.1:${port}?tls=no`,
  smtp: `smtp://127.0.0.1:${port}?tls=no`,
  secret: { kind: 'command', name } as const,
  shared: false,
  test: false,
});

const heardBy = ({ heard }: { heard: readonly string[] }): string =>
  heard.join('') + heard.map((line) => Buffer.from(line.split(' ').at(-1) ?? '', 'base64').toString()).join('');

test('what may go there is asked at every use', async () => {
  await using server = await listener();
  await using postroom = await startPostroom({ config: { secretCommands: vault(`127.0.0.1:${server.port}`) } });
  const eva = await postroom.as('eva');
  await eva.call('mailbox.add', mailboxAt('kim@example.net', server.port));
  await testSteps(postroom, 'eva', 'kim@example.net');
  expect(heardBy(server)).toContain(canary);

  // Another port of the same machine, where anybody may answer, and another host: at the next use.
  for (const narrower of ['127.0.0.1:1', 'mail.example.net']) {
    await postroom.stopDaemon();
    server.heard.length = 0;
    await postroom.startDaemon({ secretCommands: vault(narrower) });
    const steps = await testSteps(postroom, 'eva', 'kim@example.net');
    const said = steps.filter(({ ok }) => !ok).map(({ message }) => message);
    expect(said.join()).toContain(`No such command gives a password for 127.0.0.1:${server.port}`);
    expect(heardBy(server)).not.toContain(canary);
  }
});

test('a person with a port of their own on a listed machine gets nothing', async () => {
  await using server = await listener();
  const network = { allow: [{ hosts: ['loopback'], ports: 'any' }] };
  await using postroom = await startPostroom({ config: { secretCommands: vault('127.0.0.1'), network } });
  await postroom.person('mallory');
  const mallory = await postroom.as('mallory');
  const refused = (name: string) =>
    mallory.call('mailbox.add', mailboxAt('mallory@example.net', server.port, name)).then(
      () => 'added',
      (error: Error) => error.message,
    );
  expect(await refused('vault')).toContain('shared-mailbox.sync');
  expect(await refused('no-such-command')).toBe(await refused('vault'));
  // By way of a mailbox with a password of their own.
  await mallory.call('mailbox.add', {
    ...mailboxAt('mallory@example.net', server.port),
    secret: { kind: 'password', password: 'own' },
  });
  const changed = mallory.call('mailbox.set', { mailbox: 'mallory@example.net', secret: { kind: 'command', name: 'vault' } });
  await expect(changed).rejects.toThrow('shared-mailbox.sync');
  await testSteps(postroom, 'mallory', 'mallory@example.net');
  expect(heardBy(server)).toContain('own');
  expect(heardBy(server)).not.toContain(canary);
});
