import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of one test's own; gone with everything in it when the test ends. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/**
 * Makes the directory. The name is short because the path of a Unix socket in it may have about 107 bytes.
 * `mode` is for servers that drop to another account and have to walk through it.
 */
export async function tempDir(mode = 0o700): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'postroom-'));
  await chmod(path, mode);
  return {
    path,
    // A server that has just been told to end may still write: rm tries again when the directory filled up under it.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}
