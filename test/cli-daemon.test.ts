/** The home and its daemon as processes: made, started, stopped, killed; what is broken is named, with the way back. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { at, cli, identityFile, start } from './support/cli.ts';
import { Doctor, Failure, Invited, Whoami } from './support/cli-contract.ts';
import { tempDir } from './support/tempdir.ts';

/** A home made by `init`; its daemon is stopped at the end, if one runs. */
async function makeHome(config: Record<string, unknown> = {}) {
  const directory = await tempDir();
  const home = join(directory.path, 'home');
  const postroom = cli(home);
  const made = await postroom('init', '--name', 'Harbour Books', '--admin', 'eva', '--json');
  expect(`${made.code}${made.err}`).toBe('0');
  const file = (name: string): string => join(home, name);
  const write = (name: string, contents: string) => writeFile(file(name), contents, { mode: 0o600 });
  await write('config.json', JSON.stringify({ organisation: 'Harbour Books', hosted: { smtp: { port: 0 } }, ...config }));
  return {
    home,
    postroom,
    made: made.json,
    file,
    write,
    running: async () => (await readdir(file('run'))).filter((name) => name !== 'lock.db'),
    async [Symbol.asyncDispose]() {
      await postroom('daemon', 'stop');
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** `daemon run` in the foreground, up when this resolves. */
async function foreground(home: string, ...more: string[]) {
  const child = start(['daemon', 'run', '--home', home, ...more]);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: said.toString(), ended: once(child, 'close') as Promise<[number | null, string | null]> };
}

test('init makes a home once, closed to others; every command then says where the daemon is missing', async () => {
  await using world = await makeHome();
  const { postroom, home } = world;
  expect(world.made).toMatchObject({ person: 'eva', config: world.file('config.json'), identity: world.file('identity.json') });
  const again = await postroom('init', '--json');
  expect([again.code, at(Failure.parse(again.json), 'error', 'code')]).toEqual([5, 'conflict']);
  const [away, inWords] = await Promise.all([postroom('panel', '--json'), postroom('panel')]);
  expect([away.code, at(Failure.parse(away.json), 'error', 'code')]).toEqual([6, 'unavailable']);
  expect([inWords.code, inWords.err]).toEqual([6, expect.stringContaining('postroom daemon start')]);
  expect((await postroom('daemon', 'stop')).out).toBe('No daemon was running.\n');

  const stranger = cli(join(home, 'nobody'));
  const [nobody, homeless] = await Promise.all([stranger('panel', '--json'), stranger('daemon', 'start')]);
  expect([nobody.code, at(nobody.json, 'error', 'code')]).toEqual([7, 'unauthenticated']);
  expect([homeless.code, homeless.err]).toEqual([2, expect.stringContaining('postroom init')]);
});

test('init uses the XDG directories, takes --identity, and closes an empty directory but no other', async () => {
  await using directory = await tempDir();
  const user = cli(directory.path, {}, []);
  expect((await user('init', '--admin', 'eva', '--identity', join(directory.path, 'keys/eva.json'))).out).toContain(
    'eva is its first person',
  );
  expect(existsSync(join(directory.path, '.config/postroom/config.json'))).toBe(true);
  expect(existsSync(join(directory.path, '.local/share/postroom/grants.json'))).toBe(true);
  expect(existsSync(join(directory.path, 'keys/eva.json'))).toBe(true);

  const empty = join(directory.path, 'empty');
  const full = join(directory.path, 'full');
  for (const folder of [empty, full]) {
    await mkdir(folder);
    await chmod(folder, 0o755);
  }
  await writeFile(join(full, 'photo.jpg'), '');
  const [closed, refused] = await Promise.all([cli(empty)('init'), cli(full)('init')]);
  expect(closed.code).toBe(0);
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining(`chmod 700 ${full}`)]);
  expect(await readdir(full)).toEqual(['photo.jpg']);
});

test('init refuses a first person who does not fit before it makes anything', async () => {
  await using directory = await tempDir();
  const home = join(directory.path, 'home');
  const refused = await Promise.all([
    cli(home)('init', '--email', 'nonsense', '--json'),
    cli(home)('init', '--admin', 'a\u001bb', '--json'),
  ]);
  expect(refused.map(({ code, json }) => [code, at(json, 'error', 'code')])).toEqual([
    [2, 'invalid'],
    [2, 'invalid'],
  ]);
  expect(existsSync(home)).toBe(false);
});

test('daemon start, status, stop; twice at once is one daemon', async () => {
  await using world = await makeHome();
  const { postroom } = world;
  const both = await Promise.all([postroom('daemon', 'start', '--json'), postroom('daemon', 'start', '--json')]);
  expect(both.map((one) => one.code)).toEqual([0, 0]);
  expect(new Set(both.map((one) => at(one.json, 'pid'))).size).toBe(1);
  expect((await postroom('daemon', 'start')).out).toMatch(/^It runs already \(pid \d+\)\.\n$/);
  expect((await postroom('daemon', 'status', '--json')).json).toMatchObject({ pid: Number(at(both[0].json, 'pid')), sessions: 1 });
  expect((await postroom('daemon', 'status')).out).toMatch(/^version .*\npid /);
  expect((await postroom('daemon', 'stop', '--json')).json).toEqual({ stopped: true });
  expect(await world.running()).toEqual([]);
});

test.each(['SIGTERM', 'SIGINT'] as const)('daemon run ends cleanly on %s, and is the only one of its home', async (signal) => {
  await using world = await makeHome();
  const { child, said, ended } = await foreground(world.home, '--json');
  expect(JSON.parse(said)).toEqual({ pid: child.pid, endpoints: [`ipc://${world.file('run/daemon.sock')}`] });
  const second = await world.postroom('daemon', 'run', '--json');
  expect([second.code, at(Failure.parse(second.json), 'error', 'message')]).toEqual([1, expect.stringContaining(`pid ${child.pid}`)]);
  expect((await world.postroom('daemon', 'start')).out).toBe(`It runs already (pid ${child.pid}).\n`);
  child.kill(signal);
  expect(await ended).toEqual([0, null]);
  expect(await world.running()).toEqual([]);
});

test('daemon stop reaches one that runs in the foreground; one that was killed leaves nothing in the way', async () => {
  await using world = await makeHome();
  const first = await foreground(world.home);
  expect((await world.postroom('daemon', 'stop')).out).toBe('The daemon has stopped.\n');
  expect(await first.ended).toEqual([0, null]);

  const second = await foreground(world.home);
  second.child.kill('SIGKILL');
  await second.ended;
  expect(await world.running()).toContain('daemon.pid');
  expect((await world.postroom('daemon', 'stop')).out).toBe('No daemon was running.\n');
  // The number now belongs to somebody else, who must not be stopped.
  await world.write('run/daemon.pid', `${process.pid}\n`);
  expect((await world.postroom('daemon', 'stop')).out).toBe('No daemon was running.\n');
  expect((await world.postroom('daemon', 'start')).code).toBe(0);
  expect((await world.postroom('whoami')).code).toBe(0);
});

test('a daemon that cannot start says why, and how to mend it', async () => {
  await using world = await makeHome();
  const { file, write, postroom } = world;
  await copyFile(file('config.json'), file('config.kept'));
  await copyFile(file('grants.json'), file('grants.kept'));
  const broken: [what: string, code: number, says: string, act: () => Promise<unknown>][] = [
    ['not JSON', 2, 'config.json is not JSON', () => write('config.json', '{ "organ')],
    ['an unknown key', 2, 'organization', () => write('config.json', '{ "organization": "x" }')],
    [
      'a value that does not fit',
      2,
      'listen.tcp.address',
      () => write('config.json', '{ "listen": { "tcp": { "address": "*", "port": 1 } } }'),
    ],
    ['no way in', 2, 'listens nowhere', () => write('config.json', '{ "listen": { "ipc": false } }')],
    ['readable by others', 2, `chmod 600 ${file('config.json')}`, () => chmod(file('config.json'), 0o644)],
    ['missing', 2, 'postroom init', () => rm(file('config.json'))],
    ['broken grants', 1, 'grants.json', () => write('grants.json', '{')],
    ['grants of others', 2, `chmod 600 ${file('grants.json')}`, () => chmod(file('grants.json'), 0o644)],
    ['missing grants', 1, 'from a backup', () => rm(file('grants.json'))],
    ['no daemon key', 1, 'Restore it from a backup', () => rm(file('keys/daemon.json'))],
    ['an open home', 2, `chmod 700 ${world.home}`, () => chmod(world.home, 0o755)],
  ];
  for (const [what, code, says, act] of broken) {
    await chmod(world.home, 0o700);
    for (const name of ['config', 'grants']) {
      await copyFile(file(`${name}.kept`), file(`${name}.json`));
      await chmod(file(`${name}.json`), 0o600);
    }
    await act();
    const ran = await postroom('daemon', 'run');
    expect({ what, code: ran.code, said: ran.err }).toEqual({ what, code, said: expect.stringContaining(says) });
    expect(ran.err).not.toMatch(/^ {4}at /m);
  }
  const started = await postroom('daemon', 'start', '--json'); // the last fault is still there
  expect([started.code, at(Failure.parse(started.json), 'error', 'message')]).toEqual([6, expect.stringContaining('chmod 700')]);
});

test('an identity: private, whole, of a daemon that proves its key', async () => {
  await using world = await makeHome();
  const { postroom, file } = world;
  await postroom('daemon', 'start');
  const { invitation } = Invited.parse((await postroom('person', 'add', 'ben', '--json')).json);
  const ben = postroom.as('ben');
  await ben('join', invitation);
  const identity = identityFile(world.home, 'ben');
  const whole = await readFile(identity, 'utf8');

  await chmod(identity, 0o640);
  expect((await ben('whoami')).err).toContain(`chmod 600 ${identity}`);
  await chmod(identity, 0o600);
  await writeFile(identity, '{}');
  expect((await ben('whoami')).err).toContain('is not an identity file');
  const another = JSON.parse(await readFile(file('identity.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(identity, JSON.stringify({ ...JSON.parse(whole), daemonKey: another.publicKey }));
  const [impostor, nonsense, nowhere] = await Promise.all([
    ben('whoami', '--json'),
    postroom('whoami', '--connect', 'nonsense'),
    postroom('whoami', '--connect', 'ipc:///nowhere/daemon.sock'),
  ]);
  expect([impostor.code, at(impostor.json, 'error', 'message')]).toEqual([6, expect.stringContaining('cannot prove')]);
  expect([nonsense.code, nowhere.code]).toEqual([2, 6]);
  await writeFile(identity, whole);
  expect(Whoami.parse((await ben('whoami', '--json')).json).person.name).toBe('ben');
});

test('a reader that goes away is no failure, and nothing is coloured', async () => {
  await using world = await makeHome();
  await world.postroom('daemon', 'start');
  const child = start(['person', 'list', '--home', world.home], { env: { FORCE_COLOR: '1', TERM: 'xterm-256color' } });
  child.stdout.destroy();
  const said = text(child.stderr);
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(await said).toBe('');
  const coloured = await world.postroom.with({ env: { FORCE_COLOR: '1', TERM: 'xterm-256color' } })('person', 'list');
  expect(coloured.out).toBe('name  status  email\neva   active\n');
});

test('doctor: by the daemon, without it, without a home; exit 1 for errors alone', async () => {
  await using world = await makeHome();
  const doctor = async (postroom = world.postroom, ...args: string[]) => {
    const ran = await postroom('doctor', '--json', ...args);
    const { ok, findings } = Doctor.parse(ran.json);
    expect([ran.code, ran.err]).toEqual([ok ? 0 : 1, '']);
    return findings.filter(({ code }) => code !== 'slow').map(({ level, code }) => `${level} ${code}`);
  };
  expect(await doctor()).toEqual(['warning daemon-stopped']);
  await world.postroom('daemon', 'start');
  expect(await doctor()).toEqual([]);
  await chmod(world.file('grants.json'), 0o644);
  expect(await doctor()).toEqual(['error file-open']);
  const said = await world.postroom('doctor');
  // Beside other work the machine may be slow as well, and is told so after it.
  expect([said.code, said.out]).toEqual([1, expect.stringMatching(/^error {4}.*grants\.json.* -> .*chmod 600 .*\n(info .*\n)?$/)]);
  await chmod(world.file('grants.json'), 0o600);
  // A daemon that is there, and a client that has nothing to show to it: that it does not answer is not said.
  expect(await doctor(world.postroom, '--identity', world.file('nobody.json'))).toEqual(['error not-signed-in']);
  expect(await doctor(world.postroom, '--connect', 'ipc:///nowhere/daemon.sock')).toEqual(['error daemon-away']);
  await world.postroom('daemon', 'stop');
  await world.write('config.json', '{');
  expect(await doctor()).toEqual(['error config', 'warning daemon-stopped']);
  await using empty = await tempDir();
  expect(await doctor(cli(empty.path))).toEqual(['error not-signed-in']);
});

test('a home that cannot be made is refused at once; an empty --home is not the usual one', async () => {
  await using directory = await tempDir();
  const postroom = cli(directory.path, {}, []);
  await writeFile(join(directory.path, 'file'), '');
  for (const home of ['/proc/nope/deeper', join(directory.path, 'file/h'), '']) {
    const made = await postroom('init', '--home', home, '--json');
    expect([home, made.code, Failure.parse(made.json).error.code]).toEqual([home, 2, 'invalid']);
  }
  expect(await readdir(directory.path)).toEqual(['file']);
});

test('over tcp, the invitation reaches from another machine and nobody is warned', async () => {
  const port = await freePort();
  await using world = await makeHome({ listen: { tcp: { address: '127.0.0.1', port } } });
  await world.postroom('daemon', 'start');
  const added = await world.postroom('person', 'add', 'ben', '--json');
  expect(added.err).toBe('');
  await using elsewhere = await tempDir();
  const ben = cli(elsewhere.path, {}, []);
  const joined = await ben('join', Invited.parse(added.json).invitation, '--json');
  const usual = join(elsewhere.path, '.config/postroom/identity.json');
  expect(at(joined.json, 'identity')).toBe(usual);
  expect(JSON.parse(await readFile(usual, 'utf8'))).toMatchObject({ person: 'ben', endpoint: `tcp://127.0.0.1:${port}` });
  expect((await ben('whoami')).out).toContain('Harbour Books');
  // Who joined a daemon elsewhere has none to start.
  const none = await ben('daemon', 'start');
  expect([none.code, none.err]).toEqual([2, expect.stringContaining('no home')]);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
