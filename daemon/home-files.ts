/**
 * Every file and folder of a home, and what must be so before a daemon trusts it: a plain file or a folder in its own place (no link),
 * of the account that the daemon runs as, closed to everybody else. What is not there yet is made so. A start refuses what is not so;
 * `doctor` names all of it.
 */
import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { PostroomError } from '../protocol/errors.ts';
import type { Places } from '../protocol/places.ts';

export type HomeFile = {
  path: string;
  kind: 'folder' | 'file';
  /** What others could learn or change who can open it. */
  holds: 'configuration' | 'identity' | 'rights' | 'keys' | 'mail' | 'log' | 'state';
};

/** In the order in which they are looked at: a folder before what is in it. Folders of many files stand for them. */
export function homeFiles(where: Places): HomeFile[] {
  const file = (holds: HomeFile['holds'], ...paths: string[]): HomeFile[] => paths.map((path) => ({ path, kind: 'file', holds }));
  const folder = (holds: HomeFile['holds'], path: string): HomeFile => ({ path, kind: 'folder', holds });
  const inData = (name: string): string => join(where.data, name);
  const keys = ['keys', 'secrets'].flatMap((name) => [folder('keys', inData(name)), ...file('keys', ...filesIn(inData(name)))]);
  return [
    folder('configuration', dirname(where.config)),
    ...file('configuration', where.config),
    ...file('identity', where.identity),
    folder('state', where.data),
    ...file('rights', inData('grants.json'), inData('grants.json.previous')),
    ...keys,
    ...file('mail', inData('mail.db'), inData('mail.db-wal'), inData('mail.db-shm'), inData('audit.head')),
    folder('mail', inData('packs')),
    folder('log', where.logs),
    ...file('log', join(where.logs, 'daemon.log')),
    folder('state', where.run),
    ...file('state', join(where.run, 'lock.db'), join(where.run, 'lock.db-journal'), join(where.run, 'daemon.pid')),
  ];
}

export type Problem = { code: 'file-link' | 'file-owner' | 'file-open' | 'folder-open' | 'file-kind'; message: string; mend: string };

/** What is wrong with one of them, or with anything else that lies in a home. `found` is of `lstat`. */
export function problemWith(path: string, found: Stats, kind: HomeFile['kind'] | null = null): Problem | null {
  const mode = (found.mode & 0o777).toString(8);
  if (found.isSymbolicLink()) {
    const at = targetOf(path);
    return {
      code: 'file-link',
      message: `${path} is a link${at === null ? '' : ` to ${at}`}.`,
      mend: `Put the ${kind ?? 'file'} itself there, or name the place where it is with --home DIR: links are not followed.`,
    };
  }
  if ((kind === 'folder' && !found.isDirectory()) || (kind === 'file' && !found.isFile()))
    return { code: 'file-kind', message: `${path} is no plain ${kind}.`, mend: `Move it away, and restore the ${kind} from a backup.` };
  const self = process.getuid?.();
  if (self !== undefined && found.uid !== self)
    return {
      code: 'file-owner',
      message: `${path} belongs to user ${found.uid}, the daemon runs as ${self}.`,
      mend: `As root: chown ${self} ${path}`,
    };
  if ((found.mode & 0o077) === 0) return null;
  return found.isDirectory()
    ? { code: 'folder-open', message: `${path} can be entered by others (mode ${mode}).`, mend: `chmod 700 ${path}` }
    : {
        code: 'file-open',
        message: `${path} can be opened by others (mode ${mode}). What is in it may be known to them.`,
        mend: `Check who changed it, then: chmod 600 ${path}`,
      };
}

/** Throws for the first that is not as it must be. What is missing is no fault here. */
export function refuseUnsafeHome(where: Places): void {
  for (const { path, kind } of homeFiles(where)) {
    const found = lookAt(path);
    const problem = found === undefined ? null : problemWith(path, found, kind);
    if (problem !== null) throw new PostroomError('invalid', `${problem.message} ${problem.mend}`);
  }
}

function targetOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null; // it leads nowhere
  }
}

/** None where the folder is not there, or is no folder: that is told of the folder itself, or of the one around it. */
function filesIn(folder: string): string[] {
  return lookAt(folder)?.isDirectory() === true ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}
