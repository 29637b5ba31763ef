/** Composes a mail (RFC 5322, MIME) as the many programs of customers would: octets with CRLF, the same for the same mail. */
import { createHash } from 'node:crypto';

export type Address = { name: string | null; address: string };
export type Attachment = { filename: string; type: string; octets: Buffer };

export type Mail = {
  /** Message-ID without its angle brackets, as are all ids here. */
  id: string;
  from: Address;
  to: readonly Address[];
  cc?: readonly Address[];
  replyTo?: Address;
  subject: string;
  date: Date;
  /** Of the conversation, oldest first; the last one is what this mail answers. */
  references?: readonly string[];
  /** More fields, as they are: ASCII. */
  fields?: Readonly<Record<string, string>>;
  text: string;
  /** Beside the text, as an alternative. */
  html?: string;
  attachments?: readonly Attachment[];
  /** Makes it a delivery report (RFC 3464): these octets are its machine-readable part. */
  deliveryStatus?: string;
  /** Some programs still write Latin-1. */
  charset?: 'utf-8' | 'iso-8859-1';
};

/** Header fields and encoded body of one part, or of a whole mail. */
type Part = { fields: string[]; body: string };

const crlf = '\r\n';

export function compose(mail: Mail): Buffer {
  const { fields, body } = bodyOf(mail);
  const address = (name: string, list: readonly Address[] | undefined): string[] =>
    list === undefined || list.length === 0 ? [] : [`${name}: ${list.map(addressText).join(`,${crlf} `)}`];
  const references = mail.references ?? [];
  const head = [
    `Date: ${mail.date.toUTCString().replace('GMT', '+0000')}`,
    ...address('From', [mail.from]),
    ...address('To', mail.to),
    ...address('Cc', mail.cc),
    ...address('Reply-To', mail.replyTo === undefined ? [] : [mail.replyTo]),
    `Subject: ${words(mail.subject)}`,
    `Message-ID: <${mail.id}>`,
    ...(references.length === 0
      ? []
      : [`In-Reply-To: <${references.at(-1)}>`, `References: ${references.map((id) => `<${id}>`).join(`${crlf} `)}`]),
    ...Object.entries(mail.fields ?? {}).map(([name, value]) => `${name}: ${value}`),
    'MIME-Version: 1.0',
    ...fields,
  ];
  return Buffer.from(head.join(crlf) + crlf + crlf + body, 'latin1');
}

function bodyOf(mail: Mail): Part {
  const boundary = (what: string): string => `=_${what}_${createHash('sha256').update(mail.id).digest('hex').slice(0, 20)}`;
  const plain = textPart('plain', mail.text, mail.charset ?? 'utf-8');
  const shown =
    mail.html === undefined ? plain : multipart('alternative', boundary('either'), [plain, textPart('html', mail.html, 'utf-8')]);
  if (mail.deliveryStatus !== undefined) {
    const status = { fields: ['Content-Type: message/delivery-status'], body: lines(mail.deliveryStatus).join(crlf) + crlf };
    return multipart('report; report-type=delivery-status', boundary('report'), [shown, status]);
  }
  const attached = mail.attachments ?? [];
  return attached.length === 0 ? shown : multipart('mixed', boundary('all'), [shown, ...attached.map(attachmentPart)]);
}

function multipart(kind: string, boundary: string, parts: readonly Part[]): Part {
  const inner = parts.map(({ fields, body }) => `--${boundary}${crlf}${fields.join(crlf)}${crlf}${crlf}${body}`).join(crlf);
  return { fields: [`Content-Type: multipart/${kind};${crlf} boundary="${boundary}"`], body: `${inner}${crlf}--${boundary}--${crlf}` };
}

function textPart(kind: 'plain' | 'html', text: string, charset: 'utf-8' | 'iso-8859-1'): Part {
  const octets = Buffer.from(`${lines(text).join(crlf)}${crlf}`, charset === 'utf-8' ? 'utf8' : 'latin1');
  const beyondAscii = octets.reduce((count, octet) => count + Number(octet > 0x7e), 0);
  const short = octets.every((octet) => octet <= 0x7e) && lines(text).every((line) => line.length <= 78);
  const encoding = short ? '7bit' : beyondAscii * 4 > octets.length ? 'base64' : 'quoted-printable';
  const body = { '7bit': octets.toString('latin1'), base64: base64(octets), 'quoted-printable': quotedPrintable(octets) }[encoding];
  return { fields: [`Content-Type: text/${kind}; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`], body };
}

function attachmentPart({ filename, type, octets }: Attachment): Part {
  return {
    fields: [
      `Content-Type: ${type}${type.startsWith('text/') ? '; charset=utf-8' : ''}`,
      'Content-Transfer-Encoding: base64',
      // RFC 2231, which has no limit on what a name may hold.
      `Content-Disposition: attachment;${crlf} filename*=UTF-8''${encodeURIComponent(filename)}`,
    ],
    body: base64(octets),
  };
}

const lines = (text: string): string[] => text.replace(/\n+$/, '').split('\n');

const base64 = (octets: Buffer): string => `${octets.toString('base64').replace(/.{76}(?=.)/g, `$&${crlf}`)}${crlf}`;

/** RFC 2045, 6.7; `octets` hold CRLF as line ends only. */
function quotedPrintable(octets: Buffer): string {
  return octets
    .toString('latin1')
    .split(crlf)
    .map((line) => {
      const escaped = line.replace(/[^\x20-\x3c\x3e-\x7e]| $/g, hex);
      let out = '';
      let width = 0;
      for (const token of escaped.match(/=[0-9A-F]{2}|./g) ?? []) {
        if (width + token.length > 75) {
          out += `=${crlf}`;
          width = 0;
        }
        out += token;
        width += token.length;
      }
      return out;
    })
    .join(crlf);
}

const hex = (character: string): string => `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** Encoded words (RFC 2047) when the text needs them, none longer than 75 octets, none with half a character. */
export function words(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const pieces: string[] = [];
  let piece = '';
  for (const character of text) {
    if (Buffer.byteLength(piece + character) > 42) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  pieces.push(piece);
  return pieces.map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join(`${crlf} `);
}

export function addressText({ name, address }: Address): string {
  if (name === null) return address;
  return /^[\x20-\x7e]*$/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}" <${address}>` : `${words(name)} <${address}>`;
}
