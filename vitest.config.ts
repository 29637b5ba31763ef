import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** The seed of every random test: the same one each time, a number, or `random`. */
const asked = process.env.POSTROOM_SEED ?? '20260615';
const seed = asked === 'random' ? randomInt(1, 2 ** 31) : Number(asked);
if (!Number.isInteger(seed) || seed < 1) throw new Error(`POSTROOM_SEED is a whole number above 0 or "random", not "${asked}"`);

/** Limits are for hangs: tests wait for states, and a busy machine takes several times as long as a quiet one. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    setupFiles: ['test/support/seed.ts'],
    globalSetup: ['test/support/print-seed.ts'],
    env: { POSTROOM_SEED: String(seed) },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 90_000, interval: 25 } },
    pool: 'forks',
    // One more than processors: most tests wait for a process or a server half of their time.
    maxWorkers: Math.max(3, availableParallelism() + 1),
  },
});
