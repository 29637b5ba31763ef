/** A file that the server would not take is refused when it is attached: on the command line and in a terminal, with both figures. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bin, type Cli, cli } from '../support/cli.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { eventually } from '../support/eventually.ts';
import { mail } from '../support/message.ts';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen } from '../support/screen.ts';
import { type Submission, startSubmission } from '../support/submission.ts';

const support = 'support@example.org';
const password = 'correct horse';
const cleanup = new AsyncDisposableStack();
/** What the server offers, to be changed by a test. */
const extensions = ['8BITMIME', 'SIZE 300000', 'PIPELINING'];
let office: Postroom;
let postroom: Cli;
let dovecot: Dovecot;
let submission: Submission;

beforeAll(async () => {
  [office, dovecot, submission] = await Promise.all([
    startPostroom({ config: { sync: { retryMinMs: 50 } } }),
    startDovecot(),
    startSubmission({ users: { [support]: password }, extensions }),
  ]);
  for (const one of [submission, dovecot, office]) cleanup.use(one);
  postroom = cli(office.home);
  await dovecot.addUser(support, password);
  await writeFile(join(office.home, 'ca.pem'), `${dovecot.ca}\n${submission.ca}`);
  const servers = ['--imap', `imaps://localhost:${dovecot.ports.imaps}`, '--smtp', submission.url, '--tls-ca', join(office.home, 'ca.pem')];
  const add = postroom.with({ env: { MAIL_PASSWORD: password } });
  const added = await add('mailbox', 'add', support, ...servers, '--password-env', 'MAIL_PASSWORD', '--work-from', 'all');
  expect([added.code, added.err]).toEqual([0, '']);
  for (const [name, size] of [
    ['small.bin', 100_000],
    // Fits as it lies on the disk, and not as it travels.
    ['scan.bin', 225_000],
    ['film.bin', 70_000_000],
  ] as const)
    await writeFile(join(office.home, name), Buffer.alloc(size, 7));
});
afterAll(() => cleanup.disposeAsync());

const attach = (...names: string[]): string[] => ['--attach', ...names.map((name) => join(office.home, name))];
const send = (...args: string[]) =>
  postroom('send', '--from', support, '--to', 'jane@customer.example', '--subject', 'Files', '--body', 'Here.', ...args);
const refused = (has: string, takes = '300.0 kB', who = 'localhost') =>
  `postroom: The mail has ${has} as it is sent, with its files encoded; ${who} takes at most ${takes}. Send fewer or smaller files.\n`;
const queued = async (): Promise<number> =>
  ((await postroom('outbox', 'list', '--json')).json as { rows: { state: string }[] }).rows.filter(({ state }) => state !== 'accepted')
    .length;
const mails = () => submission.commands.filter((command) => command.startsWith('MAIL')).length;

/** A conversation that came in with a file. */
async function arrived(subject: string, size: number): Promise<string> {
  const file = { filename: 'photo.jpg', type: 'image/jpeg', content: Buffer.alloc(size, 9) };
  const from = 'Jane <jane@customer.example>';
  await dovecot.deliver(support, mail({ from, to: support, subject, text: 'See it.', date: Date.now(), attachments: [file] }));
  expect((await postroom('sync', support, '--wait')).code).toBe(0);
  const { rows } = (await postroom('list', support, '--json')).json as { rows: { conversation: string; subject: string }[] };
  return rows.find((row) => row.subject === subject)?.conversation ?? '';
}

describe('on the command line', () => {
  test('what a mailbox was added with is known at once: nothing is queued, and the server is not asked again', async () => {
    const before = mails();
    const tried = await send(...attach('scan.bin'));
    expect([tried.code, tried.err]).toEqual([2, refused('308.0 kB')]);
    expect((await send(...attach('small.bin', 'scan.bin'))).err).toBe(refused('444.8 kB'));
    // Far beyond everything, and not read for that.
    expect((await send(...attach('film.bin'))).err).toBe(refused('95789.5 kB'));
    const dry = await send(...attach('scan.bin'), '--dry-run', '--json');
    expect(dry.json).toMatchObject({
      error: { code: 'invalid', details: { sizeOctets: expect.any(Number), limitOctets: 300_000, server: 'localhost' } },
    });
    expect([await queued(), mails()]).toEqual([0, before]);
    const sent = await send(...attach('small.bin'), '--wait');
    expect([sent.code, sent.err]).toEqual([0, '']);
    expect((await send(...attach('small.bin'), '--dry-run')).out).toMatch(/\(13\d(\.\d)? kB\)\. Nothing was queued\./);
  });

  test('a forward whose own files are too large is refused, and so is one that becomes so', async () => {
    const [large, fair] = [await arrived('Large', 240_000), await arrived('Fair', 120_000)];
    const forward = (conversation: string, ...args: string[]) =>
      postroom('forward', conversation, '--to', 'sam@carrier.example', '--body', 'For you.', ...args);
    expect((await forward(large)).err).toMatch(/^postroom: The mail has 328\.\d kB as it is sent.*localhost takes at most 300\.0 kB/);
    expect((await forward(fair, ...attach('small.bin'))).err).toMatch(/^postroom: The mail has 301\.\d kB/);
    expect((await forward(fair, '--wait')).code).toBe(0);
  });

  test('it holds after a restart, and what the server says later counts', async () => {
    await office.stopDaemon();
    await office.startDaemon();
    expect((await send(...attach('scan.bin'))).err).toBe(refused('308.0 kB'));
    extensions[1] = 'SIZE 400000';
    expect((await postroom('mailbox', 'test', support)).out).toContain('takes mails of up to 400.0 kB');
    expect((await send(...attach('scan.bin'), '--wait')).code).toBe(0);

    // It takes less now, and nobody knows yet: the mail fails whole, in the same words, and the next one is refused at once.
    extensions[1] = 'SIZE 250000';
    const before = mails();
    const failed = await send(...attach('scan.bin'), '--wait');
    expect([failed.code, failed.out]).toEqual([
      1,
      expect.stringMatching(/^failed: .*\nThe mail has 30[89]\.\d kB .* localhost takes at most 250\.0 kB/),
    ]);
    expect(mails()).toBe(before);
    await eventually(async () => expect((await send(...attach('scan.bin'), '--dry-run')).err).toBe(refused('308.0 kB', '250.0 kB')));

    // No limit: only our own is left.
    extensions[1] = 'SIZE 0';
    await postroom('mailbox', 'test', support);
    expect((await send(...attach('scan.bin'), '--wait')).code).toBe(0);
    expect((await send(...attach('film.bin'))).err).toBe(refused('95.8 MB', '36.0 MB', 'Postroom'));
    extensions[1] = 'SIZE 300000';
    await postroom('mailbox', 'test', support);
  });
});

for (const size of [
  { cols: 80, rows: 24 },
  { cols: 160, rows: 45 },
]) {
  test(`in a terminal of ${size.cols} columns: the file is refused when it is attached, whatever is still missing`, async () => {
    const conversation = await arrived(`Photos ${size.cols}`, 240_000);
    expect(conversation).not.toBe('');
    await using screen = openScreen({
      command: process.execPath,
      args: [bin, '--home', office.home],
      env: { HOME: office.home },
      ...size,
    });
    await screen.waitFor(`Photos ${size.cols}`);
    screen.press('c');
    await screen.waitFor('NEW MAIL');
    screen.press('<esc>');
    await screen.waitFor('Y send');
    screen.press('a');
    await screen.waitFor('the path of a file');
    screen.type(join(office.home, 'scan.bin'));
    screen.press('<enter>');
    await screen.waitFor((s) => /localhost\s+takes\s+at\s+most\s+300\.0 kB\./.test(s.text()) && s.text().includes('The mail has 307.9 kB'));
    screen.press('<c-u>');
    screen.type(join(office.home, 'small.bin'));
    screen.press('<enter>');
    await screen.waitFor((s) => s.text().includes('small.bin 100 kB') && !s.text().includes('takes at'));
    screen.press('a');
    await screen.waitFor('the path of a file');
    screen.type(join(office.home, 'scan.bin'));
    screen.press('<enter>');
    await screen.waitFor('The mail has 444.8 kB');
    screen.press('<esc>', 'D');
    await screen.waitFor('Discard this draft?');
    screen.press('<enter>');

    // A forward says so as soon as it is begun.
    await screen.waitFor(`Photos ${size.cols}`);
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('‹') && s.text().includes('photo.jpg'));
    screen.press('f');
    await screen.waitFor((s) => s.text().includes('FORWARD of') && s.text().includes('The mail has 328'));
  });
}
