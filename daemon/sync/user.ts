/**
 * What people do to mail on the server: move, flag, file, look whether something is there. On a connection of its own, opened when
 * it is needed and never behind the bulk of a sync; one thing at a time.
 */
import { PostroomError } from '../../protocol/errors.ts';
import { folderOfRole } from '../store/folders.ts';
import type { Folder, FolderRole, Millis, Store } from '../store/types.ts';
import { ImapFault } from './fault.ts';
import type { Imap, Listed, Named } from './imap.ts';

/** A connection that nobody needed for so long is closed. */
const idleMs = 30_000;
/** UIDs in one command: some servers take lines of 8 kB. */
const uidsPerCommand = 500;

/** Names for folders that a server does not have yet. */
const newFolder: Record<Exclude<FolderRole, null>, string> = {
  inbox: 'INBOX',
  sent: 'Sent',
  drafts: 'Drafts',
  junk: 'Junk',
  trash: 'Trash',
  archive: 'Archive',
  all: 'Archive',
};

export type Place = { folder: number; uidValidity: number; uids: number[] };

export class UserConnection {
  readonly #mailbox: string;
  readonly #store: Store;
  readonly #connect: () => Promise<Imap>;
  #imap: Imap | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(mailbox: string, store: Store, connect: () => Promise<Imap>) {
    this.#mailbox = mailbox;
    this.#store = store;
    this.#connect = connect;
  }

  async move(from: Place, toFolder: number): Promise<number> {
    const [source, target] = [await this.#folder(from.folder), await this.#folder(toFolder)];
    return this.#with(async (imap) => {
      // COPY and a plain EXPUNGE would take every message that anybody has marked \Deleted.
      if (!imap.can.move && !imap.can.uidplus) {
        throw new PostroomError('invalid', 'This mail server can neither move messages nor expunge single ones (no MOVE, no UIDPLUS).');
      }
      await openSame(imap, source, from.uidValidity);
      let movedCount = 0;
      for (const uids of chunks(from.uids)) {
        const present = await imap.still(uids);
        if (present.length === 0) continue;
        await imap.move(present, target);
        movedCount += present.length - (await imap.still(present)).length;
      }
      return movedCount;
    });
  }

  async setFlags(at: Place, change: { add?: string[]; remove?: string[] }): Promise<void> {
    const folder = await this.#folder(at.folder);
    await this.#with(async (imap) => {
      await openSame(imap, folder, at.uidValidity);
      for (const uids of chunks(at.uids)) await imap.changeFlags(uids, change);
    });
  }

  /** Looks at the server, not at the store. `role` null: in every folder. */
  async find(role: FolderRole, ids: { messageId: string; postroomId: string }): Promise<boolean> {
    return this.#with((imap) => this.#isThere(imap, role, ids));
  }

  /** A connection that dies before the OK leaves it open whether the message was filed: so every attempt looks first. */
  async append(role: FolderRole, octets: Uint8Array, flags: string[], at: Millis): Promise<void> {
    const ids = idsIn(octets);
    const file = () =>
      this.#with(async (imap) => {
        if (await this.#isThere(imap, role, ids)) return;
        await imap.append(await this.#folderFor(imap, role), octets, flags, at);
      });
    try {
      await file();
    } catch (error) {
      if (!(error instanceof PostroomError) || error.code !== 'unavailable' || this.#closed) throw error;
      await file();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#imap?.close();
    await this.#turn;
  }

  async #isThere(imap: Imap, role: FolderRole, ids: { messageId: string; postroomId: string }): Promise<boolean> {
    const headers = [
      { name: 'Message-ID', value: ids.messageId },
      { name: 'X-Postroom-Id', value: ids.postroomId },
    ].filter(({ value }) => value !== '');
    if (headers.length === 0) return false;
    const listed = (await imap.list()).filter((folder) => isOpen(folder) && (role === null || folder.role === role));
    for (const folder of listed) {
      await imap.open(folder);
      if ((await imap.withHeader(headers)).length > 0) return true;
    }
    return false;
  }

  async #folderFor(imap: Imap, role: FolderRole): Promise<Named> {
    const wanted = role ?? 'archive';
    const listed = await imap.list();
    const there = folderOfRole(listed.filter(isOpen), wanted);
    if (there) return there;
    // Servers that keep everything below the inbox ("INBOX.Sent") take no folder beside it.
    const inbox = listed.find((folder) => folder.role === 'inbox');
    const below = listed.length > 1 && listed.every((folder) => folder === inbox || folder.name.startsWith(`INBOX${inbox?.delimiter}`));
    const name = below ? `INBOX${inbox?.delimiter}${newFolder[wanted]}` : newFolder[wanted];
    return await imap.create(name);
  }

  async #folder(id: number): Promise<Folder> {
    const folder = (await this.#store.folders(this.#mailbox)).find((it) => it.id === id);
    if (!folder) throw new PostroomError('not-found', 'The folder is no longer there.');
    return folder;
  }

  /** One at a time: a second command in another folder would change what the first one's UIDs mean. */
  #with<T>(use: (imap: Imap) => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      clearTimeout(this.#idle);
      if (this.#closed) throw new PostroomError('unavailable', 'The mailbox was stopped.');
      try {
        this.#imap ??= await this.#connect();
        return await use(this.#imap);
      } catch (error) {
        if (!(error instanceof ImapFault)) throw error;
        if (error.kind !== 'refused') this.#drop();
        throw new PostroomError(error.kind === 'refused' ? 'invalid' : 'unavailable', error.message, {}, { cause: error });
      } finally {
        if (this.#imap && !this.#closed) this.#idle = setTimeout(() => this.#drop(), idleMs);
      }
    });
    this.#turn = turn.then(nothing, nothing);
    return turn;
  }

  #drop(): void {
    this.#imap?.close();
    this.#imap = null;
  }
}

const isOpen = ({ selectable, obstacle }: Listed): boolean => selectable && obstacle === null;

async function openSame(imap: Imap, folder: Folder, uidValidity: number): Promise<void> {
  const opened = await imap.open(folder, 'write');
  if (opened.uidValidity !== uidValidity)
    throw new PostroomError('conflict', `${folder.name} was made anew on the server. Try again in a moment.`);
}

/** The ids that a mail of ours carries; empty where it has none. */
function idsIn(octets: Uint8Array): { messageId: string; postroomId: string } {
  const head = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.byteLength, 64 * 1024)).toString('latin1');
  const end = head.search(/\r?\n\r?\n/);
  const header = (name: string) =>
    new RegExp(`^${name}:[ \\t]*(?:\\r?\\n[ \\t]+)?(\\S+)`, 'im').exec(end < 0 ? head : head.slice(0, end))?.[1] ?? '';
  return { messageId: header('Message-ID'), postroomId: header('X-Postroom-Id') };
}

function chunks(uids: readonly number[]): number[][] {
  const cut: number[][] = [];
  for (let at = 0; at < uids.length; at += uidsPerCommand) cut.push(uids.slice(at, at + uidsPerCommand));
  return cut;
}

const nothing = () => {};
