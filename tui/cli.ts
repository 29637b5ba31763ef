/** One NOUN VERB per process: the second door to the daemon, for scripts and for hands that know what they want. */

import { version } from '../protocol/version.ts';
import { auditCommands } from './cli/audit.ts';
import { daemonCommands } from './cli/daemon.ts';
import { doctorCommand } from './cli/doctor.ts';
import { identityCommands } from './cli/identity.ts';
import { mailCommands } from './cli/mail.ts';
import { mailboxCommands } from './cli/mailboxes.ts';
import { peopleCommands } from './cli/people.ts';
import { type CommandGroup, type CommandRow, runCommand } from './cli/program.ts';
import { roleCommands } from './cli/roles.ts';
import { searchCommands } from './cli/search.ts';
import { openSession } from './cli/session.ts';
import { timelineCommands } from './cli/timeline.ts';

/** Commands of other programs (see bin/postroom.mjs); here so that help names them. */
const elsewhere = (usage: string, doc: string, options: CommandRow['options'] = []): CommandRow => ({
  usage,
  doc,
  options,
  run: () => Promise.reject(new Error(`${usage} belongs to another program`)),
});

const groups: readonly CommandGroup[] = [
  {
    heading: 'Run:',
    nouns: { daemon: 'run, start, stop, or ask after the daemon' },
    rows: [
      elsewhere('init', 'make a home: configuration, daemon key, the first person', [
        ['--name <organisation>', 'what the daemon calls itself'],
        ['--admin <name>', 'the first person (default: your user name)'],
        ['--email <address>', 'their own address'],
      ]),
      elsewhere('daemon run', 'run the daemon in the foreground'),
      elsewhere(
        'daemon key [verb]',
        'its key, for whoever runs it: show (the default), announce a new one, switch to that (the daemon must be stopped)',
        [['--unannounced', 'with switch: a new key at once, for one that was stolen; nobody follows by themselves']],
      ),
      ...daemonCommands,
      doctorCommand,
      elsewhere('demo', 'a complete demo team in a directory of its own', [['--fresh', 'start over']]),
    ],
  },
  {
    heading: 'People and rights:',
    nouns: {
      person: 'people: invitations, operations',
      role: 'named sets of people',
      'role member': 'who is in a role',
      key: "people's keys",
      identity: 'who you are here, and the daemon you trust',
      invitation: 'those that are open',
      grant: 'who may do what on a mailbox',
    },
    rows: [...peopleCommands, ...roleCommands, ...identityCommands],
  },
  {
    heading: 'Mailboxes:',
    nouns: { mailbox: 'add, set up, share, remove', 'mailbox address': 'further addresses' },
    rows: mailboxCommands,
  },
  { heading: 'Mail:', nouns: { outbox: 'mail on its way out' }, rows: [...mailCommands, ...searchCommands] },
  { heading: 'What happened:', nouns: {}, rows: [...timelineCommands, ...auditCommands] },
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
  groups,
  process.argv.slice(2),
  { out: write(process.stdout), err: write(process.stderr) },
  { version, makeSession: openSession },
);
