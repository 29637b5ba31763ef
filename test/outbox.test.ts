import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { Secret } from '../daemon/directory/secrets.ts';
import type { ServerAddress } from '../daemon/engines.ts';
import type { OutboxRow } from '../daemon/store/types.ts';
import { eventually } from './support/eventually.ts';
import { openWorld, type World, type WorldOptions } from './support/outbox.ts';
import { type Fault, type Step, type Submission, type SubmissionOptions, startSubmission } from './support/submission.ts';
import { table } from './support/table.ts';
import { type TempDir, tempDir } from './support/tempdir.ts';

const address = (server: Submission, tls: ServerAddress['tls'] = 'starttls'): ServerAddress => ({
  host: 'localhost',
  port: server.port,
  tls,
  user: 'postroom',
  ca: server.ca,
});

interface Scene extends AsyncDisposable {
  server: Submission;
  world: World;
}

async function scene(faults: Fault[] = [], options: SubmissionOptions = {}, world: WorldOptions = {}): Promise<Scene> {
  const home: TempDir = await tempDir();
  const server = await startSubmission({ ...options, faults });
  const tls = { plain: 'none', starttls: 'starttls', tls: 'implicit' } as const;
  const opened = await openWorld(home.path, address(server, tls[options.security ?? 'starttls']), world);
  return {
    server,
    world: opened,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

const states = (row: OutboxRow) => row.recipients.map(({ state }) => state);

for (const security of ['starttls', 'tls', 'plain'] as const) {
  test(`a mail goes out once, with the octets that were queued, and one copy lies in Sent (${security})`, async () => {
    await using on = await scene([], { security });
    const row = await on.world.send();
    expect([row.state, row.attempts, states(row)]).toEqual(['accepted', 1, ['accepted']]);
    const [mail] = on.server.ledger;
    expect([mail?.sha256, mail?.mailFrom, mail?.rcptTo]).toEqual([row.hash, 'support@example.org', ['anna@example.com']]);
    const filed = await on.world.until(row.id, ({ sentCopy }) => sentCopy !== 'pending');
    expect([filed.sentCopy, on.world.sent.ids()]).toEqual(['filed', [row.messageId]]);
    expect(await on.world.store.check()).toEqual([]);
  });
}

describe.concurrent('the fault table', () => {
  const cases = table<{ at: string; fault: string; body: string; state: string; attempts: string; ledger: string }>(`
    at        fault                  body   state     attempts  ledger
    connect   drop                   small  accepted  2         1
    connect   421 4.3.2 Busy         small  accepted  2         1
    connect   554 5.3.2 Not today    small  accepted  2         1
    ehlo      drop                   small  accepted  2         1
    ehlo      421 4.3.2 Busy         small  accepted  2         1
    starttls  drop                   small  accepted  2         1
    starttls  454 4.7.0 No TLS now   small  accepted  2         1
    auth      drop                   small  accepted  2         1
    auth      454 4.7.0 Later        small  accepted  2         1
    auth      535 5.7.8 Wrong        small  accepted  2         1
    mail      drop                   small  accepted  2         1
    mail      451 4.3.0 Later        small  accepted  2         1
    mail      421 4.3.0 Bye          small  accepted  2         1
    mail      550 5.7.1 Not you      small  failed    1         0
    rcpt      drop                   small  accepted  2         1
    rcpt      451 4.3.0 Later        small  accepted  2         1
    rcpt      550 5.1.1 Nobody       small  failed    1         0
    data      drop                   small  accepted  2         1
    data      close                  small  accepted  2         1
    data      451 4.3.0 Later        small  accepted  2         1
    data      554 5.6.0 No           small  failed    1         0
    body      drop                   large  accepted  2         1
    body      die                    large  queued    1         0
    dot       451 4.3.0 Later        small  accepted  2         1
    dot       421 4.3.0 Bye          small  accepted  2         1
    dot       554 5.6.0 Spam         small  failed    1         0
    dot       354 Go ahead           small  unknown   1         0
    dot       drop                   small  unknown   1         0
    dot       close                  small  unknown   1         0
    dot       drop accept            small  unknown   1         1
    dot       close accept           small  unknown   1         1
  `);
  for (const { at, fault, body, state, attempts, ledger } of cases) {
    test(`${at}: ${fault} -> ${state}`, async () => {
      const [end, accept] = fault.split(' ');
      const strikes: Fault = /^\d/.test(fault)
        ? { at: at as Step, reply: fault }
        : { at: at as Step, end: end as 'drop', ...(accept ? { accept: true } : {}) };
      await using on = await scene([strikes]);
      const { id } = await on.world.queue({
        body: body === 'large' ? 'A line of some length, again and again.\n'.repeat(100_000) : 'Hello.\n',
      });
      on.world.outbox.poke();
      const row =
        state === 'queued' ? await on.world.until(id, (it) => it.attempts > 0 && it.state === 'queued') : await on.world.outbox.settled(id);
      expect([row.state, row.attempts, on.server.ledger.length]).toEqual([state, Number(attempts), Number(ledger)]);
      expect([row.phase, row.lastError === null]).toEqual([null, state === 'accepted']);
      if (/^[45]\d\d /.test(fault) && state === 'failed') expect(row.recipients[0]?.reply).toBe(fault);
      expect(await on.world.store.check()).toEqual([]);
    });
  }

  for (const at of ['connect', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data'] as const) {
    test(`${at}: silence -> tried again`, async () => {
      await using on = await scene([{ at, end: 'stall' }], {}, { config: { commandTimeoutMs: 300 } });
      const row = await on.world.send();
      expect([row.state, row.attempts > 1, on.server.ledger.length]).toEqual(['accepted', true, 1]);
    });
  }

  test('dot: silence -> unknown, and never sent again by itself', async () => {
    await using on = await scene([{ at: 'dot', end: 'stall' }], {}, { config: { finalDotTimeoutMs: 500 } });
    const row = await on.world.send();
    expect([row.state, row.attempts]).toEqual(['unknown', 1]);
    on.world.outbox.poke();
    expect((await on.world.send()).state).toBe('accepted'); // the next mail goes, this one stays
    expect([on.server.count(row.messageId), (await on.world.store.outboxRow(row.id))?.state]).toEqual([0, 'unknown']);
  });

  test('a server that has a mail and is silent holds up no other mail, and the rows say what they wait for', async () => {
    const silent = [1, 2, 3, 4].map(() => ({ at: 'dot', end: 'stall', accept: true }) as const);
    await using on = await scene(silent, {}, { config: { slowAfterMs: 20 } });
    const rows = [];
    for (let n = 0; n < 4; n++) {
      const row = await on.world.queue();
      rows.push(row);
      on.world.outbox.poke();
      const waits = await on.world.until(row.id, ({ lastError }) => lastError?.startsWith('The mail server has this mail') === true);
      expect([waits.state, waits.phase]).toEqual(['sending', 'data']);
    }
    // Four are enough to know that it is the server: what comes now waits, and says so.
    const fifth = await on.world.queue();
    on.world.outbox.poke();
    const waits = await on.world.until(fifth.id, ({ lastError }) => lastError !== null);
    expect([waits.state, waits.attempts, waits.lastError]).toEqual([
      'queued',
      0,
      'Waits until the mail server answers for one of 4 mails that it has.',
    ]);
    on.server.release();
    for (const { id } of [...rows, fifth]) {
      const row = await on.world.outbox.settled(id);
      expect([row.state, row.lastError, on.server.count(row.messageId)]).toEqual(['accepted', null, 1]);
    }
    expect(await on.world.store.check()).toEqual([]);
  });

  test('three mails behind one that is silent go at once', async () => {
    await using on = await scene([{ at: 'dot', end: 'stall', accept: true }], {}, { config: { slowAfterMs: 20 } });
    const first = await on.world.queue();
    on.world.outbox.poke();
    await on.server.reached('dot');
    expect((await Promise.all([on.world.send(), on.world.send(), on.world.send()])).map(({ state }) => state)).toEqual([
      'accepted',
      'accepted',
      'accepted',
    ]);
    expect((await on.world.store.outboxRow(first.id))?.state).toBe('sending');
    on.server.release();
    expect((await on.world.outbox.settled(first.id)).state).toBe('accepted');
  });

  test('dot: the answer is lost, but the provider filed a copy -> accepted', async () => {
    await using on = await scene([{ at: 'dot', end: 'stall' }], {}, { config: { finalDotTimeoutMs: 200 } });
    const row = await on.world.queue();
    on.world.sent.put(row.messageId);
    on.world.outbox.poke();
    expect((await on.world.outbox.settled(row.id)).state).toBe('accepted');
    await on.world.until(row.id, ({ sentCopy }) => sentCopy === 'filed');
    expect(on.world.sent.ids()).toEqual([row.messageId]);
  });

  test('dot: the copy is seen only later -> unknown, then accepted', async () => {
    await using on = await scene([{ at: 'dot', end: 'drop', accept: true }]);
    const row = await on.world.send();
    expect(row.state).toBe('unknown');
    on.world.sent.put(row.messageId);
    await on.world.until(row.id, ({ state, sentCopy }) => state === 'accepted' && sentCopy === 'filed');
    expect([on.server.count(row.messageId), on.world.sent.ids()]).toEqual([1, [row.messageId]]);
  });
});

describe('recipients move on their own', () => {
  const to = ['anna@example.com', 'nobody@example.com', 'busy@example.com'];
  const refusals: Fault[] = [
    { at: 'rcpt', recipient: 'nobody@example.com', reply: '550 5.1.1 Nobody' },
    { at: 'rcpt', recipient: 'busy@example.com', reply: '450 4.2.1 Busy', times: 2 },
  ];
  for (const extensions of [['PIPELINING', 'SIZE 1000000'], []]) {
    test(`accepted ones are final, refused ones fail or are tried alone (${extensions.length > 0 ? 'pipelined' : 'one by one'})`, async () => {
      await using on = await scene(refusals, { extensions });
      const row = await on.world.send({ to });
      expect([row.state, states(row)]).toEqual(['failed', ['accepted', 'failed', 'accepted']]);
      expect([row.recipients[1]?.reply, row.lastError]).toEqual(['550 5.1.1 Nobody', '550 5.1.1 Nobody']);
      expect(on.server.ledger.map(({ rcptTo }) => rcptTo)).toEqual([['anna@example.com'], ['busy@example.com']]);
      expect(new Set(on.server.ledger.map(({ sha256 }) => sha256))).toEqual(new Set([row.hash]));
      await on.world.until(row.id, ({ sentCopy }) => sentCopy === 'filed');
    });
  }

  test.each([true, false])(
    'the connection dies after the dot: those whom RCPT refused did not get it (the server took it: %s)',
    async (accept) => {
      await using on = await scene([...refusals.map((fault) => ({ ...fault, times: 1 })), { at: 'dot', end: 'drop', accept }]);
      const row = await on.world.send({ to });
      expect([row.state, states(row)]).toEqual(['unknown', ['unknown', 'failed', 'accepted']]);
      expect(row.recipients.map(({ reply }) => reply)).toEqual([expect.anything(), '550 5.1.1 Nobody', expect.stringContaining('250')]);
      // Nobody is asked for twice who may have it.
      expect(on.server.ledger.map(({ rcptTo }) => rcptTo)).toEqual([...(accept ? [['anna@example.com']] : []), ['busy@example.com']]);
      await on.world.until(row.id, ({ sentCopy }) => sentCopy === 'filed');
    },
  );

  test('none is taken: each has its own answer', async () => {
    await using on = await scene([
      { at: 'rcpt', recipient: 'nobody@example.com', reply: '550 5.1.1 Nobody' },
      { at: 'rcpt', recipient: 'busy@example.com', reply: '450 4.2.1 Busy' },
    ]);
    const row = await on.world.send({ to: ['nobody@example.com', 'busy@example.com'] });
    expect([states(row), on.server.ledger.map(({ rcptTo }) => rcptTo)]).toEqual([['failed', 'accepted'], [['busy@example.com']]]);
  });
});

describe('a server that answers the mail twice', () => {
  test.each(['451 4.3.0 Later', '554 5.0.0 No'])(
    '%s, and then that it took it: it is not sent again, and the row says both',
    async (first) => {
      await using on = await scene([{ at: 'dot', reply: `${first}\r\n250 2.0.0 Taken`, accept: true }]);
      const row = await on.world.send();
      expect([row.state, row.attempts]).toEqual(['unknown', 1]);
      expect(row.lastError).toBe(`The server answered twice: “${first}”, then “250 2.0.0 Taken”.`);
      expect(on.server.ledger).toHaveLength(1);
    },
  );

  test('twice that it does not: tried again', async () => {
    await using on = await scene([{ at: 'dot', reply: '451 4.3.0 Later\r\n451 4.3.0 Later' }]);
    const row = await on.world.send();
    expect([row.state, row.attempts, row.remark]).toEqual(['accepted', 2, null]);
  });

  test('that it took it, and then that it did not: it is accepted, and the row says so', async () => {
    await using on = await scene([{ at: 'dot', reply: '250 2.0.0 Taken\r\n451 4.3.0 Later', accept: true }]);
    const row = await on.world.send();
    expect([row.state, row.remark]).toEqual(['accepted', 'The server answered twice: “250 2.0.0 Taken”, then “451 4.3.0 Later”.']);
  });
});

test('a temporary failure is given up after its time, with the last words of the server', async () => {
  await using on = await scene([{ at: 'mail', reply: '451 4.3.0 Later', times: 100 }], {}, { config: { giveUpAfterMs: 1_000 } });
  const row = await on.world.send();
  expect([row.state, row.lastError, row.recipients[0]?.reply]).toEqual(['failed', 'Given up: 451 4.3.0 Later', '451 4.3.0 Later']);
  expect(row.attempts).toBeGreaterThan(1);
});

describe('how large a mail the server takes', () => {
  const offers = table<{ offered: string; kept: string }>(`
    offered                     kept
    SIZE 35882577               35882577
    size 52428800               52428800
    SIZE 0                      none
    SIZE                        none
    SIZE 99999999999999999999   none
    SIZE ten                    none
    XSIZE 100                   none
    8BITMIME                    none
  `);
  for (const { offered, kept } of offers) {
    for (const security of ['starttls', 'plain'] as const) {
      test(`${offered} (${security}) is noted as ${kept}, when it is tested and when a mail is sent`, async () => {
        await using on = await scene([], { extensions: ['PIPELINING', offered, 'ENHANCEDSTATUSCODES'], security });
        const { store, outbox, account } = on.world;
        const octets = kept === 'none' ? null : Number(kept);
        const noted = { server: 'localhost', octets };
        const forget = (): Promise<void> =>
          store.noteSizeLimit(account.id, { server: 'other.example', octets: octets === null ? 7 : null });
        expect(await store.sizeLimit(account.id)).toBeNull();
        expect((await outbox.test(account)).sizeOctets).toBe(octets);
        expect(await store.sizeLimit(account.id)).toEqual(noted);
        await forget();
        await outbox.askSize(account);
        expect(await store.sizeLimit(account.id)).toEqual(noted);
        await forget();
        expect((await on.world.send()).state).toBe('accepted');
        await eventually(async () => expect(await store.sizeLimit(account.id)).toEqual(noted));
      });
    }
  }

  test('is said by the test of the mailbox, and kept over a restart', async () => {
    const home = await tempDir();
    await using server = await startSubmission();
    const first = await openWorld(home.path, address(server));
    const { steps } = await first.outbox.test(first.account);
    expect(steps.map(({ message }) => message)).toContain('encrypted, certificate verified; takes mails of up to 35.8 MB');
    await first[Symbol.asyncDispose]();
    const second = await openWorld(home.path, address(server));
    expect(await second.store.sizeLimit(second.account.id)).toEqual({ server: 'localhost', octets: 35882577 });
    // A mailbox that goes takes it along.
    await second.store.forgetMailbox(second.account.id);
    expect(await second.store.sizeLimit(second.account.id)).toBeNull();
    expect(await second.store.check()).toEqual([]);
    await second[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  test('a larger mail, composed before that was known, fails whole with both figures: none of it is sent', async () => {
    await using on = await scene([], { extensions: ['SIZE 100'] });
    const row = await on.world.send();
    expect([row.state, row.attempts]).toEqual(['failed', 1]);
    expect(row.lastError).toMatch(
      /^The mail has \d{3} B as it is sent, with its files encoded; localhost takes at most 100 B\. Send fewer/,
    );
    expect(on.server.commands.filter((command) => /^(AUTH|MAIL|DATA)/.test(command))).toEqual([]);
  });
});

describe('what waits for its time', () => {
  const hour = 3_600_000;

  test('goes when it comes', async () => {
    let now = Date.now();
    await using on = await scene([], {}, { deps: { now: () => now } });
    const row = await on.world.queue({ sendAt: now + hour });
    on.world.outbox.poke();
    expect((await on.world.outbox.settled(row.id)).state).toBe('held');
    now += 2 * hour;
    on.world.outbox.poke();
    const gone = await on.world.until(row.id, ({ state }) => state === 'accepted');
    expect([gone.heldFor, on.server.count(row.messageId)]).toEqual([null, 1]);
  });

  test('is not sent when it was cancelled', async () => {
    let now = Date.now();
    await using on = await scene([], {}, { deps: { now: () => now } });
    const row = await on.world.queue({ sendAt: now + hour });
    await on.world.store.outboxMove(row.id, 'held', { state: 'cancelled' });
    now += 2 * hour;
    expect((await on.world.send()).state).toBe('accepted');
    expect([(await on.world.outbox.settled(row.id)).state, on.server.count(row.messageId)]).toEqual(['cancelled', 0]);
  });

  test('a wall clock that jumps back sends nothing early and nothing twice', async () => {
    let now = Date.now() + 60_000; // stands still: what is queued by the real clock is due
    await using on = await scene([{ at: 'mail', reply: '451 4.3.0 Later' }], {}, { deps: { now: () => now } });
    const row = await on.world.queue();
    on.world.outbox.poke();
    await on.world.until(row.id, ({ state, attempts }) => state === 'queued' && attempts === 1);
    now -= 24 * hour;
    on.world.outbox.poke();
    expect((await on.world.store.outboxRow(row.id))?.state).toBe('queued');
    now += 24 * hour + 1_000;
    on.world.outbox.poke();
    expect([(await on.world.outbox.settled(row.id)).state, on.server.count(row.messageId)]).toEqual(['accepted', 1]);
  });
});

describe('credentials', () => {
  test('a wrong password stops the mailbox, not the mail: one sign-in, then everything waits', async () => {
    await using on = await scene([], { users: { postroom: 'another' } }, { config: { retryAfterMs: [60_000] } });
    const [first, second] = [await on.world.queue(), await on.world.queue()];
    on.world.outbox.poke();
    const one = await on.world.until(first.id, ({ lastError }) => lastError !== null);
    const two = await on.world.until(second.id, ({ lastError }) => lastError !== null);
    expect([one.state, one.attempts, two.state, two.attempts]).toEqual(['queued', 1, 'queued', 0]);
    expect(two.lastError).toBe('535 5.7.8 Wrong user or password');
    expect(on.server.commands.filter((command) => command.startsWith('AUTH')).length).toBe(1);

    on.world.account.secret = async () => new Secret('another');
    expect((await on.world.outbox.test(on.world.account)).steps.every(({ ok }) => ok)).toBe(true);
    const settled = await Promise.all([first, second].map(({ id }) => on.world.outbox.settled(id)));
    expect(settled.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['accepted', 2],
      ['accepted', 1],
    ]);
  });

  test('a password that is missing says so', async () => {
    await using on = await scene();
    on.world.account.secret = () => Promise.reject(new Error('The password is missing.'));
    const row = await on.world.queue();
    on.world.outbox.poke();
    expect((await on.world.until(row.id, ({ lastError }) => lastError !== null)).lastError).toBe('The password is missing.');
    expect(on.server.commands).toEqual([]);
  });

  const servers: [string, SubmissionOptions, ServerAddress['tls']][] = (['starttls', 'tls'] as const).flatMap((security) =>
    (['expired', 'wrong-host', 'unknown-issuer'] as const).map((certificate): [string, SubmissionOptions, ServerAddress['tls']] => [
      `${security}, ${certificate}`,
      { security, certificate },
      security === 'tls' ? 'implicit' : 'starttls',
    ]),
  );
  servers.push(
    ['STARTTLS is stripped', { security: 'plain', faults: [{ at: 'starttls', reply: '502 5.5.1 Not known here', times: 9 }] }, 'starttls'],
    ['no TLS at all', { security: 'plain' }, 'implicit'],
  );
  for (const [name, options, tls] of servers) {
    test(`${name}: no credential leaves`, async () => {
      await using home = await tempDir();
      await using server = await startSubmission(options);
      await using world = await openWorld(home.path, address(server, tls), { config: { retryAfterMs: [60_000] } });
      const row = await world.queue();
      world.outbox.poke();
      const failed = await world.until(row.id, ({ lastError }) => lastError !== null);
      expect([failed.state, server.ledger.length, server.exposed]).toEqual(['queued', 0, 0]);
      expect(server.commands.filter((command) => /^(AUTH|MAIL|DATA)/.test(command))).toEqual([]);
      const { steps } = await world.outbox.test(world.account);
      expect(steps.at(-1)).toMatchObject({ server: 'smtp', step: 'tls', ok: false });
    });
  }

  test('mailbox test names each step', async () => {
    await using on = await scene();
    const { outbox, account } = on.world;
    expect((await outbox.test(account)).steps.map(({ step, ok }) => [step, ok])).toEqual([
      ['connect', true],
      ['tls', true],
      ['sign in', true],
    ]);
    on.server.fail({ at: 'auth', reply: '535 5.7.8 No, c2VjcmV0 is wrong, AHBvc3Ryb29tAHNlY3JldA== too' });
    const refused = (await outbox.test(account)).steps.at(-1);
    expect(refused).toEqual({ server: 'smtp', step: 'sign in', ok: false, message: '535 5.7.8 No, [secret] is wrong, [secret] too' });
    await on.server.die();
    expect(await outbox.test(account)).toMatchObject({ steps: [{ step: 'connect', ok: false }] });
    expect(on.server.ledger).toEqual([]);
  });
});

test('a server that is away is not hammered: after three mails that found nobody the others wait', async () => {
  await using on = await scene([], {}, { config: { retryAfterMs: [60_000] } });
  await on.server.die();
  const rows = [];
  for (let n = 0; n < 6; n++) rows.push(await on.world.queue({ body: `Mail ${n}\n` }));
  on.world.outbox.poke();
  const waiting = await Promise.all(
    rows.map(({ id }) => on.world.until(id, ({ lastError, state }) => lastError !== null && state === 'queued')),
  );
  expect(waiting.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 0, 0, 0]);

  await on.server.revive();
  await on.world.outbox.test(on.world.account);
  const settled = await Promise.all(rows.map(({ id }) => on.world.outbox.settled(id)));
  expect([settled.map(({ state }) => state), on.server.ledger.length]).toEqual([Array(6).fill('accepted'), 6]);
});

describe('a server that plays for time or for memory', () => {
  const servers: [string, (socket: Socket) => void][] = [
    ['drips one octet at a time', (socket) => void setInterval(() => socket.write('2'), 20).unref()],
    ['never ends its line', (socket) => void setInterval(() => socket.write('2'.repeat(20_000)), 5).unref()],
    ['never ends its reply', (socket) => void setInterval(() => socket.write('220-again\r\n'.repeat(2_000)), 5).unref()],
    ['talks ahead of every command', (socket) => void socket.write('220 hello\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 Go\r\n250 OK\r\n')],
  ];
  for (const [name, act] of servers) {
    test(name, async () => {
      await using home = await tempDir();
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket.on('error', () => {}).on('data', () => {}));
        act(socket);
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as AddressInfo;
      const smtp: ServerAddress = { host: '127.0.0.1', port, tls: 'none', user: '', ca: null };
      await using world = await openWorld(home.path, smtp, { config: { retryAfterMs: [60_000], commandTimeoutMs: 100 } });
      const { id } = await world.queue();
      world.outbox.poke();
      const row = await world.until(id, ({ lastError }) => lastError !== null);
      expect([row.state, row.attempts]).toEqual(['queued', 1]);
      for (const socket of sockets) socket.destroy();
      server.close();
    });
  }
});

test('a text that plays SMTP stays one mail', async () => {
  await using on = await scene();
  const endings = ['\n.\n', '\r.\r', '\r\n.\r\n', '\n.\r\n', '\r\n.\n', '\r.\r\n', '.\r\n'];
  const body = endings.map((ending) => `x${ending}MAIL FROM:<evil@example.com>\r\nRCPT TO:<v@example.com>\r\nDATA\r\n`).join('');
  const row = await on.world.send({ body });
  expect([row.state, on.server.ledger.length, on.server.ledger[0]?.sha256]).toEqual(['accepted', 1, row.hash]);
  expect(on.server.commands.filter((command) => /^(MAIL|RCPT|DATA)/.test(command)).length).toBe(3);
  expect(on.server.ledger[0]?.octets.toString('latin1')).not.toMatch(/[^\r]\n|\r(?!\n)|\n\.\r/);
});

test('no line of the log holds a password or a text, even when everything is logged and fails', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  await using on = await scene(
    [{ at: 'auth', reply: '535 5.7.8 No: AGEAc3RhcGxlLWJhdHRlcnk= c3RhcGxlLWJhdHRlcnk= staple-battery' }],
    {},
    { deps: { log } },
  );
  on.world.account.secret = async () => new Secret('staple-battery');
  const { id } = await on.world.queue({ body: 'canary-in-the-text\n' });
  on.world.outbox.poke();
  const row = await on.world.until(id, ({ lastError }) => lastError !== null);
  expect(lines.length).toBeGreaterThan(0);
  expect(`${lines.join('')}${JSON.stringify(row)}`).not.toMatch(/staple|c3RhcGxl|canary/);
});

test('a right that cannot be asked for, or a store that does not write, costs no mail and no processor', async () => {
  let failures = 0;
  await using on = await scene(
    [],
    {},
    {
      refusal: () => {
        if (failures++ === 0) throw new Error('directory closed');
        return null;
      },
    },
  );
  const row = await on.world.send();
  expect([row.state, row.attempts, on.server.ledger.length]).toEqual(['accepted', 1, 1]);
  expect(failures).toBeLessThan(6);
});

test('an outbox that nobody has is not found', async () => {
  await using on = await scene();
  await expect(on.world.outbox.settled('o_nothing')).rejects.toMatchObject({ code: 'not-found' });
});

describe('the copy in Sent', () => {
  test('is not appended when the server files it itself', async () => {
    await using on = await scene();
    const row = await on.world.queue();
    on.world.sent.put(row.messageId);
    on.world.outbox.poke();
    await on.world.until(row.id, ({ sentCopy }) => sentCopy === 'filed');
    expect(on.world.sent.ids()).toEqual([row.messageId]);
  });

  test('is tried again by itself, looked for first, and never sent again', async () => {
    await using on = await scene();
    let calls = 0;
    on.world.sent.fault = (what) => {
      if (what === 'append' && ++calls === 1) throw new Error('BYE');
      if (what === 'find' && calls === 2 && on.world.sent.ids().length === 1 && calls++ === 2) throw new Error('cut after APPEND');
    };
    const row = await on.world.send();
    const filed = await on.world.until(row.id, ({ sentCopy }) => sentCopy === 'filed');
    expect([filed.sentCopyAttempts, on.world.sent.ids(), on.server.ledger.length]).toEqual([3, [row.messageId], 1]);
  });
});

test('the store fails at the worst moment: the outcome is written when it works again', async () => {
  let failures = 3;
  await using on = await scene(
    [],
    {},
    {
      wrap: (store) => ({
        ...store,
        outboxMove: (id, expected, patch) =>
          patch.state === 'accepted' && failures-- > 0 ? Promise.reject(new Error('ENOSPC')) : store.outboxMove(id, expected, patch),
      }),
    },
  );
  const row = await on.world.send();
  expect([row.state, row.attempts, on.server.ledger.length]).toEqual(['accepted', 1, 1]);
});

test('several mails of one mailbox go one after the other, all of them', async () => {
  await using on = await scene();
  const rows = [];
  for (let n = 0; n < 12; n++) rows.push(await on.world.queue({ body: `Mail ${n}\n` }));
  on.world.outbox.poke();
  const settled = await Promise.all(rows.map(({ id }) => on.world.outbox.settled(id)));
  expect(settled.map(({ state }) => state)).toEqual(Array(12).fill('accepted'));
  expect(rows.map(({ messageId }) => on.server.count(messageId))).toEqual(Array(12).fill(1));
});

test('a clean stop in mid-body parks the mail; the next start sends it', async () => {
  await using home = await tempDir();
  await using server = await startSubmission({ faults: [{ at: 'body', end: 'stall' }] });
  const world = await openWorld(home.path, address(server));
  const row = await world.queue({ body: 'A line of some length, again and again.\n'.repeat(100_000) });
  world.outbox.poke();
  await server.reached('body');
  await world[Symbol.asyncDispose]();
  await using again = await openWorld(home.path, address(server));
  const sent = await again.outbox.settled(row.id);
  expect([sent.state, sent.attempts, server.count(row.messageId)]).toEqual(['accepted', 2, 1]);
});
