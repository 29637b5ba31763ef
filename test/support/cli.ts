/** The command line as a process of its own, the way a script runs it: the built bundles, a clean environment, its three streams. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..', '..');
export const bin = join(root, 'bin/postroom.mjs');

/** A command that takes longer hangs. */
const limitMs = 120_000;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as the one JSON document that it is; throws when it is anything else. */
  readonly json: unknown;
}

export interface RunOptions {
  /** What standard input brings; nothing by default. */
  stdin?: string;
  env?: Readonly<Record<string, string>>;
  /** Run as somebody else; only root can. */
  account?: { uid: number; gid: number; groups: readonly number[] };
}

/** Runs commands in one home: `postroom('panel', '--json')`, `postroom.as('ben')('take', id)`. */
export interface Cli {
  (...args: readonly string[]): Promise<Ran>;
  /** With the identity that `join --identity` of this helper wrote. */
  as(person: string): Cli;
  with(options: RunOptions): Cli;
}

export const identityFile = (home: string, person: string): string => join(home, `${person}.identity.json`);

export function cli(home: string, options: RunOptions = {}, flags: readonly string[] = ['--home', home]): Cli {
  return Object.assign((...args: readonly string[]) => run([...args, ...flags], { ...options, env: { HOME: home, ...options.env } }), {
    as: (person: string) => cli(home, options, ['--home', home, '--identity', identityFile(home, person)]),
    with: (more: RunOptions) => cli(home, { ...options, ...more, env: { ...options.env, ...more.env } }, flags),
  });
}

/** A process for tests that watch it live. Its standard output and error are pipes. */
export function start(args: readonly string[], { env = {}, account }: RunOptions = {}) {
  if (!existsSync(join(root, 'dist/cli.js'))) throw new Error('dist/ is not built, and these tests run what is in it: npm run build');
  const asSomebody =
    account === undefined
      ? []
      : ['/usr/bin/setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, `--groups=${account.groups.join(',')}`, '--'];
  const [command = '', ...rest] = [...asSomebody, process.execPath, bin, ...args];
  const clean = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
  return spawn(command, rest, { env: { ...clean, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
}

async function run(args: readonly string[], options: RunOptions): Promise<Ran> {
  const child = start(args, options);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(options.stdin ?? '');
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, limitMs);
  const [out, err, code] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]).finally(() => clearTimeout(limit));
  const text = out.toString('utf8');
  if (hung) throw new Error(`postroom ${args.join(' ')} did not end within ${limitMs} ms; it printed:\n${text}\n${err}`);
  return {
    code,
    out: text,
    err: err.toString('utf8'),
    get json(): unknown {
      try {
        return JSON.parse(text);
      } catch (error) {
        throw new Error(`postroom ${args.join(' ')} printed no JSON document:\n${text}\n${err}`, { cause: error });
      }
    },
  };
}

/** What lies at a path in a JSON document: `at(ran.json, 'rows', 0, 'conversation')`. */
export function at(value: unknown, ...path: readonly (string | number)[]): string {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !(step in here))
      throw new Error(`There is no ${path.join('.')} in ${JSON.stringify(value)}`);
    here = (here as Record<string | number, unknown>)[step];
  }
  return String(here);
}
