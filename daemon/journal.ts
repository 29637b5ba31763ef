/**
 * Sees to it that the journals have what happens outside the store: every change of the directory, every grant that begins or ends because
 * its date came, every start with the rules it runs under. Each is handed over under a name of its own until the journal has it, so a
 * crash neither loses nor doubles one.
 */
import type { Config } from './config.ts';
import type { Grant } from './directory/document.ts';
import type { DirectoryStore, Recorded } from './directory/durable.ts';
import type { Snapshot } from './directory/snapshot.ts';
import type { Log } from './log.ts';
import { policyOf } from './service/policy.ts';
import type { ActivityRecord, AuditDraft, Millis, Store } from './store/types.ts';

type Deps = {
  directory: DirectoryStore;
  store: Pick<Store, 'recordActivity' | 'recordAudit' | 'audit'>;
  log: Log;
  now: () => Millis;
  config: Config;
  version: string;
};

const longestWaitMs = 2 ** 31 - 1;
const retryMs = 1_000;

export type KeptJournal = {
  /** Resolves when the journals have every change so far. */
  settled: () => Promise<void>;
  close: () => Promise<void>;
};

/** Resolves when the journals have all that a crash or a stop kept from them; then follows what happens, until it is closed. */
export async function keepJournal({ directory, store, log, now, config, version }: Deps): Promise<KeptJournal> {
  /** Dates that the journal has, by the name of their act: known ones are not handed over again. */
  const told = new Set<string>();
  /** Dates that had come when their grant was changed or taken away, before anybody looked. */
  const overtaken = new Map<string, AuditDraft>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const untold = (snapshot: Snapshot): (AuditDraft & { once: string })[] =>
    passedDates(snapshot, now()).filter(({ once }) => !told.has(once));

  const handOver = async (): Promise<void> => {
    for (const [once, date] of overtaken) {
      await store.recordAudit([date]);
      told.add(once);
      overtaken.delete(once);
    }
    const open = directory.unrecorded();
    if (open.length > 0) {
      await store.recordActivity(open.flatMap(activitiesOf), open.flatMap(auditsOf));
      directory.recorded(open.map(({ id }) => id));
    }
    const dates = untold(directory.snapshot());
    if (dates.length > 0) await store.recordAudit(dates);
    for (const { once } of dates) told.add(once);
  };

  await handOver();
  await store.recordAudit(await startOf(store, config, version, now()));

  let last: Promise<void> = Promise.resolve();
  const follow = (): void => {
    last = last.then(async () => {
      clearTimeout(timer);
      let wait: number | null;
      try {
        await handOver();
        const at = now();
        const next = directory.snapshot().access.nextMoment(at);
        wait = next === null ? null : Math.min(Math.max(next - at, 0), longestWaitMs);
      } catch (error) {
        log.error({ err: error }, 'the journal could not be written; it is tried again');
        wait = retryMs;
      }
      if (wait === null || closed) return;
      timer = setTimeout(follow, wait);
      timer.unref();
    });
  };
  const stop = directory.onChange(({ before, after }) => {
    if (before.directory.grants !== after.directory.grants) for (const date of untold(before)) overtaken.set(date.once, date);
    follow();
  });
  follow();
  return {
    settled: () => last,
    async close() {
      closed = true;
      stop();
      clearTimeout(timer);
      await last;
    },
  };
}

// --- changes of the directory ------------------------------------------------------------------------------------

const activitiesOf = ({ id, at, activities }: Recorded): ActivityRecord[] =>
  activities.map((activity, n) => ({
    at,
    kind: activity.kind,
    mailbox: activity.mailbox,
    conversation: null,
    actor: activity.actor,
    summary: activity.summary,
    details: { action: activity.action, ...activity.details },
    key: `${id} ${n}`,
  }));

const auditsOf = ({ id, at, revision, acts }: Recorded): AuditDraft[] =>
  acts.map((act, n) => ({ ...act, at, details: { ...act.details, revision }, once: `${id} ${n}` }));

// --- dates -------------------------------------------------------------------------------------------------------

/** Every beginning and end of a dated grant that has come. One that begins as it is given is told by whoever gave it. */
function passedDates(snapshot: Snapshot, now: Millis): (AuditDraft & { once: string })[] {
  return snapshot.directory.grants.flatMap((grant) => {
    const { from, until, at } = grant;
    return [
      ...(from !== null && from <= now && from > at ? [dateDraft(snapshot, grant, 'begin', from)] : []),
      ...(until !== null && until <= now ? [dateDraft(snapshot, grant, 'end', until)] : []),
    ];
  });
}

function dateDraft(snapshot: Snapshot, grant: Grant, what: 'begin' | 'end', at: Millis): AuditDraft & { once: string } {
  const { access, send, setup, grantee, mailbox, id } = grant;
  const name = snapshot.nameOf(grantee.id);
  const rights = [access && 'Access', send && 'Send', setup && 'Setup'].filter((right) => right !== false).join(' + ');
  return {
    at,
    actor: null,
    origin: null,
    action: `grant.${what}`,
    subject: name,
    person: grantee.kind === 'person' ? grantee.id : null,
    mailbox: { id: mailbox, address: snapshot.mailbox(mailbox)?.address ?? mailbox },
    summary: `${rights} of ${name} ${what === 'begin' ? 'began' : 'ended'} by its date`,
    details: { grant: id, grantee: name, access, send, setup, givenBy: snapshot.nameOf(grant.by) },
    once: `grant.${what} ${id} ${at}`,
  };
}

// --- starts ------------------------------------------------------------------------------------------------------

/** The start, with the rules of the configuration; before it what of them is other than at the last one. */
async function startOf(store: Pick<Store, 'audit'>, config: Config, version: string, at: Millis): Promise<AuditDraft[]> {
  const { requireCommonRole, plans, hostedDomains, commands } = policyOf(config);
  const policy: Record<string, unknown> = {
    'sharing.requireCommonRole': requireCommonRole,
    'sharing.plans': plans,
    'hosted.domains': hostedDomains,
    // Without their names, which are for those who may use them.
    secretCommands: Object.values(commands).map(({ hosts }) => ({ hosts })),
  };
  const filter = { mailbox: null, persons: null, since: null, until: null, action: 'daemon.start' };
  const [before] = await store.audit({ filter, before: null, after: null, oldestFirst: false, limit: 1 });
  const old = before?.details.policy;
  const known: Readonly<Record<string, unknown>> = typeof old === 'object' && old !== null ? { ...old } : policy;
  const changed = Object.keys(policy).filter((key) => JSON.stringify(known[key]) !== JSON.stringify(policy[key]));
  const draft = { at, actor: null, origin: null, person: null, mailbox: null, once: null };
  const start = {
    ...draft,
    action: 'daemon.start',
    subject: 'daemon',
    summary: `started, release ${version}`,
    details: { version, policy },
  };
  if (changed.length === 0) return [start];
  return [
    {
      ...draft,
      action: 'policy.change',
      subject: 'config.json',
      summary: `the configuration changed: ${changed.join(', ')}`,
      details: { changed: Object.fromEntries(changed.map((key) => [key, { before: known[key] ?? null, after: policy[key] }])) },
    },
    start,
  ];
}
