/**
 * The command line as rows: a command is its path, its arguments, its options, and a function. This file turns rows into commander
 * commands and outcomes into exit codes; no other file knows commander, and none but this decides how a process ends.
 */
import { Command, CommanderError, Option, type OutputConfiguration } from 'commander';
import { type ErrorCode, PostroomError } from '../../protocol/errors.ts';
import { safeBlock, safeJson } from '../../protocol/text.ts';
import type { Session } from './session.ts';

export type Globals = { json: boolean; home: string | undefined; connect: string | undefined; identity: string | undefined };

/** What a connection is made from: who, to where, and where to say what people should know. */
export type Surroundings = Globals & { warn: (text: string) => void };

/** What a command may use: the connection is made when it is first asked for. */
export type Context = Surroundings & {
  session: () => Promise<Session>;
  /** Standard output, for what comes bit by bit. */
  out: (text: string) => void;
};

/** What a command did: `data` is the JSON document, `text` what people read. `failed` is exit 1 although an answer was printed. */
export type Outcome = { data: unknown; text: string; failed?: boolean } | null;

export type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** What help shows together, and what each noun is about. */
export type CommandGroup = { heading: string; nouns: Readonly<Record<string, string>>; rows: readonly CommandRow[] };

export type CommandRow = {
  /** `person add <name>`: nouns and verbs, then arguments as commander writes them. */
  usage: string;
  doc: string;
  options?: readonly (readonly [flags: string, doc: string, kind?: 'list' | readonly string[]])[];
  run: (context: Context, args: readonly string[], options: Values) => Promise<Outcome>;
};

const exitCodes: Record<ErrorCode, number> = {
  internal: 1,
  unavailable: 1,
  'rate-limited': 1,
  invalid: 2,
  forbidden: 3,
  'not-found': 4,
  conflict: 5,
  unauthenticated: 7,
};

/** 6 is for the daemon alone: a mail server that is away is 1. */
export function exitCodeOf(error: PostroomError): number {
  return error.code === 'unavailable' && error.details.daemon === true ? 6 : exitCodes[error.code];
}

export const usageError = (message: string): PostroomError => new PostroomError('invalid', message);

export type Io = { out: (text: string) => void; err: (text: string) => void };

/** Runs one command; the result is the process's exit code. */
export async function runCommand(
  groups: readonly CommandGroup[],
  argv: readonly string[],
  io: Io,
  { version, makeSession }: { version: string; makeSession: (surroundings: Surroundings) => Promise<Session> },
): Promise<number> {
  let code = 0;
  // Known before commander has parsed anything, so that a usage error is a JSON document as well.
  const json = beforeDashes(argv).includes('--json');
  let said = '';
  const output: OutputConfiguration = { writeOut: (words) => (said += words), writeErr: () => undefined };
  const program = newCommand('postroom').description('A workstation for shared mailboxes. Without a command it opens the terminal UI.');
  program.configureOutput(output).version(version, '-V, --version', 'the release');

  for (const { heading, nouns, rows } of groups) {
    for (const row of rows) {
      const words = row.usage.split(' ');
      const firstArgument = words.findIndex((word) => /^[<[]/.test(word));
      const path = firstArgument === -1 ? words : words.slice(0, firstArgument);
      const command = nested(program, path, { ...nouns, [path.join(' ')]: row.doc }, output);
      (path.length === 1 ? command : nested(program, path.slice(0, 1), nouns, output)).helpGroup(heading);
      if (firstArgument !== -1) command.arguments(words.slice(firstArgument).join(' '));
      for (const [flags, doc, kind] of row.options ?? []) {
        const option = new Option(flags, doc);
        if (kind === 'list') option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
        else if (kind !== undefined) option.choices(kind);
        command.addOption(option);
      }
      command.action(async () => {
        const outcome = await runRow(row, command, io, makeSession);
        if (outcome?.failed === true) code = 1;
      });
    }
  }

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      io.out(json ? `${safeJson({ text: said.trimEnd() })}\n` : said); // help or the version was asked for
      return 0;
    }
    const known =
      error instanceof PostroomError
        ? error
        : new PostroomError('internal', error instanceof Error ? error.message : String(error), {}, { cause: error });
    if (json) io.out(`${safeJson(document(known))}\n`);
    else io.err(`postroom: ${safeBlock(known.message)}\n`);
    return exitCodeOf(known);
  }
}

/** Runs a row's function and prints what it did. */
async function runRow(
  row: CommandRow,
  command: Command,
  io: Io,
  makeSession: (surroundings: Surroundings) => Promise<Session>,
): Promise<Outcome> {
  const options = command.optsWithGlobals() as Values;
  const surroundings: Surroundings = {
    json: options.json === true,
    home: text(options.home),
    connect: text(options.connect),
    identity: text(options.identity),
    warn: (message) => io.err(`${safeBlock(message)}\n`),
  };
  const opened: Promise<Session>[] = []; // at most one
  const context: Context = {
    ...surroundings,
    session: () => {
      const session = opened[0] ?? makeSession(surroundings);
      opened[0] = session;
      return session;
    },
    out: io.out,
  };
  try {
    const outcome = await row.run(context, command.args, options);
    if (outcome === null) return null;
    if (surroundings.json) io.out(`${safeJson(outcome.data)}\n`);
    else if (outcome.text !== '') io.out(outcome.text.endsWith('\n') ? outcome.text : `${outcome.text}\n`);
    return outcome;
  } finally {
    // A connection that failed has already been reported by whoever asked for it.
    for (const session of opened) await session.then((one) => one.close()).catch(() => undefined);
  }
}

const document = (error: PostroomError) => ({ error: { code: error.code, message: error.message, details: error.details } });
const text = (value: Values[string]): string | undefined => (typeof value === 'string' ? value : undefined);
const beforeDashes = (argv: readonly string[]): readonly string[] => (argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv);

const everywhere = [
  ['--json', 'one JSON document on standard output, nothing else'],
  ['--home <dir>', 'the home directory (default: $POSTROOM_HOME, else the XDG directories)'],
  ['--connect <endpoint>', 'where the daemon is, instead of what the identity says'],
  ['--identity <file>', 'who I am, instead of the usual identity'],
] as const;

/** They fit before and after the noun; only the first page of help shows them. */
function newCommand(name: string, parent?: Command): Command {
  const command = new Command(name);
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageError(explained(error, command));
  });
  command.configureHelp({
    subcommandTerm: (sub) =>
      [sub.name(), ...sub.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`))].join(' '),
  });
  for (const [flags, doc] of everywhere)
    command.addOption(parent === undefined ? new Option(flags, doc) : new Option(flags, doc).hideHelp());
  return command;
}

/** What does not fit, and where to read what does. */
function explained(error: CommanderError, command: Command): string {
  const path: string[] = [];
  for (let here: Command | null = command; here !== null; here = here.parent) path.unshift(here.name());
  const name = path.join(' ');
  const missingVerb = error.code === 'commander.help';
  const verbs = command.commands.map((one) => one.name()).join(', ');
  const what = missingVerb
    ? `Say what to do with "${name}": ${verbs}`
    : error.message
        .replace(/^error: /, '')
        .replace('\n', ' ')
        .replace(/\.?$/, '');
  return `${what}. See: ${name} --help`;
}

/** The command of this path, its parents made on the way. */
function nested(program: Command, path: readonly string[], docs: Readonly<Record<string, string>>, output: OutputConfiguration): Command {
  let here = program;
  for (const [depth, word] of path.entries()) {
    let next = here.commands.find((command) => command.name() === word);
    if (next === undefined) {
      next = newCommand(word, here)
        .configureOutput(output)
        .description(docs[path.slice(0, depth + 1).join(' ')] ?? '');
      here.addCommand(next);
    }
    here = next;
  }
  return here;
}
