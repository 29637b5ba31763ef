/**
 * Octets -> text: charsets by whatever name, transfer encodings, encoded-words. Never throws and is linear; what cannot be decoded
 * becomes U+FFFD or the Windows-1252 reading, since a mail that is half readable is worth more than one that is not shown.
 *
 * Header values travel as *binary strings*: one character for each octet (ISO 8859-1 as JavaScript has it), so that structure is
 * read before anything is decoded and no decoded character can be taken for structure.
 */

type Decoder = InstanceType<typeof TextDecoder>;
const utf8 = new TextDecoder('utf-8');
const windows1252 = new TextDecoder('windows-1252');

/** Names that mail uses and the WHATWG list lacks; separators and `x-`, `cs` prefixes are gone before this is asked. */
const aliases: Readonly<Record<string, string>> = {
  iso88598i: 'iso-8859-8-i',
  iso88598e: 'iso-8859-8',
  shiftjis: 'shift_jis',
  mskanji: 'shift_jis',
  eucjp: 'euc-jp',
  iso2022jp: 'iso-2022-jp',
  iso2022jp1: 'iso-2022-jp',
  iso2022jp2: 'iso-2022-jp',
  iso2022jpms: 'iso-2022-jp',
  euckr: 'euc-kr',
  uhc: 'euc-kr',
  ksc56011987: 'euc-kr',
  tis620: 'windows-874',
  gb2312: 'gbk',
  eucgb2312cn: 'gbk',
  euccn: 'gbk',
  big5hkscs: 'big5',
  koi8u: 'koi8-u',
  koi8r: 'koi8-r',
  utf8: 'utf-8',
  utf8mb4: 'utf-8',
};
/** `cp932`, `windows-932`, `ms932`, `ibm932`. */
const codePages: Readonly<Record<string, string>> = {
  '932': 'shift_jis',
  '936': 'gbk',
  '949': 'euc-kr',
  '950': 'big5',
  '874': 'windows-874',
  '51932': 'euc-jp',
  '50220': 'iso-2022-jp',
  '50221': 'iso-2022-jp',
  '50222': 'iso-2022-jp',
  '65001': 'utf-8',
};

/** Bounded, because mails make up names. */
const known = new Map<string, Decoder | null>();
const maxKnown = 500;

function decoderFor(label: string): Decoder | null {
  const name = label.trim().toLowerCase();
  if (name === '' || name.length > 40) return null;
  const found = known.get(name);
  if (found !== undefined) return found;
  const bare = name.replace(/^(?:x-ms-|x-|cs)/, '').replace(/[\s._:-]+/g, '');
  const page = /^(?:cp|windows|ms|ibm|dos)(\d{3,5})$/.exec(bare)?.[1] ?? '';
  const candidates = [name, own(aliases, bare), own(codePages, page), /^\d{4}$/.test(page) ? `windows-${page}` : undefined, bare];
  const decoder = candidates.map(construct).find((it) => it !== null) ?? null;
  if (known.size < maxKnown) known.set(name, decoder);
  return decoder;
}

const own = (table: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

function construct(label: string | undefined): Decoder | null {
  if (label === undefined) return null;
  try {
    return new TextDecoder(label);
  } catch (error) {
    if (error instanceof RangeError) return null; // the one way to ask whether a charset exists
    throw error;
  }
}

/** `charset` as the mail names it; null when it names none. */
export function decodeText(octets: Uint8Array, charset: string | null): string {
  const decoder = charset === null ? null : decoderFor(charset);
  // ASCII is a promise about 7 bits only, and what breaks it is UTF-8 today; so too where nothing is said or known.
  if (decoder === null || decoder.encoding === 'utf-8' || /ascii|ansi_x3/i.test(charset ?? '')) return decodeUnknown(octets);
  return decoder.decode(octets);
}

function decodeUnknown(octets: Uint8Array): string {
  const text = utf8.decode(octets);
  if (!text.includes('\uFFFD')) return text;
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

export const octetsOf = (binary: string): Uint8Array => Buffer.from(binary, 'latin1');

/** A raw header value that may hold 8-bit octets: UTF-8 where it is (RFC 6532), else Windows-1252. */
export function decodeBinary(binary: string): string {
  return /[\x80-\xFF]/.test(binary) ? decodeUnknown(octetsOf(binary)) : binary;
}

/** RFC 2047, with a language (RFC 2231 5), and with blanks inside, which many programs leave there. */
const encodedWord = /=\?([^\s?]{1,60})\?([BbQq])\?([^?\r\n]*)\?=/g;

/**
 * Text with encoded-words -> text. Adjacent words of one charset and encoding are joined before they are decoded: programs cut them
 * within a character. Runs once over the value: what a word decodes to is never decoded again.
 */
export function decodeWords(binary: string): string {
  if (!binary.includes('=?')) return decodeBinary(binary);
  let text = '';
  let end = 0;
  let run: Uint8Array[] = []; // octets of adjacent words, all in `kind`
  let kind = { charset: '', encoding: '' };
  const flush = (): void => {
    if (run.length > 0) text += decodeText(Buffer.concat(run), kind.charset);
    run = [];
  };
  for (const match of binary.matchAll(encodedWord)) {
    const between = binary.slice(end, match.index);
    const charset = (match[1] ?? '').replace(/\*.*$/, '').toLowerCase();
    const encoding = (match[2] ?? '').toLowerCase();
    const adjacent = run.length > 0 && /^[\t-\r ]*$/.test(between);
    if (!adjacent || kind.charset !== charset || kind.encoding !== encoding) flush();
    if (!adjacent) text += decodeBinary(between);
    kind = { charset, encoding };
    run.push(encoding === 'b' ? decodeBase64(match[3] ?? '') : decodeQ(match[3] ?? ''));
    end = match.index + match[0].length;
  }
  flush();
  return text + decodeBinary(binary.slice(end));
}

/** Ignores what is not in the alphabet (RFC 2045 6.8). Node's own decoder ends at the first padding, so a joint in the middle is cut there. */
export function decodeBase64(binary: string): Uint8Array {
  const padding = binary.indexOf('=');
  if (padding < 0 || !/[A-Za-z0-9+/]/.test(binary.slice(padding))) return Buffer.from(binary, 'base64');
  return Buffer.concat(binary.split(/=+/).map((part) => Buffer.from(part, 'base64')));
}

function decodeQ(text: string): Uint8Array {
  return decodeQuotedPrintable(Buffer.from(text.replaceAll('_', ' '), 'latin1'));
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
