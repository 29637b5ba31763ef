/** Seen means painted: which revision a verb carries, after every order of what comes and what is drawn. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Look, Sight, see } from '../../tui/sight.ts';

const look = (revision: number, items: string, drawn: string, own = ''): Look => ({
  conversation: 'c',
  revision,
  items: [...items],
  drawn: new Set(drawn),
  own: new Set(own),
});

describe('what was seen after some frames', () => {
  test.each<[what: string, looks: Look[], revision: number]>([
    ['opened', [look(1, 'ab', 'b')], 1],
    ['a mail below the fold', [look(1, 'ab', 'b'), look(2, 'abc', 'b')], 1],
    ['and its first row came into sight', [look(1, 'ab', 'b'), look(2, 'abc', 'b'), look(2, 'abc', 'bc')], 2],
    ['it was drawn at once', [look(1, 'ab', 'b'), look(2, 'abc', 'abc')], 2],
    ['one of two was drawn', [look(1, 'ab', 'b'), look(3, 'abcd', 'bc')], 1],
    ['both were, one after the other', [look(1, 'ab', 'b'), look(3, 'abcd', 'bc'), look(3, 'abcd', 'd')], 3],
    ['one in between by its date', [look(1, 'ad', 'd'), look(2, 'acd', 'd')], 1],
    ['older ones loaded above', [look(5, 'cd', 'd'), look(5, 'abcd', 'd')], 5],
    ['a note of one’s own', [look(1, 'ab', 'b'), look(2, 'abn', 'b', 'n')], 2],
    ['nothing new, and a newer revision', [look(1, 'ab', 'b'), look(2, 'ab', 'b')], 2],
    ['a mail that went again', [look(1, 'ab', 'b'), look(2, 'abc', 'b'), look(3, 'ab', 'b')], 3],
  ])('%s', (_what, looks, revision) => {
    expect(looks.reduce((seen, one) => see(seen, one), null as ReturnType<typeof see> | null)?.revision).toBe(revision);
  });

  test('never a revision of which something was not drawn', () => {
    const step = fc.record({ come: fc.nat(2), from: fc.nat(12), rows: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const sight = new Sight();
        const pane = {};
        let count = 3;
        const painted = new Set(['0', '1', '2']);
        const opened = { conversation: 'c', revision: count, items: [...painted], drawn: painted, own: new Set<string>() };
        sight.show(pane, 1, opened);
        for (const { come, from, rows } of steps) {
          count += come;
          const items = Array.from({ length: count }, (_, n) => String(n));
          const drawn = items.slice(from, from + rows);
          sight.show(pane, 1, { conversation: 'c', revision: count, items, drawn: new Set(drawn), own: new Set() });
          for (const id of drawn) painted.add(id);
          sight.painted(1, false);
          const whole = items.every((id) => painted.has(id));
          expect(sight.revisionOf('c', 99) === count).toBe(whole || count === 3);
        }
      }),
    );
  });
});

test('a frame counts: not what is committed and not drawn, not what is behind a screen or under a dialog', () => {
  const sight = new Sight();
  const pane = {};
  sight.show(pane, 1, look(1, 'ab', 'ab'));
  sight.painted(1, false);
  sight.show(pane, 1, look(2, 'abc', 'abc'));
  expect(sight.revisionOf('c', 2)).toBe(1);
  sight.painted(1, true);
  expect(sight.revisionOf('c', 2)).toBe(1);
  sight.painted(2, false); // another screen is over it
  expect(sight.revisionOf('c', 7)).toBe(7);
  sight.painted(1, false);
  expect(sight.revisionOf('c', 2)).toBe(2);
  sight.leave(pane);
  sight.show(pane, 1, look(4, 'abcd', 'a'));
  expect(sight.revisionOf('c', 4)).toBe(4); // opened anew
});

test('rows of a list carry what they were drawn from; a reader of the conversation knows better', () => {
  const sight = new Sight();
  sight.list(1, [{ conversation: 'c', revision: 3 }]);
  sight.painted(1, false);
  sight.list(1, [{ conversation: 'c', revision: 4 }]);
  expect([sight.revisionOf('c', 4), sight.revisionOf('other', 9)]).toEqual([3, 9]);
  const reader = {};
  sight.show(reader, 1, look(4, 'ab', 'b'));
  sight.painted(1, false);
  expect(sight.revisionOf('c', 4)).toBe(4);
  sight.show(reader, 1, look(5, 'abc', 'b'));
  sight.list(1, [{ conversation: 'c', revision: 5 }]);
  sight.painted(1, false);
  expect([sight.revisionOf('c', 5), sight.unseen(reader, look(5, 'abc', 'b')), sight.unseen(reader, look(5, 'abc', 'bc'))]).toEqual([
    4, 1, 0,
  ]);
});
