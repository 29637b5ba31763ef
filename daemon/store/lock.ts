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

/** A connection that nobody names any more is collected, and its lock with it: held until they are released. */
const held = new Set<DatabaseSync>();

/** Throws PostroomError('unavailable') naming the pid when another daemon holds this home. */
export function lockHome(runDir: string): HomeLock {
  makeFolder(runDir);
  chmodSync(runDir, 0o700);
  const file = join(runDir, 'lock.db');
  const pidFile = join(runDir, 'daemon.pid');
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);

  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!isBusy(error)) throw new PostroomError('unavailable', `The lock ${file} cannot be taken.`, {}, { cause: error });
    const pid = readPid(pidFile);
    throw new PostroomError(
      'unavailable',
      `Another daemon (pid ${pid ?? 'unknown'}) uses this home: ${runDir}. Stop it first: postroom daemon stop`,
      { pid },
    );
  }
  held.add(db);
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  chmodSync(pidFile, 0o600);

  return {
    release() {
      if (!held.delete(db)) return;
      rmSync(pidFile, { force: true });
      db.close();
    },
  };
}

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
