/**
 * Three operating-system accounts on one host: the daemon listens in a directory that a group may enter. Only root can become somebody
 * else, and others must be able to read this checkout: where that is not so the test is skipped, and its name says why.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { at, cli, type RunOptions } from '../support/cli.ts';
import { Invited, Whoami } from '../support/cli-contract.ts';
import { tempDir } from '../support/tempdir.ts';

const run = promisify(execFile);
const nobody = { uid: 65_534, gid: 65_534, groups: [65_534] };
const canBecomeOthers = process.getuid?.() === 0 && (await cli('/', { account: nobody }, [])('--version')).code === 0;
const group = 'postroom-test';

/** Accounts of these tests alone, made once and left for the next run; two runs may make them at the same moment. */
async function account(name: string, inGroup: boolean): Promise<Required<RunOptions>['account']> {
  const known = async (): Promise<string> => (await run('getent', ['passwd', name])).stdout;
  const entry = await known().catch(async () => {
    await run('/usr/sbin/useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', name]).catch(known);
    return known();
  });
  const [uid = Number.NaN, gid = Number.NaN] = entry.split(':').slice(2, 4).map(Number);
  return { uid, gid, groups: inGroup ? [gid, await groupNumber()] : [gid] };
}

async function groupNumber(): Promise<number> {
  const known = async (): Promise<string> => (await run('getent', ['group', group])).stdout;
  const entry = await known().catch(async () => {
    await run('/usr/sbin/groupadd', ['--system', group]).catch(known);
    return known();
  });
  return Number(entry.split(':')[2]);
}

test.skipIf(!canBecomeOthers)(
  'a group directory lets its group in and nobody else [needs root, and a checkout that everybody may read]',
  async () => {
    const [owner, member, stranger] = await Promise.all([
      account('postroom-test-a', true),
      account('postroom-test-b', true),
      account('postroom-test-c', false),
    ]);
    await using directory = await tempDir(0o711);
    const place = async (name: string, of: typeof owner, mode = 0o700): Promise<string> => {
      const path = join(directory.path, name);
      await mkdir(path);
      await chown(path, of.uid, of.gid);
      await chmod(path, mode);
      return path;
    };
    const [home, membersHome, strangersHome] = await Promise.all([place('a', owner), place('b', member), place('c', stranger)]);
    // As the daemon's own words tell an administrator to make it: owned by its account, handed to the group.
    const shared = await place('run', { ...owner, gid: await groupNumber() }, 0o2750);

    const eva = cli(home, { account: owner });
    expect((await eva('init', '--admin', 'eva')).err).toBe('');
    await writeFile(
      join(home, 'config.json'),
      JSON.stringify({ listen: { ipc: { directory: shared, group } }, hosted: { smtp: { port: 0 } } }),
    );
    expect((await eva('daemon', 'start')).err).toBe('');
    try {
      const socket = await stat(join(shared, 'daemon.sock'));
      expect({ mode: socket.mode & 0o777, gid: socket.gid }).toEqual({ mode: 0o660, gid: await groupNumber() });

      const added = await eva('person', 'add', 'ben', '--json');
      expect(added.err).toContain('in the group');
      const { invitation } = Invited.parse(added.json);
      const outside = cli(strangersHome, { account: stranger });
      const ben = cli(membersHome, { account: member });
      const [refused, joined] = await Promise.all([outside('join', invitation, '--json'), ben('join', invitation, '--json')]);
      expect([refused.code, at(refused.json, 'error', 'code')]).toEqual([6, 'unavailable']);
      expect(joined.json).toMatchObject({ person: { name: 'ben' }, identity: join(membersHome, 'identity.json') });
      expect(JSON.parse(await readFile(join(membersHome, 'identity.json'), 'utf8'))).toMatchObject({
        endpoint: `ipc://${join(shared, 'daemon.sock')}`,
      });
      expect((await stat(join(membersHome, 'identity.json'))).uid).toBe(member.uid);

      const [his, hers] = await Promise.all([ben('whoami', '--json'), eva('whoami', '--json')]);
      expect([Whoami.parse(his.json).person.name, Whoami.parse(hers.json).person.name]).toEqual(['ben', 'eva']);
      expect((await ben('person', 'add', 'kim')).code).toBe(3);
      // The home itself stays the owner's.
      expect((await cli(home, { account: member })('whoami')).code).toBe(2);
    } finally {
      await eva('daemon', 'stop');
    }
  },
);
