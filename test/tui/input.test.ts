import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputParser, pasteLostMs, type Token, tornMs } from '../../tui/input.ts';

/** What comes of reads that follow each other at once, and of the silence after them. */
function read(...reads: (string | Buffer)[]): Token[] {
  const parser = new InputParser();
  const tokens = reads.flatMap((bytes) => parser.push(Buffer.from(bytes), 0));
  while (parser.waitMs !== null) tokens.push(...parser.idle());
  return tokens;
}

/** The same with a silence after each read. */
function readSlowly(silentMs: number, reads: readonly string[]): Token[] {
  const parser = new InputParser();
  return reads.flatMap((bytes, at) => {
    const tokens = parser.push(Buffer.from(bytes), at * silentMs);
    const last = at === reads.length - 1;
    for (let wait = parser.waitMs; wait !== null && (last || wait <= silentMs); wait = parser.waitMs) tokens.push(...parser.idle());
    return tokens;
  });
}

/** Keys by name, pastes in quotes. */
const names = (...reads: (string | Buffer)[]): string => spelled(read(...reads));
const namesSlowly = (silentMs: number, ...reads: string[]): string => spelled(readSlowly(silentMs, reads));

function spelled(tokens: readonly Token[]): string {
  return tokens
    .map((token) => (token.kind === 'key' ? token.name : token.kind === 'paste' ? JSON.stringify(token.text) : `<${token.kind}>`))
    .join(' ');
}

const keys: [string, string][] = [
  ['jjj', 'j j j'],
  ['gi', 'g i'],
  ['j\rk', 'j enter k'],
  ['\n', 'enter'],
  ['\t', 'tab'],
  [' ', 'space'],
  ['\u007f', 'backspace'],
  ['\u0004', 'ctrl-d'],
  ['\u001f', 'ctrl-_'],
  ['\u001b', 'esc'],
  ['\u001b\u001b', 'esc'],
  ['\u001bb', 'alt-b'],
  ['\u001b\u007f', 'alt-backspace'],
  ['\u001b[A', 'up'],
  ['\u001bOB', 'down'],
  ['\u001b[1;5C', 'ctrl-right'],
  ['\u001b[1;2D', 'shift-left'],
  ['\u001b[Z', 'shift-tab'],
  ['\u001b[3~', 'delete'],
  ['\u001b[5~\u001b[6~', 'pageup pagedown'],
  ['\u001b[H\u001b[F\u001b[1~\u001b[4~', 'home end home end'],
  // kitty and modifyOtherKeys
  ['\u001b[27u', 'esc'],
  ['\u001b[13;5u', 'ctrl-enter'],
  ['\u001b[27;5;13~', 'ctrl-enter'],
  ['\u001b[97;5u', 'ctrl-a'],
  ['\u001b[97;2u', 'A'],
  ['\u001b[97;1:3u', ''],
  ['\u001b[57376u', ''],
  ['ü ご', 'ü space ご'],
];
describe('keys', () => {
  for (const [bytes, expected] of keys) test(JSON.stringify(bytes), () => expect(names(bytes)).toBe(expected));
});

const swallowed: [string, string][] = [
  ['SGR mouse', '\u001b[<0;33;12M\u001b[<0;33;12m'],
  ['X10 mouse', '\u001b[M jj'],
  ['primary device attributes', '\u001b[?64;1;2;6;22c'],
  ['secondary device attributes', '\u001b[>41;354;0c'],
  ['cursor position', '\u001b[24;80R'],
  ['mode report', '\u001b[?2026;2$y'],
  ['colour, ended by BEL', '\u001b]11;rgb:1e1e/1e1e/jjjj\u0007'],
  ['colour, ended by ST', '\u001b]11;rgb:1e1e/1e1e/jjjj\u001b\\'],
  ['clipboard', '\u001b]52;c;anFqag==\u001b\\'],
  ['DECRQSS', '\u001bP1$r0;jjm\u001b\\'],
  ['XTVERSION', '\u001bP>|xterm(390)\u001b\\'],
  ['APC', '\u001b_Gi=1;OK\u001b\\'],
  ['F1, F5, F12, shifted F3', '\u001bOP\u001b[15~\u001b[24~\u001b[1;2R'],
  ['F1 of the Linux console', '\u001b[[A'],
  ['eight-bit CSI and OSC', '\u009b?64c\u009d52;c;jjj\u009c'],
  ['a stray end of paste', '\u001b[201~'],
];
describe('what is no key types nothing', () => {
  for (const [name, bytes] of swallowed) {
    test(name, () => {
      expect(names(`${bytes}j`)).toBe('j');
      // Split at every place.
      for (let at = 1; at < bytes.length; at++) expect(names(bytes.slice(0, at), `${bytes.slice(at)}j`)).toBe('j');
    });
  }
  // Only the Linux console has F-keys of that form, and no network is between.
  for (const [name, bytes] of swallowed.filter(([, it]) => !it.includes('[['))) {
    test(`${name}, torn by silences`, () => {
      for (let at = 1; at < bytes.length; at++) {
        // An ESC alone is the Escape key by then; nothing of what follows it is one.
        const wanted = bytes[at - 1] === '\u001b' ? /^(?:esc )?j$/ : /^j$/;
        expect(namesSlowly(200, bytes.slice(0, at), bytes.slice(at), 'j')).toMatch(wanted);
      }
      expect(namesSlowly(200, ...bytes, 'j')).toMatch(/^(?:esc )*j$/);
    });
  }
  test('a paste whose first ESC came alone is a paste', () => {
    expect(namesSlowly(200, '\u001b', '[200~rm\r\u001b[201~')).toBe('esc "rm\\n"');
  });
  test('what a person types after Esc is typed', () => {
    for (const [reads, expected] of [
      [['[', 'd'], 'esc [ d'],
      [['[['], 'esc [ ['],
      [['['], 'esc ['],
      [[']', ']', 'j'], 'esc ] ] j'],
      [['O', 'o'], 'esc O o'],
      [['Post'], 'esc P o s t'],
      [['P'], 'esc P'],
      [['_a\r'], 'esc _ a enter'],
      [['\u001b[A'], 'esc up'],
      [['\u001b', '\u001b'], 'esc esc esc'],
    ] as const) {
      expect(namesSlowly(100, '\u001b', ...reads)).toBe(expected);
    }
    expect(namesSlowly(tornMs + 1, '\u001b', '[1')).toBe('esc [ 1');
  });
  test('focus and the kitty answer have tokens of their own', () => {
    expect(read('\u001b[I')).toEqual([{ kind: 'focus', focused: true }]);
    expect(read('\u001b[?1u')).toEqual([{ kind: 'kitty', reply: '\u001b[?1u' }]);
  });
  test('a broken sequence is given up after a silence and leaves nothing', () => {
    expect(names('\u001b[1;')).toBe('');
    expect(names('\u001b]11;rgb')).toBe('');
  });
  test('Ctrl-C gets through a string that never ends', () => expect(names('\u001b]11;rgb\u0003j')).toBe('ctrl-c j'));
});

test('UTF-8 split over reads', () => {
  const bytes = Buffer.from('ご');
  expect(names(bytes.subarray(0, 1), bytes.subarray(1, 2), bytes.subarray(2))).toBe('ご');
});

describe('pastes', () => {
  const cases: [string, string][] = [
    ['\u001b[200~one\u001b[201~', '"one"'],
    ['\u001b[200~a\r\nb\rc\nd\u001b[201~', '"a\\nb\\nc\\nd"'],
    ['\u001b[200~a\u0000\u0007\u001b]0;x\u0007\u009b\tb\u001b[201~', '"a]0;x\\tb"'],
    // What follows an end marker without a pause is still text.
    ['\u001b[200~a\u001b[201~q\r\u0003b\u001b[201~', '"aq\\nb"'],
    ['\u001b[200~\u001b[200~a\u001b[201~', '"a"'],
  ];
  for (const [bytes, expected] of cases) {
    test(JSON.stringify(bytes), () => {
      expect(names(bytes)).toBe(expected);
      for (let at = 7; at < bytes.length; at++) expect(names(bytes.slice(0, at), bytes.slice(at))).toBe(expected);
    });
  }
  test('keys work again after the silence', () => {
    const parser = new InputParser();
    parser.push(Buffer.from('\u001b[200~a\u001b[201~'), 0);
    expect(parser.idle()).toEqual([{ kind: 'paste', text: 'a' }]);
    expect(parser.push(Buffer.from('j'), 50)).toEqual([{ kind: 'key', name: 'j', text: 'j' }]);
  });
  test('an end marker that never came does not hold the keyboard for ever', () => {
    const parser = new InputParser();
    parser.push(Buffer.from('\u001b[200~a'), 0);
    expect(parser.push(Buffer.from('\u0003'), 100)).toEqual([]);
    expect(parser.push(Buffer.from('\u0003'), 200 + pasteLostMs)).toEqual([{ kind: 'key', name: 'esc', text: '' }]);
    expect(parser.push(Buffer.from('j'), 5_000)).toHaveLength(1);
  });
  test('a large one takes no long', () => {
    const text = '~'.repeat(400_000);
    expect(read(`\u001b[200~${text}\u001b[201~`)).toEqual([{ kind: 'paste', text }]);
  });
});

test('no text of a key holds a control character, whatever the bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('\u001b', '[', ']', 'P', '2', '0', '~', ';', 'j', '\u0007', '\\', 'M', '?') }),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (reads) => {
      for (const token of read(...reads.map((part) => Buffer.from(part)))) {
        if (token.kind === 'key') expect(token.text).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        if (token.kind === 'paste') expect(token.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }
    }),
  );
});
