/** What a handler may use, and who asks. Handlers call an engine or the store and return; they compare no rights. */

import { PostroomError } from '../../protocol/errors.ts';
import type { Asked, Method, ResultInput } from '../../protocol/methods.ts';
import type { Places } from '../../protocol/places.ts';
import type { Surfaces } from '../access/decide.ts';
import type { Config } from '../config.ts';
import type { Mailbox } from '../directory/document.ts';
import type { DirectoryStore } from '../directory/durable.ts';
import type { SecretStore } from '../directory/secrets.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import type { Hosted, MailboxAccount, MailboxStatus, Outbox, Sync } from '../engines.ts';
import type { Log } from '../log.ts';
import type { Opener } from '../open.ts';
import type { Millis, PersonId, RoleId, Seen, Store } from '../store/types.ts';
import type { Origins } from './origin.ts';
import type { Quotas } from './quotas.ts';
import type { UploadRoom } from './upload-room.ts';
import type { Uses } from './use.ts';

export type World = {
  readonly where: Places;
  readonly config: Config;
  readonly version: string;
  readonly startedAt: Millis;
  readonly daemonKey: string;
  readonly log: Log;
  readonly now: () => Millis;
  readonly directory: DirectoryStore;
  readonly secrets: SecretStore;
  readonly store: Store;
  readonly sync: Sync;
  readonly hosted: Hosted;
  readonly outbox: Outbox;
  readonly opener: Opener;
  readonly uploads: UploadRoom;
  readonly quotas: Quotas;
  readonly origins: Origins;
  readonly uses: Uses;
  /** The directory's document as the engines need it. */
  readonly accountOf: (mailbox: Mailbox) => MailboxAccount;
  readonly statusOf: (mailbox: Mailbox) => MailboxStatus;
  /** How many sessions are open, the event loop's p99 delay, and how long the daemon runs by a clock that nobody sets. */
  readonly vitals: () => { sessions: number; eventLoopP99Ms: number; upMs: number };
  /** Resolves when everything that followed from changes of rights so far is done. */
  readonly rightsSettled: () => Promise<void>;
  /** Resolves when the journals have every change of the directory so far. */
  readonly journalSettled: () => Promise<void>;
  /** Rises whenever what the person reaches changes. */
  readonly rightsEpoch: (person: PersonId) => number;
  /** The endpoint that an invitation for somebody else carries, and a warning when only this machine or account reaches it. */
  readonly invitationEndpoint: () => { endpoint: string; warning: string | null };
};

/** Who asks. An invitation's session has no person yet: it may call `person.join` and nothing else. */
export type Caller = {
  readonly person: PersonId;
  /** The public half of the key that the session was opened with. */
  readonly key: string;
  /** Names the session among those that are open. */
  readonly session: string;
  /** Where it was opened from: `ipc uid 1000`, `tcp 192.0.2.7`. */
  readonly from: string;
  /** Events up to this one are in whatever is answered now. */
  readonly seq: () => number;
};

/** Binary data beside a request: what the client uploads, and where a download goes (with the client's credit, and its rights, asked on the way). */
export type Io = { upload: AsyncIterable<Uint8Array>; download: (chunk: Uint8Array) => Promise<void> };

export type Handler<M extends Method> = (world: World, asked: Asked<M>, caller: Caller, io: Io) => Promise<ResultInput<M>>;
export type Handlers<M extends Method = Method> = { readonly [Name in M]: Handler<Name> };

/** The mailbox of a request that has been authorized: it is there. */
export function mailboxNamed(snapshot: Snapshot, name: string): Mailbox {
  const mailbox = snapshot.mailboxByAddress(name) ?? snapshot.mailbox(name);
  if (mailbox === undefined) throw new PostroomError('internal', `mailbox ${name} went while it was asked about`);
  return mailbox;
}

/** How one person sees one mailbox: where their unread begins, what counts for them. */
export function seenBy(snapshot: Snapshot, person: PersonId, mailbox: Mailbox, now: Millis): Seen {
  return {
    mailbox: mailbox.id,
    unreadSince: Math.max(snapshot.access.since(person, mailbox.id, now) ?? now, mailbox.workFrom ?? 0),
    outgoingInPanel: mailbox.settings.outgoingInPanel,
    watch: snapshot.watch(person, mailbox.id),
  };
}

/** The mailboxes whose `surface` is open to the person. */
export function mailboxesWith(snapshot: Snapshot, person: PersonId, surface: keyof Surfaces, now: Millis): Mailbox[] {
  const found: Mailbox[] = [];
  for (const [id, surfaces] of snapshot.access.mailboxes(person, now)) {
    const mailbox = snapshot.mailbox(id);
    if (surfaces[surface] && mailbox !== undefined) found.push(mailbox);
  }
  return found.sort((a, b) => (a.address < b.address ? -1 : 1));
}

export function rolesOf(snapshot: Snapshot, person: PersonId): RoleId[] {
  return [...(snapshot.access.who(person)?.roles.keys() ?? [])];
}

/** A background task whose failure somebody must be able to find: in the log, under what it was doing. */
export function inBackground(world: Pick<World, 'log'>, doing: string, details: Record<string, unknown>, task: Promise<unknown>): void {
  task.catch((error: unknown) => world.log.warn({ err: error, ...details }, doing));
}
