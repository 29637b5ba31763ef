import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Limits are for hangs: tests wait for states, and a busy machine takes several times as long as a quiet one. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 25 } },
    pool: 'forks',
    // One more than processors: most tests wait for a process or a server half of their time.
    maxWorkers: Math.max(3, availableParallelism() + 1),
  },
});
