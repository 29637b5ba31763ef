/**
 * The demo's home and what runs in it: the real daemon, and beside it the customers (customers.ts), who start it and end with it.
 *
 * Invariants
 * - a directory with `demo.json` in it is a whole demo home: it is built beside its place and renamed into it, so nobody finds a half
 * - a directory without `demo.json` is never removed: it could be somebody's real home
 * - one pair of daemon and customers runs in a home: the customers' port is what two starters contend for, and the system frees it
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, connect } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { codeOf } from '../protocol/frame.ts';
import { type Identity, readIdentity, writeIdentity } from '../protocol/keys.ts';
import { ipcEndpoint, places } from '../protocol/places.ts';
import { safeBlock } from '../protocol/text.ts';
import type { PersonName } from './content/talk.ts';
import { domain, organisation } from './mails.ts';

export const people: readonly PersonName[] = ['eva', 'ben', 'li'];

/** Both on loopback: where the daemon takes mail in, and where it hands over what is for customers. */
export type Ports = { smtp: number; relay: number };

/** The exit code with which customers say that others play them already. */
export const othersPlay = 75;

const aloneMs = 10_000;
const startMs = 30_000;
const stopMs = 10_000;
/** A socket's address holds 108 octets, its end included; macOS gives 104. */
const maxSocketPath = process.platform === 'darwin' ? 103 : 107;

export function defaultRoot(env: NodeJS.ProcessEnv = process.env): string {
  const state = env.XDG_STATE_HOME;
  return join(state?.startsWith('/') ? state : join(env.HOME ?? homedir(), '.local', 'state'), 'postroom-demo');
}

export const identityFile = (root: string, person: PersonName): string => join(root, 'identities', `${person}.json`);
const mark = (root: string): string => join(root, 'demo.json');
const unfinished = (root: string, pid: number): string => `${root}.new-${pid}`;
const discarded = (root: string, pid: number): string => `${root}.old-${pid}`;

/** Tells one home at `root` from the next one there; null when there is none. */
export function generation(root: string): string | null {
  try {
    return readFileSync(mark(root), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

export function readPorts(root: string): Ports {
  return JSON.parse(readFileSync(mark(root), 'utf8')) as Ports;
}

/** Whether a whole demo home is there. Refuses a place that cannot be one. */
export function isMade(root: string): boolean {
  const socket = ipcEndpoint(places(unfinished(root, 9_999_999)).run).slice('ipc://'.length);
  if (Buffer.byteLength(socket) > maxSocketPath)
    throw new PostroomError(
      'invalid',
      `${root} is too long a path: a socket in it would not fit into ${maxSocketPath} octets. Choose a shorter one with --home DIR.`,
    );
  if (existsSync(mark(root))) return true;
  if (existsSync(root) && (!statSync(root).isDirectory() || readdirSync(root).length > 0))
    throw new PostroomError(
      'invalid',
      `${root} is there and was not made by the demo, so the demo leaves it alone. Choose another place with --home DIR.`,
    );
  return false;
}

/**
 * Builds a home beside `root`, lets `furnish` work in it through its running daemon, and puts it in place. Who comes second, because
 * another demo was built meanwhile, throws its own away. Whatever goes wrong, nothing of it stays.
 */
export async function make(
  root: string,
  furnish: (site: { root: string; ports: Ports }) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await sweep(root);
  const site = unfinished(root, process.pid);
  try {
    await mkdir(dirname(site), { recursive: true });
    const ports = { smtp: await freePort(), relay: await freePort() };
    await init(site, ports);
    signal.throwIfAborted();
    const eva = await reach(site, 'eva', { mute: true });
    await eva.close();
    await furnish({ root: site, ports });
    signal.throwIfAborted();
    await stop(site);
    await settleIn(site, root);
    try {
      await rename(site, root);
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error)) || !isMade(root)) throw error;
    }
  } finally {
    await stop(site);
    await rm(site, { recursive: true, force: true });
  }
}

/** The identities name the daemon where it will be. */
async function settleIn(site: string, root: string): Promise<void> {
  const endpoint = ipcEndpoint(places(root).run);
  for (const path of [places(site).identity, ...people.map((person) => identityFile(site, person))]) {
    const identity = readIdentity(path);
    if (identity === null) throw new Error(`${path} was not written`);
    writeIdentity(path, { ...identity, endpoint }, { replace: true });
  }
}

async function init(site: string, ports: Ports): Promise<void> {
  const output: string[] = [];
  const child = spawn(
    process.execPath,
    [program('daemon'), 'init', '--home', site, '--name', organisation, '--admin', 'eva', '--email', `eva@${domain}`],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new PostroomError('unavailable', `The demo's home could not be made.\n${safeBlock(output.join('').trim())}`);

  const { config, identity } = places(site);
  const written: unknown = JSON.parse(await readFile(config, 'utf8'));
  const whole = {
    ...(written as object),
    hosted: {
      domains: [domain],
      smtp: { address: '127.0.0.1', port: ports.smtp, receivedAt: 'date' },
      relay: { host: '127.0.0.1', port: ports.relay, tls: 'none' },
    },
    outbox: { retryAfterMs: [2_000, 10_000, 60_000] },
    exitWhenAloneMs: aloneMs,
  };
  await writeFile(config, `${JSON.stringify(whole, null, 2)}\n`, { mode: 0o600 });
  await writeFile(mark(site), `${JSON.stringify(ports)}\n`, { mode: 0o600 });
  writeIdentity(identityFile(site, 'eva'), identityOf(identity));
}

function identityOf(path: string): Identity {
  const identity = readIdentity(path);
  if (identity === null) throw new PostroomError('unavailable', `${path} is missing. Start over with: postroom demo --fresh`);
  return identity;
}

/** A session of a person in a demo home. Starts the daemon and the customers when they do not run; `mute` ones say nothing by themselves. */
export async function reach(root: string, person: PersonName, { mute = false } = {}): Promise<Client> {
  const identity = identityOf(identityFile(root, person));
  const deadline = performance.now() + startMs;
  let started: Started | null = null;
  for (;;) {
    try {
      return await connect({ identity, connectTimeoutMs: started === null && runningPid(root) === null ? 200 : 1_000 });
    } catch (error) {
      if (!(error instanceof PostroomError) || error.code !== 'unavailable') throw error;
      if (performance.now() > deadline)
        throw new PostroomError(
          'unavailable',
          `The demo's daemon does not answer. Its logs are in ${places(root).logs}. Start over with: postroom demo --fresh`,
          {},
          { cause: error },
        );
    }
    const code = started?.child.exitCode ?? null;
    if (code !== null && code !== 0 && code !== othersPlay)
      throw new PostroomError(
        'unavailable',
        `The demo's daemon did not start.\n${safeBlock(started?.words() ?? '')}\nStart over with: postroom demo --fresh`,
      );
    // One that just stops, because it was alone for long enough, is waited for and started again.
    if ((started === null || code !== null) && runningPid(root) === null) started = startCustomers(root, mute);
  }
}

type Started = { child: ChildProcess; words: () => string };

function startCustomers(root: string, mute: boolean): Started {
  const path = join(root, 'customers.log'); // in no folder of its own: a home that was just discarded must not come back with it
  const log = openSync(path, 'a', 0o600);
  const from = statSync(path).size;
  // Detached: a Ctrl-C in this terminal is not for the daemon, which others may use.
  const child = spawn(process.execPath, [program('demo-customers'), root, ...(mute ? ['--mute'] : [])], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  closeSync(log);
  return { child, words: () => readFileSync(path).subarray(from).toString('utf8').slice(-4_000).trim() };
}

/** Stops what runs in a home and returns when it is gone. */
export async function stop(root: string): Promise<void> {
  const pid = runningPid(root);
  if (pid === null) return;
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + startMs;
  while (isDaemon(pid)) {
    if (performance.now() > deadline)
      throw new PostroomError('unavailable', `The demo's daemon (pid ${pid}) was asked to stop and still runs.`);
    await pause(20);
  }
}

/** Stops a demo and removes its home. Holds the customers' port meanwhile, so that nobody starts in a home that goes. */
export async function discard(root: string): Promise<void> {
  if (!isMade(root)) return;
  const held = await holdPort(root);
  const gone = discarded(root, process.pid);
  try {
    await rename(root, gone);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error; // another --fresh was faster
  } finally {
    held?.close();
  }
  await rm(gone, { recursive: true, force: true });
}

async function holdPort(root: string): Promise<Server | null> {
  const deadline = performance.now() + stopMs;
  for (;;) {
    await stop(root);
    if (generation(root) === null) return null; // another --fresh was faster
    const server = await tryPort(readPorts(root).relay);
    // Another program has the port, it seems: then no customers can start here either.
    if (server !== null || performance.now() > deadline) return server;
    await pause(20);
  }
}

/** Removes what demos left that were killed while they built or discarded a home. */
async function sweep(root: string): Promise<void> {
  const folder = dirname(root);
  if (!existsSync(folder)) return;
  for (const name of await readdir(folder)) {
    const [, pid] = name.startsWith(`${basename(root)}.`) ? (/\.(?:new|old)-(\d+)$/.exec(name) ?? []) : [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await stop(join(folder, name));
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function runningPid(root: string): number | null {
  let pid: number;
  try {
    pid = Number(readFileSync(join(places(root).run, 'daemon.pid'), 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  return Number.isInteger(pid) && pid > 1 && isDaemon(pid) ? pid : null;
}

/** A pid file outlives `kill -9`, and numbers are used again. */
function isDaemon(pid: number): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('daemon.js');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(codeOf(error))) return false; // it ended between the two looks
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** A port below those that the system gives to outgoing connections, so that it is still free the next time the demo starts. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = await tryPort(port);
    if (server === null) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Listens on loopback; null when the port is taken. */
async function tryPort(port: number): Promise<Server | null> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return null;
    throw error;
  }
}

/** A bundle beside this one. */
export function program(name: 'daemon' | 'cli' | 'tui' | 'demo-customers'): string {
  const path = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  if (!existsSync(path)) throw new PostroomError('unavailable', `${path} is missing. In a checkout, run: npm run build`);
  return path;
}

export const rootOf = (home: string | undefined): string => (home === undefined ? defaultRoot() : resolve(home));
