/** The matrix of grants, its preview and its write, through the protocol; and the matrix as a pure function. */
import { describe, expect, test } from 'vitest';
import { matrix } from '../daemon/access/matrix.ts';
import type { Millis } from '../daemon/access/reach.ts';
import { PostroomError } from '../protocol/errors.ts';
import type { GrantEdit } from '../protocol/schema.ts';
import { type Postroom, startPostroom } from './support/postroom.ts';

const now: Millis = 1_000;
const person = (id: string) => ({ id, name: id, status: 'active', operations: [] }) as const;
const grantOf = (
  id: string,
  grantee: { kind: 'person' | 'role'; id: string },
  rights: string,
  dates: { from?: number; until?: number } = {},
) => ({
  id,
  mailbox: 'm',
  grantee,
  access: rights.includes('a'),
  send: rights.includes('s'),
  setup: rights.includes('u'),
  from: dates.from ?? null,
  until: dates.until ?? null,
  began: 0,
});
const box = { id: 'm', address: 'support@', owner: 'eva', shared: true, addedAt: 0 };

test('the matrix: roles before persons, what is inherited apart from what is given, each dated grant its own row', () => {
  const agents = {
    id: 'agents',
    name: 'agents',
    operations: [],
    members: [
      { kind: 'person', id: 'li', at: 0 },
      { kind: 'person', id: 'ben', at: 0 },
    ],
  } as const;
  const staff = { id: 'staff', name: 'staff', operations: [], members: [{ kind: 'role', id: 'agents', at: 0 }] } as const;
  const rows = matrix(
    {
      persons: ['eva', 'ben', 'li', 'otto'].map(person),
      roles: [staff, agents],
      mailboxes: [box],
      grants: [
        grantOf('g1', { kind: 'role', id: 'agents' }, 'a'),
        grantOf('g2', { kind: 'role', id: 'staff' }, 'u', { until: 2_000 }),
        grantOf('g3', { kind: 'person', id: 'ben' }, 's', { until: 3_000 }),
        grantOf('g4', { kind: 'person', id: 'ben' }, 'a'),
        grantOf('g5', { kind: 'role', id: 'staff' }, 's', { until: 500 }),
      ],
    },
    box,
    now,
  );
  const small = ({ inherited }: (typeof rows)[number]) =>
    `${inherited.access.length > 0 ? 'a' : '-'}${inherited.send.length > 0 ? 's' : '-'}${inherited.setup.length > 0 ? 'u' : '-'}`;
  expect(rows.map((row) => [row.grantee.name, row.grant?.id ?? null, row.state, row.people, small(row)])).toEqual([
    ['agents', 'g1', 'live', 2, '--u'],
    ['staff', 'g2', 'live', 2, '---'],
    ['staff', 'g5', 'ended', 2, '---'],
    ['ben', 'g4', 'live', 1, 'a-u'],
    ['ben', 'g3', 'live', 1, 'a-u'],
    ['eva', null, null, 1, 'asu'],
    ['li', null, null, 1, 'a-u'],
  ]);
  expect(rows.at(-1)?.inherited.access).toEqual(['role agents']);
});

async function office(config: Record<string, unknown> = {}): Promise<{ postroom: Postroom; mailbox: string }> {
  const postroom = await startPostroom({ config });
  for (const name of ['ben', 'li', 'dora']) await postroom.person(name);
  await postroom.role('agents', 'ben', 'li');
  const mailbox = await postroom.mailbox('support');
  await postroom.grant('agents', mailbox, { access: true });
  await postroom.grant('dora', mailbox, { setup: true });
  return { postroom, mailbox };
}

const set = (grantee: string, rights: string): GrantEdit => ({
  kind: 'set',
  grantee,
  access: rights.includes('a'),
  send: rights.includes('s'),
  setup: rights.includes('u'),
});

const refusal = (request: Promise<unknown>): Promise<PostroomError> =>
  request.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => {
      if (error instanceof PostroomError) return error;
      throw error;
    },
  );

describe('preview and write', () => {
  test('the preview says who gains and loses what, and writes nothing', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const dora = await postroom.as('dora');
    const before = await dora.call('grant.matrix', { mailbox });
    const edits: GrantEdit[] = [
      { kind: 'add', grantee: 'ben', access: false, send: true, setup: false, until: '2099-11-30T00:00:00.000Z' },
      { kind: 'remove', grantee: 'agents' },
      set('li', 'u'),
    ];
    const preview = await dora.call('grant.preview', { mailbox, edits, person: 'ben', ifRevision: before.revision });
    expect(preview.differences).toEqual([
      { person: 'ben', gains: ['panel', 'send'], loses: ['timeline'], from: null },
      { person: 'li', gains: ['settings'], loses: ['timeline'], from: null },
    ]);
    expect(preview.holders).toEqual([
      { kind: 'person', name: 'eva', people: 1 },
      { kind: 'person', name: 'dora', people: 1 },
      { kind: 'person', name: 'li', people: 1 },
    ]);
    expect(preview.effective).toMatchObject({
      rights: { panel: true, timeline: false, send: true, settings: false },
      because: [{ right: 'send', via: ['person ben'], until: '2099-11-30T00:00:00.000Z' }],
    });
    expect(preview.refused).toBeNull();
    expect(await dora.call('grant.matrix', { mailbox })).toEqual(before);

    const after = await dora.call('grant.write', { mailbox, edits, ifRevision: before.revision });
    expect(after.revision).toBe(before.revision + 1);
    expect(after.rows.filter((row) => row.grant !== null).map((row) => [row.grantee.name, row.access, row.send, row.setup])).toEqual([
      ['ben', false, true, false],
      ['dora', false, false, true],
      ['li', false, false, true],
    ]);
  });

  test('an edit that changes a grant keeps it the same one; without an end it stands, and there is one such', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const eva = await postroom.as('eva');
    const first = (await eva.call('grant.list', { mailbox })).rows.find((row) => row.grantee.name === 'agents');
    const grant = first?.id ?? '';
    const until = '2099-01-01T00:00:00.000Z';
    const dated = await eva.call('grant.write', {
      mailbox,
      edits: [{ kind: 'change', grant, access: true, send: true, setup: false, until }],
    });
    expect(dated.rows.find((row) => row.grant === grant)).toMatchObject({ access: true, send: true, until, state: 'live' });
    await postroom.grant('agents', mailbox, { access: true });
    const twice = eva.call('grant.write', { mailbox, edits: [{ kind: 'change', grant, access: true, send: true, setup: false }] });
    expect((await refusal(twice)).message).toContain('has a grant without an end');
  });

  test('all edits or none; of two who edit at once the second is shown what is there', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const [eva, dora] = [await postroom.as('eva'), await postroom.as('dora')];
    const { revision } = await eva.call('grant.matrix', { mailbox });
    const half = await refusal(eva.call('grant.write', { mailbox, edits: [set('ben', 's'), { kind: 'remove', grantee: 'li' }] }));
    expect(half.code).toBe('not-found');
    expect((await eva.call('grant.matrix', { mailbox })).revision).toBe(revision);
    await dora.call('grant.write', { mailbox, edits: [set('li', 's')], ifRevision: revision });
    const late = await refusal(eva.call('grant.write', { mailbox, edits: [set('ben', 's')], ifRevision: revision }));
    expect(late.code).toBe('conflict');
    expect(late.details.revision).toBe(revision + 1);
    expect(JSON.stringify(late.details.current)).toContain('"li"');
    const preview = await eva.call('grant.preview', { mailbox, edits: [set('ben', 's')], ifRevision: revision });
    expect(preview.refused?.code).toBe('conflict');
  });

  test('one may give up Setup and something else in one write', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const dora = await postroom.as('dora');
    await dora.call('grant.write', {
      mailbox,
      edits: [
        { kind: 'remove', grantee: 'dora' },
        { kind: 'remove', grantee: 'agents' },
      ],
    });
    expect((await refusal(dora.call('grant.matrix', { mailbox }))).code).toBe('not-found');
  });
});

describe('a refusal is told before the write, in the same words', () => {
  test('own reach: by a grant to oneself, to a role one is in, by a later end', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const [eva, dora] = [await postroom.as('eva'), await postroom.as('dora')];
    await postroom.role('desk', 'dora');
    const listed = await eva.call('grant.add', { mailbox, grantee: 'dora', access: true, until: '2099-01-01T00:00:00.000Z' });
    const dated = listed.rows.find((row) => row.until !== null)?.id ?? '';
    const ways: GrantEdit[][] = [
      [set('dora', 'asu')],
      [{ kind: 'add', grantee: 'dora', access: false, send: true, setup: false, until: '2099-01-01T00:00:00.000Z' }],
      [set('desk', 'a')],
      [{ kind: 'change', grant: dated, access: true, send: true, setup: false, until: '2099-01-01T00:00:00.000Z' }],
      [{ kind: 'change', grant: dated, access: true, send: false, setup: false, until: '2100-01-01T00:00:00.000Z' }],
      [set('ben', 's'), set('desk', 's')],
    ];
    for (const edits of ways) {
      const preview = await dora.call('grant.preview', { mailbox, edits, person: 'dora' });
      const written = await refusal(dora.call('grant.write', { mailbox, edits }));
      expect([preview.refused?.code, preview.refused?.why, preview.refused?.message]).toEqual(['forbidden', 'own-reach', written.message]);
      expect(written.message).toMatch(/^Nobody widens their own reach/);
    }
    // What it would have done is shown all the same; Access beyond the day on which the dated one ends.
    const preview = await dora.call('grant.preview', { mailbox, edits: [set('dora', 'asu')] });
    expect(preview.differences).toEqual([{ person: 'dora', gains: ['panel', 'timeline', 'send'], loses: [], from: null }]);
  });

  test('policy: no common role, no plan, a date that is over', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const eva = await postroom.as('eva');
    const over = await eva.call('grant.preview', {
      mailbox,
      edits: [{ kind: 'add', grantee: 'ben', access: true, send: false, setup: false, until: '2001-01-01T00:00:00.000Z' }],
    });
    expect(over.refused?.message).toContain('would have ended already');
    expect(over.differences).toEqual([]);

    await using strict = await startPostroom({ config: { sharing: { requireCommonRole: true } } });
    await strict.person('ben');
    await strict.mailbox('support');
    const preview = await (await strict.as('eva')).call('grant.preview', { mailbox: 'support@harbour.example', edits: [set('ben', 'a')] });
    expect(preview.refused?.message).toContain('shared only within a role');
  });
});
