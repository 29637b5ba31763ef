/** Folders that are not in order, gone, or two of a kind, through the commands: a real Dovecot, a daemon, a person. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cli, cli } from './support/cli.ts';
import { type Dovecot, startDovecot } from './support/dovecot.ts';
import { mail } from './support/message.ts';
import { startPostroom } from './support/postroom.ts';

const support = 'support@example.org';
const cleanup = new AsyncDisposableStack();
let postroom: Cli;
let dovecot: Dovecot;

beforeAll(async () => {
  const [office, imap] = await Promise.all([startPostroom({ config: { sync: { retryMinMs: 50, pollMs: 1_000 } } }), startDovecot()]);
  for (const one of [imap, office]) cleanup.use(one);
  dovecot = imap;
  postroom = cli(office.home);
  await dovecot.addUser(support, 'secret');
  await writeFile(join(office.home, 'ca.pem'), dovecot.ca);
  // Trash as well, by its name; the server marks another one.
  for (const name of ['Deleted Messages', 'Kunden', 'Kunden/Süd']) await dovecot.createFolder(support, name);
  await dovecot.fill(support, [letter('Filed')], 'Kunden/Süd');
  await dovecot.deliver(support, letter('Asked'));
  const servers = [
    '--imap',
    `imaps://localhost:${dovecot.ports.imaps}`,
    '--smtp',
    'smtps://localhost:9',
    '--tls-ca',
    join(office.home, 'ca.pem'),
  ];
  const add = postroom.with({ env: { MAIL_PASSWORD: 'secret' } });
  const added = await add('mailbox', 'add', support, ...servers, '--password-env', 'MAIL_PASSWORD', '--work-from', 'all', '--no-test');
  expect([added.code, added.err]).toEqual([0, '']);
  expect((await postroom('sync', support, '--wait')).code).toBe(0);
}, 60_000);
afterAll(() => cleanup.disposeAsync());

const letter = (subject: string): Buffer =>
  mail({ from: 'Jane <jane@customer.example>', to: support, subject, text: `${subject}.`, date: Date.now() });
type Folder = { path: string; role: string | null; server: number | null; stored: number; error: string | null };
const folders = async (): Promise<Folder[]> => ((await postroom('folders', support, '--json')).json as { rows: Folder[] }).rows;
const folder = async (path: string): Promise<Folder | undefined> => (await folders()).find((one) => one.path === path);

test('a folder that the server refuses is an error wherever one looks, the others go on, and it heals by itself', async () => {
  await dovecot.forbid(support, 'Kunden/Süd', true);
  await dovecot.deliver(support, letter('Meanwhile'));
  const waited = await postroom('sync', support, '--wait');
  expect([waited.code, waited.err]).toEqual([1, expect.stringMatching(/Kunden\/Süd/)]);
  const sync = { error: expect.stringMatching(/Kunden\/Süd: /) };
  await expect
    .poll(async () => (await postroom('mailbox', 'list', '--json')).json, { timeout: 20_000 })
    .toMatchObject({ rows: [{ address: support, state: 'error', sync }] });
  expect((await postroom('mailbox', 'list')).out).toMatch(/error/);
  expect((await folder('Kunden/Süd'))?.error).toMatch(/opening Kunden\/Süd/);
  const doctor = await postroom('doctor');
  expect([doctor.code, doctor.out]).toEqual([1, expect.stringMatching(/^error .*Kunden\/Süd/m)]);
  const rows = ((await postroom('list', support, '--json')).json as { rows: { subject: string }[] }).rows;
  expect(rows.map(({ subject }) => subject)).toContain('Meanwhile');

  await dovecot.forbid(support, 'Kunden/Süd', false);
  await dovecot.fill(support, [letter('Later')], 'Kunden/Süd');
  await expect.poll(async () => (await postroom('sync', support, '--wait')).code, { timeout: 20_000 }).toBe(0);
  expect(await folder('Kunden/Süd')).toMatchObject({ error: null, server: 2, stored: 2 });
  expect((await postroom('mailbox', 'list', '--json')).json).toMatchObject({ rows: [{ state: 'idle', sync: { error: null } }] });
  expect((await postroom('doctor')).out).not.toMatch(/Kunden/);
}, 60_000);

test('trash by role goes to the main one of two, by name to the second, and both are trash', async () => {
  expect(
    (await folders())
      .filter(({ role }) => role === 'trash')
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['Deleted Messages', 'Trash']);
  const asked = async (subject: string): Promise<string> => {
    const { rows } = (await postroom('list', support, '--json')).json as { rows: { subject: string; conversation: string }[] };
    return rows.find((row) => row.subject === subject)?.conversation ?? '';
  };
  const open = async (): Promise<string[]> =>
    ((await postroom('panel', '--view', 'team', '--json')).json as { rows: { subject: string }[] }).rows.map(({ subject }) => subject);
  const [first, second] = [await asked('Asked'), await asked('Meanwhile')];
  expect((await postroom('trash', first)).code).toBe(0);
  expect((await postroom('move', second, 'Deleted Messages')).code).toBe(0);
  expect((await dovecot.messages(support, 'Trash')).length).toBe(1);
  expect((await dovecot.messages(support, 'Deleted Messages')).length).toBe(1);
  expect(await open()).not.toEqual(expect.arrayContaining(['Asked']));
  expect(await open()).not.toEqual(expect.arrayContaining(['Meanwhile']));
}, 60_000);

test('a folder that another client deletes is in `folders` no longer', async () => {
  await dovecot.createFolder(support, 'Alt');
  await dovecot.fill(support, [letter('Old')], 'Alt');
  expect((await postroom('sync', support, '--wait')).code).toBe(0);
  expect(await folder('Alt')).toMatchObject({ stored: 1 });
  await dovecot.deleteFolder(support, 'Alt');
  await expect
    .poll(
      async () => {
        await postroom('sync', support, '--wait');
        return await folder('Alt');
      },
      { timeout: 20_000 },
    )
    .toBeUndefined();
}, 60_000);
