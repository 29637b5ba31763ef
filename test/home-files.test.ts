/** The files of a home: each stands in one table, and a daemon does not start on one that is open to others, a link, or somebody else's. */
import { lstatSync } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { homeFiles, refuseUnsafeHome } from '../daemon/home-files.ts';
import { cli } from './support/cli.ts';
import { startPostroom } from './support/postroom.ts';
import { tempDir } from './support/tempdir.ts';

test('a start refuses each of them when it is open, a link, something else, or of another account', async () => {
  await using postroom = await startPostroom();
  const { places, home } = postroom;
  const support = await postroom.mailbox('support');
  await postroom.deliver(support, {});
  await writeFile(join(home, 'secrets', 's_1.json'), '{}', { mode: 0o600 });

  // What a daemon makes is in the table; of many alike their folder is.
  const table = new Map(homeFiles(places).map((one) => [one.path, one]));
  const made = (await readdir(home, { recursive: true })).map((name) => join(home, name));
  const others = made.filter((path) => !table.has(path)).map((path) => relative(home, path));
  expect(others.filter((name) => !/^(packs\/|run\/daemon\.sock$)/.test(name))).toEqual([]);

  await postroom.stopDaemon();
  refuseUnsafeHome(places);
  const there = [...table.values()].filter(({ path }) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  expect(there.length).toBeGreaterThan(14);
  for (const { path, kind } of there) {
    const refused = (why: RegExp) => {
      expect(() => refuseUnsafeHome(places)).toThrow(why);
      expect(() => refuseUnsafeHome(places)).toThrow(path);
    };
    const mode = kind === 'folder' ? 0o700 : 0o600;
    for (const open of [mode | 0o040, mode | 0o004, mode | 0o020]) {
      await chmod(path, open);
      refused(/can be (opened|entered) by others/);
    }
    await chmod(path, mode);
    if (process.getuid?.() === 0) {
      await chown(path, 65_534, 65_534);
      refused(/belongs to user 65534/);
      await chown(path, 0, 0);
    }
    await rename(path, `${path}.moved`);
    await symlink(`${path}.moved`, path);
    refused(/is a link to .*\.moved\. Put the (file|folder) itself there/);
    await rm(path);
    await symlink('/nonexistent', path);
    refused(/is a link\./);
    await rm(path);
    if (kind === 'file') await mkdir(path, { mode: 0o700 });
    else await writeFile(path, '', { mode: 0o600 });
    refused(/is no plain/);
    await rm(path, { recursive: true });
    await rename(`${path}.moved`, path);
  }
  refuseUnsafeHome(places);
});

test('the program: an open folder of passwords is no start; a damaged mail.db names the way back', async () => {
  await using directory = await tempDir();
  const home = join(directory.path, 'home');
  const postroom = cli(home);
  await postroom('init', '--admin', 'eva');
  await postroom('daemon', 'start');
  await postroom('daemon', 'stop');
  await chmod(join(home, 'secrets'), 0o750);
  const open_ = await postroom('daemon', 'run');
  expect([open_.code, open_.err]).toEqual([2, expect.stringContaining(`chmod 700 ${join(home, 'secrets')}`)]);
  await chmod(join(home, 'secrets'), 0o700);

  const sound = join(directory.path, 'sound.db');
  await rename(join(home, 'mail.db'), sound);
  const { size } = lstatSync(sound);
  const damages: [name: string, at: number, octets: number][] = [
    ['its head', 0, 64],
    ['pages in the middle', 4_096, Math.min(60_000, size - 4_096)],
  ];
  for (const [name, at, octets] of damages) {
    const file = await open(join(home, 'mail.db'), 'wx', 0o600);
    await file.writeFile(await (await open(sound)).readFile());
    await file.write(Buffer.alloc(octets, 'x'), 0, octets, at);
    await file.close();
    const started = await postroom('daemon', 'run');
    expect([name, started.code, started.err]).toEqual([name, 1, expect.stringMatching(/mail\.db\) is damaged.*postroom doctor/)]);
    const told = await postroom('doctor');
    expect([name, told.code, told.out]).toEqual([name, 1, expect.stringMatching(/mail\.db.*(malformed|not a database).*backup.*docs/)]);
    await rm(join(home, 'mail.db'));
  }
  await rename(sound, join(home, 'mail.db'));
  expect((await postroom('daemon', 'start')).code).toBe(0);
  expect((await postroom('daemon', 'stop')).code).toBe(0);
});
