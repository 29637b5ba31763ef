/** `postroom demo`: makes a shop with its people and mail when there is none, starts it when it does not run, and opens it as one of them. */
import { parseArgs } from 'node:util';
import type { Client } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { safeBlock } from '../protocol/text.ts';
import type { PersonName } from './content/talk.ts';
import { furnish } from './furnish.ts';
import { discard, generation, identityFile, isMade, make, people, program, reach, rootOf } from './home.ts';

process.umask(0o077);

const handoverMs = 5_000;

const usage = `Usage: postroom demo [--as PERSON] [--fresh] [--home DIR] [--json]

A bookshop's mail, with a real daemon, in a directory of its own.

  --as PERSON   whose eyes: eva owns the mailboxes, ben answers customers, li reads along (default: eva)
  --fresh       starts over: what was changed in the demo is gone
  --home DIR    where it lives (default: postroom-demo among this account's state)
  --json        prints the panel as JSON`;

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        as: { type: 'string', default: 'eva' },
        fresh: { type: 'boolean', default: false },
        home: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const person = people.find((name) => name === values.as);
    if (person === undefined) throw new Error(`Nobody in the demo is called "${values.as}". There are ${people.join(', ')}.`);
    return { ...values, person };
  } catch (error) {
    throw new PostroomError('invalid', `${(error as Error).message}\n\n${usage}`, {}, { cause: error });
  }
}

/** One line that is written over, where there is a terminal; else one line in all. */
function progress(stream: NodeJS.WriteStream): { say: (text: string) => void; end: () => void } {
  let said = false;
  return {
    say: (text) => {
      if (stream.isTTY) stream.write(`\r\x1b[Kpostroom: making the demo: ${text}`);
      else if (!said) stream.write('postroom: making the demo, once\n');
      said = true;
    },
    end: () => {
      if (said && stream.isTTY) stream.write('\r\x1b[K');
    },
  };
}

/** There when this returns, whole, and running; the session keeps it so. */
async function prepare(root: string, person: PersonName, fresh: boolean): Promise<Client> {
  const stopped = new AbortController();
  const abort = (): void => stopped.abort(new PostroomError('unavailable', 'Stopped before the demo was made; nothing of it is left.'));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, abort);
  const { say, end } = progress(process.stderr);
  try {
    if (fresh) await discard(root);
    const step = (text: string): void => {
      stopped.signal.throwIfAborted();
      say(text);
    };
    for (;;) {
      if (!isMade(root)) await make(root, (site) => furnish(site, step), stopped.signal);
      const home = generation(root);
      try {
        return await reach(root, person);
      } catch (error) {
        if (home === generation(root)) throw error; // else somebody's --fresh took it away meanwhile
      }
      stopped.signal.throwIfAborted();
    }
  } finally {
    for (const name of signals) process.off(name, abort);
    end();
  }
}

/** Becomes the screens, or without a terminal the command `panel`: the same programs, in this process, as after `postroom`. */
async function open(root: string, person: PersonName, json: boolean): Promise<void> {
  const screens = process.stdout.isTTY && process.stdin.isTTY && !json;
  const bundle = program(screens ? 'tui' : 'cli');
  const place = ['--home', root, '--identity', identityFile(root, person)];
  process.argv = [process.execPath, bundle, ...(screens ? place : ['panel', ...place, ...(json ? ['--json'] : [])])];
  await import(bundle);
}

try {
  const { person, fresh, home, json, help } = parse(process.argv.slice(2));
  if (help) process.stdout.write(`${usage}\n`);
  else {
    const root = rootOf(home);
    const client = await prepare(root, person, fresh);
    // The daemon ends when it is alone; by now the program below has a session of its own.
    const handover = setTimeout(() => void client.close(), handoverMs);
    try {
      await open(root, person, json);
    } finally {
      clearTimeout(handover);
      await client.close();
    }
  }
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
  process.exitCode = known ? ({ invalid: 2, conflict: 5, unauthenticated: 7 }[error.code as string] ?? 1) : 1;
}
