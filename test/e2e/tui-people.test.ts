/** People and roles in a real terminal on a real daemon: inviting, disabling, joining, and what nobody does for themselves. */
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';

const program = resolve('dist/tui.js');
let postroom: Postroom;

beforeEach(async () => {
  postroom = await startPostroom();
  await postroom.person('ben');
  await postroom.person('pat', ['people.manage']);
  await postroom.role('agents', 'ben');
  const support = await postroom.mailbox('support');
  await postroom.grant('agents', support, { access: true, send: true });
  await postroom.grant('pat', support, { access: true });
});
afterEach(() => postroom[Symbol.asyncDispose]());

async function opened(person: string, place: string): Promise<Screen> {
  const file = join(postroom.home, `${person}.identity.json`);
  await writeFile(file, JSON.stringify(postroom.identity(person)), { mode: 0o600 });
  await chmod(file, 0o600);
  const home = join(postroom.home, 'nowhere');
  const screen = openScreen({ command: process.execPath, args: [program, '--identity', file], env: { HOME: home, POSTROOM_HOME: home } });
  await screen.waitFor((s) => s.line(22).includes('online') && !s.text().includes('loading'));
  screen.type(':');
  await screen.waitFor((s) => s.text().includes('Esc'));
  screen.type(`go to ${place}`);
  await screen.waitFor(new RegExp(`Go to ${place}`));
  screen.press('<enter>');
  await screen.waitFor((s) => s.line(0).includes(place.toUpperCase()) && !s.text().includes('loading'));
  return screen;
}

const at = (name: string) => (screen: Screen) => new RegExp(`^▌ ${name} `, 'mu').test(screen.text());

test('a person is invited, disabled and enabled; operations are given', async () => {
  await using screen = await opened('eva', 'people');
  screen.type('a');
  await screen.waitFor('Invite a person');
  screen.type('zoe');
  screen.press('<tab>');
  screen.type('zoe@example.org');
  screen.press('<enter>');
  await screen.waitFor((s) => s.line(0).includes('INVITATION  zoe') && s.text().includes('postroom join'));
  screen.type('q');
  await screen.waitFor(/zoe +invited +zoe@example.org/);
  await screen.waitFor(at('ben'));
  screen.type('o');
  await screen.waitFor('System operations of ben');
  screen.type('audit');
  await screen.waitFor((s) => s.text().includes('▌audit.read'));
  screen.press('<enter>');
  await screen.waitFor('ben: audit.read given');
  await screen.waitFor('may: audit.read');
  screen.type('d');
  await screen.waitFor('Disable ben?');
  screen.press('<enter>');
  await screen.waitFor(/ben +disabled/);
  screen.type('d');
  await screen.waitFor(/ben +active/);
  screen.type('v');
  await screen.waitFor((s) => s.text().includes('Keys of ben: Enter revokes') && /▌[A-Z2-7]{5}-/.test(s.text()));
  screen.press('<enter>');
  await screen.waitFor('Revoke this key of ben?');
  screen.press('<enter>');
  await screen.waitFor('A key of ben is revoked');
  const ben = (await (await postroom.as('eva')).call('person.show', { name: 'ben' })).keys;
  expect(ben.every(({ revokedAt }) => revokedAt !== null)).toBe(true);
});

test('members join and leave a role', async () => {
  await using screen = await opened('eva', 'roles');
  await screen.waitFor(at('agents'));
  screen.type('+');
  await screen.waitFor((s) => s.text().includes('Add to the role agents') && s.text().includes('pat'));
  screen.type('pat');
  await screen.waitFor((s) => s.text().includes('▌pat'));
  screen.press('<enter>');
  await screen.waitFor(/comes to: ben, pat/);
  screen.type('-');
  await screen.waitFor((s) => s.text().includes('Take out of the role agents') && s.text().includes('▌ben'));
  screen.press('<enter>');
  await screen.waitFor(/comes to: pat/);
  screen.type('a');
  await screen.waitFor('Make a role');
  screen.type('leads');
  screen.press('<enter>');
  await screen.waitFor(/^ {2}leads +0/m);
});

test('nobody widens their own reach: by joining, by an operation, by a role of theirs; the reason stays on the screen', async () => {
  await postroom.role('desk', 'pat');
  await using roles = await opened('pat', 'roles');
  await roles.waitFor(at('agents'));
  roles.type('+');
  await roles.waitFor((s) => s.text().includes('Add to the role agents') && s.text().includes('pat'));
  roles.type('pat');
  await roles.waitFor((s) => s.text().includes('▌pat'));
  roles.press('<enter>');
  await roles.waitFor(/✗ Nobody widens their own reach, and this would be one more way for you to:\s+support@/);
  roles.type('j');
  await roles.waitFor(at('desk'));
  roles.type('o');
  await roles.waitFor('System operations of the role desk');
  roles.type('audit');
  await roles.waitFor((s) => s.text().includes('▌audit.read'));
  roles.press('<enter>');
  await roles.waitFor('✗ Nobody allows an operation to themselves or to a role they are in');

  await using people = await opened('pat', 'people');
  people.type('G');
  await people.waitFor(at('pat'));
  people.type('o');
  await people.waitFor('System operations of pat');
  people.type('audit');
  await people.waitFor((s) => s.text().includes('▌audit.read'));
  people.press('<enter>');
  await people.waitFor('✗ Nobody allows an operation to themselves');
});

test('without people.manage the screens show and change nothing', async () => {
  await using screen = await opened('ben', 'people');
  await screen.waitFor('changing takes people.manage');
  screen.type('d');
  await screen.waitFor('this needs people.manage');
});
