/**
 * `doctor`: what the daemon finds, and what only its client can tell (that it does not answer, that the two are of different releases, that
 * their clocks differ). Where no daemon answers and the home is one's own, the daemon's program looks at the files.
 */
import { spawn } from 'node:child_process';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { PostroomError } from '../../protocol/errors.ts';
import { methods, type Result } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import { version } from '../../protocol/version.ts';
import { hasHome } from '../daemon-process.ts';
import type { CommandRow, Context } from './program.ts';
import type { Session } from './session.ts';

type Examined = Result<'daemon.doctor'>;
type Finding = Examined['findings'][number];

/** Connections of many mailboxes are tested, and a check reads the whole store. */
const timeoutMs = 300_000;
/** Less is the network's. */
const clockMs = 60_000;

const finding = (level: Finding['level'], code: string, message: string, mend: string): Finding => ({
  level,
  code,
  message: safeText(message),
  mend: safeText(mend),
});

export const doctorCommand: CommandRow = {
  usage: 'doctor',
  doc: 'look at everything that could be wrong, and say how to mend it',
  run: async (context) => {
    const { findings, ...rest } = await examine(context);
    const ok = findings.every(({ level }) => level !== 'error');
    const lines = findings.map(({ level, message, mend }) => `${level.padEnd(7)}  ${message} -> ${mend}`);
    const text = lines.length === 0 ? 'Nothing is wrong.' : lines.join('\n');
    return { data: { ...rest, ok, findings }, text, failed: !ok };
  },
};

async function examine(context: Context): Promise<Examined> {
  let session: Session;
  try {
    session = await context.session();
  } catch (error) {
    if (!(error instanceof PostroomError)) throw error;
    return withoutDaemon(context, error);
  }
  const examined = await session.call('daemon.doctor', {}, { timeoutMs });
  return { ...examined, findings: [...clientFindings(examined), ...examined.findings] };
}

function clientFindings({ version: theirs, at }: Examined): Finding[] {
  const findings: Finding[] = [];
  if (theirs !== version) {
    findings.push(
      finding(
        'warning',
        'version',
        `The daemon is Postroom ${theirs}, this command is ${version}.`,
        'Restart the daemon after an upgrade: postroom daemon stop && postroom daemon start',
      ),
    );
  }
  const apart = Math.round((Date.parse(at) - Date.now()) / 1_000);
  if (Math.abs(apart) * 1_000 > clockMs) {
    findings.push(
      finding(
        'warning',
        'clock-differs',
        `The daemon's clock is ${Math.abs(apart)} s ${apart > 0 ? 'ahead of' : 'behind'} this machine's.`,
        'Let both keep their clocks: timedatectl set-ntp true',
      ),
    );
  }
  return findings;
}

/** What kept this client from the daemon, and what lies in the home when it is ours. */
async function withoutDaemon(context: Context, error: PostroomError): Promise<Examined> {
  const away = error.code === 'unavailable' && error.details.reason !== 'daemon-key';
  const home = context.connect === undefined && hasHome(context.home);
  const found = home ? await examineHome(context) : { ok: false, findings: [], version, at: new Date().toISOString() };
  // A daemon that is away is told by those who looked at its home; anything else (a key that is not welcome) is this client's.
  if (home && away) return found;
  const code = away ? 'daemon-away' : error.code === 'unauthenticated' ? 'not-signed-in' : 'identity';
  const mend = away
    ? 'Whoever runs the daemon starts it; then try again.'
    : 'postroom join, with an invitation; or name another identity with --identity FILE.';
  // Whoever was not let in, or had no key to ask with, cannot say that the daemon does not answer.
  const others = found.findings.filter((one) => one.code !== 'daemon-silent');
  return { ...found, findings: [finding('error', code, error.message, mend), ...others] };
}

async function examineHome({ home, identity }: Context): Promise<Examined> {
  const program = fileURLToPath(new URL('./daemon.js', import.meta.url));
  const places = [...(home === undefined ? [] : ['--home', home]), ...(identity === undefined ? [] : ['--identity', identity])];
  const child = spawn(process.execPath, [program, 'doctor', '--json', ...places], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await Promise.all([
    textOf(child.stdout),
    new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve())),
  ]);
  const examined = methods['daemon.doctor'].result.safeParse(JSON.parse(printed));
  if (examined.success) return examined.data;
  throw new PostroomError('internal', `The home could not be examined: ${printed.trim().slice(0, 500)}`);
}
