/** Grants in a real terminal on a real daemon: stage, preview, write, two at once, a revocation seen by whom it meets. */
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen, type ScreenOptions } from '../support/screen.ts';

const program = resolve('dist/tui.js');
const support = 'support@harbour.example';
const sales = 'sales@harbour.example';

let postroom: Postroom;
/** How far the daemon's clock is ahead. */
let aheadMs = 0;

beforeEach(async () => {
  aheadMs = 0;
  postroom = await startPostroom({ now: () => Date.now() + aheadMs });
  for (const person of ['ben', 'li', 'dora']) await postroom.person(person);
  await postroom.role('agents', 'ben', 'li');
  await postroom.mailbox('support');
  await postroom.mailbox('sales');
  await postroom.grant('agents', support, { access: true });
  await postroom.grant('dora', support, { access: true, setup: true });
  await postroom.grant('ben', sales, { send: true });
});
afterEach(() => postroom[Symbol.asyncDispose]());

async function open(person: string, given: Partial<ScreenOptions> = {}): Promise<Screen> {
  const file = join(postroom.home, `${person}.identity.json`);
  await writeFile(file, JSON.stringify(postroom.identity(person)), { mode: 0o600 });
  await chmod(file, 0o600);
  const home = join(postroom.home, 'nowhere');
  return openScreen({ command: process.execPath, args: [program, '--identity', file], env: { HOME: home, POSTROOM_HOME: home }, ...given });
}

const rowOf = (screen: Screen, principal: string): string =>
  screen
    .text()
    .split('\n')
    .find((line) => new RegExp(`^[▌ ] ?${principal} `).test(line)) ?? '';
const sees = (principal: string, wanted: RegExp) => (screen: Screen) => wanted.test(rowOf(screen, principal));
const cursorOn = (principal: string) => (screen: Screen) => rowOf(screen, principal).startsWith('▌');

async function opened(person: string, given: Partial<ScreenOptions> = {}): Promise<Screen> {
  const screen = await open(person, given);
  await screen.waitFor((s) => s.line((given.rows ?? 24) - 2).includes('online') && !s.text().includes('loading'));
  screen.type('gr');
  return screen;
}

const onSupport = async (screen: Screen): Promise<void> => {
  await screen.waitFor(/Grants of|GRANTS/);
  if (screen.text().includes('Grants of')) {
    screen.type('support');
    screen.press('<enter>');
  }
  await screen.waitFor((s) => s.line(0).includes('GRANTS') && /role agents/.test(s.text()));
};

describe('80x24', () => {
  test('stage, preview, difference, write; and what it does is done', async () => {
    await using screen = await opened('eva');
    await onSupport(screen);
    expect(screen.line(0)).toContain(`GRANTS  ${support} ▾`);
    await screen.waitFor(cursorOn('role agents'));
    await screen.waitFor(sees('role agents', /\[A\] +- +- +- +direct +eva/));
    await screen.waitFor(sees('user ben', / a +- +- +- +agents/));
    await screen.waitFor(sees('user eva', / a +s +u +- +owner/));
    // Every edit is staged only.
    screen.type('j');
    await screen.waitFor(cursorOn('user ben'));
    screen.type('l ');
    await screen.waitFor(sees('user ben', /a +\[S\*\] +- +- +agents \+ direct +staged/));
    await screen.waitFor('write would: ben +panel +send');
    await screen.waitFor('send ✓ direct');
    await screen.waitFor(`effective for ben on ${support}`);
    expect((await (await postroom.as('ben')).call('compose.from', {})).rows.map(({ address }) => address)).toEqual([sales]);
    screen.type('e');
    await screen.waitFor('Dates of the grant to ben');
    screen.type('2099-11-30');
    screen.press('<enter>');
    await screen.waitFor(sees('user ben', /30 Nov 2099/));
    await screen.waitFor('panel ✓ direct until 30 Nov 2099');
    screen.type('p');
    await screen.waitFor(/EFFECTIVE ben @ support@harbour.example, after what is staged/);
    await screen.waitFor(/✓ send +✗ no Send → ✓ direct until 30 Nov 2099/);
    await screen.waitFor(/✗ settings +no Setup/);
    screen.press('<esc>');
    await screen.waitFor((s) => !s.text().includes('EFFECTIVE'));
    screen.type('kU');
    await screen.waitFor(sees('role agents', /U\*/));
    await screen.waitFor(/U holders after write: eva, role agents \(2 people\), dora/);
    screen.type('z');
    await screen.waitFor((s) => !/U\*/.test(rowOf(s, 'role agents')) && s.line(0).includes('1 staged'));
    screen.type('D');
    await screen.waitFor((s) => s.line(0).includes('STAGED') && s.text().includes('* user ben +Send until 30 Nov 2099'));
    screen.type('q');
    await screen.waitFor((s) => s.line(0).includes('GRANTS'));
    screen.type('W');
    await screen.waitFor(`Write the grants of ${support}?`);
    await screen.waitFor('ben +panel +send');
    screen.press('<enter>');
    await screen.waitFor(`Written: the grants of ${support}`);
    await screen.waitFor(
      (s) => /a +\[?S\]? +- +30 Nov 2099 +agents \+ direct +eva/.test(rowOf(s, 'user ben')) && !s.line(0).includes('staged'),
    );
    expect((await (await postroom.as('ben')).call('compose.from', {})).rows).toHaveLength(2);
    screen.type('q');
    await screen.waitFor((s) => !s.line(0).includes('GRANTS'));
  });

  test('somebody is added with a preset; leaving asks when something is staged', async () => {
    await using screen = await opened('dora');
    await onSupport(screen);
    screen.type('a');
    await screen.waitFor((s) => s.text().includes('Share support@') && /li/.test(s.text()));
    screen.type('li');
    await screen.waitFor((s) => s.text().includes('> li') && s.text().includes('▌li'));
    screen.press('<enter>');
    await screen.waitFor('Give user li');
    screen.type('reply');
    screen.press('<enter>');
    await screen.waitFor(sees('user li', /S\*/));
    await screen.waitFor('write would: li +panel +send');
    await screen.waitFor(cursorOn('user li'));
    screen.type(':');
    await screen.waitFor('Esc close');
    screen.type('observe');
    await screen.waitFor('Observe: Access');
    screen.press('<enter>');
    await screen.waitFor(sees('user li', /A\*\]? +- +-/));
    screen.type('z');
    await screen.waitFor(sees('user li', /S\*/));
    screen.type('q');
    await screen.waitFor('Leave the grants?');
    screen.press('<esc>');
    await screen.waitFor((s) => !s.text().includes('Leave the grants?') && s.line(0).includes('1 staged'));
    screen.type('m');
    await screen.waitFor('Grants of');
    screen.press('<esc>');
  });

  test('nobody widens their own reach: the screen says so before the write, and the write does not happen', async () => {
    await postroom.role('desk', 'dora');
    await using screen = await opened('dora');
    await onSupport(screen);
    screen.type('jj');
    await screen.waitFor(cursorOn('user dora'));
    screen.type('S');
    await screen.waitFor(/✗ Nobody widens their own reach, and this would be one more way for you/);
    screen.type('W');
    await screen.waitFor((s) => s.line(21).includes('Nobody widens their own reach'));
    expect(screen.text()).not.toContain('Enter do it');
    screen.type('z');
    await screen.waitFor((s) => !s.line(0).includes('staged'));
    // By a role that one is in.
    screen.type('a');
    await screen.waitFor((s) => s.text().includes('Share support@') && s.text().includes('desk'));
    screen.type('desk');
    screen.press('<enter>');
    await screen.waitFor('Give role desk');
    screen.type('reply');
    screen.press('<enter>');
    await screen.waitFor(sees('role desk', /S\*/));
    await screen.waitFor(/✗ Nobody widens their own reach/);
  });

  test('two at once: the second keeps what is staged and sees what changed', async () => {
    await using eva = await opened('eva');
    await onSupport(eva);
    await using dora = await opened('dora');
    await onSupport(dora);
    eva.type('jS');
    await eva.waitFor(sees('user ben', /S\*/));
    dora.type('jjjjA');
    await dora.waitFor(sees('user li', /A\*/));
    dora.type('W');
    await dora.waitFor('Enter do it');
    dora.press('<enter>');
    await dora.waitFor('Written');
    await eva.waitFor('Changed meanwhile: li +Access (dora)');
    eva.type('W');
    await eva.waitFor((s) => s.text().includes('Nothing written') && s.text().includes('Taken in: li +Access (dora)'));
    expect(rowOf(eva, 'user ben')).toMatch(/S\*/);
    expect(rowOf(eva, 'user li')).toMatch(/ A /);
    eva.type('W');
    await eva.waitFor((s) => s.text().includes('ben +panel +send') && s.text().includes('Enter do it'));
    eva.press('<enter>');
    await eva.waitFor('Written');
    const { rows } = await (await postroom.as('eva')).call('grant.list', { mailbox: support });
    expect(rows.map(({ grantee, access, send }) => [grantee.name, access, send])).toEqual([
      ['agents', true, false],
      ['dora', true, false],
      ['li', true, false],
      ['ben', false, true],
    ]);
  });

  test('what is taken away leaves the panel of whom it was taken from, and Setup taken away closes the matrix', async () => {
    await postroom.grant('li', support, { send: true });
    await postroom.deliver(support, { subject: 'Order one' });
    await using li = await open('li');
    await li.waitFor('Order one');
    await using dora = await opened('dora');
    await onSupport(dora);
    await using eva = await opened('eva');
    await onSupport(eva);
    eva.type('jjjj');
    await eva.waitFor(cursorOn('user li'));
    eva.type('d');
    await eva.waitFor('write would: li -panel -send');
    eva.type('kk');
    await eva.waitFor(cursorOn('user dora'));
    eva.type('d');
    await eva.waitFor(/dora -timeline -settings/);
    eva.type('W');
    await eva.waitFor('Enter do it');
    eva.press('<enter>');
    await eva.waitFor('Written');
    await li.waitFor((s) => !s.text().split('\n').slice(2, 20).join('\n').includes('Order one'));
    await dora.waitFor('You do not hold Setup on support@harbour.example any more');
  });
});

describe('160x45', () => {
  test('one mailbox: why beside its matrix, with what is staged as before and after', async () => {
    await using screen = await opened('dora', { cols: 160, rows: 45 });
    await onSupport(screen);
    await screen.waitFor(cursorOn('role agents'));
    screen.type('j');
    await screen.waitFor(cursorOn('user ben'));
    await screen.waitFor('EFFECTIVE ben @ support@harbour.example');
    await screen.waitFor('timeline ✓ role agents');
    screen.type('S');
    await screen.waitFor('panel ✗ no Send → ✓ direct');
    screen.type('z');
    await screen.waitFor('send ✗ no Send');
    screen.type('i');
    await screen.waitFor('Rights that nobody used for');
    screen.press('<enter>');
    await screen.waitFor(/Not used for 90 days; uses are noted since/);
    await screen.waitFor('That is not long enough to tell.');
    screen.press('<esc>');
    await screen.waitFor((s) => !s.text().includes('Not used for'));
  });

  test('what nobody used on any mailbox; from the list to the grant itself, also where it is not the first of its principal', async () => {
    await postroom.grant('ben', support, { send: true });
    const until = '2099-12-01T00:00:00.000Z';
    await (await postroom.as('eva')).call('grant.add', { mailbox: support, grantee: 'ben', access: true, until });
    aheadMs = 100 * 86_400_000;
    await using screen = await opened('eva', { cols: 160, rows: 45 });
    await screen.waitFor(/Grants of|GRANTS/);
    if (screen.text().includes('Grants of')) screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('GRANTS  all mailboxes') && rowOf(s, 'user ben') !== '');
    screen.type('i');
    await screen.waitFor('Rights that nobody used for');
    screen.press('<enter>');
    await screen.waitFor((s) => /user ben {2}Send {2}sales@/.test(s.text()) && /role agents {2}Access {2}support@/.test(s.text()));
    screen.type('user ben  send  sales');
    await screen.waitFor((s) => /▌user ben {2}Send {2}sales@/.test(s.text()) && !/Access {2}support@/.test(s.text()));
    screen.press('<enter>');
    await screen.waitFor((s) => cursorOn('user ben')(s) && /- +\[S°\] +- +a +S° +-/.test(rowOf(s, 'user ben')));
    await screen.waitFor('° not used for 90 days: Send (not since');
    screen.type('i');
    await screen.waitFor('Rights that nobody used for');
    screen.press('<enter>');
    await screen.waitFor(/user ben {2}Access {2}support@/);
    screen.type('user ben  access');
    await screen.waitFor((s) => /▌user ben {2}Access {2}support@/.test(s.text()));
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes(`GRANTS  ${support}`) && /▌ +user ben +\[A°\] +- +- +30 Nov 2099/.test(s.text()));
    screen.type('d');
    await screen.waitFor((s) => s.line(0).includes('1 staged') && s.text().includes('write would: change nobody'));
  });

  test('principals by mailboxes, why beside them; one write for each mailbox', async () => {
    await using screen = await opened('eva', { cols: 160, rows: 45 });
    await screen.waitFor(/Grants of|GRANTS/);
    if (screen.text().includes('Grants of')) screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('GRANTS  all mailboxes'));
    await screen.waitFor((s) => /principal +sales@ +support@ /.test(s.line(2)));
    await screen.waitFor(sees('user ben', /- +S +- +a +- +-/));
    screen.type('j');
    await screen.waitFor(cursorOn('user ben'));
    screen.type('llll');
    await screen.waitFor('EFFECTIVE ben @ support@harbour.example');
    await screen.waitFor('timeline ✓ role agents');
    screen.type(' ');
    await screen.waitFor(sees('user ben', /\[S\*\]/));
    await screen.waitFor('write would: ben +panel +send');
    await screen.waitFor('send ✗ no Send → ✓ direct');
    screen.type('hhhh ');
    await screen.waitFor((s) => /2 staged/.test(s.line(0)));
    screen.type('W');
    await screen.waitFor('Write the grants of 2 mailboxes?');
    screen.press('<enter>');
    await screen.waitFor((s) => !s.line(0).includes('staged') && s.text().includes('Written'));
    const eva = await postroom.as('eva');
    const held = async (mailbox: string) => (await eva.call('grant.explain', { mailbox, person: 'ben' })).rights;
    expect(await held(support)).toEqual({ panel: true, timeline: true, send: true, settings: false });
    expect(await held(sales)).toEqual({ panel: true, timeline: true, send: true, settings: false });
  });
});
