import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo as TcpAddress } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import nodemailer from 'nodemailer';
import { describe, expect, test } from 'vitest';
import { startDovecot } from './support/dovecot.ts';
import { lineConnection } from './support/lines.ts';
import { startProxy } from './support/proxy.ts';
import { openScreen } from './support/screen.ts';
import { type Submission, startSubmission } from './support/submission.ts';
import { table } from './support/table.ts';
import { tempDir } from './support/tempdir.ts';
import { type CertificateKind, certificateAuthority } from './support/tls.ts';

const mail = 'From: ada@example.org\r\nSubject: hi\r\n\r\n.first\r\nlast\r\n';
const user = 'support@acme.example';

test('a temporary directory goes with its test', async () => {
  let path: string;
  {
    await using dir = await tempDir();
    path = dir.path;
    expect(existsSync(path)).toBe(true);
  }
  expect(existsSync(path)).toBe(false);
});

test('a table is read by its columns', () => {
  const rows = table(`
    rights       panel  note
    -            no     none
    access send  yes    -
  `);
  expect(rows).toEqual([
    { rights: '', panel: false, note: 'none' },
    { rights: 'access send', panel: true, note: '' },
  ]);
  expect(() => table('a  b\n1')).toThrow('1 cells');
});

const verdicts: Record<CertificateKind, string> = {
  good: 'accepted',
  expired: 'CERT_HAS_EXPIRED',
  'wrong-host': 'ERR_TLS_CERT_ALTNAME_INVALID',
  'unknown-issuer': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
};
test.each(Object.entries(verdicts))('a client finds a certificate that is %s: %s', async (kind, verdict) => {
  const authority = certificateAuthority();
  const server = createTlsServer(authority.issue(kind as CertificateKind)).on('tlsClientError', () => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connectTls({ host: 'localhost', port: (server.address() as TcpAddress).port, ca: authority.ca });
  const seen = await once(socket, 'secureConnect').then(
    () => 'accepted',
    (error) => error.code,
  );
  socket.destroy();
  server.close();
  expect(seen).toBe(verdict);
});

describe('Dovecot', () => {
  test('takes mail, shows it, and changes it', async () => {
    await using dovecot = await startDovecot();
    await dovecot.addUser(user, 'pass: wörd');
    await dovecot.deliver(user, mail);
    await dovecot.deliver(user, mail, 'Archive', ['\\Seen', '$Label1']);
    expect(await dovecot.messages(user)).toEqual([{ uid: 1, flags: [] }]);
    expect(await dovecot.messages(user, 'Archive')).toEqual([{ uid: 1, flags: ['$Label1', '\\Seen'] }]);
    expect((await dovecot.octets(user, 'INBOX', 1)).toString()).toBe(`Return-Path: <>\r\n${mail}`);
    expect((await dovecot.octets(user, 'Archive', 1)).toString()).toBe(mail);

    await dovecot.createFolder(user, 'Kunden/Über');
    await dovecot.fill(
      user,
      Array.from({ length: 700 }, (_, i) => `${mail}${i}`),
      'Kunden/Über',
    );
    await dovecot.setFlags(user, 'Kunden/Über', 2, ['\\Flagged']);
    await dovecot.expunge(user, 'Kunden/Über', 1, 3);
    await dovecot.moveMessage(user, 2, 'Kunden/Über', 'INBOX');
    expect(await dovecot.messages(user, 'Kunden/Über')).toHaveLength(697);
    expect(await dovecot.messages(user)).toEqual([
      { uid: 1, flags: [] },
      { uid: 2, flags: ['\\Flagged'] },
    ]);
    await dovecot.renameFolder(user, 'Kunden/Über', 'Alt');
    expect(await dovecot.folders(user)).toContain('Alt');
    await dovecot.deleteFolder(user, 'Alt');
    expect(await dovecot.folders(user)).not.toContain('Alt');
  });

  test('goes away and comes back on the same ports, and gives out another UIDVALIDITY when told', async () => {
    await using dovecot = await startDovecot({ format: 'sdbox', hide: ['IDLE', 'CONDSTORE'] });
    await dovecot.addUser(user);
    await dovecot.deliver(user, mail);
    const next = await dovecot.resetUidValidity(user, 'INBOX');
    await dovecot.stop();
    await expect(lineConnection(dovecot.ports.imap)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await dovecot.start();

    using session = await lineConnection(dovecot.ports.imap);
    await session.write(`a LOGIN ${user} secret\r\nb SELECT INBOX\r\n`);
    const offered = await session.lineThat((line) => line.startsWith('a '));
    expect(offered).toContain('NOTIFY');
    expect(offered).not.toMatch(/IDLE|CONDSTORE/);
    expect(await session.lineThat((line) => line.includes('UIDVALIDITY'))).toContain(`[UIDVALIDITY ${next}]`);
    await dovecot.kick(user);
    await expect(session.lineThat(() => false)).rejects.toThrow('ended');
  });

  test('runs many times at once, each with a certificate of its own kind', async () => {
    await using cleanup = new AsyncDisposableStack();
    const kinds = ['good', 'expired', 'wrong-host', 'none'] as const;
    const servers = await Promise.all(kinds.map(async (tls) => cleanup.use(await startDovecot({ tls }))));
    const seen = await Promise.all(
      servers.map(async ({ ports, ca }) => {
        const socket = connectTls({ host: 'localhost', port: ports.imaps, ca });
        const outcome = await once(socket, 'secureConnect').then(
          () => 'accepted',
          (error) => error.code,
        );
        socket.destroy();
        return outcome;
      }),
    );
    expect(seen).toEqual(['accepted', verdicts.expired, verdicts['wrong-host'], 'ECONNREFUSED']);
  });
});

describe('submission', () => {
  /** Sends one mail and says how it ended: accepted, or the reply code, or the error code. */
  async function send(server: Submission, { messageId = '<1@test>', to = ['kim@example.org'], secure = false } = {}): Promise<string> {
    const transport = nodemailer.createTransport({
      host: 'localhost',
      port: server.port,
      secure,
      requireTLS: !secure,
      auth: { user: 'postroom', pass: 'secret' },
      tls: { ca: server.ca },
    });
    try {
      await transport.sendMail({ envelope: { from: 'ada@example.org', to }, messageId, raw: `Message-ID: ${messageId}\r\n${mail}` });
      return 'accepted';
    } catch (error) {
      const { responseCode, code } = error as { responseCode?: number; code?: string };
      return String(responseCode ?? code);
    }
  }

  test.each(['starttls', 'tls'] as const)('takes mail over %s and writes it into the ledger', async (security) => {
    await using server = await startSubmission({ security });
    expect(await send(server, { secure: security === 'tls', to: ['kim@example.org', 'lee@example.org'] })).toBe('accepted');
    const [entry] = await server.accepted(1);
    const octets = `Message-ID: <1@test>\r\n${mail}`;
    expect(entry).toMatchObject({ mailFrom: 'ada@example.org', rcptTo: ['kim@example.org', 'lee@example.org'], user: 'postroom' });
    expect(entry?.octets.toString()).toBe(octets);
    expect(entry?.sha256).toBe(createHash('sha256').update(octets).digest('hex'));
    expect(server.exposed).toBe(0);
  });

  const refusals = table<{ step: 'auth' | 'mail' | 'rcpt' | 'data' | 'dot'; reply: string; seen: string }>(`
    step  reply                seen
    auth  535 5.7.8 No         535
    mail  451 4.3.0 Later      451
    rcpt  550 5.1.1 Unknown    550
    data  452 4.3.1 Full       452
    dot   554 5.6.0 Not that   554
  `);
  test.each(refusals)('refuses at $step with $seen, once', async ({ step, reply, seen }) => {
    await using server = await startSubmission({ faults: [{ at: step, reply }] });
    expect(await send(server)).toBe(seen);
    expect(server.ledger).toEqual([]);
    expect(await send(server)).toBe('accepted');
  });

  test('refuses one recipient and takes the other', async () => {
    await using server = await startSubmission({ faults: [{ at: 'rcpt', recipient: 'lee@example.org', reply: '550 5.1.1 Unknown' }] });
    expect(await send(server, { to: ['kim@example.org', 'lee@example.org'] })).toBe('accepted');
    expect(server.ledger[0]?.rcptTo).toEqual(['kim@example.org']);
  });

  test.each(['connect', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'body', 'dot'] as const)(
    'drops the connection at %s without taking the mail',
    async (at) => {
      await using server = await startSubmission({ faults: [{ at, end: 'drop' }] });
      expect(await send(server)).not.toBe('accepted');
      expect(server.ledger).toEqual([]);
    },
  );

  test('takes a mail that its sender never learns of, and counts the second copy', async () => {
    await using server = await startSubmission({ faults: [{ at: 'dot', end: 'drop', accept: true }] });
    expect(await send(server)).not.toBe('accepted');
    expect(server.count('<1@test>')).toBe(1);
    expect(await send(server)).toBe('accepted');
    expect(server.count('<1@test>')).toBe(2);
  });

  test('stalls until it is released; dies, and is revived on its port', async () => {
    await using server = await startSubmission({
      faults: [
        { at: 'dot', end: 'stall' },
        { at: 'dot', end: 'die' },
      ],
    });
    const stalled = send(server);
    await server.reached('dot');
    expect(server.ledger).toEqual([]);
    server.release();
    expect(await stalled).toBe('accepted');
    expect(await send(server)).not.toBe('accepted');
    expect(await send(server)).toBe('ESOCKET');
    await server.revive();
    expect(await send(server)).toBe('accepted');
    expect(server.ledger).toHaveLength(2);
  });
});

describe('proxy', () => {
  /** A server that sends `size` octets to whoever connects. */
  async function startSource(size: number) {
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).end(Buffer.alloc(size, 'x')));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { port: (server.address() as TcpAddress).port, [Symbol.dispose]: () => void server.close() };
  }

  test.each([
    ['reset', 'ECONNRESET'],
    ['finish', 70_000],
  ] as const)('cuts after so many octets: %s', async (how, seen) => {
    using source = await startSource(200_000);
    await using proxy = await startProxy(source);
    proxy.cutAfter(70_000, 'down', how);
    const received = await buffer(connect(proxy.port, '127.0.0.1')).then(
      (octets) => octets.length,
      (error) => error.code,
    );
    expect(received).toBe(seen);
    expect(proxy.passed.down).toBe(70_000);
    expect((await buffer(connect(proxy.port, '127.0.0.1'))).length).toBe(200_000);
  });

  test('stalls, resumes, delays, throttles and refuses', async () => {
    using source = await startSource(10_000);
    await using proxy = await startProxy(source);
    proxy.stall();
    const waiting = buffer(connect(proxy.port, '127.0.0.1'));
    await proxy.connected(1);
    expect(proxy.passed.down).toBe(0);
    proxy.resume();
    expect((await waiting).length).toBe(10_000);

    const began = performance.now();
    proxy.delay(20);
    proxy.throttle(100_000);
    expect((await buffer(connect(proxy.port, '127.0.0.1'))).length).toBe(10_000);
    expect(performance.now() - began).toBeGreaterThan(100);

    proxy.refuse();
    await expect(buffer(connect(proxy.port, '127.0.0.1'))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('screen', () => {
  const shell = (script: string, size = {}) => openScreen({ command: '/bin/sh', args: ['-c', script], ...size });

  test('shows what a program draws, where its cursor is and how it ended', async () => {
    await using screen = shell('printf "\\033[2;3H\\033[1mhé\\033[0m漢"; read line; printf "got $line"; exit 3');
    await screen.waitFor('hé漢');
    expect(screen.line(1)).toBe('  hé漢');
    expect(screen.cursor()).toEqual({ x: 6, y: 1, visible: true });
    expect(screen.cell(2, 1)).toMatchObject({ text: 'h', bold: true });
    screen.type('word');
    screen.press('<enter>');
    await screen.waitFor(/got word/);
    expect(await screen.exitCode).toEqual({ code: 3, signal: 0 });
    expect(screen.bytes().toString()).toContain('\x1b[1mhé');
  });

  test('is a terminal: size, resize, questions, keys, and no CI', async () => {
    const program = `
      process.stdin.setRawMode(true);
      const size = () => console.log('size', process.stdout.columns, process.stdout.rows, process.stdout.isTTY, 'CI' in process.env);
      process.stdout.on('resize', size);
      process.stdin.on('data', (data) => console.log('key', JSON.stringify(String(data))));
      size();
    `;
    await using screen = openScreen({ command: process.execPath, args: ['-e', program], cols: 160, rows: 45 });
    await screen.waitFor('size 160 45 true false');
    screen.resize(100, 30);
    await screen.waitFor('size 100 30 true false');
    screen.press('<esc>');
    await screen.waitFor(String.raw`"\u001b"`);
    screen.press('<c-k>', '<up>', '<c-right>', '<a-x>', '<s-tab>', '<f5>', 'é');
    await screen.waitFor(String.raw`"\u000b\u001b[A\u001b[1;5C\u001bx\u001b[Z\u001b[15~é"`);
    screen.kill('SIGTERM');
    expect(await screen.exitCode).toEqual({ code: 0, signal: 15 });
  });

  test('says what it saw when it waited in vain', async () => {
    await using screen = shell('echo only this; sleep 60');
    await screen.waitFor('only this');
    await expect(screen.waitFor('that', 50)).rejects.toThrow('only this');
    await using short = shell('echo done');
    await expect(short.waitFor('never')).rejects.toThrow('The program ended (code 0');
  });
});
