/** Starting, stopping and asking after the home's daemon. `daemon run` and `init` are the daemon's own program. */
import { PostroomError } from '../../protocol/errors.ts';
import { places } from '../../protocol/places.ts';
import { hasHome, runningPid, startDaemon, stopDaemon } from '../daemon-process.ts';
import { day, facts } from './print.ts';
import type { CommandRow, Context } from './program.ts';
import { loadIdentity, openSession } from './session.ts';

/** Whether the daemon answers; to refuse this person is an answer too. Something else at its endpoint is an error. */
async function answers(context: Context): Promise<boolean> {
  try {
    const session = await openSession(context);
    await session.close();
    return true;
  } catch (error) {
    if (error instanceof PostroomError && error.code === 'unauthenticated') return true;
    if (error instanceof PostroomError && error.code === 'unavailable' && error.details.reason !== 'daemon-key') return false;
    throw error;
  }
}

function needHome(context: Context): void {
  if (hasHome(context.home)) return;
  throw new PostroomError('invalid', `There is no home here: ${places(context.home).config} is missing. Make one with: postroom init`);
}

export const daemonCommands: readonly CommandRow[] = [
  {
    usage: 'daemon start',
    doc: 'start it in the background; returns when it answers',
    run: async (context) => {
      needHome(context);
      loadIdentity(context); // without one nobody could tell whether it answers
      const running = runningPid(context.home);
      if (running !== null && (await answers(context)))
        return { data: { started: false, pid: running }, text: `It runs already (pid ${running}).` };
      await startDaemon(context.home, () => answers(context));
      const pid = runningPid(context.home);
      return { data: { started: true, pid }, text: `The daemon runs (pid ${pid}).` };
    },
  },
  {
    usage: 'daemon stop',
    doc: 'stop it cleanly',
    run: async (context) => {
      needHome(context);
      const stopped = await stopDaemon(context.home);
      return { data: { stopped }, text: stopped ? 'The daemon has stopped.' : 'No daemon was running.' };
    },
  },
  {
    usage: 'daemon status',
    doc: 'is it well',
    run: async (context) => {
      const status = await (await context.session()).call('daemon.status', {});
      return {
        data: status,
        text: facts([
          ['version', status.version],
          ['pid', String(status.pid)],
          ['since', day(status.startedAt)],
          ['sessions', String(status.sessions)],
          ['mailboxes', `${status.mailboxes}${status.troubled > 0 ? `, ${status.troubled} need attention` : ''}`],
          ['event loop', `p99 ${status.eventLoopP99Ms.toFixed(1)} ms`],
        ]),
      };
    },
  },
];
