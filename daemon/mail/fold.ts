/**
 * Text as it is searched: the same function folds what is stored and what is asked, so that the index itself needs no idea of
 * languages (its tokenizer only splits at blanks and ASCII punctuation).
 *
 * - Case, width, ligatures and diacritics make no difference: `Łódź` is `lodz`, `STRASSE` is `straße`, `ﬁ` is `fi`. Marks that carry
 *   the vowels of Indic scripts stay; Arabic, Hebrew and European ones go.
 * - Scripts written without blanks become overlapping pairs of characters, and the last character once more: 日本語 is
 *   日本 本語 語. Asked for is a row of pairs, so any part of a text is found; a single character is asked for as a prefix.
 * - What is neither letter, digit nor mark separates.
 * - Most mail is mostly ASCII, which the tokenizer splits and lowers by itself: only words with other characters are touched.
 */

const word = /[\p{L}\p{N}\p{M}]+/gu;
const ascii = /^[\x00-\x7F]*$/;
const beyondAscii = /[^\x00-\x7F]+/g;

/** Written without blanks; Hangul has them, and its endings are found by pairs all the same. */
const unspaced =
  '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\u30FC\\p{sc=Hangul}\\p{sc=Bopomofo}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}';
const pieces = new RegExp(`[${unspaced}]+|[^${unspaced}]+`, 'gu');
const hasUnspaced = new RegExp(`[${unspaced}]`, 'u');
const isUnspaced = new RegExp(`^[${unspaced}]`, 'u');

/** European, Hebrew and Arabic marks, variation selectors, and characters that have no width or only stretch a word. */
const dropped = new RegExp(
  `[${[
    '\\u0300-\\u036F\\u1AB0-\\u1AFF\\u1DC0-\\u1DFF\\u20D0-\\u20F0\\uFE20-\\uFE2F\\u0483-\\u0489',
    '\\u0591-\\u05BD\\u05BF\\u05C1\\u05C2\\u05C4\\u05C5\\u05C7',
    '\\u0610-\\u061A\\u064B-\\u065F\\u0670\\u06D6-\\u06DC\\u06DF-\\u06E4\\u06E7\\u06E8\\u06EA-\\u06ED\\u0640',
    '\\u00AD\\u200B-\\u200F\\u202A-\\u202E\\u2060-\\u2064\\u2066-\\u2069\\uFEFF\\uFE00-\\uFE0F',
  ].join('')}]`,
  'g',
);

/** Letters that no decomposition of Unicode takes apart. */
const spelled: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ŧ: 't',
  ŋ: 'n',
  ı: 'i',
  ĸ: 'k',
  ə: 'e',
  ς: 'σ',
  ى: 'ي',
  ی: 'ي',
  ک: 'ك',
  ة: 'ه',
};
const respelled = new RegExp(`[${Object.keys(spelled).join('')}]`, 'g');

function plain(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(dropped, '')
    .replace(respelled, (letter) => spelled[letter] ?? letter)
    .normalize('NFC'); // Hangul and kana come together again
}

function* piecesOf(text: string): Generator<string> {
  const folded = plain(text);
  const mixed = hasUnspaced.test(folded);
  for (const [run] of folded.matchAll(word)) {
    if (!mixed) yield run;
    else for (const [piece] of run.matchAll(pieces)) yield piece;
  }
}

function pairs(characters: readonly string[]): string[] {
  return characters.slice(1).map((character, at) => `${characters[at]}${character}`);
}

/** What goes into the index: tokens with separators between them. */
export function foldForIndex(text: string): string {
  if (ascii.test(text)) return text;
  let folded = '';
  let done = 0;
  for (const { 0: run, index } of text.matchAll(beyondAscii)) {
    if (index < done) continue; // part of the word before
    let start = index;
    while (start > done && isAsciiWord(text.charCodeAt(start - 1))) start--;
    let end = index + run.length;
    while (end < text.length && (isAsciiWord(text.charCodeAt(end)) || text.charCodeAt(end) > 0x7f)) end++;
    folded += `${text.slice(done, start)} ${tokensOf(text.slice(start, end)).join(' ')} `;
    done = end;
  }
  return folded + text.slice(done);
}

const isAsciiWord = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39);

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  for (const piece of piecesOf(text)) {
    if (!isUnspaced.test(piece)) tokens.push(piece);
    else {
      const characters = [...piece];
      tokens.push(...pairs(characters), characters.at(-1) ?? '');
    }
  }
  return tokens;
}

/** Tokens that follow one another in the index where the text stands; `prefix`: the last one may go on. */
export type Asked = { tokens: string[]; prefix: boolean };

/** How to ask for a text. No tokens: there is nothing in it that could be found. */
export function foldForQuery(text: string, prefix = false): Asked {
  const all = [...piecesOf(text)];
  const tokens: string[] = [];
  let open = prefix;
  for (const [at, piece] of all.entries()) {
    const last = at === all.length - 1;
    if (!isUnspaced.test(piece)) {
      tokens.push(piece);
      // A single letter stands for nothing but itself: too much begins with it.
      if (last) open = prefix && piece.length > 1;
      continue;
    }
    const characters = [...piece];
    if (characters.length > 1) tokens.push(...pairs(characters));
    if (characters.length === 1 || !last) tokens.push(characters.at(-1) ?? '');
    if (last) open = characters.length === 1;
  }
  return { tokens, prefix: open && tokens.length > 0 };
}

/**
 * A character with everything that may melt into it or move before it: marks, characters without width, and the parts of a Hangul
 * syllable. Folded one by one, cells give what their text gives folded as a whole.
 */
const cell = /.[\p{M}\p{Cf}\u1160-\u11FF\u3131-\u318E\uD7B0-\uD7FB\uFF9E-\uFFDC]*/gsu;

type Folded = {
  text: string /** For each UTF-16 unit of `text`: where the cell that it comes from begins and ends. */;
  from: number[];
  to: number[];
};

function foldWithPlaces(text: string): Folded {
  const folded: Folded = { text: '', from: [], to: [] };
  for (const { 0: one, index } of text.matchAll(cell)) {
    const letters = ascii.test(one) ? one.toLowerCase() : plain(one);
    folded.text += letters;
    for (let n = 0; n < letters.length; n++) {
      folded.from.push(index);
      folded.to.push(index + one.length);
    }
  }
  return folded;
}

/** Where what was asked for stands in a text, in UTF-16 units, in order and without overlap; at most `limit`. */
export function findIn(text: string, asked: readonly Asked[], limit = 20): [start: number, end: number][] {
  const wanted = asked.flatMap(({ tokens, prefix }) => tokens.map((token, at) => ({ token, prefix: prefix && at === tokens.length - 1 })));
  if (wanted.length === 0) return [];
  const exact = new Set(wanted.map(({ token }) => token));
  const prefixes = wanted.filter(({ prefix }) => prefix).map(({ token }) => token);
  const folded = foldWithPlaces(text);
  const found: [number, number][] = [];
  /** Units `at` to `end` of the folded text were asked for. Hits that touch are one. */
  const hit = (at: number, end: number) => {
    const [start, stop] = [folded.from[at] ?? 0, folded.to[end - 1] ?? 0];
    const before = found.at(-1);
    if (before !== undefined && before[1] >= start) before[1] = Math.max(before[1], stop);
    else found.push([start, stop]);
  };
  for (const { 0: run, index } of folded.text.matchAll(word)) {
    let at = index;
    for (const [piece] of run.matchAll(pieces)) {
      if (isUnspaced.test(piece)) {
        const characters = [...piece];
        let place = at;
        for (const [n, character] of characters.entries()) {
          const next = characters[n + 1] ?? '';
          if (exact.has(character + next)) hit(place, place + character.length + next.length);
          else if (exact.has(character)) hit(place, place + character.length);
          place += character.length;
        }
      } else if (exact.has(piece) || prefixes.some((one) => piece.startsWith(one))) hit(at, at + piece.length);
      at += piece.length;
      if (found.length > limit) return found.slice(0, limit);
    }
  }
  return found.slice(0, limit);
}
