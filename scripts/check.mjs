/* `npm run check`: formatting, lint and types. `npm run check -- --write` mends what can be mended. */
import { checks, run } from './steps.mjs';

const fix = process.argv.includes('--write');
for (const { name, command } of checks) {
  const failed = (await run(fix && command.includes('check') ? [...command, '--write'] : command)) !== 0;
  process.stderr.write(`postroom: ${name} ${failed ? 'failed' : 'ok'}\n`);
  if (failed) process.exitCode = 1;
}
