/** Octets of mails, and where they may go: a new file, or a pipe. A terminal would obey what stands in them. */
import { constants } from 'node:fs';
import { open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PostroomError } from '../../protocol/errors.ts';
import { safeFileName } from '../../protocol/text.ts';
import { usageError } from './program.ts';

/** Whoever asks for octets on a terminal is told where else they can go, before anything is asked for. */
export function refuseTerminal(what: string): void {
  if (process.stdout.isTTY) throw usageError(`${what} can carry commands to the terminal. Give --output FILE, or pipe it to a program.`);
}

export const toStandardOutput = (chunk: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => process.stdout.write(chunk, (error) => (error ? reject(error) : resolve())));

/**
 * Never overwrites and never follows a link: what a mail brings goes only where the person said. In a folder it is named `filename`,
 * cleaned. After a failure there is no file.
 */
export async function save(
  path: string,
  filename: string,
  write: (sink: (chunk: Uint8Array) => Promise<void>) => Promise<unknown>,
): Promise<{ path: string; sizeOctets: number }> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const target = isFolder ? join(path, safeFileName(filename, 'attachment')) : path;
  const file = await open(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600).catch(
    (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EEXIST' ? 'it exists already' : error.message;
      throw new PostroomError('invalid', `Cannot write ${target}: ${why}.`, {}, { cause: error });
    },
  );
  let sizeOctets = 0;
  try {
    await write(async (chunk) => {
      await file.writeFile(chunk);
      sizeOctets += chunk.byteLength;
    });
    await file.sync();
  } catch (error) {
    await unlink(target); // half a file would pass for the whole one
    throw error;
  } finally {
    await file.close();
  }
  return { path: target, sizeOctets };
}
