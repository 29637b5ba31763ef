/** `timeline` and `tail` as programs see them: the built command line against a real daemon. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { cli, identityFile, start } from '../support/cli.ts';
import * as contract from '../support/cli-contract.ts';
import { type Postroom, startPostroom } from '../support/postroom.ts';

/** A running `tail`: its lines as objects, and what it says beside them. */
function tail(postroom: Postroom, ...args: string[]) {
  const child = start(['tail', ...args, '--home', postroom.home]);
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const events: Record<string, unknown>[] = [];
  const said: string[] = [];
  let heard = Promise.withResolvers<void>();
  const tell = () => {
    heard.resolve();
    heard = Promise.withResolvers();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(JSON.parse(line) as Record<string, unknown>);
    tell();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    tell();
  });
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await heard.promise;
    }
  };
  return { child, ended, events, said, until };
}

/** Notes until the tail has heard one: it follows from a moment that only it knows. */
async function following(postroom: Postroom, running: ReturnType<typeof tail>, conversation: string): Promise<void> {
  const eva = await postroom.as('eva');
  const before = running.events.length;
  while (running.events.length === before) {
    await eva.call('conversation.note', { conversation, text: 'Is anybody there?' });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('timeline prints what happened, for people and for programs', async () => {
  await using postroom = await startPostroom();
  const support = await postroom.mailbox('support');
  await postroom.deliver(support, { subject: 'Where is \u001b[31mmy order?' });
  const { conversation } = await postroom.newest(support);
  const eva = await postroom.as('eva');
  await eva.call('conversation.take', { conversation });
  await eva.call('conversation.note', { conversation, text: 'Called them.' });
  const run = cli(postroom.home);

  for (const scope of [
    ['--mailbox', support],
    ['--contact', 'jane@example.org'],
    ['--conversation', conversation],
  ]) {
    const { code, json, err } = await run('timeline', ...scope, '--kind', 'note', '--kind', 'mail-in', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(contract.Timeline.parse(json).rows.map(({ kind }) => kind)).toEqual(['note', 'mail-in']);
  }
  const shown = await run('timeline', '--mailbox', support, '--limit', '2');
  expect(shown.out).toMatch(/note +eva +support@harbour\.example +Called them\./);
  expect(shown.out).toContain('took it');
  expect(shown.out).toMatch(/More with: --cursor \S+\n$/);
  expect((await run('timeline', '--mailbox', support)).out).not.toContain('\u001b');

  for (const args of [['--case', '3'], [], ['--mailbox', support, '--contact', 'x@y'], ['--mailbox', support, '--kind', 'tea']]) {
    const wrong = await run('timeline', ...args, '--json');
    expect(wrong.code).toBe(2);
    expect(contract.Failure.parse(wrong.json).error.code).toBe('invalid');
  }
  expect((await run('timeline', '--conversation', 'x'.repeat(24))).code).toBe(4);
});

test('tail follows the mailboxes that were named, through a restart of the daemon, and ends when it is interrupted', {
  timeout: 60_000,
}, async () => {
  await using postroom = await startPostroom();
  const [support, sales] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  await postroom.deliver(support, {});
  await postroom.deliver(sales, {});
  const { conversation } = await postroom.newest(support);
  const running = tail(postroom, support);
  await following(postroom, running, conversation);

  await postroom.deliver(sales, { subject: 'Not for this one' });
  await postroom.deliver(support, { subject: 'A second one' });
  const mail = await running.until(() => running.events.find(({ event, kind }) => event === 'activity' && kind === 'mail-in'));
  expect(mail).toMatchObject({ event: 'activity', mailbox: support, at: expect.stringMatching(/Z$/), conversation: expect.any(String) });
  expect(running.events.every((event) => event.mailbox === support && typeof event.at === 'string')).toBe(true);

  await postroom.stopDaemon();
  await running.until(() => running.said.find((line) => line.includes('the daemon is away')));
  await postroom.startDaemon();
  await running.until(() => running.said.find((line) => line.includes('connected again')));
  await following(postroom, running, conversation);

  running.child.kill('SIGINT');
  expect(await running.ended).toEqual({ code: 0, signal: null });
});

test('tail ends quietly when nobody reads it, and with a reason when its person is gone', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { access: true });
  await postroom.deliver(support, {});
  const { conversation } = await postroom.newest(support);
  await writeFile(identityFile(postroom.home, 'ben'), JSON.stringify(postroom.identity('ben')), { mode: 0o600 });

  const unread = tail(postroom);
  await following(postroom, unread, conversation);
  unread.child.stdout.destroy();
  const eva = await postroom.as('eva');
  let isOver = false;
  const over = unread.ended.then((how) => {
    isOver = true;
    return how;
  });
  while (!isOver) {
    await eva.call('conversation.note', { conversation, text: 'Hello?' });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await over).toEqual({ code: 0, signal: null });
  expect(unread.said).toEqual([]);

  const ben = tail(postroom, '--identity', identityFile(postroom.home, 'ben'));
  await following(postroom, ben, conversation);
  await eva.call('person.disable', { name: 'ben' });
  expect(await ben.ended).toEqual({ code: 7, signal: null });
  expect(ben.said.at(-1)).toMatch(/^postroom: /);
  expect((await cli(postroom.home)('tail', `nobody@harbour.example`)).code).toBe(4);
});
