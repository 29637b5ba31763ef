/** HTML as a person reads it: text with numbered links, by a real parser. Nothing is fetched, and only http, https and mailto are named. */
import { compile } from 'html-to-text';
import { boundHtml } from './bound-html.ts';

export const maxLinks = 500;
const maxLinkLength = 4_096;

/** Link targets with their numbers; the same target keeps its number. */
type Links = Map<string, number>;

/** Null for what is no link to follow. */
function numberOf(href: unknown, links: Links): number | null {
  const target = typeof href === 'string' ? href.trim() : '';
  if (target.length > maxLinkLength || !/^(?:https?:\/\/|mailto:)\S+$/i.test(target)) return null;
  const known = links.get(target);
  if (known !== undefined) return known;
  if (links.size >= maxLinks) return null;
  links.set(target, links.size + 1);
  return links.size;
}

/** Text that the sender hid from people who see HTML: shown, and marked (5-security, T8). */
const hiding = [
  '*[hidden]',
  '*[style*="display:none"]',
  '*[style*="display: none"]',
  '*[style*="visibility:hidden"]',
  '*[style*="visibility: hidden"]',
  '*[style*="font-size:0"]',
  '*[style*="font-size: 0"]',
];

const converter = (links: Links) =>
  compile({
    wordwrap: false,
    limits: { maxDepth: 120, maxChildNodes: 20_000, maxInputLength: 2_000_000, ellipsis: '…' },
    formatters: {
      numberedLink(element, walk, builder) {
        walk(element.children, builder);
        const number = numberOf(element.attribs?.href, links);
        if (number !== null) builder.addInline(` [${number}]`);
      },
      pictureText(element, _walk, builder) {
        const alt: unknown = element.attribs?.alt;
        if (typeof alt === 'string' && alt.trim() !== '') builder.addInline(`[${alt.trim().slice(0, 200)}]`);
      },
      hiddenText(element, walk, builder) {
        builder.addInline('[hidden: ');
        walk(element.children, builder);
        builder.addInline(']');
      },
    },
    selectors: [
      { selector: 'a', format: 'numberedLink' },
      { selector: 'img', format: 'pictureText' },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'table', options: { uppercaseHeaderCells: false } },
      ...hiding.map((selector) => ({ selector, format: 'hiddenText' })),
    ],
  });

export function htmlToText(html: string, links: Links): string {
  return tidy(converter(links)(boundHtml(html)));
}

const tidy = (text: string): string =>
  text
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

/** In plain text a link is its own text: they are listed in order, and the text stays as it is. */
export function linksIn(text: string): string[] {
  const found = new Set<string>();
  for (const [link] of text.matchAll(/\bhttps?:\/\/[^\s<>"'`\\^{|}]{1,2000}/g)) {
    found.add(link.replace(/[.,;:!?)\]]{1,20}$/, ''));
    if (found.size >= maxLinks) break;
  }
  return [...found];
}
