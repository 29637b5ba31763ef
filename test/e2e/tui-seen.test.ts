/**
 * Seen means painted, in a real terminal on a real daemon: what comes below the fold, or into a row that one does not look at, is not acted
 * on. And the row under the cursor is the one that the next key means, whatever took it out of its view.
 */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';

const program = resolve('dist/tui.js');
let postroom: Postroom;
let support: string;
/** Hosted here too, so that an answer can be sent. */
let customers: string;

async function open(person: string, size: { cols: number; rows: number }): Promise<Screen> {
  const file = join(postroom.home, `${person}.identity.json`);
  await writeFile(file, JSON.stringify(postroom.identity(person)), { mode: 0o600 });
  const home = join(postroom.home, 'nowhere');
  return openScreen({ command: process.execPath, args: [program, '--identity', file], env: { HOME: home, POSTROOM_HOME: home }, ...size });
}

const long = Array.from({ length: 90 }, (_, n) => `Line ${n + 1} of a long story.`).join('\n');
let serial = 0;
/** A conversation with a mail that fills any window, and the way to answer in it. */
async function story(subject: string, { alone = true } = {}) {
  if (alone) await cleared();
  const id = `<story-${++serial}@customer.example>`;
  await postroom.deliver(support, { subject, text: long, messageId: id, from: `Jane Cooper <${customers}>` });
  const eva = await postroom.as('eva');
  const find = async () => {
    const { rows } = await eva.call('conversation.list', { mailbox: support, limit: 200 });
    const row = rows.find((one) => one.subject === subject);
    if (row === undefined) throw new Error(`no conversation ${subject}`);
    return row;
  };
  const { conversation } = await find();
  const more = (text: string) =>
    postroom.deliver(
      support,
      Buffer.from(
        `From: Jane Cooper <${customers}>\r\nTo: ${support}\r\nSubject: Re: ${subject}\r\nMessage-ID: <more-${++serial}@customer.example>\r\n` +
          `In-Reply-To: ${id}\r\nReferences: ${id}\r\nDate: ${new Date().toUTCString()}\r\n\r\n${text}\r\n`,
      ),
    );
  return { conversation, more, state: async () => (await find()).state };
}

beforeAll(async () => {
  postroom = await startPostroom();
  await postroom.person('anna');
  support = await postroom.mailbox('support');
  customers = await postroom.mailbox('customers');
  await postroom.grant('anna', support, { access: true, send: true });
});
afterAll(() => postroom[Symbol.asyncDispose]());

const cursorOn = (subject: string) => (screen: Screen) => new RegExp(`(^|│)▌[^│\\n]*${subject}`, 'mu').test(screen.text());
/** What earlier stories left is dealt with: the first row of Unassigned is the first of this story. */
async function cleared(): Promise<void> {
  const eva = await postroom.as('eva');
  const { rows } = await eva.call('panel.list', { view: 'team', limit: 200 });
  for (const { conversation } of rows) await eva.call('conversation.mark', { conversation, as: 'done' });
}
async function reach(screen: Screen, subject: string): Promise<void> {
  await screen.waitFor('Unassigned');
  screen.press('2');
  await screen.waitFor((s) => s.text().includes('‹2 Unassigned') && cursorOn(subject)(s));
}
/** A hit's conversation is asked for once the cursor stands still; until then the key says that there is none. */
async function done(screen: Screen): Promise<void> {
  for (;;) {
    screen.press('e');
    await screen.waitFor(/Nothing changed|Done for the whole team|no conversation is selected/);
    if (!screen.text().includes('no conversation is selected')) return;
    screen.press('O');
    await screen.waitFor('O does nothing here');
  }
}
const refused = 'Nothing changed: what came meanwhile';

describe.each([
  { cols: 80, rows: 24 },
  { cols: 160, rows: 45 },
])('at $cols x $rows', (size) => {
  const name = (what: string) => `${what} ${size.cols}`;

  test('the reader: a mail below the fold is told, holds e and y back, and counts once it was in sight', async () => {
    const subject = name('Reader');
    const { more, state } = await story(subject);
    await using screen = await open('anna', size);
    await reach(screen, subject);
    screen.press('<enter>');
    await screen.waitFor('Line 1 of a long story.');
    await more('Please cancel the order!');
    await screen.waitFor('↓ 1 new below');
    screen.press('e');
    await screen.waitFor(refused);
    expect(await state()).toBe('open');

    // A reply begun now is begun on what was seen: it is not sent before that was looked at.
    screen.press('r');
    await screen.waitFor((s) => s.cursor().visible);
    screen.type('It is on its way.');
    screen.press('<esc>');
    await screen.waitFor('y send');
    screen.press('y');
    await screen.waitFor('Yours is not sent.');
    const { rows } = await (await postroom.as('anna')).call('outbox.list', {});
    expect(rows.filter((row) => row.subject.includes(subject))).toEqual([]);
    screen.press('q');
    await screen.waitFor((s) => s.line(0).startsWith(' ‹'));
    await screen.waitFor('↓ 1 new below');

    screen.press('G');
    await screen.waitFor('Please cancel the order!');
    screen.press('e');
    await screen.waitFor(/Done for the whole team/);
    expect(await state()).toBe('done');
  });

  test('what was below the fold stays unseen behind another row, on the row itself, in a new pane and at another size', async () => {
    const subject = name('Kept');
    const { more, state } = await story(subject);
    await story(name('Other'), { alone: false });
    await using screen = await open('anna', size);
    await reach(screen, subject);
    const wide = size.cols >= 120;
    if (!wide) screen.press('<enter>');
    await screen.waitFor('Line 1 of a long story.');
    await more('Please cancel the order!');
    await screen.waitFor('↓ 1 new below');
    const refuses = async (): Promise<void> => {
      screen.press('e');
      await screen.waitFor(refused);
      // Gone by itself after some seconds; a key that does nothing is another notice.
      screen.press('O');
      await screen.waitFor('O does nothing here');
    };
    if (wide) {
      await refuses();
      screen.press('j');
      await screen.waitFor(cursorOn(name('Other')));
      screen.press('k');
      await screen.waitFor((s) => cursorOn(subject)(s) && s.text().includes('↓ 1 new below'));
      await refuses();
      screen.press('<enter>');
      await screen.waitFor((s) => s.line(0).startsWith(' ‹') && s.text().includes('↓ 1 new below'));
    }
    await refuses();
    screen.resize(100, 30);
    await screen.waitFor((s) => s.line(0).startsWith(' ‹') && s.text().split('\n').length === 30 && s.text().includes('↓ 1 new below'));
    await refuses();
    screen.resize(30, 8);
    await screen.waitFor('Postroom needs 40x10');
    screen.resize(size.cols, size.rows);
    await screen.waitFor((s) => s.line(0).startsWith(' ‹') && s.text().includes('↓ 1 new below'));
    await refuses();
    screen.press('q');
    await screen.waitFor((s) => s.text().includes('‹2 Unassigned') && cursorOn(subject)(s));
    await refuses();
    expect(await state()).toBe('open');
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).startsWith(' ‹'));
    screen.press('G');
    await screen.waitFor('Please cancel the order!');
    screen.press('e');
    await screen.waitFor(/Done for the whole team/);
    expect(await state()).toBe('done');
  });

  test('search: what came since the row was drawn is a conflict', async () => {
    const subject = name('Found');
    const { more, state } = await story(subject);
    await using screen = await open('anna', size);
    await screen.waitFor('Unassigned');
    screen.press('/');
    await screen.waitFor((s) => s.cursor().visible);
    screen.type(`subject:found ${size.cols}`);
    await screen.waitFor((s) => s.text().split('\n').slice(2).join('\n').includes(subject));
    screen.press('<enter>');
    await screen.waitFor((s) => !s.cursor().visible && cursorOn(subject)(s));
    await screen.waitFor(/e done/);
    await more('One more thing.');
    const eva = await postroom.as('eva');
    await expect
      .poll(async () => (await eva.call('conversation.list', { mailbox: support })).rows.find((row) => row.subject === subject)?.messages)
      .toBe(2);
    screen.press('e');
    await screen.waitFor(/Nothing changed|Done for the whole team/);
    expect([screen.text().includes('Nothing changed'), await state()]).toEqual([true, 'open']);
  });

  test('search: what came before the cursor came to the hit is a conflict, until it was looked at', async () => {
    const [first, second] = [name('Sought first'), name('Sought second')];
    const { more, state } = await story(first);
    await story(second, { alone: false });
    await using screen = await open('anna', size);
    await screen.waitFor('Unassigned');
    screen.press('/');
    await screen.waitFor((s) => s.cursor().visible);
    screen.type(`subject:sought ${size.cols}`);
    await screen.waitFor((s) => [first, second].every((one) => s.text().split('\n').slice(2).join('\n').includes(one)));
    screen.press('<enter>');
    await screen.waitFor((s) => !s.cursor().visible && cursorOn(second)(s));
    await more('One more thing.');
    screen.press('j');
    await screen.waitFor(cursorOn(first));
    await done(screen);
    expect([screen.text().includes('Nothing changed'), await state()]).toEqual([true, 'open']);
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).startsWith(' ‹'));
    screen.press('G');
    await screen.waitFor('One more thing.');
    screen.press('q');
    await screen.waitFor(cursorOn(first));
    // The words of before may still be there; a key that does nothing is another notice.
    screen.press('O');
    await screen.waitFor('O does nothing here');
    await done(screen);
    expect([screen.text().includes('Nothing changed'), await state()]).toEqual([false, 'done']);
  });

  test('Unassigned: t, then a key for the same conversation, which stays under the cursor', async () => {
    const [first, second] = [name('Taken'), name('Next customer')];
    const { conversation } = await story(first);
    await story(second, { alone: false });
    await using screen = await open('anna', size);
    await reach(screen, first);
    screen.press('t');
    await screen.waitFor(`Yours now: "${first}"`);
    const eva = await postroom.as('eva');
    await expect
      .poll(async () => (await eva.call('panel.list', { view: 'unassigned' })).rows.some((row) => row.conversation === conversation))
      .toBe(false);
    await screen.waitFor((s) => cursorOn(first)(s) && /▌.* me /u.test(s.text()));
    screen.press('e');
    await screen.waitFor(`Done for the whole team: "${first}"`);
    await screen.waitFor((s) => !cursorOn(first)(s));
  });
});
