/** The history of settings: what can be put back, and the screen over the settings and beside them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Mailbox, SettingChange } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import { beginWords, changeWords, historyOf, putBack } from '../../tui/screens/history-words.ts';
import { Settings } from '../../tui/screens/settings.tsx';
import { type FieldId, rowsOf, sections, workFromOf } from '../../tui/screens/settings-state.ts';
import { tempDir } from '../support/tempdir.ts';
import { FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { mailbox } from './values.ts';

const support: Mailbox = mailbox('support@x.example', {
  kind: 'imap',
  addresses: [safeText('support@x.example'), safeText('help@x.example')],
  owner: safeText('anna'),
  settings: {
    name: safeText('Help'),
    signature: null,
    readState: 'never',
    done: 'keep',
    followServer: false,
    outgoingInPanel: false,
  },
  server: {
    imap: safeText('imaps://mail.x.example:993'),
    smtp: safeText('smtps://mail.x.example:465'),
    user: safeText('support'),
    secret: 'sealed',
  },
  workFrom: '2026-11-07T10:20:30.456Z',
  rights: { panel: true, timeline: true, send: true, settings: true },
});
const able = { me: 'anna', operations: ['shared-mailbox.share', 'shared-mailbox.sync'] };
const at = '2026-11-21T12:00:00.000Z';
const changed = (field: SettingChange['field'], before: SettingChange['before'], after: SettingChange['after']): SettingChange => ({
  at,
  by: safeText('eva'),
  field,
  before,
  after,
});
const list = (...addresses: string[]) => addresses.map((one) => safeText(one));

describe('putting back', () => {
  const back = (change: SettingChange, can = able) => {
    const found = putBack(change, support, can);
    return found.kind === 'stage' ? found.edits : found.why;
  };
  test('stages the old value as it would be typed', () => {
    expect(back(changed('name', safeText('Desk'), safeText('Help')))).toEqual([['name', 'Desk']]);
    expect(back(changed('name', null, safeText('Help')))).toEqual([['name', '']]);
    expect(back(changed('signature', safeBlock('Yours,\neva'), null))).toEqual([['signature', 'Yours,\neva']]);
    expect(back(changed('followServer', true, false))).toEqual([['followServer', 'on']]);
    expect(back(changed('shared', false, true))).toEqual([['shared', 'off']]);
    expect(back(changed('imap', safeText('imap://old.x.example:143'), null))).toEqual([['imap', 'imap://old.x.example:143']]);
    expect(back(changed('workFrom', null, null))).toEqual([['workFrom', 'all']]);
    const moment = '2026-11-01T01:02:03.004Z';
    expect(back(changed('workFrom', safeText(moment), null))).toEqual([['workFrom', moment]]);
    expect(workFromOf(moment, 0)).toBe(moment);
    expect(workFromOf('2026-13-01T01:02:03.004Z', 0)).toBeUndefined();
  });
  test('an alias that came goes, one that went comes; what happened since stays', () => {
    const [primary, help] = ['support@x.example', 'help@x.example'];
    expect(back(changed('addresses', list(primary), list(primary, help)))).toEqual([[`alias ${help}`, 'gone']]);
    expect(back(changed('addresses', list(primary, 'old@x.example'), list(primary)))).toEqual([['new-alias', 'old@x.example']]);
    expect(back(changed('addresses', list(primary, help), list(primary)))).toContain('so now');
    expect(back(changed('addresses', list(primary, 'a@x.example', 'b@x.example'), list(primary)))).toContain('one by one');
  });
  test('what it is already, and what nobody can put back, says so', () => {
    expect(back(changed('name', safeText('Help'), safeText('Desk')))).toContain('is now');
    expect(back(changed('workFrom', safeText('2026-11-07T10:20:30.456Z'), null))).toContain('is now');
    expect(back(changed('secret', null, safeText('changed')))).toContain('password');
    expect(back(changed('owner', safeText('eva'), safeText('anna')))).toContain('owner');
    expect(back(changed('ca', safeText('own 12'), safeText('public')))).toContain('the file again');
    expect(back(changed('ca', safeText('public'), safeText('own 12')))).toContain('is now');
    expect(back(changed('imap', safeText('imaps://a:993'), null), { ...able, operations: [] })).toContain('shared-mailbox.sync');
    expect(putBack(changed('imap', safeText('imaps://a:993'), null), { ...support, kind: 'hosted' }, able).kind).toBe('refused');
  });
  test('every field of the form has a history, but what is one’s own and what ends it', () => {
    const none = sections
      .flatMap((section) => rowsOf(section, support, { edits: new Map<FieldId, string>() }, able))
      .flatMap(({ id }) => (historyOf(id) === null ? [id] : []));
    expect(none).toEqual(['watch', 'remove']);
  });
});

test('words', () => {
  expect(changeWords(changed('signature', null, safeBlock('a\nb')))).toBe('- → a b');
  expect(changeWords(changed('workFrom', null, safeText(at)))).toBe(`all mail → ${at}`);
  expect(changeWords(changed('addresses', list('a@x', 'b@x'), list('a@x', 'c@x')))).toBe('+ c@x  - b@x');
  expect(changeWords(changed('secret', null, safeText('changed')))).toBe('changed');
  expect(beginWords({ at, by: safeText('eva'), added: true })).toBe('added by eva');
  expect(beginWords({ at, by: null, added: false })).toMatch(/^before the journal began .*not known$/);
});

/** A daemon with these changes, answering in pages as the real one does. */
function open(changes: SettingChange[], of = support) {
  const fake = new FakeMirror([of]);
  const begin = { at: '2026-11-01T12:00:00.000Z', by: safeText('anna'), added: true };
  fake.answer = async ({ method, params }) => {
    if (method !== 'mailbox.history') return {};
    const { field, limit = 50, cursor } = params as { field: string | null; limit?: number; cursor: string | null };
    const rows = changes.filter((one) => field === null || one.field === field);
    const from = Number(cursor ?? 0);
    return { rows: rows.slice(from, from + limit), next: from + limit < rows.length ? String(from + limit) : null, begin };
  };
  const place = { kind: 'settings', mailbox: safeText('support@x.example') } as const;
  return { fake, changes, ...openOn(fake, <Settings place={place} />) };
}

describe('the screen', () => {
  test('h tells one field, Enter puts the old value into the form, where it can be saved', async () => {
    const names = [changed('name', safeText('Desk'), safeText('Help')), changed('name', null, safeText('Desk'))];
    const { fake, press, sees } = open([changed('done', 'archive' as never, 'keep' as never), ...names]);
    await sees(/▌ *Incoming/);
    press('tab', 'tab');
    await sees(/▌ *Name +Help/);
    press('h');
    await sees(/HISTORY +support@x\.example +Name/);
    await sees(/▌ .*eva +Desk → Help/);
    await sees(/eva +- → Desk\s+.*added by anna/);
    press('j', 'j');
    await sees(/▌ .*added by anna/);
    press('enter'); // nothing was before it
    press('k', 'k');
    await sees(/▌ .*eva +Desk → Help/);
    await sees(/before +Desk/);
    press('enter');
    await sees(/▌\*Name +Desk/);
    await sees('1 not saved');
    expect(fake.calls.filter(({ method }) => method !== 'mailbox.history')).toEqual([]);
    press('W');
    await sees('Save 1 edit');
    press('enter');
    await sees('are saved');
    expect(fake.calls.at(-1)).toMatchObject({ method: 'mailbox.set', params: { ifRevision: 1, settings: { name: 'Desk' } } });
  });

  test('H tells all of them, older ones as one goes down; a change that comes in is told', async () => {
    const many = Array.from({ length: 230 }, (_, n) => ({
      ...changed('name', safeText(`n${n + 1}`), safeText(`n${n}`)),
      at: `2026-11-21T10:00:${String(59 - Math.floor(n / 4)).padStart(2, '0')}.${String(999 - n)}Z`,
    }));
    const { fake, changes, press, sees, frame } = open(many);
    await sees(/▌ *Incoming/);
    press('H');
    await sees(/HISTORY .*all settings/);
    await sees(/▌ .*Name +n1 → n0/);
    changes.unshift(changed('shared', false, true));
    fake.say({ name: 'directory.changed', payload: { revision: 2 } });
    // It comes above: the cursor stays on its row.
    const untilAt = (key: readonly string[], wanted: RegExp) =>
      expect
        .poll(() => {
          press(...key);
          return frame();
        })
        .toMatch(wanted);
    await untilAt(['k'], /▌ .*Shared +off → on/);
    await sees('not to be put back: sharing takes');
    await untilAt(['G'], /▌ .*added by anna/);
    expect(fake.calls.length).toBeLessThan(20);
  });

  test('a password and an owner are told, and stay what they are', async () => {
    const { press, sees, misses } = open([
      changed('secret', null, safeText('changed')),
      changed('owner', safeText('eva'), safeText('anna')),
    ]);
    await sees(/▌ *Incoming/);
    press('H');
    await sees(/▌ .*Password +changed/);
    await sees('not to be put back: a password');
    press('enter', 'j');
    await sees(/▌ .*Owner +eva → anna/);
    await sees('not to be put back: a mailbox');
    press('q');
    await sees('SETTINGS');
    await misses('not saved');
  });

  test('an authority of one’s own is read from a file and staged', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nx\n');
    const { fake, press, sees } = open([], { ...support, shared: false });
    await sees(/▌ *Incoming/);
    press('G');
    await sees(/▌ *Authority +the public ones/);
    const given = async (name: string): Promise<void> => {
      press('enter');
      await sees(/▌The public ones/);
      press('down');
      await sees(/▌One of your own/);
      press('enter');
      await sees('File with the certificates');
      press(...join(dir.path, name), 'enter');
    };
    await given('none.pem');
    await sees('Not taken: there is no such file');
    await given('ca.pem');
    await sees(/▌\*Authority +one of your own, not saved yet/);
    press('W');
    await sees('Save 1 edit of');
    press('enter');
    await sees('are saved');
    expect(fake.calls.at(-1)).toMatchObject({ method: 'mailbox.set', params: { ca: '-----BEGIN CERTIFICATE-----\nx\n' } });
  });
});
