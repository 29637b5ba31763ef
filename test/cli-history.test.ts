/** `postroom mailbox history`: the contract, the exit codes, and the words. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { at, cli, identityFile } from './support/cli.ts';
import { Failure } from './support/cli-contract.ts';
import { startPostroom } from './support/postroom.ts';

/** The page of the contract, written down a second time. */
const value = z.union([z.string(), z.boolean(), z.array(z.string())]).nullable();
const History = z.object({
  rows: z.array(z.strictObject({ at: z.iso.datetime(), by: z.string().nullable(), field: z.string(), before: value, after: value })),
  next: z.string().nullable(),
  begin: z.object({ at: z.iso.datetime(), by: z.string().nullable(), added: z.boolean() }),
});

test('pages, one field, words; forbidden without Setup, not found without anything', async () => {
  await using world = await startPostroom();
  for (const name of ['ben', 'li']) {
    await world.person(name);
    await writeFile(identityFile(world.home, name), JSON.stringify(world.identity(name)), { mode: 0o600 });
  }
  const mailbox = await world.mailbox('support');
  await world.grant('ben', mailbox, { access: true });
  const postroom = cli(world.home);
  await postroom('mailbox', 'set', mailbox, 'name=Support desk', 'outgoingInPanel=false');
  await postroom('mailbox', 'set', mailbox, 'name=Help desk', 'workFrom=all');

  const ran = await postroom('mailbox', 'history', mailbox, '--json');
  const { rows, next, begin } = History.parse(ran.json);
  expect([ran.code, next, begin.by, begin.added]).toEqual([0, null, 'eva', true]);
  expect(rows.map(({ by, field, after }) => [by, field, after])).toEqual([
    ['eva', 'name', 'Help desk'],
    ['eva', 'workFrom', null],
    ['eva', 'name', 'Support desk'],
    ['eva', 'outgoingInPanel', false],
  ]);
  const first = History.parse((await postroom('mailbox', 'history', mailbox, '--field', 'name', '--limit', '1', '--json')).json);
  expect(first.rows).toEqual([rows[0]]);
  const more = await postroom('mailbox', 'history', mailbox, '--field', 'name', '--limit', '1', '--cursor', first.next ?? '', '--json');
  expect(History.parse(more.json)).toMatchObject({ rows: [rows[2]], next: null });

  const words = await postroom('mailbox', 'history', mailbox);
  expect([words.code, words.err]).toEqual([0, '']);
  expect(words.out).toMatch(/eva +name +Support desk +Help desk\n/);
  expect(words.out).toMatch(/eva +workFrom +20\S+ +all\n/);
  expect(words.out).toMatch(/eva +outgoingInPanel +true +false\n/);
  expect(words.out).toMatch(/Added 20.* by eva\.\n$/);
  expect((await postroom('mailbox', 'history', mailbox, '--limit', '1')).out).toMatch(/More with: --cursor \S+\n$/);

  const colour = await postroom('mailbox', 'history', mailbox, '--field', 'colour', '--json');
  expect([colour.code, at(Failure.parse(colour.json), 'error', 'message')]).toEqual([2, expect.stringContaining('signature')]);
  expect((await postroom('mailbox', 'history', mailbox, '--limit', 'all')).code).toBe(2);
  expect((await postroom('mailbox', 'history', mailbox, '--cursor', 'x')).code).toBe(2);
  expect((await postroom.as('ben')('mailbox', 'history', mailbox)).code).toBe(3);
  expect((await postroom.as('li')('mailbox', 'history', mailbox)).code).toBe(4);
});
