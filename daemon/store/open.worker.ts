/**
 * What runs when a person opens a mail: a complete MIME parser and a real HTML parser, in a thread that may be killed. It answers
 * twice: at once with the lean walk, so that there is something to show if the rest never comes, then with the whole.
 *
 * Invariants: nothing is fetched, no link but http, https and mailto is named, the parsers never see more than their caps.
 */
import { parentPort } from 'node:worker_threads';
import { compile } from 'html-to-text';
import PostalMime from 'postal-mime';
import { type Attachment, maxText as leanMaxText, type Message, readMessage } from '../mail/message.ts';
import { boundHtml } from './bound-html.ts';

/** `leanOnly`: the mail defeated the parsers before. */
export type OpenRequest = { id: number; octets: Uint8Array<ArrayBuffer>; leanOnly: boolean };
/** `ready` comes once, when the parsers are loaded; `opened` null: the parser refused the mail or was spared it. */
export type OpenAnswer =
  | { stage: 'ready' }
  | { id: number; stage: 'lean'; text: string; attachments: Attachment[] }
  | { id: number; stage: 'whole'; opened: { text: string; html: boolean; links: string[] } | null };

/** Above this only the lean walk looks at a mail: thread limits do not count Buffers. */
const maxOctets = 25 * 1024 * 1024;
const maxText = 1_000_000;
const maxLinks = 500;
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

async function openWhole(octets: Uint8Array, lean: Message): Promise<{ text: string; html: boolean; links: string[] }> {
  const mail = await PostalMime.parse(octets, { forceRfc822Attachments: true, maxNestingDepth: 30, maxHeadersSize: 512 * 1024 });
  // Of plain text the lean reading is the better one while it is whole: postal-mime joins flowed lines over their quote marks.
  const plain = mail.text !== undefined && lean.text.length < leanMaxText ? lean.text : (mail.text ?? '').replace(/\r\n?/g, '\n');
  if (mail.html === undefined || plain.trim() !== '') {
    return { text: plain.slice(0, maxText), html: false, links: linksIn(plain.slice(0, maxText)) };
  }
  const links: Links = new Map();
  const text = converter(links)(boundHtml(mail.html))
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n');
  return { text: text.slice(0, maxText).trim(), html: true, links: [...links.keys()] };
}

/** In plain text a link is its own text: they are listed in order, and the text stays as it is. */
function linksIn(text: string): string[] {
  const found = new Set<string>();
  for (const [link] of text.matchAll(/\bhttps?:\/\/[^\s<>"'`\\^{|}]{1,2000}/g)) {
    found.add(link.replace(/[.,;:!?)\]]{1,20}$/, ''));
    if (found.size >= maxLinks) break;
  }
  return [...found];
}

const port = parentPort;
if (port === null) throw new Error('open.worker runs as a worker thread only');

port.on('message', async ({ id, octets, leanOnly }: OpenRequest) => {
  const lean = readMessage(octets);
  port.postMessage({ id, stage: 'lean', text: lean.text, attachments: lean.attachments } satisfies OpenAnswer);
  // postal-mime has no limit on breadth: what went past the limits of the lean walk is not given to it.
  const spared = leanOnly || octets.length > maxOctets || !lean.complete;
  const opened = spared ? null : await openWhole(octets, lean).catch((error: unknown) => refused(error));
  port.postMessage({ id, stage: 'whole', opened } satisfies OpenAnswer);
});

/** A parser may refuse a mail by any error of its own; the mail is then shown by what the lean walk found. */
function refused(error: unknown): null {
  if (error instanceof Error) return null;
  throw error;
}

port.postMessage({ stage: 'ready' } satisfies OpenAnswer);
