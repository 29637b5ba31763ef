/** From nothing to the first mail, in a real terminal: a home of one's own with a mailbox of a real server, and an invitation. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startDovecot } from '../support/dovecot.ts';
import { mail } from '../support/message.ts';
import { startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';
import { startSubmission } from '../support/submission.ts';
import { tempDir } from '../support/tempdir.ts';

const program = resolve('dist/tui.js');
const support = 'support@example.org';
const password = 'correct horse';

/** Opens the box of the field under the cursor, and types. */
async function fill(screen: Screen, label: string, text: string, clear = false): Promise<void> {
  await screen.waitFor(new RegExp(`▌[ !]${label}`));
  screen.press('<enter>');
  await screen.waitFor('Enter keeps it');
  if (clear) screen.press('<c-u>');
  screen.type(text);
  await screen.waitFor(label === 'Password' ? '*'.repeat(text.length) : text.slice(0, 40));
  screen.press('<enter>');
  await screen.waitFor((s) => !s.text().includes('Enter keeps it'));
}

test('an empty machine: a home, a mailbox, its import, the panel', async () => {
  await using folder = await tempDir();
  await using dovecot = await startDovecot({ tls: 'none' });
  await using submission = await startSubmission({ users: { [support]: password }, security: 'plain' });
  await dovecot.addUser(support, password);
  const raw = mail({ from: 'Jane <jane@example.net>', to: support, subject: 'Where is it?', text: 'Hello.\n', date: Date.now() });
  await dovecot.deliver(support, raw);

  await using screen = openScreen({ command: process.execPath, args: [program], env: { POSTROOM_HOME: folder.path, HOME: folder.path } });
  await screen.waitFor(/▌ Start a new Postroom here/);
  screen.press('<enter>');
  await screen.waitFor('Name of your organisation');
  screen.type('Harbour Books');
  await screen.waitFor('Harbour Books');
  screen.press('<enter>');
  await screen.waitFor('Your name');
  screen.type('kim');
  await screen.waitFor(/│ kim/);
  screen.press('<enter>');
  await screen.waitFor('There is no mailbox here for you yet', 30_000);
  try {
    screen.type('a');
    await screen.waitFor('ADD A MAILBOX');
    screen.type('y');
    await screen.waitFor('! Address: it cannot be empty');
    await fill(screen, 'Address', support);
    await screen.waitFor('imaps://imap.example.org:993');
    await fill(screen, 'Incoming', `imap://localhost:${dovecot.ports.imap}?tls=no`, true);
    await fill(screen, 'Outgoing', 'gopher://localhost', true);
    await screen.waitFor(/▌ User +support@example.org/);
    screen.type('j');
    await fill(screen, 'Password', password);
    screen.type('y');
    await screen.waitFor((s) => /▌!Outgoing/.test(s.text()) && s.text().includes('! Outgoing: A server is written like'));
    await fill(screen, 'Outgoing', submission.url, true);
    screen.type('y');
    await screen.waitFor((s) => s.line(0).includes(`ADDED  ${support}`));
    await screen.waitFor((s) => /✓ imap login/.test(s.text()) && /✓ smtp sign in/.test(s.text()), 20_000);
    await screen.waitFor('1 mails here', 20_000);
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('POSTROOM') && s.text().includes('Where is it?'));
    expect(screen.bytes().toString()).not.toContain(password);
    screen.press('<c-c>');
    expect((await screen.exitCode).code).toBe(0);
  } finally {
    process.kill(Number(await readFile(join(folder.path, 'run', 'daemon.pid'), 'utf8')), 'SIGTERM');
  }
});

test('an invitation is pasted, and works once', async () => {
  await using postroom = await startPostroom();
  await using folder = await tempDir();
  const { invitation } = await (await postroom.as('eva')).call('person.add', { name: 'lena' });
  const env = { POSTROOM_HOME: folder.path, HOME: folder.path };
  await using screen = openScreen({ command: process.execPath, args: [program], env, cols: 160, rows: 45 });
  await screen.waitFor(/▌ Start a new Postroom here/);
  screen.type('j');
  await screen.waitFor(/▌ Join a team/);
  screen.press('<enter>');
  await screen.waitFor('Your invitation');
  screen.paste('nonsense');
  await screen.waitFor(/│ nonsense/);
  screen.press('<enter>');
  await screen.waitFor(/invitation/i);
  expect(existsSync(join(folder.path, 'identity.json'))).toBe(false);
  screen.press('<enter>');
  await screen.waitFor('Enter keeps it');
  screen.paste(`${invitation}\n`);
  await screen.waitFor(invitation.slice(-20));
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('There is no mailbox here for you yet') && s.line(43).includes('● online'), 20_000);
  screen.press('<c-c>');
  expect((await screen.exitCode).code).toBe(0);
});
