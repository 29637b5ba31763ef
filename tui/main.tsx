/**
 * The program of the screens: `postroom` without a command. The bundle is made with NODE_ENV `production` built in (scripts/build.mjs):
 * React's development half keeps every render for ever. No import is dynamic: Ink's layout engine awaits at its top level, and bundled
 * modules that import each other in a circle would then wait for each other.
 */
import { parseArgs } from 'node:util';
import { type Identity, readIdentity } from '../protocol/keys.ts';
import { places } from '../protocol/places.ts';
import { safeBlock } from '../protocol/text.ts';
import { runApp } from './app.tsx';
import { hasHome, runningPid } from './daemon-process.ts';
import { runWelcome } from './welcome.tsx';

type Options = { readonly home: string | undefined; readonly identity: string | undefined; readonly connect: string | undefined };

class Refusal extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

function parse(argv: readonly string[]): Options {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ args: [...argv], options: { home: text, identity: text, connect: text } });
    return { home: values.home, identity: values.identity, connect: values.connect };
  } catch (error) {
    throw new Refusal(
      2,
      `${error instanceof Error ? error.message : String(error)}\nThe screens take --home DIR, --identity FILE, --connect ENDPOINT. "postroom --help" lists the commands.`,
    );
  }
}

async function main(): Promise<void> {
  const options = parse(process.argv.slice(2));
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) {
    throw new Refusal(2, 'The screens need a terminal. Without one use commands: "postroom panel", "postroom --help".');
  }
  const path = options.identity ?? places(options.home).identity;
  let identity: Identity | null;
  try {
    identity = readIdentity(path);
  } catch (error) {
    throw new Refusal(2, error instanceof Error ? error.message : String(error));
  }
  if (identity === null) {
    const begins = options.connect === undefined && !hasHome(options.home);
    identity = await runWelcome({ home: options.home, path, canBegin: begins, endpoint: options.connect });
    if (identity === null) throw new Refusal(7, welcome(path));
  }
  // Only the home's own person, at the home's own daemon: who joined elsewhere starts nothing.
  const own = options.identity === undefined && options.connect === undefined && hasHome(options.home);
  await runApp({
    identity: options.connect === undefined ? identity : { ...identity, endpoint: options.connect },
    identityPath: path,
    home: options.home,
    starts: own && runningPid(options.home) === null,
  });
}

function welcome(path: string): string {
  return `Welcome. There is no identity at ${path} yet. Begin in one of two ways:

  postroom init --name "Our team" --admin anna
      a new Postroom on this machine: makes the home and you its first person; then run postroom again

  postroom join
      into a team that has one: your administrator gives you the invitation (postroom person add NAME)`;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const known = error instanceof Refusal;
  process.stderr.write(
    `postroom: ${safeBlock(known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
  );
  process.exit(known ? error.exitCode : 70);
}
