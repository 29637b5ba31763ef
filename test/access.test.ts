import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, type Right, rights, type Surfaces, surfaces } from '../daemon/access/decide.ts';
import { difference, explain } from '../daemon/access/explain.ts';
import { findCycle, personsReached, whoIs } from '../daemon/access/reach.ts';
import { rightsIndex } from '../daemon/access/rights.ts';
import type { Directory, Person } from '../daemon/directory/document.ts';
import { directories, grant, horizon, mailbox, organisation, person, role } from './support/arbitraries.ts';
import { table } from './support/table.ts';

// The first table of the product page, with the surfaces that follow from it.
const law = table<Surfaces & { rights: string }>(`
  rights             panel  timeline  open  send  settings  owner  any
  owner              yes    yes       yes   yes   yes       yes    yes
  access send setup  yes    yes       yes   yes   yes       no     yes
  access send        yes    yes       yes   yes   no        no     yes
  access setup       no     yes       yes   no    yes       no     yes
  send setup         yes    no        yes   yes   yes       no     yes
  access             no     yes       yes   no    no        no     yes
  send               yes    no        yes   yes   no        no     yes
  setup              no     no        no    no    yes       no     yes
  nothing            no     no        no    no    no        no     no
`);

const anna = person(0, { name: 'anna' });
const ben = person(1, { name: 'ben' });
const leads = role(0, [ben], { name: 'leads' });
const agents = role(1, [leads], { name: 'agents' });
const everybody = role(2, [agents, anna], { name: 'everybody' });
const support = mailbox(0, anna, { address: 'support@example.org', addresses: ['support@example.org'] });
const team = { persons: [anna, ben], roles: [leads, agents, everybody], mailboxes: [support] };

const bits = (words: string): Record<Right, boolean> => {
  const held = words.split(' ');
  return { access: held.includes('access'), send: held.includes('send'), setup: held.includes('setup') };
};

describe.each([
  ['directly', ben],
  ['through a role', leads],
  ['through a nested role', agents],
  ['through a role nested twice', everybody],
])('rights given %s', (_how, to) => {
  test.each(law)('$rights', ({ rights: words, ...opens }) => {
    const grants = words === 'owner' || words === 'nothing' ? [] : [grant(0, support, to, bits(words))];
    const facts = organisation({ ...team, mailboxes: [words === 'owner' ? { ...support, owner: ben.id } : support], grants });
    expect(rightsIndex(facts).surfaces(ben.id, support.id, 5)).toEqual(opens);
    expect([...rightsIndex(facts).mailboxes(ben.id, 5).keys()]).toEqual(opens.any ? [support.id] : []);
    expect(rightsIndex(facts).persons(support.id, 5).has(ben.id)).toBe(opens.any);
  });

  test.each(law.filter(({ rights: words }) => words !== 'owner' && words !== 'nothing'))(
    '$rights add up from one grant for each',
    ({ rights: words, ...opens }) => {
      const grants = words.split(' ').map((word, n) => grant(n, support, n === 1 ? ben : to, { ...bits(word), until: 20 + n }));
      expect(rightsIndex(organisation({ ...team, grants })).surfaces(ben.id, support.id, 5)).toEqual(opens);
    },
  );
});

describe('decide', () => {
  const cases = table<{ grant: string; shared: boolean; person: Person['status']; answer: string }>(`
    grant       shared  person    answer
    none        yes     active    no-grant
    standing    yes     active    allow
    standing    yes     invited   allow
    standing    yes     disabled  disabled
    standing    no      active    not-shared
    from 6      yes     active    not-yet
    from 5      yes     active    allow
    from 6      no      active    not-yet
    until 5     yes     active    ended
    until 6     yes     active    allow
    until 5     no      active    ended
    other       yes     active    no-grant
  `);
  test.each(cases)('$grant, shared $shared, $person: $answer', (row) => {
    const [word, date] = row.grant.split(' ');
    const dates = {
      from: { from: Number(date), until: 9 },
      until: { until: Number(date) },
    }[word as 'from' | 'until'];
    const given = word === 'none' ? [] : [grant(0, support, ben, word === 'other' ? { access: false, setup: true } : { ...dates })];
    const facts = organisation({ ...team, mailboxes: [{ ...support, shared: row.shared }], grants: given });
    const decision = decide(whoIs(facts, { ...ben, status: row.person }), 'access', { ...support, shared: row.shared }, given, 5);
    expect(decision.allow ? 'allow' : decision.why).toBe(row.answer);
  });

  test('a disabled owner reaches nothing', () => {
    const facts = organisation({ ...team, persons: [{ ...anna, status: 'disabled', operations: ['audit.read'] }, ben] });
    expect(rightsIndex(facts).surfaces(anna.id, support.id, 5)).toEqual(law.map(({ rights: _, ...opens }) => opens).at(-1));
    expect(rightsIndex(facts).holds(anna.id, 'audit.read')).toBe(false);
  });

  test('a mailbox or person that is not there is closed', () => {
    const index = rightsIndex(organisation({ ...team, grants: [grant(0, support, ben)] }));
    expect(index.surfaces('p_nobody', support.id, 5).any).toBe(false);
    expect(index.surfaces(ben.id, 'm_nowhere', 5).any).toBe(false);
    expect(index.decide(ben.id, 'access', 'm_nowhere', 5)).toEqual({ allow: false, why: 'no-grant' });
  });
});

describe('operations', () => {
  test('come directly and through nested roles, and from no grant', () => {
    const facts = organisation({
      ...team,
      persons: [anna, { ...ben, operations: ['audit.read'] }],
      roles: [leads, { ...agents, operations: ['people.manage'] }, everybody],
      grants: [grant(0, support, ben, { access: true, send: true, setup: true })],
    });
    const held = (['people.manage', 'audit.read', 'shared-mailbox.share', 'shared-mailbox.sync'] as const).filter((operation) =>
      rightsIndex(facts).holds(ben.id, operation),
    );
    expect(held).toEqual(['people.manage', 'audit.read']);
  });
});

describe('dates', () => {
  const facts = organisation({
    ...team,
    grants: [
      grant(0, support, agents, { access: true, from: 10, until: 20 }),
      grant(1, support, ben, { access: true, send: true, from: 15, until: 30 }),
    ],
  });
  const index = rightsIndex(facts);

  test('the next change is one of outcome, not of a grant', () => {
    const seen: (number | null)[] = [];
    for (let at: number | null = 0; at !== null; at = index.nextChangeAt(ben.id, at)) seen.push(at);
    expect(seen).toEqual([0, 10, 15, 30]); // at 20 another grant already covers it
    expect(index.nextMoment(15)).toBe(20);
    expect(index.nextChangeAt(anna.id, 0)).toBeNull();
  });

  test('unread begins with the reach that opens the panel', () => {
    expect(index.since(ben.id, support.id, 5)).toBeNull();
    expect(index.since(ben.id, support.id, 12)).toBe(10);
    expect(index.since(ben.id, support.id, 16)).toBe(15);
    expect(index.since(anna.id, support.id, 16)).toBe(support.addedAt);
  });

  test('grants without a gap between them are one reach; joining a role late begins late', () => {
    const send = { access: false, send: true };
    const two = [grant(0, support, ben, { ...send, from: 2, until: 5 }), grant(1, support, ben, { ...send, from: 5, until: 9 })];
    expect(rightsIndex(organisation({ ...team, grants: two })).since(ben.id, support.id, 6)).toBe(2);
    const gap = [grant(0, support, ben, { ...send, from: 2, until: 4 }), grant(1, support, ben, { ...send, from: 5, until: 9 })];
    expect(rightsIndex(organisation({ ...team, grants: gap })).since(ben.id, support.id, 6)).toBe(5);
    const late = { ...leads, members: leads.members.map((member) => ({ ...member, at: 4 })) };
    const joined = organisation({ ...team, roles: [late, agents, everybody], grants: [grant(0, support, agents, { ...send })] });
    expect(rightsIndex(joined).since(ben.id, support.id, 6)).toBe(4);
  });
});

const dateOf = (at: number): string => new Date(at).toISOString();

describe('explain', () => {
  test('prints the chain that gives and the reason that denies', () => {
    const grants = [
      grant(0, support, agents, { access: true, until: 86_400_000 }),
      grant(1, support, ben, { access: true }),
      grant(2, support, ben, { access: false, setup: true, until: 3 }),
    ];
    expect(explain(organisation({ ...team, grants }), ben.id, support.id, 5)).toEqual({
      mailbox: 'support@example.org',
      person: 'ben',
      rights: { panel: false, timeline: true, send: false, settings: false },
      because: [
        { right: 'access', via: ['person ben'], from: null, until: null, grant: grants[1]?.id },
        { right: 'access', via: ['role agents', 'role leads'], from: null, until: '1970-01-02T00:00:00.000Z', grant: grants[0]?.id },
      ],
      denied: [
        { right: 'send', why: 'no-grant', through: [] },
        {
          right: 'setup',
          why: 'ended',
          through: [{ via: ['person ben'], from: null, until: '1970-01-01T00:00:00.003Z', grant: grants[2]?.id }],
        },
      ],
    });
    const given = grant(0, support, agents, { access: true, from: 2, until: 9 });
    const denied = (facts: Parameters<typeof organisation>[0], who = ben, at = 5) =>
      explain(organisation({ ...team, grants: [given], ...facts }), who.id, support.id, at)?.denied.find(({ right }) => right === 'access');
    const through = [{ via: ['role agents', 'role leads'], from: dateOf(2), until: dateOf(9), grant: given.id }];
    expect(denied({})).toBeUndefined();
    expect(denied({}, ben, 1)).toEqual({ right: 'access', why: 'not-yet', through });
    expect(denied({}, ben, 9)).toEqual({ right: 'access', why: 'ended', through });
    expect(denied({ mailboxes: [{ ...support, shared: false }] })).toEqual({ right: 'access', why: 'not-shared', through });
    expect(denied({ persons: [anna, { ...ben, status: 'disabled' }] })).toEqual({ right: 'access', why: 'disabled', through });
    const owning = [{ via: ['owner'], from: null, until: null, grant: null }];
    expect(denied({ persons: [{ ...anna, status: 'disabled' }, ben] }, anna)?.through).toEqual(owning);
    expect(explain(organisation(team), anna.id, support.id, 5)?.because.map(({ via }) => via)).toEqual([['owner'], ['owner'], ['owner']]);
    expect(explain(organisation(team), 'p_nobody', support.id, 5)).toBeNull();
  });
});

describe('difference', () => {
  const before = organisation({ ...team, grants: [grant(0, support, ben, { access: true })] });

  test('names who gains and who loses what', () => {
    const after = organisation({ ...team, grants: [grant(0, support, ben, { access: false, send: true })] });
    expect(difference(before, after, 5)).toEqual([
      { person: ben.id, mailbox: support.id, gains: ['panel', 'send'], loses: ['timeline'], from: 5 },
    ]);
    expect(difference(before, before, 5)).toEqual([]);
  });

  test('sees what a date will bring', () => {
    const after = organisation({ ...team, grants: [...before.grants, grant(1, support, leads, { send: true, from: 8, until: 9 })] });
    expect(difference(before, after, 5)).toEqual([{ person: ben.id, mailbox: support.id, gains: ['panel', 'send'], loses: [], from: 8 }]);
  });
});

describe('roles', () => {
  test('may send when everybody in them may', () => {
    const given = grant(0, support, agents, { send: true, from: 5, until: 9 });
    const index = rightsIndex(organisation({ ...team, grants: [given, grant(1, support, ben, { send: true })] }));
    const may = (at: number) =>
      [leads, agents, everybody].filter(({ id }) => index.roleMaySend(id, support.id, at)).map(({ name }) => name);
    expect([may(4), may(5), may(9)]).toEqual([[], ['leads', 'agents'], []]);
    expect(index.roleMaySend('r_none', support.id, 5)).toBe(false);
  });

  test('a cycle is found and does not hang what walks it', () => {
    const [a, b, c] = [role(0, [ben]), role(1, [role(0, [])]), role(2, [role(1, [])])];
    const looped = { ...a, members: [...a.members, { kind: 'role' as const, id: c.id, at: 0, by: anna.id }] };
    expect(findCycle([a, b, c])).toBeNull();
    expect(findCycle([looped, b, c])?.map(({ name }) => name)).toEqual(['role0', 'role2', 'role1', 'role0']);
    const facts = organisation({ persons: [anna, ben], roles: [looped, b, c] });
    expect([...whoIs(facts, ben).roles.keys()].sort()).toEqual([a.id, b.id, c.id].sort());
    expect([...personsReached(facts.roles, { kind: 'role', id: c.id })]).toEqual([ben.id]);
  });
});

// --- properties -------------------------------------------------------------------------------------------------

/** The obvious way: slow, recursive, without an index. */
function model(doc: Directory, who: Person, right: Right, box: Directory['mailboxes'][number], now: number): boolean {
  const within = (id: string): boolean =>
    doc.roles.find((one) => one.id === id)?.members.some((member) => member.id === who.id || within(member.id)) ?? false;
  if (who.status === 'disabled') return false;
  if (box.owner === who.id) return true;
  return (
    box.shared &&
    doc.grants.some(
      (one) =>
        one.mailbox === box.id &&
        one[right] &&
        (one.grantee.id === who.id || within(one.grantee.id)) &&
        (one.from ?? 0) <= now &&
        now < (one.until ?? horizon * 2),
    )
  );
}

const moments = fc.integer({ min: 0, max: horizon + 1 });

describe('on random organisations', () => {
  test('decide says what the obvious model says', () => {
    fc.assert(
      fc.property(directories(), moments, (doc, now) => {
        const index = rightsIndex(doc);
        for (const who of doc.persons) {
          for (const box of doc.mailboxes) {
            for (const right of rights) expect(index.decide(who.id, right, box.id, now).allow).toBe(model(doc, who, right, box, now));
            expect(surfaces(whoIs(doc, who), box, doc.grants, now)).toEqual(index.surfaces(who.id, box.id, now));
            expect(index.persons(box.id, now).has(who.id)).toBe(index.mailboxes(who.id, now).has(box.id));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('taking a grant, a membership or the switch away never allows more', () => {
    fc.assert(
      fc.property(directories(), moments, fc.nat(), (doc, now, n) => {
        const without = <T>(list: readonly T[]): readonly T[] => list.filter((_, at) => at !== n % list.length);
        const smaller = [
          { ...doc, grants: without(doc.grants) },
          { ...doc, roles: doc.roles.map((one, at) => (at === n % doc.roles.length ? { ...one, members: without(one.members) } : one)) },
          { ...doc, mailboxes: doc.mailboxes.map((box, at) => (at === n % doc.mailboxes.length ? { ...box, shared: false } : box)) },
          {
            ...doc,
            persons: doc.persons.map((who, at) => (at === n % doc.persons.length ? { ...who, status: 'disabled' as const } : who)),
          },
        ];
        for (const less of smaller) expect(difference(doc, less, now).filter(({ gains }) => gains.length > 0)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('nothing changes between now and the next change', () => {
    fc.assert(
      fc.property(directories(), moments, (doc, now) => {
        const index = rightsIndex(doc);
        const picture = (who: Person, at: number) => JSON.stringify([...index.mailboxes(who.id, at)]);
        for (const who of doc.persons) {
          const next = index.nextChangeAt(who.id, now);
          for (let at = now; at < (next ?? horizon + 2); at++) expect(picture(who, at)).toBe(picture(who, now));
          if (next !== null) expect(picture(who, next)).not.toBe(picture(who, now));
          for (const id of index.mailboxes(who.id, now).keys()) expect(index.since(who.id, id, now)).toBeLessThanOrEqual(now);
        }
      }),
      { numRuns: 300 },
    );
  });
});
