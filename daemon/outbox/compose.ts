/**
 * Typed fields -> the octets of one mail, once: the same octets go to the submission server, to every retry and to Sent.
 *
 * Invariants
 * - ASCII and CRLF only, no line above 998 octets, ends in CRLF: no server has a reason to rewrite it, none needs 8BITMIME, and
 *   what SMTP carries is what was stored (RFC 5321, 2.3.8 and 4.5.3.1.6)
 * - header and envelope come from the same checked addresses; Bcc is in no octets
 * - CR, LF or NUL where a header value goes is an error and is never cleaned away
 * - nothing but the caller's bytes is read: there is no path, no URL and no raw part to name
 */
import { createHash, randomBytes } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { PostroomError } from '../../protocol/errors.ts';
import { formatAddress } from '../mail/address.ts';
import { typeFor } from '../mail/file-types.ts';
import type { Address } from '../mail/message.ts';
import { needFit, ownLimit, type SizeLimit } from './size.ts';

export type Attached = {
  filename: string;
  type: string;
  /** Of a text, as the mail that it came in has it. */
  charset?: string | null;
  bytes: Uint8Array;
};

export type Draft = {
  from: Address;
  to: readonly Address[];
  cc: readonly Address[];
  bcc: readonly Address[];
  subject: string;
  /** Plain text with any line ends. */
  body: string;
  attachments: readonly Attached[];
  /** Message-IDs with their angle brackets. */
  inReplyTo: string | null;
  references: readonly string[];
  /** Milliseconds since 1970. */
  date: number;
  messageId: string;
  /** Finds the mail again where a provider rewrites Message-ID. */
  postroomId: string;
};

export type Composed = {
  octets: Buffer;
  messageId: string;
  postroomId: string;
  /** To, Cc and Bcc, each address once: the envelope. */
  recipients: string[];
};

/** Unguessable and in the domain that the mail comes from, so that nobody takes it for forged. */
export const newMessageId = (from: string): string => `<${randomBytes(16).toString('hex')}@${readMailbox(from, 'From').split('@')[1]}>`;
export const newPostroomId = (): string => randomBytes(16).toString('hex');

/** Throws PostroomError('invalid') for whatever could not be sent as it stands, or is too large. */
export function compose(draft: Draft, limit: SizeLimit = ownLimit): Composed {
  const [to, cc, bcc] = [list(draft.to, 'To'), list(draft.cc, 'Cc'), list(draft.bcc, 'Bcc')];
  const recipients = [...new Set([...to, ...cc, ...bcc].map(({ address }) => address))];
  if (recipients.length === 0) throw invalid('A mail needs at least one recipient.');
  if (!isMessageId(draft.messageId)) throw invalid('The Message-ID is not one.');
  if (!/^[0-9a-zA-Z]{8,64}$/.test(draft.postroomId)) throw invalid('The X-Postroom-Id is not one.');

  const header = [
    `From: ${list([draft.from], 'From').map(written)}`,
    ...(to.length > 0 ? [`To: ${to.map(written).join(',\r\n ')}`] : []),
    ...(cc.length > 0 ? [`Cc: ${cc.map(written).join(',\r\n ')}`] : []),
    // A mail with Bcc alone needs no To (RFC 5322, 3.6), but some servers refuse it without one.
    ...(to.length + cc.length === 0 ? ['To: undisclosed-recipients:;'] : []),
    `Subject: ${unstructured(line(draft.subject, 'subject'), 'Subject: '.length)}`,
    `Date: ${new Date(draft.date).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: ${draft.messageId}`,
    ...threading(draft),
    `X-Postroom-Id: ${draft.postroomId}`,
    'MIME-Version: 1.0',
  ];
  const parts = [textPart(draft.body), ...draft.attachments.map(attachmentPart)];
  const octets = Buffer.concat(message(header, parts, draft.messageId));
  needFit(octets.length, limit);
  return { octets, messageId: draft.messageId, postroomId: draft.postroomId, recipients };
}

// --- addresses and header values -----------------------------------------------------------------------------------

const invalid = (message: string) => new PostroomError('invalid', message);

/** Text that goes on one line. */
function line(value: string, what: string): string {
  if (/[\r\n\0]/.test(value)) throw invalid(`The ${what} contains a line end or a NUL.`);
  return value.toWellFormed();
}

/** An address as it goes on the wire: what `mail/address.ts` lets through, international domains in their ASCII form. */
function readMailbox(address: string, field: string): string {
  const checked = formatAddress({ name: null, address: line(address, `address in ${field}`) });
  const at = checked.lastIndexOf('@');
  const domain = domainToASCII(checked.slice(at + 1));
  if (!/^[a-z0-9._-]{1,253}$/.test(domain)) throw invalid(`The domain of the address in ${field} cannot be written in ASCII.`);
  return `${checked.slice(0, at)}@${domain}`;
}

const list = (addresses: readonly Address[], field: string): Address[] =>
  addresses.map(({ name, address }) => ({
    name: line(name ?? '', `name in ${field}`).trim() || null,
    address: readMailbox(address, field),
  }));

/** `Anna <a@example.org>`; short plain names as they are, others quoted or as encoded words, folded where it gets long. */
function written({ name, address }: Address): string {
  if (name === null) return address;
  const shown = phrase(name);
  return `${shown}${shown.length + address.length > 64 ? '\r\n' : ''} <${address}>`;
}

function phrase(name: string): string {
  if (name.length > 60 || /[^\x20-\x7e]| {2}|=\?/.test(name)) return encodedWords(name, 8);
  if (/^[\w!#$%&'*+/=?^`{|}~ -]+$/.test(name)) return name;
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/** Subject: words of ASCII stand as they are, folded before a word; anything else is encoded whole, so that every blank survives. */
function unstructured(value: string, at: number): string {
  const plain =
    /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(value) && !value.includes('=?') && value.split(' ').every((word) => word.length <= 60);
  if (value === '') return '';
  if (!plain) return encodedWords(value, at);
  let column = at;
  return value.replace(/ ?[^ ]+/g, (word) => {
    const fold = column + word.length > 76 && word.startsWith(' ');
    column = fold ? word.length : column + word.length;
    return fold ? `\r\n${word}` : word;
  });
}

/** RFC 2047. At most 75 characters each, never split inside a character; `at` columns of the first line are taken. */
function encodedWords(value: string, at: number): string {
  const words: string[] = [];
  let word = '';
  let room = 45 - Math.ceil((at * 3) / 4);
  for (const character of value) {
    if (Buffer.byteLength(word + character) > room) {
      words.push(word);
      word = '';
      room = 45;
    }
    word += character;
  }
  words.push(word);
  return words.map((text) => `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`).join('\r\n ');
}

const isMessageId = (id: string): boolean => /^<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>$/.test(id);

/** Ids come from foreign mail: one that could not stand in a header as it is would break the thread anyway, and is left out. */
function threading({ inReplyTo, references }: Draft): string[] {
  const ids = references.filter((id) => isMessageId(line(id, 'References')));
  const kept = ids.length > 100 ? [...ids.slice(0, 10), ...ids.slice(-90)] : ids; // RFC 5322 asks for the first and the newest
  return [
    ...(inReplyTo !== null && isMessageId(line(inReplyTo, 'In-Reply-To')) ? [`In-Reply-To: ${inReplyTo}`] : []),
    ...(kept.length > 0 ? [`References: ${kept.join('\r\n ')}`] : []),
  ];
}

// --- parts ---------------------------------------------------------------------------------------------------------

type Part = { header: string[]; content: Buffer };

function message(header: readonly string[], parts: readonly Part[], seed: string): Buffer[] {
  const [only] = parts;
  if (parts.length === 1 && only) return [head([...header, ...only.header]), only.content];
  const boundary = boundaryFor(parts, seed);
  return [
    head([...header, `Content-Type: multipart/mixed;\r\n boundary="${boundary}"`]),
    ...parts.flatMap((part) => [Buffer.from(`--${boundary}\r\n`), head(part.header), part.content, Buffer.from('\r\n')]),
    Buffer.from(`--${boundary}--\r\n`),
  ];
}

const head = (fields: readonly string[]): Buffer => Buffer.from(`${fields.join('\r\n')}\r\n\r\n`);

/** Made from the Message-ID, so that the same draft gives the same octets; in no part. */
function boundaryFor(parts: readonly Part[], seed: string): string {
  for (let n = 0; ; n++) {
    const boundary = `=_${createHash('sha256').update(`${n} ${seed}`).digest('hex').slice(0, 32)}`;
    if (!parts.some(({ content }) => content.includes(boundary))) return boundary;
  }
}

/** The text as its reader gets it: LF line ends, whole characters, an end to its last line. */
export function normalisedBody(body: string): string {
  const text = body.replace(/\r\n?/g, '\n').toWellFormed();
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function textPart(body: string): Part {
  const text = normalisedBody(body);
  const plain = !/[^\t\n\x20-\x7e]|^.{77}|^From |^\.|[\t ]$/m.test(text);
  const octets = Buffer.from(text);
  const foreign = octets.reduce((count, octet) => count + (octet > 0x7e ? 1 : 0), 0);
  const encoding = plain ? '7bit' : foreign * 3 > octets.length ? 'base64' : 'quoted-printable';
  const content = {
    '7bit': () => Buffer.from(text.replace(/\n/g, '\r\n')),
    base64: () => base64(Buffer.from(text.replace(/\n/g, '\r\n'))),
    'quoted-printable': () => Buffer.from(quotedPrintable(text)),
  };
  return {
    header: [`Content-Type: text/plain; charset=${plain ? 'us-ascii' : 'utf-8'}`, `Content-Transfer-Encoding: ${encoding}`],
    content: content[encoding](),
  };
}

function attachmentPart({ filename, type, charset, bytes }: Attached): Part {
  const name = line(filename, 'name of an attachment');
  if (name === '') throw invalid('An attachment needs a name.');
  // RFC 6838, 4.2: 127 characters each; that of .pptx has 61.
  if (!/^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(line(type, 'type of an attachment'))) {
    throw invalid(`“${type.slice(0, 100)}” is not the type of an attachment (type/subtype).`);
  }
  const disposition = `Content-Disposition: attachment${parameter('filename', name)}`;
  const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // message/* and multipart/* must not be in base64 (RFC 2045, 6.4): such a file goes as it is when it can, as mere octets when not.
  const label = typeFor(name, type.toLowerCase());
  if (label === 'message/rfc822' && isSevenBit(octets)) {
    return { header: [`Content-Type: ${label}`, disposition, 'Content-Transfer-Encoding: 7bit'], content: octets };
  }
  const isKnown = label.startsWith('text/') && /^[\w.:+-]{1,40}$/.test(charset ?? '');
  return {
    header: [
      `Content-Type: ${/^(message|multipart)\//.test(label) ? 'application/octet-stream' : label}${isKnown ? `; charset=${charset}` : ''}`,
      disposition,
      'Content-Transfer-Encoding: base64',
    ],
    content: base64(octets),
  };
}

/** RFC 2045, 2.7: no octet above 127, no NUL, line ends in pairs alone, no line too long. */
function isSevenBit(octets: Buffer): boolean {
  let column = 0;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] ?? 0;
    if (octet === 0x0d && octets[at + 1] === 0x0a) {
      column = 0;
      at++;
    } else if (octet === 0 || octet === 0x0a || octet === 0x0d || octet > 127 || ++column > 998) return false;
  }
  return true;
}

/** `; filename="..."`, or RFC 2231 with its pieces, each on a line of its own. */
function parameter(name: string, value: string): string {
  if (/^[\x20-\x7e]{1,60}$/.test(value) && !/["\\%]|^ | $| {2}|=\?/.test(value)) return `;\r\n ${name}="${value}"`;
  const encoded = [...Buffer.from(value)].map((octet) =>
    /[\w.-]/.test(String.fromCharCode(octet)) && octet < 0x80
      ? String.fromCharCode(octet)
      : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  );
  const pieces: string[] = [];
  let piece = '';
  for (const token of encoded) {
    if (piece.length + token.length > 50) {
      pieces.push(piece);
      piece = '';
    }
    piece += token;
  }
  pieces.push(piece);
  if (pieces.length === 1) return `;\r\n ${name}*=UTF-8''${piece}`;
  return pieces.map((text, n) => `;\r\n ${name}*${n}*=${n === 0 ? "UTF-8''" : ''}${text}`).join('');
}

/** In lines of 76. Copied, not replaced: 20 MB cost the main thread 50 ms this way and 130 ms by a regular expression. */
function base64(octets: Buffer): Buffer {
  const encoded = Buffer.from(octets.toString('base64'), 'latin1');
  const lines = Math.ceil(encoded.length / 76);
  const out = Buffer.allocUnsafe(encoded.length + 2 * lines);
  let to = 0;
  for (let from = 0; from < encoded.length; from += 76) {
    to += encoded.copy(out, to, from, from + 76);
    out[to++] = 0x0d;
    out[to++] = 0x0a;
  }
  return out;
}

/** RFC 2045, 6.7. Dots and `From ` that begin a line are encoded too: what nobody can mistake needs no escape on the way. */
function quotedPrintable(text: string): string {
  return text.split('\n').map(quotedLine).join('\r\n');
}

function quotedLine(text: string): string {
  const octets = Buffer.from(text);
  let out = '';
  let column = 0;
  for (const [at, octet] of octets.entries()) {
    const last = at === octets.length - 1;
    let token = String.fromCharCode(octet);
    const visible = octet >= 0x21 && octet <= 0x7e && octet !== 0x3d;
    const blank = (octet === 0x20 || octet === 0x09) && !last;
    if (column + (visible || blank ? 1 : 3) > 75) {
      out += '=\r\n';
      column = 0;
    }
    const mistakable = column === 0 && (octet === 0x2e || (octet === 0x46 && octets.toString('latin1', at, at + 5) === 'From '));
    if (mistakable || !(visible || blank)) token = `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    out += token;
    column += token.length;
  }
  return out;
}
