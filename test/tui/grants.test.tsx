/** The grants matrix on values: what somebody would hold by what is staged, and the rights that nobody uses. */
import { describe, expect, test } from 'vitest';
import type { Result } from '../../protocol/methods.ts';
import type { Explanation, GrantPreview, Matrix, MatrixRow } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import type { Trial, View } from '../../tui/mirror.ts';
import { Grants } from '../../tui/screens/grants.tsx';
import { surfaceLines, whatIfWords } from '../../tui/screens/grants-words.ts';
import { FakeMirror } from './fake-mirror.ts';
import { openOn } from './open-screen.tsx';
import { mailbox } from './values.ts';

const support = safeText('support@x.example');
const given = '2020-01-01T00:00:00.000Z';
const now = Date.parse('2026-10-03T12:00:00.000Z');

const row = (kind: 'person' | 'role', name: string, rights: string, grant: string, more: Partial<MatrixRow> = {}): MatrixRow => ({
  grantee: { kind, name: safeText(name) },
  owner: false,
  people: 1,
  grant,
  access: rights.includes('a'),
  send: rights.includes('s'),
  setup: rights.includes('u'),
  inherited: { access: [], send: [], setup: [] },
  state: 'live',
  from: null,
  until: null,
  note: null,
  by: safeText('eva'),
  at: given,
  ...more,
});

type Chain = Explanation['because'][number];
const chain = (right: Chain['right'], via: string, more: Partial<Chain> = {}): Chain => ({
  right,
  via: [safeText(via)],
  from: null,
  until: null,
  grant: 'g',
  policy: null,
  ...more,
});
const explanation = (because: readonly Chain[], denied: Explanation['denied'] = []): Explanation => {
  const has = (right: Chain['right']): boolean => because.some((one) => one.right === right);
  return {
    mailbox: support,
    person: safeText('ben'),
    rights: { panel: has('send'), timeline: has('access'), send: has('send'), settings: has('setup') },
    because: [...because],
    denied: [
      ...denied,
      ...(['access', 'send', 'setup'] as const)
        .filter((right) => !has(right) && !denied.some((one) => one.right === right))
        .map((right) => ({ right, why: safeText('no-grant'), through: [] })),
    ],
  };
};

const fixed = <T,>(data: T): View<T> => ({ picture: { data, error: null, at: 0 }, subscribe: () => () => undefined }) as unknown as View<T>;

/** A daemon with one matrix: Send that is staged for ben reaches him until 30 November. */
class GrantsMirror extends FakeMirror {
  readonly #matrix: View<readonly Matrix[]>;
  readonly #previews = new Map<string, View<GrantPreview>>();
  #report: Result<'grant.unused'> = { days: 90, watchedSince: given, rows: [], total: 0 };

  constructor() {
    super([mailbox(support, { rights: { panel: true, timeline: true, send: true, settings: true } })]);
    const rows = [row('role', 'agents', 'as', 'g1', { people: 4 }), row('person', 'ben', 'a', 'g2'), row('person', 'li', 'u', 'g3')];
    this.#matrix = fixed([{ mailbox: support, revision: 1, shared: true, owner: safeText('eva'), rows }]);
    this.answer = async ({ method, params }) => {
      if (method !== 'grant.unused') throw new Error(`nobody answers ${method}`);
      return { ...this.#report, days: params.days };
    };
  }

  reports(rows: Result<'grant.unused'>['rows'], watchedSince = given): void {
    this.#report = { days: 90, watchedSince, rows, total: rows.length };
  }

  matrices(): View<readonly Matrix[]> {
    return this.#matrix;
  }

  preview({ edits, person }: Trial): View<GrantPreview> {
    const key = JSON.stringify([edits, person]);
    const known = this.#previews.get(key);
    if (known !== undefined) return known;
    const present = explanation([chain('access', 'role agents')]);
    const staged = explanation([
      chain('access', 'role agents'),
      chain('send', 'person ben', { until: '2099-12-01T00:00:00.000Z', policy: safeText('no role in common') }),
    ]);
    const made = fixed<GrantPreview>({
      mailbox: support,
      revision: 1,
      differences: [],
      holders: [],
      present: person === null ? null : present,
      effective: person === null ? null : edits.length === 0 ? present : staged,
      refused: null,
    });
    this.#previews.set(key, made);
    return made;
  }

  readonly #none = fixed<readonly GrantPreview[]>([]);
  previews(): View<readonly GrantPreview[]> {
    return this.#none;
  }
}

const unusedRow = (grant: string, name: string, right: 'access' | 'send' | 'setup', more = {}): Result<'grant.unused'>['rows'][number] => ({
  mailbox: support,
  grant,
  grantee: { kind: name === 'agents' ? 'role' : 'person', name: safeText(name) },
  right,
  since: '2020-02-01T00:00:00.000Z',
  lastUsed: null,
  people: name === 'agents' ? 4 : 1,
  ...more,
});

function open(rows: Result<'grant.unused'>['rows'] = [], watchedSince?: string) {
  const fake = new GrantsMirror();
  fake.reports(rows, watchedSince);
  return { fake, ...openOn(fake, <Grants first={support} />) };
}

describe('what if', () => {
  test('p shows each surface before and after what is staged, with its end and what policy says', async () => {
    const { press, sees, misses } = open();
    await sees(/▌ +role agents/);
    press('j');
    await sees(/▌ +user ben/);
    press('p');
    await sees(/EFFECTIVE ben @ support@x.example, as it is/);
    await sees(/✗ send +no Send/);
    press('esc');
    await misses('EFFECTIVE');
    press('S');
    await sees(/user ben .* S\*/);
    press('p');
    await sees(/EFFECTIVE ben @ support@x.example, after what is staged/);
    await sees(/✓ send +✗ no Send → ✓ direct until 30 Nov 2099/);
    await sees(/✓ timeline +role agents +│/); // nothing is staged about it
    await sees(/✗ settings +no Setup/);
    await sees('counts, but could not be given today');
  });

  test('what reaches somebody and does not count is named with its dates', () => {
    const through = [{ via: [safeText('role agents'), safeText('role leads')], from: null, until: '2026-09-02T00:00:00.000Z', grant: 'g' }];
    const words = (why: string, more = {}) =>
      surfaceLines(explanation([], [{ right: 'access', why: safeText(why), through: through.map((one) => ({ ...one, ...more })) }]), now)
        .filter(({ surface }) => surface === 'timeline')
        .map(whatIfWords);
    expect(words('ended')).toEqual(['has ended: role agents > role leads until 1 Sep']);
    expect(words('not-shared', { until: null })).toEqual(['the mailbox is not shared: role agents > role leads']);
    expect(words('not-yet', { from: '2026-12-01T00:00:00.000Z', until: '2027-01-01T00:00:00.000Z' })).toEqual([
      'begins later: role agents > role leads from 1 Dec until 31 Dec',
    ]);
    expect(words('disabled', { via: [safeText('owner')], until: null })).toEqual(['is disabled: owner']);
  });
});

describe('rights that nobody uses', () => {
  const rows = [unusedRow('g1', 'agents', 'send', { lastUsed: '2020-01-05T00:00:00.000Z' }), unusedRow('g3', 'li', 'setup')];

  test('i asks for how long, marks them and lists them; Enter goes to the row, where the right is staged away', async () => {
    const { fake, press, sees, misses } = open(rows);
    await sees(/▌ +role agents/);
    press('i');
    await sees(/▌90 days/);
    press('enter');
    await sees(/Not used for 90 days; uses are noted since 1 Jan 2020/);
    await sees(/▌role agents {2}Send .*last 5 Jan 2020 · of 4/);
    await sees(/user li {2}Setup .*not since 1 Feb 2020/);
    expect(fake.calls).toEqual([{ method: 'grant.unused', params: { mailbox: support, days: 90 } }]);
    press('down');
    await sees(/▌user li {2}Setup/);
    press('enter');
    await misses('Not used for 90 days');
    await sees(/▌ +user li +- +- +\[U°\]/);
    await sees(/role agents +A +S° /);
    await sees('° not used for 90 days: Setup (not since 1 Feb 2020)');
    await sees('· ° not used');
    press('space');
    await sees(/user li +- +- +\[-\*\]/);
    await misses('° not used for 90 days');
    press('k', 'k');
    await sees('° not used for 90 days: Send (last 5 Jan 2020)');
  });

  test('another span is asked for as such; a watch that is too young says so', async () => {
    const { fake, press, sees } = open([], new Date().toISOString());
    await sees(/▌ +role agents/);
    press('i');
    await sees(/▌90 days/);
    press('down');
    await sees(/▌30 days/);
    press('enter');
    await sees('That is not long enough to tell.');
    expect(fake.calls.at(-1)?.params).toEqual({ mailbox: support, days: 30 });
  });

  test('a grant that was changed after the report is not marked', async () => {
    const { press, sees, frame } = open([unusedRow('g1', 'agents', 'send', { since: '2019-06-01T00:00:00.000Z' })]);
    await sees(/▌ +role agents/);
    press('i');
    await sees(/▌90 days/);
    press('enter');
    await sees(/▌role agents {2}Send/);
    press('esc');
    await sees('· ° not used');
    expect(frame()).not.toContain('S°');
  });
});
