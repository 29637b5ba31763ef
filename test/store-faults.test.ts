/** The store's writer on a disk that fails: an error that says what to do, nothing half written, and service as soon as the disk works again. */
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test, vi } from 'vitest';
import { PostroomError } from '../protocol/errors.ts';
import { atEveryCall } from './support/faulty-disk.ts';
import { turnWriters } from './support/faulty-writer.ts';
import { letter, minute, storeStory } from './support/store.ts';

vi.mock('../daemon/worker-file.ts', async (original) => {
  const { workerFile } = await original<typeof import('../daemon/worker-file.ts')>();
  return {
    workerFile: (here: string, name: string) =>
      name === 'writer.worker' ? new URL('./support/faulty-writer.worker.ts', import.meta.url) : workerFile(here, name),
  };
});

type Story = Awaited<ReturnType<typeof storeStory>>;

/** Everything in mail.db, by table. */
function contents(home: string): Record<string, string> {
  const db = new DatabaseSync(`${home}/mail.db`, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name").all();
    const text = (_: string, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value);
    return Object.fromEntries(tables.map(({ name }) => [String(name), JSON.stringify(db.prepare(`SELECT * FROM ${name}`).all(), text)]));
  } finally {
    db.close();
  }
}

/** `done`, or the words of a refusal that somebody can act on. */
async function refusalOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return 'done';
  } catch (error) {
    if (error instanceof PostroomError && error.code === 'unavailable') return error.message;
    throw error;
  }
}

/** Words that no mail before had: the index needs pages for them. */
const words = (n: number): string => Array.from({ length: 3_000 }, (_, at) => `${n}w${at}${at % 12 === 11 ? '\r\n' : ' '}`).join('');

/** What is asked of the store, each time with something new. */
const asked: Record<string, (story: Story, n: number) => Promise<unknown>> = {
  'mail comes in': (story, n) => story.one('INBOX', 'live', letter({ id: `in-${n}`, text: words(n) }), minute(n % 60)),
  'a mail is queued': (story, n) =>
    story.send(letter({ id: `out-${n}`, text: words(n) }), {
      messageId: `<out-${n}@example.com>`,
      postroomId: `p${n}`,
    }),
};

describe.each(Object.keys(asked))('%s', (what) => {
  const ask = asked[what] ?? (() => Promise.reject(new Error(what)));

  test('and a call of the disk fails: refused with the way out, nothing half written, and taken when the disk works', async () => {
    const { plan, commitsTooEarly } = turnWriters();
    await using story = await storeStory();
    await ask(story, 0);
    let n = 1;
    const runs = await atEveryCall(plan, async (fault) => {
      const before = contents(story.home);
      const said = await refusalOf(ask(story, n));
      const refuses = plan.struck && !plan.struckNote;
      plan.heal();
      if (refuses) {
        expect([fault, said]).toEqual([fault, expect.stringMatching(/(disk|files).*try again.*Nothing was written\.$/)]);
        expect([fault, contents(story.home)]).toEqual([fault, before]);
        expect([fault, await refusalOf(ask(story, n))]).toEqual([fault, 'done']);
      } else expect([fault, said]).toEqual([fault, 'done']);
      n += 1;
    });
    expect(runs).toBeGreaterThan(6);
    expect(commitsTooEarly()).toBe(0);
    expect(await story.store.checkPacks()).toEqual([]);
  });

  test('and mail.db may not grow any more: refused, nothing half written, read as before, and taken when there is room', async () => {
    const { letGrow } = turnWriters();
    await using story = await storeStory();
    const kept = await story.one('INBOX', 'live', letter({ id: 'kept' }), minute(0));
    let refused = 0;
    for (let pages = 0, done = false; !done; pages++) {
      const before = contents(story.home);
      letGrow(pages);
      const said = await refusalOf(ask(story, 1));
      letGrow(null);
      done = said === 'done';
      if (done) break;
      refused += 1;
      expect([pages, said]).toEqual([pages, 'The disk is full. Make room, then try again. Nothing was written.']);
      expect([pages, contents(story.home)]).toEqual([pages, before]);
      expect((await story.detail(kept.conversation)).entries.length).toBe(1);
    }
    expect(refused).toBeGreaterThan(2);
  });
});
