/**
 * The daemon's long-term key, and how another takes its place.
 *
 * Two files: `daemon.json` is the key, `daemon.next.json` the one that was announced. To announce is to make the second, which a running
 * daemon tells in every session; to switch is to rename it over the first. So a crash leaves one key or the other, never a part of either.
 * Clients keep what they heard under the key they trust, and follow; nobody follows a change that was not announced.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { PostroomError } from '../protocol/errors.ts';
import { type CurveKeys, daemonKeyKeeper, newKeyPair, readIdentity, Z85Key } from '../protocol/keys.ts';
import { makeFolder, type Places } from '../protocol/places.ts';
import { isMissing, moveFile, notPrivate, replaceFile } from './directory/file.ts';
import type { Log } from './log.ts';
import { lockHome } from './store/lock.ts';

const keyFile = (where: Places): string => join(where.data, 'keys', 'daemon.json');
const nextFile = (where: Places): string => join(where.data, 'keys', 'daemon.next.json');

const DaemonKey = z.strictObject({ publicKey: Z85Key, secretKey: Z85Key, announcedAt: z.iso.datetime().optional() });
export type DaemonKey = z.output<typeof DaemonKey>;

const written = (key: DaemonKey): string => `${JSON.stringify(key, null, 2)}\n`;

/** The first key of a new home. */
export async function makeDaemonKey(where: Places): Promise<CurveKeys> {
  const keys = newKeyPair();
  makeFolder(join(where.data, 'keys'));
  await replaceFile(keyFile(where), written(keys));
  return keys;
}

/** Without it nobody's identity fits any more, so a missing file is an error and no reason for a new key. */
export async function readDaemonKey(where: Places): Promise<DaemonKey> {
  const path = keyFile(where);
  const key = await readKey(path);
  if (key !== null) return key;
  throw new PostroomError('unavailable', `${path} is missing. Restore it from a backup: every identity names this key.`);
}

/** The key that was announced; null when none is. */
export const readNextDaemonKey = (where: Places): Promise<DaemonKey | null> => readKey(nextFile(where));

async function readKey(path: string): Promise<DaemonKey | null> {
  try {
    const problem = await notPrivate(path);
    if (problem !== null) throw new PostroomError('unavailable', problem);
    return DaemonKey.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (error instanceof PostroomError) throw error;
    if (isMissing(error)) return null;
    throw new PostroomError(
      'unavailable',
      `${path} cannot be read as a key. Restore it from a backup: identities name this key.`,
      {},
      { cause: error },
    );
  }
}

/**
 * What a running daemon tells of a key that is announced, asked at each telling: whoever announces needs no way into the daemon. A file that
 * cannot be used is told of by nobody, and logged once.
 */
export function announcedKey(where: Places, log: Log): () => string | null {
  const path = nextFile(where);
  let known: { stamp: string; key: string | null } = { stamp: '', key: null };
  return () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return null;
    const stamp = `${found.ino} ${found.mtimeMs} ${found.mode}`;
    if (stamp === known.stamp) return known.key;
    known = { stamp, key: null };
    try {
      if (!found.isFile() || (found.mode & 0o077) !== 0) throw new Error(`${path} is open to others, or no plain file`);
      known.key = DaemonKey.parse(JSON.parse(readFileSync(path, 'utf8'))).publicKey;
    } catch (error) {
      log.error({ err: error }, 'a key was announced that cannot be used');
    }
    return known.key;
  };
}

/** Makes the next key and lets it be told, by the daemon that runs or by its next start. */
export async function announceDaemonKey(where: Places, now: number): Promise<DaemonKey> {
  const current = await readDaemonKey(where);
  const next = { ...newKeyPair(), announcedAt: new Date(now).toISOString() };
  try {
    await replaceFile(nextFile(where), written(next), { fresh: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new PostroomError('conflict', 'A key is announced already. Switch to it: postroom daemon key switch');
  }
  tellOwnIdentity(where, current.publicKey, next.publicKey);
  return next;
}

/**
 * From the next start on the daemon holds the announced key; the old one is gone with this. `unannounced` makes another, for a key that was
 * stolen: who holds that one could announce too, so nobody may follow it.
 */
export async function switchDaemonKey(where: Places, { unannounced }: { unannounced: boolean }): Promise<DaemonKey> {
  const lock = lockHome(where.run);
  try {
    const current = await readDaemonKey(where);
    if (unannounced) {
      const fresh = newKeyPair();
      await rm(nextFile(where), { force: true });
      tellOwnIdentity(where, current.publicKey, fresh.publicKey);
      await replaceFile(keyFile(where), written(fresh));
      return fresh;
    }
    const next = await readNextDaemonKey(where);
    if (next === null)
      throw new PostroomError(
        'invalid',
        'No key is announced. Announce one, let everybody connect once, then switch: postroom daemon key announce. For a key that was stolen: --unannounced.',
      );
    tellOwnIdentity(where, current.publicKey, next.publicKey);
    await moveFile(nextFile(where), keyFile(where));
    return next;
  } finally {
    lock.release();
  }
}

/** The home's own identity hears it here: whoever can do this holds both files. Written first, since a client tries both keys. */
function tellOwnIdentity(where: Places, current: string, next: string): void {
  const identity = readIdentity(where.identity);
  if (identity !== null && identity.daemonKey === current) daemonKeyKeeper(where.identity, identity)({ kind: 'announced', key: next });
}
