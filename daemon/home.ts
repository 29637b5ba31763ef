/** Making a home: configuration, daemon key, the first person. */
import { existsSync } from 'node:fs';
import { chmod, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { PostroomError } from '../protocol/errors.ts';
import { fingerprint, newKeyPair, writeIdentity } from '../protocol/keys.ts';
import { ipcEndpoint, makeFolder, type Places } from '../protocol/places.ts';
import { type Config, parseConfig } from './config.ts';
import { makeDaemonKey } from './daemon-key.ts';
import { type Directory, firstDirectory } from './directory/document.ts';
import { openDirectory } from './directory/durable.ts';
import { replaceFile } from './directory/file.ts';
import { lockHome } from './store/lock.ts';

export const grantsFile = (where: Places): string => join(where.data, 'grants.json');

/** Where passwords and their key lie; as the daemon opens them. */
export const secretPlaces = (where: Places) => ({
  folder: join(where.data, 'secrets'),
  keyFile: join(where.data, 'keys', 'secrets.key'),
  credentials: process.env.CREDENTIALS_DIRECTORY,
});

export type Made = { config: string; identity: string; person: string; fingerprint: string; daemonFingerprint: string; endpoint: string };

/**
 * Makes a home, or fails and leaves none: config.json is written last, and it is what makes a home. `config` may hold more than the
 * organisation's name (the demo's does).
 */
export async function makeHome(
  where: Places,
  asked: { organisation: string; admin: string; email: string | null; config?: Record<string, unknown> },
  now: number,
): Promise<Made> {
  if (existsSync(where.config))
    throw new PostroomError('conflict', `${where.config} is there already: this is a home. Start its daemon with: postroom daemon start`);
  if (existsSync(where.identity)) {
    throw new PostroomError(
      'conflict',
      `${where.identity} holds an identity of another daemon already. Move it, or make the home elsewhere with --home DIR.`,
    );
  }
  if (existsSync(grantsFile(where))) {
    throw new PostroomError(
      'conflict',
      `${grantsFile(where)} is there and ${where.config} is not. Restore the configuration, or move the old data away first.`,
    );
  }
  const json = { organisation: asked.organisation, ...asked.config };
  const config = parseConfig(json, where.config);
  const person = newKeyPair();
  const directory = directoryOf(asked, person.publicKey, now); // what does not fit is refused before anything is made
  for (const folder of [dirname(where.config), where.data, where.logs, where.run]) await makePrivate(folder);
  const lock = lockHome(where.run);
  try {
    const daemon = await makeDaemonKey(where);
    const listening = endpointsOf(config, where);
    const endpoint = listening.at(-1) ?? listening[0];
    const undo: (() => Promise<void>)[] = [];
    try {
      undo.push(() => rm(grantsFile(where), { force: true }));
      await openDirectory(grantsFile(where), {
        create: directory,
      });
      undo.push(() => rm(where.identity, { force: true }));
      writeIdentity(where.identity, { person: asked.admin, endpoint: endpoint.reached, daemonKey: daemon.publicKey, ...person });
      await replaceFile(where.config, `${JSON.stringify(json, null, 2)}\n`);
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
    return {
      config: where.config,
      identity: where.identity,
      person: asked.admin,
      fingerprint: fingerprint(person.publicKey),
      daemonFingerprint: fingerprint(daemon.publicKey),
      endpoint: endpoint.reached,
    };
  } finally {
    lock.release();
  }
}

function directoryOf(asked: { admin: string; email: string | null }, publicKey: string, now: number): Directory {
  try {
    return firstDirectory({ name: asked.admin, email: asked.email, publicKey, label: hostname().slice(0, 100) }, now);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const lines = error.issues.map((issue) => `  ${String(issue.path.at(-1))}: ${issue.message}`);
    throw new PostroomError(
      'invalid',
      `The first person does not fit. Mend --admin or --email:\n${lines.join('\n')}`,
      {},
      { cause: error },
    );
  }
}

/** A folder for nobody else. One that is there already is closed while it is empty; later its owner must do it, who knows what is in it. */
async function makePrivate(folder: string): Promise<void> {
  makeFolder(folder);
  if (((await stat(folder)).mode & 0o077) === 0) return;
  if ((await readdir(folder)).length > 0)
    throw new PostroomError(
      'invalid',
      `${folder} can be entered by others. Name a new folder with --home DIR, or mend it with: chmod 700 ${folder}`,
    );
  await chmod(folder, 0o700);
}

/** Where a daemon binds, and what its clients and invitations say. */
export type Listening = { bind: string; reached: string; for: 'account' | 'host' | 'network'; group: string | null };

/** The widest reach first: an invitation carries the first endpoint. */
export function endpointsOf(config: Config, where: Places): [Listening, ...Listening[]] {
  const { ipc, tcp } = config.listen;
  const found: Listening[] = [];
  if (tcp !== null) {
    const host = (name: string) => (name.includes(':') ? `[${name}]` : name);
    found.push({
      bind: `tcp://${host(tcp.address)}:${tcp.port}`,
      reached: `tcp://${host(tcp.publicName ?? tcp.address)}:${tcp.port}`,
      for: 'network',
      group: null,
    });
  }
  if (typeof ipc === 'object') {
    const endpoint = `ipc://${join(ipc.directory, 'daemon.sock')}`;
    found.push({ bind: endpoint, reached: endpoint, for: 'host', group: ipc.group });
  }
  // Whoever runs the daemon reaches it in the home, whatever else is configured: their identity names that endpoint from the start.
  if (ipc !== false) found.push({ bind: ipcEndpoint(where.run), reached: ipcEndpoint(where.run), for: 'account', group: null });
  const [widest, ...others] = found;
  if (widest === undefined) throw new PostroomError('invalid', 'The configuration listens nowhere: set listen.ipc or listen.tcp.');
  return [widest, ...others];
}
