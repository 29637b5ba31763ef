/**
 * The lean walk: octets -> Message, for everything that comes in. It reads headers and text, finds attachments and leaves them
 * encoded. What a person opens is read by the same walk and the same decoders, so that the index and the screen say the same; only
 * HTML is then given to a real parser (store/open.worker.ts).
 *
 * Invariants
 * - Never throws, whatever the octets; a mail it cannot make sense of is text.
 * - Linear in the size of the mail (at most 30 levels are looked at again), no recursion.
 * - Where a limit on structure cut something, `complete` is false; the octets stay the truth.
 * - Attachments are numbered in the order of the octets, from 0; `attachmentBytes` counts the same way.
 * - All strings are as the mail has them, decoded and unfiltered: SafeText is made at the wire.
 */

import { ownText } from '../../protocol/quotes.ts';
import { safeFileName } from '../../protocol/text.ts';
import { type Address, readAddresses } from './address-list.ts';
import { isAutomatic } from './automatic.ts';
import { charsetOfHtml, decodeBinary, decodeHtml, decodeText, inUtf8 } from './charset.ts';
import { decoderFor } from './decoders.ts';
import { decodeWords } from './encoded-words.ts';
import { textsOfFiles } from './file-text.ts';
import { extensionOf } from './file-types.ts';
import { first, type Header, headerInUtf8, limits as headerLimits, readDate, readHeader, readIds, readText } from './header.ts';
import { htmlToRoughText } from './html.ts';
import { invitationText } from './invitation.ts';
import { type Report, readReport } from './report.ts';
import { isAnything, isPgpText, isTnef, pgpTextWords, sealedWords } from './sealed.ts';
import { readTnef } from './tnef.ts';
import { decodeTransfer, isUu } from './transfer.ts';
import { decodeBody, isText, type Leaf, viewOf, walk } from './tree.ts';
import { isBlank, shownOf, type Version } from './versions.ts';

export type { Address } from './address-list.ts';

export type Attachment = {
  index: number;
  /** Cleaned: may be used as a file name. */
  filename: string;
  type: string;
  /** Decoded size; an estimate for base64 and quoted-printable. */
  sizeOctets: number;
  inline: boolean;
};

export type Message = {
  /** Ids keep their angle brackets. */
  messageId: string | null;
  inReplyTo: string[];
  references: string[];
  subject: string;
  from: Address[];
  sender: Address | null;
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  /** The Date header, else that of the newest Received line; milliseconds since 1970, null when neither makes sense. */
  date: number | null;
  /** Plain text, else HTML roughly stripped; at most 262,144 characters, LF line ends. */
  text: string;
  /** At most 200 characters of what the author wrote, on one line. */
  snippet: string;
  attachments: Attachment[];
  /** Written by a machine (`automatic.ts`). */
  automatic: boolean;
  /** What it reports about a mail that was sent; null when it is no report. */
  report: Report | null;
  postroomId: string | null;
  /** False when a limit on headers, addresses, depth or parts cut something. */
  complete: boolean;
};

export const maxText = 262_144;
/** So many octets of a text part are decoded for each character that is wanted: quoted-printable needs three for one. */
const encodedPerCharacter = 4;
export function readMessage(octets: Uint8Array): Message {
  const { header: raw, leaves, complete: walked } = walk(octets);
  const header = headerInUtf8(
    raw,
    once(() => charsetOfText(leaves)),
  );
  const lists = ['from', 'reply-to', 'to', 'cc', 'sender'] as const;
  const read = lists.map((name) =>
    readAddresses(name === 'from' || name === 'sender' ? firstOnly(header, name) : (header.fields.get(name) ?? [])),
  );
  const [from, replyTo, to, cc, sender] = read.map(({ addresses }) => addresses);
  const text = textsOf(raw, leaves, htmlToRoughText, maxText)
    .map((it) => it.text)
    .join('\n');
  const subject = readText(header, 'subject');
  const senders = [...(from ?? []).slice(0, 5), ...(sender ?? []).slice(0, 1)];
  const automatic = isAutomatic(header, { subject, senders });
  const withinAddresses = read.every(({ complete }) => complete) && (to?.length ?? 0) + (cc?.length ?? 0) <= headerLimits.addresses;
  return {
    messageId: readIds(firstOnly(header, 'message-id'))[0] ?? null,
    inReplyTo: readIds(header.fields.get('in-reply-to') ?? []),
    references: readIds(header.fields.get('references') ?? []),
    subject,
    from: authors(from ?? [], sender?.[0]),
    sender: sender?.[0] ?? null,
    replyTo: replyTo ?? [],
    to: to ?? [],
    cc: (cc ?? []).slice(0, Math.max(0, headerLimits.addresses - (to?.length ?? 0))),
    date: readDate(first(header, 'date')) ?? receivedDate(header),
    text,
    snippet: snippetOf(text),
    attachments: filesOf(leaves).map(describe),
    automatic,
    report: automatic ? readReport(header, leaves.map(toPiece), { subject, text, senders }) : null,
    postroomId: first(header, 'x-postroom-id'),
    complete: walked && withinAddresses,
  };
}

/** Where From holds no address, not even in a name, Sender is all that says who wrote (RFC 5322, 3.6.2 asks for both to be whole). */
function authors(from: Address[], sender: Address | undefined): Address[] {
  const told = from.some(({ name, address }) => address.includes('@') || name?.includes('@') || decodeWords(address).includes('@'));
  if (told || sender === undefined) return from;
  return [{ name: sender.name ?? from[0]?.name ?? null, address: sender.address }];
}

/** One attachment, decoded; null when there is none of that number. `name` is what the mail calls it, for another mail; `filename` may be written to a disk. */
export function attachmentBytes(
  octets: Uint8Array,
  index: number,
): { filename: string; name: string; type: string; charset: string | null; bytes: Uint8Array } | null {
  const leaf = filesOf(walk(octets).leaves)[index];
  if (leaf === undefined) return null;
  const { filename, type } = describe(leaf, index);
  const charset = leaf.parameters.get('charset') ?? null;
  return { filename, name: nameOf(leaf) ?? filename, type, charset, bytes: decodeBody(leaf, leaf.body) };
}

/** It says more than its text and its files do by themselves: it is passed on whole. */
export const saysMoreWhole = (octets: Uint8Array): boolean =>
  walk(octets).leaves.some((leaf) => (isText(leaf) && isHtml(leaf)) || isTnef(leaf) || wordsFor(leaf) !== null);

/** What a mail says, part by part, for whoever compares two. `list`: it says of itself that it came over a list; `written`: its Date, not a relay's. */
export function contentOf(octets: Uint8Array): {
  list: boolean;
  written: number | null;
  parts: { type: string; filename: string | null; bytes: Buffer }[];
} {
  const { header, leaves } = walk(octets);
  return {
    list: header.fields.has('list-id') || header.fields.has('list-post') || header.fields.has('list-unsubscribe'),
    written: readDate(first(header, 'date')),
    parts: leaves.map((leaf) => ({ type: leaf.type, filename: leaf.filename, bytes: viewOf(decodeBody(leaf, leaf.body)) })),
  };
}

/** The whole text of a mail that we composed (outbox/compose.ts): its one plain part, of any length, and nothing taken out of it. */
export function composedText(octets: Uint8Array): string {
  const leaf = walk(octets).leaves.find(isText);
  return leaf === undefined
    ? ''
    : readPlain(decodeText(decodeBody(leaf, leaf.body), leaf.parameters.get('charset') ?? null), leaf.parameters);
}

/** The header block as it came, for people who want to see it. */
export function rawHeaders(octets: Uint8Array): string {
  const source = viewOf(octets);
  const { body } = readHeader(source, 0, source.length);
  const around = once(() => charsetOfText(walk(octets).leaves));
  return source
    .toString('latin1', 0, Math.min(body, headerLimits.headerOctets))
    .split(/\r\n?|\n/)
    .map((line) => (/[\x1B\x80-\xFF]/.test(line) ? decodeBinary(inUtf8(line, around())) : line))
    .join('\n')
    .trimEnd();
}

const toPiece = (leaf: Leaf) => ({ type: leaf.type, bytes: () => decodeBody(leaf, leaf.body) });

/** The server that took the mail last knows when, and stands first. */
function receivedDate(header: Header): number | null {
  for (const line of (header.fields.get('received') ?? []).slice(0, 20)) {
    const date = line.includes(';') ? readDate(line.slice(line.lastIndexOf(';') + 1)) : null;
    if (date !== null) return date;
  }
  return null;
}

const firstOnly = (header: Header, name: string): string[] => (header.fields.get(name) ?? []).slice(0, 1);

// --- text ----------------------------------------------------------------------------------------------------------

/** What the first release listed keeps its number; mails that it stored name their files by these. */
const isFile = (leaf: Leaf): boolean => !isText(leaf) || (leaf.type !== 'text/plain' && leaf.type !== 'text/html');

/** Files in the order of the octets; then texts that are shown and have a name, which can be saved as well, and files out of texts. */
function filesOf(leaves: readonly Leaf[]): Leaf[] {
  const unpacked = (from: Leaf['unpacked']): Leaf[] => leaves.filter((leaf) => leaf.unpacked === from);
  const own = unpacked(undefined).filter(isFile);
  const later = leaves.filter(
    (leaf) => leaf.unpacked === 'from-text' || (leaf.unpacked === undefined && !isFile(leaf) && leaf.filename !== null),
  );
  return [...own, ...later, ...unpacked('from-tnef')];
}

type Piece = Version & { decoded: () => string };

/** How HTML becomes text: roughly for what comes in (html.ts), by a real parser when a person opens it. At most `room` characters. */
export type HtmlReader = (html: string, room: number) => string;

/** The text parts that are shown, in order, each as text; together at most `most` characters. */
export function readTexts(octets: Uint8Array, toText: HtmlReader, most: number): { html: boolean; text: string }[] {
  const { header, leaves } = walk(octets);
  return textsOf(header, leaves, toText, most);
}

function textsOf(header: Header, leaves: readonly Leaf[], toText: HtmlReader, most: number, depth = 0): { html: boolean; text: string }[] {
  const cap = encodedPerCharacter * Math.max(most, maxText);
  const around = charsetOfWords(header);
  const pieces: Piece[] = leaves.filter(isText).map((leaf) => {
    const html = isHtml(leaf);
    const decode = html ? decodeHtml : decodeText;
    const decoded = once(() => decode(decodeBody(leaf, leaf.body.subarray(0, cap)), leaf.parameters.get('charset') ?? null, around));
    const all = once(() => (html ? htmlToRoughText(decoded(), maxText) : plainOf(leaf, decoded())));
    const words = (atLeast = maxText): string => (html && atLeast < maxText ? htmlToRoughText(decoded(), atLeast) : all());
    return { html, within: leaf.within, decoded, words };
  });
  const texts: { html: boolean; text: string }[] = [];
  let room = most;
  const put = (html: boolean, text: string): void => {
    const cut = text.slice(0, Math.max(0, room));
    room -= cut.length + 1;
    if (cut !== '') texts.push({ html, text: cut });
  };
  for (const words of new Set(leaves.flatMap((leaf) => wordsFor(leaf) ?? []))) put(false, words);
  for (const { html, decoded, words } of shownOf(pieces)) {
    if (room <= 0) break;
    const text = html && toText !== htmlToRoughText ? toText(decoded(), room) : words();
    if (!html && isPgpText(text)) put(false, pgpTextWords);
    put(html, text);
  }
  const said = (): boolean => texts.some(({ text }) => !isBlank(text));
  const facts = new Set<string>();
  for (const leaf of leaves) {
    if (room <= 0) break;
    if (isCalendar(leaf)) {
      const ics = decodeText(decodeBody(leaf, leaf.body.subarray(0, cap)), leaf.parameters.get('charset') ?? 'utf-8');
      const text = invitationText(ics, leaf.parameters.get('method') ?? null);
      // The same invitation often comes twice: beside the text, and as a file.
      if (text !== null && !facts.has(text)) put(false, said() ? `\n${text}` : text);
      facts.add(text ?? '');
    } else if (isMail(leaf) && !leaf.reported && depth < maxForwards)
      if ((leaf.disposition !== 'attachment' && leaf.type.startsWith('message/')) || !said()) {
        const forwarded = forwardedText(leaf, toText, room, depth + 1);
        put(forwarded.html, said() ? `\n${forwarded.text}` : forwarded.text);
      }
  }
  if (said()) return texts;
  const names = filesOf(leaves).map((leaf, index) => describe(leaf, index).filename);
  for (const { html, text } of textsOfFiles(leaves, names, toText, cap, room)) put(html, text);
  return texts;
}

/** By its type, or because a whole document stands under another one. Of an alternative the half that is labelled so is the HTML. */
const isHtml = (leaf: Leaf): boolean =>
  leaf.type === 'text/html' ||
  (leaf.type === 'text/plain' &&
    leaf.within.length === 0 &&
    /^(?:\xEF\xBB\xBF)?\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype html|html)[\s>]/i.test(
      Buffer.from(decodeBody(leaf, leaf.body.subarray(0, 1_000))).toString('latin1'),
    ));

const wordsFor = (leaf: Leaf): string | null => {
  const bytes = once(() => decodeBody(leaf, leaf.body));
  return sealedWords({ ...leaf, head: () => decodeBody(leaf, leaf.body.subarray(0, 400)) }, () => readTnef(bytes()) !== null);
};

const isMail = ({ type, filename }: Leaf): boolean =>
  /^message\/(?:rfc822|global|news)$/.test(type) || (isAnything(type) && /\.eml$/i.test(filename ?? ''));
const isCalendar = ({ type, filename }: Leaf): boolean =>
  /^(?:text\/(?:x-)?calendar|application\/(?:ics|calendar))$/.test(type) || (isAnything(type) && /\.(?:ics|vcs)$/i.test(filename ?? ''));

/** Forwarded mails in forwarded mails: further in they are files. */
const maxForwards = 4;

/** A mail inside a mail: who wrote it, when, and its text. */
function forwardedText(leaf: Leaf, toText: HtmlReader, room: number, depth: number): { html: boolean; text: string } {
  const inner = walk(decodeBody(leaf, leaf.body));
  const header = headerInUtf8(inner.header, () => charsetOfText(inner.leaves));
  const head = (['From', 'Date', 'Subject', 'To', 'Cc'] as const).flatMap((name) => {
    const value = decodeWords(first(header, name.toLowerCase()) ?? '').trim();
    return value === '' ? [] : `${name}: ${value.slice(0, 500)}`;
  });
  const texts = textsOf(header, inner.leaves, toText, room, depth);
  return {
    html: texts.some(({ html }) => html),
    text: ['---------- Forwarded message ----------', ...head, '', ...texts.map(({ text }) => text)].join('\n'),
  };
}

/** Plain text, and what only looks like it: enriched text without its commands (RFC 1896). */
function plainOf(leaf: Leaf, decoded: string): string {
  const text = readPlain(decoded, leaf.parameters);
  if (leaf.type !== 'text/enriched' && leaf.type !== 'text/richtext') return text;
  return text.replace(/<param>[\s\S]{0,1000}?<\/param>/gi, '').replace(/<<|<\/?[a-z-]{1,60}>/gi, (tag) => (tag === '<<' ? '<' : ''));
}

/** What a mail says its text is in: for octets that stand raw in its header. */
function charsetOfText(leaves: readonly Leaf[]): string | null {
  for (const leaf of leaves.filter(isText)) {
    const declared = leaf.parameters.get('charset') ?? null;
    const kind = declared === null ? undefined : decoderFor(declared)?.kind;
    if (kind !== undefined && kind !== 'ascii' && kind !== 'utf-8') return declared;
    if (leaf.type === 'text/html') {
      const own = charsetOfHtml(decodeBody(leaf, leaf.body.subarray(0, 16_384)));
      if (own !== null) return own;
    }
  }
  return null;
}

/** What the encoded-words of a mail are in: for a text that says nothing. */
function charsetOfWords(header: Header): string | null {
  for (const name of ['subject', 'from', 'to']) {
    const charset = /=\?([^\s?*]{1,60})(?:\*[^?\s]{0,20})?\?[BbQq]\?/.exec(first(header, name) ?? '')?.[1];
    if (charset !== undefined) return charset;
  }
  return null;
}

function once<T>(make: () => T): () => T {
  let made: { it: T } | null = null;
  return () => {
    made ??= { it: make() };
    return made.it;
  };
}

function readPlain(decoded: string, parameters: Map<string, string>): string {
  const text = decoded.replace(/\r\n?/g, '\n');
  if (parameters.get('format')?.toLowerCase() !== 'flowed') return text;
  return unflow(text, parameters.get('delsp')?.toLowerCase() === 'yes');
}

/** RFC 3676: a line that ends in a blank goes on in the next one of the same quote depth. */
function unflow(text: string, deleteSpace: boolean): string {
  const lines: string[] = [];
  let paragraph: string[] = [];
  let paragraphDepth = 0;
  const flush = (): void => {
    if (paragraph.length > 0) lines.push((paragraphDepth > 0 ? `${'>'.repeat(paragraphDepth)} ` : '') + paragraph.join(''));
    paragraph = [];
  };
  for (const raw of text.split('\n')) {
    const marks = /^>*/.exec(raw)?.[0].length ?? 0;
    const line = raw.slice(marks).replace(/^ /, '');
    const signature = line === '-- ';
    if (marks !== paragraphDepth || signature) flush();
    paragraphDepth = marks;
    const flows = line.endsWith(' ') && !signature;
    paragraph.push(flows && deleteSpace ? line.slice(0, -1) : line);
    if (!flows) flush();
  }
  flush();
  return lines.join('\n');
}

function snippetOf(text: string): string {
  const head = text.slice(0, 8_000);
  const written = ownText(head.replace(/\r\n?/g, '\n'));
  const line = (written.trim() === '' ? head.replace(/^>[> ]*/gm, '') : written).replace(/\s+/g, ' ').trim();
  const cut = line.slice(0, 200);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}

// --- attachments and kinds -----------------------------------------------------------------------------------------

function describe(leaf: Leaf, index: number): Attachment {
  return {
    index,
    filename: safeFileName(leaf.filename?.slice(0, 2_000) || (nameOf(leaf) ?? ''), `attachment-${index + 1}.${extensionOf(leaf.type)}`),
    type: leaf.type,
    sizeOctets: decodedSize(leaf),
    inline: leaf.disposition === 'inline' || (leaf.related && leaf.disposition !== 'attachment'),
  };
}

/** As the mail names it, on one line; a mail without a name is called by its subject. */
function nameOf(leaf: Leaf): string | null {
  const own = (leaf.filename ?? '')
    .slice(0, 2_000)
    .replace(/[\r\n\t]+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
  if (own !== '') return own;
  if (!isMail(leaf)) return null;
  const head = viewOf(decodeBody(leaf, leaf.body.subarray(0, 2 * headerLimits.headerOctets)));
  const inner = readHeader(head, 0, head.length);
  const subject = readText(
    headerInUtf8(inner, () => null),
    'subject',
  )
    .replace(/\s+/g, ' ')
    .trim();
  return subject === '' ? null : `${subject.slice(0, 100)}.eml`;
}

/** Base64 is counted from the length of its first line, so that a big file costs nothing before somebody wants it. */
function decodedSize({ encoding, body }: Leaf): number {
  if (isUu(encoding)) return decodeTransfer(encoding, body).length;
  if (encoding !== 'base64') return body.length;
  const lineFeed = body.indexOf(0x0a);
  const breaks = lineFeed > 0 ? Math.floor(body.length / (lineFeed + 1)) * (body[lineFeed - 1] === 0x0d ? 2 : 1) : 0;
  const tail = body.toString('latin1', Math.max(0, body.length - 8)).replace(/\s/g, '');
  const padding = /={0,2}$/.exec(tail)?.[0].length ?? 0;
  return Math.max(0, Math.floor(((body.length - breaks) * 3) / 4) - padding);
}
