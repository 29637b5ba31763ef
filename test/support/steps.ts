/**
 * A scheduler for races. Actors wait for their turn wherever the order could matter; one of those that wait goes on at a time, drawn by a
 * seed, and the next is drawn when nothing runs any more. So an order of steps is a number, and one that failed can be seen again.
 */

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** More than any race takes: actors that wait for each other for ever. */
const maxDrawn = 5_000;

export class Steps {
  readonly #random: () => number;
  readonly #waiting: (() => void)[] = [];
  /** Work outside of this scheduler (a file, a thread) that is under way. */
  #busy = 0;
  #over = false;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** Resolves when it is drawn; after the run at once. */
  turn(): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Something whose end this scheduler does not decide: nobody is drawn before it is over. */
  async outside<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
    }
  }

  /** Runs them all, each from a turn of its own, until none is left. */
  async run(actors: readonly (() => Promise<void>)[]): Promise<void> {
    let left = actors.length;
    const ended = Promise.all(
      actors.map(async (act) => {
        await this.turn();
        try {
          await act();
        } finally {
          left--;
        }
      }),
    );
    const failed = ended.then(
      () => false,
      () => true,
    );
    for (let drawn = 0; left > 0; ) {
      if (drawn > maxDrawn) throw new Error(`${left} of ${actors.length} actors did not end in ${maxDrawn} steps`);
      await new Promise(setImmediate); // every promise that can go on has
      if (this.#busy > 0) continue;
      const [next] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1);
      if (next !== undefined) drawn++;
      next?.();
      if (next === undefined && (await Promise.race([failed, new Promise<null>((resolve) => setImmediate(() => resolve(null)))])) === true)
        break;
    }
    this.#over = true;
    for (const next of this.#waiting.splice(0)) next();
    await ended;
  }
}
