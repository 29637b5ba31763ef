/**
 * What a terminal says by itself, while a person is anywhere in the program: answers to questions (a mail that got an order through would
 * make it answer), mouse and focus, pastes that carry their own end. None of it is a key: nothing is done, typed or sent.
 * Silences within a sequence are tested with a clock of their own in tui/input.test.ts; here a real terminal is between.
 */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { ageless, openScreen, type Screen } from '../support/screen.ts';

/** Letters in them are keys that do something: `e` done, `t` take, `r` reply, `y` send, `#` trash, `q` back. */
const answers: Readonly<Record<string, string>> = {
  'primary attributes': '\u001b[?64;1;2;6;9;15;18;21;22c',
  'secondary attributes': '\u001b[>41;390;0c',
  'tertiary attributes': '\u001bP!|7E656574\u001b\\',
  'cursor position': '\u001b[24;80R',
  'cursor position and page': '\u001b[?24;80;1R',
  'it is well': '\u001b[0n',
  'keyboard, colour scheme': '\u001b[?27;1;0;0n\u001b[?997;1n',
  'one colour': '\u001b]4;1;rgb:cdcd/eeee/yyyy\u0007',
  'text colour': '\u001b]10;rgb:eeee/tttt/yyyy\u001b\\',
  'ground colour': '\u001b]11;rgb:eeee/tttt/yyyy\u0007',
  clipboard: '\u001b]52;c;eXRlciM=\u0007\u001b]52;c;yter#\u001b\\',
  'a setting': '\u001bP1$r0;4;31m\u001b\\\u001bP1$r2 q\u001b\\',
  'no such setting, repeated': '\u001bP0$ryter#\u001b\\',
  'title and icon': '\u001b]lyter#q\u001b\\\u001b]Lyter#q\u001b\\',
  'window size and state': '\u001b[8;24;80t\u001b[4;600;800t\u001b[1t\u001b[48;24;80;600;800t',
  capabilities: '\u001bP1+r544e=787465726d\u001b\\\u001bP0+r7972\u001b\\',
  version: '\u001bP>|ytermer(390)\u001b\\',
  'a mode': '\u001b[?2026;2$y',
  'tab stops, checksum': '\u001bP2$u9/17/25\u001b\\\u001bP1!~E7E4\u001b\\',
  'other keys': '\u001b[>4;1m',
  'kitty keyboard': '\u001b[?0u',
  'kitty picture': '\u001b_Gi=31;eyter#\u001b\\',
  focus: '\u001b[O\u001b[I',
  'mouse, new form': '\u001b[<0;10;5M\u001b[<35;11;6M\u001b[<0;10;5m\u001b[<64;10;5M',
  'mouse, old forms': '\u001b[M e#\u001b[M#rt\u001b[32;10;5M',
  'eight-bit forms': '\u009b?64;1c\u009d52;c;yter#\u009c\u0090>|yter\u009c\u009b24;80R',
};

/** What somebody copied from a mail: its own end mark in the middle, then keys. */
const bomb = 'pasted\u001b[201~e#ty\u001b\r\u0003\u001b[201~yq';
const bombAsText = 'pastede#ty';

/** Every way to cut it in two. An ESC that stays alone is the Escape key, so it goes with what follows it. */
function* cuts(bytes: string): Generator<[string, string]> {
  for (let at = 1; at < bytes.length; at++) if (bytes[at - 1] !== '\u001b') yield [bytes.slice(0, at), bytes.slice(at)];
}

const early = 'typed before this was on the screen';

/** Keys are read in their order: when the screen was drawn anew, what was written before has been read. */
async function read(screen: Screen, rows: number): Promise<void> {
  for (const written = screen.bytes().length; ; ) {
    // A frame stands between the marks of a synchronised one, and its last row is drawn last.
    const drawn = (): boolean => {
      const bytes = screen.bytes(written);
      const whole = bytes.lastIndexOf('\u001b[?2026l') >= bytes.lastIndexOf('\u001b[?2026h');
      return bytes.includes('\u001b[H') && whole && screen.line(rows - 1).trim() !== '';
    };
    screen.press('<c-l>');
    await screen.waitFor((s) => drawn() || s.text().includes(early));
    if (drawn()) return;
  }
}

/** What the screen shows when nothing is on its way any more. */
async function settled(screen: Screen, rows: number): Promise<string> {
  for (let before = ''; ; ) {
    await read(screen, rows);
    const after = ageless(screen.text());
    if (after === before && !after.includes(early)) return after;
    before = after;
  }
}

/** Whatever the terminal says, the screen stays as it is. */
async function staysWhileTerminalSpeaks(screen: Screen, rows: number): Promise<void> {
  const before = await settled(screen, rows);
  const stays = async (): Promise<void> => {
    await read(screen, rows);
    await expect.poll(() => ageless(screen.text())).toBe(before);
  };
  screen.type(Object.values(answers).join(''));
  await stays();
  // How wide the screen is makes no difference to how input is read.
  for (const answer of rows === 24 ? Object.values(answers) : []) {
    for (const [one, other] of cuts(answer)) {
      screen.type(one);
      await new Promise(setImmediate);
      screen.type(other);
    }
    await read(screen, rows);
  }
  await stays();
}

async function stateOf(postroom: Postroom, mailbox: string): Promise<object> {
  const eva = await postroom.as('eva');
  const { rows } = await eva.call('conversation.list', { mailbox, state: 'any' });
  const [row] = rows;
  if (row === undefined) throw new Error('the conversation is gone');
  const { messages, notes } = await eva.call('conversation.show', { conversation: row.conversation });
  const outbox = (await eva.call('outbox.list', {})).rows;
  return { count: rows.length, state: row.state, assignee: row.assignee, messages: messages.map(({ folders }) => folders), notes, outbox };
}

for (const size of [
  { cols: 80, rows: 24 },
  { cols: 160, rows: 45 },
]) {
  test(`what the terminal says is no key, at ${size.cols}x${size.rows}`, async () => {
    await using postroom = await startPostroom();
    const support = await postroom.mailbox('support');
    await postroom.deliver(support, { subject: 'Order 4411' });
    const before = await stateOf(postroom, support);
    const file = join(postroom.home, 'eva.identity.json');
    await writeFile(file, JSON.stringify(postroom.identity('eva')), { mode: 0o600 });
    const home = join(postroom.home, 'nowhere');
    await using screen = openScreen({
      command: process.execPath,
      args: [resolve('dist/tui.js'), '--identity', file],
      env: { HOME: home, POSTROOM_HOME: home },
      ...size,
    });

    // The panel.
    await screen.waitFor((s) => /▌.*Order 4411/.test(s.text()) && s.text().includes('online'));
    if (size.cols === 160) await screen.waitFor('It has not come.'); // beside the list
    await staysWhileTerminalSpeaks(screen, size.rows);
    screen.paste(bomb);
    await screen.waitFor('a paste goes into a text field only');
    await screen.waitFor((s) => !s.text().includes('a paste goes'));

    // The conversation.
    screen.press('<enter>');
    await screen.waitFor((s) => s.line(0).includes('‹') && s.text().includes('It has not come.'));
    await staysWhileTerminalSpeaks(screen, size.rows);

    // The palette, with a command that Enter would run.
    screen.type(':done');
    await screen.waitFor((s) => s.text().includes('Done for the team') && s.cursor().visible);
    await staysWhileTerminalSpeaks(screen, size.rows);
    screen.paste(bomb);
    await screen.waitFor(bombAsText);
    await read(screen, size.rows);
    expect(screen.text()).toContain(bombAsText);
    screen.press('<esc>');
    await screen.waitFor((s) => !s.text().includes(bombAsText) && s.text().includes('It has not come.'));

    // A text field.
    screen.press('r');
    await screen.waitFor((s) => s.text().includes('REPLY to') && s.cursor().visible);
    screen.type('My answer.');
    await screen.waitFor((s) => s.text().includes('My answer.') && s.text().includes('draft kept ✓'));
    await staysWhileTerminalSpeaks(screen, size.rows);
    screen.paste(bomb);
    await screen.waitFor(`My answer.${bombAsText}`);
    await read(screen, size.rows);
    expect(screen.text()).toContain(`My answer.${bombAsText}`);
    expect(screen.cursor().visible).toBe(true);

    // The review screen, one key away from sending.
    screen.press('<esc>');
    await screen.waitFor((s) => s.text().includes('Y send') && !s.cursor().visible);
    await staysWhileTerminalSpeaks(screen, size.rows);
    screen.paste(bomb);
    await screen.waitFor('a paste goes into a text field only');
    expect(screen.text()).toContain('Y send');
    screen.press('q');
    await screen.waitFor((s) => s.line(0).includes('‹') && s.text().includes('It has not come.'));
    expect(await stateOf(postroom, support)).toEqual(before);

    // The way out, one key away as well.
    screen.press('q');
    await screen.waitFor((s) => /▌.*Order 4411/.test(s.text()));
    await screen.waitFor((s) => !s.text().includes('Kept as a draft'));
    screen.press('q');
    await screen.waitFor('Quit Postroom?');
    await staysWhileTerminalSpeaks(screen, size.rows);
    screen.paste(bomb);
    await screen.waitFor('a paste goes into a text field only');
    expect(screen.text()).toContain('Quit Postroom?');
    screen.press('<esc>');
    await screen.waitFor((s) => !s.text().includes('Quit Postroom?'));

    expect(screen.title()).toMatch(/^Postroom( \(\d+\))?$/);
    expect(await stateOf(postroom, support)).toEqual(before);
    screen.press('<c-c>');
    expect((await screen.exitCode).code).toBe(0);
  });
}
