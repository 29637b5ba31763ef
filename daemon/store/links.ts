/** Links of a mail: which are named, by which number, and whether their words name another place than they lead to. Pure. */

export const maxLinks = 500;
const maxLinkLength = 4_096;

/** Link targets with their numbers; the same target keeps its number. */
export type Links = Map<string, number>;

/** Null for what is no link to follow; `number` null when there are too many to number. */
export function linkOf(href: unknown, base: string | null, links: Links): { target: string; number: number | null } | null {
  const target = targetOf(href, base);
  if (target === null) return null;
  const known = links.get(target);
  if (known !== undefined) return { target, number: known };
  if (links.size >= maxLinks || !/^(?:https?|mailto):/i.test(target)) return { target, number: null };
  links.set(target, links.size + 1);
  return { target, number: links.size };
}

/** As a browser takes it: line ends inside are dropped, blanks are written out. */
function targetOf(href: unknown, base: string | null): string | null {
  if (typeof href !== 'string') return null;
  const bare = href
    .replace(/[\t\r\n]/g, '')
    .trim()
    .replace(/\s/gu, '%20');
  if (bare === '' || bare.length > maxLinkLength) return null;
  if (/^(?:https?:\/\/|mailto:).|^(?:tel|sms|ftp):/i.test(bare)) return bare;
  if (/^\/\/[^/]/.test(bare)) return `https:${bare}`;
  // Writers forget the scheme, and no page lies around a mail.
  if (/^www\.[^\s/]+\.[a-z]{2,}/i.test(bare)) return `http://${bare}`;
  if (/^[^\s@:/?#<>]{1,64}@[a-z0-9.-]{1,200}\.[a-z]{2,30}$/i.test(bare)) return `mailto:${bare}`;
  if (base !== null && !/^(?:#|[a-z][a-z0-9+.-]*:)/i.test(bare) && URL.canParse(bare, base)) return new URL(bare, base).href;
  return null;
}

/** The host, the address, the number: what a link is called that has no words. */
export function placeOf(target: string): string {
  if (/^mailto:/i.test(target)) return addressIn(target) || 'a new mail';
  if (/^(?:tel|sms):/i.test(target)) return target.slice(4).replace(/\?.*$/s, '');
  return hostOf(target) ?? target.slice(0, 100);
}

const addressIn = (target: string): string => decoded(target.slice('mailto:'.length).replace(/\?.*$/s, ''));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

const hostOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).hostname : null);

/** Something like a host in words: with a scheme, or two labels of which the last is a domain and no extension of a file. */
const hostLike =
  /(https?:\/\/)?(?:[^\s/@:]{1,100}(?::[^\s/@]{0,100})?@)?((?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62})\.){1,8}\p{L}[\p{L}\p{N}-]{1,30})/giu;
const extension = /\.(?:pdf|docx?|xlsx?|pptx?|odt|ods|csv|txt|zip|rar|gz|jpe?g|png|gif|html?|php|aspx?|js|exe|eml|ics|mp[34])$/i;
const addressLike = /[^\s<>(),;:"@]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,30}/iu;

/** Where a link leads whose words name somewhere else; null when they name the same place, or none. */
export function mismatch(text: string, target: string): string | null {
  if (/^(?:tel|sms):/i.test(target)) {
    const number = placeOf(target);
    return figures(text).includes(figures(number).slice(-6)) ? null : number;
  }
  if (/^mailto:/i.test(target)) {
    const address = addressIn(target);
    const named = addressLike.exec(text)?.[0].toLowerCase();
    return named === undefined || address.toLowerCase().includes(named) ? null : address;
  }
  if (/^ftp:/i.test(target)) return text.includes(target) ? null : target;
  const host = hostOf(target);
  if (host === null) return null;
  for (const [whole, scheme, found = ''] of text.slice(0, 500).matchAll(hostLike)) {
    if (scheme === undefined && extension.test(found)) continue;
    if (scheme === undefined && addressLike.test(whole)) continue;
    const named = hostOf(`http://${found}/`);
    if (named !== null && bare(named) !== bare(host) && !host.endsWith(`.${bare(named)}`)) return host;
  }
  return null;
}

const bare = (host: string): string => host.replace(/^www\./, '');
const figures = (text: string): string => text.replace(/\D/g, '');

/** In plain text a link is its own text: they are listed in order, and the text stays as it is. */
export function linksIn(text: string): string[] {
  const found = new Set<string>();
  for (const [link] of text.matchAll(/\bhttps?:\/\/[^\s<>"'`\\^{|}]{1,2000}/g)) {
    found.add(link.replace(/[.,;:!?)\]]{1,20}$/, ''));
    if (found.size >= maxLinks) break;
  }
  return [...found];
}
