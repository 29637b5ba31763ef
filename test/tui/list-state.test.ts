import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyList, follow, type ListMove, type ListState, move, wanted } from '../../tui/components/list-state.ts';
import { table } from '../support/table.ts';

const letters = (text: string): string[] => [...text];
const listOf = (text: string, height: number, cursor: string, top: number): ListState => {
  const ids = letters(text);
  return { ids, height, cursor, index: ids.indexOf(cursor), top, newAbove: 0, reach: 0, wish: null };
};

describe('moving', () => {
  const moves: Record<string, ListMove> = {
    down: { by: 'row', steps: 1 },
    up: { by: 'row', steps: -1 },
    'down 3': { by: 'row', steps: 3 },
    half: { by: 'half', steps: 1 },
    page: { by: 'page', steps: 1 },
    'page up': { by: 'page', steps: -1 },
    first: { to: 'first' },
    last: { to: 'last' },
    'to h': { to: 'id', id: 'h' },
    'to ?': { to: 'id', id: '?' },
  };
  // Ten rows a–j in a window of four.
  const cases = table<Record<string, string>>(`
    from  top  step     cursor  newtop
    a     0    down     b       0
    d     0    down     e       1
    a     0    up       a       0
    e     4    up       d       3
    f     4    up       e       4
    a     0    down 3   d       0
    i     6    down 3   j       6
    a     0    half     c       0
    a     0    page     d       0
    d     0    page     g       3
    j     6    page up  g       6
    c     0    last     j       6
    j     6    first    a       0
    a     0    to h     h       4
    c     1    to ?     c       1
  `);
  for (const { from, top, step, cursor, newtop } of cases) {
    test(`${step} from ${from} at ${top}`, () => {
      const state = move(listOf('abcdefghij', 4, from ?? '', Number(top)), moves[step ?? ''] ?? { to: 'first' });
      expect(`${state.cursor} ${state.top}`).toBe(`${cursor} ${newtop}`);
    });
  }
});

describe('a list that changes', () => {
  // Window of four. `new` is what the filter row counts.
  const cases = table<Record<string, string>>(`
    before      cursor  top  after        cursor2  top2  new
    abcdefghij  a       0    abcdefghijk  a        0     0
    abcdefghij  a       0    xabcdefghij  a        1     1
    abcdefghij  f       3    xyabcdefghij  f       5     2
    abcdefghij  f       3    abcxdefghij  f        4     1
    abcdefghij  f       3    abcdxefghij  f        4     0
    abcdefghij  f       3    abcdefgxhij  f        3     0
    abcdefghij  f       3    abcdeghij    g        3     0
    abcdefghij  j       6    abcdefghi    i        5     0
    abcdefghij  f       3    bcdefghij    f        2     0
    abcdefghij  f       3    jabcdefghi   f        4     0
    abcdefghij  f       3    abc          c        0     0
    abcdefghij  f       3    xyz          x        0     0
  `);
  for (const { before, cursor, top, after, cursor2, top2, new: fresh } of cases) {
    test(`${before} -> ${after} at ${cursor}`, () => {
      const state = follow(listOf(before ?? '', 4, cursor ?? '', Number(top)), letters(after ?? ''), 4);
      expect(`${state.cursor} ${state.top} ${state.newAbove}`).toBe(`${cursor2} ${top2} ${fresh}`);
    });
  }
  test('emptied and filled again', () => {
    const empty = follow(listOf('abc', 4, 'b', 0), [], 4);
    expect(empty.cursor).toBeNull();
    expect(follow(empty, ['x', 'y'], 4)).toMatchObject({ cursor: 'x', index: 0, top: 0 });
  });
  test('scrolling up to the arrivals uncounts them', () => {
    const state = follow(listOf('abcdefghij', 4, 'a', 0), letters('xyabcdefghij'), 4);
    expect(state.newAbove).toBe(2);
    expect(move(state, { by: 'row', steps: -1 }).newAbove).toBe(1);
    expect(move(state, { to: 'first' }).newAbove).toBe(0);
  });
  test('rows that come back with a right are no arrivals', () => {
    const without = follow(listOf('abcdefghij', 4, 'g', 5), letters('defghij'), 4, 1);
    const back = follow(without, letters('abcdefghij'), 4, 2);
    expect(back).toMatchObject({ cursor: 'g', newAbove: 0 });
    expect(follow(back, letters('xabcdefghij'), 4, 2).newAbove).toBe(1);
  });
  test('a row that was selected before it came has the cursor when it does', () => {
    const waiting = move(listOf('abcdefghij', 4, 'e', 3), { to: 'id', id: 'x' });
    expect(waiting.cursor).toBe('e');
    expect(follow(waiting, letters('axbcdefghij'), 4)).toMatchObject({ cursor: 'x', wish: null });
    expect(follow(move(waiting, { by: 'row', steps: 1 }), letters('axbcdefghij'), 4).cursor).toBe('f');
    expect(follow(follow(waiting, [], 4), letters('ax'), 4).cursor).toBe('x');
  });
  test('a smaller window keeps the cursor in it', () => {
    const state = follow(listOf('abcdefghij', 8, 'h', 0), letters('abcdefghij'), 3);
    expect(state.index - state.top).toBeLessThan(3);
  });
  test('the same list gives the same state', () => {
    const state = follow(emptyList(4), letters('abc'), 4);
    expect(follow(state, state.ids, 4)).toBe(state);
  });
});

const unique = fc.uniqueArray(fc.constantFrom(...'abcdefghijklmnop'), { minLength: 1 });
test('whatever comes, goes and moves: the cursor stays on its id while that is there, and in the window', () => {
  fc.assert(
    fc.property(unique, fc.array(fc.tuple(unique, fc.integer({ min: 1, max: 9 }), fc.integer({ min: -20, max: 20 }))), (first, changes) => {
      let state = follow(emptyList(4), first, 4);
      for (const [ids, height, steps] of changes) {
        const before = state;
        state = follow(state, ids, height);
        if (before.cursor !== null && ids.includes(before.cursor)) expect(state.cursor).toBe(before.cursor);
        state = move(state, { by: 'row', steps });
        expect(state.ids[state.index]).toBe(state.cursor);
        expect(state.index).toBeGreaterThanOrEqual(state.top);
        expect(state.index).toBeLessThan(state.top + state.height);
        expect(state.top).toBeGreaterThanOrEqual(0);
        // No empty rows below while there are rows above.
        expect(state.top === 0 || state.top + state.height <= state.ids.length).toBe(true);
        expect(state.newAbove).toBeLessThanOrEqual(state.top);
      }
    }),
  );
});

test('only the window and two pages either side are wanted, of 100 000 rows', () => {
  const ids = Array.from({ length: 100_000 }, (_, index) => String(index));
  const state = move(follow(emptyList(20), ids, 20), { by: 'row', steps: 50_000 });
  expect(wanted(state)).toEqual({ from: 49_941, to: 50_041 });
});
