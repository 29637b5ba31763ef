/**
 * What anybody may do without a right that somebody gave them, and how often within an hour: invite devices of their own, add personal
 * mailboxes, have servers tried. Whoever holds `shared-mailbox.sync` sets up mailboxes for others and is not counted there.
 *
 * Counted by a clock that nobody sets, for each person, over all of their sessions and devices.
 */
import { PostroomError } from '../../protocol/errors.ts';
import type { Config } from '../config.ts';
import type { Millis, PersonId } from '../store/types.ts';

const hourMs = 3_600_000;

const kinds = {
  invitations: { limit: 'invitationsPerHour', one: 'invitation for a device of yours', more: 'invitations for devices of yours' },
  mailboxes: { limit: 'mailboxesPerHour', one: 'mailbox', more: 'mailboxes' },
  probes: { limit: 'probesPerHour', one: 'try of a server or an address', more: 'tries of servers and addresses' },
} as const;
export type QuotaKind = keyof typeof kinds;

/** Runs what counts when it is done; what fails does not. */
export async function counting<T>(taken: { giveBack(): void } | null, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    taken?.giveBack();
    throw error;
  }
}

export class Quotas {
  readonly #limits: Config['quotas'];
  readonly #now: () => Millis;
  readonly #clock: () => number;
  /** When each was done, the oldest first. */
  readonly #done = new Map<string, number[]>();

  /** `now`: of the moment that people are told. */
  constructor(limits: Config['quotas'], now: () => Millis, clock: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#clock = clock;
  }

  /** Counts one more, or refuses it and says when there is room again. Whoever did nothing in the end gives it back. */
  take(person: PersonId, kind: QuotaKind): { giveBack(): void } {
    const { limit, one, more } = kinds[kind];
    const most = this.#limits[limit];
    const key = `${person} ${kind}`;
    const at = this.#clock();
    const recent = (this.#done.get(key) ?? []).filter((when) => at - when < hourMs);
    const oldest = recent[recent.length - most];
    if (oldest !== undefined) {
      const retryAfterMs = Math.ceil(oldest + hourMs - at);
      const retryAt = new Date(this.#now() + retryAfterMs).toISOString();
      throw new PostroomError(
        'rate-limited',
        `One person may have ${most} ${most === 1 ? one : more} an hour here. Try again after ${retryAt.slice(11, 16)} UTC, or ask an administrator (quotas.${limit} in the configuration).`,
        { retryAfterMs, retryAt, quota: kind, limit: most },
      );
    }
    this.#done.set(key, [...recent, at]);
    return {
      giveBack: () => {
        const all = this.#done.get(key) ?? [];
        const index = all.indexOf(at);
        if (index >= 0) this.#done.set(key, all.toSpliced(index, 1));
      },
    };
  }
}
