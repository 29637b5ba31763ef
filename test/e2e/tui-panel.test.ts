/** The panel in a real terminal on a real daemon: stories at 80x24 and 160x45. */
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen, type ScreenOptions } from '../support/screen.ts';
import { tempDir } from '../support/tempdir.ts';

const program = resolve('dist/tui.js');
const support = 'support@harbour.example';
const sales = 'sales@harbour.example';

let postroom: Postroom;
let office: Office;

/** People with work: anna and ben may send from support@, otto looks on. */
class Office {
  readonly #postroom: Postroom;
  readonly #home: string;

  constructor(postroom: Postroom) {
    this.#postroom = postroom;
    this.#home = postroom.home;
  }

  async open(person: string, given: Partial<ScreenOptions> = {}): Promise<Screen> {
    const file = join(this.#home, `${person}.identity.json`);
    await writeFile(file, JSON.stringify(this.#postroom.identity(person)), { mode: 0o600 });
    await chmod(file, 0o600);
    const { env, ...size } = given;
    // A home of its own: nothing of this machine's user is read or written.
    const home = join(this.#home, 'nowhere');
    return openScreen({
      command: process.execPath,
      args: [program, '--identity', file],
      env: { HOME: home, POSTROOM_HOME: home, ...env },
      ...size,
    });
  }
}

async function furnish(subjects: readonly string[]): Promise<Postroom> {
  const made = await startPostroom();
  for (const person of ['anna', 'ben', 'otto']) await made.person(person);
  await made.mailbox('support');
  await made.mailbox('sales');
  await made.grant('anna', support, { access: true, send: true });
  await made.grant('ben', support, { access: true, send: true });
  await made.grant('otto', support, { access: true });
  for (const subject of subjects) await made.deliver(support, { subject });
  return made;
}

const row = (screen: Screen, subject: string): number =>
  screen
    .text()
    .split('\n')
    .findIndex((line) => line.includes(subject));
/** Beside a sidebar the list begins after its divider, and the reader has the subject too. */
const cursorOn = (subject: string) => {
  const wanted = new RegExp(`(^|│)▌[^│]*${subject}`, 'mu');
  return (screen: Screen) => wanted.test(screen.text());
};

describe('on one daemon', () => {
  const subjects = ['Order one', 'Order two', 'Order three', 'Order four', 'Order five', 'Order six', 'Order seven', 'Order eight'];
  beforeAll(async () => {
    postroom = await furnish(subjects);
    office = new Office(postroom);
  });
  afterAll(() => postroom[Symbol.asyncDispose]());

  test('rows, a burst of keys, opening and back, leaving', async () => {
    await using screen = await office.open('anna');
    await screen.waitFor(cursorOn('Order one'));
    expect(screen.line(0)).toMatch(/POSTROOM {2}all mailboxes {3}1 Mine 0‹2 Unassigned 8›3 Team 8│4 Done +anna ●/);
    await screen.waitFor((s) => /Enter open {2}e done {2}t take/.test(s.line(23)));
    await screen.waitFor((s) => s.line(22).includes('● online · support@ hosted here · you: Access Send'));
    screen.type('jjj');
    await screen.waitFor(cursorOn('Order four'));
    screen.type('k');
    await screen.waitFor(cursorOn('Order three'));
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('‹ Unassigned') && s.text().includes('It has not come.'));
    screen.type('q');
    await screen.waitFor((s) => s.line(0).includes('POSTROOM') && cursorOn('Order three')(s));
    screen.type('q');
    await screen.waitFor('Quit Postroom?');
    screen.press('<enter>');
    expect(await screen.exitCode).toEqual({ code: 0, signal: 0 });
    expect(screen.alternate()).toBe(false);
    expect(screen.cursor().visible).toBe(true);
  });

  test('done for the team goes on to the next row, and z brings it back', async () => {
    await using screen = await office.open('anna');
    await screen.waitFor(cursorOn('Order one'));
    // Each on what the one before left, although the daemon has not answered.
    screen.type('jee');
    await screen.waitFor((s) => cursorOn('Order four')(s) && row(s, '"Order') > 0);
    const anna = await postroom.as('anna');
    const open = async () => (await anna.call('panel.list', { view: 'team' })).rows.map((one) => String(one.subject));
    // The screen may be ahead of the daemon's answer: its state is waited for, not its timing.
    await expect.poll(open).toEqual(subjects.filter((subject) => subject !== 'Order two' && subject !== 'Order three'));
    screen.type('zz');
    await screen.waitFor((s) => row(s, 'Order two') > 0 && row(s, 'Order three') > 0 && s.text().includes('2 Unassigned 8'));
    await expect.poll(open).toEqual(subjects);
    await screen.waitFor((s) => s.text().includes('2 Unassigned 8'));
    screen.press('<c-c>');
    expect((await screen.exitCode).code).toBe(0);
  });

  test('marks are asked about, and done together', async () => {
    await using screen = await office.open('anna');
    await screen.waitFor(cursorOn('Order one'));
    screen.type('xjjXe');
    await screen.waitFor('Done for the whole team: 3');
    await screen.waitFor('From "Order one" to "Order three".');
    screen.press('<esc>');
    await screen.waitFor((s) => s.line(1).includes('3 marked') && !s.text().includes('Enter do it'));
    screen.type('e');
    await screen.waitFor('Enter do it');
    screen.press('<enter>');
    // A key that comes within the millisecond in which the question is painted is refused, and says so: then it is pressed again.
    await screen.waitFor((s) => !s.text().includes('Enter do it') || s.text().includes('typed before'));
    if (screen.text().includes('typed before')) screen.press('<enter>');
    await screen.waitFor((s) => s.text().includes('3 conversations') && cursorOn('Order four')(s));
    screen.type('z');
    await screen.waitFor((s) => row(s, 'Order one') > 0 && s.text().includes('2 Unassigned 8'));
  });

  test('what others do appears by itself and moves no cursor', async () => {
    await using screen = await office.open('anna', { cols: 160, rows: 45 });
    await screen.waitFor((s) => s.line(0).includes('Unassigned 8') && s.text().includes('It has not come.'));
    screen.type('3');
    await screen.waitFor((s) => s.line(0).includes('‹3 Team 8›') && cursorOn('Order one')(s));
    screen.type('jj');
    await screen.waitFor(cursorOn('Order three'));
    const ben = await postroom.as('ben');
    const { rows } = await ben.call('panel.list', { view: 'team' });
    const first = rows.find(({ subject }) => subject === 'Order one');
    const last = rows.find(({ subject }) => subject === 'Order eight');
    if (first === undefined || last === undefined) throw new Error('rows are missing');
    await ben.call('conversation.take', { conversation: last.conversation });
    await screen.waitFor('TEAM  Taken by ben: "Order eight"');
    await screen.waitFor((s) => /ben\s+Jane Cooper\s+Order eight/.test(s.line(row(s, 'Order eight'))));
    await ben.call('conversation.mark', { conversation: first.conversation, as: 'done' });
    await screen.waitFor('Done by ben: "Order one"');
    await screen.waitFor((s) => !s.text().split('\n').slice(2, 40).join('\n').includes('Order one') && cursorOn('Order three')(s));
    await ben.call('conversation.mark', { conversation: first.conversation, as: 'open' });
    await ben.call('conversation.release', { conversation: last.conversation });
    await screen.waitFor((s) => row(s, 'Order one') > 0 && cursorOn('Order three')(s));
  });

  test('a verb on what moved on says what is new, and nothing is lost', async () => {
    await using screen = await office.open('anna');
    await screen.waitFor(cursorOn('Order one'));
    screen.type('G');
    await screen.waitFor(cursorOn('Order eight'));
    const ben = await postroom.as('ben');
    const { rows } = await ben.call('panel.list', { view: 'team' });
    const last = rows.find(({ subject }) => subject === 'Order eight');
    if (last === undefined) throw new Error('the row is missing');
    // The key may be read before the event of the note is here, or after: the daemon knows.
    await ben.call('conversation.note', { conversation: last.conversation, text: 'He called.' });
    screen.type('e');
    await screen.waitFor((s) => /came meanwhile|Done for the whole team/.test(s.text()));
    if (!screen.text().includes('meanwhile')) screen.type('z');
    await screen.waitFor((s) => cursorOn('Order eight')(s) && s.text().includes('2 Unassigned 8'));
  });

  test('the filter narrows what is loaded; assign and go pick by words', async () => {
    await using screen = await office.open('anna');
    await screen.waitFor(cursorOn('Order one'));
    screen.type('\\six');
    await screen.waitFor((s) => cursorOn('Order six')(s) && row(s, 'Order one') === -1);
    screen.press('<enter>', 'T');
    await screen.waitFor((s) => s.text().includes('Assign "Order six" to') && s.text().includes('ben'));
    screen.type('ben');
    await screen.waitFor((s) => !s.text().includes('that is you'));
    screen.press('<enter>');
    await screen.waitFor('ben has it now: "Order six"');
    screen.type('z');
    await screen.waitFor(cursorOn('Order six'));
    screen.press('<esc>');
    await screen.waitFor((s) => row(s, 'Order one') > 0);
    screen.type('gf');
    await screen.waitFor((s) => s.line(0).startsWith(` FOLDERS  ${support}`) && s.text().includes('Inbox'));
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).startsWith(` FOLDER Inbox  ${support}`) && row(s, 'Order eight') > 0);
    screen.type('g-');
    await screen.waitFor((s) => s.line(0).startsWith(' FOLDERS'));
    screen.type('gm');
    await screen.waitFor((s) => s.text().includes('Go to mailbox') && s.text().includes(`▌${support}`));
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes(`POSTROOM  ${support}`.slice(0, 20)));
    screen.type('gb');
    await screen.waitFor((s) => s.line(0).startsWith(' MAILBOXES') && /● support@harbour.example +8 {2}Access Send/.test(s.text()));
  });

  test('an observer begins at the list they may work down: no count, no panel', async () => {
    await using screen = await office.open('otto');
    await screen.waitFor((s) => s.line(0).startsWith(` OPEN ${support}`) && cursorOn('Order one')(s));
    await screen.waitFor((s) => s.line(22).endsWith('you: Access'));
    expect(screen.title()).toBe('Postroom');
    screen.type('gp');
    await screen.waitFor('g p does nothing here');
    screen.type('r');
    await screen.waitFor('you do not hold Send here');
  });

  test('a right that goes takes its rows along and says why', async () => {
    await postroom.grant('otto', sales, { access: true });
    await postroom.deliver(sales, { subject: 'Offer' });
    await using screen = await office.open('otto');
    await screen.waitFor((s) => s.line(0).startsWith(' MAILBOXES') && s.text().includes(sales));
    screen.press('<enter>');
    await screen.waitFor(cursorOn('Offer'));
    await (await postroom.as('eva')).call('grant.remove', { mailbox: sales, grantee: 'otto' });
    await screen.waitFor((s) => row(s, 'Offer') === -1 && s.text().includes('you no longer reach sales@'));
    await screen.waitFor('You do not reach sales@harbour.example any more');
  });

  test('the frame follows the window', async () => {
    await using screen = await office.open('anna', { cols: 160, rows: 45 });
    await screen.waitFor((s) => s.text().includes('MAILBOXES') && s.text().includes('It has not come.'));
    expect(screen.line(2)).toMatch(/^ MAILBOXES {14}│.{58}│/u);
    screen.resize(60, 20);
    await screen.waitFor((s) => s.line(19).includes(': cmd') && cursorOn('Order one')(s) && !s.text().includes('MAILBOXES'));
    screen.resize(30, 8);
    await screen.waitFor((s) => s.text().startsWith('Postroom needs 40x10'));
    screen.resize(80, 24);
    await screen.waitFor((s) => s.line(23).includes(': cmd') && cursorOn('Order one')(s));
    screen.type('j');
    await screen.waitFor(cursorOn('Order two'));
  });

  test('without colours nothing is lost', async () => {
    await using screen = await office.open('anna', { env: { NO_COLOR: '1' } });
    await screen.waitFor(cursorOn('Order one'));
    expect(screen.line(0)).toContain('‹2 Unassigned 8›');
    expect(screen.bytes().toString()).not.toMatch(/\u001b\[[0-9;]*3[0-7]m/);
  });
});

test('a hostile subject leaves no control on the screen', async () => {
  await using made = await furnish(['\u001b]0;evil\u0007\u001b[31mred \u202egnp.exe\u009b2J', 'plain']);
  await using screen = await new Office(made).open('anna', { cols: 160, rows: 45 });
  await screen.waitFor((s) => row(s, 'red') > 0 && row(s, 'plain') > 0);
  const bytes = screen.bytes().toString();
  expect(bytes).not.toContain('\u001b]0;evil');
  expect(bytes).not.toContain('\u202e');
  expect(bytes).not.toContain('\u009b');
  expect(screen.title()).toBe('Postroom (2)');
});

test('the daemon goes and comes back under it', async () => {
  await using made = await furnish(['Order one', 'Order two']);
  await using screen = await new Office(made).open('anna');
  await screen.waitFor(cursorOn('Order one'));
  await made.stopDaemon();
  await screen.waitFor(/OFFLINE since \d\d:\d\d, local copy/);
  // What is here stays readable; what cannot be done says so.
  screen.type('j');
  await screen.waitFor(cursorOn('Order two'));
  screen.type('e');
  await screen.waitFor('the daemon is away');
  await made.startDaemon();
  await screen.waitFor('The daemon was restarted: back online');
  await screen.waitFor((s) => s.line(22).includes('● online'));
  await made.deliver(support, { subject: 'Order three' });
  await screen.waitFor((s) => row(s, 'Order three') > 0 && cursorOn('Order two')(s));
});

test('without a daemon it says so, tries on, and begins when there is one', async () => {
  await using made = await furnish(['Order one']);
  await made.stopDaemon();
  await using screen = await new Office(made).open('anna');
  await screen.waitFor('No daemon answers at');
  await made.startDaemon();
  await screen.waitFor(cursorOn('Order one'), 15_000);
  await made.deliver(support, { subject: 'Order two' });
  await screen.waitFor((s) => row(s, 'Order two') > 0);
});

test('a person who is not welcome is told so', async () => {
  await using made = await furnish(['Order one']);
  const stranger = new Office(made);
  await using screen = await stranger.open('anna');
  await screen.waitFor(cursorOn('Order one'));
  await (await made.as('eva')).call('person.disable', { name: 'anna' });
  await screen.waitFor('✗ refused:');
  await screen.waitFor((s) => row(s, 'Order one') === -1);
  screen.press('<c-c>');
  expect((await screen.exitCode).code).toBe(0);
});

test("the home's own daemon is started, and missed when it is killed", async () => {
  await using folder = await tempDir();
  const env = { POSTROOM_HOME: folder.path, HOME: folder.path };
  await promisify(execFile)(process.execPath, [resolve('dist/daemon.js'), 'init', '--name', 'Team', '--admin', 'kim'], { env });
  await using screen = openScreen({ command: process.execPath, args: [program], env });
  await screen.waitFor('There is no mailbox here for you yet', 20_000);
  const daemon = Number(await readFile(join(folder.path, 'run', 'daemon.pid'), 'utf8'));
  process.kill(daemon, 'SIGKILL');
  await screen.waitFor(/OFFLINE since \d\d:\d\d/);
  screen.press('<c-c>');
  expect((await screen.exitCode).code).toBe(0);
});

describe('before the first frame', () => {
  const run = (args: readonly string[]) =>
    openScreen({ command: process.execPath, args: [program, ...args], env: { POSTROOM_HOME: '/nonexistent/home' } });
  test('no identity: what to do, and exit 7', async () => {
    await using screen = run([]);
    await screen.waitFor('Start a new Postroom here');
    screen.press('<c-c>');
    expect((await screen.exitCode).code).toBe(7);
    expect(screen.text()).toContain('postroom join');
  });
  test('an unknown option is a usage error', async () => {
    await using screen = run(['--nothing']);
    expect((await screen.exitCode).code).toBe(2);
  });
  test('no terminal: exit 2', async () => {
    await using screen = openScreen({ command: '/bin/sh', args: ['-c', `${process.execPath} ${program} < /dev/null | cat; exit 0`] });
    await screen.exitCode;
    expect(screen.text()).toContain('The screens need a terminal');
  });
});
