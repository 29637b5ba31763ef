/** The mails that the benchmarks work on. The same number gives the same octets. */
import { mail } from '../test/support/message.ts';

export const address = 'support@example.org';

/** Words that are in known parts of the mails, for queries: `every` in all, `some` in every twentieth, `few` in every seventh. */
export const words = { every: 'parcel', some: 'refund', few: 'harbour' } as const;
/** A word that is in one mail alone. */
export const only = (n: number): string => `case${String(n).padStart(6, '0')}`;

/** An order of one customer of 500: text of up to 1,000 words, few of them common and most of them rare, as people write. */
export function order(n: number): Buffer {
  const random = generator(n + 1);
  const text = Array.from({ length: 60 + Math.floor(random() * 900) }, (_, place) =>
    place % 12 === 11 ? '\n' : word(Math.floor(vocabulary * random() ** 3)),
  );
  const known = [words.every, ...(n % 20 === 0 ? [words.some] : []), ...(n % 7 === 0 ? [words.few] : [])];
  return mail({
    from: `Customer ${n % 500} <c${n % 500}@example.net>`,
    to: address,
    subject: `Order ${n} and what became of it`,
    text: `${only(n)} ${known.join(' ')}\n${text.join(' ')}\n`,
    date: dateOf(n),
    messageId: `bench-${n}@example.net`,
  });
}

/** As small as a mail can be: a conversation of its own. */
export const note = (n: number): Buffer =>
  mail({
    from: `c${n % 500}@example.net`,
    to: address,
    subject: `Order ${n}`,
    text: `${n}\n`,
    date: dateOf(n),
    messageId: `n${n}@example.net`,
  });

export const dateOf = (n: number): number => Date.UTC(2026, 0, 1) + n * 60_000;

const vocabulary = 20_000;
const syllables = [
  'ba',
  'cor',
  'di',
  'fen',
  'go',
  'hal',
  'in',
  'ju',
  'kel',
  'lo',
  'mar',
  'ne',
  'os',
  'pra',
  'qui',
  'ro',
  'sta',
  'tu',
  'ven',
  'zo',
];

/** The n-th word; the common ones are the short ones. */
function word(n: number): string {
  const syllable = syllables[n % syllables.length] ?? '';
  return n < syllables.length ? syllable : word(Math.floor(n / syllables.length) - 1) + syllable;
}

/** Numbers from 0 up to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
