import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cursorAt,
  drawn,
  edit,
  type FieldKind,
  type FieldState,
  fieldOf,
  linesOf,
  paste,
  pastedLines,
  windowOf,
} from '../../tui/components/field-state.ts';

/** A field written with `|` as its cursor. */
function field(text: string): FieldState {
  const at = text.indexOf('|');
  return { ...fieldOf(text.replace('|', '')), at };
}
const show = ({ text, at }: FieldState): string => `${text.slice(0, at)}|${text.slice(at)}`;
const named = (name: string) => ({ name, text: [...name].length === 1 ? name : name === 'space' ? ' ' : '' });

function after(start: string, keys: string, kind: FieldKind = 'block', width = 40): string {
  const state = keys.split(' ').reduce((now, name) => edit(now, named(name), kind, width) ?? now, field(start));
  return show(state);
}

const cases: [string, string, string][] = [
  ['|', 'h i', 'hi|'],
  ['ab|c', 'x', 'abx|c'],
  ['abc|', 'backspace', 'ab|'],
  ['|abc', 'backspace', '|abc'],
  ['a|bc', 'delete', 'a|c'],
  ['abc|', 'left left', 'a|bc'],
  // One grapheme is one step: a flag, a letter with a mark, a family.
  ['a🇩🇪|', 'left', 'a|🇩🇪'],
  ['e\u0301|', 'backspace', '|'],
  ['a👨‍👩‍👧|b', 'left', 'a|👨‍👩‍👧b'],
  ['e|', '\u0301', 'e\u0301|'],
  ['|', '\u0301 left space alt-b', '| \u0301'],
  ['one two|', 'ctrl-w', 'one |'],
  ['one two  |', 'ctrl-w', 'one |'],
  ['one two|', 'ctrl-w ctrl-y ctrl-y', 'one twotwo|'],
  ['one two|', 'alt-b', 'one |two'],
  ['|one two', 'alt-f alt-f', 'one two|'],
  ['one two|', 'ctrl-a', '|one two'],
  ['a\nbc|d', 'ctrl-a', 'a\n|bcd'],
  ['a\nb|c\nd', 'ctrl-e', 'a\nbc|\nd'],
  ['a\nbc|d', 'ctrl-u', 'a\n|d'],
  ['a|b\nc', 'ctrl-k', 'a|\nc'],
  ['a|\nc', 'ctrl-k', 'a|c'],
  ['a|b', 'enter', 'a\n|b'],
  ['abc\nde|', 'up', 'ab|c\nde'],
  ['ab|c\nd\nefg', 'down down', 'abc\nd\nef|g'],
  ['|', 'h i ctrl-_', '|'],
  ['|', 'h i left x ctrl-_', 'h|i'],
  ['|', 'h i left x ctrl-_ ctrl-_ alt-_ alt-_', 'hx|i'],
];
describe('editing', () => {
  for (const [start, keys, end] of cases) test(`${JSON.stringify(start)} ${keys}`, () => expect(after(start, keys)).toBe(end));
  test('a key that is none of a field is handed on', () => {
    for (const name of ['esc', 'tab', 'ctrl-g', 'f5', 'ctrl-enter']) expect(edit(field('|'), { name, text: '' }, 'block', 40)).toBeNull();
    for (const name of ['enter', 'up', 'down']) expect(edit(field('|'), { name, text: '' }, 'line', 40)).toBeNull();
  });
  test('up in the first line leaves the field', () => expect(edit(field('a|b'), named('up'), 'block', 40)).toBeNull());
});

describe('pasting', () => {
  test('is one undo step', () => {
    const state = paste(field('a|b'), 'one\ntwo', 'block');
    expect(show(state)).toBe('aone\ntwo|b');
    expect(show(edit(state, named('ctrl-_'), 'block', 40) ?? state)).toBe('a|b');
  });
  test('into one line has no line ends', () => expect(show(paste(field('|'), 'one\n  two\nthree', 'line'))).toBe('one two three|'));
});

describe('lines', () => {
  const lines = (text: string, width: number): string[] => linesOf(text, width).map(({ from, to }) => text.slice(from, to));
  test('break after blanks, and inside long words', () => {
    expect(lines('one two three', 9)).toEqual(['one two ', 'three']);
    expect(lines('abcdefghij', 5)).toEqual(['abcd', 'efgh', 'ij']);
    expect(lines('a\n\nb', 9)).toEqual(['a', '', 'b']);
    expect(lines('ご注文について', 7)).toEqual(['ご注文', 'につい', 'て']);
  });
  test('the cursor is counted in columns', () => {
    const text = 'ご注 x';
    expect(cursorAt({ text, at: 3 }, linesOf(text, 20))).toEqual({ line: 0, column: 5 });
    expect(cursorAt({ text: 'one two three', at: 9 }, linesOf('one two three', 9))).toEqual({ line: 1, column: 1 });
  });
  test('what a screen may not show is a dot', () => {
    expect(drawn('\u202e')).toBe('·');
    expect(drawn('👨‍👩‍👧')).toBe('👨');
  });
});

test('a word that is too long behind a blank is broken as well', () => {
  const lines = linesOf(' ごごごご', 8);
  expect(lines).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 4 },
    { from: 4, to: 5 },
  ]);
});

test('whatever is pressed: the cursor stands between two graphemes, undo leads back to the beginning', () => {
  const names = fc.constantFrom(
    'left',
    'right',
    'up',
    'down',
    'backspace',
    'delete',
    'ctrl-w',
    'ctrl-k',
    'ctrl-y',
    'alt-b',
    'enter',
    'x',
    ' ',
    'ü',
    '\u0301',
    '👩',
    '\u200d',
    'ご',
  );
  fc.assert(
    fc.property(fc.array(names, { maxLength: 40 }), (keys) => {
      let state = fieldOf('');
      for (const name of keys) {
        state = edit(state, named(name), 'block', 8) ?? state;
        const stops = [0, ...Array.from(new Intl.Segmenter().segment(state.text), ({ segment, index }) => index + segment.length)];
        expect(stops).toContain(state.at);
        const { line, column } = cursorAt(state, linesOf(state.text, 8));
        expect(line).toBeGreaterThanOrEqual(0);
        expect(column).toBeLessThan(8);
      }
      for (let i = 0; i <= keys.length; i++) state = edit(state, named('ctrl-_'), 'block', 8) ?? state;
      expect(state.text).toBe('');
    }),
    { numRuns: 500 },
  );
});

describe('what a field of one line shows', () => {
  const shown = (text: string, at: number, columns: number, scroll = 0) => {
    const { from, column } = windowOf(fieldOf(text).at === at ? fieldOf(text) : { ...fieldOf(text), at }, columns, scroll);
    return { from, column };
  };
  test('all of it while it fits, then the end of it', () => {
    expect(shown('abc', 3, 10)).toEqual({ from: 0, column: 3 });
    expect(shown('abcdefghijkl', 12, 10)).toEqual({ from: 3, column: 9 });
    expect(shown('書書書書書', 5, 6)).toEqual({ from: 3, column: 4 });
  });
  test('a third stays in sight before a cursor that leaves at the left', () =>
    expect(shown('abcdefghijkl', 6, 9, 6)).toEqual({ from: 3, column: 3 }));
  test('a whole file in it is one pass, not one for each character', () => {
    const text = 'line of pasted text '.repeat(20_000);
    expect(shown(text, text.length, 80).column).toBe(79);
  });
  test('lines of a paste are counted without the line ends that it closes with', () => {
    expect([pastedLines('one'), pastedLines('one\n'), pastedLines('one\ntwo\n\n')]).toEqual([1, 1, 2]);
  });
});
