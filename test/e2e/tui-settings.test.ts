/** Settings in a real terminal on a real daemon: what a field was, the old value put back and saved; the history beside them where there is room. */
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';

const program = resolve('dist/tui.js');
const mailbox = 'support@harbour.example';
let postroom: Postroom;

beforeEach(async () => {
  postroom = await startPostroom();
  await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  for (const name of ['Support desk', 'Help desk']) await eva.call('mailbox.set', { mailbox, settings: { name } });
  await eva.call('mailbox.set', { mailbox, settings: { done: 'archive' } });
});
afterEach(() => postroom[Symbol.asyncDispose]());

async function opened(columns: number): Promise<Screen> {
  const file = join(postroom.home, 'eva.identity.json');
  await writeFile(file, JSON.stringify(postroom.identity('eva')), { mode: 0o600 });
  await chmod(file, 0o600);
  const home = join(postroom.home, 'nowhere');
  const env = { HOME: home, POSTROOM_HOME: home };
  const rows = columns === 80 ? 24 : 45;
  const screen = openScreen({ command: process.execPath, args: [program, '--identity', file], env, cols: columns, rows });
  await screen.waitFor((s) => s.text().includes('● online') && !s.text().includes('loading'));
  screen.type('g,');
  await screen.waitFor((s) => s.line(0).includes(`SETTINGS  ${mailbox}`));
  screen.press('<tab>');
  await screen.waitFor('‹Addresses›');
  screen.press('<tab>');
  await screen.waitFor(/^▌ Name +Help desk/mu);
  return screen;
}

test('80 columns: h tells who changed a field; Enter puts the old value into the form, W saves it', async () => {
  await using screen = await opened(80);
  screen.type('h');
  await screen.waitFor((s) => s.line(0).includes('HISTORY') && /^▌ .* eva +Support desk → Help desk/mu.test(s.text()));
  await screen.waitFor('added by eva');
  screen.press('<enter>');
  await screen.waitFor(/^▌\*Name +Support desk/mu);
  const name = async () => (await (await postroom.as('eva')).call('mailbox.show', { mailbox })).name;
  expect(await name()).toBe('Help desk');
  screen.type('W');
  await screen.waitFor('Save 1 edit');
  screen.press('<enter>');
  await screen.waitFor('are saved');
  expect(await name()).toBe('Support desk');
  screen.type('H');
  await screen.waitFor((s) => s.line(0).includes('all settings') && /^▌ .* eva +Name +Help desk → Support desk/mu.test(s.text()));
  await screen.waitFor(/eva +When done +keep → archive/);
  screen.type('q');
  await screen.waitFor((s) => s.line(0).includes('SETTINGS'));
});

test('160 columns: the history of the field under the cursor stands beside it, and follows what happens', async () => {
  await using screen = await opened(160);
  await screen.waitFor(/│ HISTORY +Name/);
  await screen.waitFor(/│ +Support desk → Help desk/);
  await (await postroom.as('eva')).call('mailbox.set', { mailbox, settings: { name: 'Front desk' } });
  await screen.waitFor(/│ +Help desk → Front desk/);
  screen.type('j');
  await screen.waitFor(/│ HISTORY +Signature/);
  await screen.waitFor(/│ added by eva/);
});
