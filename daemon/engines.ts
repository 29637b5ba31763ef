/**
 * What the engines (sync, hosted, outbox) are given and what they answer. They act and decide nothing about people: rights are
 * asked through the functions they are handed.
 */

import type { Config } from './config.ts';
import type { Secret } from './directory/secrets.ts';
import type { Log } from './log.ts';
import type { Reach } from './network.ts';
import type { FolderRole, MailboxId, Millis, OutboxRow, Store, WorkPolicy } from './store/types.ts';

export type ServerAddress = {
  host: string;
  port: number;
  tls: 'implicit' | 'starttls' | 'none';
  user: string /** PEM of an own certificate authority. */;
  ca: string | null;
};

/** A mailbox as an engine needs it: the directory's document cut down, secrets behind a function. */
export type MailboxAccount = {
  id: MailboxId;
  /** The primary address. */
  address: string;
  policy: WorkPolicy;
  kind: 'imap' | 'hosted';
  imap: ServerAddress | null;
  smtp: ServerAddress | null;
  /** Which servers it may have; asked at every connection. */
  reach: () => Reach;
  /** Asked for when it is needed, kept no longer; throws PostroomError('invalid') when it is missing. */
  secret: () => Promise<Secret>;
};

export type MailboxStatus = {
  state: 'connecting' | 'syncing' | 'idle' | 'offline' | 'auth-failed' | 'error';
  done: number;
  /** null before the folders were counted. */
  total: number | null;
  /** The one that is being read; with `error` the one in trouble, when the others are in order. */
  folder: string | null;
  /** In words for people, with the server's own where there are some; null when all is well. */
  error: string | null;
  /** The error came after signing in: it may name folders. */
  inFolders: boolean;
  syncedAt: Millis | null;
  retryAt: Millis | null;
};

export type TestStep = { server: 'imap' | 'smtp'; step: string; ok: boolean; message: string };

export type SyncDeps = {
  store: Store;
  config: Config['sync'];
  log: Log;
  now: () => Millis;
  /** Called with every change of state or progress (progress at most four times a second). */
  onStatus: (mailbox: MailboxId, status: MailboxStatus) => void;
};

/** Keeps the store equal to IMAP servers. One instance for all mailboxes. */
export interface Sync {
  /** Starts or, when the account changed, starts over. */
  start(account: MailboxAccount): void;
  stop(mailbox: MailboxId): Promise<void>;
  status(mailbox: MailboxId): MailboxStatus | null;
  /** Looks at the server now. */
  poke(mailbox: MailboxId): void;
  /** Resolves when a pass that began after the call ended with stored = server; rejects PostroomError('unavailable') when it cannot. */
  caughtUp(mailbox: MailboxId): Promise<void>;
  test(account: MailboxAccount): Promise<TestStep[]>;
  /** UID MOVE on the user connection (COPY + UID EXPUNGE where MOVE is missing; refused without UIDPLUS). Returns how many moved. */
  move(mailbox: MailboxId, from: { folder: number; uidValidity: number; uids: number[] }, toFolder: number): Promise<number>;
  setFlags(
    mailbox: MailboxId,
    at: { folder: number; uidValidity: number; uids: number[] },
    change: { add?: string[]; remove?: string[] },
  ): Promise<void>;
  /** Whether a mail with this Message-ID or X-Postroom-Id is in the folder of that role (or anywhere: role null); the look is at the server, not at the store. */
  find(mailbox: MailboxId, role: FolderRole, ids: { messageId: string; postroomId: string }): Promise<boolean>;
  /** Appends to the folder of that role; creates it only when the server has none. */
  append(mailbox: MailboxId, role: FolderRole, octets: Uint8Array, flags: string[], at: Millis): Promise<void>;
  close(): Promise<void>;
}

export type HostedDeps = {
  store: Store;
  config: Config['hosted'];
  log: Log;
  now: () => Millis;
  /** The hosted mailbox that an address belongs to (aliases too), else null. */
  accountFor: (address: string) => MailboxAccount | null;
};

/** Receives over SMTP for mailboxes that the daemon keeps itself. */
export interface Hosted {
  readonly port: number;
  /** Makes the standard folders of a new hosted mailbox (Inbox, Sent, Drafts, Junk, Trash, Archive). */
  prepare(account: MailboxAccount): Promise<void>;
  /** Stores a mail; returns when it is durable. The one way in for SMTP, local delivery and Sent copies. */
  deliver(account: MailboxAccount, role: 'inbox' | 'sent', octets: Uint8Array, at: Millis, flags?: string[]): Promise<void>;
  close(): Promise<void>;
}

export type OutboxDeps = {
  store: Store;
  config: Config['outbox'];
  hostedConfig: Config['hosted'];
  log: Log;
  now: () => Millis;
  account: (mailbox: MailboxId) => MailboxAccount | null;
  /** The hosted mailbox that a recipient's address belongs to, else null: local delivery. */
  hostedAccountFor: (address: string) => MailboxAccount | null;
  /** Asked at the claim and again in the tick in which the body is released. `null`: allowed; else why not. */
  refusal: (row: OutboxRow) => string | null;
  sync: Sync;
  hosted: Hosted;
};

/** Sends what is due, once. */
export interface Outbox {
  /** Something was queued or its time moved. */
  poke(): void;
  /** Resolves when the row has reached accepted, failed, unknown, bounced, cancelled, or is held. */
  settled(outbox: string): Promise<OutboxRow>;
  /** `sizeOctets`: how large a mail the server takes, null when it names no limit; noted already for a mailbox of the directory. */
  test(account: MailboxAccount): Promise<{ steps: TestStep[]; sizeOctets?: number | null }>;
  /** Asks the server how large a mail it takes, and notes it; a server that cannot be asked within seconds leaves it unknown. */
  askSize(account: MailboxAccount): Promise<void>;
  /** A person said that a mail of unknown fate arrived: a copy belongs in Sent. */
  arrived(outbox: string): Promise<void>;
  /** What waits for this mailbox's server is tried at once: its account changed, or a person asks. */
  tryNow(mailbox: MailboxId): Promise<void>;
  /** A right went: claims of that person and mailbox before `data` are taken back and their rows held. Returns before no DATA can begin, with how many are held by it. */
  revoked(who: { author: string; mailbox: MailboxId }): Promise<number>;
  close(): Promise<void>;
}
