/** The daemon's program: `init`, and `daemon run` in the foreground. */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PostroomError } from '../protocol/errors.ts';
import { fingerprint, publicKeyWord } from '../protocol/keys.ts';
import { type Places, places } from '../protocol/places.ts';
import { safeBlock, safeJson, safeText } from '../protocol/text.ts';
import { startDaemon } from './daemon.ts';
import { announceDaemonKey, type DaemonKey, readDaemonKey, readNextDaemonKey, switchDaemonKey } from './daemon-key.ts';
import { examineHome } from './doctor/offline.ts';
import { makeHome } from './home.ts';
import { version } from './version.ts';

process.umask(0o077);
// Without a handler of ours the signal opens Node's inspector to every account of this machine.
process.on('SIGUSR1', () => undefined);

const usage = `Usage:
  postroom init [--name ORG] [--admin NAME] [--email ADDR] [--home DIR] [--identity FILE] [--json]
  postroom daemon run [--home DIR] [--json]
  postroom daemon key [show|announce|switch] [--unannounced] [--home DIR] [--identity FILE] [--json]
  postroom doctor [--home DIR] [--identity FILE] [--json]`;

const text = { type: 'string' } as const;
const options = {
  home: text,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  name: text,
  admin: text,
  email: text,
  identity: text,
  unannounced: { type: 'boolean' },
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options });
  } catch (error) {
    throw new PostroomError('invalid', `${(error as Error).message}\n${usage}`, {}, { cause: error });
  }
}
type Given = ReturnType<typeof parse>['values'];

function placesOf({ home, identity }: Given): Places {
  const where = places(home);
  return identity === undefined ? where : { ...where, identity: resolve(identity) };
}

async function init(values: Given): Promise<void> {
  const made = await makeHome(
    placesOf(values),
    { organisation: values.name ?? 'Postroom', admin: values.admin ?? userInfo().username, email: values.email ?? null },
    Date.now(),
  );
  if (values.json) return void process.stdout.write(`${safeJson(made)}\n`);
  process.stdout.write(
    `The home is made, and ${made.person} is its first person.\n\n` +
      `  configuration     ${made.config}\n  identity          ${made.identity}\n  your key          ${made.fingerprint}\n  the daemon's key  ${made.daemonFingerprint}\n\n` +
      'Start the daemon and open the screen with: postroom\n',
  );
}

async function run(values: Given): Promise<void> {
  if (process.execArgv.some((argument) => argument.startsWith('--inspect'))) {
    throw new PostroomError('invalid', 'The daemon holds passwords and does not run under an inspector.');
  }
  const daemon = await startDaemon(places(values.home));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void daemon.stop());
  process.stdout.write(
    values.json
      ? `${safeJson({ pid: process.pid, endpoints: daemon.endpoints })}\n`
      : `postroom: the daemon runs (pid ${process.pid}) at ${daemon.endpoints.join(' ')}\n`,
  );
  await daemon.stopped;
}

/** What people compare, and the word that `identity trust` takes. */
const shownKey = ({ publicKey, announcedAt }: DaemonKey) => ({
  fingerprint: fingerprint(publicKey),
  key: publicKeyWord(publicKey),
  announcedAt: announcedAt ?? null,
});

function printKey(values: Given, key: DaemonKey, next: DaemonKey | null, words: string): void {
  const shown = { ...shownKey(key), next: next === null ? null : shownKey(next) };
  if (values.json) return void process.stdout.write(`${safeJson(shown)}\n`);
  const since = (at: string | null) => (at === null ? '' : `   announced ${at.slice(0, 10)}`);
  const lines = [`the daemon's key   ${shown.fingerprint}   ${shown.key}`];
  if (shown.next !== null) lines.push(`the next key       ${shown.next.fingerprint}   ${shown.next.key}${since(shown.next.announcedAt)}`);
  process.stdout.write(`${lines.join('\n')}\n${words === '' ? '' : `\n${words}\n`}`);
}

async function keyShow(values: Given): Promise<void> {
  const where = placesOf(values);
  printKey(values, await readDaemonKey(where), await readNextDaemonKey(where), '');
}

async function keyAnnounce(values: Given): Promise<void> {
  const where = placesOf(values);
  const next = await announceDaemonKey(where, Date.now());
  printKey(
    values,
    await readDaemonKey(where),
    next,
    'From now on whoever connects hears of the next key and will follow it by themselves. When everybody has:\n' +
      '  postroom daemon stop && postroom daemon key switch && postroom daemon start',
  );
}

async function keySwitch(values: Given): Promise<void> {
  const unannounced = values.unannounced === true;
  const key = await switchDaemonKey(placesOf(values), { unannounced });
  const who = unannounced ? 'Nobody follows by themselves: everybody' : 'Whoever was not there since it was announced';
  printKey(
    values,
    key,
    null,
    `The daemon holds this key from its next start on. ${who} compares the fingerprint with you, then runs:\n` +
      `  postroom identity trust ${publicKeyWord(key.publicKey)}`,
  );
}

/** The half of `doctor` that needs the home's files; the command line asks for it when no daemon answers. */
async function doctor(values: Given): Promise<void> {
  const where = placesOf(values);
  const findings = await examineHome(where, Date.now(), (rows) => void process.stderr.write(`${safeBlock(rows.join('\n'))}\n`));
  const ok = findings.every(({ level }) => level !== 'error');
  const at = new Date().toISOString();
  const printed = findings.map(({ message, mend, ...rest }) => ({ ...rest, message: safeText(message), mend: safeText(mend) }));
  process.stdout.write(
    values.json
      ? `${safeJson({ ok, findings: printed, version, at })}\n`
      : printed.map(({ level, message, mend }) => `${level}: ${message} -> ${mend}\n`).join(''),
  );
  if (!ok) process.exitCode = 1;
}

const commands: Readonly<Record<string, { act: (values: Given) => Promise<void>; takes: readonly string[] }>> = {
  init: { act: init, takes: ['name', 'admin', 'email', 'identity'] },
  'daemon run': { act: run, takes: [] },
  'daemon key': { act: keyShow, takes: ['identity'] },
  'daemon key show': { act: keyShow, takes: ['identity'] },
  'daemon key announce': { act: keyAnnounce, takes: ['identity'] },
  'daemon key switch': { act: keySwitch, takes: ['identity', 'unannounced'] },
  doctor: { act: doctor, takes: ['identity'] },
};

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const name = positionals.join(' ');
  const command = commands[name];
  const takes = ['home', 'json', ...(command?.takes ?? [])];
  const stray = Object.keys(values).find((option) => !takes.includes(option));
  if (command === undefined || stray !== undefined) {
    throw new PostroomError(
      'invalid',
      `${stray === undefined ? `There is no command "${name}".` : `"${name}" takes no --${stray}.`}\n${usage}`,
    );
  }
  await command.act(values);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { code, message, details } = error instanceof PostroomError ? error : { code: 'internal', message: wordsOf(error), details: {} };
  if (process.argv.includes('--json')) process.stdout.write(`${safeJson({ error: { code, message, details } })}\n`);
  else process.stderr.write(`postroom: ${safeBlock(message)}\n`);
  process.exitCode = { invalid: 2, conflict: 5 }[code as string] ?? 1;
}

/** What the system refused is for whoever started us; anything else is a bug, and its stack is for whoever mends it. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'syscall' in error ? `The system refused: ${error.message}.` : (error.stack ?? error.message);
}
