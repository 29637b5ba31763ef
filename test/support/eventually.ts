import { vi } from 'vitest';

/** Resolves as soon as `check` throws no more. The limit is one for hangs: a busy machine takes its time. */
export const eventually = <T>(check: () => T | Promise<T>, intervalMs = 10): Promise<T> =>
  vi.waitFor(check, { timeout: 90_000, interval: intervalMs });
