/** `doctor` as a running daemon answers it: each finding only to those who may know of what it speaks. */
import { safeText } from '../../protocol/text.ts';
import { readConfig } from '../config.ts';
import type { Mailbox } from '../directory/document.ts';
import { openSecrets } from '../directory/secrets.ts';
import { examineFiles, examinePid } from '../doctor/files.ts';
import { error, type Finding, info, sorted, warning, wordsOf } from '../doctor/finding.ts';
import { examineMailbox, type MailboxSight } from '../doctor/mailboxes.ts';
import { examineDelay, examineRoom, examineStore, roomAt } from '../doctor/store.ts';
import { examineClock, examineEndpoints } from '../doctor/system.ts';
import { secretPlaces } from '../home.ts';
import { isBarred, NotAllowed } from '../network.ts';
import { iso } from './wire.ts';
import type { Handlers, World } from './world.ts';

/** Connections are tested so many mailboxes at a time: a server counts sign-ins. */
const atOnce = 4;
const everything: MailboxSight = { settings: true, timeline: true, send: true };

export const doctorHandlers: Handlers<'daemon.doctor'> = {
  'daemon.doctor': async (world, _asked, caller) => {
    const snapshot = world.directory.snapshot();
    const now = world.now();
    const manages = snapshot.access.holds(caller.person, 'people.manage');
    const system = manages
      ? await systemFindings(world)
      : [info('system-hidden', 'The daemon itself was not looked at.', 'Ask somebody who manages people to run: postroom doctor')];
    const { mailboxes } = snapshot.directory;
    const seen = mailboxes.filter(({ id }) => snapshot.access.surfaces(caller.person, id, now).any);
    const setsUp = snapshot.access.holds(caller.person, 'shared-mailbox.sync');
    const own = await inTurns(seen, atOnce, async (mailbox) => [
      ...(await mailboxFindings(world, mailbox, snapshot.access.surfaces(caller.person, mailbox.id, now), true)),
      ...(setsUp ? await networkFindings(world, mailbox) : []),
    ]);
    const findings = sorted([
      ...system,
      ...own.flat(),
      ...(manages
        ? await hiddenFindings(
            world,
            mailboxes.filter((one) => !seen.includes(one)),
          )
        : []),
    ]);
    return {
      ok: findings.every(({ level }) => level !== 'error'),
      findings: findings.map(({ message, mend, ...rest }) => ({ ...rest, message: safeText(message), mend: safeText(mend) })),
      version: world.version,
      at: iso(world.now()),
    };
  },
};

/** For whoever manages the daemon: that there is trouble, and neither whose nor what. */
async function hiddenFindings(world: World, hidden: readonly Mailbox[]): Promise<Finding[]> {
  const found = await inTurns(hidden, atOnce, (mailbox) => mailboxFindings(world, mailbox, everything, false));
  const troubled = found.filter((findings) => findings.some(({ level }) => level === 'error')).length;
  if (troubled === 0) return [];
  const which = troubled === 1 ? '1 mailbox that you may not see needs' : `${troubled} mailboxes that you may not see need`;
  return [error('mailboxes-hidden', `${which} attention.`, 'Their owners see what it is: postroom doctor')];
}

function mailboxFindings(world: World, mailbox: Mailbox, sight: MailboxSight, connect: boolean): Promise<Finding[]> {
  const account = world.accountOf(mailbox);
  const live = {
    status: world.statusOf(mailbox),
    test: async () => {
      if (!connect) return [];
      const [incoming, { steps }] = await Promise.all([world.sync.test(account), world.outbox.test(account)]);
      return [...incoming, ...steps];
    },
  };
  return examineMailbox(
    mailbox,
    { secrets: world.secrets, store: world.store, commands: Object.keys(world.config.secretCommands), live },
    sight,
  );
}

/** Others are told that a server did not answer; who sets servers up learns that nobody asked it. */
async function networkFindings(world: World, mailbox: Mailbox): Promise<Finding[]> {
  if (mailbox.kind === 'hosted') return [];
  const reach = world.accountOf(mailbox).reach();
  const servers = [mailbox.imap, mailbox.smtp];
  const found = await Promise.all(servers.map(async (server) => ((await isBarred(reach, server)) ? new NotAllowed(server) : null)));
  return found.flatMap((bar) =>
    bar === null
      ? []
      : [
          error(
            'network',
            `${mailbox.address}: ${bar.message}.`,
            'Add it to network.allow, then: postroom daemon stop && postroom daemon start',
          ),
        ],
  );
}

/** The same look for everybody who asks while it is taken: a check reads the whole store. */
const looking = new WeakMap<World, Promise<Finding[]>>();

function systemFindings(world: World): Promise<Finding[]> {
  const known = looking.get(world);
  if (known !== undefined) return known;
  const look = examineSystem(world).finally(() => looking.delete(world));
  looking.set(world, look);
  return look;
}

async function examineSystem(world: World): Promise<Finding[]> {
  const { where, config, store, log } = world;
  const people = world.directory.snapshot().directory.persons.filter(({ status }) => status === 'active').length;
  const { eventLoopP99Ms, upMs } = world.vitals();
  const files = await examineFiles(where, world.now());
  return [
    ...files.findings,
    ...(files.config === null ? [] : examineDrift(world)),
    ...(await examinePid(where, process.pid)),
    ...(await examineSecretsKey(world)),
    ...examineRoom(where.data, await roomAt(where.data)),
    ...(await examineStore(store, (rows) => log.error({ rows }, 'doctor: invariants of the store do not hold'))),
    ...examineDelay(eventLoopP99Ms),
    ...(await examineEndpoints(config, where, people)),
    ...examineClock(world.now() - world.startedAt, upMs),
  ];
}

/** A configuration that was edited counts from the next start on. */
function examineDrift({ where, config }: World): Finding[] {
  if (JSON.stringify(readConfig(where.config)) === JSON.stringify(config)) return [];
  return [
    warning('config-changed', `${where.config} was changed after the daemon started.`, 'postroom daemon stop && postroom daemon start'),
  ];
}

/** The running daemon has the key; the next start needs the file. */
async function examineSecretsKey({ where }: World): Promise<Finding[]> {
  try {
    await openSecrets({ ...secretPlaces(where), commands: {}, readOnly: true });
    return [];
  } catch (problem) {
    return [error('secrets-key', wordsOf(problem), 'Restore it from a backup before the daemon stops: it does not start without it.')];
  }
}

async function inTurns<T, R>(items: readonly T[], width: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += width) results.push(...(await Promise.all(items.slice(at, at + width).map(act))));
  return results;
}
