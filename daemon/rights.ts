/**
 * What follows when rights change, by a change of the directory or because a date came: sessions end or are told, queued mail of those
 * who may not send any more is taken back, engines follow their mailboxes. One picture of who reaches what is kept and compared; how it
 * came to differ does not matter.
 */
import type { events } from '../protocol/events.ts';
import type { Server, Session } from '../protocol/server.ts';
import { type SafeText, safeText } from '../protocol/text.ts';
import type { Surfaces } from './access/decide.ts';
import { settleDeparted } from './departed.ts';
import type { Mailbox } from './directory/document.ts';
import type { DirectoryStore } from './directory/durable.ts';
import type { Snapshot } from './directory/snapshot.ts';
import type { Hosted, MailboxAccount, Outbox, Sync } from './engines.ts';
import type { Log } from './log.ts';
import type { Store } from './store/types.ts';

type Deps = {
  directory: DirectoryStore;
  store: Store;
  sync: Sync;
  hosted: Hosted;
  outbox: Outbox;
  accountOf: (mailbox: Mailbox) => MailboxAccount;
  log: Log;
  now: () => number;
  publish: Server<typeof events>['publish'];
  endSessions: (fits: (session: Session) => boolean, message: string) => void;
  /** Streams of these sessions that may not go on stop. */
  recheckStreams: (fits: (session: Session) => boolean) => void;
};

export type FollowedRights = {
  /** Resolves when everything that followed from changes so far is done: a revocation is answered after this, not before. */
  settled(): Promise<void>;
  /** The clock was set: dates may have come, or be to come again. */
  lookAgain(): void;
  /** How often what the person reaches has changed: a picture that was begun before the last change must not be given after it. */
  epoch(person: string): number;
  close(): void;
};

type Reach = ReadonlyMap<string, ReadonlyMap<string, Surfaces>>;

/** setTimeout takes 31 bits; later moments are waited for in steps. */
const longestWaitMs = 2 ** 31 - 1;

export function followRights(deps: Deps): FollowedRights {
  const { directory, log, now } = deps;
  const begun = now();
  let known = reachOf(directory.snapshot(), begun);
  const epochs = new Map<string, number>();
  let pending: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const follow = (doing: string, task: () => Promise<unknown>): void => {
    pending = pending.then(async () => {
      try {
        await task();
      } catch (error) {
        log.error({ err: error }, doing);
      }
    });
  };

  function compare(snapshot: Snapshot, why: SafeText): void {
    const at = now();
    const next = reachOf(snapshot, at);
    const before = known;
    known = next;
    for (const person of new Set([...before.keys(), ...next.keys()])) {
      const [had, has] = [before.get(person), next.get(person)];
      const changed = [...new Set([...(had?.keys() ?? []), ...(has?.keys() ?? [])])].filter(
        (mailbox) => !same(had?.get(mailbox), has?.get(mailbox)),
      );
      if (changed.length === 0) continue;
      epochs.set(person, (epochs.get(person) ?? 0) + 1);
      deps.store.interruptSearches(person);
      deps.recheckStreams(({ who }) => who.kind === 'person' && who.person === person);
      const address = (mailbox: string) => safeText(snapshot.mailbox(mailbox)?.address ?? addresses.get(mailbox) ?? '');
      const lost = changed.filter((mailbox) => !has?.has(mailbox)).map(address);
      const gained = changed.filter((mailbox) => !had?.has(mailbox)).map(address);
      deps.publish('rights.changed', { lost, gained, why }, { person });
      for (const mailbox of changed) {
        if (had?.get(mailbox)?.send === true && has?.get(mailbox)?.send !== true)
          follow('taking back queued mail', () => deps.outbox.revoked({ author: person, mailbox }));
      }
    }
    schedule(snapshot, at);
  }

  // Names of mailboxes that were there: who loses one is told which.
  const addresses = new Map<string, string>();
  const remember = (snapshot: Snapshot): void => {
    for (const mailbox of snapshot.directory.mailboxes) addresses.set(mailbox.id, mailbox.address);
  };

  /** `at`: the moment of the picture that is known. What came since then is next, however late it is. */
  function schedule(snapshot: Snapshot, at: number): void {
    clearTimeout(timer);
    const next = snapshot.access.nextMoment(at);
    if (next === null) return;
    timer = setTimeout(
      () => compare(directory.snapshot(), safeText('a grant began or ended')),
      Math.min(Math.max(next - now(), 0), longestWaitMs),
    );
    timer.unref();
  }

  const stop = directory.onChange(({ before, after }) => {
    endSessionsOfTheGone(before, after, deps);
    compare(after, safeText('rights were changed'));
    const gone = [...goneIds(before.directory.persons, after.directory.persons), ...goneIds(before.directory.roles, after.directory.roles)];
    if (gone.length > 0) follow('settling the work of those who left', () => settleDeparted(deps));
    followMailboxes(before, after, deps, follow);
    remember(after);
    deps.publish('directory.changed', { revision: after.revision }, {});
  });

  remember(directory.snapshot());
  schedule(directory.snapshot(), begun);
  follow('settling the work of those who left', () => settleDeparted(deps)); // of a removal that a crash cut off
  return {
    settled: () => pending,
    lookAgain: () => compare(directory.snapshot(), safeText('the clock was set')),
    epoch: (person) => epochs.get(person) ?? 0,
    close: () => {
      stop();
      clearTimeout(timer);
    },
  };
}

function reachOf(snapshot: Snapshot, now: number): Reach {
  return new Map(snapshot.directory.persons.map(({ id }) => [id, snapshot.access.mailboxes(id, now)]));
}

const same = (a: Surfaces | undefined, b: Surfaces | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && (Object.keys(a) as (keyof Surfaces)[]).every((name) => a[name] === b[name]));

const goneIds = (before: readonly { id: string }[], after: readonly { id: string }[]): string[] => {
  const there = new Set(after.map(({ id }) => id));
  return before.map(({ id }) => id).filter((id) => !there.has(id));
};

/** Revoked keys, disabled and removed persons: libzmq keeps their connections up, so the sessions are ended here, at once. */
function endSessionsOfTheGone(before: Snapshot, after: Snapshot, { endSessions }: Deps): void {
  const dead = new Set<string>();
  for (const person of before.directory.persons) {
    for (const key of person.keys) {
      const now = after.keyByPublic(key.public);
      if (key.revokedAt === null && (now === undefined || now.key.revokedAt !== null || now.person.status !== 'active'))
        dead.add(key.public);
    }
  }
  if (dead.size > 0)
    endSessions(
      (session) => dead.has(session.publicKey),
      'Your key or your account is not welcome here any more. Ask whoever manages people.',
    );
}

function followMailboxes(
  before: Snapshot,
  after: Snapshot,
  deps: Deps,
  follow: (doing: string, task: () => Promise<unknown>) => void,
): void {
  for (const mailbox of after.directory.mailboxes) {
    const old = before.mailbox(mailbox.id);
    if (old === mailbox) continue;
    if (mailbox.kind === 'imap') {
      deps.sync.start(deps.accountOf(mailbox));
      // The password was mended, or the server: what was parked for the old one goes now, not at its next attempt.
      const account = ({ smtp, secret }: typeof mailbox): string => JSON.stringify([smtp, secret]);
      if (old?.kind === 'imap' && account(old) !== account(mailbox))
        follow('trying again what waits for a changed account', () => deps.outbox.tryNow(mailbox.id));
    } else if (old === undefined) follow('preparing a hosted mailbox', () => deps.hosted.prepare(deps.accountOf(mailbox)));
  }
  for (const id of goneIds(before.directory.mailboxes, after.directory.mailboxes)) {
    follow('forgetting a mailbox', async () => {
      await deps.sync.stop(id);
      await deps.store.forgetMailbox(id);
    });
  }
}
