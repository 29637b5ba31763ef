/**
 * Address lists of incoming mail (RFC 5322, 3.4, and what is sent instead), and what two spellings of one address have in common.
 * Tolerant and linear; what we send to is read by the strict grammar in `address.ts`.
 */
import { decodeBinary } from './charset.ts';
import { decodeWords } from './encoded-words.ts';
import { limits } from './header.ts';

export type Address = { name: string | null; address: string };

const dotted = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]+$/u;

/**
 * One spelling for each address: a local part is quoted only when it holds what cannot stand without quotes (`"jane cooper"@…`), with no
 * more backslashes than it needs. Dots are let stand where they are, also two in a row or at the end, as some carriers give them out.
 */
export function canonicalAddress(address: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"@([^@]*)$/su.exec(address);
  if (quoted === null) return address;
  const local = (quoted[1] ?? '').replace(/\\(.)/gsu, '$1');
  return `${dotted.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`}@${quoted[2] ?? ''}`;
}

/** The way back, as it must stand in a header and an envelope (RFC 5321, 4.1.2): dots in odd places are quoted. */
export function wireAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  return local.startsWith('"') || !/^\.|\.\.|\.$/.test(local) ? address : `"${local}"${address.slice(at)}`;
}

/** For comparing: the same for every spelling. Servers tell no two mailboxes apart by case. */
export const addressKey = (address: string): string => canonicalAddress(address.trim()).toLowerCase();

/**
 * An address list as it came (RFC 5322 and what is sent instead), groups flattened. One pass, no recursion; structure is read
 * before names are decoded, and an address is never decoded: an encoded `@` or comma makes no second recipient.
 * A name without an address has the address ''.
 */
export function readAddresses(values: readonly string[]): { addresses: Address[]; complete: boolean } {
  const addresses: Address[] = [];
  for (const value of values) {
    if (!readList(value, addresses)) return { addresses, complete: false };
  }
  return { addresses, complete: true };
}

/** False when the limit was reached. */
function readList(value: string, addresses: Address[]): boolean {
  /** `Cooper` of an unquoted `Cooper, Jane <jane@example.org>`: a name that waits for its address. */
  let halfName = '';
  let words: string[] = []; // of the phrase; a bare address is one of them
  let word = '';
  let comment = '';
  let angle: string | null = null;
  let state: 'text' | 'quoted' | 'angle' | 'angle-quoted' | 'comment' = 'text';
  let around: 'text' | 'angle' = 'text'; // the comment
  let depth = 0;

  const endWord = (): void => {
    if (word !== '') words.push(word);
    word = '';
  };
  const endHalf = (): void => {
    const found = toAddress([halfName], null, '');
    if (found !== null) addresses.push(found);
    halfName = '';
  };
  const endAddress = (separator: string): void => {
    endWord();
    const isName = angle === null && words.length > 0 && !words.some((one) => one.includes('@'));
    if (halfName !== '' && angle === null && !isName) endHalf(); // what follows is an address of its own
    if (isName && separator === ',') halfName = [...(halfName === '' ? [] : [`${halfName},`]), ...words].join(' ');
    else {
      const found = toAddress(halfName === '' ? words : [`${halfName},`, ...words], angle, comment);
      if (found !== null) addresses.push(found);
      halfName = '';
    }
    words = [];
    comment = '';
    angle = null;
  };

  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? '';
    if (addresses.length >= limits.addresses) return false;
    switch (state) {
      case 'quoted':
        if (character === '\\') word += value[++at] ?? '';
        else if (character === '"') state = 'text';
        else word += character;
        break;
      case 'comment':
        if (character === '\\') comment += value[++at] ?? '';
        else if (character === '(') depth++;
        else if (character !== ')') comment += character;
        else if (--depth === 0) state = around;
        break;
      case 'angle-quoted':
        angle += character;
        if (character === '\\') angle += value[++at] ?? '';
        else if (character === '"') state = 'angle';
        break;
      case 'angle':
        if (character === '>') state = 'text';
        else if (character === '<') angle = '';
        else if (character === '"') {
          angle += character;
          state = 'angle-quoted';
        } else if (character === '(') {
          depth = 1;
          around = 'angle';
          state = 'comment';
        } else if (character === ',' && !/^(?:@|mailto:)/i.test(angle ?? '')) {
          state = 'text'; // never closed
          endAddress(character);
        } else angle += character;
        break;
      case 'text':
        if (character === '"') {
          // `"john doe"@example.org`: the quotes are part of the address
          const close = quotedLocalPart(value, at);
          if (close > 0) {
            word += value.slice(at, close);
            at = close - 1;
          } else state = 'quoted';
        } else if (character === '(') {
          if (comment !== '') comment += ' ';
          depth = 1;
          around = 'text';
          state = 'comment';
        } else if (character === '<') {
          endWord();
          angle = '';
          state = 'angle';
        } else if (character === ',' || character === ';') {
          endAddress(character);
        } else if (character === ':' && angle === null && !word.includes('@') && !/^['[]?mailto$/i.test(word)) {
          if (halfName !== '') endHalf();
          word = ''; // the name of a group
          words = [];
          comment = '';
        } else if (character === ' ' || character === '\t' || character === '>') {
          endWord();
        } else word += character;
        break;
      default:
        state satisfies never;
    }
  }
  endAddress('');
  if (halfName !== '') endHalf();
  return true;
}

/** Where a quoted local part that begins at `from` ends, with its quotes; 0 when an `@` does not follow. Local parts have 64 octets. */
function quotedLocalPart(value: string, from: number): number {
  for (let at = from + 1; at < Math.min(value.length, from + 80); at++) {
    if (value[at] === '\\') at++;
    else if (value[at] === '"') return value[at + 1] === '@' ? at + 1 : 0;
  }
  return 0;
}

function toAddress(phrase: string[], angle: string | null, comment: string): Address | null {
  const words = angle === null ? aroundSigns(phrase) : phrase;
  const bare = angle === null && words !== null ? words.findLastIndex((word) => word.includes('@')) : -1;
  const raw = angle ?? words?.[bare] ?? '';
  const named = (words ?? phrase).filter((_, at) => at !== bare).join(' ') || comment;
  const name = named === '' ? null : decodeWords(named).trim();
  const address = decodeBinary(cleanedAddress(raw));
  if (address === '' && (name === null || name === '')) return null;
  return { name: name === '' ? null : name, address };
}

/**
 * `jane . cooper @ example.org` is one address (RFC 5322, 4.4). Where blanks stand beside an `@` and more words than one address are
 * there, nobody can say where it begins: null, all of it is a name.
 */
function aroundSigns(words: string[]): string[] | null {
  if (!words.some((word) => word.startsWith('@') || word.endsWith('@'))) return words;
  const tight = words.join(' ').replace(/ ?([.@]) ?/g, '$1');
  return tight.includes(' ') ? null : [tight];
}

/**
 * Without blanks outside of quotes, without a route (RFC 5322, 4.4), without `mailto:` and what follows a `?` there; without quotes and brackets
 * that programs put around a whole address, and without the dot of the root behind the domain.
 */
function cleanedAddress(raw: string): string {
  const tight = raw
    .replace(/("(?:[^"\\]|\\.)*")|[\0\t-\r ]+/gs, '$1')
    .replace(/^@[^:]{0,1000}:/, '')
    .replace(/^'([^']*@[^']*)'$|^\[([^[\]]*@[^[\]]*)\]$/s, '$1$2');
  const plain = /^mailto:/i.test(tight) ? tight.slice('mailto:'.length).replace(/\?.*$/s, '') : tight;
  return canonicalAddress(plain.replace(/(@[^@]*[^@.])\.$/, '$1'));
}
