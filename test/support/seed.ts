/**
 * Where random tests begin. `npm test` takes the same seeds each time, so that it fails for a reason; `POSTROOM_SEED=random npm test`
 * explores, `POSTROOM_SEED=562724986` repeats. A seed that found something becomes a named case of its own.
 */
import fc from 'fast-check';

/** Set by vitest.config.ts, once for all workers. */
export const seed = Number(process.env.POSTROOM_SEED);

/** The seeds of a test that plays one order of steps for each: from 1 by default. */
export const seeds = (count: number): number[] => Array.from({ length: count }, (_, n) => ((seed - fixedSeed + n) % 2 ** 31) + 1);

export const fixedSeed = 20_260_615;

fc.configureGlobal({ seed });
