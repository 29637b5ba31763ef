import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { table } from './support/table.ts';
import { tempDir } from './support/tempdir.ts';

const root = join(import.meta.dirname, '..');

/** Runs the bin of a checkout at `directory`, and answers with what it printed, both streams together. */
async function postroom(directory: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; said: string }>();
  execFile(process.execPath, [join(directory, 'bin/postroom.mjs'), ...args], (error, stdout, stderr) => {
    resolve({ code: Number(error?.code ?? 0), said: (stdout + stderr).trim() });
  });
  return promise;
}

async function checkout() {
  const dir = await tempDir();
  await mkdir(join(dir.path, 'bin'));
  await copyFile(join(root, 'bin/postroom.mjs'), join(dir.path, 'bin/postroom.mjs'));
  return dir;
}

const doors = table<{ words: string; bundle: string }>(`
  words                            bundle
  -                                tui
  --home /h                        tui
  --connect tcp://h:1 --plain      tui
  init --name Acme                 daemon
  --home /h daemon run             daemon
  daemon start                     cli
  demo --as kim                    demo
  panel --json                     cli
  --home=/h whoami                 cli
  --help                           cli
  --version                        cli
`);
test.each(doors)('postroom $words opens $bundle', async ({ words, bundle }) => {
  await using dir = await checkout();
  await mkdir(join(dir.path, 'dist'));
  for (const name of ['tui', 'cli', 'daemon', 'demo']) {
    await writeFile(join(dir.path, `dist/${name}.js`), `console.log('${name}', ...process.argv.slice(2));`);
  }
  const args = words.split(' ').filter(Boolean);
  const passed = bundle === 'demo' ? args.filter((word) => word !== 'demo') : args;
  expect(await postroom(dir.path, args)).toEqual({ code: 0, said: [bundle, ...passed].join(' ') });
});

test('the bin says what is missing', async () => {
  await using dir = await checkout();
  const { code, said } = await postroom(dir.path, ['panel']);
  expect(code).toBe(1);
  expect(said).toContain('npm run build');
});

test('the bin leaves an exit code as it is', async () => {
  await using dir = await checkout();
  await mkdir(join(dir.path, 'dist'));
  await writeFile(join(dir.path, 'dist/cli.js'), 'process.exitCode = 5;');
  expect((await postroom(dir.path, ['panel'])).code).toBe(5);
});

/** A process that takes the lock, says `in`, and gives it back when its standard input ends. */
function holder(directory: string): ChildProcess & { said: () => Promise<string> } {
  const lock = JSON.stringify(join(root, 'scripts/lock.mjs'));
  const program = `
    import { acquire } from ${lock};
    const lock = await acquire(${JSON.stringify(directory)}, (text) => console.log(text));
    console.log('in');
    for await (const _ of process.stdin);
    await lock.release();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false });
  return Object.assign(child, { said: async () => String((await lines.next()).value).trim() });
}

test('a second process waits for the lock, says so, and gets it', async () => {
  await using dir = await tempDir();
  const first = holder(dir.path);
  expect(await first.said()).toBe('in');
  const second = holder(dir.path);
  expect(await second.said()).toContain(`another process (${first.pid})`);
  first.stdin?.end();
  expect(await second.said()).toBe('in');
  second.stdin?.end();
  await once(second, 'exit');
  expect(await readdir(dir.path)).toEqual([]);
});

test('the lock of a process that was killed is free', async () => {
  await using dir = await tempDir();
  const first = holder(dir.path);
  await first.said();
  first.kill('SIGKILL');
  await once(first, 'exit');
  const second = holder(dir.path);
  expect(await second.said()).toBe('in');
  second.stdin?.end();
  await once(second, 'exit');
});

test('two launchers at once install the packages once, and again when the lockfile changes', async () => {
  await using dir = await checkout();
  const at = (...names: string[]) => join(dir.path, ...names);
  // An npm that is slow, counts its calls, and brings the Node that runs this test.
  await writeFile(
    at('npm'),
    `#!/bin/sh\necho "$@" >> ${at('calls')}\nmkdir -p node_modules/node/bin && ln -sf ${process.execPath} node_modules/node/bin/node\n`,
  );
  await chmod(at('npm'), 0o755);
  await mkdir(at('scripts'));
  for (const name of ['run.mjs', 'lock.mjs']) await copyFile(join(root, 'scripts', name), at('scripts', name));
  await writeFile(at('scripts/check.mjs'), "console.log('checked', process.argv[1]);");
  for (const name of ['package.json', 'package-lock.json']) await writeFile(at(name), '{}');

  const env = { PATH: `${dir.path}:/usr/bin:/bin`, NODE_ENV: 'production' };
  const launch = () => spawn(process.execPath, [at('scripts/run.mjs'), 'check'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const said = await Promise.all([launch(), launch()].map((child) => text(child.stdout)));
  for (const one of said) expect(one).toBe(`checked ${at('scripts/check.mjs')}\n`);
  expect(await readFile(at('calls'), 'utf8')).toMatch(/^ci --include=dev [^\n]*\n$/);

  await writeFile(at('package-lock.json'), '{"changed": true}');
  await text(launch().stdout);
  expect((await readFile(at('calls'), 'utf8')).split('\n')).toHaveLength(3);
});
