/** The daemon of a home of one's own, as a process: started detached, found by its pid file, stopped by a signal. */
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PostroomError } from '../protocol/errors.ts';
import { makeFolder, places } from '../protocol/places.ts';
import { safeBlock } from '../protocol/text.ts';

/** Whether this person has a home here; somebody who joined a daemon elsewhere has none and never starts one. */
export const hasHome = (home: string | undefined): boolean => existsSync(places(home).config);

/** The pid in the pid file, when that process lives and is this home's daemon. */
export function runningPid(home: string | undefined): number | null {
  const { run } = places(home);
  let pid: number;
  try {
    pid = Number(readFileSync(join(run, 'daemon.pid'), 'utf8').trim());
  } catch {
    return null; // no pid file: nothing runs
  }
  return Number.isInteger(pid) && pid > 1 && isAlive(pid) && holdsLock(pid, run) ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // In a container nobody may bury the dead: a zombie takes signals, and has no command line.
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false; // gone, or somebody else's
  }
}

/** A pid file outlives `kill -9`, and numbers are used again; who has the home's lock open is its daemon. */
function holdsLock(pid: number, run: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    const lock = statSync(join(run, 'lock.db'));
    const open = `/proc/${pid}/fd`;
    return readdirSync(open).some((fd) => {
      const file = statSync(join(open, fd), { throwIfNoEntry: false });
      return file?.ino === lock.ino && file.dev === lock.dev;
    });
  } catch {
    return false; // it ended meanwhile
  }
}

/**
 * Starts the home's daemon and returns when `answers` resolves to true. What the daemon printed on the way is in the error when it ends
 * before that.
 */
export async function startDaemon(home: string | undefined, answers: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const where = places(home);
  makeFolder(where.logs);
  const logPath = join(where.logs, 'start.log');
  const log = openSync(logPath, 'w', 0o600);
  const program = fileURLToPath(new URL('./daemon.js', import.meta.url));
  const child = spawn(process.execPath, [program, 'daemon', 'run', ...(home === undefined ? [] : ['--home', home])], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let over = false;
  const ended = new Promise<false>((resolve) => {
    for (const event of ['exit', 'error']) child.once(event, () => resolve(false));
  }).finally(() => {
    over = true;
  });
  child.unref();
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await (over ? answers() : Promise.race([answers(), ended]))) return;
    // Somebody else's start, at the same moment, may have been faster: then that daemon is waited for.
    if (over && runningPid(home) === null) {
      const words = statSync(logPath).size === 0 ? 'It said nothing.' : readFileSync(logPath, 'utf8').slice(-4_000).trim();
      throw new PostroomError('unavailable', `The daemon did not start.\n${safeBlock(words)}`, { daemon: true });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new PostroomError('unavailable', `The daemon was started and does not answer. Its log is in ${where.logs}.`, { daemon: true });
}

/** Makes a home of one's own and its first person (`postroom init`). */
export async function initHome(given: { home: string | undefined; identity: string; organisation: string; admin: string }): Promise<void> {
  const { home, identity, organisation, admin } = given;
  const program = fileURLToPath(new URL('./daemon.js', import.meta.url));
  const words = ['init', '--name', organisation, '--admin', admin, '--identity', identity, ...(home === undefined ? [] : ['--home', home])];
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, [program, ...words], (error, _out, err) => {
      if (error === null) resolve();
      else reject(new PostroomError('invalid', safeBlock(err.trim() === '' ? error.message : err.trim()), {}, { cause: error }));
    });
  });
}

/** Asks the daemon to stop and returns when the process is gone. False when none runs. */
export async function stopDaemon(home: string | undefined, timeoutMs = 60_000): Promise<boolean> {
  const pid = runningPid(home);
  if (pid === null) return false;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline)
      throw new PostroomError('unavailable', `The daemon (pid ${pid}) was asked to stop and still runs.`, { daemon: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}
