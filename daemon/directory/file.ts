/**
 * A file that is there whole or not at all, whenever the power goes, and that only its owner can read.
 *
 * Written to a temporary name (random, never an existing file), synced, renamed, and the folder synced: after `replaceFile` has
 * answered the new contents survive a crash; until the rename the old ones do. The file system must keep its word on fsync.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const temporaryName = (path: string): string => join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);

/** The contents may be in place, or not: the error that leaves nobody wiser. Whoever gets it must not write on as if it were not. */
export class UnknownOutcome extends Error {}

/**
 * Puts `contents` at `path`, mode 0600; pieces one after the other. With `previous` what was there before is kept under that name; `fresh` fails with EEXIST when the
 * name is taken.
 */
export async function replaceFile(
  path: string,
  contents: string | Uint8Array | readonly Uint8Array[],
  options: { previous?: string; fresh?: boolean } = {},
): Promise<void> {
  const temporary = temporaryName(path);
  let renamed = false;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      if (typeof contents === 'string' || contents instanceof Uint8Array) await file.writeFile(contents);
      else await writePieces(file, contents);
      await file.chmod(0o600); // the umask may have taken more
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.previous !== undefined) await keep(path, options.previous);
    if (options.fresh === true) {
      await link(temporary, path); // unlike rename, fails when the name is taken
      await rm(temporary);
    } else await rename(temporary, path);
    renamed = true;
    await syncFolder(dirname(path));
  } catch (error) {
    if (renamed) throw new UnknownOutcome(`${path} was renamed, and its folder could not be synced`, { cause: error });
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Puts the file at `from` in the place of the one at `to`, in the same folder. */
export async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** As few calls as there can be: a disk that is nearly full takes a part of what it is given, and says so. */
async function writePieces(file: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  let rest = pieces.filter(({ byteLength }) => byteLength > 0);
  while (rest.length > 0) {
    let { bytesWritten: written } = await file.writev(rest);
    if (written === 0) throw new Error('nothing more could be written');
    const next = rest.findIndex(({ byteLength }) => {
      if (written < byteLength) return true;
      written -= byteLength;
      return false;
    });
    rest = next === -1 ? [] : rest.slice(next).map((piece, n) => (n === 0 ? piece.subarray(written) : piece));
  }
}

/** A second name for the file of now. It is never written in place, so the second name keeps these contents. */
async function keep(path: string, previous: string): Promise<void> {
  const temporary = temporaryName(previous);
  try {
    await link(path, temporary);
  } catch (error) {
    if (isMissing(error)) return; // the first generation has none before it
    throw error;
  }
  // rename() leaves both names when they are one file already (a crash between this and the next rename): hence the rm.
  await rename(temporary, previous);
  await rm(temporary, { force: true });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Removes temporary files that a crash left beside `path` and its previous generation. Call it only where nobody else writes. */
export async function sweepTemporaries(path: string): Promise<void> {
  const name = basename(path);
  for (const entry of await readdir(dirname(path))) {
    if (entry.startsWith(`.${name}.`) && /\.[0-9a-f]{16}\.tmp$/.test(entry)) await rm(join(dirname(path), entry), { force: true });
  }
}

/** Why a file that must be private is not; null when it is. */
export async function notPrivate(path: string): Promise<string | null> {
  const stat = await lstat(path);
  if (!stat.isFile()) return `${path} is not a plain file. Put a plain file there; links are not followed.`;
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) return `${path} is open to others (mode ${mode.toString(8)}). Check who changed it, then: chmod 600 ${path}`;
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) return `${path} belongs to user ${stat.uid}, the daemon runs as ${uid}. Run it as the owner.`;
  return null;
}

export const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
