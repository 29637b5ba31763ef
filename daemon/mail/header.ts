/**
 * The header block of a message or part: fields, parameters, dates, ids (addresses: `address-list.ts`). Tolerant and bounded: any octets give some
 * answer in linear time. Where fields repeat, the first one counts, everywhere, so that no second From hides behind the shown one.
 */
import { decodeBinary, decodePercent, decodeText, inUtf8 } from './charset.ts';
import { parseDate } from './dates.ts';
import { decodeWords } from './encoded-words.ts';

export const limits = { headerOctets: 256 * 1024, fields: 1_000, addresses: 2_000, parameters: 200, msgIds: 10_000 };

export type Header = {
  /** Binary strings, unfolded, by lower-case name, in order of appearance. */
  fields: Map<string, string[]>;
  /** Where the body begins. */
  body: number;
  /** False when a limit cut it. */
  complete: boolean;
};

/** Reads the header block that begins at `start` of the part that ends at `end`. */
export function readHeader(octets: Buffer, start: number, end: number): Header {
  const block = findBlock(octets, start, end);
  const cut = Math.min(block.end, start + limits.headerOctets);
  const lines = octets.toString('latin1', start, cut).split('\n');
  const fields = new Map<string, string[]>();
  const header: Header = { fields, body: block.body, complete: cut === block.end };

  let name = '';
  let parts: string[] = [];
  let count = 0;
  const flush = (): void => {
    if (name === '') return;
    const value = trimBlanks(parts.join(''));
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
    name = '';
  };
  let position = start;
  let stray: number | null = null; // where lines begin that are no fields, with no field after them
  for (const raw of lines) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const mbox = position === start && /^>?From [^\s:]/.test(line);
    if (line.startsWith(' ') || line.startsWith('\t')) {
      parts.push(line);
    } else if (!mbox && line !== '') {
      flush();
      const colon = line.indexOf(':');
      const found = colon > 0 && colon < 200 ? line.slice(0, colon).trimEnd().toLowerCase() : '';
      if (/^[!-9;-~]+$/.test(found)) {
        if (++count > limits.fields) return { ...header, complete: false };
        name = found;
        parts = [line.slice(colon + 1)];
        stray = null;
      } else if (count === 0) {
        return { fields, body: position, complete: true }; // no header at all: everything is body
      } else stray ??= position;
    }
    position += raw.length + 1;
  }
  flush();
  // The empty line is missing, or has a blank in it.
  return stray === null ? header : { ...header, body: stray };
}

/** In a binary string only these are blank: to `trim` and `\s` the last octet of a UTF-8 `à` is a no-break space. */
function trimBlanks(binary: string): string {
  let start = 0;
  let end = binary.length;
  while (start < end && isBlank(binary.charCodeAt(start))) start++;
  while (end > start && isBlank(binary.charCodeAt(end - 1))) end--;
  return binary.slice(start, end);
}

const isBlank = (octet: number): boolean => octet === 0x20 || (octet >= 0x09 && octet <= 0x0d);

/** The block ends at the first empty line, or with the part. */
function findBlock(octets: Buffer, start: number, end: number): { end: number; body: number } {
  if (octets[start] === 0x0a) return { end: start, body: start + 1 };
  if (octets[start] === 0x0d && octets[start + 1] === 0x0a) return { end: start, body: Math.min(end, start + 2) };
  const part = octets.subarray(start, end);
  const bare = part.indexOf('\n\n');
  const full = (bare < 0 ? part : part.subarray(0, bare + 2)).indexOf('\n\r\n');
  if (full >= 0) return { end: start + full + 1, body: start + full + 3 };
  if (bare >= 0) return { end: start + bare + 1, body: start + bare + 2 };
  return { end, body: end };
}

/** The first field of that name, as a binary string. */
export const first = (header: Header, name: string): string | null => header.fields.get(name)?.[0] ?? null;

/**
 * The header with what stands raw in it turned into UTF-8, before its structure is read: in ISO-2022-JP and where second octets are
 * ASCII, half a character looks like a quote, a bracket or an `@`. `around`: the charset that the mail declares for its text.
 */
export function headerInUtf8(header: Header, around: () => string | null): Header {
  const fields = new Map<string, string[]>();
  let changed = false;
  for (const [name, values] of header.fields) {
    const turned = values.map((value) => (/[\x1B\x80-\xFF]/.test(value) ? inUtf8(value, around()) : value));
    changed ||= turned.some((value, at) => value !== values[at]);
    fields.set(name, turned);
  }
  return changed ? { ...header, fields } : header;
}

export function readText(header: Header, name: string): string {
  return decodeWords(first(header, name) ?? '');
}

// --- structured values ---------------------------------------------------------------------------------------------

export type Structured = { value: string; parameters: Map<string, string> };

type Section = { index: number; value: string; encoded: boolean };

/** `text/plain; charset="utf-8"`, with comments, RFC 2231 sections in any order, and encoded-words where they do not belong. */
export function readStructured(binary: string | null): Structured {
  const [head = '', ...rest] = splitOutside(stripComments(binary ?? ''), ';', limits.parameters);
  const parameters = new Map<string, string>();
  const sections = new Map<string, Section[]>();
  for (const piece of rest) {
    const equals = piece.indexOf('=');
    if (equals < 1) continue;
    const key = trimBlanks(piece.slice(0, equals)).toLowerCase();
    const value = unquote(trimBlanks(piece.slice(equals + 1)));
    const extended = /^([^*]{1,60})\*(?:(\d{1,4})(\*?))?$/.exec(key);
    if (extended === null) {
      if (!parameters.has(key)) parameters.set(key, decodeWords(value));
      continue;
    }
    const name = extended[1] ?? '';
    const section = { index: Number(extended[2] ?? 0), value, encoded: extended[2] === undefined || extended[3] === '*' };
    const list = sections.get(name);
    if (list === undefined) sections.set(name, [section]);
    else list.push(section);
  }
  // Some write encoded-words into the sections, which RFC 2231 replaces.
  for (const [name, list] of sections) parameters.set(name, decodeWords(joinSections(list)));
  return { value: trimBlanks(head).toLowerCase(), parameters };
}

function joinSections(sections: Section[]): string {
  sections.sort((a, b) => a.index - b.index);
  let charset: string | null = null;
  const octets: Uint8Array[] = [];
  let expected = 0;
  let wasEncoded = false;
  for (const { index, value, encoded } of sections) {
    if (index < expected) continue; // given twice: the first counts
    if (index > expected && octets.length > 0) break; // a gap: what follows belongs to nothing
    expected = index + 1;
    // Once, in the first that is encoded: where it stands by the standard, and where a plain piece stands before it.
    const tagged = encoded && !wasEncoded ? /^([^']{0,60})'[^']{0,60}'/.exec(value) : null;
    wasEncoded ||= encoded;
    if (tagged !== null) charset = tagged[1] || null;
    const rest = tagged === null ? value : value.slice(tagged[0].length);
    octets.push(encoded ? decodePercent(rest) : Buffer.from(rest, 'latin1'));
  }
  return decodeText(Buffer.concat(octets), charset);
}

/** Splits at `separator` outside quoted strings, into at most `limit` + 1 pieces (what follows is dropped). */
function splitOutside(text: string, separator: string, limit: number): string[] {
  const pieces: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length && pieces.length <= limit; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      pieces.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (pieces.length <= limit) pieces.push(text.slice(start));
  return pieces;
}

/** A parenthesis inside a value (`name=Invoice(1).pdf`) is no comment; one that never closes is text. */
function stripComments(text: string): string {
  if (!text.includes('(')) return text;
  let out = '';
  let depth = 0;
  let quoted = false;
  let opened = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === '\\' && (quoted || depth > 0)) {
      if (depth === 0) out += text.slice(at, at + 2);
      at++;
    } else if (character === '"' && depth === 0) {
      quoted = !quoted;
      out += character;
    } else if (!quoted && character === '(' && (depth > 0 || at === 0 || /[\t-\r ;/]/.test(text[at - 1] ?? ''))) {
      if (depth === 0) opened = at;
      depth++;
    } else if (!quoted && character === ')' && depth > 0) {
      depth--;
    } else if (depth === 0) {
      out += character;
    }
  }
  return depth === 0 ? out : out + text.slice(opened);
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  const end = value.length > 1 && value.endsWith('"') ? -1 : undefined;
  return value.slice(1, end).replace(/\\(.)/gs, '$1');
}

// --- ids ------------------------------------------------------------------------------------------------------------

/** Message-IDs in a field, with their angle brackets; bare ones are given brackets. Words (RFC 822 let In-Reply-To be a phrase) are none. */
export function readIds(values: readonly string[]): string[] {
  const ids: string[] = [];
  for (const value of values) {
    const bracketed = value.match(/<[^<>]+>/g)?.filter((id) => id.includes('@') || !/[\t-\r ]/.test(trimBlanks(id.slice(1, -1))));
    const tokens =
      bracketed === undefined
        ? stripComments(value)
            .split(/[\t-\r ,]+/)
            .filter((token) => token !== '')
        : [];
    const found = bracketed ?? (tokens.every((token) => token.includes('@')) ? tokens : []);
    for (const id of found.slice(0, limits.msgIds)) {
      const bare = decodeBinary(id.replace(/[\0\t-\r <>]+/g, '')).slice(0, 998);
      if (bare !== '') ids.push(`<${bare}>`);
    }
  }
  return ids;
}

// --- dates ---------------------------------------------------------------------------------------------------------

/** Milliseconds since 1970, or null when it is no date between 1970 and 2199 (dates.ts). */
export const readDate = (value: string | null): number | null => (value === null ? null : parseDate(stripComments(value.slice(0, 2_000))));
