/** A store with one mailbox and the usual folders, spoken to in the words of the product. Disposing ends with every invariant. */
import { expect } from 'vitest';
import { openStore } from '../../daemon/store/store.ts';
import type {
  ConversationDetail,
  ConversationId,
  Folder,
  Ingested,
  IngestItem,
  MailboxId,
  Millis,
  PersonId,
  QueueRequest,
  Seen,
  Store,
  StoreChange,
  WorkPolicy,
} from '../../daemon/store/types.ts';
import { type MailInput, mail } from './message.ts';
import { tempDir } from './tempdir.ts';

/** Minute 0 of the tests; whole seconds, as IMAP has them. */
export const start = Date.UTC(2026, 10, 2, 9, 0, 0);
export const minute = (n: number): Millis => start + n * 60_000;

export const support = 'support@example.com';
export const customer = 'Jane Cooper <jane@customer.example>';

export const listed = [
  { path: 'INBOX', role: 'inbox' },
  { path: 'Sent', role: 'sent' },
  { path: 'Drafts', role: 'drafts' },
  { path: 'Junk', role: 'junk' },
  { path: 'Trash', role: 'trash' },
  { path: 'Archive', role: 'archive' },
  { path: 'Projects', role: null },
] as const;
export type FolderPath = (typeof listed)[number]['path'];

export type Arriving = { octets: Uint8Array; at: Millis; flags?: readonly string[]; uid?: number | null };

type Options = {
  mailbox?: MailboxId;
  workFrom?: Millis | null;
  followServer?: boolean;
  seenBy?: PersonId | null;
  graceMs?: Millis;
  /** A store that is open already; its story ends it. */
  beside?: Store;
};

export async function storeStory(options: Options = {}) {
  const dir = await tempDir();
  const home = `${dir.path}/home`;
  const { mailbox = 'support', workFrom = null, followServer = true, seenBy = null, graceMs = 60_000 } = options;
  const policy: WorkPolicy = { addresses: [support, 'help@example.com'], workFrom, followServer, seenBy };
  const seen: Seen = { mailbox, unreadSince: 0, outgoingInPanel: true, watch: 'all' };
  let store: Store = options.beside ?? (await openStore({ home, graceMs }));
  let lastUid = 0;
  const changes: StoreChange[] = [];
  store.onChange((more) => void changes.push(...more));
  const folders = await putFolders(store, mailbox);
  const folder = (path: FolderPath): Folder => {
    const found = folders.find((it) => it.path === path);
    if (found === undefined) throw new Error(`no folder ${path}`);
    return found;
  };

  return {
    home,
    mailbox,
    policy,
    seen,
    folder,
    /** Everything the store told since it was opened first. */
    changes,
    get store() {
      return store;
    },
    async reopen(): Promise<Store> {
      await store.close();
      store = await openStore({ home, graceMs });
      store.onChange((more) => void changes.push(...more));
      return store;
    },
    async ingest(path: FolderPath, origin: 'import' | 'live', ...arriving: Arriving[]): Promise<Ingested[]> {
      return await store.ingest({
        mailbox,
        policy,
        folder: folder(path).id,
        uidValidity: 1,
        origin,
        ...batch(arriving.map((it) => ({ ...it, uid: it.uid === undefined ? ++lastUid : it.uid }))),
      });
    },
    async one(
      path: FolderPath,
      origin: 'import' | 'live',
      octets: Uint8Array,
      at: Millis,
      flags: readonly string[] = [],
    ): Promise<Ingested> {
      const [got] = await this.ingest(path, origin, { octets, at, flags });
      if (got === undefined) throw new Error('nothing came in');
      return got;
    },
    async gone(path: FolderPath, ...uids: number[]): Promise<void> {
      await store.applyChanges({ mailbox, policy, folder: folder(path).id, uidValidity: 1, flags: [], gone: uids, checkpoint: {} });
    },
    async detail(conversation: ConversationId, person = 'ann'): Promise<ConversationDetail> {
      const detail = await store.conversation(conversation, person, seen, { limit: 1_000 });
      if (detail === null) throw new Error(`conversation ${conversation} is not there`);
      return detail;
    },
    async send(octets: Uint8Array, more: Partial<QueueRequest> = {}) {
      return await store.queue({
        mailbox,
        policy,
        author: 'ann',
        from: support,
        conversation: null,
        ifRevision: null,
        octets,
        messageId: '<sent@example.com>',
        postroomId: 'postroom-1',
        subject: 'Re: Order',
        recipients: ['jane@customer.example'],
        now: minute(50),
        sendAt: minute(50),
        idempotencyKey: null,
        afterwards: 'waiting',
        ...more,
      });
    },
    /** Waits until the store has told something that fits. */
    async told(fits: (change: StoreChange) => boolean): Promise<void> {
      if (changes.some(fits)) return;
      await new Promise<void>((resolve) => {
        const stop = store.onChange((more) => {
          if (!more.some(fits)) return;
          stop();
          resolve();
        });
      });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      const broken = await store.check();
      if (options.beside === undefined) await store.close();
      await dir[Symbol.asyncDispose]();
      expect(broken).toEqual([]);
    },
  };
}

export const putFolders = (store: Store, mailbox: MailboxId): Promise<Folder[]> =>
  store.putFolders(
    mailbox,
    listed.map((it) => ({ ...it, name: it.path, delimiter: '/', selectable: true })),
  );

/** Octets one after the other in one buffer, as the sync hands them over. */
export function batch(arriving: readonly Arriving[]): { buffer: ArrayBuffer; items: IngestItem[] } {
  const buffer = new ArrayBuffer(arriving.reduce((sum, { octets }) => sum + octets.length, 0));
  let offset = 0;
  const items = arriving.map(({ octets, at, flags = [], uid = null }) => {
    new Uint8Array(buffer, offset, octets.length).set(octets);
    offset += octets.length;
    return { offset: offset - octets.length, length: octets.length, receivedAt: at, flags, modSeq: null, uid };
  });
  return { buffer, items };
}

type Letter = Partial<MailInput> & { id: string; answers?: string };

/** A mail from the customer; `answers` names the mail it replies to. */
export const letter = ({ id, answers, ...more }: Letter): Buffer =>
  mail({
    from: customer,
    to: support,
    subject: answers === undefined ? 'Order' : 'Re: Order',
    text: `This is ${id}.`,
    messageId: `${id}@example.test`,
    ...(answers === undefined ? {} : { inReplyTo: `${answers}@example.test` }),
    ...more,
  });

/** A mail from us to the customer. */
export const answer = (it: Letter): Buffer => letter({ from: support, to: customer, ...it });
