import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Context, Router } from 'zeromq';
import * as z from 'zod';
import { type ClientOf, type ClientState, connectOf, openClientOf, type Told } from '../protocol/client.ts';
import { notFound, PostroomError } from '../protocol/errors.ts';
import { pack, readEnvelope, readJson, receiveAll, sizes, writeEnvelope } from '../protocol/frame.ts';
import { gateDomain, openGate } from '../protocol/gate.ts';
import { type CurveKeys, newKeyPair } from '../protocol/keys.ts';
import { type Events, event, type Methods, method, type Named } from '../protocol/rows.ts';
import { type Limits, listen, type Server, type ServerOptions, type Service, type Who } from '../protocol/server.ts';
import { eventually } from './support/eventually.ts';
import { rawClient as freeClient } from './support/raw-client.ts';

const mailbox = z.object({ mailbox: z.string() });
const methods = {
  echo: method({
    doc: 'Says it again.',
    needs: 'session',
    params: z.object({ text: z.string().max(500_000), loud: z.boolean().default(false) }),
    result: z.object({ text: z.string(), who: z.string() }),
    errors: [],
  }),
  look: method({
    doc: 'Needs a right on a mailbox.',
    needs: 'open',
    names: (asked) => [{ mailbox: asked.mailbox }],
    params: mailbox,
    result: z.object({ seq: z.int() }),
    errors: [],
  }),
  fail: method({
    doc: 'Fails as told.',
    needs: 'session',
    params: z.object({ how: z.enum(['bug', 'conflict', 'misfit', 'huge']) }),
    result: z.object({ n: z.number(), text: z.string().optional() }),
    errors: ['conflict'],
  }),
  wait: method({ doc: 'Answers when told.', needs: 'session', params: z.object({}), result: z.object({}), errors: [] }),
  join: method({ doc: 'For invitations.', needs: 'invitation', params: z.object({}), result: z.object({}), errors: [] }),
  put: method({
    doc: 'Takes octets.',
    needs: 'send',
    names: (asked) => [{ mailbox: asked.mailbox }],
    params: mailbox,
    result: z.object({ sizeOctets: z.int(), sum: z.int() }),
    errors: [],
    upload: true,
  }),
  get: method({
    doc: 'Gives octets.',
    needs: 'open',
    names: (asked) => [{ mailbox: asked.mailbox }],
    params: mailbox.extend({ sizeOctets: z.int() }),
    result: z.object({ sizeOctets: z.int() }),
    errors: [],
    download: true,
  }),
} satisfies Methods;

const why = z.object({ why: z.string() });
const events = {
  changed: event({
    doc: 'Something moved.',
    needs: 'open',
    payload: z.object({ mailbox: z.string(), n: z.int(), pad: z.string().default('') }),
  }),
  resync: event({ doc: 'Ask again.', needs: 'session', payload: why }),
  'session.ended': event({ doc: 'It is over.', needs: 'session', payload: why }),
} satisfies Events;
const table = { methods, events };

type TestServer = Server<typeof events>;
type TestClient = ClientOf<typeof methods, typeof events>;

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** A daemon without a mailbox in it: persons, rights on names, and the methods above. */
class Daemon {
  readonly keys = newKeyPair();
  readonly people = new Map<string, Who>();
  readonly rights = new Set<string>();
  readonly logged: string[] = [];
  readonly arrived: number[] = [];
  release: () => void = () => {};
  held = 0;
  aborted = 0;
  given = 0;
  gate: ServerOptions<typeof methods, typeof events>['isKeyAllowed'] = (key) => this.people.has(key);
  endpoint: string;
  server: TestServer | undefined;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'wire-'));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    this.endpoint = `ipc://${join(folder, 'd.sock')}`;
  }

  person(name: string): CurveKeys {
    const keys = newKeyPair();
    this.people.set(keys.publicKey, { kind: 'person', person: name });
    return keys;
  }

  readonly service: Service<typeof methods> = {
    authorize: (_session, needs, named) => {
      if (needs.includes('session') || needs.includes('invitation')) return;
      const may = (one: Named) => 'mailbox' in one && this.rights.has(one.mailbox);
      if (!named?.length || !named.every(may)) throw notFound();
    },
    maySee: (_session, _needs, name) => name !== null && this.rights.has(name),
    call: async (name, asked, session, stream) => {
      const handlers: { [K in keyof typeof methods]: () => Promise<z.input<(typeof methods)[K]['result']>> } = {
        echo: async () => {
          const { text, loud } = methods.echo.params.parse(asked);
          return { text: loud ? text.toUpperCase() : text, who: session.who.kind === 'person' ? session.who.person : 'invited' };
        },
        look: async () => ({ seq: session.seq }),
        fail: async () => {
          const { how } = methods.fail.params.parse(asked);
          if (how === 'bug') throw new Error('secret-canary in a stack');
          if (how === 'conflict') throw new PostroomError('conflict', 'It moved on.', { revision: 7 });
          if (how === 'huge') return { n: 1, text: 'x'.repeat(6_000_000) };
          return JSON.parse('{"n":"not a number"}') as { n: number };
        },
        wait: async () => {
          this.held++;
          await new Promise<void>((resolve, reject) => {
            this.release = resolve;
            stream.signal.addEventListener('abort', () => {
              this.aborted++;
              reject(stream.signal.reason);
            });
          });
          return {};
        },
        join: async () => ({}),
        put: async () => {
          let sizeOctets = 0;
          let sum = 0;
          for await (const chunk of stream.upload) {
            sizeOctets += chunk.length;
            sum = (sum + (chunk[0] ?? 0)) % 1_000_007;
          }
          return { sizeOctets, sum };
        },
        get: async () => {
          const { sizeOctets } = methods.get.params.parse(asked);
          const block = Buffer.alloc(200_000, 7);
          this.given = 0;
          while (this.given < sizeOctets) {
            const part = block.subarray(0, Math.min(block.length, sizeOctets - this.given));
            await stream.download(part);
            this.given += part.length;
          }
          return { sizeOctets };
        },
      };
      // Each handler returns what its own row says; TypeScript cannot follow a name through a table.
      return (await handlers[name]()) as never;
    },
  };

  async start(limits: Partial<Limits> = {}): Promise<this> {
    const log = (_details: object, message: string) => void this.logged.push(`${message} ${JSON.stringify(_details)}`);
    this.server = await listen({
      methods,
      events,
      keys: this.keys,
      endpoints: [{ endpoint: this.endpoint }],
      release: '1.2.3',
      isKeyAllowed: (key, peer) => this.gate(key, peer),
      identify: (key) => this.people.get(key) ?? null,
      service: this.service,
      log: { info: log, warn: log, error: log },
      limits: { requestsAtOnce: 1e6, requestsPerSecond: 1e6, ...limits },
    });
    this.endpoint = this.server.endpoints[0] ?? '';
    const { server } = this;
    cleanUp.push(() => server.close());
    return this;
  }

  get running(): TestServer {
    if (!this.server) throw new Error('not started');
    return this.server;
  }

  identity(keys: CurveKeys) {
    return { endpoint: this.endpoint, daemonKey: this.keys.publicKey, ...keys };
  }

  async client(keys = this.person('ada')): Promise<TestClient & { told: Told<typeof events>[]; states: ClientState[] }> {
    const told: Told<typeof events>[] = [];
    const states: ClientState[] = [];
    const client = await connectOf(table, {
      identity: this.identity(keys),
      onEvent: (one) => told.push(one),
      onState: (state) => states.push(state),
      timeoutMs: 30_000,
    });
    cleanUp.push(() => client.close());
    return Object.assign(Object.create(client) as TestClient, { told, states });
  }
}

const errorOf = async (promise: Promise<unknown>): Promise<PostroomError> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PostroomError) return error;
    throw error;
  }
  throw new Error('did not fail');
};

async function rawClient(daemon: Daemon, keys: CurveKeys, routingId?: string) {
  const client = freeClient(daemon.identity(keys), keys, routingId);
  cleanUp.push(client.close);
  return client;
}

const ask = (id: number, text: string) => pack({ t: 'ask', id, method: 'echo', params: { text } });

describe('calls', () => {
  test('go and come back with their types, in any order and number', async () => {
    const daemon = await new Daemon().start();
    const client = await daemon.client();
    expect(await client.call('echo', { text: 'grüße' })).toEqual({ text: 'grüße', who: 'ada' });
    expect((await client.call('echo', { text: 'a', loud: true })).text).toBe('A');
    // More than the session's credit of 64: the rest waits its turn.
    const many = await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.call('echo', { text: `${i}` })));
    expect(many.map((one) => one.text)).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
  });

  test('over tcp as well', async () => {
    const daemon = new Daemon();
    daemon.endpoint = 'tcp://127.0.0.1:*';
    await daemon.start();
    expect(daemon.endpoint).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect((await (await daemon.client()).call('echo', { text: 'x' })).text).toBe('x');
  });

  test('fail with a code, and say nothing about our bugs', async () => {
    const daemon = await new Daemon().start();
    const client = await daemon.client();
    expect(await errorOf(client.call('echo', JSON.parse('{"text":1}')))).toMatchObject({ code: 'invalid', details: { path: 'text' } });
    expect((await errorOf(client.call('echo', JSON.parse('{"text":"x","extra":1}')))).code).toBe('invalid');
    expect((await errorOf(client.call('look', { mailbox: 'foreign' }))).message).toBe(
      (await errorOf(client.call('look', { mailbox: 'missing' }))).message,
    );
    expect(await errorOf(client.call('fail', { how: 'conflict' }))).toMatchObject({ code: 'conflict', details: { revision: 7 } });
    expect((await errorOf(client.call('fail', { how: 'misfit' }))).code).toBe('internal');
    expect((await errorOf(client.call('fail', { how: 'huge' }))).code).toBe('internal');
    expect((await errorOf(client.call('echo', { text: 'x'.repeat(1_100_000) }))).code).toBe('invalid');
    const bug = await errorOf(client.call('fail', { how: 'bug' }));
    expect(bug).toMatchObject({ code: 'internal' });
    expect(JSON.stringify([bug.message, bug.details])).not.toContain('canary');
    expect(daemon.logged.join()).toContain(String(bug.details.id));
  });

  test('end by time-out and by signal, and the daemon stops working on them', async () => {
    const daemon = await new Daemon().start();
    const client = await daemon.client();
    expect((await errorOf(client.call('wait', {}, { timeoutMs: 50 }))).code).toBe('unavailable');
    await eventually(() => expect(daemon.aborted).toBe(1));
    const stop = new AbortController();
    const call = client.call('wait', {}, { signal: stop.signal });
    await eventually(() => expect(daemon.held).toBe(2));
    stop.abort(new PostroomError('unavailable', 'enough'));
    expect((await errorOf(call)).message).toBe('enough');
    await eventually(() => expect(daemon.aborted).toBe(2));
    expect((await client.call('echo', { text: 'still' })).text).toBe('still');
  });

  test('are paced when a person asks too much, without an error', async () => {
    const daemon = await new Daemon().start({ requestsAtOnce: 5, requestsPerSecond: 200 });
    const client = await daemon.client();
    const before = Date.now();
    await Promise.all(Array.from({ length: 45 }, () => client.call('echo', { text: 'x' })));
    expect(Date.now() - before).toBeGreaterThan(150);
  });

  test('an invitation may join and nothing else; a person may not join', async () => {
    const daemon = await new Daemon().start();
    const keys = newKeyPair();
    daemon.people.set(keys.publicKey, { kind: 'invitation', invitation: 'i1' });
    const { endpoint, daemonKey } = daemon.identity(keys);
    const invited = await connectOf(table, { invitation: { endpoint, daemonKey, ...keys } });
    cleanUp.push(() => invited.close());
    await invited.call('join', {});
    expect((await errorOf(invited.call('echo', { text: 'x' }))).code).toBe('forbidden');
    expect((await errorOf((await daemon.client()).call('join', {}))).code).toBe('forbidden');
  });
});

describe('who may connect', () => {
  test('a key that is not known is told so', async () => {
    const daemon = await new Daemon().start();
    const error = await errorOf(connectOf(table, { identity: daemon.identity(newKeyPair()) }));
    expect(error).toMatchObject({ code: 'unauthenticated', details: { reason: 'key' } });
  });

  test('a daemon without the pinned key gets nothing', async () => {
    const daemon = await new Daemon().start();
    const identity = { ...daemon.identity(daemon.person('ada')), daemonKey: newKeyPair().publicKey };
    const error = await errorOf(connectOf(table, { identity, connectTimeoutMs: 400 }));
    expect(error).toMatchObject({ code: 'unavailable', details: { daemon: true, reason: 'daemon-key' } });
  });

  test('no daemon is said within the time given', async () => {
    const daemon = new Daemon();
    const error = await errorOf(connectOf(table, { identity: daemon.identity(newKeyPair()), connectTimeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'unavailable', details: { daemon: true, reason: 'no-daemon' } });
  });

  test('the peer of an ipc connection is known by its user', async () => {
    const daemon = new Daemon();
    const seen: unknown[] = [];
    daemon.gate = (_key, peer) => {
      seen.push(peer.uid);
      return true;
    };
    await daemon.start();
    await daemon.client();
    expect(seen).toEqual([process.getuid?.()]);
  });

  test('a gate that cannot decide denies, for now', async () => {
    const daemon = new Daemon();
    daemon.gate = () => {
      throw new Error('the list is gone');
    };
    await daemon.start();
    const identity = daemon.identity(daemon.person('ada'));
    expect((await errorOf(connectOf(table, { identity, connectTimeoutMs: 300 }))).code).toBe('unavailable');
    daemon.gate = () => true;
    expect((await (await daemon.client()).call('echo', { text: 'x' })).text).toBe('x');
  });

  test('without a gate nobody gets in', async () => {
    const daemon = new Daemon();
    const context = new Context({ blocky: false });
    const log = () => {};
    const gate = await openGate(context, () => true, { info: log, warn: log, error: log });
    const { publicKey, secretKey } = daemon.keys;
    const socket = new Router({
      context,
      linger: 0,
      curveServer: true,
      curvePublicKey: publicKey,
      curveSecretKey: secretKey,
      zapDomain: gateDomain,
      zapEnforceDomain: true,
    });
    await socket.bind(daemon.endpoint);
    const greeted: Buffer[][] = [];
    const received = receiveAll(socket, (parts) => greeted.push(parts));
    cleanUp.push(async () => {
      socket.close();
      await received;
    });
    const identity = daemon.identity(newKeyPair());
    const before = openClientOf(table, { identity });
    await eventually(() => expect(greeted).toHaveLength(1));
    await before.close();
    gate.close();
    expect((await errorOf(connectOf(table, { identity, connectTimeoutMs: 500 }))).code).toBe('unavailable');
    expect(greeted).toHaveLength(1);
  });

  test('another version of the protocol is told which side to upgrade', async () => {
    const daemon = await new Daemon().start();
    const raw = await rawClient(daemon, daemon.person('ada'));
    const envelope = writeEnvelope('hello');
    envelope[4] = 9;
    await raw.socket.send([envelope, 'whatever a later version says']);
    const [, body] = await raw.next();
    expect(readJson(body ?? Buffer.alloc(0))).toMatchObject({ reason: 'version', message: expect.stringContaining('upgrade the daemon') });
  });
});

/** Something else at the endpoint, with the daemon's key: answers every greeting with `parts`. */
async function impostor(daemon: Daemon, parts: readonly (Buffer | string)[]): Promise<void> {
  const context = new Context({ blocky: false });
  const log = () => {};
  const gate = await openGate(context, () => true, { info: log, warn: log, error: log });
  const { publicKey, secretKey } = daemon.keys;
  const socket = new Router({
    context,
    linger: 0,
    curveServer: true,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
    zapDomain: gateDomain,
  });
  await socket.bind(daemon.endpoint);
  const received = receiveAll(socket, ([address]) => void socket.send([address ?? '', ...parts]));
  cleanUp.push(async () => {
    socket.close();
    gate.close();
    await received;
  });
}

describe('a client', () => {
  test('of another version than the daemon gives up and says who is older', async () => {
    const daemon = new Daemon();
    const envelope = writeEnvelope('refused');
    envelope[4] = 9;
    await impostor(daemon, [envelope, JSON.stringify({ reason: 'version', message: 'upgrade the client', release: '9.0.0' })]);
    const error = await errorOf(connectOf(table, { identity: daemon.identity(newKeyPair()) }));
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/upgrade the client.*9\.0\.0/),
      details: { reason: 'version' },
    });
  });

  test('is not moved by a daemon that talks nonsense', async () => {
    const daemon = new Daemon();
    await impostor(daemon, [writeEnvelope('sealed'), Buffer.alloc(100)]);
    const error = await errorOf(connectOf(table, { identity: daemon.identity(newKeyPair()), connectTimeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'unavailable', details: { daemon: true } });
  });
});

describe('a session is sealed', () => {
  test('nobody can speak for a key that they do not hold', async () => {
    const daemon = await new Daemon().start();
    const ada = daemon.person('ada');
    const thief = await rawClient(daemon, daemon.person('ben'));
    const { seal } = await thief.greet(ada.publicKey);
    for (let i = 0; i < 5; i++) await thief.socket.send(seal.seal(pack({ t: 'open' })));
    expect((await (await daemon.client(ada)).call('echo', { text: 'x' })).who).toBe('ada');
    expect(thief.inbox).toEqual([]);
    expect(daemon.running.sessions()).toHaveLength(1);
  });

  test('replayed, reordered, reflected, spliced, moved and stale messages: 0 of 10,000 are accepted', async () => {
    const each = 1_450;
    const daemon = await new Daemon().start({ malformed: 1e9 });
    const keys = daemon.person('ada');
    const raw = await rawClient(daemon, keys);
    const { seal, session } = await raw.greet();
    await raw.socket.send(seal.seal(pack({ t: 'open' })));
    const opened = await raw.next();
    // A second session of the same key, and one of somebody else.
    const [twin, other] = [await rawClient(daemon, keys), await rawClient(daemon, daemon.person('ben'))];
    const [twins, others] = [await twin.greet(), await other.greet()];
    for (const [client, own] of [
      [twin, twins],
      [other, others],
    ] as const) {
      await client.socket.send(own.seal.seal(pack({ t: 'open' })));
      await client.next();
    }

    let sent = 0;
    const send = async (client: typeof raw, parts: readonly (Buffer | undefined)[]): Promise<void> => {
      sent++;
      await client.socket.send(parts.map((part) => part ?? Buffer.alloc(0)));
    };
    const sealed = Array.from({ length: each + 1 }, (_, i) => seal.seal(ask(i + 1, 'x')));
    const last = sealed.at(-1) ?? [];
    await raw.socket.send([...last]);
    await raw.next();
    for (const message of sealed.slice(0, each)) await send(raw, message); // reordered: all are older than the last
    for (let i = 0; i < each; i++) await send(raw, last); // replayed
    for (let i = 0; i < each; i++) await send(raw, opened); // reflected: the daemon's own
    for (let i = 0; i < each; i++) await send(i % 2 === 0 ? other : twin, seal.seal(ask(10_000 + i, 'x'))); // from another's address
    for (let i = 0; i < each; i++) {
      const mine = seal.seal(ask(20_000 + i, 'x'));
      const [theirs, same] = [others.seal.seal(ask(20_000 + i, 'x')), twins.seal.seal(ask(20_000 + i, 'x'))];
      // Spliced: the body of somebody else's, of one's own other session, or of one's own session under a later counter.
      if (i % 3 === 0) await send(raw, [mine[0], theirs[1]]);
      else if (i % 3 === 1) await send(raw, [mine[0], same[1]]);
      else await send(raw, [writeEnvelope('sealed', session, 1e6 + i), mine[1]]);
    }
    await raw.socket.send(seal.seal(ask(99_999, 'end')));
    const answered = async (client: typeof raw, own: typeof seal, end: number): Promise<number> => {
      for (let answers = 0; ; ) {
        const said = z.object({ t: z.string(), id: z.int().optional() }).safeParse(await client.opened(own)).data;
        if (said?.t !== 'answer') continue;
        if (said.id === end) return answers;
        answers++;
      }
    };
    expect(await answered(raw, seal, 99_999)).toBe(0);
    for (const [client, own] of [
      [twin, twins],
      [other, others],
    ] as const) {
      await client.socket.send(own.seal.seal(ask(99_998, 'end')));
      expect(await answered(client, own.seal, 99_998)).toBe(0);
    }

    const { server } = daemon;
    await server?.close();
    await daemon.start({ malformed: 1e9 });
    // Stale: from the life before, to a daemon that has the same key; also under a session that it has now.
    const late = await rawClient(daemon, keys);
    for (let i = 0; i < each; i++) await send(late, seal.seal(ask(30_000 + i, 'stale')));
    expect(await late.opened(seal)).toMatchObject({ reason: 'session' });
    const now = await rawClient(daemon, keys);
    const fresh = await now.greet();
    await now.socket.send(fresh.seal.seal(pack({ t: 'open' })));
    await now.next();
    for (let i = 0; i < each; i++)
      await send(now, [writeEnvelope('sealed', fresh.session, 1_000 + i), seal.seal(ask(40_000 + i, 'stale'))[1]]);
    await now.socket.send(fresh.seal.seal(ask(99_997, 'end')));
    expect(await answered(now, fresh.seal, 99_997)).toBe(0);
    expect(sent).toBeGreaterThanOrEqual(10_000);
    expect(daemon.running.sessions()).toHaveLength(1);
  });

  test('10,000 messages with keys of prototypes leave Object.prototype as it was', async () => {
    const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
    const daemon = await new Daemon().start({ malformed: 1e9, requests: 1e6 });
    const raw = await rawClient(daemon, daemon.person('mallory'));
    const { seal } = await raw.greet();
    await raw.socket.send(seal.seal(pack({ t: 'open' })));
    await raw.next();
    const keys = ['__proto__', '\\u005f_proto__', 'constructor', 'prototype', '__defineGetter__', 'toString', 'hasOwnProperty'];
    const value = '{"polluted":true,"prototype":{"polluted":true}}';
    const shapes = [
      (key: string, id: number) => `{"t":"ask","id":${id},"method":"echo","params":{"text":"x","${key}":${value}}}`,
      (key: string, id: number) => `{"t":"ask","id":${id},"method":"echo","params":{"${key}":${value}},"${key}":${value}}`,
      (key: string, id: number) => `{"t":"ask","id":${id},"method":"${key}","params":{}}`,
      (key: string, id: number) => `{"t":"subscribe","id":${id},"names":["${key}"]}`,
      (key: string) => `{"t":"${key}","${key}":${value}}`,
      (key: string) => `[{"${key}":[{"${key}":${value}}]}]`,
    ];
    let accepted = 0;
    for (let n = 1; n <= 10_000; n++) {
      const shape = shapes[n % shapes.length] ?? (() => '{}');
      const header = Buffer.from(shape(keys[n % keys.length] ?? '', n));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(header.length);
      await raw.socket.send(seal.seal(Buffer.concat([length, header])));
      if (n % 50 !== 0) continue;
      // As fast as it answers: full queues would measure the patience of ZeroMQ.
      await raw.socket.send(seal.seal(ask(100_000 + n, 'end')));
      for (let ended = false; !ended; ) {
        const said = z.object({ t: z.string(), id: z.int(), result: z.unknown().optional() }).safeParse(await raw.opened(seal)).data;
        ended = said?.id === 100_000 + n;
        if (!ended && said?.result !== undefined) accepted++;
      }
    }
    expect(accepted).toBe(0);
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(before);
    expect('polluted' in {}).toBe(false);
    expect((await (await daemon.client()).call('echo', { text: 'x' })).text).toBe('x');
  });

  test('a routing id that was taken over carries no session', async () => {
    const daemon = await new Daemon().start({ malformed: 1e9 });
    const [adas, bens] = [daemon.person('ada'), daemon.person('ben')];
    const ada = await rawClient(daemon, adas, 'same-id');
    const { seal, session } = await ada.greet();
    await ada.socket.send(seal.seal(pack({ t: 'open' })));
    await ada.next();
    // While ada is there, ZeroMQ refuses the second; her session goes on.
    const early = await rawClient(daemon, bens, 'same-id');
    await early.socket.send(seal.seal(ask(1, 'x')));
    await ada.socket.send(seal.seal(ask(2, 'x')));
    expect(await ada.opened(seal)).toMatchObject({ t: 'answer', id: 2 });
    await early.close();
    await ada.socket.send(seal.seal(pack({ t: 'subscribe', id: 3, names: ['changed'] })));
    expect(await ada.opened(seal)).toMatchObject({ t: 'answer', id: 3 });
    await ada.close();

    const home = await rawClient(daemon, bens);
    const own = await home.greet();
    await home.socket.send(own.seal.seal(pack({ t: 'open' })));
    await home.next();
    const ben = await rawClient(daemon, bens, 'same-id');
    await eventually(async () => {
      // His own session does not open from ada's address, and hers not with his seal.
      const [envelope, body] = own.seal.seal(ask(1, 'x'));
      await ben.socket.send([envelope, body]);
      await ben.socket.send([writeEnvelope('sealed', session, 1_000), body]);
      expect(ben.inbox.length).toBeGreaterThan(0);
    });
    daemon.rights.add('m');
    daemon.running.publish('changed', { mailbox: 'm', n: 1 }, { mailbox: 'm' });
    await eventually(() => expect(ben.inbox.length).toBeGreaterThan(1));
    for (const [envelope, body] of ben.inbox) {
      if (!envelope || !body) throw new Error('no message');
      const { kind, counter } = readEnvelope(envelope);
      // What was meant for ada reaches him, since ZeroMQ knows no better; he cannot open it.
      if (kind === 'sealed') expect(() => own.seal.open(envelope, counter, body)).toThrow();
      else expect(readJson(body)).toMatchObject({ reason: 'session' });
    }
  });
});

describe('a hostile client', () => {
  test('sends 1,000 malformed messages; the daemon lives and a good client does not notice', async () => {
    const daemon = await new Daemon().start();
    const good = await daemon.client();
    let seed = 42;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const noise = (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => random(256)));
    const deep = `{"t":"ask","id":1,"method":"echo","params":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    const headers = [
      deep,
      '{"t":"ask","id":1,"method":"__proto__","params":{}}',
      '{"t":"ask","id":1,"method":"constructor","params":{"__proto__":{"polluted":true}}}',
      '{"t":"ask","id":1,"method":"echo","params":{"text":"x","\\u005f_proto__":{"polluted":true}}}',
      '{"t":"nothing"}',
      '{"t":"ask","id":-1}',
      '[]',
      'null',
      '{"t":"credit","id":1,"chunks":1e99}',
      '{"t":"chunk","id":1,"last":false}',
      '\ud800',
    ];
    for (let round = 0; round < 100; round++) {
      const raw = await rawClient(daemon, daemon.person('mallory'));
      const greeted = round % 2 === 0 ? await raw.greet() : null;
      if (greeted) await raw.socket.send(greeted.seal.seal(pack({ t: 'open' })));
      for (let i = 0; i < 10; i++) {
        const kind = random(5);
        const header = Buffer.from(headers[random(headers.length)] ?? '');
        const length = Buffer.alloc(4);
        length.writeUInt32BE(random(3) === 0 ? random(2 ** 31) : header.length);
        if (greeted && kind < 3) await raw.socket.send(greeted.seal.seal(Buffer.concat([length, header, noise(random(30))])));
        else if (kind === 3) await raw.socket.send(Array.from({ length: random(200) + 1 }, () => noise(random(40))));
        else await raw.socket.send([random(2) ? writeEnvelope('hello') : noise(32), random(2) ? header : noise(random(2_000))]);
      }
      expect((await good.call('echo', { text: 'here' })).text).toBe('here');
      await raw.close();
    }
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    // Each hostile session was ended or is gone; the good one is there.
    await eventually(() =>
      expect(daemon.running.sessions().map((session) => session.who)).toContainEqual({ kind: 'person', person: 'ada' }),
    );
    expect(daemon.logged.filter((line) => line.includes('could not be taken'))).toEqual([]);
  });

  test('is ended after ten malformed messages', async () => {
    const daemon = await new Daemon().start();
    const raw = await rawClient(daemon, daemon.person('mallory'));
    const { seal } = await raw.greet();
    await raw.socket.send(seal.seal(pack({ t: 'open' })));
    await raw.next();
    for (let i = 0; i < 10; i++) await raw.socket.send(seal.seal(Buffer.from('\0\0\0\x10{"t":"mystery"}')));
    expect(await raw.opened(seal)).toMatchObject({ t: 'end', code: 'broken' });
    expect(daemon.running.sessions()).toEqual([]);
  });

  test('asks more than 64 things at once and is told to wait', async () => {
    const daemon = await new Daemon().start();
    const raw = await rawClient(daemon, daemon.person('mallory'));
    const { seal } = await raw.greet();
    await raw.socket.send(seal.seal(pack({ t: 'open' })));
    await raw.next();
    for (let i = 1; i <= 65; i++) await raw.socket.send(seal.seal(pack({ t: 'ask', id: i, method: 'wait', params: {} })));
    expect(await raw.opened(seal)).toMatchObject({ t: 'answer', id: 65, error: { code: 'rate-limited' } });
  });
});

describe('events', () => {
  test('come to who subscribed and may see, numbered without gaps', async () => {
    const daemon = await new Daemon().start();
    const [ada, ben] = [await daemon.client(), await daemon.client(daemon.person('ben'))];
    daemon.rights.add('mine');
    expect(await ada.subscribe(['changed'])).toEqual({ seq: 0 });
    for (let n = 0; n < 10; n++) {
      daemon.running.publish('changed', { mailbox: 'mine', n }, { mailbox: 'mine' });
      daemon.running.publish('changed', { mailbox: 'foreign', n }, { mailbox: 'foreign' });
      daemon.running.publish('changed', { mailbox: 'mine', n }, { mailbox: 'mine', person: 'ben' });
    }
    await eventually(() => expect(ada.told).toHaveLength(10));
    expect(ada.told.map((one) => one.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await ada.call('look', { mailbox: 'mine' })).seq).toBe(10);
    expect(ben.told).toEqual([]);
    expect((await errorOf(ada.subscribe(JSON.parse('["toString"]')))).code).toBe('invalid');
  });

  test('give way when a client does not read: memory stays bounded, then a resync', async () => {
    const daemon = await new Daemon().start({ unsentOctets: 1_000_000 });
    daemon.rights.add('m');
    const slow = await rawClient(daemon, daemon.person('slow'));
    const { seal } = await slow.greet();
    await slow.socket.send(seal.seal(pack({ t: 'open' })));
    await slow.socket.send(seal.seal(pack({ t: 'subscribe', id: 1, names: ['changed'] })));
    await slow.next();
    await slow.next();
    const good = await daemon.client();
    await good.subscribe(['changed']);
    const pad = 'x'.repeat(20_000);
    const before = process.memoryUsage();
    // Both live in this process, so "does not read" is: no turn of the event loop between 4,000 events of 20 kB.
    for (let n = 0; n < 4_000; n++) daemon.running.publish('changed', { mailbox: 'm', n, pad }, { mailbox: 'm' });
    const after = process.memoryUsage();
    expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(60_000_000);
    await eventually(() => expect(good.told.some((one) => one.name === 'resync')).toBe(true));
    good.told.length = 0;
    daemon.running.publish('changed', { mailbox: 'm', n: -1 }, { mailbox: 'm' });
    await eventually(() => expect(good.told.map((one) => one.name)).toContain('changed'));
    expect((await good.call('echo', { text: 'on' })).text).toBe('on');
  });
});

describe('a connection mends itself', () => {
  test('after the daemon was restarted: a new session, a resync, subscriptions as before', async () => {
    const daemon = await new Daemon().start();
    daemon.rights.add('m');
    const client = await daemon.client();
    await client.subscribe(['changed']);
    const cut = client.call('wait', {});
    await eventually(() => expect(daemon.held).toBe(1));
    const failed = errorOf(cut);
    await daemon.running.close();
    expect(await failed).toMatchObject({ code: 'unavailable', details: { sent: true } });
    await eventually(() => expect(client.state).toMatchObject({ state: 'offline' }));
    await daemon.start();
    expect((await client.call('echo', { text: 'again' })).text).toBe('again');
    expect(client.told.map((one) => one.name)).toEqual(['resync']);
    daemon.running.publish('changed', { mailbox: 'm', n: 1 }, { mailbox: 'm' });
    await eventually(() => expect(client.told.at(-1)).toMatchObject({ name: 'changed', seq: 1 }));
    // Away for one reason after another is away once.
    const states = client.states.map((state) => state.state);
    expect(states.filter((state, i) => state !== states[i - 1])).toEqual(['online', 'offline', 'online']);
  });

  test('an old session is replaced without an error', async () => {
    const daemon = await new Daemon().start({ lifeMs: 200, probeMs: 50 });
    const client = await daemon.client();
    const replaced = () => client.states.filter((state) => state.state === 'connecting').length;
    for (let n = 0; replaced() < 3; n++) {
      // A call that was on its way at the very moment may fail, and says that it was sent.
      const result = await client.call('echo', { text: `${n}` }).catch((error: PostroomError) => error);
      if (result instanceof PostroomError) expect(result.details).toMatchObject({ sent: true });
    }
    expect(client.states.map((state) => state.state)).not.toContain('offline');
  });

  test('a client that died is noticed within a probe', async () => {
    const daemon = await new Daemon().start({ probeMs: 100 });
    const raw = await rawClient(daemon, daemon.person('ada'));
    const { seal } = await raw.greet();
    await raw.socket.send(seal.seal(pack({ t: 'open' })));
    await raw.next();
    expect(daemon.running.sessions()).toHaveLength(1);
    await raw.close();
    await eventually(() => expect(daemon.running.sessions()).toHaveLength(0));
  });

  test('a revoked key is out at once and stays out', async () => {
    const daemon = await new Daemon().start();
    const keys = daemon.person('ada');
    const client = await daemon.client(keys);
    const waiting = errorOf(client.call('wait', {}));
    await eventually(() => expect(daemon.held).toBe(1));
    daemon.people.delete(keys.publicKey);
    expect(daemon.running.endSessions((session) => session.publicKey === keys.publicKey, 'revoked', 'Your key was revoked.')).toBe(1);
    expect(daemon.aborted).toBe(1);
    expect((await waiting).code).toBe('unavailable');
    expect(client.state).toMatchObject({ state: 'refused', reason: 'revoked' });
    expect((await errorOf(client.call('echo', { text: 'x' }))).code).toBe('unauthenticated');
    expect(client.told.at(-1)).toMatchObject({ name: 'session.ended' });
  });

  test('close never hangs: online, without a daemon, with calls open', async () => {
    const daemon = await new Daemon().start();
    const client = await daemon.client();
    const open = errorOf(client.call('wait', {}));
    await client.close();
    expect((await open).code).toBe('unavailable');
    await eventually(() => expect(daemon.running.sessions()).toEqual([]));
    const nowhere = openClientOf(table, { identity: { ...daemon.identity(newKeyPair()), endpoint: 'tcp://127.0.0.1:1' } });
    const waiting = errorOf(nowhere.call('echo', { text: 'x' }));
    await nowhere.close();
    expect((await waiting).code).toBe('unavailable');
  });
});

describe('streams', () => {
  const twenty = 20 * 1024 * 1024;

  test('20 MB up and 20 MB down, as fast as the reader reads', async () => {
    const daemon = await new Daemon().start();
    daemon.rights.add('m');
    const client = await daemon.client();
    let read = 0;
    async function* source() {
      for (; read < twenty; read += 300_000) yield Buffer.alloc(Math.min(300_000, twenty - read), 1);
    }
    const up = await client.call('put', { mailbox: 'm' }, { upload: source() });
    expect(up.sizeOctets).toBe(twenty);

    let got = 0;
    let ahead = 0;
    const down = await client.call(
      'get',
      { mailbox: 'm', sizeOctets: twenty },
      {
        onChunk: async (chunk) => {
          ahead = Math.max(ahead, daemon.given - got);
          got += chunk.length;
          if (got % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
        },
      },
    );
    expect([down.sizeOctets, got]).toEqual([twenty, twenty]);
    // The daemon was never further ahead than the window (and the block that waits for it).
    expect(ahead).toBeLessThanOrEqual(16 * sizes.chunk + 2 * 200_000);
    expect((await client.call('put', { mailbox: 'm' })).sizeOctets).toBe(0);
  });

  test('a download stops when the session ends, and when the right does', async () => {
    const daemon = await new Daemon().start();
    const keys = daemon.person('ada');
    const client = await daemon.client(keys);
    for (const stop of ['right', 'session']) {
      daemon.rights.add('m');
      let chunks = 0;
      const stopped = errorOf(
        client.call(
          'get',
          { mailbox: 'm', sizeOctets: twenty },
          {
            onChunk: () => {
              if (++chunks !== 20) return;
              if (stop === 'right') daemon.rights.delete('m');
              else daemon.running.endSessions(() => true, 'slow', 'test');
            },
          },
        ),
      );
      expect((await stopped).code).toBe(stop === 'right' ? 'not-found' : 'unavailable');
      expect(chunks).toBeLessThan(20 + 17);
      expect(daemon.given).toBeLessThan(twenty / 4);
    }
  });

  test('an upload that the daemon does not want is not read', async () => {
    const daemon = await new Daemon().start();
    const client = await daemon.client();
    let read = 0;
    function* source() {
      for (; ; read++) yield Buffer.alloc(1_000);
    }
    expect((await errorOf(client.call('put', { mailbox: 'foreign' }, { upload: source() }))).code).toBe('not-found');
    expect(read).toBe(0);
  });
});
