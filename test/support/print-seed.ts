import type { TestProject } from 'vitest/node';

/** Once a run, before the first test. */
export default function printSeed({ config }: TestProject): void {
  process.stdout.write(`seed of random tests: ${config.env.POSTROOM_SEED} (POSTROOM_SEED=random explores)\n`);
}
