/** One NOUN VERB per process: the second door to the daemon, for scripts and for hands that know what they want. */
import { daemonCommands } from './cli/daemon.ts';
import { mailCommands } from './cli/mail.ts';
import { mailboxCommands } from './cli/mailboxes.ts';
import { peopleCommands } from './cli/people.ts';
import { type CommandRow, runCommand } from './cli/program.ts';
import { searchCommands } from './cli/search.ts';
import { openSession } from './cli/session.ts';

/** Rows of commands that another program runs (see bin/postroom.mjs); here so that help names them. */
const elsewhere: readonly CommandRow[] = [
  ['init', 'make a home: configuration, daemon key, the first person'],
  ['daemon run', 'run the daemon in the foreground'],
  ['demo', 'a complete demo team in a directory of its own'],
].map(([usage = '', doc = '']) => ({
  usage,
  doc,
  run: () => {
    throw new Error(`${usage} belongs to another program`);
  },
}));

export const commandRows: readonly CommandRow[] = [
  ...elsewhere,
  ...daemonCommands,
  ...peopleCommands,
  ...mailboxCommands,
  ...mailCommands,
  ...searchCommands,
];

const write = (stream: NodeJS.WriteStream) => (text: string) => {
  stream.write(text);
};

// A reader that went away (`postroom panel | head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommand(
  commandRows,
  process.argv.slice(2),
  { out: write(process.stdout), err: write(process.stderr) },
  openSession,
);
