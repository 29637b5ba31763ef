/** Reads of the daemon's own thread that the machine refuses: whoever asked learns what to do, and the next time it works. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refusalOf } from '../daemon/store/fault.ts';
import { FaultPlan, FaultyDisk } from './support/faulty-disk.ts';
import { startPostroom } from './support/postroom.ts';

test('a mail cannot be read: unavailable with the way out, and read when the disk works', async () => {
  await using postroom = await startPostroom();
  const address = await postroom.mailbox('support');
  await postroom.deliver(address, { text: 'It has not come.\n' });
  const eva = await postroom.as('eva');
  const { conversation } = await postroom.newest(address);
  const message = (await eva.call('conversation.show', { conversation })).messages[0]?.id ?? '';
  const asked = {
    show: () => eva.call('conversation.show', { conversation }),
    raw: () => eva.call('message.raw', { message }, { onChunk: () => undefined }),
    reply: () => eva.call('compose.reply', { conversation, kind: 'reply' }),
  };
  const plan = new FaultPlan();
  using _ = new FaultyDisk(join(postroom.places.data, 'packs'), plan);
  for (const [code, words] of [
    ['EMFILE', 'too many files open'],
    ['EIO', 'answered with an error'],
  ] as const) {
    for (const [what, ask] of Object.entries(asked)) {
      plan.failAt(1, code, false);
      await expect(ask(), `${code} in ${what}`).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining(words) });
      expect(plan.struck).toBe(true);
      await ask();
    }
  }
});

test('what SQLite reports is known by its primary code, and what is a bug stays one', () => {
  const ofSqlite = (errcode: number) => refusalOf(Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode }));
  expect(ofSqlite(10 | (1 << 8))).toMatch(/disk answered with an error/); // SQLITE_IOERR_READ
  expect(ofSqlite(14)).toMatch(/too many files open/);
  expect(ofSqlite(1)).toBeNull();
  expect(refusalOf(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBeNull();
  expect(refusalOf(new TypeError('x'))).toBeNull();
});
