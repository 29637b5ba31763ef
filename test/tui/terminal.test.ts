import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OutputFilter } from '../../tui/terminal.ts';

const passing = [
  '\u001b[1;31mred\u001b[0m',
  '\u001b[2K\u001b[1A\u001b[G',
  '\u001b[3;4H\u001b[J',
  'line\r\nline',
  '\u001b[?25l',
  '\u001b[?2026h',
  '\u001b[>1u',
  '\u001b[<u',
  '\u001b[?u',
];
const dropped: [string, string][] = [
  ['\u001b]0;title\u0007text', 'text'],
  ['\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['\u001b]52;c;eA==\u0007', ''],
  ['\u001bPq\u001b\\x', 'x'],
  ['\u001b[6n\u001b[c\u001b[>c', ''],
  ['\u001b[?1000h\u001b[?2004;1000h', ''],
  ['\u001b[21t\u001b[4i\u001b[!p', ''],
  ['a\u0007\u0008\u0000\u007f\u009b31mb', 'a31mb'],
  ['\u001bc\u001b(0', 'c(0'],
  ['\u001b\u001b[0m]52;c;x\u0007', '\u001b[0m]52;c;x'],
];
describe('only what the renderer writes reaches the terminal', () => {
  for (const text of passing) test(`passes ${JSON.stringify(text)}`, () => expect(new OutputFilter().filter(text)).toBe(text));
  for (const [text, left] of dropped) test(`drops ${JSON.stringify(text)}`, () => expect(new OutputFilter().filter(text)).toBe(left));
  test('filtering twice changes nothing', () => {
    const text = fc.string({
      unit: fc.constantFrom('\u001b', '[', ']', 'P', '?', '2', '5', ';', 'h', 'm', 'J', 'a', '\u0007', '\\', '\u009b'),
    });
    fc.assert(
      fc.property(text, (raw) => {
        const once = new OutputFilter().filter(raw);
        expect(new OutputFilter().filter(once)).toBe(once);
        expect(once).not.toMatch(/\u001b(?!\[)|[\u0007\u009b]/);
      }),
    );
  });
});

describe('modes', () => {
  test('wrapping is off exactly on the alternate screen', () => {
    const filter = new OutputFilter();
    expect(filter.filter('\u001b[?1049h')).toBe('\u001b[?1049h\u001b[?7l');
    expect(filter.filter('\u001b[?1049l')).toBe('\u001b[?1049l\u001b[?7h');
  });
  test('what is on is undone, and nothing else', () => {
    const filter = new OutputFilter();
    expect(filter.undo()).toBe('');
    filter.filter('\u001b[?1049h\u001b[?25l\u001b[?2004h\u001b[>1u\u001b[?2026h');
    expect(filter.undo()).toBe('\u001b[?2026l\u001b[?2004l\u001b[<u\u001b[?1049l\u001b[?7h\u001b[?25h');
    filter.filter('\u001b[?2026l\u001b[<u\u001b[?2004l\u001b[?1049l\u001b[?25h');
    expect(filter.undo()).toBe('');
  });
});
