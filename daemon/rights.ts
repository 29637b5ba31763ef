/**
 * What follows when rights change, by a change of the directory or because a date came: sessions end or are told, queued mail of those
 * who may not send any more is taken back, engines follow their mailboxes. The state that was last looked at and its moment are compared
 * with those of now; how they came to differ does not matter.
 */
import type { events } from '../protocol/events.ts';
import type { Server, Session } from '../protocol/server.ts';
import { type SafeText, safeText } from '../protocol/text.ts';
import { changed } from './access/changed.ts';
import { moves } from './access/explain.ts';
import { settleDeparted } from './departed.ts';
import { type Mailbox, opens } from './directory/document.ts';
import type { DirectoryStore } from './directory/durable.ts';
import type { Snapshot } from './directory/snapshot.ts';
import type { Hosted, MailboxAccount, Outbox, Sync } from './engines.ts';
import type { Log } from './log.ts';
import { settleLostWork } from './lost-work.ts';
import type { Store } from './store/types.ts';
import { hearers } from './told.ts';

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
  /** The persons who have a session. */
  online: () => ReadonlySet<string>;
  endSessions: (fits: (session: Session) => boolean, message: string) => void;
  /** Streams of these sessions that may not go on stop. */
  recheckStreams: (fits: (session: Session) => boolean) => void;
};

export type FollowedRights = {
  /**
   * Resolves when everything is true inside that followed from changes so far: a revocation is answered after this, not before. What
   * follows elsewhere (a connection that ends, a mailbox that is forgotten) is waited for by nobody.
   */
  settled(): Promise<void>;
  /** The clock was set: dates may have come, or be to come again. */
  lookAgain(): void;
  /** How often what the person reaches has changed: a picture that was begun before the last change must not be given after it. */
  epoch(person: string): number;
  close(): void;
};

/** setTimeout takes 31 bits; later moments are waited for in steps. */
const longestWaitMs = 2 ** 31 - 1;

export function followRights(deps: Deps): FollowedRights {
  const { directory, log, now } = deps;
  let known = { snapshot: directory.snapshot(), at: now() };
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

  /** What follows elsewhere, or takes as long as it takes: no answer waits for it. */
  const beside = (doing: string, task: () => Promise<unknown>): void => {
    task().catch((error: unknown) => log.error({ err: error }, doing));
  };

  function compare(snapshot: Snapshot, why: SafeText): void {
    const before = known;
    known = { snapshot, at: now() };
    const moved = moves(before.snapshot.directory, before.at, snapshot.directory, known.at);
    const online = deps.online();
    const address = (mailbox: string) => safeText((snapshot.mailbox(mailbox) ?? before.snapshot.mailbox(mailbox))?.address ?? '');
    for (const [person, all] of Map.groupBy(moved, (one) => one.person)) {
      epochs.set(person, (epochs.get(person) ?? 0) + 1);
      if (!online.has(person)) continue; // a role may hold thousands, few of them are here
      deps.store.interruptSearches(person);
      deps.recheckStreams(({ who }) => who.kind === 'person' && who.person === person);
      const lost = all.filter(({ has }) => !has.any).map(({ mailbox }) => address(mailbox));
      const gained = all.filter(({ had }) => !had.any).map(({ mailbox }) => address(mailbox));
      deps.publish('rights.changed', { lost, gained, why }, { person });
    }
    const silenced = moved.filter(({ had, has }) => had.send && !has.send);
    for (const [mailbox, all] of Map.groupBy(silenced, (one) => one.mailbox)) {
      const authors = all.map(({ person }) => person);
      follow('taking back queued mail', () => takeBack(deps, { id: mailbox, address: address(mailbox) }, authors));
    }
    if (silenced.length > 0 || rolesMoved(before.snapshot, snapshot))
      follow('giving back the work of those who may not answer any more', () => settleLostWork(deps));
    schedule(known);
  }

  /** What came since the moment that is known is next, however late it is. */
  function schedule({ snapshot, at }: typeof known): void {
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
    followMailboxes(before, after, deps, beside);
    const hears = hearers(before, after, now());
    for (const person of deps.online()) if (hears(person)) deps.publish('directory.changed', {}, { person });
  });

  schedule(known);
  follow('settling the work of those who left', () => settleDeparted(deps)); // of a removal that a crash cut off
  follow('giving back the work of those who may not answer any more', () => settleLostWork(deps)); // dates that came meanwhile
  beside('forgetting mailboxes that were removed', () => forgetRemoved(deps)); // which a stop or a crash cut off
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

/** Of those who may not send any more, whoever has something on its way. What is queued later asks for itself. */
async function takeBack({ store, outbox, publish }: Deps, mailbox: Named, persons: readonly string[]): Promise<void> {
  const waiting = await store.outbox({ mailboxes: [mailbox.id], states: ['queued', 'sending', 'held'], limit: 10_000 });
  const authors = new Set(waiting.map(({ author }) => author));
  for (const author of persons) {
    if (!authors.has(author)) continue;
    const count = await outbox.revoked({ author, mailbox: mailbox.id });
    if (count > 0) publish('outbox.held', { mailbox: mailbox.address, count }, { person: author });
  }
}

/** A role that has work may answer no more though each of its members still may, by a grant of their own; or it has no member any more. */
function rolesMoved(before: Snapshot, after: Snapshot): boolean {
  const grants = changed(before.directory.grants, after.directory.grants);
  return (
    changed(before.directory.roles, after.directory.roles).gone.length > 0 || grants.gone.some(({ grantee }) => grantee.kind === 'role')
  );
}

type Named = { readonly id: string; readonly address: SafeText };

function goneIds<Thing extends { readonly id: string }>(before: readonly Thing[], after: readonly Thing[]): string[] {
  const { gone, come } = changed(before, after);
  const there = new Set(come.map(({ id }) => id));
  return gone.map(({ id }) => id).filter((id) => !there.has(id));
}

/** Revoked keys, those that wait to be confirmed now, disabled and removed persons: libzmq keeps their connections up, so the sessions are ended here, at once. */
function endSessionsOfTheGone(before: Snapshot, after: Snapshot, { endSessions }: Deps): void {
  const dead = new Set<string>();
  for (const person of changed(before.directory.persons, after.directory.persons).gone) {
    for (const key of person.keys) {
      const now = after.keyByPublic(key.public);
      if (opens(key) && (now === undefined || !opens(now.key) || now.person.status !== 'active')) dead.add(key.public);
    }
  }
  if (dead.size > 0)
    endSessions(
      (session) => dead.has(session.publicKey),
      'Your key or your account is not welcome here any more, or has to be confirmed first. Ask whoever manages people.',
    );
}

function followMailboxes(
  before: Snapshot,
  after: Snapshot,
  deps: Deps,
  beside: (doing: string, task: () => Promise<unknown>) => void,
): void {
  for (const mailbox of changed(before.directory.mailboxes, after.directory.mailboxes).come) {
    const old = before.mailbox(mailbox.id);
    if (mailbox.kind === 'imap') {
      deps.sync.start(deps.accountOf(mailbox));
      // The password was mended, or the server: what was parked for the old one goes now, not at its next attempt.
      const account = ({ smtp, secret }: typeof mailbox): string => JSON.stringify([smtp, secret]);
      if (old?.kind === 'imap' && account(old) !== account(mailbox))
        beside('trying again what waits for a changed account', () => deps.outbox.tryNow(mailbox.id));
    } else if (old === undefined) beside('preparing a hosted mailbox', () => deps.hosted.prepare(deps.accountOf(mailbox)));
  }
  for (const id of goneIds(before.directory.mailboxes, after.directory.mailboxes)) {
    beside('forgetting a mailbox', async () => {
      await deps.sync.stop(id);
      await deps.store.forgetMailbox(id);
    });
  }
}

async function forgetRemoved({ directory, store }: Deps): Promise<void> {
  for (const id of await store.mailboxesStored()) if (directory.snapshot().mailbox(id) === undefined) await store.forgetMailbox(id);
}
