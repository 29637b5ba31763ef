/**
 * A change of rights is answered when it is true inside; a mail server that says nothing holds up neither the answer nor the end of its
 * own connection. Servers that stall where they like, on loopback.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import * as changes from '../daemon/directory/changes.ts';
import { openDirectory } from '../daemon/directory/durable.ts';
import { grantsFile } from '../daemon/home.ts';
import { type FakeImap, startFakeImap } from './support/imap.ts';
import { startPostroom } from './support/postroom.ts';

/** Longer than any test waits: whatever ends does not end by itself. */
const never = 3_600_000;
const config = { sync: { connectTimeoutMs: never, replyMs: never, retryMinMs: 50 } };
const password = 'correct horse';

interface Stalling extends AsyncDisposable {
  readonly url: string;
  /** Resolves when a client waits for what does not come. */
  readonly reached: Promise<void>;
  /** Resolves when that client's connection has ended. */
  readonly left: Promise<void>;
}

/** Takes connections and says nothing: before the greeting, or where a TLS handshake should be. */
async function mute(scheme: 'imap' | 'imaps'): Promise<Stalling> {
  const [reached, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => left.resolve());
    socket.resume();
    if (scheme === 'imap') reached.resolve();
    else socket.once('data', () => reached.resolve());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}${scheme === 'imap' ? '?tls=no' : ''}`,
    reached: reached.promise,
    left: left.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An IMAP server that goes quiet at a command. */
async function stallsAt(command: RegExp): Promise<Stalling> {
  const [reached, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server: FakeImap = await startFakeImap();
  const inbox = server.folder('INBOX');
  for (let n = 0; n < 3; n++) inbox.add(Buffer.from(`From: jane@example.net\r\nSubject: ${n}\r\n\r\nHello.\r\n`));
  server.lie(command, async ({ silence }) => {
    reached.resolve();
    await silence().finally(() => left.resolve());
  });
  return {
    url: `imap://127.0.0.1:${server.port}?tls=no`,
    reached: reached.promise,
    left: left.promise,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const places: readonly [string, () => Promise<Stalling>][] = [
  ['its greeting', () => mute('imap')],
  ['the TLS handshake', () => mute('imaps')],
  ['NAMESPACE', () => stallsAt(/^NAMESPACE/i)],
  ['the login', () => stallsAt(/^(?:LOGIN|AUTHENTICATE)/i)],
  ['LIST', () => stallsAt(/^LIST/i)],
  ['SELECT', () => stallsAt(/^(?:SELECT|EXAMINE)/i)],
  ['FETCH', () => stallsAt(/^UID FETCH/i)],
];

test.each(places)('a server that stalls in %s holds up no change, and its connection ends with its mailbox', async (_place, start) => {
  await using server = await start();
  await using postroom = await startPostroom({ config });
  const eva = await postroom.as('eva');
  const address = 'slow@example.org';
  await postroom.person('ben');
  const other = await postroom.mailbox('support');
  const secret = { kind: 'password' as const, password };
  await eva.call('mailbox.add', { address, imap: server.url, smtp: 'smtp://127.0.0.1:9?tls=no', secret, test: false, shared: true });
  await server.reached;
  // Each of these is answered while the server says nothing.
  await eva.call('grant.set', { mailbox: address, grantee: 'ben', access: true, send: true });
  await eva.call('mailbox.remove', { mailbox: address });
  await eva.call('grant.set', { mailbox: other, grantee: 'ben', access: true, send: true });
  await eva.call('grant.remove', { mailbox: other, grantee: 'ben' });
  await eva.call('person.disable', { name: 'ben' });
  expect((await eva.call('mailbox.list', {})).rows.map((row) => row.address)).toEqual([other]);
  await server.left;
  const kept = postroom.daemon.world.directory.snapshot().mailboxByAddress(other)?.id;
  await expect.poll(() => postroom.daemon.world.store.mailboxesStored()).toEqual([kept]);
});

test('whoever waits for the sync of a mailbox that is removed hears of it', async () => {
  await using server = await stallsAt(/^LIST/i);
  await using postroom = await startPostroom({ config });
  const eva = await postroom.as('eva');
  const address = 'slow@example.org';
  const secret = { kind: 'password' as const, password };
  await eva.call('mailbox.add', { address, imap: server.url, smtp: 'smtp://127.0.0.1:9?tls=no', secret, test: false });
  await server.reached;
  const waiting = eva.call('mailbox.sync', { mailbox: address, wait: true }, { timeoutMs: 60_000 }).then(
    () => 'done',
    (error: { code?: string }) => error.code,
  );
  await eva.call('mailbox.remove', { mailbox: address });
  expect(await waiting).toMatch(/unavailable|not-found/);
});

test('what a removed mailbox held is forgotten, also when the daemon ended before that', async () => {
  await using postroom = await startPostroom();
  const eva = await postroom.as('eva');
  const mailbox = await postroom.mailbox('support');
  await postroom.deliver(mailbox, { subject: 'Hello' });
  const { store, directory } = postroom.daemon.world;
  const id = directory.snapshot().mailboxByAddress(mailbox)?.id ?? '';
  expect(await store.mailboxesStored()).toEqual([id]);
  await eva.call('mailbox.remove', { mailbox });
  await expect.poll(() => store.mailboxesStored()).toEqual([]);

  const left = await postroom.mailbox('left');
  await postroom.deliver(left, { subject: 'Hello' });
  const keep = await postroom.mailbox('keep');
  await postroom.deliver(keep, { subject: 'Hello' });
  // As after a crash: the directory has forgotten it, the store has not.
  await postroom.stopDaemon();
  const closed = await openDirectory(grantsFile(postroom.places));
  const found = closed.snapshot().mailboxByAddress(left);
  await closed.change((doc, now) =>
    changes.mailboxRemove(doc, { mailbox: found?.id ?? '' }, { actor: found?.owner ?? '', now, policy: changes.openPolicy }),
  );
  await postroom.startDaemon();
  const kept = postroom.daemon.world.directory.snapshot().mailboxByAddress(keep)?.id;
  await expect.poll(() => postroom.daemon.world.store.mailboxesStored()).toEqual([kept]);
});
