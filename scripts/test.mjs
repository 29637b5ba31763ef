/*
 * `npm test [-- FILTER...]`: Debian packages, build, checks, then vitest. Whatever happens, the last line is
 * `N passed, M failed`, after the names of those that failed: build and checks count as one test each, and so does everything that
 * keeps tests from running.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDebianPackages } from './debian.mjs';
import { checks, run } from './steps.mjs';

/** On two quiet cores all of it stays under ten minutes; a busy machine may take twice that, a hang becomes a failure. */
const limitMs = 25 * 60 * 1000;
const deadline = AbortSignal.timeout(limitMs);
let passed = 0;
const failures = [];

function step(name, ok) {
  if (ok) passed++;
  else failures.push(name);
  process.stdout.write(`${ok ? 'ok' : 'FAILED'}: ${name}\n`);
}

async function vitest(filters) {
  const directory = await mkdtemp(join(tmpdir(), 'postroom-test-'));
  const tally = join(directory, 'tally.json');
  try {
    const reporters = ['--reporter=default', `--reporter=${new URL('tally.mjs', import.meta.url).pathname}`];
    const code = await run(['node_modules/vitest/vitest.mjs', 'run', '--allowOnly=false', ...reporters, ...filters], {
      env: environment({ POSTROOM_TALLY: tally }),
      signal: deadline,
    });
    const counted = JSON.parse(await readFile(tally, 'utf8').catch(() => '{"passed":0,"failures":[]}'));
    passed += counted.passed;
    failures.push(...counted.failures);
    if (deadline.aborted) step(`the tests end within ${limitMs / 60_000} minutes`, false);
    else if (code !== 0 && counted.failures.length === 0) step('vitest', false); // no test file fits, or it broke down itself
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Without the marks of build machines and of production: Ink draws nothing under CI, React has no tests in production. */
function environment(more) {
  const marks =
    /^(CI|CI_.*|CONTINUOUS_INTEGRATION|NODE_ENV|NO_COLOR|FORCE_COLOR|POSTROOM_(?!(CORPUS|SEED|FAULTS|CHANGES|HOSTILE|SEQUENCES|KILLS|RACES|CANARIES)$).*)$/;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !marks.test(name))), ...more };
}

try {
  await installDebianPackages();
  step('build', (await run(['scripts/build.mjs'])) === 0);
  for (const { name, command } of checks) step(name, (await run(command)) === 0);
  await vitest(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`postroom: ${error.message}\n`);
  failures.push(error.message);
}
if (failures.length > 0) process.stdout.write(`\nFailed:\n${failures.map((name) => `  ${name}\n`).join('')}\n`);
process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
