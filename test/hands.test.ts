/** Whoever was invited counts as whoever invited them: what somebody may not do alone they may not do through people and keys of their own. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { levels } from '../daemon/access/decide.ts';
import { rightsIndex } from '../daemon/access/rights.ts';
import * as changes from '../daemon/directory/changes.ts';
import { Directory, type Person } from '../daemon/directory/document.ts';
import { covers, handsOf, isDoubtful, opensMore, operationsOf } from '../daemon/directory/hands.ts';
import { PostroomError } from '../protocol/errors.ts';
import { operations } from '../protocol/rows.ts';
import { grant, keyOf, mailbox, organisation, person, role } from './support/arbitraries.ts';
import { codeOf, messageOf } from './support/failure.ts';

const now = 1_750_000_000_000;
const dayMs = 86_400_000;

/** eva is the first person, and whom she invited: mia and paul manage people, dan owns sales, carl works there. */
const eva = person(0, { name: 'eva', operations: [...operations] });
const invited = (n: number, name: string, fields: Partial<Person> = {}) => person(n, { name, invitedBy: eva.id, ...fields });
const mia = invited(1, 'mia', { operations: ['people.manage'] });
const paul = invited(2, 'paul', { operations: ['people.manage'] });
const dan = invited(3, 'dan');
const carl = invited(4, 'carl');
const sellers = role(0, [carl]);
const auditors = role(1, [], { operations: ['audit.read'] });
const empty = role(2, []);
const [support, sales, later] = [mailbox(0, eva), mailbox(1, dan), mailbox(2, dan, { shared: false })];
const team = organisation({
  persons: [eva, mia, paul, dan, carl],
  roles: [sellers, auditors, empty],
  mailboxes: [support, sales, later],
  grants: [
    grant(0, sales, sellers, { access: true, by: dan.id }),
    grant(1, later, sellers, { access: true, by: dan.id }),
    grant(2, support, sellers, { ...levels.full, by: eva.id }),
  ],
});
const by = (actor: { id: string }, key?: string): changes.Act => ({
  actor: actor.id,
  ...(key === undefined ? {} : { key }),
  now,
  policy: { ...changes.openPolicy, hostedDomains: ['example.org'] },
});
const one = (of: { id: string }) => ({ kind: of.id.startsWith('p_') ? ('person' as const) : ('role' as const), id: of.id });

/** Persons whom somebody made up, in a team: they have joined unless said otherwise. */
function withInvented(doc: Directory, inviter: { id: string }, ...names: readonly string[]): { doc: Directory; people: Person[] } {
  let after = doc;
  for (const [n, name] of names.entries()) {
    const oneTimeKey = keyOf(900 + after.persons.length * 10 + n);
    after = changes.personAdd(after, { name, email: null, inviting: { publicKey: oneTimeKey, expiresAt: now + dayMs } }, by(inviter)).doc;
    const asked = { oneTimeKey, publicKey: keyOf(600 + after.persons.length * 10 + n), label: '' };
    after = changes.personJoin(after, asked, { now, policy: changes.openPolicy }).doc;
  }
  return { doc: after, people: names.map((name) => named(after, name)) };
}
function named(doc: Directory, name: string): Person {
  const found = doc.persons.find((each) => each.name === name);
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
}
const manager = (doc: Directory, who: { id: string }): Directory => ({
  ...doc,
  persons: doc.persons.map((each) => (each.id === who.id ? { ...each, operations: ['people.manage'] } : each)),
});
const join = (doc: Directory, into: { id: string }, who: { id: string }, actor: { id: string }) => () =>
  changes.roleMemberAdd(doc, { role: into.id, member: one(who) }, by(actor));

describe('through people whom one invited', () => {
  const made = withInvented(team, mia, 'zoe', 'max');
  const [zoe, max] = [named(made.doc, 'zoe'), named(made.doc, 'max')];
  const doc = manager(made.doc, zoe);
  const setup = { ...doc, grants: [...doc.grants, grant(3, sales, mia, { access: false, setup: true, by: dan.id })] };
  const chain = withInvented(doc, zoe, 'yan');
  const evas = withInvented(team, eva, 'una');

  const ways: readonly [string, () => changes.Change][] = [
    ['into a role that carries grants', join(doc, sellers, zoe, mia)],
    ['into a role that carries an operation', join(doc, auditors, zoe, mia)],
    [
      'in a role that is put into one that carries grants',
      () => {
        const inside = changes.roleMemberAdd(doc, { role: empty.id, member: one(zoe) }, by(mia)).doc;
        return changes.roleMemberAdd(inside, { role: sellers.id, member: one(empty) }, by(mia));
      },
    ],
    ['by an operation', () => changes.personAllow(doc, { person: zoe.id, operation: 'audit.read' }, by(mia))],
    [
      'by an operation for a role that they are in',
      () => {
        const inside = changes.roleMemberAdd(doc, { role: empty.id, member: one(zoe) }, by(mia)).doc;
        return changes.roleAllow(inside, { role: empty.id, operation: 'audit.read' }, by(mia));
      },
    ],
    [
      'with an operation from the start',
      () => {
        const inviting = { publicKey: keyOf(990), expiresAt: now + dayMs };
        return changes.personAdd(doc, { name: 'new', email: null, operations: ['audit.read'], inviting }, by(mia));
      },
    ],
    [
      'by a grant with Setup alone',
      () => changes.grantSet(setup, { mailbox: sales.id, grantee: one(zoe), ...levels.observe, note: null }, by(mia)),
    ],
    [
      'by a grant for later',
      () => {
        const dates = { from: now + dayMs, until: now + 2 * dayMs };
        return changes.grantAdd(setup, { mailbox: sales.id, grantee: one(max), ...levels.reply, ...dates, note: null }, by(mia));
      },
    ],
    ['as successor', () => changes.personRemove(doc, { person: dan.id, successor: zoe.id }, by(mia))],
    [
      'as successor of somebody else’s removal by one of them',
      () => changes.personRemove(doc, { person: dan.id, successor: mia.id }, by(zoe)),
    ],
    ['by one of them, for oneself', join(doc, sellers, mia, zoe)],
    ['by one of them, an operation for oneself', () => changes.personAllow(doc, { person: mia.id, operation: 'audit.read' }, by(zoe))],
    ['by one of them for another', join(doc, sellers, max, zoe)],
    ['for those whom they invited', join(chain.doc, sellers, named(chain.doc, 'yan'), mia)],
    ['by the last of a chain for the first', join(manager(chain.doc, named(chain.doc, 'yan')), sellers, mia, named(chain.doc, 'yan'))],
    ['the first person too', join(evas.doc, sellers, named(evas.doc, 'una'), eva)],
    ['the first person, for themselves', join(manager(evas.doc, named(evas.doc, 'una')), sellers, eva, named(evas.doc, 'una'))],
    [
      'after the one between was removed',
      () => {
        const orphan = changes.personRemove(chain.doc, { person: zoe.id, successor: null }, by(mia)).doc;
        return changes.roleMemberAdd(orphan, { role: sellers.id, member: one(named(orphan, 'yan')) }, by(mia));
      },
    ],
    ['vouching for them', () => changes.personConfirm(doc, { person: zoe.id }, by(mia))],
    ['vouching by another of them', () => changes.personConfirm(doc, { person: max.id }, by(zoe))],
    ['vouching for whoever invented one', () => changes.personConfirm(doc, { person: mia.id }, by(zoe))],
    ['vouching for oneself', () => changes.personConfirm(doc, { person: mia.id }, by(mia))],
    ['vouching in a chain', () => changes.personConfirm(chain.doc, { person: named(chain.doc, 'yan').id }, by(mia))],
  ];
  test.each(ways)('%s', async (_way, run) => {
    expect(await messageOf(run)).toMatch(/^Nobody widens their own reach/);
    expect(await codeOf(run)).toBe('forbidden');
  });

  test('the refusal names the way out, and no mailbox that one cannot see', async () => {
    const message = await messageOf(join(doc, sellers, zoe, mia));
    expect(message).toContain('postroom person confirm zoe');
    expect(message).toContain('3 mailboxes you cannot see');
    for (const { address } of doc.mailboxes) expect(message).not.toContain(address);
  });

  test('somebody else who manages people vouches, and it works from then on, for that one', async () => {
    const confirmed = changes.personConfirm(doc, { person: zoe.id }, by(paul));
    expect(confirmed.activities.map(({ action, actor }) => [action, actor])).toContainEqual(['person.confirm', paul.id]);
    expect(Directory.safeParse(confirmed.doc).error).toBeUndefined();
    const given = { ...confirmed.doc, mailboxes: [support], grants: [grant(2, support, sellers, { ...levels.full, by: eva.id })] };
    expect(await codeOf(join(given, sellers, zoe, mia))).toBe('done');
    expect(await codeOf(join(given, sellers, mia, zoe))).toBe('done');
    expect(await codeOf(join(given, sellers, max, mia))).toBe('forbidden');
    // Whoever stands for them counts as eva: for eva alone that is one pair of hands still.
    expect(handsOf(confirmed.doc).mastersOf(zoe.id)).toEqual([eva.id]);
    expect(await codeOf(join(confirmed.doc, sellers, zoe, eva))).toBe('forbidden');
  });

  test('what whoever acts has may be passed on, and owners do as they like', async () => {
    const member = changes.roleMemberAdd(doc, { role: sellers.id, member: one(mia) }, by(paul)).doc;
    expect(await codeOf(join(member, sellers, zoe, mia))).toBe('done');
    expect(await codeOf(() => changes.personAllow(made.doc, { person: max.id, operation: 'people.manage' }, by(mia)))).toBe('done');
    const theirs = { mailbox: sales.id, grantee: one(zoe), ...levels.full, note: null };
    expect(await codeOf(() => changes.grantSet(doc, theirs, by(dan)))).toBe('done');
    const boxes = withInvented({ ...team, grants: [grant(2, support, sellers, levels.full)] }, eva, 'una').doc;
    expect(await codeOf(join(boxes, sellers, named(boxes, 'una'), eva))).toBe('done');
  });

  test('somebody to whom the owner gave Setup acts for themselves', async () => {
    const given = { mailbox: sales.id, grantee: one(eva), ...levels.observe, note: null };
    expect(await codeOf(() => changes.grantSet(setup, given, by(mia)))).toBe('done');
    const through = { ...doc, grants: [...doc.grants, grant(3, sales, mia, { access: false, setup: true, by: eva.id })] };
    expect(await codeOf(() => changes.grantSet(through, given, by(mia)))).toBe('forbidden');
  });

  test('the first person confirms the second one who manages people, once', async () => {
    expect(await codeOf(() => changes.personConfirm(team, { person: carl.id }, by(eva)))).toBe('forbidden'); // manages nobody
    expect(await codeOf(() => changes.personConfirm(team, { person: carl.id }, by(mia)))).toBe('forbidden'); // counts as eva
    const second = changes.personConfirm(team, { person: mia.id }, by(eva)).doc;
    expect(handsOf(second).mastersOf(mia.id)).toEqual([]);
    expect(await codeOf(() => changes.personConfirm(second, { person: paul.id }, by(eva)))).toBe('forbidden');
    const all = changes.personConfirm(second, { person: carl.id }, by(mia)).doc;
    expect(handsOf(all).mastersOf(carl.id)).toEqual([]);
    expect(await codeOf(() => changes.personRemove(all, { person: dan.id, successor: carl.id }, by(eva)))).toBe('done');
    expect(await codeOf(join(second, sellers, eva, mia))).toBe('done');
    // Those whom mia invents are hers.
    const hers = withInvented(second, mia, 'zoe').doc;
    expect(handsOf(hers).mastersOf(named(hers, 'zoe').id)).toEqual([mia.id]);
    expect(await codeOf(() => changes.personConfirm(hers, { person: named(hers, 'zoe').id }, by(eva)))).toBe('done');
  });
});

describe('a key that somebody else invited', () => {
  /** carl has one more key, which mia invited while he reached nothing; `planted` is its public half. */
  const planted = keyOf(700);
  const bare = { ...team, roles: [role(0, []), auditors, empty], persons: team.persons };
  const invite = (doc: Directory, who: { id: string }, inviter: { id: string }, publicKey: string, n = 0) => {
    const inviting = { publicKey: keyOf(950 + n), expiresAt: now + dayMs };
    const open = changes.personInvite(doc, { person: who.id, inviting }, by(inviter)).doc;
    return changes.personJoin(open, { oneTimeKey: keyOf(950 + n), publicKey, label: '' }, { now, policy: changes.openPolicy }).doc;
  };
  const doc = invite(bare, carl, mia, planted);
  const waits = (of: Directory, publicKey = planted): boolean | undefined =>
    of.persons.flatMap(({ keys }) => keys).find((key) => key.public === publicKey)?.unconfirmed;

  test.each([
    ['a grant', (of: Directory) => changes.grantSet(of, { mailbox: sales.id, grantee: one(carl), ...levels.observe, note: null }, by(dan))],
    [
      'a grant for later',
      (of: Directory) => {
        const dates = { from: now + dayMs, until: now + 2 * dayMs };
        return changes.grantAdd(of, { mailbox: later.id, grantee: one(carl), ...levels.reply, ...dates, note: null }, by(dan));
      },
    ],
    ['a role', (of: Directory) => changes.roleMemberAdd(of, { role: sellers.id, member: one(carl) }, by(paul))],
    ['an operation', (of: Directory) => changes.personAllow(of, { person: carl.id, operation: 'audit.read' }, by(eva))],
    [
      'a mailbox of their own',
      (of: Directory) =>
        changes.mailboxAdd(
          { ...of, persons: of.persons.map((each) => (each.id === carl.id ? { ...each, operations: ['shared-mailbox.sync'] } : each)) },
          { kind: 'hosted', address: 'carl@example.org', shared: false },
          by(carl),
        ),
    ],
    ['a mailbox that comes to them', (of: Directory) => changes.mailboxTransfer(of, { mailbox: later.id, person: carl.id }, by(dan))],
  ])('waits from the moment at which its person gets more by %s', (_way, run) => {
    expect(waits(doc)).toBeUndefined();
    const after = run(doc).doc;
    expect(waits(after)).toBe(true);
    expect(waits(after, carl.keys[0]?.public)).toBeUndefined();
    expect(Directory.safeParse(after).error).toBeUndefined();
  });

  test('waits when whoever invited it loses what both reached', () => {
    const grants = [grant(5, sales, mia, { by: dan.id }), grant(6, sales, carl, { by: dan.id })];
    const both = invite({ ...bare, grants }, carl, mia, planted);
    expect(waits(both)).toBeUndefined();
    expect(waits(changes.grantRemove(both, { mailbox: sales.id, grantee: one(mia), grant: null }, by(dan)).doc)).toBe(true);
  });

  test('does not wait once somebody said that it is theirs, who did not invite it', async () => {
    const id = named(doc, 'carl').keys.at(-1)?.id ?? '';
    const given = (of: Directory) => changes.roleMemberAdd(of, { role: sellers.id, member: one(carl) }, by(paul)).doc;
    expect(await codeOf(() => changes.keyConfirm(doc, { key: id }, by(mia)))).toBe('forbidden');
    for (const who of [by(paul), by(carl, carl.keys[0]?.public)]) {
      const confirmed = changes.keyConfirm(doc, { key: id }, who).doc;
      expect(waits(given(confirmed))).toBeUndefined();
    }
  });

  test('makes no other key, and vouches for none', async () => {
    const inviting = { publicKey: keyOf(960), expiresAt: now + dayMs };
    expect(await codeOf(() => changes.personInvite(doc, { person: carl.id, inviting }, by(carl, planted)))).toBe('forbidden');
    expect(await codeOf(() => changes.personInvite(doc, { person: carl.id, inviting }, by(carl, carl.keys[0]?.public)))).toBe('done');
    const twice = invite(doc, carl, mia, keyOf(701), 1);
    const [first, second] = named(twice, 'carl').keys.slice(1);
    for (const key of [first, second])
      expect(await codeOf(() => changes.keyConfirm(twice, { key: key?.id ?? '' }, by(carl, planted)))).toBe('forbidden');
  });

  test('is confirmed by nobody who counts as whoever invited it', async () => {
    const evas = invite(team, carl, eva, planted);
    const id = named(evas, 'carl').keys.at(-1)?.id ?? '';
    expect(waits(evas)).toBe(true);
    expect(await codeOf(() => changes.keyConfirm(evas, { key: id }, by(mia)))).toBe('forbidden');
    const second = changes.personConfirm(evas, { person: mia.id }, by(eva)).doc;
    expect(await codeOf(() => changes.keyConfirm(second, { key: id }, by(mia)))).toBe('done');
  });

  test('a newcomer has one open invitation, whoever makes it', () => {
    const inviting = (n: number) => ({ publicKey: keyOf(970 + n), expiresAt: now + dayMs });
    let open = changes.personAdd(team, { name: 'zoe', email: null, inviting: inviting(0) }, by(mia)).doc;
    const zoe = named(open, 'zoe');
    for (const [n, actor] of [mia, paul, mia].entries()) {
      open = changes.personInvite(open, { person: zoe.id, inviting: inviting(n + 1) }, by(actor)).doc;
      expect(open.invitations.map(({ publicKey }) => publicKey)).toEqual([keyOf(970 + n + 1)]);
    }
  });

  test('of somebody else than whom a newcomer counts as waits, and so does one for whom others vouched before', () => {
    const inviting = (n: number) => ({ publicKey: keyOf(980 + n), expiresAt: now + dayMs });
    const added = changes.personAdd(bare, { name: 'zoe', email: null, inviting: inviting(0) }, by(mia)).doc;
    const granted = (of: Directory) =>
      changes.grantSet(of, { mailbox: sales.id, grantee: one(named(of, 'zoe')), ...levels.observe, note: null }, by(dan)).doc;
    const joins = (of: Directory, n: number) =>
      changes.personJoin(of, { oneTimeKey: keyOf(980 + n), publicKey: planted, label: '' }, { now, policy: changes.openPolicy }).doc;
    expect(waits(joins(granted(added), 0))).toBeUndefined();
    const other = changes.personInvite(granted(added), { person: named(added, 'zoe').id, inviting: inviting(1) }, by(paul)).doc;
    expect(waits(joins(other, 1))).toBe(true);
    const vouched = changes.personConfirm(added, { person: named(added, 'zoe').id }, by(paul)).doc;
    expect(waits(joins(granted(vouched), 0))).toBe(true);
  });
});

// --- any order of anything ----------------------------------------------------------------------------------------

/** Everything that one pair of hands reaches: operations, and grants and mailboxes of others. */
function reachOf(doc: Directory, people: readonly string[]) {
  const index = rightsIndex(doc);
  return {
    operations: new Set(people.flatMap((id) => [...operationsOf(index, id)])),
    owned: new Set(doc.mailboxes.filter(({ owner }) => people.includes(owner)).map(({ id }) => id)),
    grants: people.flatMap((id) => index.reaching(id)),
  };
}

test('whatever somebody does alone, with people and keys of their own, they never reach more than they did', () => {
  const start = {
    ...team,
    grants: [...team.grants, grant(3, sales, mia, { access: false, setup: true, by: eva.id }), grant(4, later, empty, { by: dan.id })],
  };
  const step = fc.record({ verb: fc.nat(15), actor: fc.nat(5), a: fc.nat(9), b: fc.nat(9), bits: fc.integer({ min: 1, max: 7 }) });
  let [applied, invented, refused] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
      let doc: Directory = start;
      const before = reachOf(start, [mia.id]);
      const hers = new Set([mia.id]);
      let fresh = 0;
      for (const { verb, actor, a, b, bits } of steps) {
        const group = [...hers].filter((id) => doc.persons.some((each) => each.id === id));
        const who = group[actor % group.length] ?? mia.id;
        const pick = (list: readonly { readonly id: string }[], n: number) => list[n % Math.max(1, list.length)]?.id ?? 'none';
        const [box, whom, group2] = [pick(doc.mailboxes, a), pick(doc.persons, b), pick(doc.roles, b)];
        const puppet = group[b % group.length] ?? mia.id;
        const grantee = bits % 2 ? { kind: 'person' as const, id: puppet } : { kind: 'role' as const, id: group2 };
        const operation = operations[bits % operations.length] ?? 'audit.read';
        const given = { access: (bits & 1) > 0, send: (bits & 2) > 0, setup: (bits & 4) > 0, note: null };
        const inviting = { publicKey: keyOf(2_000 + ++fresh), expiresAt: now + dayMs };
        const act = by({ id: who }, doc.persons.find(({ id }) => id === who)?.keys[a % 2]?.public);
        const verbs: readonly (() => changes.Change)[] = [
          () => changes.personAdd(doc, { name: `n${fresh}`, email: null, operations: bits > 5 ? [operation] : [], inviting }, act),
          () => changes.personAdd(doc, { name: `n${fresh}`, email: null, inviting }, act),
          () => changes.personInvite(doc, { person: whom, inviting }, act),
          () => {
            const open = doc.invitations.filter((each) => hers.has(each.by));
            const oneTimeKey = open[a % Math.max(1, open.length)]?.publicKey ?? '';
            return changes.personJoin(doc, { oneTimeKey, publicKey: keyOf(3_000 + fresh), label: '' }, { now, policy: act.policy });
          },
          () => changes.personConfirm(doc, { person: whom }, act),
          () => changes.personConfirm(doc, { person: puppet }, act),
          () => changes.keyConfirm(doc, { key: doc.persons.find(({ id }) => id === whom)?.keys.at(-1)?.id ?? '' }, act),
          () => changes.personAllow(doc, { person: puppet, operation: bits % 2 ? 'people.manage' : operation }, act),
          () => changes.roleMemberAdd(doc, { role: pick(doc.roles, a), member: { kind: 'person', id: puppet } }, act),
          () => changes.roleMemberAdd(doc, { role: pick(doc.roles, a), member: { kind: 'role', id: group2 } }, act),
          () => changes.roleAllow(doc, { role: group2, operation }, act),
          () => changes.grantSet(doc, { mailbox: box, grantee, ...given }, act),
          () => changes.grantAdd(doc, { mailbox: box, grantee, ...given, from: now + bits, until: now + 20 }, act),
          () => changes.personRemove(doc, { person: hers.has(whom) && whom !== mia.id ? whom : dan.id, successor: puppet }, act),
          () => changes.personDisable(doc, { person: puppet === mia.id ? dan.id : puppet }, act),
          () => changes.personEnable(doc, { person: whom }, act),
        ];
        try {
          const change = verbs[verb]?.();
          if (change === undefined || change.doc === doc) continue;
          doc = change.doc;
          applied++;
        } catch (error) {
          if (!(error instanceof PostroomError)) throw error;
          if (error.details.why === 'own-reach') refused++;
          continue;
        }
        for (const { id } of doc.persons) {
          if (!team.persons.some((each) => each.id === id) && !hers.has(id)) {
            hers.add(id);
            invented++;
          }
        }
        const now2 = reachOf(doc, [...hers]);
        for (const each of now2.operations) expect(before.operations).toContain(each);
        for (const each of now2.owned) expect(before.owned).toContain(each);
        for (const each of now2.grants) expect(before.grants.some((had) => covers(had, each))).toBe(true);
        // Keys for others that came of their invitations open nothing more either.
        for (const each of doc.persons)
          if (!hers.has(each.id))
            for (const key of each.keys)
              if (key.invitedBy !== undefined && key.unconfirmed !== true && key.revokedAt === null)
                expect([isDoubtful(key), opensMore(doc, each.id, key.invitedBy, now)]).toEqual([true, false]);
      }
    }),
    { numRuns: 400 },
  );
  expect(Math.min(applied, invented, refused)).toBeGreaterThan(300);
});
