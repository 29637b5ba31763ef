import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { folds, ownText, quoteBlocks } from '../../tui/quotes.ts';

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
