/** The daemon's program: `init`, and `daemon run` in the foreground. */
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { PostroomError } from '../protocol/errors.ts';
import { places } from '../protocol/places.ts';
import { safeBlock } from '../protocol/text.ts';
import { startDaemon } from './daemon.ts';
import { makeHome } from './home.ts';

process.umask(0o077);
// Without a handler of ours the signal opens Node's inspector to every account of this machine.
process.on('SIGUSR1', () => undefined);

const usage = `Usage:
  postroom init [--name ORG] [--admin NAME] [--email ADDR] [--home DIR] [--json]
  postroom daemon run [--home DIR]`;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        home: { type: 'string' },
        name: { type: 'string' },
        admin: { type: 'string' },
        email: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new PostroomError('invalid', `${(error as Error).message}\n${usage}`, {}, { cause: error });
  }
}

async function init(values: ReturnType<typeof parse>['values']): Promise<void> {
  const made = await makeHome(
    places(values.home),
    { organisation: values.name ?? 'Postroom', admin: values.admin ?? userInfo().username, email: values.email ?? null },
    Date.now(),
  );
  if (values.json) return void process.stdout.write(`${JSON.stringify(made)}\n`);
  process.stdout.write(
    `The home is made, and ${made.person} is its first person.\n\n` +
      `  configuration     ${made.config}\n  identity          ${made.identity}\n  your key          ${made.fingerprint}\n  the daemon's key  ${made.daemonFingerprint}\n\n` +
      'Start the daemon and open the screen with: postroom\n',
  );
}

async function run(values: ReturnType<typeof parse>['values']): Promise<void> {
  if (process.execArgv.some((argument) => argument.startsWith('--inspect'))) {
    throw new PostroomError('invalid', 'The daemon holds passwords and does not run under an inspector.');
  }
  const daemon = await startDaemon(places(values.home));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void daemon.stop());
  process.stdout.write(`postroom: the daemon runs (pid ${process.pid}) at ${daemon.endpoints.join(' ')}\n`);
  await daemon.stopped;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const command = positionals.join(' ');
  if (values.help) return void process.stdout.write(`${usage}\n`);
  if (command === 'init') return init(values);
  if (command === 'daemon run') return run(values);
  throw new PostroomError('invalid', usage);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof PostroomError;
  if (process.argv.includes('--json')) {
    const { code, message, details } = known ? error : { code: 'internal', message: String(error), details: {} };
    process.stdout.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  } else {
    process.stderr.write(
      `postroom: ${safeBlock(known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
    );
  }
  process.exitCode = known ? ({ invalid: 2, conflict: 5 }[error.code as string] ?? 1) : 1;
}
