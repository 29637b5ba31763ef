/** Staged edits of grants: what a step stages, what a write asks for, and what happens when somebody else was faster. */
import { describe, expect, test } from 'vitest';
import type { Matrix, MatrixRow } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import {
  dateTyped,
  editsOf,
  type GrantsState,
  heard,
  newsOf,
  noGrants,
  principals,
  reached,
  rebased,
  rowFor,
  rowsOf,
  stage,
  stageBeside,
  undone,
  written,
} from '../../tui/screens/grants-state.ts';
import { cellWords, editWords, newsWords, sourceWords, untilWords } from '../../tui/screens/grants-words.ts';
import { table } from '../support/table.ts';

const support = safeText('support@harbour.example');
const sales = safeText('sales@harbour.example');
const now = Date.parse('2026-10-03T12:00:00.000Z');

const row = (kind: 'person' | 'role', name: string, rights: string, given: Partial<MatrixRow> = {}): MatrixRow => ({
  grantee: { kind, name: safeText(name) },
  owner: false,
  people: 1,
  grant: rights === '' ? null : `g-${name}`,
  access: rights.includes('a'),
  send: rights.includes('s'),
  setup: rights.includes('u'),
  inherited: { access: [], send: [], setup: [] },
  state: rights === '' ? null : 'live',
  from: null,
  until: null,
  note: null,
  by: rights === '' ? null : safeText('eva'),
  at: rights === '' ? null : '2026-10-01T00:00:00.000Z',
  ...given,
});
const small = { inherited: { access: [safeText('role agents')], send: [], setup: [] } };
const base = (
  revision = 1,
  rows: readonly MatrixRow[] = [row('role', 'agents', 'a', { people: 2 }), row('person', 'ben', '', small)],
): Matrix => ({
  mailbox: support,
  revision,
  shared: true,
  owner: safeText('eva'),
  rows: [...rows],
});
const begun = heard(noGrants, base());
const on = (state: GrantsState, name: string) => {
  const found = rowsOf(state, support).find(({ grantee }) => grantee.name === name);
  if (found === undefined) throw new Error(`no row of ${name}`);
  return found;
};
const cells = (state: GrantsState, name: string): string =>
  (['access', 'send', 'setup'] as const).map((right) => cellWords(on(state, name), right)).join(' ');

describe('what a step stages', () => {
  test('cells are capital, small, absent; a star where something is staged', () => {
    expect(cells(begun, 'agents')).toBe('A - -');
    expect(cells(begun, 'ben')).toBe('a - -');
    expect(sourceWords(on(begun, 'ben'))).toBe('agents');
    const one = stage(begun, on(begun, 'ben'), { send: true });
    expect(cells(one, 'ben')).toBe('a S* -');
    expect(sourceWords(on(one, 'ben'))).toBe('agents + direct');
    expect(cells(stage(one, on(one, 'agents'), { access: false }), 'agents')).toBe('-* - -');
  });

  test('each becomes one edit of its kind', () => {
    const until = '2026-12-01T00:00:00.000Z';
    const edits = (change: Parameters<typeof stage>[2], name: string) => editsOf(stage(begun, on(begun, name), change), support);
    expect(edits({ send: true }, 'ben')).toMatchObject([{ kind: 'set', grantee: 'ben', send: true }]);
    expect(edits({ send: true, until }, 'ben')).toMatchObject([{ kind: 'add', grantee: 'ben', send: true, until }]);
    expect(edits({ send: true }, 'agents')).toMatchObject([{ kind: 'change', grant: 'g-agents', access: true, send: true }]);
    expect(edits({ access: false }, 'agents')).toEqual([{ kind: 'remove', grantee: 'agents', grant: 'g-agents' }]);
    expect(
      editsOf(
        stageBeside(begun, support, on(begun, 'agents').grantee, {
          access: false,
          send: true,
          setup: false,
          from: null,
          until,
          note: null,
        }),
        support,
      ),
    ).toMatchObject([{ kind: 'add', grantee: 'agents', until }]);
  });

  test('staged and staged back is no edit; z takes back one step at a time', () => {
    const one = stage(begun, on(begun, 'agents'), { send: true });
    const back = stage(one, on(one, 'agents'), { send: false });
    expect(editsOf(back, support)).toEqual([]);
    expect(on(back, 'agents').staged).toBe(false);
    expect(editsOf(undone(back), support)).toHaveLength(1);
    expect(undone(undone(back)).steps).toEqual([]);
    expect(undone(begun)).toBe(begun);
  });

  test('somebody new has a row as soon as they have a right', () => {
    const li = rowFor(begun, support, { kind: 'person', name: safeText('li') });
    const added = stage(begun, li, { access: true });
    expect(cells(added, 'li')).toBe('A* - -');
    expect(editWords(on(added, 'li'), undefined, now)).toBe('user li +Access');
    expect(rowsOf(stage(added, on(added, 'li'), { access: false }), support)).toHaveLength(2);
  });

  test('over many mailboxes: roles first, each cell with its own mailbox', () => {
    const both = heard(begun, { ...base(7, [row('person', 'anna', 's')]), mailbox: sales });
    expect(principals(both, [support, sales]).map(({ name }) => name)).toEqual(['agents', 'anna', 'ben']);
    const ben = rowFor(both, sales, { kind: 'person', name: safeText('ben') });
    const next = stage(both, ben, { send: true });
    expect(editsOf(next, support)).toEqual([]);
    expect(editsOf(next, sales)).toHaveLength(1);
  });
});

test('what is staged in a role shows on the rows of those whom it reaches', () => {
  const gains = (person: string, from: string | null = null) => ({
    person: safeText(person),
    gains: ['panel', 'send'] as const,
    loses: [],
    from,
  });
  const shown = (name: string, differences: ReturnType<typeof gains>[]) => {
    const seen = reached(on(begun, name), new Map([[support, differences.map((one) => ({ ...one, gains: [...one.gains] }))]]));
    return (['access', 'send', 'setup'] as const).map((right) => cellWords(seen, right)).join(' ');
  };
  expect(shown('ben', [gains('ben')])).toBe('a s* -');
  expect(shown('ben', [gains('li')])).toBe('a - -');
  // Not yet: the day comes by itself.
  expect(shown('ben', [gains('ben', '2026-11-01T00:00:00.000Z')])).toBe('a - -');
  const lost = reached(on(begun, 'ben'), new Map([[support, [{ person: safeText('ben'), gains: [], loses: ['timeline'], from: null }]]]));
  expect(cellWords(lost, 'access')).toBe('-*');
});

describe('when somebody else was faster', () => {
  const later = base(2, [
    row('role', 'agents', 'as'),
    row('person', 'ben', 'u', { ...small, by: safeText('dora'), at: '2026-10-03T11:00:00.000Z' }),
  ]);
  const staged = stage(begun, on(begun, 'ben'), { send: true });

  test('a newer state is followed while nothing is staged, and held while something is', () => {
    expect(heard(begun, later).bases.get(support)).toBe(later);
    const held = heard(staged, later);
    expect(held.bases.get(support)?.revision).toBe(1);
    expect(newsWords(newsOf(base(), later))).toBe('role agents +Send, ben +Setup (dora)');
    expect(heard(held, later)).toBe(held);
  });

  test('taken in, what is staged stays and follows its grant', () => {
    const next = rebased(heard(staged, later), later);
    expect(next.bases.get(support)?.revision).toBe(2);
    expect(editsOf(next, support)).toEqual([
      { kind: 'change', grant: 'g-ben', access: false, send: true, setup: true, from: null, until: null, note: null },
    ]);
    // What dora gave is not taken away by an edit of something else.
    expect(cells(next, 'ben')).toBe('a S* U');
  });

  test('a grant that has gone is given anew, or stays gone', () => {
    const without = base(3, [row('person', 'ben', '', small)]);
    const kept = rebased(stage(begun, on(begun, 'agents'), { send: true }), without);
    expect(editsOf(kept, support)).toMatchObject([{ kind: 'set', grantee: 'agents', access: true, send: true }]);
    expect(editsOf(rebased(stage(begun, on(begun, 'agents'), { access: false }), without), support)).toEqual([]);
  });

  test('what was written is staged no more; the other mailbox keeps its steps', () => {
    const both = heard(staged, { ...base(1, [row('person', 'anna', 's')]), mailbox: sales });
    const two = stage(both, rowFor(both, sales, { kind: 'person', name: safeText('anna') }), { access: true });
    const after = written(two, later);
    expect(editsOf(after, support)).toEqual([]);
    expect(editsOf(after, sales)).toHaveLength(1);
  });
});

test('dates as people type them', () => {
  const dates = table<{ typed: string; end: string }>(`
    typed                      end
    2026-11-30                 2026-12-01T00:00:00.000Z
    2026-11-30T18:00           2026-11-30T18:00:00.000Z
    2026-11-30T18:00:00+01:00  2026-11-30T17:00:00.000Z
    2026-02-31                 wrong
    30.11.2026                 wrong
    soon                       wrong
  `);
  expect(dates.map(({ typed }) => dateTyped(typed, 'end') ?? 'wrong')).toEqual(dates.map(({ end }) => end));
  expect(dateTyped(' ', 'end')).toBeNull();
  expect(dateTyped('2026-11-30', 'begin')).toBe('2026-11-30T00:00:00.000Z');
  expect(untilWords({ from: null, until: '2026-12-01T00:00:00.000Z', state: 'live' }, now)).toBe('30 Nov');
});
