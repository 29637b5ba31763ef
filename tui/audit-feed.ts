/**
 * The audit journal as a screen reads it: a page, older ones as one scrolls, what comes meanwhile. Opening it is an act of its own in the
 * journal, so everything after the first page goes by the cursors of that opening.
 */
import type { PostroomError } from '../protocol/errors.ts';
import type { Params, Result } from '../protocol/methods.ts';
import type { AuditRow } from '../protocol/schema.ts';

export type AuditQuestion = Required<Pick<Params<'audit.list'>, 'mailbox' | 'person' | 'since' | 'until' | 'action'>>;
export const everything: AuditQuestion = { mailbox: null, person: null, since: null, until: null, action: null };

type Ask = (params: Params<'audit.list'>) => Promise<Result<'audit.list'>>;

export type AuditPicture = {
  /** Newest first. */
  readonly rows: readonly AuditRow[];
  readonly loaded: boolean;
  /** Nothing older is left. */
  readonly complete: boolean;
  /** Why it cannot be read; then there are no rows. */
  readonly error: PostroomError | null;
};

const pageRows = 100;

export class AuditFeed {
  picture: AuditPicture = { rows: [], loaded: false, complete: false, error: null };
  readonly #ask: Ask;
  readonly #question: AuditQuestion;
  readonly #asError: (error: unknown) => PostroomError;
  readonly #listeners = new Set<() => void>();
  #next: string | null = null;
  #newer: string | null = null;
  #last: Promise<void> = Promise.resolve();
  #pending = { older: false, newer: false };

  constructor(ask: Ask, question: AuditQuestion, asError: (error: unknown) => PostroomError) {
    this.#ask = ask;
    this.#question = question;
    this.#asError = asError;
    this.#then(() => this.#open());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** One page more, if there is one. */
  older(): void {
    if (this.#pending.older || this.picture.complete || !this.picture.loaded) return;
    this.#pending.older = true;
    this.#then(async () => {
      this.#pending.older = false;
      if (this.#next === null) return;
      const { rows, next } = await this.#ask({ ...this.#question, limit: pageRows, cursor: this.#next });
      this.#next = next;
      this.#put({ rows: [...this.picture.rows, ...rows], complete: next === null });
    });
  }

  /** What came since, and whether it may be read at all still. */
  newer(): void {
    if (this.#pending.newer) return;
    this.#pending.newer = true;
    this.#then(async () => {
      this.#pending.newer = false;
      for (let full = true; full && this.#newer !== null; ) {
        const { rows, newer } = await this.#ask({ ...this.#question, limit: pageRows, cursor: this.#newer });
        this.#newer = newer;
        full = rows.length === pageRows;
        if (rows.length > 0) this.#put({ rows: [...rows, ...this.picture.rows] });
      }
      if (this.#newer === null) await this.#open();
    });
  }

  async #open(): Promise<void> {
    const { rows, next, newer } = await this.#ask({ ...this.#question, limit: pageRows });
    [this.#next, this.#newer] = [next, newer];
    this.#put({ rows, loaded: true, complete: next === null, error: null });
  }

  /** One after the other: each needs the cursor that the one before gave. */
  #then(step: () => Promise<void>): void {
    this.#last = this.#last.then(step).catch((error: unknown) => {
      const known = this.#asError(error);
      // Away is not over: what was read stays. A right that is gone takes the lines with it; an older opening is opened anew.
      if (known.code === 'unavailable') return this.picture.loaded ? undefined : this.#put({ error: known });
      this.#newer = null;
      this.#next = null;
      if (known.code === 'invalid' && this.picture.loaded) return this.newer();
      this.#put({ rows: [], loaded: true, complete: true, error: known });
    });
  }

  #put(part: Partial<AuditPicture>): void {
    this.picture = { ...this.picture, ...part };
    for (const listener of this.#listeners) listener();
  }
}
