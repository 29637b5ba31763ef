/**
 * The octets of every mail, in append-only files: packs/000001.pack, …
 *
 * - A record is `PRM1`, codec, octets stored, octets of the mail, SHA-256 of the mail, then the stored octets. It describes itself,
 *   so that an index could be rebuilt from packs alone, and a torn one is recognised.
 * - `append` only writes; the caller calls `sync` before the COMMIT of the rows that name the records. So a row never names
 *   octets that are not on disk.
 * - What lies beyond the last octet that a row names was never promised to anybody: at start it is cut off, and `rewind` cuts it
 *   off when its transaction is rolled back. Only the writer thread has a `PackWriter`; readers need no lock, because what a row
 *   names never changes.
 * - zstd where it pays: text shrinks to a third, large mails are mostly encoded attachments that gain little for much time.
 */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { constants as zstd, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { PostroomError } from '../../protocol/errors.ts';

/** Where a mail's record lies. `stored` counts the octets after the head. */
export type PackPlace = { pack: number; offset: number; stored: number; size: number; codec: 0 | 1 };

const magic = Buffer.from('PRM1');
const headOctets = 4 + 1 + 4 + 4 + 32;
const rollAt = 256 * 1024 * 1024;
const compressFrom = 512;
const compressTo = 128 * 1024;
const inflate = promisify(zstdDecompress);

const packFile = (dir: string, pack: number): string => join(dir, `${String(pack).padStart(6, '0')}.pack`);

export const recordEnd = (place: Pick<PackPlace, 'offset' | 'stored'>): number => place.offset + headOctets + place.stored;

export class PackWriter {
  readonly dir: string;
  #pack: number;
  #fd: number;
  /** End of what was written to the current pack. */
  #end: number;
  /** End of what is on disk for certain: at most as much was named by a COMMIT. */
  #kept: number;
  #dirty = false;

  /**
   * `named`: the last pack that rows name and where its last named record ends; null for an empty store. Cuts off what no row
   * names. A pack that is shorter than its rows say is damaged: it is left as it is and a new one begun (`check` names it).
   */
  constructor(dir: string, named: { pack: number; end: number } | null) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    syncDirectory(dirname(dir)); // a folder whose name is not on disk is lost with everything in it
    for (const pack of packsIn(dir)) {
      if (named === null || pack > named.pack) unlinkSync(packFile(dir, pack));
    }
    const damaged = named !== null && sizeOf(packFile(dir, named.pack)) < named.end;
    this.#pack = named === null ? 1 : damaged ? named.pack + 1 : named.pack;
    this.#end = this.#kept = named === null || damaged ? 0 : named.end;
    this.#fd = this.#open(this.#pack);
    ftruncateSync(this.#fd, this.#end);
    fsyncSync(this.#fd);
  }

  append(octets: Uint8Array, hash: Uint8Array): PackPlace {
    if (this.#end >= rollAt) this.#roll();
    const packed = octets.length >= compressFrom && octets.length <= compressTo ? compress(octets) : octets;
    const pays = packed.length < octets.length * 0.9;
    const body = pays ? packed : octets;
    const head = Buffer.alloc(headOctets);
    magic.copy(head);
    head.writeUInt8(pays ? 1 : 0, 4);
    head.writeUInt32BE(body.length, 5);
    head.writeUInt32BE(octets.length, 9);
    head.set(hash, 13);
    const place: PackPlace = { pack: this.#pack, offset: this.#end, stored: body.length, size: octets.length, codec: pays ? 1 : 0 };
    this.#dirty = true;
    // Set before writing: whatever a failed write (disk full) left, `rewind` knows how far it may reach.
    this.#end = recordEnd(place);
    writeAll(this.#fd, head, place.offset);
    writeAll(this.#fd, body, place.offset + headOctets);
    return place;
  }

  /** Everything appended is on disk when this returns; called before the COMMIT that names it. */
  sync(): void {
    if (!this.#dirty) return;
    fdatasyncSync(this.#fd);
    this.#kept = this.#end;
    this.#dirty = false;
  }

  /**
   * Cuts off what came after the last `sync`; for a transaction that failed. A disk that is full gets back what the torn record took,
   * however often it is tried. What a failed COMMIT may have named stays: it was synced before. When this fails, the next record goes
   * behind the torn one, never into it.
   */
  rewind(): void {
    if (!this.#dirty) return;
    ftruncateSync(this.#fd, this.#kept);
    this.#end = this.#kept;
    this.#dirty = false;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #roll(): void {
    this.sync();
    // The next one first: when it cannot be had, this one goes on. A closed number may be another file's by the next write.
    const fd = this.#open(this.#pack + 1);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#pack += 1;
    this.#end = this.#kept = 0;
  }

  /** The file may be there: after a restart, or after a roll that failed before its name was on disk. */
  #open(pack: number): number {
    const fd = openSync(packFile(this.dir, pack), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      fchmodSync(fd, 0o600);
      syncDirectory(this.dir); // a file whose name is not on disk is lost with its octets
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }
}

/** The octets of a mail; throws `internal` when the disk gives others than were stored. */
export async function readPack(dir: string, place: PackPlace, hash: string): Promise<Uint8Array> {
  const file = await open(packFile(dir, place.pack), 'r');
  try {
    const record = Buffer.allocUnsafe(headOctets + place.stored);
    const { bytesRead } = await file.read(record, 0, record.length, place.offset);
    if (bytesRead < record.length || record.compare(magic, 0, 4, 0, 4) !== 0) throw damaged(place, hash);
    const body = record.subarray(headOctets);
    const octets = place.codec === 1 ? await inflate(body, { maxOutputLength: place.size + 1 }) : body;
    if (createHash('sha256').update(octets).digest('hex') !== hash) throw damaged(place, hash);
    return octets;
  } finally {
    await file.close();
  }
}

/** The same for a thread that may wait: null where the disk gives others than were stored, or none. */
export function readPackNow(dir: string, place: PackPlace, hash: string): Uint8Array | null {
  const file = packFile(dir, place.pack);
  if (sizeOf(file) < recordEnd(place)) return null;
  const fd = openSync(file, 'r');
  try {
    const record = Buffer.allocUnsafe(headOctets + place.stored);
    if (readSync(fd, record, 0, record.length, place.offset) < record.length || record.compare(magic, 0, 4, 0, 4) !== 0) return null;
    // The head says whose octets these are; a body that is not they does not unpack, or is not of that length.
    if (record.toString('hex', 13, headOctets) !== hash) return null;
    const body = record.subarray(headOctets);
    const octets = place.codec === 1 ? zstdDecompressSync(body, { maxOutputLength: place.size + 1 }) : body;
    return octets.length === place.size ? octets : null;
  } finally {
    closeSync(fd);
  }
}

/** Reads each of the records; a line for each that cannot be had. */
export async function probePacks(dir: string, records: readonly (PackPlace & { hash: string })[]): Promise<string[]> {
  const broken: string[] = [];
  for (const { hash, ...place } of records) {
    try {
      await readPack(dir, place, hash);
    } catch (error) {
      broken.push(error instanceof Error ? error.message : String(error));
    }
  }
  return broken;
}

const damaged = (place: PackPlace, hash: string): PostroomError =>
  new PostroomError('internal', `Pack ${place.pack} does not hold ${hash} at ${place.offset}: restore it from a backup.`);

export function packSizes(dir: string): Map<number, number> {
  return new Map(packsIn(dir).map((pack) => [pack, sizeOf(packFile(dir, pack))]));
}

function packsIn(dir: string): number[] {
  return readdirSync(dir).flatMap((name) => (/^\d{6}\.pack$/.test(name) ? [Number.parseInt(name, 10)] : []));
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

const compress = (octets: Uint8Array): Buffer => zstdCompressSync(octets, { params: { [zstd.ZSTD_c_compressionLevel]: 1 } });

function writeAll(fd: number, octets: Uint8Array, at: number): void {
  for (let done = 0; done < octets.length; ) done += writeSync(fd, octets, done, octets.length - done, at + done);
}

export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
