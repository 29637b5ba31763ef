/**
 * The parts of a mail: octets -> the leaves of its MIME tree, in order. Broken structure is read for what it can be; a multipart that has
 * no parts is text, and one beyond the limits is a file.
 *
 * Never throws, linear in the size of the mail (at most 30 levels are looked at again), no recursion; bodies stay encoded.
 */
import { fileNameIn } from './file-name.ts';
import { typeByName } from './file-types.ts';
import { first, type Header, headerInUtf8, readHeader, readStructured, type Structured } from './header.ts';
import { isTnef } from './sealed.ts';
import { readTnef } from './tnef.ts';
import { decodeTextTransfer, decodeTransfer } from './transfer.ts';
import { uuFilesIn } from './uuencode.ts';
import type { Choice } from './versions.ts';

const maxDepth = 30;
const maxParts = 500;
/** RFC 2046 says 70; programs that sign their boundaries go beyond. */
const maxBoundary = 16_384;
/** Lines that begin like a delimiter and are none, before the search gives up. */
const maxFalseDelimiters = 10_000;

/** Read-only view on the same memory. */
export const viewOf = (octets: Uint8Array): Buffer => Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);

export type Leaf = {
  type: string;
  parameters: Map<string, string>;
  disposition: string;
  /** As the mail names it; null when it does not. */
  filename: string | null;
  encoding: string;
  related: boolean;
  /** It lies in a multipart/report: a returned mail is no forwarded one. */
  reported: boolean;
  /** Branches of the multipart/alternative around it. */
  within: readonly Choice[];
  body: Buffer;
  /** It stood inside a text, or in a winmail.dat. */
  unpacked?: 'from-text' | 'from-tnef';
};
type Pending = {
  /** The mail, or what a multipart was encoded as (which RFC 2045, 6.4, forbids). */
  source: Buffer;
  start: number;
  end: number;
  depth: number;
  defaultType: string;
  related: boolean;
  reported: boolean;
  within: readonly Choice[];
};

export function walk(octets: Uint8Array): { header: Header; leaves: Leaf[]; complete: boolean } {
  const source = viewOf(octets);
  const bom = source.length >= 3 && source.readUIntBE(0, 3) === 0xefbbbf ? 3 : 0;
  const leaves: Leaf[] = [];
  const pending: Pending[] = [
    { source, start: bom, end: source.length, depth: 0, defaultType: 'text/plain', related: false, reported: false, within: [] },
  ];
  let top: Header | null = null;
  let complete = true;
  let alternatives = 0;
  let parts = 0;
  let charset: string | null = null; // the last that was declared: names of files stand beside the text they belong to
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    parts += 1;
    const raw = readHeader(part.source, part.start, part.end);
    complete &&= raw.complete;
    top ??= raw;
    charset = readStructured(first(raw, 'content-type')).parameters.get('charset') ?? charset;
    const header = headerInUtf8(raw, () => charset);
    const content = readStructured(first(header, 'content-type'));
    const type = typeIn(content.value) ?? part.defaultType;
    const encoding = encodingIn(first(header, 'content-transfer-encoding') ?? '');
    const body = part.source.subarray(header.body, part.end);
    const boundary = content.parameters.get('boundary') ?? '';
    if (type.startsWith('multipart/') && boundary !== '' && part.depth < maxDepth) {
      const most = maxParts - parts - pending.length;
      let from = part.source;
      let found = splitParts(from, header.body, part.end, boundary, most);
      if (found.ranges.length === 0 && (encoding === 'base64' || encoding === 'quoted-printable')) {
        from = viewOf(decodeTransfer(encoding, body));
        found = splitParts(from, 0, from.length, boundary, most);
      }
      complete &&= found.complete;
      if (found.ranges.length > 0) {
        const alternative = type === 'multipart/alternative' ? ++alternatives : null;
        const related = part.related || type === 'multipart/related';
        const reported = part.reported || type === 'multipart/report';
        const defaultType = type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
        // The last child first: a stack gives them back in the order of the octets.
        for (const [branch, range] of [...found.ranges.entries()].reverse()) {
          const within = alternative === null ? part.within : [...part.within, { alternative, branch }];
          pending.push({ source: from, ...range, depth: part.depth + 1, defaultType, related, reported, within });
        }
        continue;
      }
    }
    if (part.depth >= maxDepth && type.startsWith('multipart/')) complete = false;
    const disposition = dispositionIn(header);
    // A multipart without parts is readable as text, and one beyond the limits is kept as a file.
    const kind = { type: type.startsWith('multipart/') && part.depth < maxDepth ? 'text/plain' : type, disposition: disposition.value };
    leaves.push({
      ...kind,
      parameters: content.parameters,
      filename: fileNameIn(header, content, disposition, isText(kind)),
      encoding,
      related: part.related && header.fields.has('content-id'),
      reported: part.reported,
      within: part.within,
      body,
    });
  }
  return { header: top ?? readHeader(source, 0, 0), leaves: leaves.flatMap(withoutUuFiles).flatMap(withTnefFiles), complete };
}

/** `Quoted Printable`, `"base64"`, `base-64;`: what a program meant is plain. */
function encodingIn(value: string): string {
  const name =
    value
      .toLowerCase()
      .split(/[;(]/, 1)[0]
      ?.replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '') ?? '';
  const bare = name.replace(/-/g, '');
  return /^x?base64$/.test(bare) ? 'base64' : /^x?(?:quotedprintable|qp)$/.test(bare) ? 'quoted-printable' : name;
}

/** Without its semicolon it is the first word. */
function dispositionIn(header: Header): Structured {
  const read = readStructured(first(header, 'content-disposition'));
  return { ...read, value: /^[\w-]*/.exec(read.value)?.[0] ?? '' };
}

/** Null: it says nothing, or nothing of sense. Some programs leave the second half out. */
function typeIn(value: string): string | null {
  if (/^[\w.+-]{1,127}\/[\w.+-]{1,127}$/.test(value)) return value;
  return /^text\/?$/.test(value) ? 'text/plain' : /^multipart\/?$/.test(value) ? 'multipart/mixed' : null;
}

/** A text whose files stand in it as uuencode: the text without them, and the files. */
function withoutUuFiles(leaf: Leaf): Leaf[] {
  if (leaf.type !== 'text/plain' || !isText(leaf) || !leaf.body.includes('begin ')) return [leaf];
  const found = uuFilesIn(Buffer.from(decodeBody(leaf, leaf.body)).toString('latin1').replace(/\r\n?/g, '\n'));
  if (found === null) return [leaf];
  const file = {
    ...leaf,
    parameters: new Map<string, string>(),
    disposition: 'attachment',
    encoding: 'binary',
    unpacked: 'from-text',
  } as const;
  return [
    { ...leaf, encoding: 'binary', body: Buffer.from(found.rest, 'latin1') },
    ...found.files.map(({ name, bytes }) => ({
      ...file,
      type: typeByName(name) ?? 'application/octet-stream',
      filename: name,
      body: bytes,
    })),
  ];
}

/** A winmail.dat, and the files in it. */
function withTnefFiles(leaf: Leaf): Leaf[] {
  const files = isTnef(leaf) ? (readTnef(decodeBody(leaf, leaf.body))?.files ?? []) : [];
  const file = {
    ...leaf,
    parameters: new Map<string, string>(),
    disposition: 'attachment',
    encoding: 'binary',
    unpacked: 'from-tnef',
  } as const;
  return [
    leaf,
    ...files.map(({ name, type, bytes }) => ({
      ...file,
      type: typeByName(name ?? '') ?? typeIn(type ?? '') ?? 'application/octet-stream',
      filename: name,
      body: bytes,
    })),
  ];
}

/** The parts between the delimiter lines (RFC 2046 5.1.1). Without a closing delimiter the last part ends with its parent. */
function splitParts(
  source: Buffer,
  start: number,
  end: number,
  boundary: string,
  most: number,
): { ranges: { start: number; end: number }[]; complete: boolean } {
  const ranges: { start: number; end: number }[] = [];
  if (boundary.length > maxBoundary) return { ranges, complete: false };
  const region = source.subarray(start, end);
  const delimiter = Buffer.from(`\n--${boundary}`, /[^\0-\xFF]/.test(boundary) ? 'utf8' : 'latin1');
  const none = -2;
  /** Where the line break before the next delimiter is; -1 stands for the one before the region. */
  const find = (from: number): number => {
    const found = region.indexOf(delimiter, from);
    return found < 0 ? none : found;
  };
  let falseOnes = 0;
  let open: number | null = null; // where the part that is being read begins
  const beginsWithOne = region.subarray(0, delimiter.length - 1).equals(delimiter.subarray(1));
  for (let at = beginsWithOne ? -1 : find(0); at !== none; at = find(at + 1)) {
    const line = delimiterLine(region, at + delimiter.length);
    if (line === null) {
      if (++falseOnes > maxFalseDelimiters) return { ranges, complete: false };
      continue;
    }
    const before = region[at - 1] === 0x0d ? at - 1 : at; // the line break belongs to the delimiter
    if (open !== null) ranges.push({ start: start + open, end: start + Math.max(before, open) });
    if (line.closes) return { ranges, complete: true };
    if (ranges.length >= most) return { ranges, complete: false };
    open = line.next;
  }
  if (open !== null) ranges.push({ start: start + open, end });
  return { ranges, complete: true };
}

/** What follows the boundary on its line: nothing but blanks, after `--` for the last one. Null when it is no delimiter. */
function delimiterLine(region: Buffer, from: number): { closes: boolean; next: number } | null {
  const closes = region[from] === 0x2d && region[from + 1] === 0x2d;
  let at = closes ? from + 2 : from;
  while (region[at] === 0x20 || region[at] === 0x09) at++;
  if (at >= region.length) return { closes, next: region.length };
  if (region[at] === 0x0a) return { closes, next: at + 1 };
  if (region[at] === 0x0d && (region[at + 1] === 0x0a || at + 1 === region.length))
    return { closes, next: Math.min(at + 2, region.length) };
  return null;
}

/** Data in lines, for programs: listed as a file and not shown. */
const textOfPrograms =
  /^text\/(?:calendar|csv|tab-separated-values|vcard|x-vcard|directory|rtf|css|javascript|x-javascript|ecmascript|xml|x-sql|rfc822-headers)$/;
/** Every text that nobody knows is plain (RFC 2046, 4.1.4). */
export const isText = ({ type, disposition }: Pick<Leaf, 'type' | 'disposition'>): boolean =>
  type.startsWith('text/') && !textOfPrograms.test(type) && disposition !== 'attachment';

export const decodeBody = (leaf: Leaf, body: Buffer): Uint8Array =>
  isText(leaf) ? decodeTextTransfer(leaf.encoding, body, leaf.parameters.get('charset') ?? null) : decodeTransfer(leaf.encoding, body);
