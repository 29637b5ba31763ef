/** The demo as somebody without a terminal meets it: the built program, a real daemon, real SMTP both ways. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PersonName } from '../../demo/content/talk.ts';
import { identityFile, stop } from '../../demo/home.ts';
import { type Client, connect } from '../../protocol/client.ts';
import { readIdentity } from '../../protocol/keys.ts';
import type { Result } from '../../protocol/methods.ts';
import { cli, start } from '../support/cli.ts';
import { tempDir } from '../support/tempdir.ts';

type Rows = Result<'panel.list'>['rows'];

/** A demo in a directory of its own, stopped when the test ends. */
async function demo() {
  const directory = await tempDir();
  const root = join(directory.path, 'd');
  const run = cli(directory.path, {}, ['--home', root]);
  return {
    folder: directory.path,
    root,
    run: (...args: string[]) => run('demo', ...args),
    panel: async (...args: string[]): Promise<Rows> => {
      const { code, json, err } = await run('demo', '--json', ...args);
      expect({ code, err: err.replace('postroom: making the demo, once\n', '') }).toEqual({ code: 0, err: '' });
      return (json as { rows: Rows }).rows;
    },
    as: (person: PersonName): Promise<Client> => {
      const identity = readIdentity(identityFile(root, person));
      if (identity === null) throw new Error(`${person} has no identity`);
      return connect({ identity });
    },
    pid: async () => Number(await readFile(join(root, 'run', 'daemon.pid'), 'utf8')),
    [Symbol.asyncDispose]: async () => {
      await stop(root);
      await directory[Symbol.asyncDispose]();
    },
  };
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** Asks until it is so; the test's own time-out ends it. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 50));
}

test('shows each person their own panel, from one daemon, which ends when it is alone', async () => {
  await using it = await demo();
  const first = await it.run();
  expect(first).toMatchObject({ code: 0, err: 'postroom: making the demo, once\n' });
  expect(first.out).toContain('J. R. Whitlock');
  const pid = await it.pid();

  const eva = await it.panel();
  const ben = await it.panel('--as', 'ben');
  expect(await it.panel('--as', 'li')).toEqual([]);
  expect(new Set(eva.map((row) => row.mailbox))).toEqual(
    new Set(['eva@harbour.example', 'sales@harbour.example', 'support@harbour.example']),
  );
  expect(new Set(ben.map((row) => row.mailbox))).toEqual(new Set(['sales@harbour.example', 'support@harbour.example']));
  expect(await it.pid()).toBe(pid);

  const client = await it.as('eva');
  try {
    for (const view of ['mine', 'unassigned', 'team', 'done'] as const) {
      expect((await client.call('panel.list', { view })).rows.length, view).toBeGreaterThanOrEqual(5);
    }
    const { rows } = await client.call('mailbox.list', {});
    expect(rows.reduce((sum, row) => sum + (row.messages ?? 0), 0)).toBeGreaterThanOrEqual(190);
    const { because } = await client.call('grant.explain', { mailbox: 'support@harbour.example', person: 'ben' });
    expect(because).toMatchObject([
      { right: 'access', via: ['role agents'] },
      { right: 'send', via: ['role agents'] },
    ]);
  } finally {
    await client.close();
  }
  const li = await it.as('li');
  expect((await li.call('conversation.list', { mailbox: 'support@harbour.example' })).rows.length).toBeGreaterThan(20);
  await expect(li.call('mailbox.show', { mailbox: 'eva@harbour.example' })).rejects.toMatchObject({ code: 'not-found' });
  await li.close();

  await until(() => !isAlive(pid));
  const again = await it.panel();
  expect(again.map((row) => row.conversation)).toEqual(expect.arrayContaining(eva.map((row) => row.conversation)));
  expect(await it.pid()).not.toBe(pid);
});

test('a customer answers an answer, mail comes by itself, and who is gone bounces', async () => {
  await using it = await demo();
  const rows = await it.panel('--as', 'ben');
  const row = rows.find(({ subject }) => subject.startsWith('E-book will not open'));
  if (row === undefined) throw new Error('no such conversation');
  const ben = await it.as('ben');
  try {
    const before = (await ben.call('conversation.show', { conversation: row.conversation })).messages.length;
    await ben.call('outbox.send', { in: row.conversation, kind: 'reply', body: 'Chapter 4 is in the file now.' });
    await ben.call('outbox.send', { from: 'support@harbour.example', to: 'old@gone.example', subject: 'Are you there?', body: 'Hello?' });
    await until(async () => (await ben.call('conversation.show', { conversation: row.conversation })).messages.length === before + 2);
    const { messages, state } = await ben.call('conversation.show', { conversation: row.conversation });
    expect(messages.at(-1)).toMatchObject({ direction: 'in', from: [{ name: 'Aoife Brennan' }] });
    expect(messages.at(-1)?.text).toContain('All the clouds are there');
    expect(state).toBe('open');

    const { rows: sent } = await ben.call('outbox.list', {});
    expect(sent.find(({ to }) => to.includes('old@gone.example' as never))).toMatchObject({ state: 'failed' });

    await until(async () =>
      (await ben.call('panel.list', { view: 'unassigned', limit: 200 })).rows.some((one) =>
        one.subject.includes('seagull in your doorway'),
      ),
    );
  } finally {
    await ben.close();
  }
});

test('--fresh starts over, also under a running one; two at once make one home', async () => {
  await using it = await demo();
  const [a, b] = await Promise.all([it.panel(), it.panel()]);
  expect(a.map((row) => row.conversation)).toEqual(b.map((row) => row.conversation));
  expect(await readdir(it.folder)).toEqual(['d']);
  const pid = await it.pid();

  const fresh = await it.panel('--fresh');
  expect(fresh).toHaveLength(a.length);
  expect(fresh.map((row) => row.conversation).filter((id) => a.some((row) => row.conversation === id))).toEqual([]);
  expect(isAlive(pid)).toBe(false);
  expect(await readdir(it.folder)).toEqual(['d']);
});

test('cut off while it is made it leaves nothing, and what a kill left goes with the next start', async () => {
  await using it = await demo();
  const making = async (signal: NodeJS.Signals) => {
    const child = start(['demo', '--home', it.root], { env: { HOME: it.folder } });
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    await until(async () => (await readdir(it.folder)).some((name) => existsSync(join(it.folder, name, 'mail.db'))));
    child.kill(signal);
    return ended;
  };
  expect(await making('SIGTERM')).toBe(1);
  expect(await readdir(it.folder)).toEqual([]);

  await making('SIGKILL');
  expect((await readdir(it.folder)).length).toBe(1);
  expect((await it.panel()).length).toBeGreaterThan(20);
  expect(await readdir(it.folder)).toEqual(['d']);
});

test('what the demo did not make it leaves alone', async () => {
  await using it = await demo();
  await mkdir(it.root);
  await writeFile(join(it.root, 'thesis.txt'), 'the only copy');
  for (const args of [[], ['--fresh']]) {
    const { code, err } = await it.run(...args);
    expect(code).toBe(2);
    expect(err).toContain('was not made by the demo');
  }
  expect(await readdir(it.root)).toEqual(['thesis.txt']);
});

test('says which words it takes, and which places are too long', async () => {
  await using it = await demo();
  expect(await it.run('--as', 'zoe')).toMatchObject({ code: 2, err: expect.stringContaining('eva, ben, li') });
  const { code, json } = await cli(it.folder, {}, ['--home', join(it.folder, 'x'.repeat(80))])('demo', '--json');
  expect(code).toBe(2);
  expect(json).toMatchObject({ error: { code: 'invalid', message: expect.stringContaining('too long a path') } });
});
