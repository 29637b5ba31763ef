/**
 * Tables of HTML as lines of text. A table that is data has its columns aligned; one that only lays a page out becomes what stands in
 * it, in order. Rows are wrapped by screens of any width, so that a table is aligned only where it fits the narrowest of them, and two
 * blanks keep cells apart everywhere. Pure.
 */
import stringWidth from 'string-width';
import { safeBlock } from '../../protocol/text.ts';

export type Cell = { text: string; colspan: number; rowspan: number };

/** What a screen of 80 columns leaves for a mail. */
const mostColumns = 76;
/** A cell of more lines than this holds a part of a page. */
const mostLines = 6;
/** Two cells wider than this are two columns of prose. */
const proseWidth = 60;
const gap = '  ';
const maxColumns = 50;
const maxRowspan = 100;
/** Places of cells with their spans; beyond them spans are not looked at. */
const maxPlaces = 50_000;

/** `dense`: without empty lines, as side by side. */
type Placed = { lines: string[]; dense: string[]; column: number; span: number; width: number };
type Row = { cells: Placed[]; aligned: boolean };

export function tableText(table: readonly (readonly Cell[])[]): string {
  const rows = withoutEmptyColumns(place(table)).filter(({ cells }) => cells.length > 0);
  const widths = columnWidths(rows.filter(({ aligned }) => aligned));
  const total = widths.reduce((sum, width) => sum + width, 0) + gap.length * Math.max(0, widths.length - 1);
  const fits = total <= mostColumns;
  const pieces: string[] = [];
  let wasBlock = false;
  for (const row of rows) {
    const text = fits && row.aligned ? alignedRow(row, widths) : looseRow(row);
    const isBlock = text.includes('\n\n') || (!row.aligned && text.includes('\n'));
    // Parts of a page stand apart, lines of a table do not.
    if (pieces.length > 0) pieces.push(isBlock || wasBlock ? '\n\n' : '\n');
    pieces.push(text);
    wasBlock = isBlock;
  }
  return pieces.join('');
}

function place(table: readonly (readonly Cell[])[]): Row[] {
  const places = table.reduce(
    (sum, row) => sum + row.reduce((all, cell) => all + clamp(cell.colspan, maxColumns) * clamp(cell.rowspan, maxRowspan), 0),
    0,
  );
  const spans = places <= maxPlaces;
  /** For each column the rows below that a cell above reaches into. */
  const taken: number[] = [];
  return table.map((cells) => {
    const placed: Placed[] = [];
    const below: { column: number; rows: number }[] = [];
    let column = 0;
    for (const cell of cells) {
      while ((taken[column] ?? 0) > 0) column++;
      const span = spans ? clamp(cell.colspan, maxColumns) : 1;
      const lines = linesOf(cell.text);
      const dense = lines.filter((line) => line !== '');
      if (lines.length > 0) placed.push({ lines, dense, column, span, width: Math.max(...lines.map(widthOf)) });
      if (spans && cell.rowspan > 1)
        for (let at = column; at < column + span; at++) below.push({ column: at, rows: clamp(cell.rowspan, maxRowspan) });
      column += span;
    }
    for (let at = 0; at < taken.length; at++) taken[at] = Math.max(0, (taken[at] ?? 0) - 1);
    for (const { column: at, rows } of below) taken[at] = Math.max(taken[at] ?? 0, rows - 1);
    for (let at = 0; at < taken.length; at++) taken[at] ??= 0;
    return { cells: placed, aligned: isAligned(placed) };
  });
}

const clamp = (value: number, most: number): number => (Number.isFinite(value) ? Math.min(Math.max(1, Math.floor(value)), most) : 1);

function linesOf(text: string): string[] {
  const lines = text
    .replace(/\u00A0/g, ' ')
    .split('\n')
    .map((line) => line.trimEnd());
  const first = lines.findIndex((line) => line.trim() !== '');
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex((line) => line.trim() !== '') + 1);
}

/** As it will be drawn: what has no width there has none here. */
const widthOf = (line: string): number => (/^[ -~]*$/.test(line) ? line.length : stringWidth(safeBlock(line)));

/** Whether the cells of a row can stand side by side. A single one in the first column is a line of its own. */
function isAligned(cells: readonly Placed[]): boolean {
  if (cells.length === 0 || (cells.length === 1 && cells[0]?.column === 0)) return false;
  if (cells.filter(({ width }) => width > proseWidth).length > 1) return false;
  return cells.every(({ dense }) => dense.length <= mostLines && !dense.some((line) => line.startsWith('>')));
}

function withoutEmptyColumns(rows: Row[]): Row[] {
  const used = new Set(rows.flatMap(({ cells }) => cells.map(({ column }) => column)));
  const places = [...used].sort((a, b) => a - b);
  const number = new Map(places.map((column, at) => [column, at]));
  const after = (column: number): number => places.findIndex((it) => it >= column);
  return rows.map((row) => ({
    ...row,
    cells: row.cells.map((cell) => {
      const column = number.get(cell.column) ?? 0;
      const end = after(cell.column + cell.span);
      return { ...cell, column, span: Math.max(1, (end < 0 ? places.length : end) - column) };
    }),
  }));
}

function columnWidths(rows: readonly Row[]): number[] {
  const widths: number[] = [];
  for (const { cells } of rows) {
    for (const { column, span, width } of cells) {
      for (let at = widths.length; at < column + span; at++) widths.push(0);
      if (span === 1) widths[column] = Math.max(widths[column] ?? 0, width);
    }
  }
  // What spans columns needs room as well: the last of them gives it.
  for (const { cells } of rows) {
    for (const { column, span, width } of cells) {
      if (span === 1) continue;
      const room = widths.slice(column, column + span).reduce((sum, one) => sum + one, 0) + gap.length * (span - 1);
      if (width > room) widths[column + span - 1] = (widths[column + span - 1] ?? 0) + width - room;
    }
  }
  return widths;
}

function alignedRow({ cells }: Row, widths: readonly number[]): string {
  const height = Math.max(...cells.map(({ dense }) => dense.length));
  const starts = widths.map((_, column) => widths.slice(0, column).reduce((sum, width) => sum + width + gap.length, 0));
  const lines: string[] = [];
  for (let at = 0; at < height; at++) {
    let line = '';
    let used = 0;
    for (const cell of cells) {
      const text = cell.dense[at] ?? '';
      if (text === '') continue;
      const start = Math.max(starts[cell.column] ?? 0, used === 0 ? 0 : used + gap.length);
      line += ' '.repeat(start - used) + text;
      used = start + widthOf(text);
    }
    lines.push(line);
  }
  return lines.join('\n');
}

/** Not to be aligned: on one line where every cell is one, else one after the other. */
function looseRow({ cells, aligned }: Row): string {
  if (aligned && cells.every(({ lines }) => lines.length === 1)) return cells.map(({ lines }) => lines[0]).join(gap);
  const blocks = cells.map(({ lines }) => lines.join('\n'));
  return blocks.join(blocks.some((text) => text.includes('\n')) ? '\n\n' : '\n');
}
