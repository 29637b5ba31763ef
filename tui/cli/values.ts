/** What people type after a flag, turned into what the protocol takes. A value that does not fit is `invalid` and says what fits. */
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { PostroomError } from '../../protocol/errors.ts';
import { usageError, type Values } from './program.ts';

export function option(values: Values, name: string): string | null {
  const value = values[name];
  return typeof value === 'string' ? value : null;
}

export function required(values: Values, name: string, flag: string): string {
  const value = option(values, name);
  if (value === null) throw usageError(`${flag} is missing.`);
  return value;
}

export function list(values: Values, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
}

/** Several `--to A --to B` or one `--to "A, B"`: the daemon parses addresses, this joins them. */
export function addresses(values: Values, name: string): string | null {
  const all = list(values, name);
  return all.length === 0 ? null : all.join(', ');
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true;
}

export function number(values: Values, name: string, flagName: string): number | undefined {
  const value = option(values, name);
  if (value === null) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw usageError(`${flagName} takes a whole number, not "${value}".`);
  return Number(value);
}

/**
 * An ISO 8601 date, with or without a time; a time without a zone is UTC. Without a time it is the end of that day for whatever
 * ends then, and its beginning for whatever begins.
 */
export function date(value: string, flagName: string, edge: 'end' | 'begin'): string {
  const wanted = usageError(`${flagName} takes a date like 2026-12-24 or 2026-12-24T17:00:00Z, not "${value}".`);
  const shape = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(value);
  if (shape === null) throw wanted;
  const [, year, month, dayOfMonth, time, zone] = shape;
  const dayText = `${year}-${month}-${dayOfMonth}`;
  const midnight = new Date(`${dayText}T00:00:00Z`);
  // 2026-02-30 rolls over to March instead of failing.
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== dayText) throw wanted;
  const moment =
    time === undefined
      ? new Date(`${dayText}T${edge === 'end' ? '23:59:59.999' : '00:00:00.000'}Z`)
      : new Date(`${dayText}T${time}${zone ?? 'Z'}`);
  if (Number.isNaN(moment.getTime())) throw wanted;
  return moment.toISOString();
}

export function bool(value: string, key: string): boolean {
  if (value === 'true' || value === 'yes' || value === 'on') return true;
  if (value === 'false' || value === 'no' || value === 'off') return false;
  throw usageError(`${key} takes true or false, not "${value}".`);
}

/** `KEY=VALUE...`, each key once. */
export function pairs(words: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) throw usageError(`"${word}" is not KEY=VALUE.`);
    const key = word.slice(0, at);
    if (found.has(key)) throw usageError(`"${key}" is given twice.`);
    found.set(key, word.slice(at + 1));
  }
  return found;
}

/** A file named by the person who runs the command; `-` is standard input. */
export async function fileText(path: string): Promise<string> {
  const octets = await fileOctets(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch (error) {
    throw new PostroomError('invalid', `${path === '-' ? 'Standard input' : path} is not UTF-8 text.`, {}, { cause: error });
  }
}

export async function fileOctets(path: string): Promise<Uint8Array> {
  try {
    if (path !== '-') return await readFile(path);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  } catch (error) {
    throw unreadable(path, error);
  }
}

export type FileToSend = { readonly filename: string; readonly sizeOctets: number; chunks(): AsyncGenerator<Uint8Array> };

/** Read only when the daemon has said that it fits. */
export async function fileToSend(path: string): Promise<FileToSend> {
  if (path === '-') {
    const octets = await fileOctets(path);
    return { filename: path, sizeOctets: octets.byteLength, chunks: () => piecesOf(octets) };
  }
  try {
    const file = await open(path);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new Error(found.isDirectory() ? 'that is a folder' : 'that is not a file');
      return { filename: basename(path), sizeOctets: found.size, chunks: () => chunksOf(path) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function* piecesOf(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.byteLength; at += 65_536) yield octets.subarray(at, at + 65_536);
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 65_536 })) yield chunk as Uint8Array;
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, cause: unknown): PostroomError =>
  new PostroomError('invalid', `Cannot read ${path}: ${(cause as Error).message}. Name a file that you may read.`, {}, { cause });
