/**
 * One pass over HTML for both readings of a mail, the rough one and the one with a parser: what is hidden from people is left out, and
 * what would cost too much. Comments, scripts, styles and titles go.
 *
 * Invariants: linear; at most 100 levels and 20,000 tags are handed on, text beyond them stays; every end tag belongs to an element that
 * is open, and cells, rows and list items are closed before the next one begins.
 */
import { plainSight, readSheet, type Sheet, type Sight, shows, sightIn } from './html-style.ts';

export type Visitor = {
  /** As it stands, with its entities, and with `<` that begin no tag. `pre`: line ends and blanks count, without a `<pre>` around it. */
  text(raw: string, pre: boolean): void;
  open(name: string, tag: string): void;
  close(name: string): void;
  /** False when no more is wanted. */
  goOn(): boolean;
};

/** Elements without an end tag. */
const empty = new Set(['area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'param', 'source', 'track', 'wbr']);
/** What the next of these ends, up to the element that holds them all. */
const siblings: Readonly<Record<string, { ends: ReadonlySet<string>; within: ReadonlySet<string> }>> = (() => {
  const table = new Set(['table']);
  const list = new Set(['ul', 'ol', 'menu', 'dir', 'td', 'th', 'table']);
  const terms = new Set(['dl', 'td', 'th', 'table']);
  const cells = { ends: new Set(['td', 'th']), within: new Set(['tr', 'table']) };
  return {
    td: cells,
    th: cells,
    tr: { ends: new Set(['tr']), within: table },
    tbody: { ends: new Set(['tbody', 'thead', 'tfoot']), within: table },
    thead: { ends: new Set(['tbody', 'thead', 'tfoot']), within: table },
    tfoot: { ends: new Set(['tbody', 'thead', 'tfoot']), within: table },
    li: { ends: new Set(['li']), within: list },
    dt: { ends: new Set(['dt', 'dd']), within: terms },
    dd: { ends: new Set(['dt', 'dd']), within: terms },
    option: { ends: new Set(['option']), within: new Set(['select']) },
  };
})();
const tableParts = new Set(['table', 'tbody', 'thead', 'tfoot', 'tr', 'td', 'th', 'caption']);
/** Elements that stand in a line of text. */
const inline = new Set('a abbr b big cite code em font i label mark s small span strong sub sup tt u'.split(' '));
const inLine = (name: string): boolean => inline.has(name) || name === 'del' || name === 'ins' || name === 'strike';
const maxDepth = 100;
const maxNodes = 20_000;
const maxLength = 1_500_000;
const maxTag = 20_000;
/** Tags whose quotes never close, before quotes are no longer looked at. */
const maxUnquoted = 50;
/** `<jane@example.com>`, `<https://example.com/>`: what programs forgot to escape is no tag. */
const address = /^<(?:[^\s<>"'=/]{1,64}@[^\s<>"'=/]{1,250}|https?:\/\/[^\s<>"']{1,2000})>$/i;
/** How far past a tag a decision may look. */
const lookahead = 2_000;

/** `strikes`: with it words begin that are crossed out. */
type Open = { name: string; sight: Sight; strikes: boolean };

/** `hiding` false: everything is shown. */
export function scanHtml(html: string, visitor: Visitor, hiding = true): void {
  const source = html.slice(0, maxLength);
  const lastEnd = source.lastIndexOf('>');
  const tagStart = /<[a-zA-Z/!?]/g;
  const open: Open[] = [];
  let sheet: Sheet = { hides: new Set(), paints: false, tags: new Map() };
  let dropped = 0; // open tags beyond the depth, whose end tags go too
  let nodes = 0;
  let unquoted = 0;
  const endless = new Set<string>(); // no end tag of these follows any more
  let at = 0;
  const sight = (): Sight => open.at(-1)?.sight ?? plainSight;
  let struck = false; // the mark of crossed-out words stands open
  const text = (raw: string): void => {
    const here = sight();
    if (raw === '' || !shows(here)) return;
    const pre = here.pre && !open.some(({ name }) => name === 'pre');
    if (here.struck && !struck && /\S/.test(raw)) {
      struck = true;
      visitor.text(' ~~', pre);
    }
    visitor.text(raw, pre);
  };
  /** Marks of crossed-out words stay in their line. */
  const endStrike = (): void => {
    if (struck) visitor.text('~~ ', false);
    struck = false;
  };
  /** An element that is styled out of its line: words on its two sides are not one word. */
  const standApart = ({ stands }: Sight, side: 'open' | 'close'): void => {
    if (stands === 'spaced') text(' ');
    else if (stands === 'apart' && side === 'open') visitor.open('div', '<div>');
    else if (stands === 'apart') visitor.close('div');
  };
  /** Ends all elements from that one on. */
  const closeFrom = (index: number): void => {
    for (const { name, sight: inner, strikes } of open.splice(index).reverse()) {
      if (inner.hidden) continue;
      if (strikes || !inLine(name)) endStrike();
      visitor.close(name);
      if (inline.has(name)) standApart(inner, 'close');
    }
  };
  /** The innermost open element of those, not looking out of `within`. */
  const indexOf = (wanted: (name: string) => boolean, within: (name: string) => boolean): number => {
    for (let index = open.length - 1; index >= 0; index--) {
      const { name } = open[index] ?? { name: '' };
      if (wanted(name)) return index;
      if (within(name)) return -1;
    }
    return -1;
  };

  while (at < source.length && visitor.goOn()) {
    tagStart.lastIndex = at;
    const tag = tagStart.exec(source)?.index ?? -1;
    if (tag < 0 || tag > lastEnd) break;
    text(source.slice(at, tag));
    if (source.startsWith('<!--', tag)) {
      at = afterComment(source, tag);
      continue;
    }
    let end = unquoted < maxUnquoted ? quotedEnd(source, tag) : 0;
    if (end === 0) {
      unquoted += 1;
      end = source.indexOf('>', tag) + 1;
    }
    const closing = source[tag + 1] === '/';
    const name = (/^[a-zA-Z][a-zA-Z0-9:-]{0,30}/.exec(source.slice(tag + (closing ? 2 : 1), tag + 34))?.[0] ?? '').toLowerCase();
    const whole = source.slice(tag, end);
    at = end;
    if (address.test(whole)) {
      text(whole);
    } else if (!closing && (name === 'script' || name === 'style' || name === 'title' || name === 'template')) {
      const after = endless.has(name) ? null : afterElement(source, name, end);
      if (after === null) endless.add(name);
      if (name === 'style') sheet = readSheet(source.slice(end, after ?? source.length), sheet);
      // A title that never closes hides nothing; code that was cut is no text.
      at = after ?? (name === 'title' || name === 'template' ? end : source.length);
    } else if (name === '' || nodes >= maxNodes) {
      text(' ');
    } else if (closing && name !== 'br') {
      if (dropped > 0 && open.length >= maxDepth && open.at(-1)?.name !== name) {
        dropped -= 1;
        continue;
      }
      const leaving = tableParts.has(name);
      const index = indexOf(
        (it) => it === name,
        (it) => it === 'table' || (!leaving && tableParts.has(it)),
      );
      if (index >= 0) closeFrom(index);
    } else {
      nodes += 1;
      const rule = Object.hasOwn(siblings, name) ? siblings[name] : undefined;
      if (rule !== undefined) {
        const before = indexOf(
          (it) => rule.ends.has(it),
          (it) => rule.within.has(it),
        );
        if (before >= 0) closeFrom(before);
      } else if (name === 'p' && open.at(-1)?.name === 'p') closeFrom(open.length - 1);
      const outer = sight();
      const inner = hiding && !outer.hidden ? sightIn(name, whole, outer, sheet, () => inside(source, name, end)) : outer;
      if (name.includes(':') && whole.endsWith('/>')) continue; // XML of an office program
      if (empty.has(name)) {
        if (!inner.hidden && !inner.invisible) visitor.open(name, shortened(whole, name));
      } else if (open.length < maxDepth) {
        if (!inLine(name)) endStrike();
        if (!inner.hidden && inline.has(name)) standApart(inner, 'open');
        open.push({ name, sight: inner, strikes: inner.struck && !outer.struck });
        if (!inner.hidden) visitor.open(name, shortened(whole, name));
      } else {
        dropped += 1;
        text(' ');
      }
    }
  }
  if (at < source.length && visitor.goOn()) text(source.slice(at));
  closeFrom(0);
}

/** A comment that never closes ends with its first `>`, as in browsers when the document was cut. */
function afterComment(source: string, from: number): number {
  if (/^<!--+>/.test(source.slice(from, from + 10))) return source.indexOf('>', from) + 1;
  const end = source.indexOf('-->', from + 4);
  return end < 0 ? source.length : end + 3;
}

/** After the `>` that ends a tag and stands in no quotes; 0 when its quotes do not close in reach. */
function quotedEnd(source: string, from: number): number {
  const first = source.indexOf('>', from) + 1;
  const tag = source.slice(from, first);
  if (!tag.includes("'") && tag.split('"').length % 2 === 1) return first;
  let quote = '';
  for (let at = from + 1; at < Math.min(source.length, from + maxTag); at++) {
    const character = source[at] ?? '';
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '>') return at + 1;
    else if ((character === '"' || character === "'") && /[=\s]/.test(source[at - 1] ?? '')) quote = character;
  }
  return 0;
}

/** What stands inside an element, as far as it may be looked at. */
function inside(source: string, name: string, from: number): string {
  const piece = source.slice(from, from + lookahead);
  const end = piece.toLowerCase().indexOf(`</${name}`);
  return end < 0 ? piece : piece.slice(0, end);
}

/** A picture inside an attribute is not looked at, and its alternative text beside it is. html-to-text pads lists to the width of their last number. */
function shortened(tag: string, name: string): string {
  const short = tag.length <= maxTag ? tag : tag.replace(/=\s*(?:"[^"]{2000,}"|'[^']{2000,}'|[^\s"'>]{2000,})/g, '=""');
  const far = name === 'ol' && /\bstart\s*=/i.test(tag) && !/\bstart\s*=\s*["']?\d{1,5}["'\s>]/i.test(tag);
  return short.length > maxTag || far ? `<${name}>` : short;
}

function afterElement(source: string, name: string, from: number): number | null {
  const found = new RegExp(`</${name}[^>]{0,100}>`, 'gi');
  found.lastIndex = from;
  return found.exec(source) === null ? null : found.lastIndex;
}
