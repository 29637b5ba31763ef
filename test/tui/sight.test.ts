/** Seen means painted: which revision a verb carries, after every order of what comes and what is drawn, in whatever pane. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Look, Sight } from '../../tui/sight.ts';

const look = (revision: number, items: string, drawn: string, own = '', conversation = 'c'): Look => ({
  conversation,
  revision,
  items: [...items],
  drawn: new Set(drawn),
  own: new Set(own),
});
const now = 99;

/** Panes one after the other on one layer, each closed before the next. */
function afterPanes(panes: readonly (readonly Look[])[]): number {
  const sight = new Sight();
  for (const looks of panes) {
    const pane = {};
    for (const one of looks) {
      sight.show(pane, 1, one);
      sight.painted(1, false);
    }
    if (looks !== panes.at(-1)) sight.leave(pane);
  }
  return sight.revisionOf('c', now);
}

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
    ['a folded one is one row', [look(1, 'a', 'a'), look(4, 'abcd', 'abc'), look(4, 'abcd', 'cd')], 4],
    ['a smaller window', [look(2, 'abc', 'abc'), look(2, 'abc', 'a')], 2],
  ])('%s', (_what, looks, revision) => {
    expect(afterPanes([looks])).toBe(revision);
  });
});

describe('what was not seen stays so, whichever pane shows it next', () => {
  test.each<[what: string, panes: Look[][], revision: number]>([
    ['another pane, further up', [[look(1, 'ab', 'b'), look(2, 'abc', 'b')], [look(2, 'abc', 'a')]], 1],
    ['another pane that draws it', [[look(1, 'ab', 'b'), look(2, 'abc', 'b')], [look(2, 'abc', 'c')]], 2],
    ['away, and it came meanwhile', [[look(1, 'ab', 'b')], [look(2, 'abc', 'b')]], 1],
    ['away, and both came meanwhile', [[look(1, 'ab', 'b')], [look(3, 'abcd', 'c')], [look(3, 'abcd', 'd')]], 3],
    ['three panes, never in sight', [[look(1, 'ab', 'b'), look(2, 'abc', 'b')], [look(2, 'abc', 'b')], [look(2, 'abc', 'a')]], 1],
    ['joined to an older conversation', [[look(1, 'xy', 'y', '', 'd'), look(2, 'xyz', 'y', '', 'd')], [look(3, 'axyz', 'x')]], 0],
    ['joined, and in sight', [[look(1, 'xy', 'y', '', 'd'), look(2, 'xyz', 'y', '', 'd')], [look(3, 'axyz', 'xyz')]], 3],
  ])('%s', (_what, panes, revision) => {
    expect(afterPanes(panes)).toBe(revision);
  });

  test('a closed pane leaves its mark on the row of the list behind it', () => {
    const sight = new Sight();
    const pane = {};
    sight.list(1, [{ conversation: 'c', revision: 1 }]);
    sight.painted(1, false);
    sight.show(pane, 2, look(1, 'ab', 'b'));
    sight.painted(2, false);
    sight.show(pane, 2, look(2, 'abc', 'b'));
    sight.list(1, [{ conversation: 'c', revision: 2 }]);
    sight.painted(2, false);
    sight.leave(pane);
    sight.painted(1, false);
    // The row tells of a newest mail; the one below the fold may be another.
    expect(sight.revisionOf('c', 2)).toBe(1);
    sight.show(pane, 2, look(2, 'abc', 'c'));
    sight.painted(2, false);
    sight.leave(pane);
    sight.list(1, [{ conversation: 'c', revision: 3 }]);
    sight.painted(1, false);
    expect(sight.revisionOf('c', 3)).toBe(3);
  });
});

test('never a revision of which something was not drawn, over panes that come and go', () => {
  const step = fc.record({ come: fc.nat(2), from: fc.nat(12), rows: fc.nat(4), anew: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const sight = new Sight();
      let pane = {};
      let count = 3;
      const painted = new Set(['0', '1', '2']);
      const opened = { conversation: 'c', revision: count, items: [...painted], drawn: painted, own: new Set<string>() };
      sight.show(pane, 1, opened);
      sight.painted(1, false);
      for (const { come, from, rows, anew } of steps) {
        count += come;
        if (anew) {
          sight.leave(pane);
          pane = {};
        }
        const items = Array.from({ length: count }, (_, n) => String(n));
        const drawn = items.slice(from, from + rows);
        const one = { conversation: 'c', revision: count, items, drawn: new Set(drawn), own: new Set<string>() };
        sight.show(pane, 1, one);
        for (const id of drawn) painted.add(id);
        expect(sight.unseen(one)).toBe(items.filter((id) => !painted.has(id)).length);
        sight.painted(1, false);
        const whole = items.every((id) => painted.has(id));
        expect(sight.revisionOf('c', now) === count).toBe(whole);
      }
    }),
  );
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
  sight.show(pane, 1, look(3, 'abcd', 'abcd'));
  sight.painted(1, false);
  expect(sight.revisionOf('c', 3)).toBe(3);
});

test('a conversation that was opened and not painted yet is acted on as its row was', () => {
  const sight = new Sight();
  sight.list(1, [{ conversation: 'c', revision: 3 }]);
  sight.painted(1, false);
  sight.show({}, 2, look(4, 'ab', 'b'));
  expect(sight.revisionOf('c', 4)).toBe(3);
  sight.painted(2, false);
  expect(sight.revisionOf('c', 4)).toBe(4);
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
  expect([sight.revisionOf('c', 5), sight.unseen(look(5, 'abc', 'b')), sight.unseen(look(5, 'abc', 'bc'))]).toEqual([4, 1, 0]);
});

describe('rows that name single mails: hits and events', () => {
  /** What `e` carries after each list of rows was painted in turn. */
  function afterRows(looks: readonly Look[], read: readonly Look[] = []): number {
    const sight = new Sight();
    for (const one of read) {
      const pane = {};
      sight.show(pane, 2, one);
      sight.painted(2, false);
      sight.leave(pane);
    }
    for (const one of looks) {
      sight.parts(1, [one]);
      sight.painted(1, false);
      sight.leaveList(1);
    }
    sight.parts(1, looks.slice(-1));
    sight.painted(1, false);
    return sight.revisionOf('c', now);
  }

  test.each<[what: string, looks: Look[], revision: number]>([
    ['met first, whatever has no row', [look(7, 'b', 'b')], 7],
    ['a mail without a row', [look(1, 'ab', 'b'), look(2, 'ab', 'b')], 1],
    ['a mail with a row below', [look(1, 'ab', 'b'), look(2, 'abc', 'b')], 1],
    ['and it was scrolled to', [look(1, 'ab', 'b'), look(2, 'abc', 'b'), look(2, 'abc', 'c')], 2],
    ['two, one of them with a row', [look(1, 'ab', 'b'), look(3, 'abc', 'bc')], 1],
    ['two, one after the other', [look(1, 'ab', 'b'), look(3, 'abcd', 'bc'), look(3, 'abcd', 'd')], 3],
    ['older rows loaded above', [look(4, 'cd', 'd'), look(4, 'abcd', 'ab')], 4],
    ['older rows loaded, and one came without a row', [look(4, 'cd', 'd'), look(5, 'abcd', 'ab')], 4],
    ['one of one’s own, out of sight', [look(1, 'ab', 'b'), look(2, 'abc', 'b', 'c')], 2],
    ['the same rows asked for anew', [look(1, 'ab', 'ab'), look(1, 'ab', 'a')], 1],
    ['a kind that is hidden, then shown', [look(1, 'a', 'a'), look(2, 'a', 'a'), look(2, 'ab', 'ab')], 2],
    ['rows that were found before what one has seen', [look(2, 'ab', 'ab'), look(1, 'a', 'a')], 2],
  ])('%s', (_what, looks, revision) => {
    expect(afterRows(looks)).toBe(revision);
  });

  test.each<[what: string, read: Look[], looks: Look[], revision: number]>([
    ['read before, and nothing new', [look(2, 'abc', 'c')], [look(2, 'a', 'a')], 2],
    ['read before, and a mail came that has no row', [look(2, 'abc', 'c')], [look(3, 'a', 'a')], 2],
    ['read before, and the row of the new one is there', [look(2, 'abc', 'c')], [look(3, 'acd', 'acd')], 3],
    ['a mail that a reader held below its fold', [look(1, 'ab', 'b'), look(2, 'abc', 'b')], [look(2, 'b', 'b')], 1],
    ['found at 1, read at 2', [look(2, 'abc', 'c')], [look(1, 'a', 'a')], 2],
  ])('%s', (_what, read, looks, revision) => {
    expect(afterRows(looks, read)).toBe(revision);
  });

  test('a row makes no mail known to a reader: what was there when it is opened is not new', () => {
    const sight = new Sight();
    sight.parts(1, [look(3, 'b', 'b')]);
    sight.painted(1, false);
    expect(sight.unseen(look(3, 'abcd', 'b'))).toBe(0);
  });

  test('rows out of the window, under a dialog, or in a list that closed carry nothing', () => {
    const sight = new Sight();
    sight.parts(1, [look(1, 'ab', '')]);
    sight.painted(1, false);
    expect(sight.revisionOf('c', now)).toBe(now);
    sight.parts(1, [look(1, 'ab', 'b')]);
    sight.painted(1, false);
    sight.parts(1, [look(2, 'abc', 'bc')]);
    sight.painted(1, true);
    expect(sight.revisionOf('c', now)).toBe(1);
  });

  test('never a revision of which a mail was not painted, however rows come, hide and scroll', () => {
    const step = fc.record({ come: fc.nat(2), hide: fc.boolean(), from: fc.nat(12), rows: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const sight = new Sight();
        let count = 3;
        const painted = new Set(['0', '1', '2']);
        const hidden = new Set<string>();
        sight.parts(1, [look(count, '012', '012')]);
        sight.painted(1, false);
        for (const { come, hide, from, rows } of steps) {
          for (let n = 0; n < come; n++) {
            if (hide) hidden.add(String(count));
            count++;
          }
          const all = Array.from({ length: count }, (_, n) => String(n));
          const items = all.filter((id) => !hidden.has(id));
          const drawn = items.slice(from, from + rows);
          sight.parts(1, [{ conversation: 'c', revision: count, items, drawn: new Set(drawn), own: new Set() }]);
          sight.painted(1, false);
          for (const id of drawn) painted.add(id);
          const carried = sight.revisionOf('c', 0);
          expect(all.slice(0, carried).filter((id) => !painted.has(id))).toEqual([]);
        }
      }),
    );
  });
});
