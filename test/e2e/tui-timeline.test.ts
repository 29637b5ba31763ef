/** The timeline in a real terminal on a real daemon, at 80x24 and 160x45. */
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';

const program = resolve('dist/tui.js');
const support = 'support@harbour.example';
let postroom: Postroom;

async function open(person: string, size: { cols: number; rows: number }): Promise<Screen> {
  const file = join(postroom.home, `${person}.identity.json`);
  await writeFile(file, JSON.stringify(postroom.identity(person)), { mode: 0o600 });
  await chmod(file, 0o600);
  const home = join(postroom.home, 'nowhere');
  return openScreen({
    command: process.execPath,
    args: [program, '--identity', file],
    env: { HOME: home, POSTROOM_HOME: home },
    ...size,
  });
}

/** The first conversation of the mailbox with a subject. */
async function conversation(subject: string): Promise<string> {
  const anna = await postroom.as('anna');
  const { rows } = await anna.call('conversation.list', { mailbox: support, state: 'any' });
  const found = rows.find((row) => row.subject === subject);
  if (found === undefined) throw new Error(`there is no ${subject}`);
  return found.conversation;
}

beforeAll(async () => {
  postroom = await startPostroom();
  for (const person of ['anna', 'ben', 'otto', 'sid']) await postroom.person(person);
  await postroom.mailbox('support');
  await postroom.grant('anna', support, { access: true, send: true });
  await postroom.grant('ben', support, { access: true, send: true });
  await postroom.grant('otto', support, { access: true });
  await postroom.grant('sid', support, { send: true });
  for (let at = 1; at <= 120; at++) await postroom.deliver(support, { subject: `Order ${at}` });
  const anna = await postroom.as('anna');
  await anna.call('conversation.take', { conversation: await conversation('Order 120') });
  await anna.call('conversation.note', { conversation: await conversation('Order 120'), text: 'carrier ref 77-12' });
});
afterAll(() => postroom[Symbol.asyncDispose]());

const sizes = [
  { cols: 80, rows: 24 },
  { cols: 160, rows: 45 },
];

for (const size of sizes) {
  test(`a mailbox, its contact, a conversation and back, at ${size.cols}x${size.rows}`, async () => {
    await using screen = await open('anna', size);
    await screen.waitFor('Order 120');
    screen.type('gt');
    await screen.waitFor((s) => s.line(0).includes('TIMELINE ') && /‹mailbox support@›/.test(s.line(0)));
    await screen.waitFor(/▌\d\d:\d\d note {3}anna +team only +carrier ref 77-12/u);
    await screen.waitFor(/ ── \w{3} \d+ \w{3} ─+|in {5}Jane Cooper {2}→ support@ +Order 119/);
    if (size.cols === 160) await screen.waitFor((s) => s.text().includes(' SCOPE') && s.text().includes(' EVENT  note'));
    // One up is the taking, two the mail of order 120.
    screen.type('kk');
    await screen.waitFor(/▌\d\d:\d\d in {5}Jane Cooper {2}→ support@ +Order 120/u);
    await screen.waitFor((s) => s.line(0).includes('F live ○'));
    screen.press('<tab>');
    await screen.waitFor((s) => /‹contact Jane Coop/.test(s.line(0)) && /▌.*Order 120/u.test(s.text()));
    screen.press('<tab>');
    await screen.waitFor((s) => /‹conversation Order 120/.test(s.line(0)) && /assign anna +→ anna +Order 120/.test(s.text()));
    screen.press('<enter>');
    await screen.waitFor(
      (s) => s.text().includes('It has not come.') && s.line(0).includes('Order 120') && !s.line(0).includes('TIMELINE'),
    );
    // Its history opens over it, and leads back.
    screen.type('gt');
    await screen.waitFor((s) => /TIMELINE.*‹conversation Order 120/.test(s.line(0)));
    screen.type('q');
    await screen.waitFor((s) => !s.line(0).includes('TIMELINE'));
    screen.type('q');
    await screen.waitFor((s) => s.line(0).includes('TIMELINE'));
    screen.press('<c-c>');
    expect((await screen.exitCode).code).toBe(0);
  });
}

for (const size of sizes) {
  test(`Access without Send: mail shows as it comes, and nothing calls, at ${size.cols}x${size.rows}`, async () => {
    await using screen = await open('otto', size);
    await screen.waitFor((s) => s.line(0).startsWith(` OPEN ${support}`) && s.line(size.rows - 2).includes('you: Access'));
    screen.type('gt');
    await screen.waitFor(
      (s) => s.line(0).includes('F live ●') && s.text().includes('carrier ref') && s.line(size.rows - 2).includes('you: Access'),
    );
    const quiet = (): string => [screen.line(0), screen.line(1), screen.line(size.rows - 3), screen.line(size.rows - 2)].join('\n');
    const [before, written] = [quiet().replaceAll(/‹.*?›.*F live/g, 'F live'), screen.bytes().length];
    const subject = `Quiet ${size.cols}`;
    await postroom.deliver(support, { subject });
    // It follows: the new mail is under the cursor.
    await screen.waitFor(new RegExp(`▌\\d\\d:\\d\\d in .*${subject}`, 'u'));
    const since = screen.bytes().subarray(written).toString('latin1');
    expect(since).not.toContain('\u0007');
    expect(since).not.toMatch(/\u001b\][0-9]/);
    expect(screen.title()).toBe('Postroom');
    expect(quiet().replaceAll(/‹.*?›.*F live/g, 'F live')).toBe(before);
    // Away from the end it is announced without a number.
    screen.type('gg');
    await screen.waitFor((s) => s.line(0).includes('F live ○'));
    await postroom.deliver(support, { subject: `${subject} again` });
    await screen.waitFor('↓ newer · G');
    expect(screen.text()).not.toMatch(/\d newer/);
    screen.type('G');
    await screen.waitFor(`${subject} again`);
    const all = screen.bytes().subarray(written).toString('latin1');
    expect(all).not.toContain('\u0007');
    expect(all).not.toMatch(/\u001b\][0-9]/);
  });
}

test('older pages come as one scrolls to them, and the first is the beginning', async () => {
  await using screen = await open('ben', { cols: 80, rows: 24 });
  await screen.waitFor('Order 1');
  screen.type('gt');
  await screen.waitFor((s) => s.line(0).includes('F live ●') && / since \w{3} \d+/.test(s.line(1)));
  screen.type('gg');
  await screen.waitFor((s) => s.line(1).includes('from the beginning'));
  screen.type('gg');
  await screen.waitFor(/▌\d\d:\d\d (system|grant)/u);
  await screen.waitFor(/Order 1$/mu);
});

test('who holds Send without Access is told why', async () => {
  await using screen = await open('sid', { cols: 80, rows: 24 });
  await screen.waitFor('Order 1');
  screen.type('gt');
  await screen.waitFor('you do not hold Access here');
  screen.press('<enter>');
  await screen.waitFor('It has not come.');
  screen.type('gt');
  await screen.waitFor('you do not hold Access here');
  screen.type('?');
  await screen.waitFor('Keys of this view');
});

test('Access that goes while one looks closes the timeline with the reason', async () => {
  await postroom.person('una');
  await postroom.grant('una', support, { access: true, send: true });
  await using screen = await open('una', { cols: 80, rows: 24 });
  await screen.waitFor('Order 1');
  screen.type('gt');
  await screen.waitFor('carrier ref');
  await postroom.grant('una', support, { send: true });
  await screen.waitFor((s) => /this\s+needs\s+Access/.test(s.text()) && !s.text().includes('carrier ref'));
});
