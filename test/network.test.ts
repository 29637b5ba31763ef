/** Where mailboxes may have their servers, and what people are told of what answers there: nothing that a port scanner could use. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo as TcpAddress } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../daemon/config.ts';
import { lookupWithin, mayReach, type Reach, reachOf, regionOf } from '../daemon/network.ts';
import { type FakeImap, startFakeImap } from './support/imap.ts';
import { outcome, type Postroom, startPostroom } from './support/postroom.ts';
import { startSync } from './support/sync.ts';
import { table } from './support/table.ts';
import { certificateAuthority } from './support/tls.ts';

const banner = 'OpenSecret_7.4';
const authority = certificateAuthority();

describe('addresses', () => {
  test('are sorted by what they reach, however they are written', () => {
    const rows = table(`
      address                     region
      127.0.0.1                   loopback
      127.255.0.9                 loopback
      ::1                         loopback
      0:0:0:0:0:0:0:1             loopback
      ::ffff:127.0.0.1            loopback
      ::ffff:7f00:1               loopback
      ::127.0.0.1                 loopback
      64:ff9b::7f00:1             loopback
      2002:7f00:1::               loopback
      10.0.0.1                    private
      172.31.255.255              private
      192.168.1.1                 private
      100.64.0.1                  private
      fd00::1                     private
      ::ffff:10.0.0.1             private
      64:ff9b::a00:1              private
      0.0.0.0                     special
      ::                          special
      169.254.169.254             special
      ::ffff:169.254.169.254      special
      fe80::1                     special
      fe80::1%lo                  special
      224.0.0.1                   special
      255.255.255.255             special
      ff02::1                     special
      172.32.0.1                  public
      93.184.216.34               public
      2606:4700::1111             public
      ::ffff:93.184.216.34        public
    `);
    for (const { address, region } of rows) expect([address, regionOf(String(address))]).toEqual([address, region]);
  });

  const reach = (json: object, trusted: boolean): Reach => reachOf(parseConfig(json, 'test').network, trusted);

  test('by default: public ones on the ports of mail for all, this machine and private networks for who sets servers up', () => {
    const rows = table(`
      address          port   anybody  holder
      93.184.216.34    993    yes      yes
      93.184.216.34    587    yes      yes
      93.184.216.34    22     no       no
      2606:4700::1111  465    yes      yes
      127.0.0.1        993    no       yes
      127.0.0.1        3143   no       yes
      ::1              143    no       yes
      10.2.3.4         993    no       yes
      169.254.169.254  993    no       no
      0.0.0.0          993    no       no
    `);
    for (const { address, port, anybody, holder } of rows) {
      const may = (trusted: boolean) => mayReach(reach({}, trusted), 'mail.example.com', String(address), Number(port));
      expect([address, port, may(false), may(true)]).toEqual([address, port, anybody, holder]);
    }
  });

  test('by rules: names, all below a name, addresses, ranges', () => {
    const allow = [
      { hosts: ['imap.example.com', '*.mail.example.net'], ports: [993] },
      { hosts: ['10.1.0.0/16', '169.254.1.1', 'fd00:1::/32'], ports: 'any' },
    ];
    const ours = reach({ network: { allow } }, false);
    const rows = table(`
      name                  address          port  may
      imap.example.com      10.9.9.9         993   yes
      IMAP.example.com.     10.9.9.9         993   yes
      imap.example.com      10.9.9.9         143   no
      x.imap.example.com    10.9.9.9         993   no
      a.mail.example.net    93.184.216.34    993   yes
      mail.example.net      93.184.216.34    993   no
      evilmail.example.net  93.184.216.34    993   no
      other.example         10.1.200.3       22    yes
      other.example         ::ffff:10.1.2.3  22    yes
      other.example         10.2.0.1         22    no
      other.example         169.254.1.1      22    yes
      other.example         fd00:1:2::3      22    yes
      other.example         93.184.216.34    993   no
    `);
    for (const { name, address, port, may } of rows) {
      expect([name, address, port, mayReach(ours, String(name), String(address), Number(port))]).toEqual([name, address, port, may]);
    }
  });

  test.each(['10.0.0.0/33', '10.0.0.0/8/8', 'http://x', 'a b', '*', '', 'x:993'])('no rule is %j', (rule) => {
    expect(() => parseConfig({ network: { allow: [{ hosts: [rule], ports: 'any' }] } }, 'test')).toThrow(/network\.allow/);
  });

  test('a name is asked for once, and only the addresses that were looked at are connected to', async () => {
    await using server = await listening((socket) => void socket.end(socket.localAddress ?? ''), { host: '0.0.0.0' });
    const { port } = server;
    const only: Reach = { rules: [{ hosts: ['127.0.0.2'], ports: 'any' }], told: false };
    let asked = 0;
    const both = lookupWithin(only, port, (_name, _options, done) => {
      asked++;
      // Whoever asks twice is told something else: the check must be of what is used.
      done(
        null,
        (asked === 1 ? ['127.0.0.1', '127.0.0.2'] : ['127.0.0.1']).map((address) => ({ address, family: 4 })),
      );
    });
    for (const autoSelectFamily of [true, false]) {
      asked = 0;
      const socket = connect({ host: 'mail.example.com', port, lookup: both, autoSelectFamily });
      const [octets] = (await once(socket, 'data')) as [Buffer];
      expect([octets.toString(), asked]).toEqual(['127.0.0.2', 1]);
      socket.destroy();
    }
    const none = lookupWithin(only, port, (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]));
    const refused = connect({ host: 'mail.example.com', port, lookup: none });
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.name).toBe('NotAllowed');
  });
});

type Socket = Parameters<Parameters<typeof createServer>[1] & object>[0];

/** A server that is no mail server, or says nothing; it counts who came. */
async function listening(attend: (socket: Socket) => void, { tls = false, host = '127.0.0.1' } = {}) {
  let accepted = 0;
  const sockets = new Set<Socket>();
  const one = (socket: Socket) => {
    sockets.add(socket.on('error', () => socket.destroy()));
    attend(socket);
  };
  const server = tls ? createTlsServer(authority.issue('unknown-issuer'), one) : createServer(one);
  server.on('connection', () => void accepted++);
  await once(server.listen(0, host), 'listening');
  return {
    port: (server.address() as TcpAddress).port,
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const closedPort = async (): Promise<number> => {
  await using server = await listening(() => {});
  return server.port;
};

const foreign: Record<string, (socket: Socket) => void> = {
  'an SSH server': (socket) => socket.write(`SSH-2.0-${banner}\r\n`),
  'a web server': (socket) => socket.once('data', () => socket.end(`HTTP/1.1 400 Bad Request\r\nServer: ${banner}\r\n\r\n`)),
  'an FTP server': (socket) => socket.write(`220 ${banner} FTP\r\n`),
  'a server that hangs up': (socket) => socket.end(),
  'one that says nothing': () => {},
  'an IMAP server that sends people away': (socket) => socket.end(`* BYE ${banner} is not for you\r\n`),
  'an SMTP server that sends people away': (socket) => socket.write(`554 ${banner} is not for you\r\n`),
  'an IMAP server that asks for no password': (socket) => socket.write(`* PREAUTH ${banner} knows you\r\n`),
  'one that answers without end': (socket) => socket.write(`* OK ${banner}\r\n`.repeat(5_000)),
};

/** Short waits, so that silence is told soon. */
const quick = { sync: { connectTimeoutMs: 300, replyMs: 300, readyMs: 600, retryMinMs: 60_000 }, outbox: { commandTimeoutMs: 200 } };

let made = 0;

async function stepsOf(postroom: Postroom, person: string, port: number, scheme: 'clear' | 'implicit' | 'starttls' = 'clear') {
  const client = await postroom.as(person);
  const s = scheme === 'implicit' ? 's' : '';
  const rest = scheme === 'clear' ? '?tls=no' : '';
  // A port may come again once its server is closed.
  const address = `${person}-${port}-${scheme}-${made++}@example.net`;
  await client.call('mailbox.add', {
    address,
    imap: `imap${s}://127.0.0.1:${port}${rest}`,
    smtp: `smtp${s}://localhost:${port}${rest}`,
    secret: { kind: 'password', password: 'pw' },
    shared: false,
    test: false,
  });
  const { steps } = await client.call('mailbox.test', { mailbox: address }, { timeoutMs: 30_000 });
  await expect.poll(async () => (await client.call('mailbox.show', { mailbox: address })).sync.error, { timeout: 10_000 }).not.toBeNull();
  const { sync } = await client.call('mailbox.show', { mailbox: address });
  return JSON.stringify({ steps, error: sync.error }).replaceAll(String(port), 'PORT');
}

describe('whoever may not know is told the same of a closed port, of a foreign server and of one that is not allowed', () => {
  test('by default: this machine is not connected to', async () => {
    await using postroom = await startPostroom({ config: quick });
    await postroom.person('ben');
    await using imap = await startFakeImap();
    await using ssh = await listening(foreign['an SSH server'] ?? (() => {}));
    const told = new Set([
      await stepsOf(postroom, 'ben', await closedPort()),
      await stepsOf(postroom, 'ben', ssh.port),
      await stepsOf(postroom, 'ben', imap.port),
    ]);
    expect([...told]).toHaveLength(1);
    expect([...told][0]).toContain('did not answer as IMAP');
    expect([...told][0]).toContain('did not answer as SMTP');
    expect([ssh.accepted, imap.accepted]).toEqual([0, 0]);
    // Tried before it is added, it is the same.
    const adding = (await postroom.as('ben')).call('mailbox.add', {
      address: 'again@example.net',
      imap: `imap://localhost:${imap.port}?tls=no`,
      smtp: `smtp://[::1]:${imap.port}?tls=no`,
      secret: { kind: 'password', password: 'pw' },
      shared: false,
      test: true,
    });
    await expect(adding).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('did not answer as IMAP') });
    expect(imap.accepted).toBe(0);
  });

  // Where everybody may connect, as to public servers: what is there is still not told.
  const everywhere = { network: { allow: [{ hosts: ['loopback'], ports: 'any' }] } };
  test.each(['clear', 'implicit', 'starttls'] as const)('and where it may connect, %s', { timeout: 60_000 }, async (scheme) => {
    await using postroom = await startPostroom({ config: { ...quick, ...everywhere } });
    await postroom.person('ben');
    const closed = await stepsOf(postroom, 'ben', await closedPort(), scheme);
    expect(closed).toContain('did not answer as IMAP');
    for (const [what, attend] of Object.entries(foreign)) {
      await using server = await listening(attend);
      expect([what, await stepsOf(postroom, 'ben', server.port, scheme)]).toEqual([what, closed]);
      expect(server.accepted).toBeGreaterThan(0);
    }
  });

  test('a certificate that does not fit is told, so that it can be mended; the words behind it are not', async () => {
    await using postroom = await startPostroom({ config: { ...quick, ...everywhere } });
    await postroom.person('ben');
    await using server = await listening((socket) => socket.write(`* OK ${banner}\r\n`), { tls: true });
    const said = await stepsOf(postroom, 'ben', server.port, 'implicit');
    expect(said).toMatch(/certificate/);
    expect(said).not.toContain(banner);
  });

  test('whoever sets servers up hears what there is, and uses this machine as before', async () => {
    await using postroom = await startPostroom({ config: quick });
    await using ssh = await listening(foreign['an IMAP server that sends people away'] ?? (() => {}));
    const said = await stepsOf(postroom, 'eva', ssh.port);
    expect(said).toContain(banner);
    expect(ssh.accepted).toBeGreaterThan(0);
    expect(await stepsOf(postroom, 'eva', await closedPort())).toContain('ECONNREFUSED');
  });

  test('what is allowed ends with the operation, and comes with it', async () => {
    await using postroom = await startPostroom({ config: quick });
    await postroom.person('cleo', ['shared-mailbox.sync']);
    await using imap = await startFakeImap();
    const cleo = await postroom.as('cleo');
    await cleo.call('mailbox.add', {
      address: 'cleo@example.net',
      imap: `imap://127.0.0.1:${imap.port}?tls=no`,
      smtp: 'smtp://127.0.0.1:1?tls=no',
      secret: { kind: 'password', password: 'pw' },
      shared: false,
      test: false,
    });
    await cleo.call('mailbox.sync', { mailbox: 'cleo@example.net', wait: true });
    const eva = await postroom.as('eva');
    await eva.call('person.deny', { name: 'cleo', operation: 'shared-mailbox.sync' });
    const { accepted } = imap;
    const { steps } = await cleo.call('mailbox.test', { mailbox: 'cleo@example.net' });
    expect(steps[0]).toMatchObject({ server: 'imap', ok: false, message: expect.stringContaining('did not answer as IMAP') });
    expect(imap.accepted).toBe(accepted);
    // Nobody asked the server: cleo is not told, who sets servers up is.
    const findings = async (name: string) =>
      (await (await postroom.as(name)).call('daemon.doctor', {}, { timeoutMs: 60_000 })).findings.filter(({ code }) => code === 'network');
    await eva.call('mailbox.add', {
      address: 'eva@example.net',
      imap: `imap://169.254.1.1:${imap.port}?tls=no`,
      smtp: 'smtp://127.0.0.1:1?tls=no',
      secret: { kind: 'password', password: 'pw' },
      shared: false,
      test: false,
    });
    expect(await findings('cleo')).toEqual([]);
    expect(await findings('eva')).toMatchObject([{ level: 'error', message: expect.stringContaining('169.254.1.1') }]);
  });
});

describe('a refused password', () => {
  const words = `${banner}: use an app password`;
  const refusing = async (certificate: boolean): Promise<FakeImap> => {
    const server = await startFakeImap(certificate ? { certificate: authority.issue() } : {});
    server.lie(/^LOGIN/, (asked) => asked.say(`${asked.tag} NO [AUTHENTICATIONFAILED] ${words}\r\n`));
    return server;
  };
  test.each([
    { certificate: true, told: false, hears: true },
    { certificate: false, told: false, hears: false },
    { certificate: false, told: true, hears: true },
  ])('with a verified certificate $certificate, may know $told: hears the server $hears', async ({ certificate, told, hears }) => {
    await using server = await refusing(certificate);
    const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
    const imap = certificate ? ({ tls: 'implicit', ca: authority.ca } as const) : ({ tls: 'none', ca: null } as const);
    const reach: Reach = { rules: [{ hosts: ['loopback'], ports: 'any' }], told };
    await using it = await startSync(nowhere, { imap: { ...imap, port: server.port }, reach, config: { retryMinMs: 60_000 } });
    const last = (await it.sync.test(it.account)).at(-1);
    expect(last).toMatchObject({ step: 'login', ok: false });
    expect(last?.message.includes(banner)).toBe(hears);
  });
});

test('a rule cannot be got round by who adds it: the owner counts, not who asks', async () => {
  await using postroom = await startPostroom({ config: quick });
  await postroom.person('ben');
  await using imap = await startFakeImap();
  const eva = await postroom.as('eva');
  await eva.call('mailbox.add', {
    address: 'desk@example.net',
    imap: `imap://127.0.0.1:${imap.port}?tls=no`,
    smtp: 'smtp://127.0.0.1:1?tls=no',
    secret: { kind: 'password', password: 'pw' },
    shared: false,
    test: false,
  });
  await eva.call('mailbox.sync', { mailbox: 'desk@example.net', wait: true });
  await eva.call('mailbox.transfer', { mailbox: 'desk@example.net', person: 'ben' });
  const ben = await postroom.as('ben');
  const { accepted } = imap;
  const { steps } = await ben.call('mailbox.test', { mailbox: 'desk@example.net' });
  expect(steps.some(({ ok }) => ok)).toBe(false);
  expect(imap.accepted).toBe(accepted);
  expect(await outcome(eva.call('mailbox.test', { mailbox: 'desk@example.net' }))).toBe('not-found');
});
