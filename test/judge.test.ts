/** The judge is judged first: each class of order must be caught, in every spelling, whole or in pieces. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safeBlock } from '../protocol/text.ts';
import { type ActKind, inWords, Judge, judgePlain } from './support/judge.ts';
import { table } from './support/table.ts';

const octets = (text: string): Buffer => Buffer.from(text, 'utf8');

function verdict(...pieces: Uint8Array[]): string[] {
  const judge = new Judge();
  for (const piece of pieces) judge.read(piece, 'a test');
  return judge.end().map(({ kind }) => kind);
}

/** One of each kind, in each of the ways to spell it. `\e` is ESC. */
const orders: readonly (readonly [text: string, kind: ActKind, what: string])[] = [
  ['\u0007', 'control', 'bell'],
  ['\b', 'control', 'backspace over what stands there'],
  ['\t', 'control', 'tab'],
  ['\u000e', 'control', 'shift out'],
  ['\u0000', 'control', 'NUL'],
  ['\u007f', 'control', 'DEL'],
  ['\u0085', 'control', 'C1 NEL'],
  ['\u001bc', 'escape', 'full reset'],
  ['\u001b7', 'escape', 'save the cursor'],
  ['\u001b(0', 'escape', 'line drawing characters'],
  ['\u001b#8', 'escape', 'screen of E'],
  ['\u001b[5m', 'csi', 'blink'],
  ['\u001b[8m', 'csi', 'conceal'],
  ['\u001b[31;47m', 'csi', 'colours that the renderer sets one by one'],
  ['\u001b[38;5;1m', 'csi', 'a colour of the palette'],
  ['\u001b[99999b', 'csi', 'repeat'],
  ['\u001b[2;5r', 'csi', 'scroll region'],
  ['\u001b[10L', 'csi', 'insert lines'],
  ['\u009b2J', 'csi', 'C1 CSI'],
  ['\u001b[?1000h', 'mode', 'mouse reports'],
  ['\u001b[4h', 'mode', 'insert mode'],
  ['\u001b[?25;1000h', 'mode', 'one more mode beside ours'],
  ['\u001b[6n', 'report', 'cursor position report'],
  ['\u001b[c', 'report', 'device attributes'],
  ['\u001b[?1$p', 'report', 'mode request'],
  ['\u001b[21t', 'window', 'report of the title'],
  ['\u001b[8;1;1t', 'window', 'size of the window'],
  ['\u001b]0;evil\u0007', 'osc', 'title'],
  ['\u001b]0;Postroom (1) HOSTILE\u0007', 'osc', 'a title like ours'],
  ['\u001b]52;c;ZXZpbA==\u001b\\', 'osc', 'clipboard'],
  ['\u001b]8;;https://evil.example\u0007', 'osc', 'link'],
  ['\u009d0;evil\u009c', 'osc', 'C1 OSC'],
  ['\u001bP$qm\u001b\\', 'dcs', 'DECRQSS'],
  ['\u0090q\u009c', 'dcs', 'C1 DCS'],
  ['\u001b_Gi=1\u001b\\', 'apc', 'kitty graphics'],
  ['\u009fG\u009c', 'apc', 'C1 APC'],
  ['\u001b^x\u001b\\', 'pm', 'privacy message'],
  ['\u009ex\u009c', 'pm', 'C1 PM'],
  ['\u001bXx\u001b\\', 'sos', 'start of string'],
  ['\u0098x\u009c', 'sos', 'C1 SOS'],
  ['\u001b]0;never ended', 'cut', 'a string without end'],
  ['\u001b[', 'cut', 'CSI without end'],
  ['\u001b', 'cut', 'ESC without end'],
  ['\u202e', 'invisible', 'right to left override'],
  ['\u200b', 'invisible', 'zero width space'],
  ['\u{e0041}', 'invisible', 'tag'],
  ['\ufe0f', 'invisible', 'variation selector'],
  ['\ue000', 'invisible', 'private use'],
];

describe('every order is caught', () => {
  for (const [text, kind, what] of orders) {
    test(`${what} (${kind})`, () => {
      const whole = octets(`before HOSTILE_it ${text}`);
      expect(verdict(whole)).toEqual([kind]);
      // In single octets, as a slow line brings them.
      expect(verdict(...Array.from(whole, (octet) => Uint8Array.of(octet)))).toEqual([kind]);
      expect(judgePlain(whole, 'a test').map(({ mark }) => mark)).toEqual(['HOSTILE_it']);
    });
  }

  test('raw octets that no UTF-8 has, also where an 8 bit terminal takes them for controls', () => {
    expect(verdict(Uint8Array.of(0x61, 0x9b, 0x32, 0x4a))).toEqual(['invalid', 'csi']);
    expect(verdict(Uint8Array.of(0xc3), Uint8Array.of(0x28))).toEqual(['invalid']);
  });

  test('a control inside a sequence, and one sequence inside another', () => {
    expect(verdict(octets('\u001b[3\u00071m'))).toEqual(['cut', 'control']);
    expect(verdict(octets('\u001b[3\u001b[22m'))).toEqual(['cut']);
    expect(verdict(octets('\u001b]0;a\u001b[22m'))).toEqual(['cut']);
    expect(verdict(octets('\u001b]0;a\u0018b'))).toEqual(['cut', 'control']);
  });
});

const harmless = table<{ text: string; what: string }>(`
  text                    what
  \\e[1mbold\\e[22m       bold
  \\e[3A\\e[12G             cursor
  \\e[?25l\\e[?25h        cursor
  \\e[?2026h\\e[?2026l    frame
  \\e]0;Postroom\\a       title
`);
for (const { text, what } of harmless) {
  test(`what the renderer does passes: ${what}`, () => {
    expect(verdict(octets(`grüße ${text.replaceAll('\\e', '\u001b').replaceAll('\\a', '\u0007')} 🙂 漢`))).toEqual([]);
  });
}

test('the nearest mark is named, before or after', () => {
  const judge = new Judge();
  judge.read(octets(`HOSTILE_far ${'x'.repeat(50)} \u0007 HOSTILE_near`), 'reading the list');
  expect(judge.end().map(inWords)).toEqual(['control <07> near HOSTILE_near during reading the list']);
});

test('SafeText never moves a terminal, whatever it was made from', () => {
  const orderly = fc.constantFrom(...orders.map(([text]) => text), '\u001b', '\u009b', '[', ']', 'm', '0;', 'a', '\u0301', '\ud800');
  fc.assert(
    fc.property(fc.array(fc.oneof(orderly, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 30 }), (pieces) => {
      expect(judgePlain(octets(safeBlock(pieces.join(''))), 'a property')).toEqual([]);
    }),
    { numRuns: 5_000 },
  );
});
