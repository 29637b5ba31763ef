/** How large a mail may be that leaves a hosted mailbox: its relay has a word in what goes to other servers, and in nothing else. */
import { expect, test } from 'vitest';
import { PostroomError } from '../protocol/errors.ts';
import { eventually } from './support/eventually.ts';
import { domain, startPostroom } from './support/postroom.ts';
import { startSubmission } from './support/submission.ts';

test('what a relay takes counts for mail to other servers, and not for mail that stays here', async () => {
  await using relay = await startSubmission({ security: 'plain', users: null, extensions: ['SIZE 100000'] });
  await using postroom = await startPostroom({
    config: { hosted: { domains: [domain], smtp: { port: 0 }, relay: { host: '127.0.0.1', port: relay.port, tls: 'none' } } },
  });
  const [support, sales] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  const eva = await postroom.as('eva');
  const file = Buffer.alloc(90_000, 1);
  const send = async (to: string, files: number): Promise<unknown> => {
    const attachments = Array.from({ length: files }, (_, n) => ({ filename: `${n}.bin`, sizeOctets: file.length }));
    try {
      await eva.call('outbox.send', { from: support, to, subject: 's', body: 'b', attachments }, { upload: attachments.map(() => file) });
      return 'queued';
    } catch (error) {
      return error instanceof PostroomError ? error.details : error;
    }
  };
  const tooLarge = { sizeOctets: expect.any(Number), limitOctets: 100_000, server: '127.0.0.1' };

  // Nobody has asked the relay yet: it says so to the first mail, which goes nowhere.
  expect(await send('jane@elsewhere.example', 1)).toBe('queued');
  await eventually(async () => expect(await send('jane@elsewhere.example', 1)).toEqual(tooLarge));
  const { rows } = await eva.call('outbox.list', { states: ['failed'] });
  expect(rows.map(({ lastError }) => lastError)).toContainEqual(expect.stringContaining('127.0.0.1 takes at most 100.0 kB'));
  expect(await send(`${sales}, jane@elsewhere.example`, 1)).toEqual(tooLarge);
  expect(await send(sales, 2)).toBe('queued');
  expect(relay.ledger).toEqual([]);
});

test('of a large mail a server is asked that nobody asked before: once, and one that is silent holds up nothing', {
  timeout: 60_000,
}, async () => {
  const extensions = ['SIZE 2000000'];
  await using relay = await startSubmission({ security: 'plain', users: null, extensions });
  await using postroom = await startPostroom({
    config: { hosted: { domains: [domain], smtp: { port: 0 }, relay: { host: '127.0.0.1', port: relay.port, tls: 'none' } } },
  });
  const [support, sales] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  const eva = await postroom.as('eva');
  const tried = async (from: string, sizeOctets: number): Promise<unknown> => {
    const attachments = [{ filename: 'a.bin', sizeOctets }];
    try {
      await eva.call(
        'outbox.send',
        { from, to: 'jane@elsewhere.example', subject: 's', body: 'b', attachments, dryRun: true },
        { timeoutMs: 30_000 },
      );
      return 'fits';
    } catch (error) {
      return error instanceof PostroomError ? error.details.limitOctets : error;
    }
  };
  expect(await tried(support, 100_000)).toBe('fits');
  expect(relay.seen('connect')).toBe(0);
  expect(await tried(support, 2_000_000)).toBe(2_000_000);
  expect(await tried(support, 1_000_000)).toBe('fits');
  expect(relay.seen('connect')).toBe(1);
  relay.fail({ at: 'connect', end: 'stall' });
  expect(await tried(sales, 3_000_000)).toBe('fits');
  relay.release();
  // A server without a limit is not asked again either.
  extensions[0] = 'PIPELINING';
  expect(await tried(sales, 3_000_000)).toBe('fits');
  expect(await tried(sales, 3_000_000)).toBe('fits');
  expect(relay.seen('connect')).toBe(3);
});
