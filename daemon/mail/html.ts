/**
 * HTML -> rough text for the index and the snippet: one pass over the characters, no tree, no regular expression over the whole.
 * What a person reads when they open a mail is made by `store/open.worker.ts` with a real parser.
 */

/** Elements whose content is no text, up to their end tag. */
const silent = new Set(['script', 'style', 'head', 'title', 'template', 'noscript', 'svg', 'object']);
const block = new Set(
  'address article aside blockquote br center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tr ul'.split(
    ' ',
  ),
);
const cell = new Set(['td', 'th']);

/** At most `room` characters of text. */
export function htmlToRoughText(html: string, room: number): string {
  const pieces: string[] = [];
  let length = 0;
  let lastTagEnd = html.lastIndexOf('>');
  let at = 0;
  const put = (text: string): void => {
    if (text === '') return;
    pieces.push(text);
    length += text.length;
  };
  while (at < html.length && length < room) {
    const open = html.indexOf('<', at);
    const textEnd = open < 0 ? html.length : open;
    put(decodeEntities(html.slice(at, textEnd).replace(/\s+/g, ' ')));
    if (open < 0) break;
    if (html.startsWith('<!--', open)) {
      const close = html.indexOf('-->', open + 4);
      if (close < 0) break;
      at = close + 3;
      continue;
    }
    const begins = /[a-zA-Z/!?]/.test(html[open + 1] ?? '');
    if (!begins || open > lastTagEnd) {
      put('<');
      at = open + 1;
      continue;
    }
    const close = html.indexOf('>', open);
    const name = (/^\/?([a-zA-Z][a-zA-Z0-9]{0,20})/.exec(html.slice(open + 1, open + 24))?.[1] ?? '').toLowerCase();
    at = close + 1;
    if (block.has(name)) put('\n');
    else if (cell.has(name)) put(' ');
    if (silent.has(name) && html[open + 1] !== '/' && html[close - 1] !== '/') {
      const end = endTag(html, name, at);
      if (end > 0)
        at = end; // one that never closes hides nothing
      else if (name === 'script' || name === 'style') lastTagEnd = -1;
    }
  }
  return pieces
    .join('')
    .replace(/ {2,}/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .slice(0, room)
    .trim();
}

/** After `</name`, looked for in at most 256 K characters so that many open elements stay linear. 0 when there is none. */
function endTag(html: string, name: string, from: number): number {
  const lookahead = html.slice(from, from + 262_144);
  const found = new RegExp(`</${name}\\b`, 'i').exec(lookahead);
  if (found === null) return 0;
  const close = html.indexOf('>', from + found.index);
  return close < 0 ? html.length : close + 1;
}

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ensp: ' ',
  emsp: ' ',
  thinsp: ' ',
  shy: '',
  zwnj: '',
  zwj: '',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  bdquo: '„',
  sbquo: '‚',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  euro: '€',
  pound: '£',
  cent: '¢',
  yen: '¥',
  copy: '©',
  reg: '®',
  trade: '™',
  deg: '°',
  para: '¶',
  sect: '§',
  times: '×',
  szlig: 'ß',
  aelig: 'æ',
  AElig: 'Æ',
  oslash: 'ø',
  Oslash: 'Ø',
  aring: 'å',
  Aring: 'Å',
  eth: 'ð',
  thorn: 'þ',
  iexcl: '¡',
  iquest: '¿',
};
/** `&eacute;` is a letter and a combining mark by name: no table of hundreds. */
const accents: Readonly<Record<string, string>> = {
  acute: '\u0301',
  grave: '\u0300',
  circ: '\u0302',
  uml: '\u0308',
  tilde: '\u0303',
  cedil: '\u0327',
  caron: '\u030C',
};

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));?/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) {
        if (Object.hasOwn(named, name)) return named[name] ?? whole;
        const mark = name.slice(1);
        return Object.hasOwn(accents, mark) ? `${name[0]}${accents[mark]}`.normalize('NFC') : whole;
      }
      const code = decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : '\uFFFD';
    },
  );
}
