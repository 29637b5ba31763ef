/** A small correct writer of RFC 5322 messages, for tests and demonstrations. Same input, same octets. */

export type MailInput = {
  /** `Jane Cooper <jane@example.com>` or a bare address; names may be of any script. */
  from: string;
  to: string | readonly string[];
  cc?: string | readonly string[];
  subject: string;
  text: string;
  /** Makes it a multipart/alternative with the text. */
  html?: string;
  /** Default: a fixed moment in March 2026. */
  date?: Date | number;
  /** With or without angle brackets; default: none that another mail has, made from the other fields. */
  messageId?: string;
  inReplyTo?: string;
  references?: readonly string[];
  attachments?: readonly { filename: string; type?: string; content: string | Uint8Array }[];
  /** Further fields, written as they are. */
  headers?: Readonly<Record<string, string>>;
};

export function mail(input: MailInput): Buffer {
  const list = (value: string | readonly string[]): string => (typeof value === 'string' ? [value] : value).map(mailbox).join(',\r\n ');
  const date = new Date(input.date ?? Date.UTC(2026, 2, 4, 9, 30));
  const fields: [string, string][] = [
    ['From', mailbox(input.from)],
    ['To', list(input.to)],
    ...(input.cc === undefined ? [] : [['Cc', list(input.cc)] satisfies [string, string]]),
    ['Subject', words(input.subject)],
    ['Date', `${date.toUTCString().replace('GMT', '+0000')}`],
    ['Message-ID', bracketed(input.messageId ?? `${digest(JSON.stringify(input))}@example.test`)],
    ...(input.inReplyTo === undefined ? [] : [['In-Reply-To', bracketed(input.inReplyTo)] satisfies [string, string]]),
    ...(input.references === undefined ? [] : [['References', input.references.map(bracketed).join('\r\n ')] satisfies [string, string]]),
    ...Object.entries(input.headers ?? {}),
    ['MIME-Version', '1.0'],
  ];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(head + body(input), 'utf8');
}

const bracketed = (id: string): string => (id.startsWith('<') ? id : `<${id}>`);

function body({ text, html, attachments = [] }: MailInput): string {
  const plain = leaf('text/plain; charset=utf-8', text);
  const readable = html === undefined ? plain : multipart('alternative', [plain, leaf('text/html; charset=utf-8', html)]);
  if (attachments.length === 0) return readable;
  const files = attachments.map(({ filename, type = 'application/octet-stream', content }) =>
    leaf(type, content, `Content-Disposition: attachment; filename*=utf-8''${encodeURIComponent(filename)}\r\n`),
  );
  return multipart('mixed', [readable, ...files]);
}

const leaf = (type: string, content: string | Uint8Array, more = ''): string =>
  `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n${more}\r\n${base64Lines(content)}`;

function multipart(kind: string, parts: readonly string[]): string {
  const boundary = `=_${digest(parts.join(''))}`;
  const inner = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('');
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${inner}--${boundary}--\r\n`;
}

const base64Lines = (content: string | Uint8Array): string => {
  const octets = typeof content === 'string' ? Buffer.from(content.replace(/\r?\n/g, '\r\n')) : Buffer.from(content);
  return octets.toString('base64').replace(/.{76}/g, '$&\r\n');
};

function mailbox(text: string): string {
  const named = /^(.*\S)\s*<([^<>]+)>$/.exec(text);
  if (named === null) return text;
  const name = named[1] ?? '';
  const shown = /^[\w !#$%&'*+/=?^`{|}~-]*$/.test(name)
    ? name
    : /[^\x20-\x7E]/.test(name)
      ? words(name)
      : `"${name.replace(/["\\]/g, '\\$&')}"`;
  return `${shown} <${named[2]}>`;
}

/** Encoded-words of at most 75 characters, cut between characters (RFC 2047 2 and 5). */
function words(text: string): string {
  if (/^[\x20-\x7E]*$/.test(text) && !text.includes('=?')) return text;
  const pieces: string[] = [''];
  for (const character of text) {
    if (Buffer.byteLength((pieces.at(-1) ?? '') + character) > 42) pieces.push('');
    pieces[pieces.length - 1] += character;
  }
  return pieces.map((piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`).join('\r\n ');
}

/** FNV-1a, twice: enough to tell the mails of a test apart. */
function digest(text: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at++) {
    a = Math.imul(a ^ text.charCodeAt(at), 0x01000193) >>> 0;
    b = Math.imul(b ^ a, 0x01000193) >>> 0;
  }
  return a.toString(36) + b.toString(36);
}
