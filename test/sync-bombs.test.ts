/**
 * Servers that try to fill the daemon's memory or to keep its thread busy: a daemon in a process of its own, five
 * mailboxes at five such servers, one at an honest one. The honest one works all the while, and so does the protocol.
 */
import { expect, test } from 'vitest';
import { Arena } from './support/arena.ts';
import { type Asked, type FakeImap, startFakeImap } from './support/imap.ts';
import { mails } from './support/sync.ts';

const many = 1_000_000;

/** Says the same line so often, with its number in it, in pieces that a socket takes. */
async function flood(asked: Asked, count: number, line: (n: number) => string): Promise<void> {
  for (let from = 1; from <= count; from += 5_000) {
    await asked.say(Array.from({ length: Math.min(5_000, count - from + 1) }, (_, n) => line(from + n)).join(''));
  }
}

const bombs: Record<string, (server: FakeImap) => void> = {
  'a literal of two gigabytes': (server) => {
    server.lie(/^UID FETCH.*BODY/, (asked) => asked.say('* 1 FETCH (UID 1 BODY[] {2147483647}\r\n'));
  },
  'a line without an end': (server) => {
    server.lie(/^UID FETCH/, async (asked) => {
      for (let n = 0; n < 40; n++) await asked.say('x'.repeat(1_000_000));
      await asked.silence();
    });
  },
  'a million rows that nobody asked for': (server) => {
    server.lie(/^UID FETCH/, async (asked) => {
      await flood(asked, many, (n) => `* ${n} FETCH (UID ${n} FLAGS (\\Seen) MODSEQ (${n}))\r\n`);
      await asked.say(...asked.honest());
    });
  },
  'a folder of four thousand million messages': (server) => {
    server.lie(/^EXAMINE/, (asked) => asked.say(...asked.honest().map((line) => line.replace(/\d+ EXISTS/, '4294967295 EXISTS'))));
    server.lie(/^UID SEARCH/, (asked) => asked.say(`* ESEARCH (TAG "${asked.tag}") UID ALL 1:4294967295\r\n${asked.tag} OK done\r\n`));
  },
  'a million folders': (server) => {
    server.lie(/^LIST/, async (asked) => {
      await flood(asked, many, (n) => `* LIST () "/" "folder ${n}"\r\n`);
      await asked.say(...asked.honest());
    });
  },
  'all messages vanished, over and over': (server) => {
    server.lie(/^(EXAMINE|UID SEARCH)/, (asked) => asked.say('* VANISHED 1:4294967295\r\n'.repeat(1_000), ...asked.honest()));
  },
};

test('no server makes the daemon large or slow', async () => {
  await using arena = await Arena.open();
  await using honest = await startFakeImap();
  for (const octets of mails(50)) honest.folder('INBOX').add(octets);
  await using servers = new AsyncDisposableStack();
  const add = async (name: string, server: FakeImap): Promise<string> => {
    const address = `${name}@example.org`;
    await arena.eva.call('mailbox.add', {
      address,
      imap: `imap://127.0.0.1:${server.port}?tls=no`,
      smtp: 'smtp://127.0.0.1:1?tls=no',
      user: address,
      secret: { kind: 'password', password: 'secret' },
    });
    return address;
  };
  const good = await add('good', honest);
  await arena.eva.call('mailbox.sync', { mailbox: good, wait: true }, { timeoutMs: 60_000 });
  const hostile: string[] = [];
  for (const [n, plant] of Object.values(bombs).entries()) {
    const server = servers.use(await startFakeImap());
    for (const octets of mails(30)) server.folder('INBOX').add(octets);
    plant(server);
    hostile.push(await add(`bomb${n}`, server));
  }

  const told = new Map<string, string>();
  let slowest = 0;
  const until = performance.now() + 60_000;
  for (let fresh = 0; told.size < hostile.length && performance.now() < until; ) {
    const began = performance.now();
    const { rows } = await arena.eva.call('mailbox.list', {}, { timeoutMs: 60_000 });
    slowest = Math.max(slowest, performance.now() - began);
    for (const { address, state, sync } of rows) {
      if (hostile.includes(address) && sync.error) told.set(address, `${state}: ${sync.error}`);
    }
    if (fresh++ > 20) continue;
    honest.folder('INBOX').add(mails(1, `fresh ${fresh}`)[0] ?? '');
    await arena.eva.call('mailbox.sync', { mailbox: good, wait: true }, { timeoutMs: 60_000 });
  }
  expect([...told.keys()].sort()).toEqual(hostile);
  const { peakMb } = await arena.memory();
  console.log(
    `memory at most ${peakMb} MB, slowest answer ${Math.round(slowest)} ms\n${[...told].map((pair) => pair.join(': ')).join('\n')}`,
  );
  expect(peakMb).toBeLessThan(400);
  const all = await arena.eva.call('conversation.list', { mailbox: good, limit: 200 });
  expect(all.rows.length).toBeGreaterThanOrEqual(50);
  const { findings } = await arena.eva.call('daemon.doctor', {}, { timeoutMs: 120_000 });
  for (const address of hostile) expect(findings.filter(({ message }) => message.includes(address)).length).toBeGreaterThan(0);
  expect(await arena.errors()).toEqual([]);
  expect(await arena.check()).toEqual([]);
});

test('a message is in memory once: one of 80 MB is here, one of 300 MB and one without an end are named', {
  timeout: 240_000,
}, async () => {
  await using arena = await Arena.open();
  await using server = await startFakeImap();
  const inbox = server.folder('INBOX');
  for (const octets of mails(3)) inbox.add(octets);
  const large = inbox.add(sized(80_000_000, 'large'));
  const [tooLarge, endless] = [inbox.add('Subject: too large\r\n\r\n'), inbox.add('Subject: endless\r\n\r\n')];
  const part = 'x'.repeat(1024 * 1024);
  server.lie(/^UID SEARCH.* LARGER/, (asked) =>
    asked.say(`* ESEARCH (TAG "${asked.tag}") UID ALL ${large}:${endless}\r\n${asked.tag} OK done\r\n`),
  );
  server.lie(new RegExp(`^UID FETCH ${tooLarge} .*RFC822\\.SIZE`), (asked) =>
    asked.say(...asked.honest().map((line) => line.replace(/RFC822\.SIZE \d+/, 'RFC822.SIZE 300000000'))),
  );
  server.lie(new RegExp(`^UID FETCH ${endless} .*BODY\\.PEEK\\[\\]<\\d+\\.`), (asked) => {
    const from = /<(\d+)\./.exec(asked.text)?.[1];
    return asked.say(`* 6 FETCH (UID ${endless} BODY[]<${from}> {${part.length}}\r\n${part})\r\n${asked.tag} OK done\r\n`);
  });
  const before = await arena.memory();
  await arena.eva.call('mailbox.add', {
    address: 'large@example.org',
    imap: `imap://127.0.0.1:${server.port}?tls=no`,
    smtp: 'smtp://127.0.0.1:1?tls=no',
    user: 'large@example.org',
    secret: { kind: 'password', password: 'secret' },
  });
  await arena.eva.call('mailbox.sync', { mailbox: 'large@example.org', wait: true }, { timeoutMs: 200_000 });
  const { peakMb } = await arena.memory();
  console.log(`memory ${before.nowMb} MB before, at most ${peakMb} MB`);
  expect(peakMb).toBeLessThan(400);
  const { rows } = await arena.eva.call('mailbox.folders', { mailbox: 'large@example.org' });
  expect(rows).toMatchObject([{ server: 6, stored: 4 }]);
  const { findings } = await arena.eva.call('daemon.doctor', {}, { timeoutMs: 120_000 });
  const named = findings.filter(({ code }) => code === 'unfetchable');
  expect(named).toMatchObject([{ message: expect.stringMatching(/2 messages.*300000000 octets/) }]);
  expect(server.unexpected).toEqual([]);
  expect(await arena.errors()).toEqual([]);
  expect(await arena.check()).toEqual([]);
});

/** A mail with a file, of about so many octets. */
function sized(octets: number, name: string): Buffer {
  const head = `Subject: ${name}\r\nMessage-ID: <${name}@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n`;
  const file = '--b\r\nContent-Type: application/octet-stream; name=file\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  const line = `${'QUJD'.repeat(19)}\r\n`;
  return Buffer.concat([Buffer.from(head + file), Buffer.alloc(octets, line), Buffer.from('\r\n--b--\r\n')]);
}
