/** Elements without an end tag. */
const empty = new Set(['area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'param', 'source', 'track', 'wbr']);
/** Elements that the next of their kind ends: fifty unclosed `<li>` are not fifty levels. */
const closedByNext = new Set(['dd', 'dt', 'li', 'option', 'p', 'td', 'th', 'tr']);
const maxDepth = 100;
const maxNodes = 20_000;
const maxLength = 1_500_000;
const maxTag = 20_000;

/**
 * HTML that a recursive parser survives: at most 100 levels and 20,000 tags. Tags beyond that are left out and their text stays.
 * Comments, scripts and styles go. One pass, linear.
 */
export function boundHtml(html: string): string {
  const source = html.slice(0, maxLength);
  const lastEnd = source.lastIndexOf('>');
  const out: string[] = [];
  const open: string[] = [];
  let dropped = 0; // open tags beyond the depth, whose end tags go too
  let nodes = 0;
  let at = 0;
  while (at < source.length) {
    const tag = source.indexOf('<', at);
    if (tag < 0 || tag > lastEnd) break;
    if (tag > at) out.push(source.slice(at, tag));
    if (source.startsWith('<!--', tag)) {
      const end = source.indexOf('-->', tag + 4);
      at = end < 0 ? source.length : end + 3;
      continue;
    }
    if (!/[a-zA-Z/!?]/.test(source[tag + 1] ?? '')) {
      out.push('&lt;');
      at = tag + 1;
      continue;
    }
    const end = source.indexOf('>', tag) + 1;
    const closing = source[tag + 1] === '/';
    const name = (/^[a-zA-Z][a-zA-Z0-9-]{0,30}/.exec(source.slice(tag + (closing ? 2 : 1), tag + 34))?.[0] ?? '').toLowerCase();
    const long = end - tag > maxTag;
    const whole =
      long || (name === 'ol' && countsTooFar(source.slice(tag, end))) ? `<${closing ? '/' : ''}${name}>` : source.slice(tag, end);
    at = end;
    if (!closing && (name === 'script' || name === 'style')) {
      at = afterElement(source, name, end);
    } else if (name === '' || nodes >= maxNodes) {
      out.push(' ');
    } else if (closing) {
      const match = open.lastIndexOf(name);
      if (dropped > 0 && open.length >= maxDepth && match !== open.length - 1) dropped -= 1;
      else if (match >= 0) {
        open.length = match;
        out.push(whole);
      }
    } else {
      nodes += 1;
      if (closedByNext.has(name) && open.at(-1) === name) open.pop();
      if (empty.has(name) || whole.endsWith('/>')) out.push(whole);
      else if (open.length < maxDepth) {
        open.push(name);
        out.push(whole);
      } else {
        dropped += 1;
        out.push(' ');
      }
    }
  }
  if (at < source.length) out.push(source.slice(at).replaceAll('<', '&lt;'));
  return out.join('');
}

/** html-to-text pads to the width of the last number, and gives up when that is out of range. */
const countsTooFar = (tag: string): boolean => /\bstart\s*=/i.test(tag) && !/\bstart\s*=\s*["']?\d{1,5}["'\s>]/i.test(tag);

function afterElement(source: string, name: string, from: number): number {
  const found = new RegExp(`</${name}[^>]{0,100}>`, 'gi');
  found.lastIndex = from;
  return found.exec(source) === null ? source.length : found.lastIndex;
}
