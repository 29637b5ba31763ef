/** Search in a real terminal on a real daemon, at 80x24 and 160x45. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Postroom, startPostroom } from '../support/postroom.ts';
import { openScreen, type Screen } from '../support/screen.ts';

const program = resolve('dist/tui.js');
let postroom: Postroom;

async function open(person: string, size: { cols: number; rows: number }): Promise<Screen> {
  const file = join(postroom.home, `${person}.identity.json`);
  await writeFile(file, JSON.stringify(postroom.identity(person)), { mode: 0o600 });
  const home = join(postroom.home, 'nowhere');
  return openScreen({ command: process.execPath, args: [program, '--identity', file], env: { HOME: home, POSTROOM_HOME: home }, ...size });
}

beforeAll(async () => {
  postroom = await startPostroom();
  await postroom.person('ben');
  const support = await postroom.mailbox('support');
  const secret = await postroom.mailbox('board');
  await postroom.grant('ben', support, { send: true });
  await postroom.deliver(support, { subject: 'Where is it?', text: 'The parcel with the zweihänder has not come.\n' });
  await postroom.deliver(support, { subject: 'Something else', text: 'Nothing about that.\n' });
  await postroom.deliver(secret, { subject: 'Not for ben', text: 'A zweihänder in every boardroom.\n' });
});
afterAll(() => postroom[Symbol.asyncDispose]());

for (const size of [
  { cols: 80, rows: 24 },
  { cols: 160, rows: 45 },
]) {
  test(`finds while typing, opens, and leads back, at ${size.cols}x${size.rows}`, async () => {
    await using screen = await open('ben', size);
    await screen.waitFor('Jane Cooper');
    await screen.waitFor(/Unassigned 2|Mine 0/);
    screen.press('/');
    await screen.waitFor((s) => s.cursor().visible);
    // Without its umlaut, and not to its end.
    screen.type('zweiha');
    await screen.waitFor((s) => s.text().includes('Where is it?') && !s.text().includes('Something else'));
    expect(screen.text()).not.toContain('Not for ben');
    screen.press('<enter>');
    await screen.waitFor((s) => !s.cursor().visible);
    screen.press('<enter>');
    await screen.waitFor('has not come.');
    screen.press('q');
    await screen.waitFor('zweiha');
  });
}

test('a query that does not parse says where', async () => {
  await using screen = await open('ben', { cols: 80, rows: 24 });
  await screen.waitFor('Jane Cooper');
  screen.press('/');
  await screen.waitFor((s) => s.cursor().visible);
  screen.type('colour:red');
  screen.press('<enter>');
  await screen.waitFor(/colour/);
  await screen.waitFor(/from:/);
});
