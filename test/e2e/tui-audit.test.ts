/** The audit journal in a real terminal on a real daemon: read, told about, live, verified, exported; refused to those who may not. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';

const program = resolve('dist/tui.js');
let postroom: Postroom;

beforeEach(async () => {
  postroom = await startPostroom();
  await postroom.person('ben');
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { access: true, send: true });
});
afterEach(() => postroom[Symbol.asyncDispose]());

async function opened(person: string, columns = 80): Promise<Screen> {
  const file = join(postroom.home, `${person}.identity.json`);
  await writeFile(file, JSON.stringify(postroom.identity(person)), { mode: 0o600 });
  await chmod(file, 0o600);
  const home = join(postroom.home, 'nowhere');
  const env = { HOME: home, POSTROOM_HOME: home };
  const screen = openScreen({
    command: process.execPath,
    args: [program, '--identity', file],
    env,
    cols: columns,
    rows: columns === 80 ? 24 : 45,
  });
  await screen.waitFor((s) => s.text().includes('● online') && !s.text().includes('loading'));
  screen.type('gj');
  await screen.waitFor((s) => s.line(0).includes('AUDIT JOURNAL') && !s.text().includes('loading'));
  return screen;
}

test('80 columns: newest first, told in place, live, verified, exported', async () => {
  await using screen = await opened('eva');
  await screen.waitFor(/^▌ .* eva +audit\.open/mu);
  screen.type('j');
  await screen.waitFor(/^▌ .* gave ben Access/mu);
  screen.press('<enter>');
  await screen.waitFor(/from +ipc uid/);
  await screen.waitFor(/action +grant\.set · ben/);
  screen.press('<enter>');
  await screen.waitFor((s) => !s.text().includes('ipc uid'));
  await (await postroom.as('eva')).call('role.add', { name: 'leads' });
  await screen.waitFor(/role\.add .* added the role leads/);
  await screen.waitFor(/^▌ .* gave ben Access/mu);
  screen.type('V');
  await screen.waitFor(/✓ whole: \d+ lines/);
  await screen.waitFor(/audit\.verify/);
  screen.type('P');
  await screen.waitFor('Export to a new file');
  screen.press('<c-u>');
  const path = join(postroom.home, 'audit.jsonl');
  screen.type(path);
  await screen.waitFor((s) => s.text().includes('audit.jsonl'));
  screen.press('<enter>');
  await screen.waitFor('lines written to');
  const rows = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(rows.map((line) => (JSON.parse(line) as { action: string }).action)).toContain('role.add');
});

test('160 columns: everything about the line under the cursor stands beside the list', async () => {
  await using screen = await opened('eva', 160);
  await screen.waitFor(/ACT +line \d+/);
  screen.type('j');
  await screen.waitFor(/^▌ .* gave ben Access.*│/mu);
  await screen.waitFor(/│ action +grant\.set · ben/);
  await screen.waitFor(/│ hash +[0-9a-f]{40}/);
});

test('without audit.read it says what is missing and whom to ask', async () => {
  await using screen = await opened('ben');
  await screen.waitFor('This needs audit.read. Ask somebody who manages people');
});
