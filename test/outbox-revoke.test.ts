import { expect, test } from 'vitest';
import type { Store } from '../daemon/store/types.ts';
import { openWorld, outboxOnly } from './support/outbox.ts';
import { seeds } from './support/seed.ts';
import { Steps } from './support/steps.ts';
import { type Step, startSubmission } from './support/submission.ts';
import { tempDir } from './support/tempdir.ts';

const steps: readonly Step[] = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'dot'];
const moves = ['before claimed', 'after claimed', 'before data', 'after data'] as const;
/** How many turns of the event loop after the moment. */
const turns = [0, 1, 2, 3, 4, 6, 9, 14, 20];

/** Every moment with every delay, against a server that pipelines and one that does not. */
const races = [['PIPELINING'], []].flatMap((extensions) =>
  [...steps, ...moves].flatMap((moment) => turns.map((delay) => ({ extensions, moment, delay }))),
);

test(`a right that goes at any of ${races.length} moments: after the answer no body begins`, async () => {
  await using home = await tempDir();
  let allowed = true;
  /** What happened, in order: `data` once the body may begin, `revoke` when the right went. */
  let order: string[] = [];
  let onMove = (_name: string) => {};
  await using world = await openWorld(
    home.path,
    { host: '127.0.0.1', port: 0, tls: 'none', user: '', ca: null },
    {
      refusal: () => (allowed ? null : 'The grant has ended.'),
      wrap: (store): Store => ({
        ...store,
        async outboxMove(id, expected, patch) {
          onMove(`before ${patch.phase}`);
          const moved = await store.outboxMove(id, expected, patch);
          onMove(`after ${patch.phase}`);
          if (patch.phase === 'data') order.push('data');
          return moved;
        },
      }),
    },
  );
  const fates = { accepted: 0, held: 0 };
  for (const { extensions, moment, delay } of races) {
    await using server = await startSubmission({ security: 'plain', users: null, extensions });
    world.account.smtp = { host: '127.0.0.1', port: server.port, tls: 'none', user: '', ca: null };
    allowed = true;
    order = [];
    const revoke = async () => {
      for (let turn = 0; turn < delay; turn++) await new Promise(setImmediate);
      allowed = false;
      order.push('revoke');
      await world.outbox.revoked({ author: 'p_ben', mailbox: world.account.id });
    };
    const revoking = Promise.withResolvers<void>();
    const strike = () => void revoke().then(revoking.resolve, revoking.reject);
    onMove = (name) => {
      if (name !== moment) return;
      onMove = () => {};
      strike();
    };
    if ((steps as readonly string[]).includes(moment)) server.reached(moment as Step).then(strike, revoking.reject);
    // Only now: a look that was under way may take it up at once.
    const row = await world.queue();
    world.outbox.poke();

    const settled = await world.outbox.settled(row.id);
    await revoking.promise;
    const sent = server.count(row.messageId);
    const where = `${moment} + ${delay}, ${order.join(' ')}, ${settled.state}`;
    expect(settled.state === 'accepted' ? sent : settled.state === 'held' ? 1 - sent : Number.NaN, where).toBe(1);
    if (settled.state === 'held')
      expect([settled.heldFor, settled.lastError, settled.phase], where).toEqual(['right', 'The grant has ended.', null]);
    // The right went before the body could begin: then it did not.
    if (order.indexOf('revoke') < order.indexOf('data') || !order.includes('data')) expect(settled.state, where).toBe('held');
    fates[settled.state === 'held' ? 'held' : 'accepted']++;
  }
  expect(fates.accepted).toBeGreaterThan(10);
  expect(fates.held).toBeGreaterThan(50);
  expect(await world.store.check()).toEqual([]);
});

test('what waits in the queue is held when the right goes, and another author’s mail is not', async () => {
  await using home = await tempDir();
  await using server = await startSubmission({ security: 'plain', users: null, faults: [{ at: 'connect', end: 'drop', times: 3 }] });
  const gone = new Set<string>();
  await using world = await openWorld(
    home.path,
    { host: '127.0.0.1', port: server.port, tls: 'none', user: '', ca: null },
    { refusal: ({ author }) => (gone.has(author) ? 'The grant has ended.' : null), config: { retryAfterMs: [60_000] } },
  );
  const [hers, his] = [await world.queue({ author: 'p_ada' }), await world.queue({ author: 'p_ben' })];
  gone.add('p_ada');
  await world.outbox.revoked({ author: 'p_ada', mailbox: world.account.id });
  const rows = await Promise.all([hers, his].map(({ id }) => world.store.outboxRow(id)));
  expect(rows.map((row) => [row?.state, row?.heldFor])).toEqual([
    ['held', 'right'],
    ['queued', null],
  ]);
});

const orders = 1_000 - races.length;

test(`${orders} orders of the same steps, drawn by seeds: after the answer nothing is delivered, and nothing is lost`, async () => {
  const fates = { accepted: 0, held: 0 };
  for (const seed of seeds(orders)) {
    const steps = new Steps(seed);
    let allowed = true;
    let answered = false;
    const delivered: boolean[] = [];
    const outbox = outboxOnly({
      turn: () => steps.turn(),
      refusal: () => (allowed ? null : 'The grant has ended.'),
      onDelivery: () => delivered.push(answered),
      // Every other mail waits for a time that comes, or does not.
      rows: [{ id: 'o_1', sendAt: 0 }, ...(seed % 2 === 0 ? [] : [{ id: 'o_2', sendAt: seed % 4 === 1 ? 0 : Number.MAX_SAFE_INTEGER }])],
    });
    const revoke = async () => {
      for (let turn = 0; turn < seed % 25; turn++) await steps.turn();
      allowed = false;
      await outbox.deliver.revoked({ author: 'p_ben', mailbox: 'm_support' });
      answered = true;
      if (seed % 3 !== 0) return;
      await steps.turn();
      allowed = true; // the right comes back: what is held waits for a person all the same
      outbox.deliver.poke();
    };
    const looks = async () => {
      outbox.deliver.poke();
      await steps.turn();
      outbox.deliver.poke();
    };
    await steps.run([looks, revoke, looks, () => outbox.rested()]);
    const where = `seed ${seed}, ${JSON.stringify([...outbox.rows.values()].map(({ state, heldFor }) => [state, heldFor]))}`;
    expect(delivered, where).not.toContain(true);
    for (const { state, heldFor } of outbox.rows.values()) {
      expect([state, heldFor], where).toEqual(state === 'accepted' ? ['accepted', null] : ['held', 'right']);
      fates[state === 'accepted' ? 'accepted' : 'held']++;
    }
    expect(delivered.length, where).toBe([...outbox.rows.values()].filter(({ state }) => state === 'accepted').length);
    await outbox.close();
  }
  expect(fates.accepted).toBeGreaterThan(100);
  expect(fates.held).toBeGreaterThan(300);
});
