/**
 * The composition root: configuration, stores, engines, sockets, and what each tells the others. The only file that knows them all.
 *
 * Order matters twice. Starting: the lock before anything is opened, the gate before any socket, engines after the journal has what it
 * missed. Stopping: no new requests, then engines (what is being sent is finished or parked), then the store.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PostroomError } from '../protocol/errors.ts';
import { events } from '../protocol/events.ts';
import { methods } from '../protocol/methods.ts';
import { makeFolder, type Places } from '../protocol/places.ts';
import { listen, type Server } from '../protocol/server.ts';
import { safeText } from '../protocol/text.ts';
import { watchClock } from './clock.ts';
import { type Config, readConfig } from './config.ts';
import { announcedKey, readDaemonKey } from './daemon-key.ts';
import { authorLeft } from './departed.ts';
import { type Mailbox, opens } from './directory/document.ts';
import { openDirectory } from './directory/durable.ts';
import { checkSecret } from './directory/mailboxes.ts';
import { openSecrets } from './directory/secrets.ts';
import type { Snapshot } from './directory/snapshot.ts';
import type { MailboxAccount, MailboxStatus } from './engines.ts';
import { endpointsOf, grantsFile, secretPlaces } from './home.ts';
import { refuseUnsafeHome } from './home-files.ts';
import { startHosted } from './hosted/receive.ts';
import { keepJournal } from './journal.ts';
import { type Log, openLog } from './log.ts';
import { reachOf } from './network.ts';
import { Opener } from './open.ts';
import { createOutbox } from './outbox/deliver.ts';
import { followRights } from './rights.ts';
import { Origins } from './service/origin.ts';
import { policyOf } from './service/policy.ts';
import { Quotas } from './service/quotas.ts';
import { UploadRoom } from './service/upload-room.ts';
import { Uses } from './service/use.ts';
import { iso, syncOf } from './service/wire.ts';
import type { World } from './service/world.ts';
import { createService } from './service.ts';
import { prepareRunDirectory } from './socket-place.ts';
import { lockHome } from './store/lock.ts';
import { openStore } from './store/store.ts';
import type { StoreChange } from './store/types.ts';
import { createSync } from './sync/sync.ts';
import { version } from './version.ts';

export type Daemon = {
  readonly endpoints: readonly string[];
  readonly smtpPort: number;
  readonly world: World;
  /** Resolves when the daemon has stopped, by `stop` or by itself (`exitWhenAloneMs`). */
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
};

const idle: MailboxStatus = {
  state: 'idle',
  done: 0,
  total: 0,
  folder: null,
  error: null,
  inFolders: false,
  syncedAt: null,
  retryAt: null,
};
const beginning: MailboxStatus = { ...idle, state: 'connecting', total: null };

export async function startDaemon(where: Places, options: { config?: Config; log?: Log; now?: () => number } = {}): Promise<Daemon> {
  const now = options.now ?? Date.now;
  refuseUnsafeHome(where);
  const config = options.config ?? readConfig(where.config);
  for (const folder of [where.data, where.logs, where.run]) makeFolder(folder);
  const lock = lockHome(where.run);
  const undo: (() => unknown)[] = [() => lock.release()];
  const ended = Promise.withResolvers<void>();
  let stopNow = async (): Promise<void> => undefined;
  try {
    const log = options.log ?? openLog(config.log.level, { file: join(where.logs, 'daemon.log') });
    const keys = await readDaemonKey(where);
    const directory = await openDirectory(grantsFile(where), { now });
    const secrets = await openSecrets({ ...secretPlaces(where), commands: config.secretCommands });
    await secrets.sweep(directory.snapshot().directory.mailboxes.map((mailbox) => (mailbox.kind === 'imap' ? mailbox.secret : null)));
    // Without its writer the daemon can promise nothing: it ends, and whoever watches over it starts it again.
    const store = await openStore({ home: where.data, log, onLost: () => void stopNow() });
    undo.push(() => store.close());
    const opener = new Opener((error) => log.warn({ err: error }, 'a mail could not be opened by the worker'));
    undo.push(() => opener.close());
    const journal = await keepJournal({ directory, store, log, now, config, version });
    undo.push(() => journal.close());

    const accountOf = (mailbox: Mailbox): MailboxAccount => {
      const policy = {
        addresses: mailbox.addresses.map((address) => address.toLowerCase()),
        workFrom: mailbox.workFrom,
        followServer: mailbox.settings.followServer,
        seenBy: mailbox.shared ? null : mailbox.owner,
      };
      // Servers of a shared mailbox are set up by holders of the operation alone, those of a personal one by its owner.
      const reach = () => {
        const snapshot = directory.snapshot();
        const { shared, owner } = snapshot.mailbox(mailbox.id) ?? mailbox;
        return reachOf(config.network, shared || snapshot.access.holds(owner, 'shared-mailbox.sync'));
      };
      const common = { id: mailbox.id, address: mailbox.address, policy, reach };
      if (mailbox.kind === 'hosted')
        return {
          ...common,
          kind: 'hosted',
          imap: null,
          smtp: null,
          secret: () => Promise.reject(new PostroomError('internal', 'a hosted mailbox has no secret')),
        };
      const { imap, smtp, secret } = mailbox;
      const opened = async () => {
        checkSecret(secret, { imap, smtp }, policyOf(config));
        return secrets.open(secret);
      };
      return { ...common, kind: 'imap', imap, smtp, secret: opened };
    };
    const hostedAccountFor = (address: string): MailboxAccount | null => {
      const mailbox = directory.snapshot().mailboxByAddress(address);
      return mailbox?.kind === 'hosted' ? accountOf(mailbox) : null;
    };
    const accountById = (id: string): MailboxAccount | null => {
      const mailbox = directory.snapshot().mailbox(id);
      return mailbox === undefined ? null : accountOf(mailbox);
    };

    // Bound below, once there is a service to answer; engines may have something to say before.
    let server: Server<typeof events> | null = null;
    const publish: Server<typeof events>['publish'] = (name, payload, to) => server?.publish(name, payload, to);
    const online = () => new Set(server?.sessions().flatMap(({ who }) => (who.kind === 'person' ? who.person : [])));

    const sync = createSync({
      store,
      config: config.sync,
      log: log.child({ engine: 'sync' }),
      now,
      onStatus: (id, status) => {
        const mailbox = directory.snapshot().mailbox(id);
        if (mailbox === undefined) return;
        const { access } = directory.snapshot();
        for (const person of online()) {
          const seen = access.surfaces(person, id, now());
          if (!seen.any) continue;
          const { address, revision } = mailbox;
          publish(
            'mailbox.changed',
            { mailbox: safeText(address), state: status.state, sync: syncOf(status, seen), revision },
            { mailbox: id, person },
          );
        }
      },
    });
    undo.push(() => sync.close());
    const hosted = await startHosted({
      store,
      config: config.hosted,
      log: log.child({ engine: 'hosted' }),
      now,
      accountFor: hostedAccountFor,
    });
    undo.push(() => hosted.close());
    const outbox = createOutbox({
      store,
      config: config.outbox,
      hostedConfig: config.hosted,
      log: log.child({ engine: 'outbox' }),
      now,
      account: accountById,
      hostedAccountFor,
      refusal: ({ author, mailbox }) => {
        const snapshot = directory.snapshot();
        return snapshot.access.surfaces(author, mailbox, now()).send
          ? null
          : (authorLeft(snapshot, author) ?? 'its author may not send from this mailbox any more');
      },
      sync,
      hosted,
    });
    undo.push(() => outbox.close());

    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    undo.push(() => delay.disable());
    const origins = new Origins();
    const uses = new Uses({ store, directory, now, log });
    undo.push(() => uses.close());
    const listening = endpointsOf(config, where);
    const begun = performance.now();
    const world: World = {
      where,
      config,
      version,
      startedAt: now(),
      daemonKey: keys.publicKey,
      log,
      now,
      directory,
      secrets,
      store,
      sync,
      hosted,
      outbox,
      opener,
      uploads: new UploadRoom(),
      quotas: new Quotas(config.quotas, now),
      origins,
      uses,
      accountOf,
      statusOf: (mailbox) => (mailbox.kind === 'hosted' ? idle : (sync.status(mailbox.id) ?? beginning)),
      vitals: () => ({
        sessions: server?.sessions().length ?? 0,
        eventLoopP99Ms: delay.percentile(99) / 1e6,
        upMs: performance.now() - begun,
      }),
      invitationEndpoint: () => {
        const widest = listening[0];
        if (widest === undefined) throw new PostroomError('invalid', 'The daemon listens nowhere.');
        const warning = {
          account:
            'Only programs of this account on this machine reach this daemon. Configure listen.ipc with a directory and a group for other accounts, or listen.tcp for other machines.',
          host: 'Only accounts of this machine that are in the group reach this daemon. Configure listen.tcp for other machines.',
          network: null,
        }[widest.for];
        return { endpoint: widest.reached, warning };
      },
      rightsSettled: () => rights.settled(),
      journalSettled: () => journal.settled(),
      rightsEpoch: (person) => rights.epoch(person),
    };
    const rights = followRights({
      directory,
      store,
      sync,
      hosted,
      outbox,
      accountOf,
      log,
      now,
      publish,
      online,
      endSessions: (fits, message) => server?.endSessions(fits, 'revoked', message),
      recheckStreams: (fits) => server?.recheckStreams(fits),
    });
    undo.push(() => rights.close());
    const clockSet = (byMs: number): void => {
      log.warn({ byMs: Math.round(byMs) }, 'the clock was set');
      rights.lookAgain();
      outbox.poke();
      if (byMs > 0) return;
      // What was to be tried again in some minutes would wait for as long as the clock went back.
      for (const { id } of directory.snapshot().directory.mailboxes)
        outbox
          .tryNow(id)
          .catch((error: unknown) => log.error({ err: error, mailbox: id }, 'what waits was not tried after the clock went back'));
    };
    undo.push(watchClock(now, clockSet));

    for (const { group, bind } of listening) await prepareRunDirectory(bind, group);
    server = await listen({
      methods,
      events,
      keys,
      endpoints: listening.map(({ bind, group }) => ({ endpoint: bind, ...(group === null ? {} : { mode: 0o660 }) })),
      release: version,
      isKeyAllowed: (key, peer) => {
        const isKnown = identify(directory.snapshot(), key, now()) !== null;
        if (isKnown) origins.admitted(key, peer);
        return isKnown;
      },
      identify: (key) => identify(directory.snapshot(), key, now()),
      nextKey: announcedKey(where, log),
      service: createService(world),
      log,
    });
    const bound = server;
    undo.push(() => bound.close(2_000));

    store.onChange((changes) => {
      for (const change of changes) tell(change, directory.snapshot(), publish);
    });
    store.onAudit((seq) => {
      const { access } = directory.snapshot();
      for (const person of online()) if (access.holds(person, 'audit.read')) publish('audit.added', { seq }, { person });
    });
    for (const mailbox of directory.snapshot().directory.mailboxes) {
      if (mailbox.kind === 'imap') sync.start(accountOf(mailbox));
    }
    outbox.poke();
    log.info({ pid: process.pid, version, endpoints: bound.endpoints, smtpPort: hosted.port }, 'the daemon runs');

    let stopping: Promise<void> | null = null;
    const stop = (): Promise<void> => {
      stopping ??= (async () => {
        log.info({}, 'the daemon stops');
        // In the reverse order of starting, sessions first; a step that fails must not keep the others from running.
        for (const step of undo.splice(0).reverse()) {
          try {
            await step();
          } catch (error) {
            log.error({ err: error }, 'a part did not stop cleanly');
          }
        }
        ended.resolve();
      })();
      return stopping;
    };
    stopNow = stop;
    if (config.exitWhenAloneMs !== null) undo.push(exitWhenAlone(bound, config.exitWhenAloneMs, () => void stop()));
    return { endpoints: bound.endpoints, smtpPort: hosted.port, world, stopped: ended.promise, stop };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

/** Whom a key stands for: a live person's live key, or an open invitation's one-time key. */
function identify(snapshot: Snapshot, publicKey: string, now: number) {
  const found = snapshot.keyByPublic(publicKey);
  if (found !== undefined)
    return opens(found.key) && found.person.status === 'active' ? { kind: 'person' as const, person: found.person.id } : null;
  const invitation = snapshot.invitationByPublic(publicKey);
  return invitation !== undefined && invitation.usedAt === null && now < invitation.expiresAt
    ? { kind: 'invitation' as const, invitation: invitation.id }
    : null;
}

/** What the store did, as the protocol's events: ids, not contents. */
function tell(change: StoreChange, snapshot: Snapshot, publish: Server<typeof events>['publish']): void {
  const mailbox = snapshot.mailbox(change.mailbox);
  if (mailbox === undefined) return;
  const address = safeText(mailbox.address);
  const to = { mailbox: mailbox.id };
  switch (change.kind) {
    case 'conversation': {
      const { conversation, revision, what, live } = change;
      const by = change.by === null ? null : safeText(snapshot.nameOf(change.by));
      const from = change.had?.kind === 'person' ? safeText(snapshot.nameOf(change.had.id)) : null;
      publish('conversation.changed', { mailbox: address, conversation, revision, what, live, by, from }, to);
      break;
    }
    case 'read':
      publish('conversation.read', { mailbox: address, conversation: change.conversation }, { ...to, person: change.person });
      break;
    case 'outbox': {
      const { outbox, conversation, state, author } = change;
      publish('outbox.changed', { mailbox: address, outbox, conversation, state, author: safeText(snapshot.nameOf(author)) }, to);
      break;
    }
    case 'folders':
      publish('folders.changed', { mailbox: address }, to);
      break;
    case 'activity': {
      const { id, what, at, conversation } = change;
      publish('activity', { mailbox: address, id, kind: what, at: iso(at), conversation }, to);
      break;
    }
    default:
      change satisfies never;
  }
}

/** Ends a daemon that exists for its sessions alone, some time after the last one was heard; one that nobody ever found stays. */
function exitWhenAlone(server: Server<typeof events>, afterMs: number, stop: () => void): () => void {
  let lastSeen: number | null = null;
  let opened = server.opened();
  const timer = setInterval(
    () => {
      const visited = server.opened() !== opened || server.sessions().length > 0;
      opened = server.opened();
      if (visited) lastSeen = performance.now();
      else if (lastSeen !== null && performance.now() - lastSeen >= afterMs) stop();
    },
    Math.min(afterMs, 250),
  );
  return () => clearInterval(timer);
}
