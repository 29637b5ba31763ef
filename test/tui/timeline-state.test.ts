/** Moving in a timeline: the cursor, the window, days, what comes while one reads, and where Tab leads. */
import { describe, expect, test } from 'vitest';
import type { TimelineRow } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { spliceNewest } from '../../tui/asked-timeline.ts';
import {
  atTheEnd,
  groupNames,
  kindsOf,
  type Laid,
  linesOf,
  newerThanSeen,
  nextScope,
  type Scopes,
  scopesAt,
  settled,
  shares,
  stepped,
  type TimelineState,
  type TimelineStep,
  topOf,
} from '../../tui/screens/timeline-state.ts';
import { contactOf, eventWords } from '../../tui/screens/timeline-words.ts';
import { table } from '../support/table.ts';
import { event } from './values.ts';

/** Three days of four events at noon of this terminal: a0 … a3, b0 …, c3. */
const rows: TimelineRow[] = ['a', 'b', 'c'].flatMap((day, at) =>
  [0, 1, 2, 3].map((hour) => event(`${day}${hour}`, new Date(2026, 10, 19 + at, 12 + hour).toISOString())),
);
const laid = (some: readonly TimelineRow[], { height = 6, expanded = new Set<string>() } = {}): Laid => ({
  lines: linesOf(some, expanded, (row) => [safeText(`more of ${row.id}`), safeText('and more')]),
  height,
});
const walk = (at: Laid, ...steps: TimelineStep[]): TimelineState =>
  steps.reduce((state, step) => stepped(state, at, step), settled(atTheEnd, at));
const drawn = (state: TimelineState, at: Laid): string =>
  at.lines
    .slice(topOf(state, at), topOf(state, at) + at.height)
    .map((line) =>
      line.kind === 'event' ? (line.row.id === state.cursor ? `>${line.row.id}` : line.row.id) : line.kind === 'day' ? '--' : '..',
    )
    .join(' ');

const steps: Record<string, readonly TimelineStep[]> = {
  nothing: [],
  k: [{ do: 'event', by: -1 }],
  'k k k k k': [{ do: 'event', by: -5 }],
  'k j': [
    { do: 'event', by: -1 },
    { do: 'event', by: 1 },
  ],
  '{': [{ do: 'day', by: -1 }],
  '{ {': [
    { do: 'day', by: -1 },
    { do: 'day', by: -1 },
  ],
  '{ { {': [{ do: 'day', by: -3 }],
  '{ { }': [
    { do: 'day', by: -2 },
    { do: 'day', by: 1 },
  ],
  'g g': [{ do: 'first' }],
  '^u': [{ do: 'half', by: -1 }],
  'g g G': [{ do: 'first' }, { do: 'last' }],
  'k F': [{ do: 'event', by: -1 }, { do: 'follow' }],
  F: [{ do: 'follow' }],
};
for (const { keys, window, follows } of table<{ keys: string; window: string; follows: boolean }>(`
  keys       window                follows
  nothing    b3 -- c0 c1 c2 >c3    yes
  k          b3 -- c0 c1 >c2 c3    no
  k k k k k  >b2 b3 -- c0 c1 c2    no
  k j        b3 -- c0 c1 c2 >c3    no
  {          b3 -- >c0 c1 c2 c3    no
  { {        -- >b0 b1 b2 b3 --    no
  { { {      -- >a0 a1 a2 a3 --    no
  { { }      b0 b1 b2 b3 -- >c0    no
  g g        -- >a0 a1 a2 a3 --    no
  ^u         b3 -- >c0 c1 c2 c3    no
  g g G      b3 -- c0 c1 c2 >c3    no
  k F        b3 -- c0 c1 c2 >c3    yes
  F          b3 -- c0 c1 c2 >c3    no
`)) {
  test(`${keys} shows ${window}`, () => {
    const at = laid(rows);
    const state = walk(at, ...(steps[keys] ?? []));
    expect(drawn(state, at)).toBe(window);
    expect(state.following).toBe(follows);
  });
}

describe('what comes while one reads', () => {
  const later = [...rows, event('c4', new Date(2026, 10, 21, 17).toISOString()), event('c5', new Date(2026, 10, 21, 18).toISOString())];
  test('is followed at the end', () => {
    const state = settled(walk(laid(rows)), laid(later));
    expect(drawn(state, laid(later))).toBe('c0 c1 c2 c3 c4 >c5');
    expect(newerThanSeen(state, laid(later))).toBe(0);
  });
  test('moves nothing elsewhere, and is announced until it is seen', () => {
    const before = walk(laid(rows), { do: 'event', by: -2 });
    const state = settled(before, laid(later));
    expect(drawn(state, laid(later))).toBe(drawn(before, laid(rows)));
    expect(newerThanSeen(state, laid(later))).toBe(2);
    expect(newerThanSeen(stepped(state, laid(later), { do: 'last' }), laid(later))).toBe(0);
  });
  test('older pages come above without moving a line', () => {
    const some = rows.slice(4);
    const before = walk(laid(some), { do: 'first' }, { do: 'event', by: 2 });
    const state = settled(before, laid(rows));
    // The head of the day is now in the middle of the history, as it was at its beginning.
    expect(drawn(state, laid(rows))).toBe(drawn(before, laid(some)));
  });
  test('an event that went gives the cursor to its neighbour', () => {
    const state = settled(walk(laid(rows), { do: 'event', by: -2 }), laid(rows.filter(({ id }) => id !== 'c1')));
    expect(state.cursor).toBe('c2');
  });
  test('nothing new is the same object', () => {
    const state = walk(laid(rows), { do: 'event', by: -1 });
    expect(settled(state, laid(rows))).toBe(state);
  });
});

test('an expanded event is seen whole', () => {
  const opened = walk(laid(rows), { do: 'expand' });
  const at = laid(rows, { expanded: opened.expanded as Set<string> });
  expect(drawn(settled(opened, at), at)).toBe('c0 c1 c2 >c3 .. ..');
});

test('all kinds are asked for as none in particular', () => {
  expect(kindsOf(new Set(groupNames))).toBeNull();
  expect(kindsOf(new Set(['assign', 'mail'] as const))).toEqual(['mail-in', 'mail-out', 'delivery', 'assign', 'state']);
});

describe('Tab', () => {
  const row = event('x', '2026-11-21T10:00:00Z');
  const scopes: Scopes = { mailbox: safeText('support@x.example'), contact: null, conversation: null };
  test('leads to the contact and the conversation of the event', () => {
    const at = scopesAt(scopes, 'mailbox', row, contactOf);
    expect(at.contact?.address).toBe('jane@example.org');
    expect(at.conversation?.id).toBe('c-x');
    expect(nextScope(at, 'mailbox', 1)).toBe('contact');
    expect(nextScope(at, 'contact', 1)).toBe('conversation');
    expect(nextScope(at, 'conversation', 1)).toBe('mailbox');
    expect(nextScope(at, 'mailbox', -1)).toBe('conversation');
  });
  test('passes over what the event does not have', () => {
    const grant = event('g', '2026-11-21T10:00:00Z', { kind: 'grant', conversation: null, from: null, to: [] });
    expect(nextScope(scopesAt(scopes, 'mailbox', grant, contactOf), 'mailbox', 1)).toBe('mailbox');
  });
  test('keeps the scope in view', () => {
    const held = { ...scopes, conversation: { id: 'c-1', subject: safeText('one') } };
    expect(scopesAt(held, 'conversation', row, contactOf).conversation?.id).toBe('c-1');
  });
});

const anna = safeText('anna');
const words: Record<string, Partial<TimelineRow>> = {
  in: {},
  out: { kind: 'mail-out', actor: anna, to: [{ name: safeText('Jane Cooper'), address: safeText('jane@example.org') }] },
  failed: { kind: 'mail-out', actor: anna, outbox: { id: 'o', state: 'failed' } },
  gone: { gone: true, message: null, summary: safeText('No longer on the server.') },
  goneOut: {
    kind: 'mail-out',
    gone: true,
    message: null,
    to: [{ name: safeText('Jane Cooper'), address: safeText('jane@example.org') }],
  },
  note: { kind: 'note', actor: anna, from: null, summary: safeText('carrier ref 77-12') },
  assign: { kind: 'assign', actor: anna, assignee: { kind: 'person', name: safeText('ben') } },
  release: { kind: 'assign', actor: anna },
  done: { kind: 'state', actor: anna, state: 'done' },
  grant: { kind: 'grant', actor: safeText('eva'), summary: safeText('gave ben Send') },
};
for (const { event: name, words: wanted } of table<{ event: string; words: string }>(`
  event    words
  in       in | Jane Cooper | → support@ | subject x
  out      out | anna | → Jane Cooper | subject x
  failed   out | anna | → support@x.example | [not sent] subject x
  gone     in | Jane Cooper | → support@ | [not on the server] subject x
  goneOut  out | Jane Cooper | → Jane Cooper | [not on the server] subject x
  note     note | anna | team only | carrier ref 77-12
  assign   assign | anna | → ben | subject x
  release  assign | anna | → nobody | subject x
  done     state | anna | → done | subject x
  grant    grant | eva | support@ | gave ben Send
`)) {
  test(`the words of ${name}`, () => {
    const { kind, actor, target, last } = eventWords(event('x', '2026-11-21T10:00:00Z', words[name]));
    expect([kind, actor, target, last].join(' | ')).toBe(wanted);
  });
}

describe('a newer last page', () => {
  const picture = (some: readonly TimelineRow[]) => ({ rows: some, older: 'cursor', wholeAt: 1 });
  test('is put where it begins in what is here', () => {
    const newest = picture([...rows.slice(-2), event('c4', '2026-11-22T10:00:00Z')]);
    expect(spliceNewest(picture(rows), newest)?.rows.map(({ id }) => id)).toEqual([...rows.map(({ id }) => id), 'c4']);
  });
  test('that begins after all of it fits nowhere', () => {
    expect(spliceNewest(picture(rows.slice(0, 4)), picture(rows.slice(8)))).toBeNull();
  });
});

for (const { needs, room, given } of table<{ needs: string; room: string; given: string }>(`
  needs     room  given
  3 4 5     20    3 4 5
  3 20 20   23    3 10 10
  30 30 30  10    3 3 4
  9 2 30    20    9 2 9
`)) {
  test(`${room} columns for ${needs}`, () => {
    expect(shares(needs.split(' ').map(Number), Number(room)).join(' ')).toBe(given);
  });
}
