import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { displayAddress, displaySender, isSafe, safeAddress, safeBlock, safeFileName, safeJson, safeText } from '../protocol/text.ts';

/** Everything that must never reach a screen. */
const forbidden = /[\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|[^\P{Cc}\n]/u;

const nasty = fc.constantFrom(
  ...[
    '\u001B',
    '\u009B',
    '\u009D',
    '\u0007',
    '\r',
    '\n',
    '\t',
    '\0',
    '\u007F',
    '[',
    ']',
    '0;',
    'm',
    '\u202E',
    '\u2066',
    '\u200B',
    '\u200D',
  ],
  ...[
    '\uFE0F',
    '\uD800',
    '\uDC00',
    '\uFFFE',
    '\u{F0000}',
    '\uE000',
    '\u0301',
    '\u{1F468}',
    '\u{1F3FD}',
    '\u2764',
    '\u{1F1E9}',
    '\u3164',
    '\u2800',
  ],
  ...['\u{E0041}', '\u2028', '\u0085', 'a', 'é', '界', ' ', '\u00A0', '\u20E3', '1'],
);
const strings = fc.oneof(
  fc.string({ unit: nasty, maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 60 }),
);

describe('SafeText', () => {
  test('holds nothing that a terminal obeys, and cleaning twice is cleaning once', () => {
    fc.assert(
      fc.property(strings, (raw) => {
        const line = safeText(raw);
        const block = safeBlock(raw);
        expect(safeText(line)).toBe(line);
        expect(safeBlock(block)).toBe(block);
        expect(forbidden.test(line) || line.includes('\n')).toBe(false);
        expect(forbidden.test(block)).toBe(false);
        expect(isSafe(line) && isSafe(block)).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  test('is what it was for ordinary text of any script', () => {
    for (const text of [
      'Where is parcel 4711?',
      'Größe 42 – übrig',
      'Счёт за март',
      '注文番号について',
      'שלום',
      'مرحبا',
      'สวัสดี',
      'हिन्दी',
      '👍 😀 🇩🇪',
      '● ★ ▌ ✓ ─ │',
    ]) {
      expect(safeText(text)).toBe(text);
      expect(isSafe(text)).toBe(true);
    }
  });

  test.each([
    ['a sequence built by stripping', '\u001B\u001B[0m]52;c;x\u0007', '[0m]52;c;x'],
    ['C1 controls', '\u009B31mred\u009D0;x\u009C', '31mred0;x'],
    ['direction', 'invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['line ends and tabs', 'a\r\nb\tc\rd\u2028e', 'a b c d e'],
    ['variation selectors', '\u2764\uFE0F', '\u2764'],
    ['a family is its first member', '\u{1F468}\u200D\u{1F469}\u200D\u{1F467} home', '\u{1F468} home'],
    ['a skin tone', '\u{1F44D}\u{1F3FD}', '\u{1F44D}'],
    ['a keycap', '1\uFE0F\u20E3', '1'],
    ['a mark without a letter', '\u0301\u0301abc', 'abc'],
    ['a tower of marks', `z${'\u0335'.repeat(50)}`, `z${'\u0335'.repeat(6)}`],
    ['private use, noncharacters, half pairs', 'a\uE000b\uFFFEc\uD800d', 'abcd'],
  ])('%s', (_, raw, shown) => {
    expect(safeText(raw)).toBe(shown);
  });

  test('a block keeps its lines', () => {
    expect(safeBlock('one\r\ntwo\rthree\n\tfour\u0007')).toBe('one\ntwo\nthree\n    four');
    expect(isSafe('one\ntwo')).toBe(true);
    expect(isSafe('one\r\ntwo')).toBe(false);
    expect(isSafe('\u001B[2J')).toBe(false);
  });
});

describe('who wrote', () => {
  const address = 'mallory@example.com';
  test.each(['Jane Cooper', 'Jürgen Müller', 'Иван Петров', '田中 Taro', 'Cooper, Jane', 'J. R. Smith', "O'Neill"])(
    '%s is shown by name',
    (name) => {
      expect(displayAddress({ name, address })).toBe(name);
    },
  );

  test.each([
    'admin@bank.example',
    'admin＠bank.example',
    'bank.example',
    'https://bank',
    'bank。example',
    'Bank\u202E',
    'Ba\u200Bnk',
    'Bank\u00AD',
    'Bank\0',
    'PayPаl', // a Cyrillic а
    'Βank Service', // a Greek Β
    '',
    '   ',
  ])('%j gives way to the address', (name) => {
    expect(displayAddress({ name, address })).toBe(address);
  });

  test('a reader always sees the address, and padding hides nothing', () => {
    expect(displaySender({ name: `Jane${' '.repeat(300)}x`, address })).toBe('Jane x <mallory@example.com>');
    expect(displaySender({ name: null, address })).toBe(address);
    expect(displayAddress({ name: 'Jane', address: '' })).toBe('Jane (no address)');
  });

  test('a domain is readable only in one script', () => {
    expect(safeAddress('a@münchen.de')).toBe('a@münchen.de');
    expect(safeAddress('a@例え.jp')).toBe('a@例え.jp');
    expect(safeAddress('a@аррӏе.com')).toBe('a@xn--80ak6aa92e.com');
    expect(safeAddress('a@ex\u202Eample.com')).toContain('{U+202E}');
  });
});

describe('file names', () => {
  test.each([
    ['invoice.pdf', 'invoice.pdf'],
    ['Rechnung März (2).pdf', 'Rechnung März (2).pdf'],
    ['../../.bashrc', 'bashrc'],
    ['C:\\Windows\\win.ini', 'win.ini'],
    ['\\\\evil.example\\share\\a', 'a'],
    ['..', 'x.bin'],
    ['', 'x.bin'],
    ['-rf', 'rf'],
    ['--output=x', 'output_x'],
    ['$(id).txt', '_(id).txt'],
    ['CON', '_CON'],
    ['NUL.txt', '_NUL.txt'],
    ['a.txt. ', 'a.txt'],
    ['a.txt::$DATA', 'a.txt___DATA'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a\0.txt', 'a.txt'],
    ['．．／x', 'x'],
    ['file\u2215etc\u2215passwd', 'passwd'],
    ['.htaccess', 'htaccess'],
  ])('%j becomes %j', (raw, name) => {
    expect(safeFileName(raw, 'x.bin')).toBe(name);
  });

  test('are short, visible and inside the folder, whatever they were', () => {
    fc.assert(
      fc.property(strings, (raw) => {
        const name = safeFileName(raw, 'x.bin');
        expect(name).toMatch(/^[\p{L}\p{N}_()][\p{L}\p{M}\p{N} ._()-]*$/u);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
        expect(isSafe(name)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
    expect(safeFileName(`${'é'.repeat(300)}.pdf`, 'x.bin')).toMatch(/^é{10,58}\.pdf$/);
  });
});

test('JSON for a terminal or a log is the same document, without a character that is obeyed or not seen', () => {
  const texts = fc.oneof(strings, fc.string({ unit: 'binary' }), fc.constantFrom('\u009b31m', '\u{E0041}', '\u202e', '\u2028', '\uD800x'));
  fc.assert(
    fc.property(texts, texts, (key, value) => {
      const said = safeJson({ [key]: [value, 1] }, 2);
      expect(JSON.parse(said)).toEqual(JSON.parse(JSON.stringify({ [key]: [value, 1] })));
      expect(forbidden.test(said)).toBe(false);
    }),
    { numRuns: 5_000 },
  );
  expect(safeJson('Łódź 日本\u200b')).toBe('"Łódź 日本\\u200b"');
});
