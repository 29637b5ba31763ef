import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What `npm run check` checks; in `npm test` each counts as one test. */
export const checks = [
  { name: 'format and lint', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '-p', '.'] },
];

/** Runs one script with this Node and our terminal; its exit code, or 1 for a signal. */
export function run([script, ...args], { env = process.env, signal } = {}) {
  const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, env, stdio: 'inherit', signal, killSignal: 'SIGKILL' });
  const pass = (name) => child.kill(name);
  const ignore = () => {};
  process.on('SIGTERM', pass).on('SIGHUP', pass).on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => (error.name === 'AbortError' ? undefined : reject(error)));
    child.on('close', (code) => {
      process.off('SIGTERM', pass).off('SIGHUP', pass).off('SIGINT', ignore);
      resolve(code ?? 1);
    });
  });
}
