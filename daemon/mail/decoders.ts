/**
 * Charset names -> decoders: the platform's own (WHATWG), iconv-lite for what it lacks (UTF-7, UTF-32, DOS and Macintosh pages), and
 * the seven-bit shift encodings of East Asia, which are one of the others with the high bits taken off.
 */
import iconv from 'iconv-lite';

export type Decoder = {
  /** One name for all spellings. */
  name: string;
  /** `single`: one octet is one character. `multi`: octets below 0x80 may be half of one. `ascii`: a promise about 7 bits only. */
  kind: 'ascii' | 'utf-8' | 'single' | 'multi' | 'shift' | 'wide';
  decode(octets: Uint8Array): string;
};

/** Names that mail uses and the WHATWG list lacks; case, separators and `x-`, `cs` prefixes are gone before this is asked. */
const aliases: Readonly<Record<string, string>> = {
  iso88598i: 'iso-8859-8-i',
  iso88598e: 'iso-8859-8',
  iso885911: 'windows-874',
  iso885911e: 'windows-874',
  iso88596i: 'iso-8859-6',
  iso88596e: 'iso-8859-6',
  isolatin1: 'windows-1252',
  latin1: 'windows-1252',
  latin0: 'iso-8859-15',
  latin9: 'iso-8859-15',
  ansi: 'windows-1252',
  western: 'windows-1252',
  sjis: 'shift_jis',
  sjiswin: 'shift_jis',
  shiftjis: 'shift_jis',
  shiftjis2004: 'shift_jis',
  shiftjisx0213: 'shift_jis',
  mskanji: 'shift_jis',
  windows31j: 'shift_jis',
  eucjp: 'euc-jp',
  eucjpms: 'euc-jp',
  eucjpwin: 'euc-jp',
  ujis: 'euc-jp',
  jis: 'iso-2022-jp',
  iso2022jp: 'iso-2022-jp',
  iso2022jp1: 'iso-2022-jp',
  iso2022jp2: 'iso-2022-jp',
  iso2022jp3: 'iso-2022-jp',
  iso2022jp2004: 'iso-2022-jp',
  iso2022jpms: 'iso-2022-jp',
  euckr: 'euc-kr',
  uhc: 'euc-kr',
  ksc5601: 'euc-kr',
  ksc56011987: 'euc-kr',
  ksc56011992: 'euc-kr',
  ksx1001: 'euc-kr',
  johab: 'euc-kr',
  tis620: 'windows-874',
  gb2312: 'gbk',
  gb231280: 'gbk',
  eucgb2312cn: 'gbk',
  euccn: 'gbk',
  gb: 'gbk',
  gb180302000: 'gb18030',
  gb180302005: 'gb18030',
  big5hkscs: 'big5',
  big5eten: 'big5',
  cnbig5: 'big5',
  hz: 'hz-gb-2312',
  hzgb2312: 'hz-gb-2312',
  hzgb: 'hz-gb-2312',
  koi8: 'koi8-r',
  koi8r: 'koi8-r',
  koi8u: 'koi8-u',
  koi8ru: 'koi8-u',
  macroman: 'macintosh',
  mac: 'macintosh',
  macce: 'maccenteuro',
  maccentralroman: 'maccenteuro',
  maccentraleurope: 'maccenteuro',
  maccentraleurroman: 'maccenteuro',
  macturkish: 'macturkish',
  utf8: 'utf-8',
  utf8mb3: 'utf-8',
  utf8mb4: 'utf-8',
  utf8n: 'utf-8',
  utf8mac: 'utf-8',
  unicode11utf8: 'utf-8',
  unicode20utf8: 'utf-8',
  utf7: 'utf-7',
  unicode11utf7: 'utf-7',
  unicode20utf7: 'utf-7',
  utf7imap: 'utf-7-imap',
  unicode: 'utf-16',
  ucs2: 'utf-16',
  iso10646ucs2: 'utf-16',
  utf16: 'utf-16',
  ucs4: 'utf-32',
  iso10646ucs4: 'utf-32',
  ascii: 'us-ascii',
  usascii: 'us-ascii',
  us: 'us-ascii',
  ansix341968: 'us-ascii',
  ansix341986: 'us-ascii',
  iso646us: 'us-ascii',
  iso646irv: 'us-ascii',
  pc8: 'cp437',
  pc8codepage437: 'cp437',
  pc850multilingual: 'cp850',
  pc8danishnorwegian: 'cp437',
};
/** `cp932`, `windows-932`, `ms932`, `ibm932`: what is named here, else the DOS or Windows page of that number. */
const codePages: Readonly<Record<string, string>> = {
  '367': 'us-ascii',
  '819': 'windows-1252',
  '858': 'cp850', // with a euro sign in one place
  '874': 'windows-874',
  '878': 'koi8-r',
  '932': 'shift_jis',
  '936': 'gbk',
  '943': 'shift_jis',
  '949': 'euc-kr',
  '950': 'big5',
  '951': 'big5',
  '970': 'euc-kr',
  '1200': 'utf-16le',
  '1201': 'utf-16be',
  '1208': 'utf-8',
  '1386': 'gbk',
  '10000': 'macintosh',
  '10007': 'x-mac-cyrillic',
  '12000': 'utf-32le',
  '12001': 'utf-32be',
  '20127': 'us-ascii',
  '20866': 'koi8-r',
  '20932': 'euc-jp',
  '20936': 'gbk',
  '21866': 'koi8-u',
  '28591': 'windows-1252',
  '28592': 'iso-8859-2',
  '28595': 'iso-8859-5',
  '28597': 'iso-8859-7',
  '28605': 'iso-8859-15',
  '38598': 'iso-8859-8-i',
  '50220': 'iso-2022-jp',
  '50221': 'iso-2022-jp',
  '50222': 'iso-2022-jp',
  '50225': 'iso-2022-kr',
  '51932': 'euc-jp',
  '51936': 'gbk',
  '51949': 'euc-kr',
  '52936': 'hz-gb-2312',
  '54936': 'gb18030',
  '65000': 'utf-7',
  '65001': 'utf-8',
};

const own = (table: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** Bounded, because mails make up names. */
const known = new Map<string, Decoder | null>();
const maxKnown = 500;

/** By whatever name; null for a name that says nothing (`x-unknown`, `8bit`, `default`, made up). */
export function decoderFor(label: string): Decoder | null {
  const name = label
    .replace(/^[\s"'<(]*(?:charset\s*=\s*)?[\s"'=]*/i, '')
    .replace(/[\s"';,>)].*$/s, '')
    .toLowerCase();
  if (name === '' || name.length > 40) return null;
  const found = known.get(name);
  if (found !== undefined) return found;
  const decoder = find(name);
  if (known.size < maxKnown) known.set(name, decoder);
  return decoder;
}

function find(name: string): Decoder | null {
  const bare = name.replace(/^(?:x-ms-|x-|cs)/, '').replace(/[\s._:-]+/g, '');
  const page = (/^(?:cp|ccsid|codepage|windows|win|ms|ibm|dos|pc|oem)+0*(\d{3,5})(?:$|[a-z])/.exec(bare) ??
    /^0*(\d{3,5})$/.exec(bare))?.[1];
  const numbered = page === undefined ? [] : [own(codePages, page), /^125\d$/.test(page) ? `windows-${page}` : `cp${page}`];
  const iso = /^iso(8859\d{1,2})/.exec(bare)?.[1]?.replace(/^8859/, 'iso-8859-');
  for (const candidate of [own(aliases, bare), ...numbered, iso, name, bare]) {
    const decoder = candidate === undefined ? null : construct(candidate);
    if (decoder !== null) return decoder;
  }
  return null;
}

function construct(name: string): Decoder | null {
  switch (name) {
    case 'us-ascii':
      return { name, kind: 'ascii', decode: (octets) => platform('windows-1252', octets) };
    case 'utf-16':
      return { name, kind: 'wide', decode: decodeUtf16 };
    case 'utf-16le':
    case 'utf-16be':
      return { name, kind: 'wide', decode: (octets) => platform(name, octets) };
    case 'utf-32':
    case 'utf-32le':
    case 'utf-32be':
      return { name, kind: 'wide', decode: (octets) => iconv.decode(viewOf(octets), name) };
    case 'iso-2022-jp':
      return { name, kind: 'shift', decode: decodeIso2022Jp };
    case 'iso-2022-kr':
      return { name, kind: 'shift', decode: (octets) => platform('euc-kr', raiseShifted(octets, 'euc')) };
    case 'iso-2022-cn':
    case 'iso-2022-cn-ext':
      return { name, kind: 'shift', decode: (octets) => platform('gbk', raiseShifted(octets, 'euc')) };
    case 'hz-gb-2312':
      return { name, kind: 'shift', decode: (octets) => platform('gbk', raiseShifted(octets, 'hz')) };
    case 'utf-7':
    case 'utf-7-imap':
      return { name, kind: 'shift', decode: (octets) => iconv.decode(viewOf(octets), name) };
    default:
      return ofPlatform(name) ?? ofLibrary(name);
  }
}

const multi = new Set(['gbk', 'gb18030', 'big5', 'shift_jis', 'euc-jp', 'euc-kr']);

function ofPlatform(name: string): Decoder | null {
  try {
    const { encoding } = new TextDecoder(name);
    // The web reads these names as something that no mail means by them.
    if (encoding === 'x-user-defined' || encoding === 'replacement') return null;
    if (encoding.startsWith('utf-16')) return { name: encoding, kind: 'wide', decode: (octets) => platform(encoding, octets) };
    // Text of Windows under an ISO name: its quotes and dashes stand where ISO has controls.
    if (encoding.startsWith('iso-8859-')) {
      const decode = (octets: Uint8Array): string =>
        platform(encoding, octets).replace(/[\x80-\x9F]/g, (control) => platform('windows-1252', Uint8Array.of(control.charCodeAt(0))));
      return { name: encoding, kind: 'single', decode };
    }
    const kind = encoding === 'utf-8' ? 'utf-8' : multi.has(encoding) ? 'multi' : 'single';
    return { name: encoding, kind, decode: (octets) => platform(encoding, octets) };
  } catch (error) {
    if (error instanceof RangeError) return null; // the one way to ask whether a charset exists
    throw error;
  }
}

/** Names of iconv-lite that are no charset: transfer encodings and its own tables. */
const noCharset = /^(?:base64|hex|binary|internal|_|utf16|utf32|ucs2|cesu)/i;

function ofLibrary(name: string): Decoder | null {
  if (noCharset.test(name.replace(/[^a-z0-9_]/gi, '')) || !iconv.encodingExists(name)) return null;
  return { name, kind: 'single', decode: (octets) => iconv.decode(viewOf(octets), name) };
}

const viewOf = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

const decoders = new Map<string, InstanceType<typeof TextDecoder>>();
function platform(encoding: string, octets: Uint8Array): string {
  let decoder = decoders.get(encoding);
  if (decoder === undefined) {
    decoder = new TextDecoder(encoding);
    decoders.set(encoding, decoder);
  }
  return decoder.decode(octets);
}

/** Without a mark it is big-endian by RFC 2781 and little-endian by habit: the zeros of blanks and Latin letters tell. */
function decodeUtf16(octets: Uint8Array): string {
  let even = 0;
  let odd = 0;
  for (let at = 0; at < Math.min(octets.length, 4_096); at++) if (octets[at] === 0) at % 2 === 0 ? even++ : odd++;
  return platform(even >= odd && even > 0 ? 'utf-16be' : 'utf-16le', octets);
}

/** What an escape of ISO-2022-JP and its kin (RFC 1468, 1554, 2237) switches to; a charset of pairs, or null for single octets. */
const shifts: Readonly<Record<string, { charset: string; prefix: number[]; octets: 1 | 2 } | null>> = {
  '(B': null,
  '(J': null,
  '(H': null,
  '(I': { charset: 'euc-jp', prefix: [0x8e], octets: 1 },
  '$@': { charset: 'euc-jp', prefix: [], octets: 2 },
  $B: { charset: 'euc-jp', prefix: [], octets: 2 },
  '$(@': { charset: 'euc-jp', prefix: [], octets: 2 },
  '$(B': { charset: 'euc-jp', prefix: [], octets: 2 },
  '$(O': { charset: 'euc-jp', prefix: [], octets: 2 },
  '$(Q': { charset: 'euc-jp', prefix: [], octets: 2 },
  '$(D': { charset: 'euc-jp', prefix: [0x8f], octets: 2 },
  $A: { charset: 'gbk', prefix: [], octets: 2 },
  '$(C': { charset: 'euc-kr', prefix: [], octets: 2 },
};
const iso2022Escape = /\x1B(\([BHIJ]|\$(?:[@AB]|\([@BCDOQ]))/;

/** Each run between escapes by itself: no escape is an error, however many follow one another and wherever a program cut them. */
function decodeIso2022Jp(octets: Uint8Array): string {
  const [first = '', ...rest] = Buffer.from(octets).toString('latin1').split(iso2022Escape);
  let text = decodeBytes(first);
  for (let at = 0; at + 1 < rest.length; at += 2) {
    const run = rest[at + 1] ?? '';
    const shift = shifts[rest[at] ?? ''] ?? null;
    text += shift === null ? decodeBytes(run) : platform(shift.charset, raisePairs(run, shift.prefix, shift.octets));
  }
  return text;
}

/** Where there should be ASCII alone, eight-bit octets are half-width kana or an error; the rest of the run is kept. */
const decodeBytes = (run: string): string => (/[\x80-\xFF]/.test(run) ? platform('shift_jis', Buffer.from(run, 'latin1')) : run);

function raisePairs(run: string, prefix: readonly number[], octets: 1 | 2): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < run.length; at++) {
    const one = run.charCodeAt(at);
    const two = run.charCodeAt(at + 1);
    if (one <= 0x20 || one > 0x7e) out.push(one);
    else if (octets === 1) out.push(...prefix, one | 0x80);
    else if (two > 0x20 && two <= 0x7e) {
      out.push(...prefix, one | 0x80, two | 0x80);
      at++;
    } else if (!Number.isNaN(two)) out.push(0xff); // half a character; at the very end the mail was cut, and nothing is shown for it
  }
  return Uint8Array.from(out);
}

/**
 * ISO-2022-KR, ISO-2022-CN (SO and SI) and HZ (`~{` and `~}`, RFC 1843) shift to pairs of seven-bit octets: with their high bits set
 * they are the EUC encoding of the same set. A line end shifts back.
 */
function raiseShifted(octets: Uint8Array, how: 'euc' | 'hz'): Uint8Array {
  const out = new Uint8Array(octets.length);
  let length = 0;
  let shifted = false;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] ?? 0;
    const next = octets[at + 1] ?? 0;
    if (octet === 0x0a || octet === 0x0d) {
      shifted = false;
      out[length++] = octet;
    } else if (how === 'euc' && (octet === 0x0e || octet === 0x0f)) shifted = octet === 0x0e;
    else if (how === 'euc' && octet === 0x1b && next === 0x24) {
      // The designation in front (ESC $ ) C): three octets after it are no text.
      at += 3;
    } else if (how === 'hz' && octet === 0x7e && (next === 0x7b || next === 0x7d)) {
      shifted = next === 0x7b;
      at++;
    } else if (how === 'hz' && !shifted && octet === 0x7e && (next === 0x7e || next === 0x0a)) {
      if (next === 0x7e) out[length++] = octet;
      at++;
    } else if (shifted && octet > 0x20 && next > 0x20 && octet < 0x7f && next < 0x7f) {
      out[length++] = octet | 0x80;
      out[length++] = next | 0x80;
      at++;
    } else out[length++] = octet;
  }
  return out.subarray(0, length);
}
