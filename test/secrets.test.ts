import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { credentialName, openSecrets, Secret, type SecretCommand } from '../daemon/directory/secrets.ts';
import { PostroomError } from '../protocol/errors.ts';
import { tempDir } from './support/tempdir.ts';

const canary = 'c4nary-Passw0rd-ß';

async function home(commands: Record<string, SecretCommand> = {}) {
  const dir = await tempDir();
  const options = { folder: join(dir.path, 'secrets'), keyFile: join(dir.path, 'keys', 'secrets.key'), commands };
  return { options, store: await openSecrets(options), [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

async function failure(run: () => Promise<unknown>): Promise<PostroomError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof PostroomError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a secret shows itself to nobody who does not ask for it', () => {
  const secret = new Secret(canary);
  const seen = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    Object.keys(secret),
  ];
  expect(JSON.stringify(seen)).not.toContain(canary);
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  expect([secret.reveal(), secret.use((value) => value.length)]).toEqual([canary, canary.length]);
});

describe('sealed', () => {
  test('it comes back, is in no file in clear, and every file is private whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await using made = await home();
      const { options, store } = made;
      const ref = await store.seal(new Secret(canary));
      expect((await store.open(ref)).reveal()).toBe(canary);
      expect((await (await openSecrets(options)).open(ref)).reveal()).toBe(canary);
      const file = join(options.folder, `${ref.id}.json`);
      expect(await readFile(file, 'utf8')).not.toContain(canary);
      for (const path of [file, options.keyFile]) expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(options.folder)).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(umask);
    }
  });

  test('changed, or under another id, it does not open', async () => {
    await using made = await home();
    const { options, store } = made;
    const [one, two] = [await store.seal(new Secret(canary)), await store.seal(new Secret('other'))];
    const path = (id: string) => join(options.folder, `${id}.json`);
    const text = await readFile(path(two.id), 'utf8');
    await rename(path(one.id), path(two.id));
    expect((await failure(() => store.open(two))).code).toBe('invalid');
    const sealed = JSON.parse(text);
    await writeFile(path(two.id), JSON.stringify({ ...sealed, tag: sealed.tag.replace(/^./, (c: string) => (c === 'A' ? 'B' : 'A')) }));
    expect((await failure(() => store.open(two))).message).toContain('Enter it again');
    expect((await failure(() => store.open(one))).message).toContain('missing');
    expect((await failure(() => store.open(null))).code).toBe('invalid');
  });

  test('what the directory names no more is swept', async () => {
    await using made = await home();
    const { options, store } = made;
    const [kept, gone, forgotten] = [
      await store.seal(new Secret('a')),
      await store.seal(new Secret('b')),
      await store.seal(new Secret('c')),
    ];
    await store.forget(forgotten);
    await store.sweep([kept, null, { kind: 'command', name: 'x' }]);
    expect(await readdir(options.folder)).toEqual([`${kept.id}.json`]);
    expect((await failure(() => store.open(gone))).code).toBe('invalid');
  });
});

describe('the key', () => {
  test('gone, damaged or open to others it stops the daemon', async () => {
    await using made = await home();
    const { options, store } = made;
    await store.seal(new Secret(canary));
    const key = await readFile(options.keyFile);
    await chmod(options.keyFile, 0o644);
    expect((await failure(() => openSecrets(options))).message).toContain('chmod 600');
    await chmod(options.keyFile, 0o600);
    await writeFile(options.keyFile, 'short');
    expect((await failure(() => openSecrets(options))).code).toBe('unavailable');
    await rm(options.keyFile);
    expect((await failure(() => openSecrets(options))).message).toContain('1 sealed passwords need it');
    await writeFile(options.keyFile, key, { mode: 0o600 });
    await openSecrets(options);
  });

  test('comes from systemd when it gives one', async () => {
    await using credentials = await tempDir();
    await writeFile(join(credentials.path, credentialName), Buffer.alloc(32, 7).toString('base64'), { mode: 0o440 });
    await using made = await home();
    const options = {
      ...made.options,
      folder: `${made.options.folder}2`,
      keyFile: `${made.options.keyFile}2`,
      credentials: credentials.path,
    };
    const store = await openSecrets(options);
    expect((await store.open(await store.seal(new Secret(canary)))).reveal()).toBe(canary);
    expect((await failure(async () => openSecrets({ ...options, credentials: undefined }))).code).toBe('unavailable');
  });
});

describe('a command', () => {
  const commands = {
    good: { run: ['/bin/echo', canary, '$HOME; `id`'] },
    lines: { run: ['/usr/bin/printf', '%s\\nuser: x\\n', canary] },
    fails: { run: ['/bin/sh', '-c', `echo ${canary}; echo ${canary} >&2; exit 3`] },
    slow: { run: ['/bin/sleep', '600'], timeoutMs: 300 },
    silent: { run: ['/bin/true'] },
    much: { run: ['/bin/sh', '-c', 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done'] },
    none: { run: ['/nonexistent/program'] },
    relative: { run: ['echo', 'x'] },
  };

  test('gives its first line, and no shell sees its arguments', async () => {
    await using made = await home(commands);
    const open = async (name: string) => (await made.store.open({ kind: 'command', name })).reveal();
    expect(await open('good')).toBe(`${canary} $HOME; \`id\``);
    expect(await open('lines')).toBe(canary);
  });

  test('sees nothing of the environment of the daemon', async () => {
    process.env.POSTROOM_CANARY = canary;
    const all = { ...commands, all: { run: ['/bin/sh', '-c', 'env | tr "\\n" " "'] } };
    try {
      await using made = await home(all);
      const env = (await made.store.open({ kind: 'command', name: 'all' })).reveal();
      expect(env).toContain('HOME=');
      expect(env).not.toContain('POSTROOM_CANARY');
    } finally {
      delete process.env.POSTROOM_CANARY;
    }
  });

  test.each([
    ['fails', 'unavailable', 'ended with code 3'],
    ['slow', 'unavailable', 'within 0.3 s'],
    ['silent', 'unavailable', 'printed nothing'],
    ['much', 'unavailable', 'too much'],
    ['none', 'unavailable', 'ENOENT'],
    ['relative', 'invalid', 'absolute path'],
    ['unknown', 'invalid', 'no secret command unknown'],
    ['__proto__', 'invalid', 'no secret command'],
  ])('%s: %s', async (name, code, words) => {
    await using made = await home(commands);
    const error = await failure(() => made.store.open({ kind: 'command', name }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(canary);
  });

  test('and all that it started end with its time', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'pid');
    await using made = await home({ slow: { run: ['/bin/sh', '-c', `sleep 600 & echo $! > ${file}; wait`], timeoutMs: 500 } });
    expect((await failure(() => made.store.open({ kind: 'command', name: 'slow' }))).message).toContain('within 0.5 s');
    const pid = (await readFile(file, 'utf8')).trim();
    const running = () =>
      readFile(`/proc/${pid}/stat`, 'utf8').then(
        (line) => !/^\d+ \(.*\) [ZX] /.test(line),
        () => false,
      );
    await expect.poll(running).toBe(false);
  });
});
