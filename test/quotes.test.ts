import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownText, quoteBlocks } from '../protocol/quotes.ts';
import { folds } from '../tui/fold.ts';

const kinds = (text: string): string => {
  const lines = text.split('\n');
  const shown: string[] = [];
  for (const { kind, from, to } of quoteBlocks(lines)) shown.push(`${kind} ${lines.slice(from, to).join('|')}`);
  return shown.join(' / ');
};

describe('what is a quote', () => {
  test.each([
    ['Hello\n> old\n> older', 'text Hello / quote > old|> older'],
    ['Hello\nOn Tue, Jane wrote:\n> old', 'text Hello / quote On Tue, Jane wrote:|> old'],
    ['Hallo\nAm 4. März schrieb Jane\n<jane@example.org>:\n> alt', 'text Hallo / quote Am 4. März schrieb Jane|<jane@example.org>:|> alt'],
    ['いつもお世話に\n2026年3月4日 山田さんのメール：\n> 古い', 'text いつもお世話に / quote 2026年3月4日 山田さんのメール：|> 古い'],
    ['Hi\n-- \nJane', 'text Hi / signature -- |Jane'],
    ['Hi\n-- \nJane\n> old', 'text Hi / signature -- |Jane / quote > old'],
    ['Hi\n-----Original Message-----\nFrom: x', 'text Hi / quote -----Original Message-----|From: x'],
    ['Hi\nFrom: Jane\nSent: Monday\nTo: Ben\nold', 'text Hi / quote From: Jane|Sent: Monday|To: Ben|old'],
    ['From: here\nto there', 'text From: here|to there'],
    ['FYI\n---- Forwarded message ----\n> not a quote', 'text FYI / text ---- Forwarded message ----|> not a quote'],
    ['FYI\n-- \nBen\n---- Forwarded message ----\nFrom: x', 'text FYI / signature -- |Ben / text ---- Forwarded message ----|From: x'],
    ['On balance we wrote:\nnothing', 'quote On balance we wrote:|nothing'],
    ['5 > 3 and x > y', 'text 5 > 3 and x > y'],
  ])('%j', (text, wanted) => expect(kinds(text)).toBe(wanted));
});

test('the blocks are all the lines, in order', () => {
  const line = fc.constantFrom('', 'text', '> quote', '>> deeper', '-- ', 'On Tue, Jane wrote:', 'From: x', 'To: y', '__________');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
      let at = 0;
      for (const { from, to } of quoteBlocks(lines)) {
        expect(from).toBe(at);
        expect(to).toBeGreaterThan(from);
        at = to;
      }
      expect(at).toBe(lines.length);
    }),
  );
});

test('short quotes with answers below stay, and a mail that is all quote is readable', () => {
  const folded = (text: string): boolean[] => {
    const lines = text.split('\n');
    const found: boolean[] = [];
    let seen = false;
    for (const block of quoteBlocks(lines)) {
      if (block.kind === 'quote') found.push(folds(block, lines, seen));
      seen = true;
    }
    return found;
  };
  expect(folded('> when?\nTomorrow.\n> and where?\nHere.\n')).toEqual([false, false]);
  expect(folded('> a\n> b\n> c\n> d\nYes.\n')).toEqual([true]);
  expect(folded('Thanks\n> one line\n')).toEqual([true]);
  expect(folded('> all\n> of\n> it\n> is\n> quoted\n\n')).toEqual([false]);
});

test("an author's own words", () => {
  expect(ownText('Mine\n> theirs\n-- \nname').trim()).toBe('Mine');
});

test('the beginning of a huge mail is cut without looking at its end', () => {
  const lines = Array<string>(1_000_000).fill('a line of text');
  const first = quoteBlocks(lines).next().value;
  expect(first).toEqual({ kind: 'text', from: 0, to: 200 });
});

describe('how many lines are what', () => {
  const shape = (text: string): string => {
    const counts: { kind: string; lines: number }[] = [];
    for (const { kind, from, to } of quoteBlocks(text.split('\n'))) {
      const last = counts.at(-1);
      if (last?.kind === kind) last.lines += to - from;
      else counts.push({ kind, lines: to - from });
    }
    return counts.map(({ kind, lines }) => `${kind} ${lines}`).join(', ');
  };
  const folded = (text: string): number => [...quoteBlocks(text.split('\n'))].length;

  test.each([
    ['nothing quoted', 'Hello,\n\nworld', 'text 3'],
    ['marked', 'Yes.\n\n> Really?\n>\n> Yes?\n\nBye', 'text 2, quote 3, text 2'],
    ['an attribution', 'Yes.\n\nOn Tue, 3 Mar 2026 at 10:15, Jane Cooper <jane@example.com> wrote:\n> Really?', 'text 2, quote 2'],
    ['one over two lines', 'Yes.\n\nOn Tue, 3 Mar 2026 at 10:15, Jane Cooper\n<jane@example.com> wrote:\n\n> Really?', 'text 2, quote 4'],
    ['German', 'Ja.\n\nAm 03.03.2026 um 17:12 schrieb Jane:\n> Wirklich?', 'text 2, quote 2'],
    ['French', 'Oui.\n\nLe mar. 3 mars 2026 à 10:15, Jane a écrit :\n> Vraiment ?', 'text 2, quote 2'],
    ['Spanish', 'Sí.\n\nEl 3/3/26 a las 10:15, Jane escribió:\n> ¿De verdad?', 'text 2, quote 2'],
    ['unmarked below an attribution', 'Yes.\n\nOn Tue, Jane wrote:\n\nReally?\n\nAsking.', 'text 2, quote 5'],
    ['Outlook', 'Yes.\n\n-----Original Message-----\nFrom: Jane\nReally?', 'text 2, quote 3'],
    ['Outlook in German', 'Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Jane\nWirklich?', 'text 2, quote 3'],
    [
      'headers below a rule',
      'Yes.\n\n________________________________\nFrom: Jane\nSent: Tuesday\nTo: Support\n\nReally?',
      'text 2, quote 6',
    ],
    ['a signature', 'Yes.\n-- \nJane\nExample Ltd.', 'text 1, signature 3'],
    ['a signature above a quote', 'Yes.\n-- \nJane\n> Really?', 'text 1, signature 2, quote 1'],
    ['a forward is content', 'See below.\n\n---------- Forwarded message ---------\nFrom: Jane\nDate: Tue\nTo: x\n\n> hi', 'text 8'],
    ['an ordinary sentence', 'On Tuesday we met.\nThen she wrote: nothing', 'text 2'],
  ])('%s', (_, text, expected) => {
    expect(shape(text)).toBe(expected);
  });

  test('folding loses no line', () => {
    const line = fc.constantFrom(
      '',
      'Hello',
      '> quoted',
      '>> deep',
      'On Monday, Jane wrote:',
      '-- ',
      '-----Original Message-----',
      'From: Jane',
      'Sent: x',
      'To: y',
      '____________',
      'Am Montag schrieb Jane:',
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), (lines) => {
        expect([...quoteBlocks(lines)].flatMap(({ from, to }) => lines.slice(from, to))).toEqual(lines);
      }),
    );
  });

  test('a body of half a million lines is folded at once', () => {
    // quadratic work would take hours
    folded('>'.repeat(20_000) + '\n'.repeat(500_000));
    folded('On x\n'.repeat(100_000));
    folded('____________\n\n'.repeat(50_000));
  });
});
