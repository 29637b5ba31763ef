/** Quantiles and their printing. */

export type Quantiles = { p50: number; p95: number; p99: number; max: number };

/** Of at least one sample. */
export function quantiles(samples: readonly number[]): Quantiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** How long each of `count` calls took, one after another. */
export async function timed(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await call();
    samples.push(performance.now() - began);
  }
  return samples;
}

export const print = (name: string, value: string): void => {
  process.stdout.write(`  ${name.padEnd(46)} ${value}\n`);
};

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
/** How many times the peer's time ours is: below 1 we are faster. */
export const ratio = (ours: number, theirs: number): string => {
  const times = ours / theirs;
  return `${times < 0.95 ? times.toPrecision(2) : times.toFixed(1)} x`;
};
