/**
 * One daemon for each home. The lock is a SQLite file held by BEGIN EXCLUSIVE: the kernel drops it with the process, also at
 * `kill -9`, so it cannot go stale (Node has no flock). The pid beside it is for the message only and decides nothing.
 */
import { chmodSync, closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PostroomError } from '../../protocol/errors.ts';
import { makeFolder } from '../../protocol/places.ts';

export type HomeLock = { release(): void };

/**
 * By file, for two reasons. A connection that nobody names any more is collected, and its lock with it. And whoever closes a file gives
 * up every lock that this process has on it, whichever descriptor took it (POSIX): what is held here must not be opened again.
 */
const held = new Map<string, DatabaseSync>();

/** Throws PostroomError('unavailable') naming the pid when another daemon holds this home. */
export function lockHome(runDir: string): HomeLock {
  makeFolder(runDir);
  chmodSync(runDir, 0o700);
  const file = join(runDir, 'lock.db');
  const pidFile = join(runDir, 'daemon.pid');
  if (held.has(file)) throw inUse(runDir, process.pid);
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);

  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!isBusy(error)) throw new PostroomError('unavailable', `The lock ${file} cannot be taken.`, {}, { cause: error });
    throw inUse(runDir, readPid(pidFile));
  }
  held.set(file, db);
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  chmodSync(pidFile, 0o600);

  return {
    release() {
      if (held.get(file) !== db) return;
      held.delete(file);
      rmSync(pidFile, { force: true });
      db.close();
    },
  };
}

const inUse = (runDir: string, pid: number | null): PostroomError =>
  new PostroomError(
    'unavailable',
    `Another daemon (pid ${pid ?? 'unknown'}) uses this home: ${runDir}. Stop it first: postroom daemon stop`,
    { pid },
  );

/** SQLite's primary result code 5 (SQLITE_BUSY), extended codes included. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 5;
}

function readPid(pidFile: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    return Number.isNaN(pid) ? null : pid;
  } catch {
    return null; // the other daemon took the lock and has not written its pid yet
  }
}
