import { defineConfig } from 'vitest/config';

/** Limits are for hangs: tests wait for states, and a busy machine takes several times as long as a quiet one. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 25 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
