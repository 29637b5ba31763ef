import { expect, test } from 'vitest';
import type { Store } from '../daemon/store/types.ts';
import { openWorld } from './support/outbox.ts';
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
}, 120_000);

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
