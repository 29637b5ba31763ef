/** Files of the person at this terminal: what they attach, and where they save what came. */
import { constants, type Stats } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { safeText } from '../protocol/text.ts';
import { chrome, type Safe } from './text.ts';
import { octets } from './units.ts';

/** A reason in words that a field can show. */
export class FileProblem extends Error {
  readonly words: Safe;

  constructor(words: Safe) {
    super(words);
    this.words = words;
  }
}

/** The path that a person means: `~` is their home, a relative one is below the current directory. */
export function pathOf(typed: string): string {
  const path = typed.trim();
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return isAbsolute(path) ? path : resolve(path);
}

export type Attached = { readonly path: string; readonly name: string; readonly size: number };

/** Looks at a file that is to be attached; throws FileProblem. Whether it fits the daemon knows: it depends on the server. */
export async function attachable(typed: string, already: readonly Attached[]): Promise<Attached> {
  if (typed.trim() === '') throw new FileProblem(chrome`type the path of a file`);
  const path = pathOf(typed);
  const found = await looked(path);
  if (found.isDirectory()) throw new FileProblem(chrome`that is a folder`);
  if (!found.isFile()) throw new FileProblem(chrome`that is not a file`);
  if (already.some((one) => one.path === path)) throw new FileProblem(chrome`it is attached already`);
  return { path, name: basename(path), size: found.size };
}

async function looked(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw new FileProblem(reasonOf(error));
  }
}

/** The octets of an attached file, as they are now. */
export async function attachedOctets({ path }: Attached): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FileProblem(chrome`${safeText(basename(path))}: ${reasonOf(error)}`);
  }
}

/** What a mailbox takes as an authority of its own. */
const maxAuthorityOctets = 200_000;

/** The certificates of an authority (PEM); throws FileProblem. */
export async function authorityIn(typed: string): Promise<string> {
  const path = pathOf(typed);
  const found = await looked(path);
  if (!found.isFile()) throw new FileProblem(chrome`that is not a file`);
  if (found.size > maxAuthorityOctets) throw new FileProblem(chrome`too large: ${octets(maxAuthorityOctets)} at most`);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new FileProblem(reasonOf(error));
  });
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new FileProblem(chrome`it holds no certificate (PEM)`);
  return text;
}

/**
 * Writes a new file for its owner alone, and nothing else: no file is replaced, no link followed. A folder stands for `name` in it. What
 * was begun and not ended is taken away again. Gives the path; throws FileProblem.
 */
export async function saveNew(
  typed: string,
  name: string,
  fill: (write: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<string> {
  if (typed.trim() === '') throw new FileProblem(chrome`type a path`);
  const asked = pathOf(typed);
  const isFolder = await stat(asked).then(
    (found) => found.isDirectory(),
    () => false, // not there: that is what a new file needs
  );
  const path = isFolder ? join(asked, name) : asked;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600).catch((error: unknown) => {
    throw new FileProblem(reasonOf(error));
  });
  try {
    await fill(async (chunk) => {
      await file.write(chunk);
    });
    await file.close();
  } catch (error) {
    await file.close().catch(() => undefined); // it may be closed already
    await rm(path, { force: true });
    throw error instanceof Error && 'errno' in error ? new FileProblem(reasonOf(error)) : error;
  }
  return path;
}

const reasons: Readonly<Record<string, Safe>> = {
  ENOENT: chrome`there is no such file or folder`,
  EACCES: chrome`you may not, says the system`,
  EPERM: chrome`you may not, says the system`,
  EEXIST: chrome`there is a file of that name; nothing was overwritten`,
  ELOOP: chrome`that is a link; nothing was overwritten`,
  EISDIR: chrome`that is a folder`,
  ENOTDIR: chrome`a part of the path is no folder`,
  ENOSPC: chrome`the disk is full`,
  EROFS: chrome`that disk can only be read`,
  ENAMETOOLONG: chrome`the name is too long`,
};

function reasonOf(error: unknown): Safe {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? safeText(error instanceof Error ? error.message : String(error));
}
