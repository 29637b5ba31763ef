/**
 * A question to the daemon whose answer is kept true: the unit that the mirror is made of.
 *
 * Invariants
 * - it is asked again after every event that touches it, at most ten times a second (once a second while history is imported)
 * - an answer that was overtaken by a later question is dropped; what came last is shown until the next answer is here
 * - what may not be seen any more is not kept
 */
import type { DaemonEvent } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import type { Method, Params, Result } from '../protocol/methods.ts';

/** What a view holds at one moment. `data` is null until the first answer. */
export type Picture<T> = {
  readonly data: T | null;
  /** Why the last question failed; `data` is then from before. */
  readonly error: PostroomError | null;
  /** When `data` was answered. */
  readonly at: number | null;
  /** Rises with each change of one's rights: rows that come or go with one are no news, and what goes with one is kept nowhere. */
  readonly reach?: number;
};

/** Something to read that changes by itself. The picture keeps its identity while nothing changed. */
export interface View<T> {
  readonly picture: Picture<T>;
  /** Keeps the view alive and calls back on change, until the returned function is called. */
  subscribe(listener: () => void): () => void;
}

/** Rows that are asked for at once. */
export const pageRows = 100;
const refreshMs = 100;
/** While history comes in there is nothing to hurry for. */
const importRefreshMs = 1_000;
const empty: Picture<never> = { data: null, error: null, at: null };

/** What a question needs: somebody to ask, who tells it what happens while it is shown. */
export type Asker = {
  call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
  watch(view: Watched): void;
  unwatch(view: Watched): void;
};

/** What the mirror does with a view that somebody shows. */
export type Watched = { hear(event: DaemonEvent): void; refresh(): void; retry(): void };

/** A question, when to ask it again, and who listens. */
export class Asked<T> implements View<T> {
  picture: Picture<T> = empty;
  readonly #ask: () => Promise<T>;
  readonly #touchedBy: (event: DaemonEvent) => boolean;
  readonly #listeners = new Set<() => void>();
  readonly #mirror: Asker;
  #question = 0;
  #reach = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #lastAskedAt = Number.NEGATIVE_INFINITY;

  constructor(mirror: Asker, ask: () => Promise<T>, touchedBy: (event: DaemonEvent) => boolean) {
    this.#mirror = mirror;
    this.#ask = ask;
    this.#touchedBy = touchedBy;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#mirror.watch(this);
      this.refresh();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#mirror.unwatch(this);
    };
  }

  hear(event: DaemonEvent): void {
    if (event.name === 'rights.changed') this.#reach++;
    if (!this.#touchedBy(event)) return;
    this.refresh(event.name === 'conversation.changed' && !event.payload.live ? importRefreshMs : refreshMs);
  }

  /** Asks now, or as soon as `afterMs` have passed since the last time. */
  refresh(afterMs = refreshMs): void {
    const wait = Math.max(0, this.#lastAskedAt + afterMs - performance.now());
    const due = performance.now() + wait;
    if (this.#timer !== undefined) {
      if (due >= this.#due) return;
      clearTimeout(this.#timer);
    }
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.ask();
    }, wait);
  }

  /** Asks again what failed. */
  retry(): void {
    if (this.picture.error !== null) this.refresh();
  }

  async ask(): Promise<void> {
    this.#lastAskedAt = performance.now();
    const question = ++this.#question;
    const reach = this.#reach;
    try {
      const data = await this.#ask();
      if (question === this.#question) this.set({ data, error: null, at: Date.now(), reach });
    } catch (error) {
      if (question !== this.#question) return;
      const known =
        error instanceof PostroomError ? error : new PostroomError('internal', error instanceof Error ? error.message : String(error));
      // What may not be seen any more is not kept for old times' sake.
      const gone = known.code === 'not-found' || known.code === 'forbidden' || known.code === 'unauthenticated';
      this.set(gone ? { ...empty, error: known } : { ...this.picture, error: known });
    }
  }

  /** Asks unless that was done before: somebody is about to look. */
  warm(): void {
    if (this.picture.at === null && this.#question === 0) void this.ask();
  }

  /** Drops what is shown, for a reason that no question will change. */
  fail(error: PostroomError): void {
    this.#question++;
    this.set({ ...empty, error });
  }

  /** Drops what is shown: a right went. */
  clear(): void {
    this.#question++;
    this.set(empty);
  }

  /** Shows the rest at once: a right to some of it went. */
  keepOnly(data: T): void {
    this.set({ ...this.picture, data, reach: this.#reach });
  }

  set(picture: Picture<T>): void {
    this.picture = picture;
    for (const listener of this.#listeners) listener();
  }
}
