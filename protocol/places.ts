/**
 * Where things lie on this machine, the same for the daemon and its clients. A named home (`--home DIR`, `$POSTROOM_HOME`) holds
 * everything in one directory; otherwise the XDG base directories are used.
 */
import { mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { PostroomError } from './errors.ts';

export type Places = {
  /** config.json: its presence makes this a home of one's own. */
  config: string;
  /** The identity that is used when none is named. */
  identity: string;
  /** grants.json, secrets/, keys/, mail.db, packs/ */
  data: string;
  logs: string;
  /** lock.db, the pid, the ipc socket. Short: a socket's path is limited to about 107 bytes. */
  run: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

export function places(home: string | undefined, env: Environment = process.env): Places {
  // An empty variable in a script must not lead to the usual home.
  if (home === '') throw new PostroomError('invalid', '--home names no directory.');
  const named = home ?? env.POSTROOM_HOME;
  if (named !== undefined && named !== '') {
    const root = resolve(named);
    return {
      config: join(root, 'config.json'),
      identity: join(root, 'identity.json'),
      data: root,
      logs: join(root, 'log'),
      run: join(root, 'run'),
    };
  }
  const user = env.HOME ?? homedir();
  const base = (variable: string, fallback: string): string => {
    const value = env[variable];
    // The XDG specification: a relative path is to be ignored.
    return join(value?.startsWith('/') ? value : join(user, fallback), 'postroom');
  };
  const config = base('XDG_CONFIG_HOME', '.config');
  const data = base('XDG_DATA_HOME', '.local/share');
  return {
    config: join(config, 'config.json'),
    identity: join(config, 'identity.json'),
    data,
    logs: join(base('XDG_STATE_HOME', '.local/state'), 'log'),
    // Not $XDG_RUNTIME_DIR: it is emptied at logout while a daemon may live on, and the daemon would be out of reach.
    run: join(data, 'run'),
  };
}

/** The ipc endpoint inside a run directory. */
export const ipcEndpoint = (run: string): string => `ipc://${join(run, 'daemon.sock')}`;

/**
 * Makes a folder with all above it, closed to others; one that is there stays as it is. Step by step: Node's recursive mkdir never returns
 * where a folder above is there and its children cannot be (`/proc/nope`). `mend` is what the error says to do.
 */
export function makeFolder(path: string, mend = 'Name one that you may write in with --home DIR.'): void {
  const folder = resolve(path);
  try {
    if (isFolder(folder)) return;
    makeFolder(dirname(folder), mend);
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (error instanceof PostroomError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EEXIST' && isFolder(folder)) return; // somebody else was faster
    throw new PostroomError(
      'invalid',
      code === 'EEXIST'
        ? `${folder} is a file, and a folder is needed there. ${mend}`
        : `The folder ${folder} cannot be made (${code ?? String(error)}). ${mend}`,
      {},
      { cause: error },
    );
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
