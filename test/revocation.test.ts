/** A right that goes, in every way it can, while sessions are open: what they see, what runs, what waits to be sent. */
import { describe, expect, test } from 'vitest';
import { parseQuery } from '../daemon/mail/query.ts';
import { createService } from '../daemon/service.ts';
import { answer } from '../protocol/answer.ts';
import type { Client, DaemonEvent } from '../protocol/client.ts';
import { events } from '../protocol/events.ts';
import { fingerprint } from '../protocol/keys.ts';
import { type Method, methods } from '../protocol/methods.ts';
import type { Session } from '../protocol/server.ts';
import { outcome, type Postroom, startPostroom } from './support/postroom.ts';
import { seeds } from './support/seed.ts';
import { Steps } from './support/steps.ts';

const later = '2099-01-01T00:00:00.000Z';
const everything = { access: true, send: true, setup: true };

type Way = {
  give(postroom: Postroom, person: string, mailbox: string): Promise<unknown>;
  /** Resolves when it is answered; undefined when nobody takes it: it ends. */
  take(eva: Client, person: string, mailbox: string, postroom: Postroom): Promise<unknown>;
  ends?: 'session';
  /** What waited to be sent is not held: it went with the mailbox, or the right is still the person's. */
  mail?: 'goes on';
  /** What they have stays theirs: it went with the mailbox, or the right is still the person's. */
  work?: 'stays';
};

const byGrant: Way['give'] = (postroom, person, mailbox) => postroom.grant(person, mailbox, everything);
const hourMs = 3_600_000;
/** The daemon's: an hour passes when a test says so. */
const clock = { aheadMs: 0 };

const ways: Record<string, Way> = {
  'a grant is removed': { give: byGrant, take: (eva, grantee, mailbox) => eva.call('grant.remove', { mailbox, grantee }) },
  'a nested role is left': {
    give: async (postroom, person, mailbox) => {
      await postroom.role('inner', person);
      await postroom.role('outer', 'inner');
      await postroom.grant('outer', mailbox, everything);
    },
    take: (eva, member) => eva.call('role.member.remove', { role: 'inner', member }),
  },
  'a role leaves the role': {
    give: async (postroom, person, mailbox) => {
      await postroom.role('team', person);
      await postroom.role('house', 'team');
      await postroom.grant('house', mailbox, everything);
    },
    take: (eva) => eva.call('role.member.remove', { role: 'house', member: 'team' }),
  },
  'a role is removed': {
    give: async (postroom, person, mailbox) => {
      await postroom.role('crew', person);
      await postroom.grant('crew', mailbox, everything);
    },
    take: (eva) => eva.call('role.remove', { name: 'crew' }),
  },
  'the mailbox is not shared any more': { give: byGrant, take: (eva, _person, mailbox) => eva.call('mailbox.unshare', { mailbox }) },
  'the mailbox is removed': {
    give: byGrant,
    take: (eva, _person, mailbox) => eva.call('mailbox.remove', { mailbox }),
    mail: 'goes on',
    work: 'stays',
  },
  'its owner gives it away': {
    give: async (postroom, person, mailbox) => (await postroom.as('eva')).call('mailbox.transfer', { mailbox, person }),
    take: async (_eva, person, mailbox, postroom) => (await postroom.as(person)).call('mailbox.transfer', { mailbox, person: 'eva' }),
  },
  'a dated grant ends': {
    give: async (postroom, person, mailbox) =>
      (await postroom.as('eva')).call('grant.add', {
        mailbox,
        grantee: person,
        ...everything,
        until: new Date(Date.now() + hourMs).toISOString(),
      }),
    take: async () => {
      clock.aheadMs = 2 * hourMs;
    },
  },
  'the person is disabled': { give: byGrant, take: (eva, name) => eva.call('person.disable', { name }), ends: 'session' },
  'the key is revoked': {
    give: byGrant,
    take: (eva, person, _mailbox, postroom) => eva.call('key.revoke', { fingerprint: fingerprint(postroom.identity(person).publicKey) }),
    ends: 'session',
    mail: 'goes on',
    work: 'stays',
  },
};

/** What a session shows of a mailbox, asked anew: nothing. */
async function seen(client: Client, mailbox: string, conversation: string, message: string): Promise<string[]> {
  const told: string[] = [];
  const answers = await Promise.all([
    client.call('panel.list', {}),
    client.call('search.run', { query: 'order' }),
    client.call('timeline.contact', { address: 'jane@example.org' }),
    client.call('mailbox.list', {}),
    client.call('compose.from', {}),
    client.call('outbox.list', {}),
  ]);
  for (const shown of answers) if (JSON.stringify(shown).includes(mailbox)) told.push(JSON.stringify(shown));
  const refused = await Promise.all(
    [
      client.call('conversation.show', { conversation }),
      client.call('message.raw', { message }, { onChunk: () => void told.push('a chunk') }),
      client.call('conversation.list', { mailbox }),
      client.call('timeline.mailbox', { mailbox }),
      client.call('outbox.send', { from: mailbox, to: mailbox, subject: 's', body: 'b' }),
    ].map(outcome),
  );
  return [...told, ...refused.filter((code) => code !== 'not-found')];
}

describe('while sessions are open', () => {
  test(`a right that goes in ${Object.keys(ways).length} ways is gone from every view of every session, and nothing more is told`, async () => {
    await using postroom = await startPostroom({ now: () => Date.now() + clock.aheadMs });
    for (const [n, [name, way]] of Object.entries(ways).entries()) {
      const ben = `ben${n}`;
      await postroom.person(ben);
      const mailbox = await postroom.mailbox(`box${n}`);
      const eva = await postroom.as('eva');
      await postroom.deliver(mailbox, {});
      const { conversation } = await postroom.newest(mailbox);
      const message = (await eva.call('conversation.show', { conversation })).messages[0]?.id ?? '';
      await way.give(postroom, ben, mailbox);

      const sessions = await Promise.all(
        [1, 2].map(async () => {
          const heard: DaemonEvent[] = [];
          const over = Promise.withResolvers<void>();
          const client = await postroom.connect(ben, (event) => {
            heard.push(event);
            if (event.name === 'session.ended' || (event.name === 'rights.changed' && event.payload.lost.some((one) => one === mailbox)))
              over.resolve();
          });
          await client.subscribe(Object.keys(events) as (keyof typeof events)[]);
          return { client, heard, over: over.promise };
        }),
      );
      for (const { client } of sessions) expect(await outcome(client.call('conversation.show', { conversation }))).toBe('yes');
      await sessions[0]?.client.call('conversation.take', { conversation });
      const { outbox } = await (sessions[0]?.client ?? eva).call('outbox.send', {
        from: mailbox,
        to: mailbox,
        subject: 'Later',
        body: 'x',
        at: later,
      });

      await way.take(eva, ben, mailbox, postroom);
      for (const { over } of sessions) await over;
      if (way.ends === 'session') {
        for (const { client } of sessions) {
          expect(client.state).toMatchObject({ state: 'refused', reason: 'revoked' });
          expect(await outcome(client.call('panel.list', {}))).toBe('unauthenticated');
        }
      } else for (const { client } of sessions) expect(await seen(client, mailbox, conversation, message), name).toEqual([]);

      if (way.mail !== 'goes on') {
        // What waited to be sent is held, and the team sees why. It waits for a person, not for the right to come back.
        await expect
          .poll(() => eva.call('outbox.show', { outbox: outbox ?? '' }), { message: name })
          .toMatchObject({ state: 'held', lastError: expect.stringContaining('may not send') });
      }
      if (way.work !== 'stays') {
        // Their work is found where unassigned work is looked for, with a mark whose it was.
        await expect
          .poll(async () => (await eva.call('panel.list', { view: 'unassigned', mailbox })).rows, { message: name })
          .toContainEqual(expect.objectContaining({ conversation, assignee: null, had: { kind: 'person', name: ben } }));
      }
      // Life goes on there, and nobody of these hears of it.
      for (const { heard } of sessions) heard.length = 0;
      if (name !== 'the mailbox is removed') {
        await postroom.deliver(mailbox, { subject: 'Another one' });
        await eva.call('conversation.note', { conversation, text: 'called them' });
      }
      for (const { client, heard } of sessions) {
        if (way.ends !== 'session') await client.call('session.whoami', {}); // whatever was told before has come
        expect(
          heard.filter((event) => JSON.stringify(event).includes(mailbox)),
          name,
        ).toEqual([]);
        await client.close();
      }
    }
  });

  test('a role that may not answer any more, or that nobody is in, has no work; what comes back stays with nobody', async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    const mailbox = await postroom.mailbox('support');
    await postroom.deliver(mailbox, {});
    const { conversation } = await postroom.newest(mailbox);
    const eva = await postroom.as('eva');
    const unassigned = async () =>
      (await eva.call('panel.list', { view: 'unassigned', mailbox })).rows.map(({ assignee, had }) => [assignee, had?.name]);
    const takings: [() => Promise<unknown>, () => Promise<unknown>][] = [
      [() => eva.call('grant.remove', { mailbox, grantee: 'agents' }), () => postroom.grant('agents', mailbox, everything)],
      [
        () => eva.call('role.member.remove', { role: 'agents', member: 'ben' }),
        () => eva.call('role.member.add', { role: 'agents', member: 'ben' }),
      ],
    ];
    await postroom.role('agents', 'ben');
    await postroom.grant('agents', mailbox, everything);
    await postroom.grant('ben', mailbox, everything);
    for (const [take, give] of takings) {
      await eva.call('conversation.assign', { conversation, to: 'agents' });
      expect(await unassigned()).toEqual([]);
      await take();
      await expect.poll(unassigned).toEqual([[null, 'agents']]);
      await give();
      expect(await unassigned()).toEqual([[null, 'agents']]);
      expect((await eva.call('conversation.show', { conversation })).had).toMatchObject({ kind: 'role', name: 'agents' });
    }
    await (await postroom.as('ben')).call('conversation.take', { conversation });
    expect((await eva.call('conversation.show', { conversation })).had).toBeNull();
    const told = await eva.call('timeline.conversation', { conversation, kinds: ['assign'] });
    expect(told.rows.map(({ summary }) => summary)).toContain('nobody’s again: agents had it, and may not answer here any more');
  });

  test('a grant begins by itself, in a live session too', async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    const mailbox = await postroom.mailbox('support');
    await postroom.deliver(mailbox, {});
    const { conversation } = await postroom.newest(mailbox);
    const gained = Promise.withResolvers<void>();
    const ben = await postroom.connect('ben', (event) => {
      if (event.name === 'rights.changed' && event.payload.gained.some((one) => one === mailbox)) gained.resolve();
    });
    await ben.subscribe(['rights.changed']);
    const from = new Date(Date.now() + 1_500).toISOString();
    await (await postroom.as('eva')).call('grant.add', { mailbox, grantee: 'ben', send: true, from, until: later });
    await gained.promise;
    expect(await outcome(ben.call('conversation.show', { conversation }))).toBe('yes');
    await ben.close();
  });

  test('whoever loses a mailbox is told how much of theirs is held there, and nothing else of it', async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    const [mailbox, kept] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
    for (const one of [mailbox, kept]) await postroom.grant('ben', one, everything);
    const eva = await postroom.as('eva');
    const held = Promise.withResolvers<DaemonEvent>();
    const ben = await postroom.connect('ben', (event) => event.name === 'outbox.held' && held.resolve(event));
    await ben.subscribe(['outbox.held']);
    const send = (client: Client, from: string) => client.call('outbox.send', { from, to: kept, subject: 'Later', body: 'x', at: later });
    for (const from of [mailbox, mailbox, kept]) await send(ben, from);
    await send(eva, mailbox);
    await eva.call('grant.remove', { mailbox, grantee: 'ben' });
    expect((await held.promise).payload).toEqual({ mailbox, count: 2 });
    const left = await ben.call('outbox.list', {});
    expect(left.rows.map((row) => row.mailbox)).toEqual([kept]);
    expect(left.outOfReach).toBe(2);
    // Who may send from there has them in sight.
    expect((await eva.call('outbox.list', { mailbox })).rows.map(({ heldFor }) => heldFor).toSorted()).toEqual(['right', 'right', 'time']);
    expect((await eva.call('outbox.list', {})).outOfReach).toBe(0);
    await ben.close();
  });

  test('what was held when the right went stays so when it comes back, until a person says yes', async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    const mailbox = await postroom.mailbox('support');
    const other = await postroom.mailbox('sales');
    await postroom.grant('ben', mailbox, everything);
    const [eva, ben] = [await postroom.as('eva'), await postroom.as('ben')];
    const at = new Date(Date.now() + 5_000).toISOString();
    const { outbox } = await ben.call('outbox.send', { from: mailbox, to: other, subject: 'Soon', body: 'x', at });
    const id = outbox ?? '';
    await eva.call('grant.remove', { mailbox, grantee: 'ben' });
    await postroom.grant('ben', mailbox, everything);
    // A mail for the same time, of somebody who kept the right, goes.
    const { outbox: hers } = await eva.call('outbox.send', { from: mailbox, to: other, subject: 'Hers', body: 'x', at });
    await expect.poll(async () => (await eva.call('outbox.show', { outbox: hers ?? '' })).state).toBe('accepted');
    expect(await ben.call('outbox.show', { outbox: id })).toMatchObject({
      state: 'held',
      lastError: expect.stringContaining('may not send'),
    });
    await ben.call('outbox.retry', { outbox: id });
    await expect.poll(async () => (await ben.call('outbox.show', { outbox: id })).state).toBe('accepted');
  });
});

describe('what runs', () => {
  test('a download whose client takes nothing, and an upload whose client sends nothing, end at once', async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    const mailbox = await postroom.mailbox('support');
    await postroom.grant('ben', mailbox, everything);
    await postroom.deliver(mailbox, { attachments: [{ filename: 'film.bin', content: Buffer.alloc(3_000_000, 7) }] });
    const { conversation } = await postroom.newest(mailbox);
    const ben = await postroom.as('ben');
    const message = (await ben.call('conversation.show', { conversation })).messages[0]?.id ?? '';

    const began = Promise.withResolvers<void>();
    let taken = 0;
    const blocked = Promise.withResolvers<void>();
    const download = outcome(
      ben.call(
        'message.attachment',
        { message, index: 0 },
        {
          onChunk: () => {
            taken++;
            began.resolve();
            return blocked.promise; // never asks for more
          },
        },
      ),
    );
    const asked = Promise.withResolvers<void>();
    async function* nothing(): AsyncGenerator<Uint8Array> {
      asked.resolve();
      await blocked.promise;
      yield new Uint8Array(1);
    }
    const attachments = [{ filename: 'x', sizeOctets: 1_000 }];
    const upload = outcome(ben.call('outbox.send', { from: mailbox, to: mailbox, body: 'x', attachments }, { upload: nothing() }));
    await Promise.all([began.promise, asked.promise]);
    await (await postroom.as('eva')).call('grant.remove', { mailbox, grantee: 'ben' });
    expect(await Promise.all([download, upload])).toEqual(['not-found', 'not-found']);
    expect(taken).toBe(1);
    blocked.resolve();
  });

  test('searches of a person whose rights changed end, those of others go on', async () => {
    await using postroom = await startPostroom();
    const { store, now } = postroom.daemon.world;
    const searching = ['p_ben', 'p_ben', 'p_eva', 'p_ben'].map((person, n) =>
      outcome(
        store.search({
          session: `s${n}`,
          typing: false,
          person,
          roles: [],
          reach: [],
          query: parseQuery('order'),
          named: { mailboxes: new Map(), assignees: new Map() },
          limit: 1,
          cursor: null,
          now: now(),
        }),
      ),
    );
    store.interruptSearches('p_ben');
    expect(await Promise.all(searching)).toEqual(['rate-limited', 'rate-limited', 'yes', 'rate-limited']);
  });

  /** Requests of one session that are under way when the right goes, each of them in some order with it. */
  const asks = (at: { mailbox: string; conversation: string; message: string }): [Method, object][] => [
    ['conversation.show', { conversation: at.conversation }],
    ['conversation.list', { mailbox: at.mailbox }],
    ['conversation.assignees', { conversation: at.conversation }],
    ['folder.list', { mailbox: at.mailbox, folder: 'Inbox' }],
    ['mailbox.show', { mailbox: at.mailbox }],
    ['mailbox.folders', { mailbox: at.mailbox }],
    ['mailbox.list', {}],
    ['panel.list', {}],
    ['timeline.mailbox', { mailbox: at.mailbox }],
    ['timeline.conversation', { conversation: at.conversation }],
    ['timeline.contact', { address: 'jane@example.org' }],
    ['search.run', { query: 'order' }],
    ['compose.from', {}],
    ['compose.reply', { conversation: at.conversation, kind: 'reply' }],
    ['outbox.list', {}],
    ['grant.matrix', { mailbox: at.mailbox }],
    ['message.raw', { message: at.message }],
    ['message.attachment', { message: at.message, index: 0 }],
  ];

  const rounds = process.env.POSTROOM_RACES === 'full' ? 500 : 25;
  test(`${rounds * 20} races of requests, streams and events with a revocation: nothing of the mailbox after its answer`, async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    const mailbox = await postroom.mailbox('support');
    await postroom.deliver(mailbox, { attachments: [{ filename: 'label.txt', content: 'x'.repeat(300_000) }] });
    const { conversation } = await postroom.newest(mailbox);
    const eva = await postroom.as('eva');
    const message = (await eva.call('conversation.show', { conversation })).messages[0]?.id ?? '';
    const { world } = postroom.daemon;
    const ben = world.directory.snapshot().personByName('ben');
    const box = world.directory.snapshot().mailboxByAddress(mailbox);
    if (ben === undefined || box === undefined) throw new Error('who was made is not there');
    const session: Session = {
      id: 's',
      who: { kind: 'person', person: ben.id },
      publicKey: ben.keys[0]?.public ?? '',
      openedAt: 0,
      seq: 0,
    };
    const told: string[] = [];
    const fates = { before: 0, after: 0 };
    for (const seed of seeds(rounds)) {
      await postroom.grant('ben', mailbox, { access: true, send: true, setup: true });
      const steps = new Steps(seed);
      // Every look into the store begins and ends at a turn.
      const store = new Proxy(world.store, {
        get: (target, name) => {
          const found: unknown = Reflect.get(target, name);
          if (typeof found !== 'function') return found;
          return async (...given: unknown[]) => {
            await steps.turn();
            const result = await steps.outside(async () => Reflect.apply(found, target, given));
            await steps.turn();
            return result;
          };
        },
      });
      const service = createService({ ...world, store });
      let revoked = false;
      const hear = (what: string, text: string): void => {
        if (!text.includes(mailbox) && text !== 'octets') return;
        fates[revoked ? 'after' : 'before']++;
        if (revoked) told.push(`seed ${seed}: ${what} ${text.slice(0, 200)}`);
      };
      const requests = asks({ mailbox, conversation, message }).map(([method, params]) => async () => {
        let stillAllowed = async (): Promise<void> => undefined;
        const stream = {
          upload: (async function* () {})(),
          signal: new AbortController().signal,
          guard: (ask: () => Promise<void>) => {
            stillAllowed = ask;
          },
          download: async (octets: Uint8Array) => {
            await steps.turn(); // the client's credit
            await stillAllowed();
            if (octets.length > 0) hear(method, 'octets');
          },
        };
        const reply = await answer({ methods, service, log: world.log }, session, { method, params }, stream);
        hear(method, JSON.stringify('result' in reply ? reply.result : reply.error));
      });
      const event = async (): Promise<void> => {
        for (let n = 0; n < 5; n++) {
          await steps.turn();
          if (service.maySee(session, 'open', box.id)) hear('event', mailbox);
        }
      };
      const revoke = async (): Promise<void> => {
        for (let turn = 0; turn < (seed * 7) % 60; turn++) await steps.turn();
        await steps.outside(() => eva.call('grant.remove', { mailbox, grantee: 'ben' }));
        revoked = true;
      };
      await steps.run([...requests, event, revoke]);
    }
    expect(told).toEqual([]);
    expect(fates.before).toBeGreaterThan(rounds * 2);
  }, 300_000);
});
