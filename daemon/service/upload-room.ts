/**
 * Memory for what clients upload. Octets of an upload count from before the first is asked for until its mail is in the store; what does
 * not fit yet waits, and costs nothing, since a client sends only what it was given credit for.
 *
 * - a person has at most `perPersonOctets`, all together at most `totalOctets`
 * - first come, first served; who waits for their own earlier uploads keeps nobody else waiting
 */
import { PostroomError } from '../../protocol/errors.ts';
import type { Millis, PersonId } from '../store/types.ts';

export type UploadLimits = {
  perPersonOctets: number;
  totalOctets: number /** Without an octet for so long it is over. */;
  stallMs: Millis;
};

export const uploadLimits: UploadLimits = { perPersonOctets: 64_000_000, totalOctets: 256_000_000, stallMs: 60_000 };

type Waiting = { person: PersonId; octets: number; admit: () => void };

export class UploadRoom {
  readonly #limits: UploadLimits;
  readonly #held = new Map<PersonId, number>();
  #total = 0;
  #waiting: Waiting[] = [];

  constructor(limits: UploadLimits = uploadLimits) {
    this.#limits = limits;
  }

  /** Resolves when so many octets have room; disposing of it gives the room back. */
  async take(person: PersonId, octets: number): Promise<Disposable> {
    if (octets === 0) return { [Symbol.dispose]: () => {} };
    await new Promise<void>((admit) => {
      this.#waiting.push({ person, octets, admit });
      this.#admit();
    });
    return {
      [Symbol.dispose]: () => {
        this.#total -= octets;
        const left = (this.#held.get(person) ?? 0) - octets;
        if (left > 0) this.#held.set(person, left);
        else this.#held.delete(person);
        this.#admit();
      },
    };
  }

  /** The chunks of an upload; throws when the client sends nothing for too long. */
  async *read(upload: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const chunks = upload[Symbol.asyncIterator]();
    for (;;) {
      const over = Promise.withResolvers<never>();
      const { stallMs } = this.#limits;
      const clock = setTimeout(() => {
        over.reject(new PostroomError('invalid', `The upload stopped: nothing came for ${stallMs / 1_000} s. Send it again.`));
      }, stallMs);
      try {
        const next = await Promise.race([chunks.next(), over.promise]);
        if (next.done === true) return;
        yield next.value;
      } finally {
        clearTimeout(clock);
      }
    }
  }

  #admit(): void {
    const still: Waiting[] = [];
    for (const [at, one] of this.#waiting.entries()) {
      const held = this.#held.get(one.person) ?? 0;
      // What is larger than the room itself goes alone.
      if (held > 0 && held + one.octets > this.#limits.perPersonOctets) {
        still.push(one);
        continue;
      }
      if (this.#total > 0 && this.#total + one.octets > this.#limits.totalOctets) {
        still.push(...this.#waiting.slice(at));
        break;
      }
      this.#held.set(one.person, held + one.octets);
      this.#total += one.octets;
      one.admit();
    }
    this.#waiting = still;
  }
}
