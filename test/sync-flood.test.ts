/**
 * Servers that answer without end, wherever they are asked something. What one command may bring is counted, so the numbers here are
 * counts too: octets that a server could get rid of before its connection was ended, and connections that it got.
 */
import { describe, expect, test } from 'vitest';
import { naming, uidLimit } from '../daemon/sync/restrain.ts';
import { type FakeImap, startFakeImap } from './support/imap.ts';
import { mails, type RunningSync, type SyncOptions, startSync } from './support/sync.ts';
import { certificateAuthority } from './support/tls.ts';

const patient = { pollMs: 60_000, retryMinMs: 50, retryMaxMs: 60_000, replyMs: 30_000 };
const authority = certificateAuthority();
/** What lies in the sockets' buffers when a connection is ended has been written, too. */
const buffered = 8_000_000;

async function syncWith(server: FakeImap, options: SyncOptions = {}): Promise<RunningSync> {
  const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
  const imap = { port: server.port, tls: 'none', ca: null, ...options.imap } as const;
  return startSync(nowhere, { ...options, imap, config: { ...patient, ...options.config } });
}

const line = (text: string) => `${text}\r\n`.repeat(2_000);
/** Each one by itself is what a server may say. */
const shapes: Record<string, string> = {
  'what nobody asked for': line('* OK still here'),
  'what no parser knows': line('* )(}{ "'),
  'news of messages': line('* 7 EXISTS') + line('* 3 FETCH (UID 3 FLAGS (\\Seen))'),
  'one line without an end': 'x'.repeat(100_000),
  'one list in another': '('.repeat(100_000),
  'literals that are just small enough': `* OK {900000}\r\n${'y'.repeat(900_000)}\r\n`,
  'tags of nobody': line('Z9 OK done'),
  'wishes for more': line('+ go on'),
  'one answer of many words': `* X-ODD ${'a '.repeat(30_000)}\r\n`,
};

const asked: { where: string; about: RegExp; mostOctets: number }[] = [
  { where: 'instead of a greeting', about: /^greeting/, mostOctets: 1_100_000 },
  { where: 'at the login', about: /^LOGIN/, mostOctets: 1_100_000 },
  { where: 'at the list of folders', about: /^LIST/, mostOctets: 23_000_000 },
  { where: 'when a folder is opened', about: /^EXAMINE/, mostOctets: 7_000_000 },
  { where: 'when it is searched', about: /^UID SEARCH/, mostOctets: 24_000_000 },
  { where: 'when messages are fetched', about: /^UID FETCH/, mostOctets: 7_000_000 + 10 * 34_000_000 },
  { where: 'while we wait for news', about: /^IDLE/, mostOctets: 7_000_000 },
];
/** Every place with two of the shapes, every shape at a place or two. */
const rows = asked.flatMap(({ where, ...at }, n) => {
  const all = Object.entries(shapes);
  return [n, n + 3].map((k) => ({ where, ...at, shape: all[k % all.length]?.[0] ?? '', piece: all[k % all.length]?.[1] ?? '' }));
});

describe('a server that answers without end', () => {
  test.each(rows)('$where: $shape', async ({ about, piece, mostOctets }) => {
    await using server = await startFakeImap();
    for (const octets of mails(10)) server.folder('INBOX').add(octets);
    const floods: number[] = [];
    const stop = server.lie(about, async (one) => {
      if (one.verb === 'IDLE') await one.say('+ idling\r\n');
      floods.push(await one.flood(piece));
    });
    await using it = await syncWith(server);
    const told = () =>
      it.reported.filter(({ state, error }) => state === 'error' && /without end|exceeds maximum|has more than/.test(error ?? ''));
    await it.until('it was cut twice', () => new Set(told().map(({ retryAt }) => retryAt)).size >= 2, 50_000);
    await expect.poll(() => floods.length).toBeGreaterThanOrEqual(2);
    for (const octets of floods) expect(octets).toBeLessThan(mostOctets + buffered);
    for (const { retryAt } of told()) expect(retryAt).not.toBeNull();
    expect(server.accepted).toBeLessThan(8);
    stop();
    it.sync.poke(it.account.id);
    await it.until('it is well when the server is', () => it.sync.status(it.account.id)?.state === 'idle', 40_000);
    expect(it.placed().get('INBOX')).toHaveLength(10);
  });

  test('over TLS: the same', async () => {
    await using server = await startFakeImap({ certificate: authority.issue() });
    const floods: number[] = [];
    server.lie(/^LIST/, async (one) => void floods.push(await one.flood(shapes['what nobody asked for'] ?? '')));
    await using it = await syncWith(server, { imap: { tls: 'implicit', ca: authority.ca } });
    await it.until('it says so', () => /without end/.test(it.sync.status(it.account.id)?.error ?? ''), 30_000);
    await expect.poll(() => floods.length).toBeGreaterThan(0);
    expect(floods[0]).toBeLessThan(23_000_000 + buffered);
  });

  test.each([/^greeting/, /^LOGIN/, /^LIST/])('to the connection test at %s: it ends, and says so', async (about) => {
    await using server = await startFakeImap();
    await using it = await syncWith(server, { config: { retryMinMs: 60_000 } });
    await it.caughtUp();
    server.lie(about, async (one) => void (await one.flood(shapes['news of messages'] ?? '')));
    const last = (await it.sync.test(it.account)).at(-1);
    expect(last).toMatchObject({ ok: false, message: expect.stringContaining('without end') });
  });

  test.each([/^LIST/, /^UID SEARCH/, /^APPEND/])(
    'at %s while a copy is filed: it fails, and is filed once when the server is well',
    async (about) => {
      await using server = await startFakeImap();
      const sent = server.folder('Sent', '\\Sent');
      await using it = await syncWith(server);
      await it.caughtUp();
      let cut = 0;
      const stop = server.lie(about, async (one) => {
        await one.flood(shapes['news of messages'] ?? '');
        cut++;
      });
      const copy = Buffer.from('Message-ID: <copy@example.org>\r\n\r\nHi.\r\n');
      const file = () => it.sync.append(it.account.id, 'sent', copy, ['\\Seen'], Date.now());
      await expect(file()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('without end') });
      await expect.poll(() => cut).toBeGreaterThan(0);
      stop();
      await file();
      expect(sent.mails.size).toBe(1);
    },
  );
});

describe('a server that takes its time, an octet now and then', () => {
  test.each([/^greeting/, /^LOGIN/, /^LIST/])('at %s: it is left after the time that the whole may take', async (about) => {
    await using server = await startFakeImap();
    const stop = server.lie(about, (one) => one.drip('* OK '.repeat(10_000), 20));
    await using it = await syncWith(server, { config: { readyMs: 400 } });
    await it.until('it says so', () => /longer than 1 s/.test(it.sync.status(it.account.id)?.error ?? ''));
    expect(it.sync.status(it.account.id)).toMatchObject({ retryAt: expect.any(Number) });
    stop();
    it.sync.poke(it.account.id);
    await it.caughtUp();
  });
});

test('what a whole folder is named by is taken, as ranges or one by one', () => {
  const { line: octets, tokens } = naming(uidLimit);
  expect(tokens).toBeGreaterThan(uidLimit);
  expect(octets).toBeGreaterThan(uidLimit * '4294967295 '.length);
});

test('a server with much to say is heard to its end', async () => {
  await using server = await startFakeImap();
  for (let n = 0; n < 3_000; n++) server.folder(`Customer ${n}/${'long name '.repeat(20)}`);
  for (const octets of mails(10)) server.folder('INBOX').add(octets);
  server.lie(/^EXAMINE INBOX/, (one) => one.say(line('* OK [ALERT] the store will be away on Sunday'), ...one.honest()));
  await using it = await syncWith(server);
  await it.until('all is here', () => it.sync.status(it.account.id)?.state === 'idle', 60_000);
  expect(server.accepted).toBeLessThanOrEqual(2);
  expect(it.placed().get('INBOX')).toHaveLength(10);
});
