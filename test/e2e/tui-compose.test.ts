/** Reading and answering in a real pseudo-terminal against a real daemon. */
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeIdentity } from '../../protocol/keys.ts';
import { Postroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';
import { tempDir } from '../support/tempdir.ts';

let program: string;
let bundle: Awaited<ReturnType<typeof tempDir>>;

beforeAll(async () => {
  bundle = await tempDir();
  program = join(bundle.path, 'tui.js');
  // Packages stay outside the bundle: it finds them where the tests do.
  await symlink(resolve('node_modules'), join(bundle.path, 'node_modules'));
  await build({
    entryPoints: [resolve('tui/main.tsx')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
});
afterAll(() => bundle[Symbol.asyncDispose]());

const label = Uint8Array.from({ length: 120_000 }, (_, index) => (index * 7) % 256);
const quoted = Array.from({ length: 14 }, (_, line) => `> older line ${line}`).join('\n');

/** A daemon with one conversation in support@, written by a customer whose mailbox is hosted here too, and ben, who may answer it. */
class Desk implements AsyncDisposable {
  readonly postroom: Postroom;
  readonly folder: Awaited<ReturnType<typeof tempDir>>;
  readonly support: string;
  readonly customer: string;

  private constructor(postroom: Postroom, folder: Awaited<ReturnType<typeof tempDir>>, support: string, customer: string) {
    this.postroom = postroom;
    this.folder = folder;
    this.support = support;
    this.customer = customer;
  }

  static async open(): Promise<Desk> {
    const postroom = await Postroom.start();
    const folder = await tempDir();
    const support = await postroom.mailbox('support', { workFrom: null });
    const customer = await postroom.mailbox('jane', { shared: false, workFrom: null });
    await postroom.person('ben');
    await postroom.grant('ben', support, { access: true, send: true });
    writeIdentity(join(folder.path, 'ben.json'), postroom.identity('ben'));
    const desk = new Desk(postroom, folder, support, customer);
    await desk.write({ text: `It has not come.\n\nOn Mon, Harbour wrote:\n${quoted}\n`, messageId: 'first@example.test' });
    return desk;
  }

  /** The customer writes. */
  async write(parts: { text: string; messageId: string; attachments?: { filename: string; content: Uint8Array }[] }): Promise<void> {
    const threaded =
      parts.messageId === 'first@example.test' ? {} : { inReplyTo: 'first@example.test', references: ['first@example.test'] };
    await this.postroom.deliver(this.support, { from: `Jane Cooper <${this.customer}>`, subject: 'Order 4411', ...threaded, ...parts });
  }

  /** Ben's screen, in his conversation. */
  async screen(size: { cols: number; rows: number } = { cols: 80, rows: 24 }, env: Record<string, string> = {}): Promise<Screen> {
    const home = this.folder.path;
    const screen = openScreen({
      command: process.execPath,
      args: [program, '--home', home, '--identity', join(home, 'ben.json')],
      env: { HOME: home, ...env },
      ...size,
    });
    await screen.waitFor('Order 4411');
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('‹') && s.text().includes(`Jane Cooper <${this.customer}>`));
    return screen;
  }

  /** An editor that puts words before the text. */
  async editor(words: string): Promise<string> {
    const path = join(this.folder.path, 'editor.sh');
    await writeFile(path, `#!/bin/sh\nprintf '%s\\n' '${words}' > "$1.new" && cat "$1" >> "$1.new" && mv "$1.new" "$1"\n`);
    await chmod(path, 0o755);
    return path;
  }

  drafts(): Promise<string[]> {
    return readdir(join(this.folder.path, 'drafts')).catch(() => []);
  }

  /** What lies in the customer's mailbox. */
  async arrived(): Promise<string[]> {
    const eva = await this.postroom.as('eva');
    const { rows } = await eva.call('conversation.list', { mailbox: this.customer });
    const shown = await Promise.all(rows.map(({ conversation }) => eva.call('conversation.show', { conversation })));
    return shown.flatMap(({ messages }) => messages.map(({ text }) => text));
  }

  async outbox(): Promise<string[]> {
    return (await (await this.postroom.as('eva')).call('outbox.list', {})).rows.map(({ state }) => state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postroom[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Waits for something that is not on the screen. */
async function until(fits: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; !(await fits()); ) {
    if (Date.now() > end) throw new Error('it did not come to be');
    await new Promise((wait) => setTimeout(wait, 50));
  }
}

/** Octets that only a mail could have brought: no sequence of ours holds them. */
const foreign = ['\u001b]0;pwned', '\u001b]52;', '\u001b]8;;', '\u202e', '\u0090', 'evil\u0007'];

test('a conversation is read: quotes fold, a hostile body is only words, a file is saved octet for octet', async () => {
  await using desk = await Desk.open();
  await desk.write({
    messageId: 'second@example.test',
    text: 'red \u001b[31mtext\u001b[0m \u001b]0;pwned\u0007 \u001b]52;c;ZXZpbA==\u0007 \u001b]8;;https://evil.example\u0007bank.com \u202Edesrever evil\u0007\n',
    attachments: [{ filename: '../../label.pdf', content: label }],
  });
  await using screen = await desk.screen();
  await screen.waitFor('2 mails');
  await screen.waitFor('red [31mtext');
  for (const octets of foreign) expect(screen.bytes().includes(octets)).toBe(false);

  screen.press('V');
  await screen.waitFor('SOURCE');
  screen.press('q', 'g', 'g');
  await screen.waitFor('‹ 15 quoted lines — Q ›');
  screen.press('Q');
  await screen.waitFor('older line 3');
  screen.press('Q');
  await screen.waitFor('‹ 15 quoted lines — Q ›');
  screen.press('<enter>');
  await screen.waitFor(/▌▸ .* Jane Cooper {9}It has not come\./);
  screen.press('h');
  await screen.waitFor('Message-ID: <first@example.test>');

  screen.press('v');
  await screen.waitFor('label.pdf');
  screen.press('<enter>');
  await screen.waitFor('nothing is overwritten');
  screen.press('<enter>');
  await screen.waitFor('Saved 120 kB as');
  const saved = join(desk.folder.path, 'label.pdf');
  expect(new Uint8Array(await readFile(saved))).toEqual(label);
  expect((await stat(saved)).mode & 0o777).toBe(0o600);
  // A second time it does not replace the first.
  screen.press('<enter>');
  await screen.waitFor('nothing is overwritten');
  screen.press('<enter>');
  await screen.waitFor('! there is a file of that name; nothing was overwritten');
  for (const octets of foreign) expect(screen.bytes().includes(octets)).toBe(false);
});

test('what is typed in one burst after r is text, and closes and takes nothing', async () => {
  await using desk = await Desk.open();
  await using screen = await desk.screen();
  screen.type('rthanks, else t e y');
  await screen.waitFor('thanks, else t e y');
  const eva = await desk.postroom.as('eva');
  const { conversation } = await desk.postroom.newest(desk.support);
  expect(await eva.call('conversation.show', { conversation })).toMatchObject({ state: 'open', assignee: null });
  expect(await desk.outbox()).toEqual([]);
});

test('an answer is written in $EDITOR, reviewed, queued, and arrives', async () => {
  await using desk = await Desk.open();
  const editor = await desk.editor('We are asking the carrier.');
  await using screen = await desk.screen({ cols: 80, rows: 24 }, { EDITOR: editor });
  screen.press('r');
  await screen.waitFor((s) => s.text().includes('REPLY to Order 4411') && s.cursor().visible);
  screen.press('<c-g>');
  await screen.waitFor((s) => s.alternate() && s.text().includes('We are asking the carrier.') && s.text().includes('Y send'));
  expect(screen.text()).toContain(desk.customer);
  expect(screen.text()).toContain('you hold Send ✓');
  expect(await desk.outbox()).toEqual([]);
  // Twice in one burst is one mail.
  screen.type('yy');
  await screen.waitFor('It leaves in 10 s');
  await screen.waitFor('↑ leaves ');
  await until(async () => (await desk.drafts()).length === 0);
  expect(await desk.outbox()).toEqual(['held']);
  screen.press('G', '@');
  await screen.waitFor('Send it now');
  screen.press('<enter>');
  await until(async () => (await desk.arrived()).length > 0);
  const [text, ...others] = await desk.arrived();
  expect(others).toEqual([]);
  expect(text).toMatch(/^We are asking the carrier\.\n/);
  expect(text).toContain('> It has not come.');
  await screen.waitFor('waiting for them');
});

test('a mail that was queued is taken back, and its words are on the screen again', async () => {
  await using desk = await Desk.open();
  const path = join(desk.folder.path, 'note.txt');
  await writeFile(path, 'a file');
  await using screen = await desk.screen();
  screen.press('r');
  await screen.waitFor((s) => s.text().includes('REPLY to') && s.cursor().visible);
  screen.type('Words that must not be lost, see attached.');
  await screen.waitFor('must not be lost');
  screen.press('<esc>');
  await screen.waitFor('speaks of a file, and none is attached');
  screen.press('a');
  await screen.waitFor('the path of a file');
  screen.type(path);
  screen.press('<enter>');
  await screen.waitFor('note.txt 6 B');
  screen.press('y');
  await screen.waitFor('z undo');
  screen.press('z');
  await screen.waitFor((s) => s.text().includes('REPLY to') && s.text().includes('must not be lost') && s.text().includes('note.txt 6 B'));
  expect(await desk.outbox()).toEqual(['cancelled']);
  expect(await desk.drafts()).toHaveLength(1);
  // It is another attempt: sent again it is queued again.
  screen.press('y');
  await screen.waitFor('It leaves in 10 s');
  expect((await desk.outbox()).toSorted()).toEqual(['cancelled', 'held']);
});

test('a conversation that moves while one writes is shown first; nothing is lost', async () => {
  await using desk = await Desk.open();
  await using screen = await desk.screen({ cols: 160, rows: 45 });
  screen.press('r');
  await screen.waitFor((s) => s.text().includes('REPLY to') && s.cursor().visible);
  // The mail that is answered stands beside it.
  expect(screen.text()).toMatch(/you hold Send ✓ │ Order 4411/);
  screen.type('My answer.');
  await screen.waitFor('My answer.');
  await desk.write({ text: 'It has just come, thank you!\n', messageId: 'second@example.test' });
  await screen.waitFor('! Something new came to this conversation.');
  screen.press('<esc>');
  await screen.waitFor('Y send');
  screen.press('y');
  await screen.waitFor(/! \S+ wrote .* ago\. Yours is not sent\./);
  await screen.waitFor('Tab read it · Y send mine too · q keep draft');
  // The key that was refused sends nothing the second time.
  screen.press('y');
  await screen.waitFor('press Y to send yours too');
  expect(await desk.outbox()).toEqual([]);
  expect(screen.text()).toContain('My answer.');
  screen.press('<tab>', 'G');
  await screen.waitFor('It has just come, thank you!');
  screen.press('<tab>');
  await screen.waitFor('Y send');
  screen.press('y');
  await screen.waitFor('It leaves in 10 s');
  expect(await desk.outbox()).toEqual(['held']);
});

test('who loses Send while writing keeps the text, and reads so first', async () => {
  await using desk = await Desk.open();
  await using screen = await desk.screen();
  screen.press('r');
  await screen.waitFor((s) => s.text().includes('REPLY to') && s.cursor().visible);
  screen.type('Half an answer');
  await screen.waitFor('Half an answer');
  await desk.postroom.grant('ben', desk.support, { access: true });
  await screen.waitFor((s) => s.line(1).includes('what you wrote is kept (g d)'));
  // Whole, also where the window is narrow.
  await screen.waitFor((s) => s.text().replace(/\s+/g, ' ').includes(`You hold Send on ${desk.support} no more`));
  await screen.waitFor((s) => /Ask eva, its owner, to have it again\./.test(s.text().replace(/\s+/g, ' ')));
  screen.press('<esc>');
  await screen.waitFor('Y send');
  screen.press('y');
  await screen.waitFor('no Send ✗');
  expect(await desk.outbox()).toEqual([]);
  await until(async () => (await desk.drafts()).length === 1);
  screen.press('q');
  await screen.waitFor('Kept as a draft');
  expect((await stat(join(desk.folder.path, 'drafts'))).mode & 0o777).toBe(0o700);
});

test('a reader whose right goes reads why and whom to ask', async () => {
  await using desk = await Desk.open();
  await using screen = await desk.screen();
  const eva = await desk.postroom.as('eva');
  await eva.call('grant.remove', { mailbox: desk.support, grantee: 'ben' });
  await screen.waitFor('You may not read this conversation any more');
  await screen.waitFor(`Ask eva, who owns ${desk.support}`);
  await screen.waitFor('Why: ');
  expect(screen.text()).not.toContain('It has not come');
});

test('a note is for the team; it and new mail appear without moving the reader', async () => {
  await using desk = await Desk.open();
  await using screen = await desk.screen();
  screen.press('i');
  await screen.waitFor((s) => s.text().includes('NOTE') && s.cursor().visible);
  expect(screen.text()).not.toMatch(/^ To /m);
  screen.type('carrier ref 77-12');
  await screen.waitFor('carrier ref 77-12');
  screen.press('<esc>');
  await screen.waitFor('y saves it for the team');
  screen.press('y');
  await screen.waitFor(/NOTE ben {2}team only: carrier ref 77-12/);
  await screen.waitFor('1 mail · 1 note');
  const before = screen.line(2);
  await desk.write({ text: 'One more thing.\n', messageId: 'third@example.test' });
  await screen.waitFor('2 mails · 1 note');
  expect(screen.line(2)).toBe(before);
});

test('a new mail is asked for what it lacks, and a wrong address is said at its field', async () => {
  await using desk = await Desk.open();
  await using screen = await desk.screen();
  screen.press('c');
  await screen.waitFor('NEW MAIL');
  screen.type('jane@');
  screen.press('<enter>');
  await screen.waitFor(/To +jane@\n +! /);
  screen.press('<c-u>');
  screen.type(desk.customer);
  screen.press('<enter>');
  await screen.waitFor('what it is about');
  screen.type('Hello');
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('Subj  Hello') && s.cursor().visible);
  screen.type('Good morning');
  await screen.waitFor('Good morning');
  screen.press('<esc>');
  await screen.waitFor('Y send');
  screen.press('L');
  await screen.waitFor('tomorrow 9:00');
  screen.type('never');
  screen.press('<enter>');
  await screen.waitFor('! write 14:30');
  screen.press('<esc>');
  await screen.waitFor('Y send');
  screen.press('q');
  await screen.waitFor('Kept as a draft');
  screen.press('g', 'd');
  await screen.waitFor(/Hello +jane@/);
  screen.press('<enter>');
  await screen.waitFor((s) => s.text().includes('NEW MAIL') && s.text().includes('Good morning'));
  screen.press('D');
  await screen.waitFor('Discard this draft?');
  screen.press('<enter>');
  await until(async () => (await desk.drafts()).length === 0);
});

test('J and K walk the list behind; done goes on to the next one and is taken back', async () => {
  await using desk = await Desk.open();
  await desk.postroom.deliver(desk.support, { subject: 'Invoice 118', messageId: 'invoice@example.test', date: Date.now() });
  await using screen = await desk.screen();
  await screen.waitFor(/‹ \w+ 1\/2 {3}Order 4411/);
  screen.type('JJ');
  await screen.waitFor(/‹ \w+ 2\/2 {3}Invoice 118/);
  screen.press('J');
  await screen.waitFor('that was the last one of the list');
  screen.press('K');
  await screen.waitFor(/‹ \w+ 1\/2 {3}Order 4411/);
  screen.press('e');
  await screen.waitFor((s) => s.line(0).includes('Invoice 118') && s.text().includes('TEAM'));
  const eva = await desk.postroom.as('eva');
  const states = async (): Promise<string> => {
    const { rows } = await eva.call('conversation.list', { mailbox: desk.support });
    return rows
      .map(({ subject, state }) => `${subject} ${state}`)
      .toSorted()
      .join(', ');
  };
  await until(async () => (await states()) === 'Invoice 118 open, Order 4411 done');
  screen.press('z');
  await until(async () => (await states()) === 'Invoice 118 open, Order 4411 open');
});
