/**
 * Octets -> text: which charset they are in, and transfer encodings. Never throws and is linear; what cannot be decoded
 * becomes U+FFFD or the Windows-1252 reading, since a mail that is half readable is worth more than one that is not shown.
 *
 * Header values travel as *binary strings*: one character for each octet (ISO 8859-1 as JavaScript has it), so that structure is
 * read before anything is decoded and no decoded character can be taken for structure.
 */
import { decoderFor } from './decoders.ts';

const utf8 = new TextDecoder('utf-8');
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const windows1252 = new TextDecoder('windows-1252');

/**
 * `charset` as the mail names it; null when it names none. `around`: what the rest of the mail says, for a text that says nothing.
 *
 * A mark at the start counts before every name. Octets that are UTF-8 by no chance are UTF-8 whatever the name says: programs convert a
 * text and forget the label. A name that does not fit its octets gives way to one that does.
 */
export function decodeText(octets: Uint8Array, charset: string | null, around: string | null = null): string {
  const marked = markedDecoder(octets);
  if (marked !== null) return marked;
  const named = charset === null ? null : decoderFor(charset);
  if (named?.kind !== 'wide' && isUtf16(octets)) return decoderFor('utf-16')?.decode(octets) ?? '';
  const says = named === null || named.kind === 'ascii' || named.kind === 'utf-8' ? null : named;
  if (!hasEightBit(octets)) {
    // UTF-16 of any text has octets that are no printable ASCII.
    if (says?.kind === 'wide' && /^[\t\n\r -~]*$/.test(latin1(octets))) return utf8.decode(octets);
    if (says !== null && says.kind !== 'single' && says.kind !== 'multi') return says.decode(octets);
    return has2022Escape(octets)
      ? (shiftedJapanese(octets) ?? utf8.decode(octets))
      : (says ?? { decode: (it) => utf8.decode(it) }).decode(octets);
  }
  if (says?.kind === 'wide') return says.decode(octets);
  const asUtf8 = decodeStrictly(octets);
  if (asUtf8 !== null && (says === null || says.kind === 'single' || provesUtf8(asUtf8))) return asUtf8;
  if (says === null) return decodeUnknown(octets, around);
  const text = says.decode(octets);
  if (!text.includes('\uFFFD')) return text;
  if (asUtf8 !== null) return asUtf8;
  const kin = (relatives[says.name] ?? []).map((name) => decoderFor(name)?.decode(octets) ?? '\uFFFD');
  return kin.find((other) => !other.includes('\uFFFD')) ?? text;
}

/** Charsets that programs write under the name of another. */
const relatives: Readonly<Record<string, readonly string[]>> = {
  'iso-2022-jp': ['euc-jp', 'shift_jis'],
  shift_jis: ['euc-jp', 'gbk'],
  'euc-jp': ['shift_jis', 'gbk'],
  gbk: ['gb18030', 'big5'],
  'iso-2022-kr': ['euc-kr'],
  big5: ['gbk'],
  'euc-kr': ['gbk'],
};

/** UTF-8, UTF-16 and UTF-32 say what they are in their first octets. Null when there is no mark. */
function markedDecoder(octets: Uint8Array): string | null {
  const [a, b, c, d] = octets;
  if (a === 0xef && b === 0xbb && c === 0xbf) return decodeUnknown(octets.subarray(3), null);
  if (a === 0xff && b === 0xfe && c === 0 && d === 0 && octets.length % 4 === 0)
    return decoderFor('utf-32le')?.decode(octets.subarray(4)) ?? null;
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return decoderFor('utf-32be')?.decode(octets.subarray(4)) ?? null;
  if (a === 0xff && b === 0xfe) return decoderFor('utf-16le')?.decode(octets.subarray(2)) ?? null;
  if (a === 0xfe && b === 0xff) return decoderFor('utf-16be')?.decode(octets.subarray(2)) ?? null;
  return null;
}

/** Without a mark, and undeclared or under another name: every other octet of Latin text is zero, which no text of another charset has. */
function isUtf16(octets: Uint8Array): boolean {
  if (octets.length < 4 || octets.length % 2 === 1 || !octets.subarray(0, 64).includes(0)) return false;
  const zeros = [0, 0];
  const looked = Math.min(octets.length, 4_096);
  for (let at = 0; at < looked; at++) if (octets[at] === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  return Math.max(even, odd) > looked / 5 && Math.min(even, odd) === 0;
}

const hasEightBit = (octets: Uint8Array): boolean => /[\x80-\xFF]/.test(latin1(octets));
const has2022Escape = (octets: Uint8Array): boolean => octets.includes(0x1b);
const latin1 = (octets: Uint8Array): string => viewOf(octets).toString('latin1');
const viewOf = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

/** ISO-2022-JP that nobody declared: seven-bit octets with its escapes, and whole characters behind them. */
function shiftedJapanese(octets: Uint8Array): string | null {
  if (!/\x1B\$(?:[@B]|\([@BD])(?:[!-~]{2})+/.test(latin1(octets))) return null;
  const text = decoderFor('iso-2022-jp')?.decode(octets) ?? '\uFFFD';
  return text.includes('\uFFFD') ? null : text;
}

function decodeStrictly(octets: Uint8Array): string | null {
  try {
    return strictUtf8.decode(octets);
  } catch (error) {
    if (error instanceof TypeError) return null; // not UTF-8
    throw error;
  }
}

/** Pairs of a Chinese, Japanese, Korean or Thai encoding are sometimes valid UTF-8 of two octets; three of one character, or many of two, are not. */
function provesUtf8(text: string): boolean {
  const beyond = text.match(/[^\0-\x7F]/gu) ?? [];
  return beyond.length >= 4 || beyond.some((character) => character >= '\u0800' && /\p{L}|\p{P}|\p{S}/u.test(character));
}

function decodeUnknown(octets: Uint8Array, around: string | null): string {
  const text = utf8.decode(octets);
  if (!text.includes('\uFFFD')) return text;
  const decoder = around === null ? null : decoderFor(around);
  if (decoder !== null && decoder.kind !== 'utf-8' && decoder.kind !== 'ascii' && decoder.kind !== 'wide') {
    const guess = decoder.decode(octets);
    if (!guess.includes('\uFFFD')) return guess;
  }
  // A cut or one broken character leaves UTF-8 the better reading; many of them mean that it never was UTF-8.
  let broken = 0;
  let beyond = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0xfffd) broken++;
    else if (code > 0x7f) beyond++;
  }
  return broken > beyond ? windows1252.decode(octets) : text;
}

/** The charset that an HTML document names in its head (`<meta charset>`, `http-equiv`) or an XML declaration, as it stands there. */
export function charsetOfHtml(octets: Uint8Array): string | null {
  const head = viewOf(octets).toString('latin1', 0, 16_384).replace(/\0/g, '');
  const declared = /^\s*<\?xml[^>]{0,200}\bencoding\s*=\s*["']([^"'>]{1,40})/i.exec(head)?.[1];
  if (declared !== undefined) return declared;
  for (const [tag] of head.replace(/<!--.*?-->/gs, '').matchAll(/<meta\b[^>]{0,1000}>/gi)) {
    const name = /\bcharset\s*=\s*["']?\s*([^\s"';/>]{1,40})/i.exec(tag)?.[1];
    if (name !== undefined && decoderFor(name) !== null) return name;
  }
  return null;
}

/** An HTML part: its own declaration counts where the mail's says nothing, or does not fit the octets. */
export function decodeHtml(octets: Uint8Array, charset: string | null, around: string | null = null): string {
  const own = charsetOfHtml(octets);
  const named = charset === null ? null : decoderFor(charset);
  if (own === null) return decodeText(octets, charset, around);
  if (named === null || named.kind === 'ascii') return decodeText(octets, wideIsLie(own) ? null : own, around);
  const text = decodeText(octets, charset, own);
  if (!text.includes('\uFFFD') || wideIsLie(own)) return text;
  const other = decodeText(octets, own, around);
  return other.includes('\uFFFD') ? text : other;
}

/** A declaration that can be read octet by octet is not in UTF-16, whatever it says. */
const wideIsLie = (name: string): boolean => decoderFor(name)?.kind === 'wide';

export const octetsOf = (binary: string): Uint8Array => Buffer.from(binary, 'latin1');

/** A raw header value that may hold 8-bit octets: UTF-8 where it is (RFC 6532), else Windows-1252. */
export function decodeBinary(binary: string): string {
  return /[\x1B\x80-\xFF]/.test(binary) ? decodeText(octetsOf(binary), null) : binary;
}

/** A raw header value in any charset -> the same value in UTF-8, still one character for each octet. `around`: as the mail's text. */
export function inUtf8(binary: string, around: string | null): string {
  const kind = around === null ? null : decoderFor(around)?.kind;
  // What is written in ASCII letters, as in UTF-7, is never decoded before structure is read: it could hold some.
  const text = decodeText(octetsOf(binary), kind === 'single' || kind === 'multi' ? around : null);
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Ignores what is not in the alphabet (RFC 2045 6.8). Node's own decoder ends at the first padding, so a joint in the middle is cut there. */
export function decodeBase64(binary: string): Uint8Array {
  const padding = binary.indexOf('=');
  if (padding < 0 || !/[A-Za-z0-9+/]/.test(binary.slice(padding))) return Buffer.from(binary, 'base64');
  return Buffer.concat(binary.split(/=+/).map((part) => Buffer.from(part, 'base64')));
}

/** Lenient: a `=` that begins no escape stays. Blanks at line ends go (RFC 2045 6.7). */
export function decodeQuotedPrintable(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(octets.length);
  let length = 0;
  let filled = 0; // length of `out` up to the last octet of this line that is no trailing blank
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] ?? 0;
    if (octet === 0x0a || octet === 0x0d) {
      length = octet === 0x0a && octets[at - 1] === 0x0d ? length : filled;
      out[length++] = octet;
      filled = length;
    } else if (octet !== 0x3d) {
      out[length++] = octet;
      if (octet !== 0x20 && octet !== 0x09) filled = length;
    } else {
      const high = hexDigit(octets[at + 1]);
      const low = hexDigit(octets[at + 2]);
      if (high >= 0 && low >= 0) {
        out[length++] = high * 16 + low;
        at += 2;
      } else {
        const next = softBreak(octets, at + 1);
        if (next === 0) out[length++] = octet;
        else at = next - 1;
      }
      filled = length;
    }
  }
  return out.subarray(0, length);
}

/** Where the line after a soft line break begins, 0 when there is none. Looks past at most 100 blanks, which keeps it linear. */
function softBreak(octets: Uint8Array, from: number): number {
  let at = from;
  while (at < from + 100 && (octets[at] === 0x20 || octets[at] === 0x09)) at++;
  if (at >= octets.length) return at;
  if (octets[at] === 0x0d && octets[at + 1] === 0x0a) return at + 2;
  return octets[at] === 0x0a || octets[at] === 0x0d ? at + 1 : 0;
}

function hexDigit(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Percent escapes of RFC 2231 values. */
export function decodePercent(binary: string): Uint8Array {
  return octetsOf(binary.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}
