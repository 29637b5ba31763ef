import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../daemon/config.ts';
import { Secret } from '../../daemon/directory/secrets.ts';
import type { MailboxAccount, Outbox, OutboxDeps, ServerAddress, Sync } from '../../daemon/engines.ts';
import { silentLog } from '../../daemon/log.ts';
import { compose, newMessageId, newPostroomId } from '../../daemon/outbox/compose.ts';
import { createOutbox } from '../../daemon/outbox/deliver.ts';
import { openStore } from '../../daemon/store/store.ts';
import type { OutboxRow, Store } from '../../daemon/store/types.ts';

/** Sent as a file: what is in it stays when the process dies. `server` edits it as a provider would that files by itself. */
export interface SentFile {
  readonly sync: Sync;
  ids(): string[];
  put(messageId: string): void;
  /** Runs before each append and look: throws when the server is away. */
  fault: (what: 'find' | 'append') => void;
}

export function sentFile(home: string): SentFile {
  const path = join(home, 'sent.txt');
  const never = () => Promise.reject(new Error('not part of this test'));
  const file: SentFile = {
    ids: () => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []),
    put: (messageId) => appendFileSync(path, `${messageId}\n`),
    fault: () => {},
    sync: {
      find: async (_mailbox, _role, { messageId }) => {
        file.fault('find');
        return file.ids().includes(messageId);
      },
      append: async (_mailbox, _role, octets) => {
        file.fault('append');
        file.put(/^Message-ID: (\S+)/m.exec(Buffer.from(octets).toString('latin1'))?.[1] ?? '?');
      },
      start: () => {},
      stop: async () => {},
      status: () => null,
      poke: () => {},
      caughtUp: never,
      test: never,
      move: never,
      setFlags: never,
      close: async () => {},
    },
  };
  return file;
}

export interface WorldOptions {
  /** Between the outbox and the store: to stop at a moment, or to fail. */
  wrap?: (store: Store) => Store;
  config?: Partial<OutboxDeps['config']>;
  refusal?: OutboxDeps['refusal'];
  deps?: Partial<OutboxDeps>;
}

export interface World extends AsyncDisposable {
  readonly store: Store;
  readonly sent: SentFile;
  readonly account: MailboxAccount;
  readonly outbox: Outbox;
  /** Durable in the outbox; nothing looks at it before `outbox.poke()`. */
  queue(options?: { to?: string[]; body?: string; author?: string; sendAt?: number }): Promise<OutboxRow>;
  /** Queues, sends, and waits until the row has come to rest. */
  send(options?: { to?: string[]; body?: string }): Promise<OutboxRow>;
  /** The row, as soon as it is so. */
  until(id: string, fits: (row: OutboxRow) => boolean): Promise<OutboxRow>;
}

/** An outbox with short pauses over a real store, one IMAP mailbox that sends through `smtp`. */
export async function openWorld(home: string, smtp: ServerAddress | null, options: WorldOptions = {}): Promise<World> {
  const store = await openStore({ home });
  const sent = sentFile(home);
  const account: MailboxAccount = {
    id: 'm_support',
    address: 'support@example.org',
    policy: { addresses: ['support@example.org'], workFrom: null, followServer: true, seenBy: null },
    kind: smtp === null ? 'hosted' : 'imap',
    imap: null,
    smtp,
    reach: () => null,
    secret: async () => new Secret('secret'),
  };
  const config = parseConfig({}, 'test');
  const outbox = createOutbox({
    store: options.wrap?.(store) ?? store,
    config: {
      retryAfterMs: [15, 30],
      giveUpAfterMs: 60_000,
      commandTimeoutMs: 10_000,
      finalDotTimeoutMs: 10_000,
      attemptTimeoutMs: 30_000,
      slowAfterMs: 10_000,
      ...options.config,
    },
    hostedConfig: config.hosted,
    log: silentLog(),
    now: Date.now,
    account: (id) => (id === account.id ? account : null),
    hostedAccountFor: () => null,
    refusal: options.refusal ?? (() => null),
    sync: sent.sync,
    hosted: {
      port: 0,
      prepare: async () => {},
      deliver: () => Promise.reject(new Error('no hosted mailboxes here')),
      close: async () => {},
    },
    ...options.deps,
  });

  const world: World = {
    store,
    sent,
    account,
    outbox,
    async queue({ to = ['anna@example.com'], body = 'Hello.\n', author = 'p_ben', sendAt } = {}) {
      const now = Date.now();
      const composed = compose({
        from: { name: 'Support', address: account.address },
        to: to.map((address) => ({ name: null, address })),
        cc: [],
        bcc: [],
        subject: 'Your order',
        body,
        attachments: [],
        inReplyTo: null,
        references: [],
        date: now,
        messageId: newMessageId(account.address),
        postroomId: newPostroomId(),
      });
      const queued = await store.queue({
        mailbox: account.id,
        policy: account.policy,
        author,
        from: account.address,
        conversation: null,
        ifRevision: null,
        ...composed,
        subject: 'Your order',
        now,
        sendAt: sendAt ?? now,
        idempotencyKey: null,
        afterwards: 'waiting',
      });
      if (!queued.ok) throw new Error('refused');
      return queued.row;
    },
    async send(options) {
      const { id } = await world.queue(options);
      outbox.poke();
      return outbox.settled(id);
    },
    async until(id, fits) {
      for (;;) {
        const changed = Promise.withResolvers<void>();
        const off = store.onChange(() => changed.resolve());
        const row = await store.outboxRow(id);
        if (row !== null && fits(row)) {
          off();
          return row;
        }
        await changed.promise;
        off();
      }
    },
    async [Symbol.asyncDispose]() {
      await outbox.close();
      await store.close();
    },
  };
  return world;
}

/**
 * A hosted mailbox's outbox over rows in memory, where every step of the store and of a delivery waits for its turn: for races whose orders
 * somebody else decides. The real store's own promises are tested elsewhere.
 */
export function outboxOnly(given: {
  turn: () => Promise<void>;
  refusal: OutboxDeps['refusal'];
  onDelivery: () => void;
  rows: readonly Pick<OutboxRow, 'id' | 'sendAt'>[];
}) {
  const { turn } = given;
  const account: MailboxAccount = {
    id: 'm_support',
    address: 'support@example.org',
    policy: { addresses: ['support@example.org'], workFrom: null, followServer: true, seenBy: null },
    kind: 'hosted',
    imap: null,
    smtp: null,
    reach: () => null,
    secret: () => Promise.reject(new Error('a hosted mailbox has none')),
  };
  const blank: Omit<OutboxRow, 'id' | 'sendAt'> = {
    mailbox: account.id,
    author: 'p_ben',
    from: account.address,
    conversation: 'c',
    entry: 'e',
    state: 'queued',
    phase: null,
    heldFor: null,
    messageId: '<m@example.org>',
    postroomId: 'p',
    subject: '',
    recipients: [{ address: account.address, state: 'pending', reply: null }],
    hash: 'h',
    createdAt: 0,
    attempts: 0,
    nextAttemptAt: null,
    lastError: null,
    sentCopy: 'filed',
    sentCopyAttempts: 0,
    answers: null,
    answered: false,
    remark: null,
  };
  const rows = new Map(
    given.rows.map(({ id, sendAt }) => {
      const waits = sendAt > Date.now();
      return [
        id,
        { ...blank, id, sendAt, state: waits ? ('held' as const) : ('queued' as const), heldFor: waits ? ('time' as const) : null },
      ] as [string, OutboxRow];
    }),
  );
  const all = (): OutboxRow[] => [...rows.values()];
  const isDue = ({ state, heldFor, sendAt }: OutboxRow): boolean =>
    state === 'queued' || (state === 'held' && heldFor === 'time' && sendAt <= Date.now());
  const store: Partial<Store> = {
    onChange: () => () => undefined,
    outboxInterrupted: async () => [],
    outboxUnfiled: async () => [],
    outboxUnanswered: async () => [],
    nextOutboxAt: async () => null,
    outboxDue: async () => {
      await turn();
      const due = all().filter(isDue);
      await turn();
      return due;
    },
    outbox: async ({ states }) => {
      await turn();
      const found = all().filter(({ state }) => states?.includes(state) ?? true);
      await turn();
      return found;
    },
    outboxRow: async (id) => rows.get(id) ?? null,
    outboxMove: async (id, expected, patch) => {
      await turn();
      const row = rows.get(id);
      const fits = row?.state === expected;
      if (row !== undefined && fits) rows.set(id, { ...row, ...patch });
      await turn();
      return fits;
    },
    octets: async () => {
      await turn();
      return Buffer.from('x');
    },
  };
  const config = parseConfig({}, 'test');
  const deliver = createOutbox({
    store: store as Store,
    config: config.outbox,
    hostedConfig: config.hosted,
    log: silentLog(),
    now: Date.now,
    account: () => account,
    hostedAccountFor: () => account,
    refusal: given.refusal,
    sync: sentFile('/nonexistent').sync,
    hosted: {
      port: 0,
      prepare: async () => {},
      deliver: async () => {
        given.onDelivery();
        await turn();
      },
      close: async () => {},
    },
  });
  return {
    deliver,
    rows: rows as ReadonlyMap<string, OutboxRow>,
    /** Resolves when no row is on its way any more. */
    async rested(): Promise<void> {
      const resting = (): boolean => all().every(({ state, heldFor }) => state === 'accepted' || (state === 'held' && heldFor === 'right'));
      while (!resting()) await turn();
    },
    close: () => deliver.close(),
  };
}
