/** The outbox and the settings of a mailbox in a real terminal, with a real Dovecot and a submission server that fails when it is told to. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { mail } from '../support/message.ts';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';
import { type Submission, startSubmission } from '../support/submission.ts';

const support = 'support@example.org';
const password = 'correct horse';

const cleanup = new AsyncDisposableStack();
let office: Postroom;
let dovecot: Dovecot;
let submission: Submission;

beforeAll(async () => {
  [office, dovecot, submission] = await Promise.all([
    startPostroom({ config: { sync: { retryMinMs: 50 }, outbox: { retryAfterMs: [600_000] } } }),
    startDovecot(),
    startSubmission({ users: { [support]: password } }),
  ]);
  for (const one of [submission, dovecot, office]) cleanup.use(one);
  await dovecot.addUser(support, password);
  const raw = mail({ from: 'Jane <jane@example.net>', to: support, subject: 'Where is it?', text: 'Hello.\n', date: Date.now() });
  await dovecot.deliver(support, raw);
  const eva = await office.as('eva');
  await eva.call('mailbox.add', {
    address: support,
    imap: `imaps://localhost:${dovecot.ports.imaps}`,
    smtp: submission.url,
    ca: `${dovecot.ca}\n${submission.ca}`,
    secret: { kind: 'password', password },
    shared: true,
    workFrom: null,
  });
  await eva.call('mailbox.sync', { mailbox: support, wait: true }, { timeoutMs: 60_000 });
});
afterAll(() => cleanup.disposeAsync());

async function open(size: { cols?: number; rows?: number } = {}): Promise<Screen> {
  const file = join(office.home, 'eva.identity.json');
  await writeFile(file, JSON.stringify(office.identity('eva')), { mode: 0o600 });
  const home = join(office.home, 'nowhere');
  const screen = openScreen({
    command: process.execPath,
    args: [resolve('dist/tui.js'), '--identity', file],
    env: { HOME: home, POSTROOM_HOME: home },
    ...size,
  });
  await screen.waitFor((s) => s.line(0).includes('POSTROOM') && s.text().includes('Where is it?'), 20_000);
  return screen;
}

async function send(subject: string): Promise<string> {
  const { outbox } = await (await office.as('eva')).call('outbox.send', { from: support, to: 'jane@example.net', subject, body: 'Hi.' });
  if (outbox === null) throw new Error('nothing was queued');
  return outbox;
}

test('a mail that was refused shows on every screen, and at its conversation, until somebody deals with it', async () => {
  await using screen = await open();
  submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
  await send('Refused');
  await screen.waitFor((s) => s.line(22).includes('✗ 1 not sent · g o'));
  // While one writes as well.
  screen.type('c');
  await screen.waitFor((s) => s.line(0).includes('NEW MAIL') || s.text().includes('Subj'));
  expect(screen.line(22)).toContain('✗ 1 not sent');
  screen.press('<esc>');
  await screen.waitFor((s) => s.line(23).includes('y send'));
  screen.type('q');
  await screen.waitFor((s) => s.line(0).includes('POSTROOM'));
  screen.type('go');
  await screen.waitFor((s) => s.line(0).includes('OUTBOX') && /▌ ✗ not sent .*Refused/.test(s.text()));
  await screen.waitFor('Not sent: 550 5.1.1 No such user');
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('✗ not sent: 550'));
  screen.type('q');
  await screen.waitFor((s) => s.line(0).includes('OUTBOX'));
  screen.type('y');
  await screen.waitFor(/✓ sent .*Refused/);
  await screen.waitFor((s) => !s.line(22).includes('not sent'));
});

test('a refused address is mended: the new mail takes the place of the old one', async () => {
  await using screen = await open();
  submission.fail({ at: 'rcpt', reply: '550 5.1.1 No such user' });
  const before = submission.ledger.length;
  const old = await send('Mend me');
  await screen.waitFor((s) => s.line(22).includes('✗ 1 not sent · g o'));
  screen.type('go');
  await screen.waitFor((s) => /▌ ✗ not sent .*Mend me/.test(s.text()) && s.line(23).includes('e edit') && s.line(23).includes('y retry'));
  // From its conversation as well.
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('✗ not sent: 550') && s.line(23).includes('@'));
  screen.type('@');
  await screen.waitFor(/▌ *Edit it/);
  screen.press('<enter>');
  await screen.waitFor(
    (s) => s.line(0).includes('EDIT of Mend me') && /To +jane@example\.net/.test(s.text()) && s.line(23).includes('y send'),
  );
  screen.type('t');
  await screen.waitFor(/▌To +jane@example\.net/);
  screen.press('<c-u>');
  await screen.waitFor(/▌To +\S*\s*\n/);
  screen.type('jane.cooper@example.net');
  await screen.waitFor(/▌To +jane\.cooper@example\.net/);
  screen.press('<enter>');
  await screen.waitFor((s) => /To +jane\.cooper@example\.net/.test(s.text()) && s.line(23).includes('y send'));
  screen.type('y');
  await screen.waitFor('It leaves in 10 s');
  // Both are never on their way: the old one is given up in the moment in which the new one is queued.
  expect((await (await office.as('eva')).call('outbox.show', { outbox: old })).state).toBe('cancelled');
  await screen.waitFor((s) => !s.line(22).includes('not sent'));
  screen.type('q');
  // It counts down, and may be over with that by now.
  await screen.waitFor((s) => s.line(0).includes('OUTBOX') && /(◌ in \d+ s|↑ \w+|✓ sent) .*Mend me/.test(s.text()));
  await screen.waitFor(/○ given up .*Mend me/);
  await screen.waitFor(/✓ sent .*jane\.cooper.*Mend me/);
  expect(submission.ledger.slice(before).map(({ rcptTo }) => rcptTo.join())).toEqual(['jane.cooper@example.net']);
  // One came here from the panel, and goes back there.
  screen.type('q');
  await screen.waitFor((s) => s.line(0).includes('POSTROOM'));
});

test('a mail of unknown fate is settled by a person, and sent once', async () => {
  await using screen = await open({ cols: 160, rows: 45 });
  submission.fail({ at: 'dot', end: 'drop', accept: true });
  const before = submission.ledger.length;
  await send('Lost');
  await screen.waitFor((s) => s.line(43).includes('1 of unknown fate'), 20_000);
  screen.type('go');
  await screen.waitFor((s) => /▌ ✗ unknown .*Lost/.test(s.text()) && s.text().includes('find out whether it arrived'));
  screen.type('@');
  await screen.waitFor('you know that it is there');
  screen.press('<enter>');
  // Its copy is filed as that of any other: the mark goes.
  await screen.waitFor(/✓ sent .*jane@example.net +Lost/);
  expect(submission.ledger.length).toBe(before + 1);
});

test('a held mail says when it leaves; it is sent now, or taken back', async () => {
  await using screen = await open();
  const eva = await office.as('eva');
  const at = new Date(Date.now() + 86_400_000).toISOString();
  for (const subject of ['Tomorrow', 'Never'])
    await eva.call('outbox.send', { from: support, to: 'jane@example.net', subject, body: 'Hi.', at });
  await screen.waitFor((s) => s.line(22).includes('outbox 2'));
  screen.type('go');
  await screen.waitFor((s) => /▌ ◌ later .*Never/.test(s.text()) && s.text().includes('Held for its time: leaves on'));
  screen.type('D');
  await screen.waitFor('Take it back?');
  screen.press('<enter>');
  await screen.waitFor((s) => /▌ ○ taken back .*Never/.test(s.text()));
  screen.type('gg');
  await screen.waitFor(/▌ ◌ later .*Tomorrow/);
  screen.type('y');
  await screen.waitFor(/✓ sent .*Tomorrow/);
  await screen.waitFor((s) => !s.line(22).includes('outbox'));
});

test('settings: sections, a connection test with its log, staged edits that W writes', async () => {
  await using screen = await open();
  screen.type('g,');
  await screen.waitFor((s) => s.line(0).includes(`SETTINGS  ${support}`) && s.line(1).includes('‹Server›'));
  await screen.waitFor(/▌ Incoming +imaps:\/\/localhost/);
  await screen.waitFor(/Password +kept sealed/);
  screen.type('T');
  await screen.waitFor((s) => s.text().includes(`✓ imap login: ${support}`) && /✓ smtp .*/.test(s.text()), 20_000);
  // A password is typed unseen; a wrong one is told by the test, and stops nothing but this mailbox.
  screen.type('jjj');
  await screen.waitFor(/▌ Password/);
  screen.press('<enter>');
  await screen.waitFor('the daemon keeps it sealed');
  screen.press('<enter>');
  await screen.waitFor('New password');
  screen.type('not it');
  await screen.waitFor('******');
  screen.press('<enter>');
  await screen.waitFor((s) => s.line(0).includes('1 not saved *') && s.text().includes('a new one, not saved yet'));
  screen.type('W');
  await screen.waitFor(`Save 1 edit of ${support}?`);
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('are saved') && !s.line(0).includes('not saved'));
  const parked = await send('Parked');
  await screen.waitFor((s) => s.line(22).includes('outbox 1'), 20_000);
  screen.type('T');
  await screen.waitFor(/✗ imap login/, 20_000);
  screen.press('<enter>');
  await screen.waitFor('the daemon keeps it sealed');
  screen.press('<enter>');
  await screen.waitFor('New password');
  screen.type(password);
  await screen.waitFor('*'.repeat(password.length));
  screen.press('<enter>');
  await screen.waitFor('a new one, not saved yet');
  screen.type('W');
  await screen.waitFor('Enter do it');
  screen.press('<enter>');
  // The breaker closes with the mended password: what was parked leaves.
  await expect.poll(async () => (await (await office.as('eva')).call('outbox.show', { outbox: parked })).state).toBe('accepted');
  expect(screen.bytes().toString()).not.toContain('not it');
  expect(screen.bytes().toString()).not.toContain(password);
});

test('settings at 160x45: a conflict keeps the edits; a refused field says why where it stands', async () => {
  await using screen = await open({ cols: 160, rows: 45 });
  screen.type('g,');
  await screen.waitFor(/▌ Incoming/);
  screen.press('<tab>', '<tab>');
  await screen.waitFor(/▌ Name/);
  screen.press('<enter>');
  await screen.waitFor('Enter keeps it');
  screen.type('Harbour Help');
  screen.press('<enter>');
  await screen.waitFor(/▌\*Name +Harbour Help/);
  await (await office.as('eva')).call('mailbox.set', { mailbox: support, settings: { signature: 'Bye' } });
  await screen.waitFor(/Signature +Bye/);
  screen.type('W');
  await screen.waitFor('Enter do it');
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('Your edits are kept') && /▌\*Name +Harbour Help/.test(s.text()));
  screen.type('W');
  await screen.waitFor('Enter do it');
  screen.press('<enter>');
  await screen.waitFor((s) => !s.line(0).includes('not saved') && /▌ Name +Harbour Help/.test(s.text()));
  screen.press('<s-tab>');
  await screen.waitFor(/Add one/);
  screen.type('G');
  screen.press('<enter>');
  await screen.waitFor('Enter keeps it');
  screen.type('nonsense');
  screen.press('<enter>');
  await screen.waitFor(/▌\*Add one +nonsense/);
  screen.type('W');
  await screen.waitFor('Enter do it');
  screen.press('<enter>');
  await screen.waitFor((s) => /▌!Add one/.test(s.text()) && s.text().includes('is not an address like'));
  screen.type('z');
  await screen.waitFor((s) => !s.line(0).includes('not saved'));
  expect((await (await office.as('eva')).call('mailbox.show', { mailbox: support })).settings).toMatchObject({
    name: 'Harbour Help',
    signature: 'Bye',
  });
});
