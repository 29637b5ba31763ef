/** What a list of conversations adds to what the daemon says, and the words of its rows. */
import { describe, expect, test } from 'vitest';
import type { Conversation, Mailbox } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { ageWords, shortAge } from '../../tui/ages.ts';
import { bar, grouped, percentOf, syncWords } from '../../tui/screens/mailbox-words.ts';
import { changeWords } from '../../tui/screens/others.ts';
import { leavesList } from '../../tui/screens/panel.tsx';
import { shortNames } from '../../tui/screens/panel-row.tsx';
import { change, emptyPanel, type PanelChange, type PanelState, unreadFrom, visible } from '../../tui/screens/panel-state.ts';
import { bestPlace, firstPlace, type ListPlace } from '../../tui/screens/places.ts';
import { fitted, statusParts } from '../../tui/status.tsx';
import { widthOf } from '../../tui/text.ts';
import { table } from '../support/table.ts';
import { conversation, mailbox } from './values.ts';

const rows: Conversation[] = ['a', 'b', 'c', 'd'].map((id) => conversation(id, { unread: id === 'c' ? 2 : 0 }));
const shown = (state: PanelState, at = 100): string =>
  visible(rows, at, state)
    .map((row) => row.conversation)
    .join('');
const doing = (...changes: PanelChange[]): PanelState => changes.reduce(change, emptyPanel);

describe('rows that leave', () => {
  test('are hidden with the key, and until a younger picture than the answer speaks', () => {
    const pressed = doing({ kind: 'leave', ids: ['b'] });
    expect(shown(pressed)).toBe('acd');
    const answered = change(pressed, { kind: 'left', id: 'b', at: 200 });
    expect(shown(answered, 150)).toBe('acd');
    expect(shown(answered, 250)).toBe('abcd');
  });
  test('come back when the daemon refused', () => {
    expect(shown(doing({ kind: 'leave', ids: ['b', 'c'] }, { kind: 'stay', id: 'b' }))).toBe('abd');
  });
  test('a verb that takes no row away hides none when it is answered', () => {
    const answered = doing({ kind: 'left', id: 'b', at: 200 });
    expect(shown(answered, 150)).toBe('abcd');
  });
  test('nothing to hide gives the very same rows', () => {
    expect(visible(rows, 1, emptyPanel)).toBe(rows);
  });
});

test('marks: one, a range both ways, off again', () => {
  const ids = ['a', 'b', 'c', 'd'];
  const marks = (...changes: PanelChange[]): string => [...doing(...changes).marks].toSorted().join('');
  expect(marks({ kind: 'mark', id: 'b' }, { kind: 'mark', id: 'd' }, { kind: 'mark', id: 'b' })).toBe('d');
  expect(marks({ kind: 'mark', id: 'b' }, { kind: 'range', to: 'd', ids })).toBe('bcd');
  expect(marks({ kind: 'mark', id: 'c' }, { kind: 'range', to: 'a', ids })).toBe('abc');
  expect(marks({ kind: 'range', to: 'c', ids })).toBe('c');
  // The row it began at is gone.
  expect(marks({ kind: 'mark', id: 'x' }, { kind: 'range', to: 'c', ids })).toBe('cx');
});

test('the filter wants every word, wherever it stands', () => {
  const some = [conversation('a', { subject: safeText('Order 4411') }), conversation('b', { subject: safeText('Invoice') })];
  const found = (filter: string): string =>
    visible(some, 1, { ...emptyPanel, filter })
      .map((row) => row.conversation)
      .join('');
  expect(found('order JANE')).toBe('a');
  expect(found('jane')).toBe('ab');
  expect(found('order invoice')).toBe('');
});

test('the next unread, both ways', () => {
  expect(unreadFrom(rows, 0, 1)).toBe('c');
  expect(unreadFrom(rows, 3, -1)).toBe('c');
  expect(unreadFrom(rows, 2, 1)).toBeNull();
});

const address = safeText('support@x.example');
const places: Record<string, ListPlace> = {
  mine: { kind: 'panel', view: 'mine', mailbox: null },
  unassigned: { kind: 'panel', view: 'unassigned', mailbox: null },
  team: { kind: 'panel', view: 'team', mailbox: null },
  done: { kind: 'panel', view: 'done', mailbox: null },
  open: { kind: 'open', mailbox: address },
  folder: { kind: 'folder', mailbox: address, folder: 'k', name: safeText('Inbox') },
};
const leaving = table(`
  list        done  reopen  take  assign  release  trash  star
  mine        yes   no      no    no      no       yes    no
  unassigned  yes   no      no    no      no       yes    no
  team        yes   no      no    no      no       yes    no
  done        no    yes     no    no      no       no     no
  open        yes   no      no    no      no       yes    no
  folder      no    no      no    no      no       yes    no
`);
for (const { list, ...verbs } of leaving) {
  const place = places[String(list)];
  if (place === undefined) throw new Error(`no list ${list}`);
  test.each(Object.entries(verbs))(`${list}: %s takes its row away: %s`, (verb, leaves) => {
    expect(leavesList(place, verb as Parameters<typeof leavesList>[1])).toBe(leaves);
  });
}

test('where one begins', () => {
  const agent = { address, rights: { panel: true, timeline: true, send: true, settings: false } };
  const observer = { address, rights: { panel: false, timeline: true, send: false, settings: false } };
  const setup = { address, rights: { panel: false, timeline: false, send: false, settings: true } };
  expect(firstPlace([agent, observer], { mine: 1, unassigned: 3 })).toMatchObject({ kind: 'panel', view: 'mine' });
  expect(firstPlace([agent], { mine: 0, unassigned: 3 })).toMatchObject({ view: 'unassigned' });
  expect(firstPlace([agent], { mine: 0, unassigned: 0 })).toMatchObject({ view: 'team' });
  expect(firstPlace([observer], { mine: 0, unassigned: 0 })).toEqual({ kind: 'open', mailbox: address });
  expect(firstPlace([observer, observer], { mine: 0, unassigned: 0 })).toMatchObject({ kind: 'mailboxes' });
  expect(firstPlace([setup], { mine: 0, unassigned: 0 })).toMatchObject({ kind: 'mailboxes' });
  expect(bestPlace(setup)).toEqual({ kind: 'settings', mailbox: address });
});

test('short names tell mailboxes apart', () => {
  const names = shortNames(['support@a.example', 'supplies@a.example', 'info@a.example'].map(safeText));
  expect([...names.values()]).toEqual(['suppo', 'suppl', 'inf']);
  expect(shortNames([address]).size).toBe(0);
});

const minute = 60_000;
test.each([
  [30_000, 'now', '30 s'],
  [41 * minute, '41m', '41 min'],
  [134 * minute, '2h14', '2 h'],
  [30 * 60 * minute, '30h', '30 h'],
  [3 * 24 * 60 * minute, '3d', '3 days'],
  [100 * 24 * 60 * minute, '14w', '100 days'],
  [800 * 24 * 60 * minute, '2y', '800 days'],
])('an age of %d ms', (ms, short, words) => {
  expect([shortAge(ms), ageWords(ms)]).toEqual([short, words]);
});

describe('a mailbox in words', () => {
  const now = Date.parse('2026-11-21T12:00:12Z');
  const sync = {
    done: 14_201,
    total: 19_800,
    folder: null,
    error: null,
    syncedAt: '2026-11-21T12:00:00Z',
    retryAt: '2026-11-21T12:00:30Z',
  };
  const of = (given: Partial<Mailbox>): Mailbox => mailbox('support@x.example', { kind: 'imap', sync, ...given });
  test.each([
    [of({ state: 'syncing' }), '▕███████▁▁▁▏ 71% 14 201/19 800'],
    [of({ state: 'idle' }), 'synced 12 s ago'],
    [of({ state: 'auth-failed' }), 'sign-in refused · as of 12 s ago · next try in 18 s'],
    [of({ state: 'connecting' }), 'connecting'],
    [of({ state: 'idle', kind: 'hosted' }), 'hosted here'],
  ])('%#', (given, words) => expect(syncWords(given, now, 10)).toBe(words));
  test('never 100 % before all is here', () => {
    expect(percentOf(of({ state: 'syncing', sync: { ...sync, done: 9_999, total: 10_000 } }))).toBe(99);
    expect(percentOf(of({ state: 'syncing', sync: { ...sync, total: null } }))).toBeNull();
    expect([bar(0, 4), bar(100, 4)]).toEqual(['▕▁▁▁▁▏', '▕████▏']);
    expect([0, 7, 1_000, 19_800, 1_234_567].map(grouped)).toEqual(['0', '7', '1 000', '19 800', '1 234 567']);
  });
});

describe('the status row', () => {
  const now = Date.parse('2026-11-21T12:00:12Z');
  const base = { everOnline: true, mailboxes: [mailbox('support@x.example')], outbox: [], here: 'support@x.example', now };
  const who = { kind: 'person', person: 'p' } as const;
  const words = (given: Partial<Parameters<typeof statusParts>[0]>, columns = 200): string =>
    fitted(statusParts({ ...base, connection: { state: { state: 'online', who, daemonRelease: '1' }, since: 0 }, ...given }), columns)
      .map(({ text }) => text)
      .join(' · ');
  const away = { state: { state: 'offline', reason: 'no-daemon', message: 'No daemon answers at ipc:///x.' }, since: now } as const;
  test('online', () => expect(words({})).toBe('● online · support@ hosted here · you: Access Send'));
  test('away', () =>
    expect(words({ connection: away })).toMatch(/^OFFLINE since \d\d:\d\d, local copy · trying again · you: Access Send$/));
  test('never there', () =>
    expect(words({ connection: away, everOnline: false, mailboxes: [] })).toBe('○ No daemon answers at ipc:///x. Trying again.'));
  test('a broken mailbox comes before the one in view', () => {
    const broken = mailbox('sales@x.example', { kind: 'imap', state: 'auth-failed' });
    expect(words({ mailboxes: [...base.mailboxes, broken] })).toContain('✗ sales@ sign-in refused');
  });
  test('of several broken ones the one in view is told', () => {
    const broken = ['sales@x.example', 'support@x.example'].map((one) => mailbox(one, { kind: 'imap', state: 'auth-failed' }));
    expect(words({ mailboxes: broken })).toContain('✗ support@ sign-in refused (+1)');
  });
  test('is never wider than the screen', () => {
    for (let columns = 40; columns < 120; columns++) expect(widthOf(words({}, columns))).toBeLessThanOrEqual(columns - 2);
    expect(widthOf(words({ connection: away, everOnline: false }, 40))).toBeLessThanOrEqual(38);
  });
  const { sync: quiet } = mailbox('x@x.example');
  test('a narrow window cuts bad news and does not hide it', () => {
    const broken = mailbox('sales@x.example', { kind: 'imap', state: 'auth-failed', sync: { ...quiet, retryAt: '2026-11-21T12:10:12Z' } });
    expect(words({ mailboxes: [broken] }, 40)).toBe('● online · ✗ sales@ sign-in refused ·…');
  });
});

test('what others changed, in words', () => {
  const row = conversation('a', { subject: safeText('Order'), assignee: null });
  const ben = { kind: 'person', name: safeText('ben') } as const;
  const name = (by: string | null) => (by === null ? null : safeText(by));
  const words = (after: Pick<typeof row, 'state' | 'assignee'>, by: string | null, me = 'anna', before = row) =>
    changeWords(before, after, me, name(by));
  expect(words({ state: 'open', assignee: ben }, 'ben')).toBe('Taken by ben: "Order"');
  expect(words({ state: 'open', assignee: ben }, 'li')).toBe('Given to ben by li: "Order"');
  expect(words({ state: 'open', assignee: ben }, 'li', 'ben')).toBe('Given to you by li: "Order"');
  expect(words({ state: 'open', assignee: ben }, 'ben', 'ben')).toBe('Taken by you, elsewhere: "Order"');
  expect(words({ state: 'done', assignee: null }, 'ben')).toBe('Done by ben: "Order"');
  // Another client, or the daemon by itself.
  expect(words({ state: 'done', assignee: null }, null)).toBe('Done: "Order"');
  expect(words({ state: 'open', assignee: null }, 'li', 'anna', { ...row, state: 'done' })).toBe('Open again by li: "Order"');
  expect(words({ state: 'open', assignee: null }, 'ben', 'anna', { ...row, assignee: ben })).toBe('Given back by ben: "Order"');
  expect(words({ state: 'open', assignee: null }, 'ben')).toBeNull();
});
