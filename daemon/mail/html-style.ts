/** What of HTML a person sees: styles as far as they hide text or keep its lines. Pure; no CSS engine, and nothing inherited but what is named. */

/** What holds inside an element. */
export type Sight = {
  /** Neither text nor elements are shown, whatever is inside. */
  hidden: boolean;
  /** Text is not shown here; an element inside may say otherwise. */
  invisible: boolean;
  /** So small that nobody reads it, until an element inside has a size of its own. */
  tiny: boolean;
  /** `#rrggbb`; null when it is not known. */
  colour: string | null;
  background: string | null;
  /** Line ends and blanks count. */
  pre: boolean;
  /** Crossed out: a price that no longer holds must not run into the one that does. */
  struck: boolean;
  /** How the element itself stands in its line, when a style says so. */
  stands: 'apart' | 'spaced' | null;
};

/** Rules of the mail's own stylesheets, as far as they are looked at; `tags`: styles of tags that were seen, since programs repeat them. */
export type Sheet = { hides: ReadonlySet<string>; paints: boolean; tags: Map<string, Style | null> };
const maxTags = 300;

export const plainSight: Sight = {
  hidden: false,
  invisible: false,
  tiny: false,
  colour: '#000000',
  background: '#ffffff',
  pre: false,
  struck: false,
  stands: null,
};

export const shows = ({ hidden, invisible, tiny, colour, background }: Sight): boolean =>
  !hidden && !invisible && !tiny && !(colour !== null && colour === background);

/** Most tags have none of these. */
const mayMatter = /\b(?:style|hidden|bgcolor|background|color|size|class|id)\b/i;

const patterns = new Map<string, RegExp>();

/** The value of an attribute, null when the tag has none. */
export function attributeOf(tag: string, name: string): string | null {
  let pattern = patterns.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`[\\s"'/]${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i');
    patterns.set(name, pattern);
  }
  const found = pattern.exec(tag);
  return found === null ? null : (found[1] ?? found[2] ?? found[3] ?? '');
}

/** `after`: what follows the tag, as far as it may be looked at. */
export function sightIn(name: string, tag: string, outer: Sight, sheet: Sheet, after: () => string): Sight {
  const inner: Sight = { ...outer, stands: null };
  if (name === 'svg' || name === 'iframe') inner.hidden = true;
  if (name === 'pre') inner.pre = true;
  if (name === 'del' || name === 's' || name === 'strike') inner.struck = true;
  if (!mayMatter.test(tag)) return inner;

  if (/\shidden(?=[\s/>=])/i.test(tag.replace(/"[^"]*"|'[^']*'/g, '""'))) inner.hidden = true;
  if (sheet.hides.size > 0 && namesOf(tag).some((selector) => sheet.hides.has(selector))) inner.hidden = true;
  if (name === 'font') {
    const colour = attributeOf(tag, 'color');
    if (colour !== null) inner.colour = readColour(colour);
    if (/\ssize\s*=/i.test(tag)) inner.tiny = false;
  }
  // A rule of a stylesheet may paint what has a class: then nothing is known of its ground.
  if (sheet.paints && /\s(?:class|id)\s*=/i.test(tag)) inner.background = null;
  const ground = attributeOf(tag, 'bgcolor');
  if (ground !== null) inner.background = readColour(ground);
  if (/\sbackground\s*=/i.test(tag)) inner.background = null;
  const style = styleOf(tag, sheet);
  if (style !== null) applyStyle(inner, style, name, after);
  return inner;
}

function namesOf(tag: string): string[] {
  const classes = (attributeOf(tag, 'class') ?? '').split(/\s+/).slice(0, 20);
  const id = attributeOf(tag, 'id');
  return [...classes.filter((it) => it !== '').map((it) => `.${it}`), ...(id === null ? [] : [`#${id}`])];
}

type Style = ReadonlyMap<string, string>;

function styleOf(tag: string, { tags }: Sheet): Style | null {
  const known = tags.get(tag);
  if (known !== undefined) return known;
  const value = attributeOf(tag, 'style');
  const style = value === null ? null : readStyle(value);
  if (tags.size < maxTags) tags.set(tag, style);
  return style;
}

function readStyle(style: string): Style {
  const found = new Map<string, string>();
  for (const declaration of style.slice(0, 4_000).split(';')) {
    const colon = declaration.indexOf(':');
    if (colon < 0) continue;
    const property = declaration.slice(0, colon).trim().toLowerCase();
    found.set(
      property,
      declaration
        .slice(colon + 1)
        .replace(/!\s*important/i, '')
        .trim()
        .toLowerCase(),
    );
  }
  return found;
}

const isZero = (value: string | undefined): boolean => value !== undefined && /^0*\.?0+(?:px|pt|em|rem|%|in|cm|mm|vh|vw)?$/.test(value);
const isFarOff = (value: string | undefined): boolean => /^-\d{3,}/.test(value ?? '') && Number.parseInt(value ?? '0', 10) <= -500;

function applyStyle(sight: Sight, style: Style, name: string, after: () => string): void {
  const cut = /hidden|clip/.test(style.get('overflow') ?? '');
  sight.hidden ||=
    style.get('display') === 'none' ||
    isZero(style.get('opacity')) ||
    isZero(style.get('max-height')) ||
    (cut && (isZero(style.get('height')) || isZero(style.get('width')) || isZero(style.get('max-width')))) ||
    isFarOff(style.get('text-indent')) ||
    (style.get('position') === 'absolute' && (isFarOff(style.get('left')) || isFarOff(style.get('top')))) ||
    // Outlook alone obeys it: a button that it draws in another way is hidden so, and is still what everybody else sees.
    (style.get('mso-hide') === 'all' && name !== 'a' && !/<a\b/i.test(after()));

  const display = style.get('display') ?? '';
  if (/^(?:block|flex|grid|table|table-row|list-item)$/.test(display)) sight.stands = 'apart';
  else if (/^(?:inline-|table-cell)/.test(display)) sight.stands = 'spaced';

  const visibility = style.get('visibility');
  if (visibility !== undefined) sight.invisible = visibility === 'hidden' || visibility === 'collapse';

  const size = sizeOf(style);
  if (size !== undefined) sight.tiny = size === null ? sight.tiny : size <= 1;

  if (/line-through/.test(`${style.get('text-decoration') ?? ''} ${style.get('text-decoration-line') ?? ''}`)) sight.struck = true;

  const space = style.get('white-space');
  if (space !== undefined) sight.pre = /^(?:pre|pre-wrap|pre-line|break-spaces)$/.test(space);

  const colour = style.get('color');
  if (colour !== undefined && colour !== 'inherit') sight.colour = readColour(colour);
  if (colour === 'transparent' && !style.has('background-clip') && !style.has('-webkit-background-clip')) sight.invisible = true;
  const ground = style.get('background-color') ?? style.get('background');
  if (ground !== undefined && !/^(?:none|inherit|transparent|initial)$/.test(ground)) sight.background = readColour(ground);
  if (style.has('background-image') && style.get('background-image') !== 'none') sight.background = null;
}

/** In points or so; null for a size that depends on the one outside, undefined for none. */
function sizeOf(style: Style): number | null | undefined {
  const size = style.get('font-size') ?? /(?:^|\s)([\d.]+(?:px|pt|em|rem|%))(?:\s*\/|\s)/.exec(style.get('font') ?? '')?.[1];
  if (size === undefined || size === 'inherit') return undefined;
  if (isZero(size)) return 0;
  const number = /^(\d*\.?\d+)(px|pt|em|%|rem)?$/.exec(size);
  if (number === null) return 12; // `medium`, `larger`
  return number[2] === 'em' || number[2] === '%' ? null : Number(number[1]) * (number[2] === 'rem' ? 16 : 1);
}

const named: Readonly<Record<string, string>> = {
  white: '#ffffff',
  black: '#000000',
  snow: '#fffafa',
  whitesmoke: '#f5f5f5',
  ivory: '#fffff0',
};

function readColour(value: string): string | null {
  const text = value.trim().toLowerCase();
  if (Object.hasOwn(named, text)) return named[text] ?? null;
  const hex = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/.exec(text)?.[1];
  if (hex !== undefined) return `#${hex.length === 3 ? hex.replace(/./g, '$&$&') : hex}`;
  const rgb = /^rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*\)$/.exec(text);
  if (rgb === null) return null;
  return `#${rgb
    .slice(1)
    .map((part) => Math.min(255, Number(part)).toString(16).padStart(2, '0'))
    .join('')}`;
}

/** Classes and ids that a stylesheet hides on every screen: rules inside `@media` are for some of them. */
export function readSheet(css: string, before: Sheet): Sheet {
  const hides = new Set(before.hides);
  const bare = css
    .slice(0, 200_000)
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/<!--|-->/g, '');
  let at = 0;
  while (at < bare.length && hides.size < 500) {
    const brace = bare.indexOf('{', at);
    if (brace < 0) break;
    const head = bare.slice(at, brace).trim();
    const end = head.startsWith('@') ? endOfBlock(bare, brace) : bare.indexOf('}', brace);
    if (end < 0) break;
    const display = head.startsWith('@') ? undefined : readStyle(bare.slice(brace + 1, end)).get('display');
    if (display !== undefined && head.length < 2_000) {
      for (const selector of head.split(',')) {
        const simple = /^[a-z]{0,10}([.#][\w-]{1,60})$/i.exec(selector.trim())?.[1];
        if (simple === undefined) continue;
        if (display === 'none') hides.add(simple);
        else hides.delete(simple);
      }
    }
    at = end + 1;
  }
  return { ...before, hides, paints: before.paints || /background|color\s*:/i.test(bare) };
}

function endOfBlock(css: string, brace: number): number {
  let depth = 0;
  for (let at = brace; at < css.length; at++) {
    if (css[at] === '{') depth++;
    else if (css[at] === '}' && --depth === 0) return at;
  }
  return -1;
}
