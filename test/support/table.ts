/**
 * Reads a table of cases: the first line names the columns, each further line is a row, two or more spaces separate cells.
 * `yes` and `no` are booleans, `-` is the empty string, everything else stays the text that it is.
 */
export function table<Row extends object = Record<string, string | boolean>>(text: string): Row[] {
  const [head, ...rows] = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => line.split(/ {2,}/));
  if (head === undefined) throw new Error('A table needs a line that names its columns');
  return rows.map((cells) => {
    if (cells.length !== head.length) {
      throw new Error(`A table row has ${cells.length} cells, its head has ${head.length}: ${cells.join('  ')}`);
    }
    return Object.fromEntries(head.map((name, i) => [name, value(cells[i] ?? '')])) as Row;
  });
}

function value(cell: string): string | boolean {
  if (cell === 'yes') return true;
  if (cell === 'no') return false;
  return cell === '-' ? '' : cell;
}
