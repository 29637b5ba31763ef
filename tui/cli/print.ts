/** Plain output for people: columns, dates, sizes. Everything from outside comes as SafeText and is filtered once more here. */
import { type SafeText, safeBlock, safeText } from '../../protocol/text.ts';
import { widthOf } from '../text.ts';

export const line = (value: string): SafeText => safeText(value);
export const block = (value: string): SafeText => safeBlock(value);

/** Columns padded to their widest cell; the last column is not padded. An empty table says so in words. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const cells = [header, ...rows].map((row) => row.map((cell) => line(cell)));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? line('')))));
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `name: value` lines; what is null is left out. */
export function facts(pairs: readonly (readonly [string, string | null])[]): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${line(value)}`).join('\n');
}

export const yes = (value: boolean): string => (value ? 'yes' : '-');
export const day = (iso: string | null): string => (iso === null ? '-' : iso.slice(0, 16).replace('T', ' '));

export function size(octets: number): string {
  if (octets < 1_000) return `${octets} B`;
  if (octets < 1_000_000) return `${(octets / 1_000).toFixed(octets < 10_000 ? 1 : 0)} kB`;
  return `${(octets / 1_000_000).toFixed(1)} MB`;
}

export function person(address: { name: string | null; address: string } | null): string {
  if (address === null) return '-';
  return address.name === null || address.name === '' ? address.address : `${address.name} <${address.address}>`;
}
