/** Quantiles and their printing. */

export type Quantiles = { p50: number; p99: number; max: number };

/** Of at least one sample. */
export function quantiles(samples: readonly number[]): Quantiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

export const print = (name: string, value: string): void => {
  process.stdout.write(`  ${name.padEnd(46)} ${value}\n`);
};

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
export const ratio = (ours: number, theirs: number): string => `${(ours / theirs).toFixed(1)} x`;
