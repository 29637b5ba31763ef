/** The daemon of a home of one's own, as a process: started detached, found by its pid file, stopped by a signal. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PostroomError } from '../protocol/errors.ts';
import { places } from '../protocol/places.ts';
import { safeBlock } from '../protocol/text.ts';

/** Whether this person has a home here; somebody who joined a daemon elsewhere has none and never starts one. */
export const hasHome = (home: string | undefined): boolean => existsSync(places(home).config);

/** The pid in the pid file, when a process of that number lives and is a Postroom daemon. */
export function runningPid(home: string | undefined): number | null {
  let pid: number;
  try {
    pid = Number(readFileSync(join(places(home).run, 'daemon.pid'), 'utf8').trim());
  } catch {
    return null; // no pid file: nothing runs
  }
  return Number.isInteger(pid) && pid > 1 && isDaemon(pid) ? pid : null;
}

function isDaemon(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A pid file outlives `kill -9`, and numbers are used again.
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('daemon.js');
    return true;
  } catch {
    return false; // gone, or somebody else's
  }
}

/**
 * Starts the home's daemon and returns when `answers` resolves to true. What the daemon printed on the way is in the error when it ends
 * before that.
 */
export async function startDaemon(home: string | undefined, answers: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const where = places(home);
  mkdirSync(where.logs, { recursive: true, mode: 0o700 });
  const logPath = join(where.logs, 'start.log');
  const log = openSync(logPath, 'w', 0o600);
  const program = fileURLToPath(new URL('./daemon.js', import.meta.url));
  const child = spawn(process.execPath, [program, 'daemon', 'run', ...(home === undefined ? [] : ['--home', home])], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<'ended'>((resolve) => {
    child.once('exit', () => resolve('ended'));
    child.once('error', () => resolve('ended'));
  });
  child.unref();
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const outcome = await Promise.race([answers(), ended]);
    if (outcome === true) return;
    if (outcome === 'ended') {
      const words = statSync(logPath).size === 0 ? 'It said nothing.' : readFileSync(logPath, 'utf8').slice(-4_000).trim();
      throw new PostroomError('unavailable', `The daemon did not start.\n${safeBlock(words)}`, { daemon: true });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new PostroomError('unavailable', `The daemon was started and does not answer. Its log is in ${where.logs}.`, { daemon: true });
}

/** Asks the daemon to stop and returns when the process is gone. False when none runs. */
export async function stopDaemon(home: string | undefined, timeoutMs = 60_000): Promise<boolean> {
  const pid = runningPid(home);
  if (pid === null) return false;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + timeoutMs;
  while (isDaemon(pid)) {
    if (performance.now() > deadline)
      throw new PostroomError('unavailable', `The daemon (pid ${pid}) was asked to stop and still runs.`, { daemon: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}
