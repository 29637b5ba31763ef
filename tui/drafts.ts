/**
 * Mails being written, kept until they are queued or discarded: a crash, a quit or a lost connection takes no word from anybody. One file
 * for each, 0600 in a folder 0700, renamed into place whole. Drafts of other identities of this account are left alone.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { places } from '../protocol/places.ts';
import type { Attached } from './files.ts';

export type DraftKind = 'new' | 'reply' | 'reply-all' | 'forward';

/** A file that the daemon has: an attachment of a mail in the outbox, by its number there. */
export type KeptFile = { readonly index: number; readonly name: string; readonly size: number };

export type Draft = {
  readonly id: string;
  readonly kind: DraftKind;
  /** The address it leaves from. */
  readonly from: string;
  readonly mailbox: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  readonly subject: string;
  readonly body: string;
  readonly files: readonly Attached[];
  /** Files of the forwarded mail, which the daemon adds. */
  readonly forwarded: readonly string[];
  /** The mail of the outbox that this one takes the place of, with those of its files that go along. */
  readonly instead: { readonly outbox: string; readonly files: readonly KeptFile[] } | null;
  /** What it answers: the conversation, the mail in it, and the revision that its author has seen. */
  readonly conversation: string | null;
  readonly message: string | null;
  readonly revision: number | null;
  /** Everybody in the conversation, by address in lower case. */
  readonly participants: readonly string[];
  /** Rises when a queued mail was taken back: what is sent then is another mail to the daemon. */
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
};

/** Beside the logs: the state of this person's programs (XDG), or the named home. */
export const draftsFolder = (home: string | undefined): string => join(dirname(places(home).logs), 'drafts');

type Stored = { readonly owner: string; readonly draft: Draft };

export class Drafts {
  readonly #folder: string;
  readonly #owner: string;
  /** One write after the other, so that the last one wins. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #settled = new Set<string>();

  /** `owner` tells the identities of one account apart: its public key. */
  constructor(folder: string, owner: string) {
    this.#folder = folder;
    this.#owner = owner;
  }

  save(draft: Draft): Promise<void> {
    return this.#next(async () => {
      // Kept a moment after each change: a save that comes late must not bring back what was sent.
      if (this.#settled.has(settledKey(draft))) return;
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await chmod(this.#folder, 0o700);
      const path = this.#path(draft.id);
      const stored: Stored = { owner: this.#owner, draft };
      await writeFile(`${path}.new`, JSON.stringify(stored), { mode: 0o600 });
      await rename(`${path}.new`, path);
    });
  }

  /** It was queued, or is not wanted; taken back, it is another attempt and can be kept again. */
  remove(draft: Pick<Draft, 'id' | 'attempt'>): Promise<void> {
    this.#settled.add(settledKey(draft));
    return this.#next(() => rm(this.#path(draft.id), { force: true }));
  }

  /** The newest first. A file that is no draft of ours is passed over. */
  async list(): Promise<Draft[]> {
    await this.#last.catch(() => undefined); // whoever saved was told
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    });
    const found = await Promise.all(
      names.filter((name) => /^[0-9a-f-]+\.json$/.test(name)).map((name) => this.#read(join(this.#folder, name))),
    );
    return found
      .flatMap((stored) => (stored?.owner === this.#owner ? [withAll(stored.draft)] : []))
      .toSorted((a, b) => b.savedAt - a.savedAt);
  }

  async #read(path: string): Promise<Stored | null> {
    try {
      const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
      return isStored(parsed) ? parsed : null;
    } catch {
      return null; // damaged, or removed in this moment
    }
  }

  #path(id: string): string {
    if (!/^[0-9a-f-]+$/.test(id)) throw new Error('that is no id of a draft');
    return join(this.#folder, `${id}.json`);
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#last.catch(() => undefined).then(work);
    this.#last = done;
    return done;
  }
}

const settledKey = ({ id, attempt }: Pick<Draft, 'id' | 'attempt'>): string => `${id} ${attempt}`;

const texts = ['id', 'kind', 'from', 'mailbox', 'to', 'cc', 'bcc', 'subject', 'body'] as const;
const lists = ['files', 'forwarded', 'participants'] as const;

function isStored(value: unknown): value is Stored {
  if (!isRecord(value) || typeof value.owner !== 'string' || !isRecord(value.draft)) return false;
  const { draft } = value;
  return (
    texts.every((key) => typeof draft[key] === 'string') &&
    lists.every((key) => Array.isArray(draft[key])) &&
    typeof draft.attempt === 'number' &&
    typeof draft.savedAt === 'number'
  );
}

/** A draft that an older program kept says nothing of what it takes the place of. */
const withAll = (draft: Omit<Draft, 'instead'> & Partial<Pick<Draft, 'instead'>>): Draft => ({ instead: null, ...draft });

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
