/** People and roles in a real terminal on a real daemon: inviting, disabling, joining, and what nobody does for themselves. */
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../protocol/client.ts';
import { decodeInvitation, newKeyPair } from '../../protocol/keys.ts';
import { outcome, type Postroom, startPostroom } from '../support/postroom.ts';
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
  screen.type('e');
  await screen.waitFor('What is written down about ben');
  screen.type('ben@example.org');
  await screen.waitFor(/e-mail +ben@example\.org/);
  screen.press('<tab>');
  screen.type('team');
  await screen.waitFor(/plan +team/);
  screen.press('<enter>');
  await screen.waitFor(/ben +active +ben@example\.org/);
  await screen.waitFor('ben · plan team');
  screen.type('v');
  await screen.waitFor((s) => s.text().includes('Keys of ben: Enter revokes') && /▌[A-Z2-7]{5}-/.test(s.text()));
  screen.press('<enter>');
  await screen.waitFor('Revoke this key of ben?');
  screen.press('<enter>');
  await screen.waitFor('A key of ben is revoked');
  const ben = (await (await postroom.as('eva')).call('person.show', { name: 'ben' })).keys;
  expect(ben.every(({ revokedAt }) => revokedAt !== null)).toBe(true);
});

test('from each screen to the others, and back', async () => {
  await using screen = await opened('eva', 'people');
  for (const [keys, title] of [
    ['gR', 'ROLES'],
    ['gI', 'INVITATIONS'],
    ['gj', 'AUDIT JOURNAL'],
    ['gP', 'PEOPLE'],
    ['g,', 'SETTINGS  support@harbour.example'],
  ] as const) {
    screen.type(keys);
    await screen.waitFor((s) => s.line(0).includes(title) && !s.text().includes('loading'));
  }
  for (const title of ['PEOPLE', 'AUDIT JOURNAL', 'INVITATIONS', 'ROLES', 'PEOPLE']) {
    screen.type('q');
    await screen.waitFor((s) => s.line(0).includes(title));
  }
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
  await screen.waitFor((s) => s.text().includes('Take ben out of agents?') && s.text().includes('ben: -panel -timeline -send'));
  screen.press('<enter>');
  await screen.waitFor(/comes to: pat/);
  screen.press('<enter>');
  await screen.waitFor((s) => s.line(0).includes('ROLE  agents') && /pat +member/.test(s.text()));
  await screen.waitFor(/support@harbour\.example +Access Send/);
  screen.type('q');
  await screen.waitFor(at('agents'));
  screen.type('a');
  await screen.waitFor('Make a role');
  screen.type('leads');
  screen.press('<enter>');
  await screen.waitFor(/^ {2}leads +0/m);
  screen.type('#');
  await screen.waitFor((s) => s.text().includes('Remove the role agents?') && s.text().includes('pat: -panel -send'));
  await screen.waitFor('given to it: gone.');
  screen.press('<enter>');
  await screen.waitFor('Removed: the role agents');
});

test('somebody leaves: what hangs on them, a choice for each kind, and they are gone', async () => {
  const eva = await postroom.as('eva');
  await postroom.deliver('support@harbour.example', {});
  const { conversation } = await postroom.newest('support@harbour.example');
  await (await postroom.as('ben')).call('conversation.take', { conversation });
  await using screen = await opened('eva', 'people');
  await screen.waitFor(at('ben'));
  screen.type('#');
  await screen.waitFor((s) => s.line(0).includes('ben LEAVES') && /! conversations +1 +need a successor or a release/.test(s.text()));
  await screen.waitFor(/roles +agents +are left/);
  screen.type('W');
  await screen.waitFor('something needs a successor or a release');
  screen.type('m');
  await screen.waitFor('mail taken back');
  screen.type('r');
  await screen.waitFor(/ {2}conversations +1 +go back to the team/);
  screen.type('r');
  await screen.waitFor(/! conversations/);
  screen.type('s');
  await screen.waitFor((s) => s.text().includes('Successor of ben') && s.text().includes('▌eva'));
  screen.press('<enter>');
  await screen.waitFor(/ {2}conversations +1 +go to eva/);
  screen.type('W');
  await screen.waitFor('Remove ben?');
  screen.press('<enter>');
  await screen.waitFor('ben is removed. Their name stays on what they wrote.');
  expect((await eva.call('conversation.show', { conversation })).assignee?.name).toBe('eva');
  screen.type('q');
  await screen.waitFor((s) => s.line(0).includes('PEOPLE') && !/ben +active/.test(s.text()));
});

test('open invitations are withdrawn; a key that somebody else invited is confirmed by its person', async () => {
  const pat = await postroom.as('pat');
  await pat.call('person.add', { name: 'zoe' });
  const { invitation } = await pat.call('person.invite', { name: 'ben' });
  const open = decodeInvitation(invitation);
  const keys = newKeyPair();
  const guest = await connect({ invitation: open });
  await guest.call('person.join', { publicKey: keys.publicKey, label: 'laptop' });
  await guest.close();
  const laptop = { person: 'ben', endpoint: open.endpoint, daemonKey: open.daemonKey, ...keys };
  expect(await outcome(connect({ identity: laptop }))).toBe('unauthenticated');

  await using screen = await opened('ben', 'people');
  await screen.waitFor(at('ben'));
  await screen.waitFor(/this session [A-Z2-7-]{23} · the daemon [A-Z2-7-]{23}/);
  screen.type('v');
  await screen.waitFor((s) => s.text().includes('Keys of ben') && s.text().includes('waits: Enter decides'));
  screen.type('laptop');
  await screen.waitFor((s) => /▌[A-Z2-7]{5}-.*laptop/.test(s.text()));
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('A key of ben that waits') && s.text().includes('▌It is theirs'));
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('Is this key really ben’s?') && s.text().includes('pat invited it'));
  screen.press('<enter>');
  await screen.waitFor('A key of ben is confirmed');
  await (await connect({ identity: laptop })).close();

  await using eva = await opened('eva', 'invitations');
  await eva.waitFor(/▌ zoe +to join +20\S+ \S+ +pat/);
  eva.type('#');
  await eva.waitFor('Withdraw the invitation for zoe?');
  eva.press('<enter>');
  await eva.waitFor('No invitation is open.');
  await pat.call('person.invite', { name: 'ben' });
  await eva.waitFor('support@harbour.example: pat invited one more key for ben'); // whose mailbox it is hears of it at once
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

test('a person whom somebody else invited is confirmed; until then the screen says whom they count as', async () => {
  await (await postroom.as('pat')).call('person.add', { name: 'zoe' });
  await using pat = await opened('pat', 'people');
  await pat.waitFor('zoe');
  pat.type('G');
  await pat.waitFor(at('zoe'));
  await pat.waitFor('not confirmed: counts as pat, eva');
  pat.type('y');
  await pat.waitFor((s) => s.text().includes('Confirm zoe?') && s.text().includes('zoe counts as pat, eva'));
  pat.press('<enter>');
  await pat.waitFor('✗ Nobody widens their own reach: you invited zoe');
  await using eva = await opened('eva', 'people');
  await eva.waitFor('zoe');
  eva.type('G');
  await eva.waitFor(at('zoe'));
  eva.type('y');
  await eva.waitFor('Confirm zoe?');
  eva.press('<enter>');
  await eva.waitFor('zoe is confirmed');
  await eva.waitFor('not confirmed: counts as eva');
});

test('without people.manage the screens show and change nothing', async () => {
  await using screen = await opened('ben', 'people');
  await screen.waitFor('changing takes people.manage');
  screen.type('d');
  await screen.waitFor('this needs people.manage');
});
