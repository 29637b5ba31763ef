/**
 * winmail.dat: how Outlook packs files and text for itself ([MS-OXTNEF]). Attributes in a row, some of them lists of MAPI properties.
 * Bounded and linear; what is cut or broken gives what stood before it. Names are as they came: whoever writes a file cleans them.
 */
import { decodeText } from './charset.ts';

export type TnefFile = { name: string | null; type: string | null; bytes: Buffer };
export type Tnef = { files: TnefFile[]; text: string | null; html: Buffer | null };

const signature = 0x223e9f78;
const maxFiles = 200;
const maxProperties = 5_000;
/** Mails inside mails. */
const maxDepth = 3;

/** The low halves of attribute ids (2.1.3.2). */
const attribute = {
  attachmentBegins: 0x9002,
  attachmentTitle: 0x8010,
  attachmentData: 0x800f,
  attachmentProperties: 0x9005,
  body: 0x800c,
  messageProperties: 0x9003,
  codePage: 0x9007,
} as const;
/** [MS-OXPROPS]. */
const property = {
  body: 0x1000,
  html: 0x1013,
  displayName: 0x3001,
  data: 0x3701,
  shortName: 0x3704,
  longName: 0x3707,
  type: 0x370e,
} as const;

/** Null when it is none. */
export function readTnef(octets: Uint8Array, depth = 0): Tnef | null {
  const source = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  if (source.length < 6 || source.readUInt32LE(0) !== signature) return null;
  const found: Tnef = { files: [], text: null, html: null };
  let charset = 'windows-1252';
  let file: TnefFile | null = null;
  for (let at = 6; at + 9 <= source.length; ) {
    const id = source.readUInt32LE(at + 1) & 0xffff;
    const length = source.readUInt32LE(at + 5);
    const data = source.subarray(at + 9, at + 9 + length);
    at += 9 + length + 2; // a checksum, which nobody keeps
    if (id === attribute.codePage && data.length >= 4) charset = `cp${data.readUInt32LE(0)}`;
    else if (id === attribute.body) found.text ??= stringOf(data, charset);
    else if (id === attribute.messageProperties) {
      for (const { id: of, type, value } of propertiesOf(data)) {
        if (of === property.body) found.text ??= textOf(type, value, charset);
        if (of === property.html) found.html ??= value;
      }
    } else if (id === attribute.attachmentBegins) {
      if (found.files.length >= maxFiles) break;
      file = { name: null, type: null, bytes: Buffer.alloc(0) };
      found.files.push(file);
    } else if (file !== null && id === attribute.attachmentTitle) file.name ??= stringOf(data, charset);
    else if (file !== null && id === attribute.attachmentData) file.bytes = data;
    else if (file !== null && id === attribute.attachmentProperties) found.files.push(...describe(file, data, charset, depth));
  }
  found.files = found.files.filter(({ bytes, name }) => bytes.length > 0 || name !== null).slice(0, maxFiles);
  return found;
}

/** What the properties of a file say of it. A mail that is attached gives its own files. */
function describe(file: TnefFile, data: Buffer, charset: string, depth: number): TnefFile[] {
  const inside: TnefFile[] = [];
  const names = new Map<number, string>();
  for (const { id, type, value } of propertiesOf(data)) {
    if (id === property.longName || id === property.shortName || id === property.displayName) names.set(id, textOf(type, value, charset));
    else if (id === property.type) file.type = textOf(type, value, charset).toLowerCase();
    else if (id === property.data && type === 0x0d && depth < maxDepth)
      inside.push(...(readTnef(value.subarray(16), depth + 1)?.files ?? []));
    else if (id === property.data && file.bytes.length === 0) file.bytes = value;
  }
  file.name = names.get(property.longName) || file.name || names.get(property.shortName) || names.get(property.displayName) || null;
  return inside;
}

type Property = { id: number; type: number; value: Buffer };

/** Octets of one value, by its type; null: as many as stand before it. */
const widths: ReadonlyMap<number, number | null> = new Map<number, number | null>([
  ...[0x02, 0x03, 0x04, 0x0a, 0x0b].map((type) => [type, 4] as const),
  ...[0x05, 0x06, 0x07, 0x14, 0x40].map((type) => [type, 8] as const),
  [0x48, 16],
  ...[0x0d, 0x1e, 0x1f, 0x102].map((type) => [type, null] as const),
]);

/** The first value of each (2.1.3.4). Ends at the first that makes no sense. */
function propertiesOf(data: Buffer): Property[] {
  const found: Property[] = [];
  const word = (at: number): number => (at + 4 <= data.length ? data.readUInt32LE(at) : -1);
  const padded = (length: number): number => (length + 3) & ~3;
  let at = 4;
  for (let left = Math.min(Math.max(0, word(0)), maxProperties); left > 0 && at + 4 <= data.length; left--) {
    const type = data.readUInt16LE(at);
    const id = data.readUInt16LE(at + 2);
    at += 4;
    if (id >= 0x8000) {
      // A named one: whose name it is, then a number or the name.
      const kind = word(at + 16);
      const length = kind === 1 ? word(at + 20) : 0;
      if (length < 0 || length > data.length) return found;
      at += kind === 1 ? 24 + padded(length) : 24;
    }
    const several = (type & 0x1000) !== 0;
    const width = widths.get(type & 0x0fff);
    if (width === undefined) return found;
    const values = several || width === null ? word(at) : 1;
    if (several || width === null) at += 4;
    if (values < 0 || values > data.length) return found;
    for (let n = 0; n < values; n++) {
      const length = width ?? word(at);
      if (width === null) at += 4;
      if (length < 0 || at + length > data.length) return found;
      if (n === 0) found.push({ id, type: type & 0x0fff, value: data.subarray(at, at + length) });
      at += padded(length);
    }
  }
  return found;
}

const textOf = (type: number, value: Buffer, charset: string): string =>
  type === 0x1f ? value.toString('utf16le').replace(/\0[\s\S]*$/, '') : stringOf(value, charset);

function stringOf(value: Buffer, charset: string): string {
  const end = value.indexOf(0);
  return decodeText(end < 0 ? value : value.subarray(0, end), charset);
}
