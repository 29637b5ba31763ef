/**
 * Which rights people use, for the report of those that nobody needs. Noted where requests are authorized, kept in memory, and written
 * together a few seconds later: once for each person, mailbox, right and day, so that no request waits for it and no disk is kept busy.
 * What a crash takes is a few seconds of the first uses of a day.
 *
 * An owner uses what they own, no grant; nothing of theirs is noted.
 */
import type { Method } from '../../protocol/methods.ts';
import type { Need } from '../../protocol/rows.ts';
import type { Right, Surfaces } from '../access/decide.ts';
import { dayOf } from '../access/unused.ts';
import type { DirectoryStore } from '../directory/durable.ts';
import type { Log } from '../log.ts';
import type { MailboxId, Millis, PersonId, RightUse, Store } from '../store/types.ts';
import { changesNothing } from './repeats.ts';

/** Looking is no use of the right to change: the matrix over all mailboxes asks about each. A test of the connection is work. */
const setsUp = (method: Method): boolean => !changesNothing[method] || method === 'mailbox.test';

/** The right that let a request in which was authorized with these surfaces; null: none of a grant. */
export function rightUsed(method: Method, needs: readonly Need[], surfaces: Surfaces): Right | null {
  if (surfaces.owner) return null;
  if (needs.includes('settings')) return setsUp(method) ? 'setup' : null;
  if (needs.includes('send') || needs.includes('panel')) return 'send';
  if (needs.includes('timeline')) return 'access';
  if (needs.includes('open')) return surfaces.timeline ? 'access' : 'send';
  return null;
}

type Deps = {
  readonly store: Pick<Store, 'noteUses'>;
  readonly directory: Pick<DirectoryStore, 'snapshot'>;
  readonly now: () => Millis;
  readonly log: Log;
  /** How long a use may wait for others to be written with. */
  readonly waitMs?: Millis;
};

export class Uses {
  readonly #deps: Deps;
  /** What is to be written. */
  #waiting = new Map<string, RightUse>();
  /** What was noted on this day already. */
  readonly #noted = new Set<string>();
  #day = Number.NaN;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #failing = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  note(person: PersonId, mailbox: MailboxId, right: Right): void {
    const at = this.#deps.now();
    const day = dayOf(at);
    if (day !== this.#day) this.#noted.clear();
    this.#day = day;
    const key = `${person} ${mailbox} ${right}`;
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    this.#waiting.set(key, { person, mailbox, right, at });
    this.#later();
  }

  /** The work of the panel (looked at there, taken, done, noted), which Send brings to somebody. */
  noteWork(person: PersonId, mailbox: MailboxId): void {
    const { send, owner } = this.#deps.directory.snapshot().access.surfaces(person, mailbox, this.#deps.now());
    if (send && !owner) this.note(person, mailbox, 'send');
  }

  /** Resolves when everything noted so far is written, or is to be tried again. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => void this.flush(), this.#deps.waitMs ?? 3_000).unref();
  }

  async #write(): Promise<void> {
    const { store, directory, log } = this.#deps;
    const due = this.#waiting;
    if (due.size === 0) return;
    this.#waiting = new Map();
    // Who or what went meanwhile has been forgotten, and must not come back.
    const snapshot = directory.snapshot();
    const there = [...due.values()].filter(
      ({ person, mailbox }) => snapshot.person(person) !== undefined && snapshot.mailbox(mailbox) !== undefined,
    );
    try {
      await store.noteUses(there);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log.warn({ err: error }, 'which rights were used could not be written; it is tried again');
      this.#failing = true;
      this.#waiting = new Map([...due, ...this.#waiting]);
      this.#later();
    }
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
