/** The command line on a real terminal: what a mail holds does not get there raw, and a secret does not get onto it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bin, cli, identityFile } from '../support/cli.ts';
import { startPostroom } from '../support/postroom.ts';
import { openScreen } from '../support/screen.ts';

test('octets of a mail go to a file or a pipe, and an invitation is taken without being shown', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  await postroom.deliver(support, { subject: 'Hello \u001b]0;owned\u0007', attachments: [{ filename: 'a.txt', content: 'x\u001b[2J' }] });
  const { conversation } = await postroom.newest(support);
  const run = cli(postroom.home);
  const shown = (await run('show', conversation, '--json')).json as { messages: { id: string }[] };
  const message = shown.messages[0]?.id ?? '';
  const onTerminal = (...args: string[]) =>
    openScreen({ command: process.execPath, args: [bin, ...args, '--home', postroom.home], env: { HOME: postroom.home }, cols: 120 });

  for (const args of [
    ['show', conversation, '--raw'],
    ['attachment', message, '0'],
  ]) {
    await using screen = onTerminal(...args);
    expect((await screen.exitCode).code).toBe(2);
    expect(screen.text()).toContain('Give --output FILE');
    expect(screen.bytes().includes(0x1b)).toBe(false);
  }
  const file = join(postroom.home, 'original.eml');
  await using saving = onTerminal('show', conversation, '--raw', '--output', file);
  expect((await saving.exitCode).code).toBe(0);
  await using inJson = onTerminal('show', conversation, '--json');
  expect((await inJson.exitCode).code).toBe(0);
  expect(inJson.bytes().includes(0x1b)).toBe(false);

  const { invitation } = (await run('person', 'add', 'kim', '--json')).json as { invitation: string };
  await using joining = onTerminal('join', '--identity', identityFile(postroom.home, 'kim'));
  await joining.waitFor('Invitation (it is not shown):');
  joining.paste(invitation);
  joining.press('<enter>');
  expect((await joining.exitCode).code).toBe(0);
  expect(joining.text()).toContain('Welcome, kim.');
  expect(joining.bytes().includes(invitation)).toBe(false);
  expect((await run.as('kim')('whoami', '--json')).json).toMatchObject({ person: { name: 'kim' } });

  await using leaving = onTerminal('join', '--identity', identityFile(postroom.home, 'nobody'));
  await leaving.waitFor('Invitation (it is not shown):');
  leaving.press('<c-c>');
  expect((await leaving.exitCode).code).toBe(2);
});
