/** What Tab and ↑ do in the search field, and which answers count while somebody types. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import { hitId, LiveSearch } from '../../tui/live-search.ts';
import { SavedViews } from '../../tui/saved-views.ts';
import { complete, remembered, walked, wrongAt } from '../../tui/screens/search-words.ts';
import { table } from '../support/table.ts';
import { tempDir } from '../support/tempdir.ts';
import { hit } from './values.ts';

const known = { in: ['support@x.example', 'sales@x.example'], assigned: ['anna'] };
for (const { typed, becomes, options } of table<{ typed: string; becomes: string; options: string }>(`
  typed        becomes                options
  fr           from:                  from:
  jane is:o    jane is:open_          is:open
  f            f                      from: folder:
  b            b                      body: before:
  be           before:                before:
  is:          is:                    is:unread is:open is:waiting is:done is:mine is:star
  -is:w        -is:waiting_           is:waiting
  (in:sup      (in:support@x.example_  in:support@x.example
  in:s         in:s                   in:support@x.example in:sales@x.example
  assigned:a   assigned:anna_         assigned:anna
  FROM         from:                  from:
  zzz          zzz                    -
`)) {
  test(`Tab on ${typed}`, () => {
    const found = complete(typed, known);
    expect([found.text.replaceAll(' ', '_').replace('jane_', 'jane '), found.options.join(' ')]).toEqual([becomes, options]);
  });
}

test('Tab again walks through what a word may become', () => {
  const first = complete('x f', known);
  const second = complete(first.text, known, first);
  const third = complete(second.text, known, second);
  expect([first.text, second.text, third.text, complete(third.text, known, third).text]).toEqual([
    'x f',
    'x from:',
    'x folder:',
    'x from:',
  ]);
});

test('history: once each, the last one first, and back to what was being typed', () => {
  const history = ['a', 'b', 'a', ' '].reduce(remembered, [] as readonly string[]);
  expect(history).toEqual(['b', 'a']);
  const one = walked(history, { at: 0, typed: 'now' }, 1);
  const two = one && walked(history, one.walk, 1);
  expect([one?.text, two?.text]).toEqual(['a', 'b']);
  expect(two && walked(history, two.walk, 1)).toBeNull();
  expect(one && walked(history, one.walk, -1)?.text).toBe('now');
});

test('an error of the query says where', () => {
  expect(wrongAt(new PostroomError('invalid', 'no', { position: 4 }))).toBe(4);
  expect(wrongAt(new PostroomError('unavailable', 'no'))).toBeNull();
});

describe('while somebody types', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  type Answer = { asked: Params<'search.run'>; resolve: (found: Result<'search.run'>) => void; reject: (error: Error) => void };
  function searching() {
    const answers: Answer[] = [];
    const search = new LiveSearch(
      (asked) => new Promise((resolve, reject) => answers.push({ asked, resolve, reject })),
      () => Date.now(),
    );
    return { search, answers };
  }
  const found = (...ids: string[]): Result<'search.run'> => ({
    rows: ids.map((id) => hit(id)),
    next: null,
    total: ids.length,
    exact: true,
    complete: true,
    seq: 0,
  });
  const settle = () => vi.advanceTimersByTimeAsync(0);

  test('ten questions a second leave at most, and the last text is asked', async () => {
    const { search, answers } = searching();
    for (let at = 0; at < 100; at++) {
      search.type('x'.repeat(at + 1));
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(200);
    expect(answers.length).toBeLessThanOrEqual(11);
    expect(answers.at(-1)?.asked).toMatchObject({ query: 'x'.repeat(100), typing: true });
  });

  test('an answer that was overtaken is dropped, its error as well', async () => {
    const { search, answers } = searching();
    search.type('a');
    await vi.advanceTimersByTimeAsync(150);
    search.type('ab');
    answers[1]?.resolve(found('new'));
    await settle();
    answers[0]?.reject(new PostroomError('rate-limited', 'overtaken'));
    await settle();
    expect(search.picture.error).toBeNull();
    expect(search.picture.data?.rows.map(hitId)).toEqual(['c-new m-new ']);
  });

  test('an answer is no answer to a text that is not asked yet', async () => {
    const { search, answers } = searching();
    search.type('a');
    search.type('ab');
    answers[0]?.resolve(found('old'));
    await settle();
    expect(search.picture.data).toBeNull();
  });

  test('a query that cannot be read keeps the hits before', async () => {
    const { search, answers } = searching();
    search.type('a');
    answers[0]?.resolve(found('one'));
    await settle();
    void search.run('is:x');
    answers[1]?.reject(new PostroomError('invalid', 'There is no is:x', { position: 3 }));
    await settle();
    expect([search.picture.error?.message, search.picture.data?.rows.length]).toEqual(['There is no is:x', 1]);
  });

  test('pages follow each other; what is lost leaves', async () => {
    const { search, answers } = searching();
    void search.run('a');
    answers[0]?.resolve({ ...found('one', 'two'), next: 'cursor' });
    await settle();
    void search.more();
    void search.more();
    expect(answers.map(({ asked }) => asked.cursor)).toEqual([undefined, 'cursor']);
    answers[1]?.resolve(found('two', 'three'));
    await settle();
    expect(search.picture.data?.rows.map(({ message }) => message)).toEqual(['m-one', 'm-two', 'm-three']);
    search.forget(new Set(['support@x.example']));
    expect(search.picture.data?.rows).toEqual([]);
  });
});

describe('saved views', () => {
  test('are kept in a file of one’s own, for each identity', async () => {
    await using folder = await tempDir();
    const file = join(folder.path, 'config', 'views.json');
    const mine = new SavedViews(file, 'key a');
    await mine.load();
    await mine.save({ name: 'VIP', query: 'from:jane' });
    await mine.save({ name: 'Late', query: 'before:7d' });
    await mine.save({ name: 'VIP', query: 'from:jane is:open' });
    await new SavedViews(file, 'key b').save({ name: 'other', query: 'x' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const again = new SavedViews(file, 'key a');
    await again.load();
    expect(again.picture.data).toEqual([
      { name: 'VIP', query: 'from:jane is:open' },
      { name: 'Late', query: 'before:7d' },
    ]);
    await again.remove('VIP');
    expect(again.picture.data).toEqual([{ name: 'Late', query: 'before:7d' }]);
  });
  test('are five at most', async () => {
    await using folder = await tempDir();
    const views = new SavedViews(join(folder.path, 'views.json'), 'key');
    for (const name of ['5', '6', '7', '8', '9']) expect(await views.save({ name, query: name })).toBe(true);
    expect(await views.save({ name: 'ten', query: 'x' })).toBe(false);
    expect(await views.save({ name: '9', query: 'y' })).toBe(true);
  });
});
