/**
 * Text on its way to the screen: what may be drawn, how wide it is, where it is cut. The one importer of string-width.
 *
 * Two kinds of text may be drawn: SafeText, which the daemon cleaned, and Chrome, which stands in our own source. A string of
 * any other origin does not fit the types of `components/text.tsx`.
 */
import stringWidth from 'string-width';
import type { SafeText } from '../protocol/text.ts';

declare const chromeBrand: unique symbol;
/** Our own words and glyphs, with safe pieces in them. */
export type Chrome = string & { readonly [chromeBrand]: true };
export type Safe = SafeText | Chrome;

/** The only maker of Chrome: the fixed parts are source text, the rest is a number or safe already. */
export function chrome(parts: TemplateStringsArray, ...values: readonly (Safe | number)[]): Chrome {
  return String.raw({ raw: parts }, ...values) as Chrome;
}

/** One printable ASCII character, such as the letter on a key; null for anything else. */
export function asciiGlyph(char: string): Chrome | null {
  return /^[!-~]$/.test(char) ? piece<Chrome>(char) : null;
}

/** A run of `text` that stays as safe as it was: a cut, a join or a case never makes a control character. */
function piece<S extends Safe>(text: string): S {
  return text as S;
}

export function join(pieces: readonly Safe[], between: Safe = chrome``): Chrome {
  return piece<Chrome>(pieces.join(between));
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const printableAscii = /^[ -~]*$/;

/** Columns that a terminal gives to `text`; a guess outside ASCII, which is why outside text stands last on its row. */
export function widthOf(text: string): number {
  return printableAscii.test(text) ? text.length : stringWidth(text);
}

export function graphemes(text: string): string[] {
  return printableAscii.test(text) ? [...text] : Array.from(segmenter.segment(text), (part) => part.segment);
}

/** `text` in at most `width` columns; what was cut ends in `…`. Never splits a grapheme. */
export function cutToWidth<S extends Safe>(text: S, width: number): S {
  if (width <= 0) return piece('');
  // Every grapheme is at least one column wide or nothing at all: a long text need not be measured whole.
  if (text.length <= width && widthOf(text) <= width) return text;
  let used = 0;
  let end = 0;
  let roomForMark = 0;
  for (const { segment, index } of segmenter.segment(text)) {
    const cells = widthOf(segment);
    if (used + cells > width) return piece(`${text.slice(0, roomForMark)}…`);
    used += cells;
    end = index + segment.length;
    if (used <= width - 1) roomForMark = end;
  }
  return text;
}

/** The beginning of `text` before `mark`, at most `width` columns, without a sign that something was cut. */
export function headOf<S extends Safe>(text: S, mark: string, width: number): S {
  const end = text.indexOf(mark);
  const head = piece<S>(end === -1 ? text : text.slice(0, end));
  if (widthOf(head) <= width) return head;
  return piece(cutToWidth(head, width + 1).slice(0, -1));
}

/** Exactly `width` columns: cut or filled with spaces. For columns inside a row, never for its end. */
export function padEndTo<S extends Safe>(text: S, width: number): S {
  const cut = cutToWidth(text, width);
  return piece(cut + ' '.repeat(Math.max(0, width - widthOf(cut))));
}

export function padStartTo<S extends Safe>(text: S, width: number): S {
  const cut = cutToWidth(text, width);
  return piece(' '.repeat(Math.max(0, width - widthOf(cut))) + cut);
}

/** The lines of `text`, each at most `width` columns: broken between words, and inside a word only where it is longer than a line. */
export function wrap<S extends Safe>(text: S, width: number): S[] {
  return text.split('\n').flatMap((line) => wrapLine(line.replaceAll('\t', '    '), Math.max(1, width)).map((part) => piece<S>(part)));
}

/** Marks of quotes stand on every row; what is indented, or is an item of a list, goes on under its first word. */
const hanging = /^(?:(?<marks> {0,2}(?:> ?)+)|(?<indent> *(?:(?:[*•·–-]|\d{1,3}[.)]|[a-z][.)]) +)?))/u;

/**
 * A line of a mail as rows of at most `width` columns. A row of a table that does not fit gives up its columns before it is broken: its
 * cells stay two blanks apart.
 */
export function wrapBody<S extends Safe>(line: S, width: number): S[] {
  if (widthOf(line) <= width) return [line];
  const { marks, indent = '' } = hanging.exec(line)?.groups ?? {};
  const first = marks ?? indent;
  const cells = widthOf(first);
  if (cells * 2 > width) return wrap(line, width);
  const rest = line.slice(first.length).replaceAll(/(?<=\S) {3,}(?=\S)/g, '  ');
  const next = marks ?? ' '.repeat(cells);
  return wrapLine(rest, Math.max(1, width - cells)).map((part, at) => piece<S>((at === 0 ? first : next) + part));
}

function wrapLine(line: string, width: number): string[] {
  if (widthOf(line) <= width) return [line];
  const lines: string[] = [];
  let current = '';
  let used = 0;
  for (const word of line.match(/\s+|\S+/gu) ?? []) {
    const cells = widthOf(word);
    if (used + cells <= width) {
      current += word;
      used += cells;
    } else if (/^\s/u.test(word)) {
      // The gap that a line ends with is not drawn.
      lines.push(current);
      current = '';
      used = 0;
    } else {
      if (current.trim() !== '') lines.push(current.trimEnd());
      const parts = breakWord(word, width);
      current = parts.pop() ?? '';
      used = widthOf(current);
      lines.push(...parts);
    }
  }
  if (current !== '') lines.push(current);
  return lines;
}

function breakWord(word: string, width: number): string[] {
  const parts: string[] = [];
  let current = '';
  let used = 0;
  for (const grapheme of graphemes(word)) {
    const cells = widthOf(grapheme);
    if (used + cells > width && current !== '') {
      parts.push(current);
      current = '';
      used = 0;
    }
    current += grapheme;
    used += cells;
  }
  parts.push(current);
  return parts;
}
