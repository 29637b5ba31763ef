import { describe, expect, test } from 'vitest';
import { editorCommand } from '../../tui/editor.ts';
import { modeOf, paneWidths } from '../../tui/layout.ts';
import { themeFor } from '../../tui/theme.ts';
import { table } from '../support/table.ts';

const sizes = table<Record<string, string>>(`
  columns  rows  mode
  39       24    notice
  80       9     notice
  40       10    narrow
  79       24    narrow
  80       24    single
  119      45    single
  120      45    double
  159      45    double
  160      45    triple
  400      10    triple
`);
for (const { columns, rows, mode } of sizes) {
  test(`${columns}x${rows} is ${mode}`, () => expect(modeOf(Number(columns), Number(rows))).toBe(mode));
}

test('panes and their dividers fill the screen exactly', () => {
  for (let columns = 40; columns < 300; columns++) {
    const { sidebar, list, reader } = paneWidths({ columns, mode: modeOf(columns, 24) });
    const shown = [sidebar, list, reader].filter((width) => width > 0);
    expect(shown.reduce((sum, width) => sum + width, shown.length - 1)).toBe(columns);
  }
});

describe('the editor', () => {
  const cases: [Record<string, string>, readonly string[] | null][] = [
    [{}, null],
    [{ EDITOR: ' ' }, null],
    [{ EDITOR: 'vi' }, ['vi']],
    [{ EDITOR: 'vi', VISUAL: 'code --wait' }, ['code', '--wait']],
    [{ VISUAL: '"/opt/my editor/ed" -n' }, ['/opt/my editor/ed', '-n']],
    [{ VISUAL: 'vi; rm -rf ~' }, ['vi;', 'rm', '-rf', '~']],
  ];
  for (const [env, expected] of cases) test(JSON.stringify(env), () => expect(editorCommand(env)).toEqual(expected));
});

test('without colours no tone has one, and the cursor is still marked', () => {
  const theme = themeFor({ NO_COLOR: '1' });
  for (const style of Object.values(theme)) expect(style.color).toBeUndefined();
  expect(theme.cursor.inverse).toBe(true);
  expect(themeFor({ NO_COLOR: '' }).good.color).toBe('green');
});
