#!/usr/bin/env node
/*
 * The whole of every npm script: `node scripts/run.mjs NAME [ARGUMENT...]`. It runs on whatever Node the machine has, with
 * nothing installed, and brings the checkout to where the real program can run: packages, and with them Node 24; then the
 * bundles. From there on everything runs by the explicit path of that Node. (The PATH of npm scripts is not enough: it is
 * read before the packages are there. NODE_ENV=production would leave the compilers out.)
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, readFile, rm, writeFile } from 'node:fs/promises';
import { constants as os } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acquire } from './lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...names) => join(root, ...names);
const node = at('node_modules', 'node', 'bin', 'node');
const say = (text) => process.stderr.write(`postroom: ${text}\n`);

/** What each name does once the packages are there. `turn`: two of them at once in one checkout take turns. */
const jobs = {
  build: { build: true },
  check: { run: 'scripts/check.mjs' },
  test: { run: 'scripts/test.mjs', turn: true }, // builds too, and counts a build that fails
  demo: { build: true, run: 'dist/demo.js' },
  start: { build: true, run: 'bin/postroom.mjs' },
  screens: { build: true, run: 'scripts/screenshots.ts', turn: true },
  bench: { build: true, run: 'bench/main.ts', turn: true },
};

async function main([name = '', ...args]) {
  const job = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
  if (!job) {
    say(`there is no "${name}" here; one of: ${Object.keys(jobs).join(', ')}`);
    return 2;
  }
  await locked('packages', install);
  if (job.build) {
    const code = await child(node, [at('scripts', 'build.mjs')]);
    if (code !== 0 || !job.run) return code;
  }
  const run = () => child(node, [at(job.run), ...args]);
  return job.turn ? locked(name, run) : run();
}

async function locked(what, action) {
  const lock = await acquire(at('.postroom', 'lock', what), say);
  try {
    return await action();
  } finally {
    await lock.release();
  }
}

/** `npm ci`, unless the packages are those of this lockfile. The stamp is written last: an install that was cut off begins again. */
async function install() {
  const stamp = at('node_modules', '.postroom-packages');
  const wanted = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const file of ['package-lock.json', 'package.json']) wanted.update(await readFile(at(file)));
  const hash = wanted.digest('hex');
  if ((await readFile(stamp, 'utf8').catch(absent)) === hash) return;

  say('installing packages (npm ci), once');
  await rm(stamp, { force: true });
  const npm = basename(process.env.npm_execpath ?? '') === 'npm-cli.js' ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const options = ['--include=dev', '--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error'];
  const code = await child(npm[0], [...npm.slice(1), 'ci', ...options], { stdout: process.stderr });
  if (code !== 0) throw new Failure('npm ci failed: see above. Postroom needs the npm registry for its first start.', code);
  await access(node, constants.X_OK).catch((cause) => {
    throw new Failure(`npm ci ended well but ${node} is not there: was the install script of the package "node" forbidden?`, 1, { cause });
  });
  await writeFile(stamp, hash);
}

/** Runs a program to its end, with our terminal, and answers with its exit code. */
function child(command, args, { stdout = 'inherit' } = {}) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  const running = spawn(command, args, { cwd: root, env, stdio: ['inherit', stdout, 'inherit'] });
  // A terminal sends its signals to every process of the group; only those that are sent to this one alone are passed on.
  const pass = (signal) => running.kill(signal);
  const ignore = () => {};
  process.on('SIGTERM', pass).on('SIGHUP', pass).on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    running.on('error', reject);
    running.on('exit', (code, signal) => {
      process.off('SIGTERM', pass).off('SIGHUP', pass).off('SIGINT', ignore);
      resolve(code ?? 128 + os.signals[signal]);
    });
  });
}

class Failure extends Error {
  constructor(message, code, options) {
    super(message, options);
    this.code = code;
  }
}

function absent(error) {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Failure ? error.message : (error.stack ?? error));
  process.exitCode = error instanceof Failure ? error.code : 1;
}
