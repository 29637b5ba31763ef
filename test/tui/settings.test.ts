/** Edits of a mailbox's settings before they are written. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Mailbox } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { authorityIn } from '../../tui/files.ts';
import {
  type Change,
  change,
  currentOf,
  type FieldId,
  fieldOfError,
  nothingStaged,
  requestsOf,
  rowsOf,
  type Staged,
  stagedAuthority,
  stagedSecret,
  workFromOf,
} from '../../tui/screens/settings-state.ts';
import { table } from '../support/table.ts';
import { tempDir } from '../support/tempdir.ts';
import { mailbox } from './values.ts';

const support: Mailbox = mailbox('support@x.example', {
  kind: 'imap',
  addresses: [safeText('support@x.example'), safeText('help@x.example')],
  revision: 7,
  settings: { name: safeText('Help'), signature: null, readState: 'never', done: 'keep', followServer: false, outgoingInPanel: false },
  server: {
    imap: safeText('imaps://mail.x.example:993'),
    smtp: safeText('smtps://mail.x.example:465'),
    user: safeText('support'),
    secret: 'sealed',
  },
  rights: { panel: true, timeline: true, send: true, settings: true },
});
const now = Date.parse('2026-11-21T12:00:00Z');

const stagedBy = (...steps: readonly (Change | readonly [FieldId, string])[]): Staged =>
  steps.reduce(
    (state: Staged, step) => change(state, 'do' in step ? step : { do: 'edit', field: step[0], value: step[1], mailbox: support }),
    nothingStaged,
  );

describe('staging', () => {
  test('an edit that equals the mailbox is none', () => {
    expect(stagedBy(['name', 'Desk']).edits).toEqual(new Map([['name', 'Desk']]));
    expect(stagedBy(['name', 'Desk'], ['name', 'Help'])).toEqual(nothingStaged);
    expect(stagedBy(['followServer', 'off'])).toEqual(nothingStaged);
  });
  test('the revision is that of the first edit, and after a conflict the newer one', () => {
    expect(stagedBy(['name', 'Desk']).revision).toBe(7);
    const later = change(stagedBy(['name', 'Desk']), { do: 'edit', field: 'done', value: 'archive', mailbox: { ...support, revision: 9 } });
    expect(later.revision).toBe(7);
    const conflict = change(later, { do: 'conflict', revision: 9 });
    expect([conflict.revision, conflict.edits.size]).toEqual([9, 2]);
  });
  test('what was refused keeps its edit and its reason until it is changed or taken back', () => {
    const refused = stagedBy(['new-alias', 'x'], { do: 'refused', field: 'new-alias', why: safeText('no address') });
    expect([refused.edits.size, refused.errors.get('new-alias')]).toEqual([1, 'no address']);
    expect(change(refused, { do: 'revert', field: 'new-alias' })).toEqual(nothingStaged);
    expect(change(refused, { do: 'edit', field: 'new-alias', value: 'y@x.example', mailbox: support }).errors.size).toBe(0);
  });
});

test('settings go in one request with the revision, first; addresses, sharing and watching are their own', () => {
  const staged = stagedBy(
    ['new-alias', 'desk@x.example'],
    ['alias help@x.example', 'gone'],
    ['name', ''],
    ['outgoingInPanel', 'on'],
    ['workFrom', 'all'],
    ['secret', stagedSecret('password', 'two words')],
    ['ca', stagedAuthority('PEM')],
    ['shared', 'off'],
    ['watch', 'mine'],
  );
  expect(requestsOf({ ...support, workFrom: '2026-11-01T00:00:00Z' }, staged, now)).toEqual([
    {
      method: 'mailbox.set',
      params: {
        mailbox: 'support@x.example',
        ifRevision: 7,
        settings: { name: null, outgoingInPanel: true },
        secret: { kind: 'password', password: 'two words' },
        ca: 'PEM',
      },
      fields: ['name', 'outgoingInPanel', 'secret', 'ca'],
    },
    { method: 'mailbox.address.add', params: { mailbox: 'support@x.example', alias: 'desk@x.example' }, fields: ['new-alias'] },
    {
      method: 'mailbox.address.remove',
      params: { mailbox: 'support@x.example', alias: 'help@x.example' },
      fields: ['alias help@x.example'],
    },
    { method: 'mailbox.unshare', params: { mailbox: 'support@x.example' }, fields: ['shared'] },
    { method: 'mailbox.watch', params: { mailbox: 'support@x.example', level: 'mine' }, fields: ['watch'] },
  ]);
});

describe('work from', () => {
  const rows = table<{ typed: string; date: string }>(`
    typed       date
    14 days     2026-11-07T12:00:00.000Z
    1 day       2026-11-20T12:00:00.000Z
    2026-11-01  2026-11-01T00:00:00.000Z
    2026-02-30  -
    soon        -
  `);
  for (const { typed, date } of rows) test(typed, () => expect(workFromOf(typed, now)).toBe(date === '' ? undefined : date));
  test('all', () => expect(workFromOf(' All ', now)).toBeNull());
});

test('an error of the daemon stands at the field that it names', () => {
  expect(fieldOfError({ field: 'smtp' }, ['imap', 'smtp'])).toBe('smtp');
  expect(fieldOfError({ path: 'settings.name' }, ['imap', 'name'])).toBe('name');
  expect(fieldOfError({}, ['new-alias'])).toBe('new-alias');
});

test('a password is never part of what is drawn', () => {
  const rows = rowsOf('server', support, stagedBy(['secret', stagedSecret('password', 'correct horse')]), { me: 'eva', operations: [] });
  expect(JSON.stringify(rows)).not.toContain('correct');
  expect(rows.find(({ id }) => id === 'secret')?.value).toBe('a new one, not saved yet');
});

test('who may not change something sees why', () => {
  const refused = (section: Parameters<typeof rowsOf>[0], operations: readonly string[], me = 'anna') =>
    rowsOf(section, support, nothingStaged, { me, operations }).flatMap((row) => (row.refused === null ? [] : [row.id]));
  expect(refused('server', [])).toEqual(['imap', 'smtp', 'user', 'secret', 'ca']);
  expect(refused('server', ['shared-mailbox.sync'])).toEqual([]);
  expect(refused('sharing', [])).toEqual(['shared', 'owner']);
  expect(refused('sharing', ['shared-mailbox.share'], 'eva')).toEqual([]);
  expect(refused('danger', [])).toEqual(['remove']);
});

test('an authority of one’s own is read from a file, or why not; taken back to the public ones', async () => {
  await using dir = await tempDir();
  const file = join(dir.path, 'ca.pem');
  await writeFile(file, '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n');
  expect(await authorityIn(file)).toContain('BEGIN CERTIFICATE');
  await writeFile(join(dir.path, 'key.pem'), '-----BEGIN PRIVATE KEY-----');
  for (const [name, why] of [
    ['key.pem', 'no certificate'],
    ['none.pem', 'no such file'],
    ['.', 'not a file'],
  ] as const)
    await expect(authorityIn(join(dir.path, name))).rejects.toThrow(why);
  const own = { ...support, server: { ...support.server, ca: 'own' as const } } as Mailbox;
  expect(currentOf(own, 'ca')).toBe('own');
  const back = change(nothingStaged, { do: 'edit', field: 'ca', value: 'public', mailbox: own });
  expect(requestsOf(own, back, now)[0]?.params).toMatchObject({ ca: null });
  const rows = rowsOf('server', own, stagedBy(['ca', stagedAuthority('secret words')]), { me: 'eva', operations: [] });
  expect(JSON.stringify(rows)).not.toContain('secret words');
});
