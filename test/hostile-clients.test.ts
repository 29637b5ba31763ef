/**
 * Clients that flood, hold their tongue, never read, lie about their key or send rubbish, all at one daemon of its own process: a good
 * client is answered throughout, and what they cost is bounded. Timings are told, not promised: that is what bench/ is for.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { pack, writeEnvelope } from '../protocol/frame.ts';
import { type Identity, newKeyPair } from '../protocol/keys.ts';
import { Arena } from './support/arena.ts';
import { eventually } from './support/eventually.ts';
import { mail } from './support/message.ts';
import { openSession, type RawClient, rawClient } from './support/raw-client.ts';
import { openScreen } from './support/screen.ts';

let arena: Arena;
let good: Awaited<ReturnType<Arena['mailbox']>>;
let mallory: Identity;
let pid: number;
let calmMb: number;
/** What one person may ask (protocol/server.ts). */
const [burst, perSecond] = [1_000, 500];
/** `POSTROOM_HOSTILE=full`: as many as are promised to be borne, and beside them all at once. */
const full = process.env.POSTROOM_HOSTILE === 'full';
const [halfOpen, wrongKeys] = full ? [1_000, 1_000] : [200, 100];
/** Sessions of those who belong: eva and good. */
const own = 2;
const mails = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) =>
    mail({
      from: 'Jane <jane@example.org>',
      to: 'good@harbour.example',
      subject: `Order ${from + n}`,
      text: 'Where is it?\n',
      messageId: `order-${from + n}@example.org`,
    }),
  );

beforeAll(async () => {
  arena = await Arena.open();
  good = await arena.mailbox('good');
  await arena.deliver(good.address, mails(0, 60));
  mallory = await arena.person('mallory');
  pid = (await arena.status()).pid;
  await work(good.client, 100);
  calmMb = (await arena.memory()).nowMb;
});
afterAll(async () => {
  const errors = await arena.errors();
  const broken = await arena.check();
  await arena[Symbol.asyncDispose]();
  expect(errors).toEqual([]);
  expect(broken).toEqual([]);
});

/** What a person does all day: lists and opens. Every request must be answered; gives the times in milliseconds, ascending. */
async function work(client: Client, times: number): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    const { rows } = await client.call('conversation.list', { mailbox: good.address, limit: 20 });
    const row = rows[n % rows.length];
    if (row === undefined) throw new Error('the mailbox is empty');
    await client.call('conversation.show', { conversation: row.conversation });
    took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b);
}

/** After an assault: the same daemon, its memory bounded, nobody left who does not belong, and what it cost the good client. */
async function stands(what: string, took: readonly number[]): Promise<void> {
  const { nowMb } = await arena.memory();
  const status = await arena.status();
  const at = (share: number): string => (took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0).toFixed(1);
  console.log(
    `${what}: list and open p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${nowMb} MB (calm ${calmMb}), loop p99 ${status.eventLoopP99Ms.toFixed(1)} ms`,
  );
  expect(status.pid).toBe(pid);
  expect(nowMb).toBeLessThan(calmMb + 300);
}

const sessionsOf = async (): Promise<number> => (await arena.status()).sessions;
const socketPath = (): string => mallory.endpoint.replace('ipc://', '');

/** Closes them, and waits until the daemon has noticed: within a probe and a heartbeat. */
async function gone(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) await client.close();
  await eventually(async () => expect(await sessionsOf()).toBe(own), 250);
}

/** Connections that never finish the handshake; half of them begin it. */
function silentConnections(count: number): { readonly open: number; destroy(): void } {
  let open = 0;
  const sockets = Array.from({ length: count }, (_, n): Socket => {
    const socket = connectSocket(socketPath());
    socket.on('connect', () => (open += 1)).on('close', () => (open -= 1));
    socket.on('error', () => undefined); // being cut off is what is wanted
    socket.resume();
    if (n % 2 === 0) socket.write(Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3])); // half a greeting
    return socket;
  });
  return {
    get open() {
      return open;
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function comeWithWrongKeys(count: number): RawClient[] {
  const strangers = Array.from({ length: count }, () => rawClient(mallory, newKeyPair()));
  for (const stranger of strangers) void stranger.socket.send([writeEnvelope('hello'), '{}']).catch(() => undefined); // closed under it
  return strangers;
}

describe('a good client is answered while', () => {
  test('another one floods it with requests: they are paced, and what is over the credit refused', async () => {
    const flood = rawClient(mallory, mallory);
    const seal = await openSession(flood);
    const asked = 5_000;
    const began = performance.now();
    const sending = (async () => {
      for (let id = 1; id <= asked; id++) {
        const method = id % 2 === 0 ? 'panel.list' : 'mailbox.list';
        await flood.socket.send(seal.seal(pack({ t: 'ask', id, method, params: id % 2 === 0 ? { limit: 200 } : {} })));
      }
    })();
    const took = await work(good.client, 50);
    await sending;
    await eventually(() => expect(flood.inbox.length).toBeGreaterThanOrEqual(asked));
    const seconds = (performance.now() - began) / 1_000;
    const codes = new Map<string, number>();
    for (let n = 0; n < asked; n++) {
      const said = (await flood.opened(seal)) as { t: string; error?: { code: string } };
      const code = said.t === 'answer' ? (said.error?.code ?? 'answered') : said.t;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    await gone([flood]);
    // A burst, and then so many a second: the pace is the daemon's, however fast the machine.
    expect(codes.get('answered')).toBeGreaterThan(500);
    expect(codes.get('answered')).toBeLessThanOrEqual(burst + perSecond * seconds);
    expect([...codes.keys()].sort()).toEqual(['answered', 'rate-limited']);
    await stands(`flood of ${asked} (${[...codes].map(([code, n]) => `${n} ${code}`).join(', ')})`, took);
  });

  test('a hundred sessions say nothing, and more than a key may have are turned away', async () => {
    const clients: RawClient[] = [];
    const said: unknown[] = [];
    for (let n = 0; n < 100; n++) {
      const client = rawClient(mallory, mallory);
      clients.push(client);
      const { seal } = await client.greet();
      await client.socket.send(seal.seal(pack({ t: 'open' })));
      said.push(await client.opened(seal));
    }
    const took = await work(good.client, 50);
    expect(said.filter((one) => (one as { t: string }).t === 'opened')).toHaveLength(64);
    expect(said.filter((one) => (one as { code?: string }).code === 'busy')).toHaveLength(36);
    expect(await sessionsOf()).toBe(own + 64);
    await gone(clients);
    await stands('100 silent sessions', took);
  });

  test('connections are opened and no word of the handshake is said: they are closed', async () => {
    const silent = silentConnections(halfOpen);
    const took = await work(good.client, 50);
    await eventually(() => expect(silent.open).toBe(0));
    silent.destroy();
    await stands(`${halfOpen} half-open connections`, took);
  });

  test('strangers come with keys that nobody knows: each is refused before it can say anything', async () => {
    const strangers = comeWithWrongKeys(wrongKeys);
    const took = await work(good.client, 50);
    expect(strangers.flatMap(({ inbox }) => inbox)).toEqual([]);
    expect(await sessionsOf()).toBe(own);
    await gone(strangers);
    await stands(`${wrongKeys} wrong keys`, took);
  });

  test.runIf(full)('both come at once, and come again', async () => {
    await stands('nobody', await work(good.client, 500));
    const strangers = comeWithWrongKeys(wrongKeys);
    const took: number[] = [];
    for (let round = 0; round < 5; round++) {
      const silent = silentConnections(halfOpen);
      took.push(...(await work(good.client, 200)));
      silent.destroy();
    }
    expect(strangers.flatMap(({ inbox }) => inbox)).toEqual([]);
    await gone(strangers);
    await stands(
      `${halfOpen} half-open and ${wrongKeys} wrong keys`,
      took.sort((a, b) => a - b),
    );
  });

  test('2,000 malformed messages come: sessions that send them are ended, prototypes stay as they are', async () => {
    const deep = `{"t":"ask","id":1,"method":"panel.list","params":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`;
    const rubbish = [
      deep,
      `{"t":"ask","id":1,"method":"panel.list","params":${'['.repeat(100_000)}`,
      '{"t":"ask","id":1,"method":"__proto__","params":{}}',
      '{"t":"ask","id":1,"method":"constructor","params":{}}',
      '{"t":"ask","id":1,"method":"panel.list","params":{"__proto__":{"polluted":1}}}',
      '{"t":"ask","id":1,"method":"panel.list","params":{"constructor":{"prototype":{"polluted":1}}},"__proto__":{}}',
      '{"t":"ask","id":1e308,"method":"panel.list","params":{}}',
      '{"t":"subscribe","id":1,"names":["__proto__"]}',
      '{"t":"credit","id":1,"chunks":-1}',
      '{"t":"hello"}',
      'null',
      '\u0000',
      `{"t":"ask","id":1,"method":"${'x'.repeat(900_000)}","params":{}}`,
    ];
    const framed = (text: string, lie = 0): Buffer => {
      const octets = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(octets.length + lie);
      return Buffer.concat([length, octets]);
    };
    const hostile: RawClient[] = [];
    const assault = (async () => {
      for (let n = 0; n < 2_000; ) {
        const client = rawClient(mallory, mallory);
        hostile.push(client);
        const seal = await openSession(client);
        for (let each = 0; each < 20; each++, n++) {
          const text = rubbish[(n * 7) % rubbish.length] ?? '';
          if (n % 11 === 0) await client.socket.send(Array.from({ length: 150 }, () => Buffer.alloc(20, n)));
          else if (n % 5 === 0) await client.socket.send(seal.seal(framed(text, 1 + (n % 1_000_000))));
          else await client.socket.send(seal.seal(framed(text)));
        }
        if (hostile.length >= 20) for (const one of hostile.splice(0, 10)) await one.close();
      }
    })();
    const took = await work(good.client, 60);
    await assault;
    await gone(hostile);
    // Whatever was polluted would be so for everybody.
    expect(Object.hasOwn(await good.client.call('session.whoami', {}), 'polluted')).toBe(false);
    await stands('2,000 malformed messages', took);
  });

  test('a terminal that was stopped reads nothing for a while, and catches up when it goes on', async () => {
    const home = join(arena.home, 'nowhere');
    await using screen = openScreen({
      command: process.execPath,
      args: [resolve('dist/tui.js'), '--identity', good.identityFile],
      env: { HOME: home, POSTROOM_HOME: home },
    });
    await screen.waitFor('Order 0');
    screen.kill('SIGSTOP');
    const [took] = await Promise.all([work(good.client, 60), arena.deliver(good.address, mails(60, 300))]);
    await stands('a stopped terminal and 300 mails', took);
    screen.kill('SIGCONT');
    await screen.waitFor(/Unassigned 360/);
  });
});

test('a request that is too large or of no method is an answer, not an end', async () => {
  const client = await arena.connect(mallory);
  const outcomes: string[] = [];
  for (const request of [
    () => client.call('conversation.list', { mailbox: 'x'.repeat(320), limit: 200 }),
    () => client.call('conversation.list', { mailbox: good.address, cursor: 'x'.repeat(500) }),
    () => client.call('conversation.show', { conversation: '__proto__' }),
    () => client.call('message.raw', { message: 'constructor' }),
  ]) {
    outcomes.push(
      await request().then(
        () => 'answered',
        (error: unknown) => (error instanceof PostroomError ? error.code : String(error)),
      ),
    );
  }
  expect(outcomes).toEqual(['not-found', 'not-found', 'not-found', 'not-found']);
});
