/** The daemon's key: announced, followed by those who heard, refused by those who did not; and one key or the other after every crash. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { announceDaemonKey, readDaemonKey, readNextDaemonKey, switchDaemonKey } from '../daemon/daemon-key.ts';
import { connect } from '../protocol/client.ts';
import type { PostroomError } from '../protocol/errors.ts';
import {
  type DaemonKeyNews,
  daemonKeyKeeper,
  fingerprint,
  type Identity,
  newKeyPair,
  privateKeyOf,
  publicKeyOfWord,
  publicKeyWord,
  readIdentity,
  trustDaemonKey,
  writeIdentity,
} from '../protocol/keys.ts';
import { at, cli } from './support/cli.ts';
import { type Postroom, startPostroom } from './support/postroom.ts';
import { tempDir } from './support/tempdir.ts';

/** The identity of a person as a file, and a session that keeps in it what it is told. */
function device(postroom: Postroom, name: string) {
  const path = join(postroom.home, `${name}.identity.json`);
  writeIdentity(path, postroom.identity(name));
  const read = (): Identity => {
    const identity = readIdentity(path);
    if (identity === null) throw new Error('the identity is gone');
    return identity;
  };
  const session = async (heard: (news: DaemonKeyNews) => void = () => undefined) => {
    const identity = read();
    const keep = daemonKeyKeeper(path, identity);
    return connect({
      identity,
      connectTimeoutMs: 5_000,
      onDaemonKey: (news) => {
        keep(news);
        heard(news);
      },
    });
  };
  return { path, read, session };
}

async function restarted(postroom: Postroom, between: () => Promise<unknown>): Promise<void> {
  await postroom.stopDaemon();
  await between();
  await postroom.startDaemon();
}

const refusalOf = (attempt: Promise<unknown>): Promise<PostroomError> =>
  attempt.then(
    () => Promise.reject(new Error('let in')),
    (error) => error,
  );

test('who heard of the next key follows by themselves; who did not is refused until they compared fingerprints', async () => {
  await using postroom = await startPostroom();
  for (const name of ['ben', 'li']) await postroom.person(name);
  const [ben, li] = [device(postroom, 'ben'), device(postroom, 'li')];
  const { places } = postroom;
  const old = await readDaemonKey(places);

  // Announced while the daemon runs: a session that is open hears it, one that opens later too.
  const heard = Promise.withResolvers<DaemonKeyNews>();
  const open = await ben.session(heard.resolve);
  const next = await announceDaemonKey(places, Date.now());
  expect(await heard.promise).toEqual({ kind: 'announced', key: next.publicKey });
  expect(ben.read()).toMatchObject({ daemonKey: old.publicKey, nextDaemonKey: next.publicKey });
  await expect(announceDaemonKey(places, Date.now())).rejects.toMatchObject({ code: 'conflict' });
  // Nothing changed yet: the old key is the daemon's.
  await (await li.session()).close();
  writeIdentity(li.path, postroom.identity('li'), { replace: true }); // a backup from before: it never heard
  await expect(switchDaemonKey(places, { unannounced: false })).rejects.toMatchObject({ code: 'unavailable' }); // it runs

  // The session that is open follows over the restart.
  await restarted(postroom, () => switchDaemonKey(places, { unannounced: false }));
  expect((await open.call('session.whoami', {})).person.name).toBe('ben');
  await open.close();
  expect(ben.read()).toMatchObject({ daemonKey: next.publicKey });
  expect(ben.read().nextDaemonKey).toBeUndefined();
  expect(await readDaemonKey(places)).toEqual(next);
  expect(await readNextDaemonKey(places)).toBeNull();
  await (await ben.session()).close();

  // So does a device that was away meanwhile and had heard: the home's own.
  const eva = readIdentity(places.identity);
  expect(eva).toMatchObject({ daemonKey: old.publicKey, nextDaemonKey: next.publicKey });
  if (eva !== null) await (await connect({ identity: eva, connectTimeoutMs: 5_000 })).close();

  const refused = await refusalOf(li.session());
  expect(refused).toMatchObject({ code: 'unavailable', details: { reason: 'daemon-key' } });
  expect(refused.message).toContain(fingerprint(old.publicKey));
  expect(refused.message).toContain('postroom identity trust');
  expect(li.read().daemonKey).toBe(old.publicKey);
  trustDaemonKey(li.path, li.read(), publicKeyOfWord(publicKeyWord(next.publicKey)));
  await (await li.session()).close();
});

test('a change that nobody announced is followed by nobody, not even with another announced before', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const ben = device(postroom, 'ben');
  const { places } = postroom;
  await announceDaemonKey(places, Date.now());
  await (await ben.session()).close();
  const { nextDaemonKey } = ben.read();
  expect(nextDaemonKey).toBeDefined();
  await restarted(postroom, () => switchDaemonKey(places, { unannounced: true }));
  expect((await readDaemonKey(places)).publicKey).not.toBe(nextDaemonKey);
  expect((await refusalOf(ben.session())).details).toMatchObject({ reason: 'daemon-key' });
  expect(ben.read()).toMatchObject({ daemonKey: ben.read().daemonKey, nextDaemonKey });
  await expect(restarted(postroom, () => switchDaemonKey(places, { unannounced: false }))).rejects.toMatchObject({ code: 'invalid' });
});

test('another daemon on the same endpoint, with a key of its own, hears nothing and gets nobody', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const ben = device(postroom, 'ben');
  const other = await startPostroom();
  await other.person('ben');
  try {
    const [endpoint = ''] = other.daemon.endpoints;
    const before = other.daemon.world.vitals().sessions;
    const refused = await refusalOf(connect({ identity: { ...ben.read(), endpoint }, connectTimeoutMs: 1_000 }));
    expect(refused).toMatchObject({ code: 'unavailable', details: { daemon: true, reason: 'daemon-key' } });
    expect(other.daemon.world.vitals().sessions).toBeLessThanOrEqual(before);
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

test('what an identity keeps: only news of the key it trusts, and only in the file of the same person', async () => {
  await using folder = await tempDir();
  const path = join(folder.path, 'identity.json');
  const [own, first, second, third] = [newKeyPair(), ...Array.from({ length: 3 }, () => newKeyPair().publicKey)];
  const identity = { person: 'ben', endpoint: 'ipc:///run/d.sock', daemonKey: first ?? '', ...own };
  writeIdentity(path, identity);
  const keep = daemonKeyKeeper(path, identity);
  expect(keep({ kind: 'announced', key: second ?? '' })).toBe(true);
  expect(keep({ kind: 'announced', key: second ?? '' })).toBe(false);
  const other = daemonKeyKeeper(path, { ...identity, daemonKey: third ?? '' });
  expect(other({ kind: 'announced', key: third ?? '' })).toBe(false);
  expect(daemonKeyKeeper(path, { ...identity, publicKey: newKeyPair().publicKey })({ kind: 'followed', key: third ?? '' })).toBe(false);
  expect(keep({ kind: 'followed', key: second ?? '' })).toBe(true);
  expect(keep({ kind: 'announced', key: third ?? '' })).toBe(true);
  expect(readIdentity(path)).toEqual({ ...identity, daemonKey: second, nextDaemonKey: third });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('kill -9 during rotation leaves one key or the other, whole', async () => {
  await using home = await tempDir();
  const program = fileURLToPath(new URL('./support/rotate-child.ts', import.meta.url));
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [program, home.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout ?? child, 'data'); // it has rotated once
    return child;
  };
  const where = {
    data: home.path,
    run: join(home.path, 'run'),
    logs: home.path,
    config: home.path,
    identity: join(home.path, 'identity.json'),
  };
  const seen = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const child = await start();
    for (let turn = 0; turn < round * 3; turn++) await new Promise(setImmediate);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    const key = await readDaemonKey(where);
    privateKeyOf(key);
    seen.add(key.publicKey);
    const next = await readNextDaemonKey(where);
    if (next !== null) privateKeyOf(next);
    // The home's own identity follows, whatever came between.
    const { daemonKey, nextDaemonKey } = readIdentity(where.identity) ?? {};
    expect([daemonKey, nextDaemonKey]).toContain(key.publicKey);
    expect(statSync(join(home.path, 'keys/daemon.json')).mode & 0o777).toBe(0o600);
    expect(() => JSON.parse(readFileSync(join(home.path, 'keys/daemon.json'), 'utf8'))).not.toThrow();
  }
  expect(seen.size).toBe(4);
});

test('on the command line: shown, announced, switched, followed, and trusted by hand', async () => {
  await using home = await tempDir();
  const postroom = cli(home.path);
  await postroom('init', '--name', 'Harbour Books', '--admin', 'eva');
  const key = async (...words: string[]) => (await postroom('daemon', 'key', ...words, '--json')).json;
  const before = await key();
  expect(before).toMatchObject({ fingerprint: expect.stringMatching(/^([A-Z2-7]{5}-){3}[A-Z2-7]{5}$/), announcedAt: null, next: null });
  expect((await postroom('daemon', 'key', 'switch', '--json')).code).toBe(2); // nothing is announced
  expect(await key('announce')).toMatchObject({ fingerprint: at(before, 'fingerprint'), next: { fingerprint: expect.any(String) } });
  expect((await postroom('daemon', 'key', 'announce', '--json')).code).toBe(5);
  const shown = await key('show');
  const after = await key('switch');
  expect(at(after, 'fingerprint')).toBe(at(shown, 'next', 'fingerprint'));
  // The home's own person heard it: whoever connects first says so, once.
  expect((await postroom('daemon', 'start')).err).toContain('changed as announced');
  try {
    const me = await postroom('whoami', '--json');
    expect(me.json).toMatchObject({ daemon: { fingerprint: at(after, 'fingerprint') } });
    expect(me.err).toBe('');
    expect((await postroom('identity', 'show', '--json')).json).toMatchObject({
      daemonFingerprint: at(after, 'fingerprint'),
      nextDaemonFingerprint: null,
    });
    await postroom('daemon', 'stop');
    const stolen = await key('switch', '--unannounced');
    await postroom('daemon', 'start');
    // The home's own file was told of that as well; a copy of it elsewhere was not.
    const copy = join(home.path, 'copy.json');
    const own = readIdentity(join(home.path, 'identity.json'));
    if (own === null) throw new Error('init wrote no identity');
    const { nextDaemonKey: _, ...rest } = own;
    writeIdentity(copy, { ...rest, daemonKey: publicKeyOfWord(at(after, 'key')) });
    const lost = await postroom('whoami', '--json', '--identity', copy);
    expect([lost.code, at(lost.json, 'error', 'details', 'reason')]).toEqual([6, 'daemon-key']);
    expect((await postroom('identity', 'trust', 'nonsense', '--identity', copy)).code).toBe(2);
    const trusted = await postroom('identity', 'trust', at(stolen, 'key'), '--identity', copy);
    expect(trusted.out).toContain(at(stolen, 'fingerprint'));
    expect((await postroom('whoami', '--identity', copy)).code).toBe(0);
    chmodSync(copy, 0o640);
    for (const words of [['whoami'], ['identity', 'show'], ['identity', 'trust', at(stolen, 'key')], ['panel']])
      expect((await postroom(...words, '--identity', copy)).err).toContain('chmod 600');
  } finally {
    await postroom('daemon', 'stop');
  }
});
