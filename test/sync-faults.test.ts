import { once } from 'node:events';
import { createServer, type AddressInfo as TcpAddress } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startDovecot } from './support/dovecot.ts';
import { startProxy } from './support/proxy.ts';
import { mails, startSync } from './support/sync.ts';

const address = 'support@example.org';

test('a server that goes away and comes back is found again', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(3));
  await using it = await startSync(dovecot);
  await it.caughtUp();
  const state = () => it.sync.status('m_support')?.state;

  await dovecot.stop();
  await it.until('it is offline', () => state() === 'offline');
  expect(it.sync.status('m_support')?.retryAt).not.toBeNull();
  await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });

  await dovecot.start();
  await dovecot.deliver(address, mails(1, 'afterwards')[0] ?? '');
  await it.until('the new mail is here', () => it.placed().get('INBOX')?.length === 4);
  await it.until('it is well again', () => state() === 'idle');
  await dovecot.kick(address);
  await dovecot.deliver(address, mails(1, 'after the kick')[0] ?? '');
  await it.until('the next is here too', () => it.placed().get('INBOX')?.length === 5);
  await it.equals(dovecot);
});

describe('a connection cut while history comes in', () => {
  const attachment = Buffer.from(`Subject: large\r\nMessage-ID: <large@example.net>\r\n\r\n${`${'y'.repeat(70)}\r\n`.repeat(40_000)}`);
  test.each([
    { after: 3_000, how: 'reset' },
    { after: 20_000, how: 'finish' },
    { after: 90_000, how: 'reset' },
    { after: 400_000, how: 'finish' },
    { after: 1_500_000, how: 'reset' },
    { after: 3_100_000, how: 'reset' },
  ] as const)('behind octet $after by $how', async ({ after, how }) => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    await dovecot.fill(address, [...mails(150), attachment, ...mails(150, 'younger')]);
    await using proxy = await startProxy({ port: dovecot.ports.imaps });
    proxy.cutAfter(after, 'down', how);
    await using it = await startSync(dovecot, { imap: { port: proxy.port } });
    await it.until('store = server', () => it.sync.status('m_support')?.state === 'idle' && it.isEqual(dovecot));
    await it.equals(dovecot);
  });

  test('again and again: every connection gets a little further', async () => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    await dovecot.fill(address, [...mails(200), attachment]);
    await using proxy = await startProxy({ port: dovecot.ports.imaps });
    let cuts = 0;
    await using it = await startSync(dovecot, { imap: { port: proxy.port } });
    const stop = it.store.onChange(() => {
      if (cuts++ < 8) proxy.cut(cuts % 2 === 0 ? 'finish' : 'reset');
    });
    await it.until('store = server', () => it.sync.status('m_support')?.state === 'idle' && it.isEqual(dovecot), 25_000);
    stop();
    expect(cuts).toBeGreaterThan(3);
    await it.equals(dovecot);
  });
});

test('a connection that dies while a copy is filed leaves exactly one', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await using proxy = await startProxy({ port: dovecot.ports.imap });
  await using it = await startSync(dovecot, { imap: { port: proxy.port, tls: 'none' } });
  await it.caughtUp();
  const cuts = Array.from({ length: 14 }, (_, n) => 150 + n * 250);
  for (const after of cuts) {
    const octets = Buffer.from(`Message-ID: <copy-${after}@example.org>\r\nX-Postroom-Id: copy${after}\r\n\r\n${'z'.repeat(2_000)}\r\n`);
    proxy.cutAfter(after, 'up');
    const file = () => it.sync.append('m_support', 'sent', octets, ['\\Seen'], Date.now());
    await file().catch(async (error: unknown) => {
      expect(error).toMatchObject({ code: 'unavailable' });
      await file();
    });
  }
  await it.until('store = server', () => it.placed().get('Sent')?.length === cuts.length && it.isEqual(dovecot));
  expect(await dovecot.messages(address, 'Sent')).toHaveLength(cuts.length);
});

test('a refused password is tried three times, then it waits for another', async () => {
  await using dovecot = await startDovecot();
  await dovecot.addUser(address);
  await dovecot.fill(address, mails(2));
  await using proxy = await startProxy({ port: dovecot.ports.imaps });
  await using it = await startSync(dovecot, {
    password: 'wrong',
    imap: { port: proxy.port },
    config: { retryMinMs: 50, retryMaxMs: 1_000 },
  });
  const { sync, account } = it;
  await it.until('it gives up', () => sync.status('m_support')?.state === 'auth-failed', 25_000);
  expect(proxy.accepted).toBe(3);

  sync.poke('m_support');
  await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });
  await expect(sync.find('m_support', null, { messageId: '<a@b>', postroomId: 'x' })).rejects.toMatchObject({ code: 'unavailable' });
  expect(proxy.accepted).toBe(3);

  await using right = await startSync(dovecot);
  sync.start({ ...account, secret: right.account.secret });
  await it.until('it works', () => sync.status('m_support')?.state === 'idle');
  await it.equals(dovecot);
});

describe('a certificate that proves nothing ends it before the password', () => {
  for (const kind of ['expired', 'wrong-host', 'unknown-issuer'] as const) {
    for (const tls of ['implicit', 'starttls'] as const) {
      test(`${kind}, ${tls}`, async () => {
        await using dovecot = await startDovecot({ tls: kind });
        await dovecot.addUser(address);
        await using it = await startSync(dovecot, { imap: { tls, port: tls === 'implicit' ? dovecot.ports.imaps : dovecot.ports.imap } });
        await it.until('it says so', () => it.sync.status('m_support')?.state === 'error');
        expect(it.sync.status('m_support')?.error).toMatch(/certificate|altname|issuer|self.signed/i);
        expect((await it.sync.test(it.account)).at(-1)).toMatchObject({ step: 'tls', ok: false });
        expect(dovecot.log()).not.toMatch(/user=<support/);
      });
    }
  }

  test('the good one lets it in, both ways', async () => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(address);
    for (const [tls, port] of [
      ['implicit', dovecot.ports.imaps],
      ['starttls', dovecot.ports.imap],
    ] as const) {
      await using it = await startSync(dovecot, { imap: { tls, port } });
      await it.caughtUp();
      const steps = await it.sync.test(it.account);
      expect(steps.map(({ step, ok }) => [step, ok])).toEqual(
        ['connect', 'tls', 'login', 'folders', 'capabilities'].map((step) => [step, true]),
      );
    }
  });
});

describe('a server in between', () => {
  /** Says `greeting`, agrees to everything, and keeps what it is told. */
  async function impostor(greeting: string, capabilities: string, injected: string) {
    let heard = '';
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write(`${greeting}\r\n`);
      socket.setEncoding('latin1').on('data', (text: string) => {
        heard += text;
        for (const line of text.split('\r\n').filter(Boolean)) {
          const [tag, command] = line.split(' ');
          if (command?.toUpperCase() === 'CAPABILITY') socket.write(`* CAPABILITY ${capabilities}\r\n`);
          socket.write(`${tag} OK done\r\n${command?.toUpperCase() === 'STARTTLS' ? injected : ''}`);
        }
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return {
      port: (server.address() as TcpAddress).port,
      heard: () => heard,
      [Symbol.asyncDispose]: async () => {
        server.close();
      },
    };
  }

  test.each([
    { what: 'strips STARTTLS', greeting: '* OK ready', capabilities: 'IMAP4rev1 AUTH=PLAIN AUTH=LOGIN', tls: 'starttls', injected: '' },
    {
      what: 'says PREAUTH to avoid STARTTLS',
      greeting: '* PREAUTH welcome',
      capabilities: 'IMAP4rev1 STARTTLS',
      tls: 'starttls',
      injected: '',
    },
    { what: 'says PREAUTH in clear text', greeting: '* PREAUTH welcome', capabilities: 'IMAP4rev1', tls: 'none', injected: '' },
    {
      what: 'answers before the handshake',
      greeting: '* OK ready',
      capabilities: 'IMAP4rev1 STARTTLS',
      tls: 'starttls',
      injected: '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n',
    },
  ] as const)('that $what hears no password', async ({ greeting, capabilities, tls, injected }) => {
    await using server = await impostor(greeting, capabilities, injected);
    const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
    await using it = await startSync(nowhere, { imap: { port: server.port, tls, ca: null }, config: { connectTimeoutMs: 1_000 } });
    await it.until('it says so', () => it.sync.status('m_support')?.error !== null);
    expect(it.sync.status('m_support')?.state).toMatch(/error|offline/);
    expect(server.heard()).not.toMatch(/secret|LOGIN|AUTHENTICATE/i);
    expect(server.heard()).not.toContain(Buffer.from('\0support@example.org\0secret').toString('base64'));
  });
});

test('a server that cannot be reached is tried again with growing pauses', async () => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as TcpAddress;
  server.close();
  await using it = await startSync({ ports: { imap: port, imaps: port, lmtp: 0 }, ca: '' }, { imap: { ca: null } });
  const pauses = () => it.reported.filter(({ retryAt }) => retryAt !== null).length;
  await it.until('it tried four times', () => pauses() >= 4);
  expect(it.sync.status('m_support')?.state).toMatch(/offline|connecting/);
  expect(it.reported.every(({ state }) => state === 'offline' || state === 'connecting')).toBe(true);
  expect((await it.sync.test(it.account)).at(-1)).toMatchObject({ step: 'connect', ok: false });
});
