/**
 * Passwords: sealed in files of their own, or printed by a command that the administrator named. The daemon alone reads them; people
 * write them. They leave this module as `Secret`, which no log, error or frame can print.
 *
 * A sealed secret is never overwritten: each has an id of its own, which the directory names. So a mailbox that was pointed at another
 * server has lost its secret for good, whatever happens in between.
 */
import { spawn } from 'node:child_process';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import * as z from 'zod';
import { PostroomError } from '../../protocol/errors.ts';
import { newId, type SecretRef } from './document.ts';
import { isMissing, notPrivate, replaceFile } from './file.ts';

/** A value that shows itself to nobody who does not ask for it by name. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value: for the line that hands it to a server, and for no other. */
  reveal(): string {
    return this.#value;
  }

  use<T>(take: (value: string) => T): T {
    return take(this.#value);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

export interface SecretCommand {
  /** Program (an absolute path) and arguments; no shell sees them. */
  readonly run: readonly string[];
  readonly timeoutMs?: number;
}

const Sealed = z.strictObject({ version: z.literal(1), nonce: z.base64(), tag: z.base64(), box: z.base64() });

const missing = (): PostroomError =>
  new PostroomError('invalid', 'The password is missing. Enter it again: postroom mailbox set A --password-…');

export class SecretStore {
  readonly #folder: string;
  readonly #key: Buffer;
  readonly #commands: Readonly<Record<string, SecretCommand>>;

  constructor(folder: string, key: Buffer, commands: Readonly<Record<string, SecretCommand>>) {
    this.#folder = folder;
    this.#key = key;
    this.#commands = commands;
  }

  /** Durable when it returns. The directory names it next; what it never names is swept. */
  async seal(secret: Secret): Promise<Extract<SecretRef, { kind: 'sealed' }>> {
    const id = newId('s');
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: 16 });
    cipher.setAAD(this.#label(id));
    const box = Buffer.concat([secret.use((value) => cipher.update(value, 'utf8')), cipher.final()]);
    const [a, b, c] = [nonce, cipher.getAuthTag(), box].map((octets) => octets.toString('base64'));
    await replaceFile(this.#path(id), `${JSON.stringify({ version: 1, nonce: a, tag: b, box: c })}\n`);
    return { kind: 'sealed', id };
  }

  /** Null, and a sealed one that is gone: `invalid`, enter it again. A command that fails: `unavailable`. */
  async open(ref: SecretRef | null): Promise<Secret> {
    if (!ref) throw missing();
    switch (ref.kind) {
      case 'sealed':
        return this.#unseal(ref.id);
      case 'command':
        return this.#run(ref.name);
      default:
        return ref satisfies never;
    }
  }

  /** Forgets sealed secrets that the directory names no more. Not while one that was just sealed waits to be named. */
  async sweep(named: Iterable<SecretRef | null>): Promise<void> {
    const kept = new Set([...named].flatMap((ref) => (ref?.kind === 'sealed' ? [`${ref.id}.json`] : [])));
    for (const entry of await readdir(this.#folder)) {
      if (/^\.?s_/.test(entry) && !kept.has(entry)) await rm(join(this.#folder, entry), { force: true });
    }
  }

  /** Forgets one; none there is none to forget. */
  async forget(ref: SecretRef | null): Promise<void> {
    if (ref?.kind === 'sealed') await rm(this.#path(ref.id), { force: true });
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  /** Binds the box to its id: boxes cannot be swapped between files. */
  #label(id: string): Buffer {
    return Buffer.from(`postroom secret 1 ${id}`);
  }

  async #unseal(id: string): Promise<Secret> {
    let text: string;
    try {
      text = await readFile(this.#path(id), 'utf8');
    } catch (error) {
      if (isMissing(error)) throw missing();
      throw error;
    }
    try {
      const { nonce, tag, box } = Sealed.parse(JSON.parse(text));
      const decipher = createDecipheriv('aes-256-gcm', this.#key, Buffer.from(nonce, 'base64'), { authTagLength: 16 });
      decipher.setAAD(this.#label(id)).setAuthTag(Buffer.from(tag, 'base64'));
      return new Secret(Buffer.concat([decipher.update(Buffer.from(box, 'base64')), decipher.final()]).toString('utf8'));
    } catch (cause) {
      throw new PostroomError(
        'invalid',
        'The stored password does not open: its file or the key changed. Enter it again.',
        { id },
        { cause },
      );
    }
  }

  async #run(name: string): Promise<Secret> {
    const command = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    if (!command) throw new PostroomError('invalid', `The configuration has no secret command ${name}. Add it, or choose another.`);
    const output = await firstLine(name, command);
    if (output === '') throw new PostroomError('unavailable', `The secret command ${name} printed nothing.`);
    return new Secret(output);
  }
}

const outputLimitOctets = 65_536;

/**
 * The first line that the command prints. It gets nothing of the daemon's environment but where its user lives, and a process group of
 * its own, so that nothing of it outlives the time limit. What it printed is in no error: it may be the secret.
 */
function firstLine(name: string, { run, timeoutMs = 10_000 }: SecretCommand): Promise<string> {
  const [program = '', ...args] = run;
  if (!program.startsWith('/')) {
    return Promise.reject(new PostroomError('invalid', `The secret command ${name} must begin with an absolute path.`));
  }
  const failed = (why: string) =>
    new PostroomError('unavailable', `The secret command ${name} ${why}. Try it by hand as the daemon's user.`);
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: homedir(), LANG: 'C.UTF-8' };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    let octets = 0;
    const stop = (why: string) => {
      clearTimeout(timer);
      child.stdout.destroy();
      reject(failed(why));
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const timer = setTimeout(() => stop(`gave nothing within ${timeoutMs / 1_000} s`), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      octets += chunk.length;
      if (octets > outputLimitOctets) stop('printed too much');
      else chunks.push(chunk);
    });
    child.on('error', (error) => stop(`did not start (${'code' in error ? error.code : error.name})`));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8').split(/\r?\n/, 1)[0] ?? '');
      else reject(failed(signal ? `was ended by ${signal}` : `ended with code ${code}`));
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error; // it ended by itself, or became another user's, which we cannot end
  }
}

/** Name of the key among systemd's credentials (`LoadCredential=postroom-secrets-key:…`). */
export const credentialName = 'postroom-secrets-key';

/**
 * Opens the secrets of a home. The key comes from systemd's credentials directory when it holds one, else from `keyFile`, which is made
 * the first time; with secrets sealed and the key gone it refuses: a new key would open none of them.
 */
export async function openSecrets(options: {
  folder: string;
  keyFile: string;
  commands: Readonly<Record<string, SecretCommand>>;
  credentials?: string | undefined;
  /** Only to look: nothing is made, and a key that is not there is an error. */
  readOnly?: boolean;
}): Promise<SecretStore> {
  const { folder, keyFile, commands, credentials, readOnly = false } = options;
  if (!readOnly) await mkdir(folder, { recursive: true, mode: 0o700 });
  const given = credentials === undefined ? null : await readKey(join(credentials, credentialName));
  const key = given ?? (await readKey(keyFile, notPrivate)) ?? (readOnly ? noKey(keyFile) : await makeKey(keyFile, folder));
  return new SecretStore(folder, key, commands);
}

/** Null: not there. systemd guards its own folder, and by ACLs that a mode does not show: `guard` is for our own file. */
async function readKey(path: string, guard: (path: string) => Promise<string | null> = async () => null): Promise<Buffer | null> {
  try {
    const problem = await guard(path);
    if (problem) throw new PostroomError('unavailable', problem);
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'base64');
    if (key.length !== 32) throw new PostroomError('unavailable', `${path} is not a key of 32 octets in base64. Restore it from a backup.`);
    return key;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function noKey(path: string): never {
  throw new PostroomError('unavailable', `${path} is missing. Restore it from a backup; without it no sealed password opens.`);
}

async function makeKey(path: string, folder: string): Promise<Buffer> {
  const sealed = (await readdir(folder)).filter((entry) => entry.startsWith('s_'));
  if (sealed.length > 0) {
    throw new PostroomError(
      'unavailable',
      `${path} is missing, and ${sealed.length} sealed passwords need it. Restore it from a backup, or empty ${folder} and enter the passwords again.`,
    );
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const key = randomBytes(32);
  await replaceFile(path, `${key.toString('base64')}\n`);
  return key;
}
