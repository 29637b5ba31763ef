/** The shell in a real pseudo-terminal. */
import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openScreen, type Screen } from '../support/screen.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postroom-tui-'));
  program = join(folder, 'harness.mjs');
  // Packages stay outside the bundle: it finds them where the tests do.
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await build({
    entryPoints: [resolve('test/tui/harness.tsx')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function open(options: { cols?: number; rows?: number; env?: Record<string, string> } = {}): Screen {
  const { env, ...size } = options;
  return openScreen({ command: process.execPath, args: [program], env: { NODE_ENV: 'production', ...env }, ...size });
}

test('a burst of keys is one key after the other', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.type('jjj');
  await screen.waitFor('4/100000');
  screen.type('je');
  // `e` acts on the row that `j` went to.
  await screen.waitFor('done: c4');
  screen.type('gp');
  await screen.waitFor('1/100000');
  screen.type('j\rjj');
  await screen.waitFor('READER c1 scrolled 2');
  screen.type('q');
  await screen.waitFor('2/100000');
  screen.type('G');
  await screen.waitFor('100000/100000');
  screen.type('z');
  await screen.waitFor((s) => !s.text().includes('done: c4'));
});

test('answers of the terminal, mouse, focus and F-keys trigger nothing', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.type('\u001b[?64;1;2c\u001b[>0;276;0c\u001b[12;40R\u001b]11;rgb:ffff/eeee/jjjj\u0007\u001bP1$rjjq\u001b\\\u001b[?2026;2$y');
  screen.type(
    '\u001b[<0;10;10M\u001b[<0;10;10m\u001b[Mjjj\u001b[I\u001b[O\u001bOP\u001b[15~\u001b[[A\u001b_Gjjj\u001b\\\u001b]52;c;ampq\u001b\\',
  );
  screen.type('j');
  await screen.waitFor('2/100000');
  expect(screen.text()).not.toContain('does nothing');
});

test('a paste is text and never keys, an end marker inside it included', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.paste('eee');
  await screen.waitFor('a paste goes into a text field only');
  expect(screen.text()).not.toContain('done: c');
  screen.press('c');
  await screen.waitFor('WRITE 0');
  screen.paste('one\r\ntwo\r\u001b]0;evil\u0007three\u001b[201~\u001bqqq\u0003');
  await screen.waitFor('WRITE');
  await screen.waitFor('3 lines');
  await screen.waitFor(/"one\\ntwo\\n\]0;evilthreeqqq"/);
  // One undo step.
  screen.press('<c-_>');
  await screen.waitFor('WRITE 0');
  expect(screen.bytes().includes('\u001b]0;evil')).toBe(false);
});

test('the cursor of the terminal stands in the field', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  expect(screen.cursor().visible).toBe(false);
  screen.press('c');
  await screen.waitFor((s) => s.text().includes('WRITE 0') && s.cursor().visible && s.cursor().y === 2);
  screen.type('aご注文');
  await screen.waitFor((s) => s.cursor().x === 7);
  screen.press('<left>');
  await screen.waitFor((s) => s.cursor().x === 5);
  screen.press('<esc>');
  await screen.waitFor((s) => s.text().includes('WORK') && !s.cursor().visible);
});

test('the frame follows the window and is never taller than it', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.resize(60, 12);
  await screen.waitFor((s) => s.line(11).includes(': cmd') && s.line(0).includes('WORK'));
  screen.resize(120, 40);
  await screen.waitFor((s) => s.line(39).includes(': cmd') && s.line(0).includes('WORK') && s.line(36).includes('Order 34'));
  screen.resize(30, 5);
  await screen.waitFor((s) => s.text().startsWith('Postroom needs 40x10'));
  screen.resize(80, 24);
  await screen.waitFor((s) => s.line(23).includes(': cmd') && s.line(0).includes('WORK'));
  expect(screen.line(2).startsWith('▌')).toBe(true);
});

/** What the terminal is left with. */
function expectRestored(screen: Screen): void {
  const bytes = screen.bytes().toString();
  expect(screen.alternate()).toBe(false);
  expect(screen.cursor().visible).toBe(true);
  expect(bytes.lastIndexOf('\u001b[?7h')).toBeGreaterThan(bytes.lastIndexOf('\u001b[?7l'));
  expect(bytes.lastIndexOf('\u001b[?2004l')).toBeGreaterThan(bytes.lastIndexOf('\u001b[?2004h'));
}

test('it asks before it quits by q, and leaves the terminal as it was', async () => {
  await using screen = open({ env: { TITLE: 'Postroom (3)' } });
  await screen.waitFor('1/100000');
  expect(screen.alternate()).toBe(true);
  expect(screen.title()).toBe('Postroom (3)');
  screen.press('q');
  await screen.waitFor('Quit Postroom?');
  screen.press('y');
  await screen.waitFor('does nothing here');
  screen.press('<esc>');
  await screen.waitFor((s) => !s.text().includes('Quit Postroom?'));
  screen.press('q');
  await screen.waitFor('Quit Postroom?');
  screen.press('<enter>');
  expect(await screen.exitCode).toEqual({ code: 0, signal: 0 });
  expectRestored(screen);
  expect(screen.bytes().toString()).toContain('\u001b[23;0t');
});

test('an Enter that was typed before a question was seen is no answer', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.type('q\r');
  await screen.waitFor('typed before this was on the screen');
  await screen.waitFor('Quit Postroom?');
});

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGINT', 130],
] as const) {
  test(`${signal} leaves the terminal as it was`, async () => {
    await using screen = open();
    await screen.waitFor('1/100000');
    screen.kill(signal);
    expect((await screen.exitCode).code).toBe(code);
    expectRestored(screen);
  });
}

test('what a component throws is printed on the restored terminal', async () => {
  await using screen = open({ env: { THROW: '1' } });
  await screen.waitFor('1/100000');
  screen.press('c');
  await screen.waitFor('WRITE 0');
  screen.type('boom');
  expect((await screen.exitCode).code).toBe(70);
  expectRestored(screen);
  expect(screen.text()).toContain('thrown in a component');
});

test('without colours the selection is seen', async () => {
  await using screen = open({ env: { NO_COLOR: '1' } });
  await screen.waitFor('1/100000');
  expect(screen.line(2).startsWith('▌')).toBe(true);
  expect(screen.cell(3, 2).inverse).toBe(true);
  expect(screen.bytes().toString()).not.toMatch(/\u001b\[3[0-7]m/);
});

test('palette and help run what they show', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.type(':done');
  await screen.waitFor('Done for the team');
  screen.press('<enter>');
  await screen.waitFor('done: c0');
  screen.press('?');
  await screen.waitFor('Keys of this view');
  screen.press('e');
  await screen.waitFor('does nothing here');
  screen.press('?');
  await screen.waitFor('Keys of all views');
  screen.press('<esc>');
  await screen.waitFor((s) => !s.text().includes('Keys of'));
  expect(screen.text()).not.toContain('done: c0 c0');
});

test('a failing command says so with its text cleaned', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.press('<c-r>');
  await screen.waitFor('the server said no');
  expect(screen.bytes().includes('\u001b]0;evil')).toBe(false);
});

test('the editor has the terminal, its file is private and gone afterwards', async () => {
  const editor = join(folder, 'editor.sh');
  await writeFile(
    editor,
    `#!/bin/sh\nstat -c %a "$1" > ${folder}/mode\nstat -c %a "$(dirname "$1")" >> ${folder}/mode\nprintf 'EDITOR HAS IT\\n'\nread line\nprintf '%s' "$line" >> "$1"\n`,
  );
  await chmod(editor, 0o755);
  await using screen = open({ env: { VISUAL: editor, TMPDIR: folder } });
  await screen.waitFor('1/100000');
  screen.press('c');
  await screen.waitFor('WRITE 0');
  screen.type('begin ');
  await screen.waitFor('WRITE 6');
  screen.press('<c-g>');
  await screen.waitFor('EDITOR HAS IT');
  expect(screen.alternate()).toBe(false);
  screen.resize(100, 30);
  screen.type('and end\n');
  await screen.waitFor('WRITE 13 characters');
  await screen.waitFor((s) => s.alternate() && s.line(29).includes('editor'));
  expect(await readFile(join(folder, 'mode'), 'utf8')).toBe('600\n700\n');
  expect((await readdir(folder)).filter((name) => name.startsWith('postroom-'))).toEqual([]);
});

test('panes come and go with the room', async () => {
  await using screen = open({ cols: 160, rows: 45 });
  await screen.waitFor('1/100000');
  screen.type('gf');
  await screen.waitFor((s) => s.line(41) === `${' '.repeat(24)}│${' '.repeat(58)}│` && s.line(0).includes('PANES list of 3'));
  expect(screen.line(2)).toBe(`${'sidebar 24'.padEnd(24)}│${'list 58'.padEnd(58)}│reader 76`);
  screen.press('<tab>');
  await screen.waitFor('PANES reader of 3');
  screen.press('<s-tab>', '<left>');
  await screen.waitFor('PANES sidebar of 3');
  screen.resize(130, 40);
  await screen.waitFor((s) => s.line(2) === `${'list 58'.padEnd(58)}│reader 71`);
  screen.resize(100, 30);
  await screen.waitFor((s) => s.line(2) === 'list 100');
});

/** In a terminal that speaks it. Ink listens for 200 ms to the answer: on a busy machine that may be missed, and is tried again. */
async function openAnswering(tries = 5): Promise<Screen> {
  const screen = open();
  await screen.waitFor((s) => s.bytes().includes('\u001b[?u'));
  screen.type('\u001b[?0u');
  await screen.waitFor('1/100000');
  const speaks = await screen
    .waitFor((s) => s.bytes().includes('\u001b[>1u'), tries === 1 ? undefined : 1_000)
    .then(
      () => true,
      () => false,
    );
  if (speaks) return screen;
  if (tries === 1) throw new Error('The protocol was never turned on.');
  await screen[Symbol.asyncDispose]();
  return openAnswering(tries - 1);
}

test('the kitty protocol is used where the terminal answers, and left again', async () => {
  await using screen = await openAnswering();
  screen.type('\u001b[106u\u001b[27u');
  await screen.waitFor('2/100000');
  screen.type('\u001b[99;5u');
  expect((await screen.exitCode).code).toBe(0);
  expect(screen.bytes().toString().lastIndexOf('\u001b[<u')).toBeGreaterThan(screen.bytes().toString().lastIndexOf('\u001b[>1u'));
});

test('a screen that something else wrote over is drawn again', async () => {
  await using screen = open();
  const before = await screen.waitFor((s) => s.line(0).includes('1/100000') && /Enter open.*: cmd {2}\?$/.test(s.line(23)));
  screen.press('<c-l>');
  await screen.waitFor((s) => s.bytes().includes('\u001b[H\u001b[J'));
  await screen.waitFor((s) => s.text() === before);
  screen.press('j');
  await screen.waitFor('2/100000');
  expect(screen.line(0)).toBe(before.split('\n')[0]?.replace('1/', '2/'));
});

test('keys do nothing on a screen that is too small to be seen', async () => {
  await using screen = open();
  await screen.waitFor('1/100000');
  screen.resize(30, 5);
  await screen.waitFor('Postroom needs 40x10');
  screen.type('je');
  await screen.waitFor((s) => s.cell(0, 0).inverse);
  screen.resize(80, 24);
  await screen.waitFor('WORK');
  screen.type('G');
  await screen.waitFor('100000/100000');
  expect(screen.line(1).trim()).toBe('done:');
  screen.resize(30, 5);
  await screen.waitFor('Postroom needs 40x10');
  screen.press('<c-c>');
  expect((await screen.exitCode).code).toBe(0);
});

test('Ctrl-Z gives the shell back, fg the screen', async () => {
  await using screen = openScreen({ command: '/bin/bash', args: ['--norc', '-i'], env: { NODE_ENV: 'production', PS1: 'shell$ ' } });
  await screen.waitFor('shell$');
  screen.type(`${process.execPath} ${program}\r`);
  await screen.waitFor('1/100000');
  screen.press('j', '<c-z>');
  await screen.waitFor((s) => !s.alternate() && s.cursor().visible && /Stopped/.test(s.text()));
  screen.type('fg\r');
  await screen.waitFor((s) => s.alternate() && s.text().includes('2/100000'));
  screen.press('j');
  await screen.waitFor('3/100000');
  screen.press('<c-c>');
  await screen.waitFor((s) => !s.alternate());
  screen.type('exit\r');
  await screen.exitCode;
});
