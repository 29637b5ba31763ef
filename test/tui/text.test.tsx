import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { render } from 'ink-testing-library';
import { describe, expect, test } from 'vitest';
import { safeBlock, safeText } from '../../protocol/text.ts';
import { T } from '../../tui/components/text.tsx';
import { asciiGlyph, chrome, cutToWidth, padEndTo, padStartTo, widthOf, wrap, wrapBody } from '../../tui/text.ts';

describe('lines of a mail', () => {
  test.each<[string, string, number, string[]]>([
    ['one that fits', 'Teapot       2    19.00', 30, ['Teapot       2    19.00']],
    ['a row of a table gives up its columns first', 'Teapot       2    19.00', 18, ['Teapot  2  19.00']],
    ['and is broken between cells then', 'Teapot of iron       2    19.00', 18, ['Teapot of iron  2', '19.00']],
    ['a quote stays one', '> a line that goes on and on', 14, ['> a line that', '> goes on and', '> on']],
    ['a quote in a quote', '>> a line that goes on', 12, ['>> a line', '>> that goes', '>> on']],
    ['a quote with blanks between', '> > a line that goes', 12, ['> > a line', '> > that', '> > goes']],
    ['an item', ' * one item that is long', 14, [' * one item', '   that is', '   long']],
    ['a numbered item', ' 12. one item that is', 14, [' 12. one item', '     that is']],
    ['an indent', '    indented and long', 16, ['    indented and', '    long']],
    ['an indent too deep to keep', '            deep one', 14, ['deep one']],
    ['no item', '-5 degrees and falling', 12, ['-5 degrees', 'and falling']],
  ])('%s', (_, line, width, rows) => expect(wrapBody(safeText(line), width)).toEqual(rows));

  test('no row is wider than the screen, and no word is lost', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[>* a-c1.\u3042-]{0,60}$/), fc.integer({ min: 4, max: 40 }), (raw, width) => {
        const line = safeText(raw);
        const rows = wrapBody(line, width);
        for (const row of rows) expect(widthOf(row)).toBeLessThanOrEqual(width);
        const letters = (text: string): string => text.replace(/[> ]/g, '');
        expect(letters(rows.join(''))).toBe(letters(line));
      }),
    );
  });
});

test('plain strings cannot be drawn', () => {
  const outside: string = 'from a mail';
  // @ts-expect-error: a string of unknown origin is not safe
  const plain = <T>{outside}</T>;
  // @ts-expect-error: nor is it inside our own words
  const inside = <T>{chrome`Subject: ${outside}`}</T>;
  const drawn = render(<T>{chrome`Subject: ${safeText(outside)} ${3}`}</T>);
  expect([plain, inside]).toHaveLength(2);
  expect(drawn.lastFrame()).toBe('Subject: from a mail 3');
  drawn.unmount();
});

test('one file alone imports what draws text, one what measures it', () => {
  const files = readdirSync('tui', { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  const importers = (wanted: RegExp): string[] => files.filter((name) => wanted.test(readFileSync(join('tui', name), 'utf8'))).toSorted();
  expect(importers(/import \{[^}]*\b(Text|Transform|Static)\b[^}]*\} from 'ink'/)).toEqual(['components/text.tsx']);
  expect(importers(/from 'string-width'/)).toEqual(['text.ts']);
  // Keys come from our own parser only.
  expect(importers(/\buse(Input|Focus|FocusManager|Stdin)\b/)).toEqual([]);
});

const cuts: [string, number, string][] = [
  ['short', 9, 'short'],
  ['exactly', 7, 'exactly'],
  ['too long', 7, 'too lo…'],
  ['too long', 1, '…'],
  ['too long', 0, ''],
  ['ご注文', 6, 'ご注文'],
  ['ご注文', 5, 'ご注…'],
  // A wide letter that does not fit leaves its column empty.
  ['ご注文', 4, 'ご…'],
  ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
];
describe('cutting', () => {
  for (const [text, width, expected] of cuts) test(`${text} to ${width}`, () => expect(cutToWidth(safeText(text), width)).toBe(expected));
  test('never wider, never a split grapheme', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (raw, width) => {
        const text = safeText(raw);
        const cut = cutToWidth(text, width);
        expect(widthOf(cut)).toBeLessThanOrEqual(width);
        if (cut !== text && cut !== '') expect(text.startsWith(cut.slice(0, -1))).toBe(true);
      }),
    );
  });
});

test('padding', () => {
  expect(padEndTo(safeText('ご'), 4)).toBe('ご  ');
  expect(padStartTo(safeText('2h'), 4)).toBe('  2h');
  expect(padEndTo(safeText('too long'), 4)).toBe('too…');
});

const wraps: [string, number, string[]][] = [
  ['one two three', 7, ['one two', 'three']],
  ['one two three', 5, ['one', 'two', 'three']],
  ['a\n\nb', 5, ['a', '', 'b']],
  ['  indented text here', 12, ['  indented', 'text here']],
  ['abcdefghij k', 4, ['abcd', 'efgh', 'ij k']],
  ['ご注文について', 6, ['ご注文', 'につい', 'て']],
  ['', 5, ['']],
];
describe('wrapping', () => {
  for (const [text, width, expected] of wraps)
    test(`${JSON.stringify(text)} at ${width}`, () => expect(wrap(safeBlock(text), width)).toEqual(expected));
  test('nothing but blanks is lost, and no line is too wide', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'ご', '-') }), fc.integer({ min: 2, max: 12 }), (raw, width) => {
        const lines = wrap(safeBlock(raw), width);
        expect(lines.join('').replaceAll(' ', '')).toBe(raw.replaceAll(' ', ''));
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

test('a key is shown only when it is one printable ASCII character', () => {
  expect(asciiGlyph('g')).toBe('g');
  for (const text of ['', ' ', 'gg', '\u001b', 'é']) expect(asciiGlyph(text)).toBeNull();
});
