import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { Config } from '../../daemon/config.ts';
import { Secret } from '../../daemon/directory/secrets.ts';
import type { MailboxAccount, MailboxStatus, ServerAddress, Sync } from '../../daemon/engines.ts';
import { silentLog } from '../../daemon/log.ts';
import type { Reach } from '../../daemon/network.ts';
import { openStore } from '../../daemon/store/store.ts';
import type { Folder, Store } from '../../daemon/store/types.ts';
import { createSync } from '../../daemon/sync/sync.ts';
import type { Dovecot } from './dovecot.ts';
import { mail } from './message.ts';
import { tempDir } from './tempdir.ts';

export interface SyncOptions {
  address?: string;
  password?: string;
  imap?: Partial<ServerAddress>;
  /** Left out: any server. */
  reach?: Reach;
  config?: Partial<Config['sync']>;
  /** A home that an earlier sync has filled. */
  home?: string;
  policy?: Partial<MailboxAccount['policy']>;
}

/** A placement as the store has it. */
export interface Placed {
  uid: number;
  flags: string[];
  hash: string;
}

/** The engine over a real store, for one mailbox. */
export interface RunningSync extends AsyncDisposable {
  readonly sync: Sync;
  readonly store: Store;
  readonly home: string;
  readonly account: MailboxAccount;
  /** Every status that was reported, oldest first. */
  readonly reported: readonly MailboxStatus[];
  /** As soon as `holds` does; it is asked again whenever the store or the status changes. */
  until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void>;
  caughtUp(): Promise<void>;
  folder(name: string): Promise<Folder>;
  /** What the store has, by folder name, ascending by uid. */
  placed(): Map<string, Placed[]>;
  /** UIDs and flags of every folder are those of the server, and every invariant of the store holds. */
  equals(dovecot: Dovecot): Promise<void>;
  isEqual(dovecot: Dovecot): Promise<boolean>;
}

export const sha256 = (octets: Uint8Array | string) => createHash('sha256').update(octets).digest('hex');

/** Different messages, a few of them large enough to fill a buffer. */
export function mails(count: number, name = 'mail'): Buffer[] {
  return Array.from({ length: count }, (_, n) =>
    mail({
      from: `Customer ${n % 7} <customer${n % 7}@example.net>`,
      to: 'support@example.org',
      subject: `${name} ${n}`,
      text: `Message ${n} of ${name}.\r\n${'Lorem ipsum dolor sit amet. '.repeat(n % 50)}`,
      date: Date.UTC(2026, 0, 1) + n * 60_000,
      messageId: `${name}-${n}@example.net`,
    }),
  );
}

export async function startSync(dovecot: Pick<Dovecot, 'ports' | 'ca'>, options: SyncOptions = {}): Promise<RunningSync> {
  await using cleanup = new AsyncDisposableStack();
  const home = options.home ?? cleanup.use(await tempDir()).path;
  const store = cleanup.adopt(await openStore({ home, graceMs: 2_000 }), (it) => it.close());
  const address = options.address ?? 'support@example.org';
  const account: MailboxAccount = {
    id: 'm_support',
    address,
    policy: { addresses: [address], workFrom: null, followServer: true, seenBy: null, ...options.policy },
    kind: 'imap',
    imap: { host: '127.0.0.1', port: dovecot.ports.imaps, tls: 'implicit', user: address, ca: dovecot.ca, ...options.imap },
    smtp: null,
    reach: () => options.reach ?? null,
    secret: async () => new Secret(options.password ?? 'secret'),
  };
  const reported: MailboxStatus[] = [];
  let look = () => {};
  const config = { ...Config.parse({}).sync, retryMinMs: 50, retryMaxMs: 1_000, ...options.config };
  const sync = cleanup.adopt(
    createSync({
      store,
      config,
      log: silentLog(),
      now: Date.now,
      onStatus: (_, status) => {
        reported.push({ ...status });
        look();
      },
    }),
    (it) => it.close(),
  );
  cleanup.defer(store.onChange(() => look()));
  sync.start(account);

  const placed = () => {
    const db = new DatabaseSync(join(home, 'mail.db'), { readOnly: true });
    try {
      const rows = db
        .prepare(
          `SELECT f.name AS name, p.uid AS uid, p.flags AS flags, lower(hex(m.hash)) AS hash FROM placement p
           JOIN folder f ON f.id = p.folder AND f.uid_validity = p.uid_validity JOIN entry e ON e.row = p.entry JOIN message m ON m.num = e.message
           ORDER BY p.uid`,
        )
        .all() as { name: string; uid: number; flags: string; hash: string }[];
      const byFolder = new Map<string, Placed[]>();
      for (const { name, uid, flags, hash } of rows) {
        const list = byFolder.get(name) ?? [];
        list.push({ uid, hash, flags: flags.split(' ').filter(Boolean).sort() });
        byFolder.set(name, list);
      }
      return byFolder;
    } finally {
      db.close();
    }
  };
  const both = async (server: Dovecot) => {
    const stored = placed();
    const names = await server.folders(address);
    const theirs = await Promise.all(names.map(async (name) => [name, await server.messages(address, name)] as const));
    const ours = names.map((name) => [name, (stored.get(name) ?? []).map(({ uid, flags }) => ({ uid, flags }))] as const);
    return { theirs: Object.fromEntries(theirs), ours: Object.fromEntries(ours) };
  };

  const owned = cleanup.move();
  return {
    sync,
    store,
    home,
    account,
    reported,
    placed,
    caughtUp: () => sync.caughtUp(account.id),
    async until(what, holds, timeoutMs = 90_000) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      let asking = false;
      let again = false;
      const ask = async () => {
        again = true;
        if (asking) return;
        asking = true;
        while (again) {
          again = false;
          if (await holds()) return resolve();
        }
        asking = false;
      };
      look = () => void ask().catch(reject);
      const timer = setTimeout(
        () => reject(new Error(`Waited ${timeoutMs} ms until ${what}; last: ${JSON.stringify(reported.at(-1))}`)),
        timeoutMs,
      );
      look();
      await promise.finally(() => {
        clearTimeout(timer);
        look = () => {};
      });
    },
    async folder(name) {
      const found = (await store.folders(account.id)).find((it) => it.name === name);
      if (!found) throw new Error(`There is no folder ${name}`);
      return found;
    },
    async isEqual(server) {
      const { ours, theirs } = await both(server);
      return JSON.stringify(ours) === JSON.stringify(theirs);
    },
    async equals(server) {
      const { ours, theirs } = await both(server);
      expect(ours).toEqual(theirs);
      expect(await store.check()).toEqual([]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
