/** The words of a rich text file (RTF 1.9), without what formats them. Linear and bounded; whatever the octets, it ends. */
import { decodeText } from './charset.ts';

/** Groups that hold no text of the document. */
const aside =
  /^(?:fonttbl|colortbl|stylesheet|info|pict|object|header[lrf]?|footer[lrf]?|listtable|listoverridetable|rsidtbl|generator|themedata|xmlnstbl|datastore|latentstyles|fldinst|htmltag)$/;
const breaks: Readonly<Record<string, string>> = { par: '\n', line: '\n', sect: '\n', page: '\n', row: '\n', cell: '  ', tab: '\t' };
const signs: Readonly<Record<string, string>> = {
  ...{ emdash: '—', endash: '–', bullet: '•', lquote: '‘', rquote: '’', ldblquote: '“', rdblquote: '”' },
  ...{ '~': '\u00A0', _: '-', '-': '' },
};
const maxDepth = 1_000;

/** Null when it is none. */
export function rtfToText(octets: Uint8Array, room: number): string | null {
  const source = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
  if (!/^\s*\{\\rtf/.test(source)) return null;
  let charset = 'windows-1252';
  let text = '';
  let octetsOfText = ''; // escaped octets in a row: two may be one character
  let group = { hidden: false, skip: 1 };
  const groups: (typeof group)[] = [];
  let toSkip = 0; // what stands for a character that was told as a number, for old readers
  const flush = (): void => {
    if (octetsOfText !== '') text += decodeText(Buffer.from(octetsOfText, 'latin1'), charset);
    octetsOfText = '';
  };
  const put = (value: string): void => {
    flush();
    const skipped = Math.min(toSkip, value.length);
    toSkip -= skipped;
    if (!group.hidden) text += value.slice(skipped);
  };
  const token = /\\'([0-9a-fA-F]{2})|\\([a-z]{1,32})(-?\d{1,10})? ?|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)/g;
  for (const [, octet, word, figure, symbol, brace, run] of source.matchAll(token)) {
    if (text.length > room) break;
    if (octet !== undefined) {
      if (toSkip > 0) toSkip--;
      else if (!group.hidden) octetsOfText += String.fromCharCode(Number.parseInt(octet, 16));
    } else if (brace === '{') {
      if (groups.length >= maxDepth) break;
      groups.push(group);
      group = { ...group };
    } else if (brace === '}') {
      flush();
      group = groups.pop() ?? group;
    } else if (word !== undefined) {
      flush();
      if (word === 'u') {
        put(String.fromCharCode(Number(figure ?? 63) & 0xffff));
        toSkip = group.skip;
      } else if (word === 'uc') group.skip = Math.min(10, Math.max(0, Number(figure ?? 1)));
      else if (word === 'ansicpg' && figure !== undefined) charset = `cp${figure}`;
      else if (aside.test(word)) group.hidden = true;
      else if (breaks[word] !== undefined || signs[word] !== undefined) put(breaks[word] ?? signs[word] ?? '');
    } else if (symbol === '*') group.hidden = true;
    else if (symbol !== undefined) put(signs[symbol] ?? (/[\\{}]/.test(symbol) ? symbol : '\n'));
    else if (run !== undefined) put(run);
  }
  flush();
  return text
    .slice(0, room)
    .replace(/[ \t]+\n/g, '\n')
    .trim();
}
