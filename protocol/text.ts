/**
 * Text from outside, made safe for a screen. The daemon makes SafeText from everything that a mail, a server or another
 * person wrote; clients ask again for foreign text of their own (file names, error messages).
 *
 * Invariants
 * - Characters are filtered, sequences are never matched: nothing that is taken out can make a new escape sequence from
 *   what stood around it (`ESC ESC[0m ]52;…`). What is left holds no byte that a terminal obeys.
 * - `safeText(safeText(x)) === safeText(x)`, and the same for `safeBlock`.
 * - It comes after the last decoding step; nothing decodes after it.
 */
declare const brand: unique symbol;

/** Text without control, bidi, invisible, private, unassigned or half characters. Only this module makes it. */
export type SafeText = string & { readonly [brand]: 'SafeText' };

/**
 * Never shown: controls but LF (Cc), formats with the bidi controls and joiners (Cf), lone surrogates (Cs), private use (Co),
 * unassigned and noncharacters (Cn), everything that a font draws as nothing (fillers, variation selectors, tags).
 * The keycap ring and the skin tones are as visible as harmless, but terminals disagree about their width.
 */
const forbidden = /[^\P{C}\n]|\p{Default_Ignorable_Code_Point}|\p{Emoji_Modifier}|\u20E3/gu;

/** One grapheme to a reader, two to four cells or six to a terminal: only the first picture stays (a family becomes its first member). */
const joinedPictures =
  /(\p{Extended_Pictographic})(?:\uFE0F|\p{Emoji_Modifier})*(?:\u200D(?:\p{Extended_Pictographic}|\uFE0F|\p{Emoji_Modifier})+)+/gu;

/** Everything above, line ends beyond ASCII and blanks that draw nothing: what JSON leaves as it is and a screen must not get. */
const unprintable = /[^\P{C}]|\p{Default_Ignorable_Code_Point}|[\u2028\u2029\u2800]/gu;

const lineBreaks = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;
/** Blanks of every width look alike and pad a name out of sight; U+2800 is a letter-like symbol that draws nothing. */
const blanks = /[\p{Zs}\u2800]/gu;
/** A mark needs a letter to sit on, else it lands on whatever the screen drew before it; more than six are a tower. */
const looseMarks = /(^|\n)\p{M}+/gu;
const towers = /(\p{M}{6})\p{M}+/gu;

const plain = /^[\x20-\x7E]*$/;
const plainBlock = /^[\x20-\x7E\n]*$/;

/** One line: line ends and tabs become blanks. */
export function safeText(raw: string): SafeText {
  if (plain.test(raw)) return raw as SafeText;
  return clean(raw.replace(lineBreaks, ' ').replaceAll('\t', ' '));
}

/** Several lines: every line end becomes LF, a tab four blanks. */
export function safeBlock(raw: string): SafeText {
  if (plainBlock.test(raw)) return raw as SafeText;
  return clean(raw.replace(lineBreaks, '\n').replaceAll('\t', '    '));
}

function clean(text: string): SafeText {
  const shown = text.replace(joinedPictures, '$1').replace(forbidden, '').replace(blanks, ' ');
  return shown.replace(looseMarks, '$1').replace(towers, '$1') as SafeText;
}

/**
 * JSON for whatever may reach a terminal or a log: the same document as `JSON.stringify` gives, with every control, bidi, invisible,
 * private and unassigned character as `\u….` inside its string, where it means the same.
 */
export function safeJson(value: unknown, indent?: number): string {
  return escapeJson(JSON.stringify(value, null, indent));
}

/** The same for JSON text that somebody else wrote. Line ends and blanks between its values stay. */
export function escapeJson(json: string): string {
  if (plainBlock.test(json)) return json;
  return json.replace(unprintable, (character) =>
    character === '\n' || character === '\t' || character === '\r'
      ? character
      : Array.from({ length: character.length }, (_, n) => `\\u${character.charCodeAt(n).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** Whether the text could have come out of `safeBlock`; one line of it is also what `safeText` makes. */
export function isSafe(text: string): text is SafeText {
  return safeBlock(text) === text;
}

export type NamedAddress = { name: string | null; address: string };

/**
 * Who wrote, for a list: the name, or the address whenever the name could be taken for another sender's: it holds an `@`
 * or something like a domain, hides or turns characters, or mixes scripts.
 */
export function displayAddress({ name, address }: NamedAddress): SafeText {
  const shown = name === null ? '' : onOneLine(name);
  if (address === '') return (shown === '' ? 'no address' : `${shown} (no address)`) as SafeText;
  return shown === '' || deceives(name ?? '') ? safeAddress(address) : shown;
}

/** Who wrote, for a reader: always with the address. */
export function displaySender({ name, address }: NamedAddress): SafeText {
  const shown = name === null ? '' : onOneLine(name);
  const at = safeAddress(address);
  return (shown === '' || shown === at ? at : `${shown} <${at}>`) as SafeText;
}

const onOneLine = (name: string): SafeText => safeText(name).replace(/ {2,}/g, ' ').trim() as SafeText;

/** After NFKC, so that full-width and small forms count as what they look like. */
const addressLike = /@|[\p{L}\p{N}][.\u3002\u2024]\p{L}{2}|:\/\//u;
const controlsAndInvisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u2800]|(?![\uFE0F])\p{Default_Ignorable_Code_Point}/u;

function deceives(name: string): boolean {
  const pictureless = name.replace(joinedPictures, '$1');
  return addressLike.test(name.normalize('NFKC')) || controlsAndInvisible.test(pictureless) || mixesScripts(name);
}

/** Scripts that people write side by side in one name (UTS 39, "highly restrictive"). */
const latin = /\p{Script=Latin}/u;
const eastAsian = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u;
const others = [
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Devanagari}/u,
  /\p{Script=Thai}/u,
];
const letters =
  /(?![\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Cherokee}\p{Script=Georgian}\p{Script=Devanagari}\p{Script=Thai}\p{Script=Common}\p{Script=Inherited}])\p{L}/u;

function mixesScripts(text: string): boolean {
  const known = others.filter((script) => script.test(text)).length + (letters.test(text) ? 1 : 0);
  const restrictive = latin.test(text) || eastAsian.test(text) ? 1 : 0;
  return known + restrictive > 1;
}

/**
 * An address as it may be shown: a domain in letters beyond ASCII stays readable only when all of it is of one script,
 * else it is spelled as the DNS knows it (`xn--…`).
 */
export function safeAddress(address: string): SafeText {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at < 0 || plain.test(domain) || !(mixesScripts(domain) || !isSafe(domain))) return onOneLine(address);
  const asUrl = `http://${domain}/`;
  const spelled = URL.canParse(asUrl) ? new URL(asUrl).hostname : domain.replace(/[^\x21-\x7E]/gu, escapeCodePoint);
  return onOneLine(`${address.slice(0, at)}@${spelled}`);
}

const escapeCodePoint = (character: string): string => `{U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;

/** Device names that Windows opens instead of a file, with any extension. */
const reservedName = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$|desktop\.ini|thumbs\.db)(?:\.|$)/i;

/**
 * A file name from outside as it may be written into a folder that a person chose: its last component, of letters, digits,
 * marks and ` ._-()`, at most 120 octets with the extension kept, never hidden, never an option, never a device.
 * `fallback` is used whole when nothing is left.
 */
export function safeFileName(raw: string, fallback: string): SafeText {
  // Slashes of every shape count: a later NFKC or a font would make them one.
  const last =
    raw
      .normalize('NFC')
      .split(/[/\\\u2044\u2215\u29F8\uFF0F\uFF3C\uFE68]/)
      .at(-1) ?? '';
  const kept = safeText(last)
    .replace(/[^\p{L}\p{M}\p{N} ._()-]/gu, '_')
    .replace(/ {2,}/g, ' ')
    .replace(/^[\s.\-\p{M}]+|[\s.]+$/gu, '');
  if (!/[\p{L}\p{N}]/u.test(kept)) return fallback as SafeText;
  const name = cutName(reservedName.test(kept) ? `_${kept}` : kept);
  return safeText(name);
}

function cutName(name: string): string {
  const maxOctets = 120;
  const octets = (text: string): number => new TextEncoder().encode(text).length;
  if (octets(name) <= maxOctets) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && octets(name.slice(dot)) <= 20 ? name.slice(dot) : '';
  const room = maxOctets - octets(extension);
  let stem = '';
  let used = 0;
  for (const character of name.slice(0, name.length - extension.length)) {
    used += octets(character);
    if (used > room) break;
    stem += character;
  }
  return stem.replace(/[\s.]+$/u, '') + extension;
}
