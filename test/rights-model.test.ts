/** Random sequences of all changes of the directory: what the code decides is what the slow and obvious model says, at every step. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide, rights, surfaceNames } from '../daemon/access/decide.ts';
import { difference, explain, moves } from '../daemon/access/explain.ts';
import { matrix } from '../daemon/access/matrix.ts';
import { whoIs } from '../daemon/access/reach.ts';
import { rightsIndex } from '../daemon/access/rights.ts';
import * as changes from '../daemon/directory/changes.ts';
import { Consistency, contradictionsIn } from '../daemon/directory/consistency.ts';
import type { Directory, Mailbox } from '../daemon/directory/document.ts';
import { Snapshot } from '../daemon/directory/snapshot.ts';
import { PostroomError } from '../protocol/errors.ts';
import { operations } from '../protocol/rows.ts';
import { grant, keyOf, mailbox, organisation, person, role } from './support/arbitraries.ts';
import * as model from './support/rights-model.ts';

/** `POSTROOM_SEQUENCES` says another number. */
const sequences = Number(process.env.POSTROOM_SEQUENCES ?? 10_000);

const dayMs = 86_400_000;
const begin = 1_750_000_000_000;

const [anna, ben, carl, dora] = [
  person(0, { name: 'anna', operations: [...operations] }),
  person(1, { name: 'ben', operations: ['people.manage'] }),
  person(2, { name: 'carl' }),
  person(3, { name: 'dora' }),
];
const leads = role(0, [carl]);
const agents = role(1, [leads, dora]);
const auditors = role(2, [], { operations: ['audit.read'] });
const [support, sales] = [mailbox(0, anna), mailbox(1, carl, { shared: false })];
const team = organisation({
  persons: [anna, ben, carl, dora],
  roles: [leads, agents, auditors],
  mailboxes: [support, sales],
  grants: [
    grant(0, support, carl, { access: false, setup: true }),
    grant(1, support, auditors, { send: true }),
    grant(2, support, agents, { from: begin + dayMs, until: begin + 3 * dayMs }),
  ],
});

interface Step {
  readonly verb: number;
  readonly actor: number;
  readonly a: number;
  readonly b: number;
  /** Which rights, and whether a person or a role is meant. */
  readonly bits: number;
  readonly days: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.nat(63),
  actor: fc.nat(9),
  a: fc.nat(9),
  b: fc.nat(9),
  bits: fc.nat(15),
  days: fc.nat(4),
});

const id = (list: readonly { readonly id: string }[], n: number): string => list[n % Math.max(1, list.length)]?.id ?? 'none';

/** What a step asks for. `fresh` numbers what has to be new in the sequence. */
function carryOut(doc: Directory, { verb, a, b, bits, days }: Step, act: changes.Act, fresh: number): changes.Change {
  const [box, who, group] = [id(doc.mailboxes, a), id(doc.persons, b), id(doc.roles, b)];
  const grantee = bits < 8 ? { id: who, kind: 'person' as const } : { id: group, kind: 'role' as const };
  const operation = operations[bits % operations.length] ?? 'audit.read';
  const given = { access: (bits & 1) > 0, send: (bits & 2) > 0, setup: (bits & 4) > 0, note: null };
  const dates = { from: a % 2 === 0 ? null : act.now + days * dayMs, until: act.now + (days + 1 + (b % 3)) * dayMs };
  const one = { mailbox: box, grantee };
  const theirs = doc.grants[(a + b) % Math.max(1, doc.grants.length)] ?? { id: 'none', mailbox: box };
  const inviting = { publicKey: keyOf(1_000 + fresh), expiresAt: act.now + dayMs };
  const small = (list: readonly unknown[], make: () => changes.Change): changes.Change =>
    list.length < 6 ? make() : { doc, activities: [], id: null };
  const verbs: readonly (() => changes.Change)[] = [
    () => changes.grantSet(doc, { ...one, ...given }, act),
    () => changes.grantSet(doc, { ...one, ...given, access: true }, act),
    () => changes.grantAdd(doc, { ...one, ...given, ...dates }, act),
    () => changes.grantAdd(doc, { ...one, ...given, ...dates, send: true }, act),
    () => changes.grantRemove(doc, { ...one, grant: null }, act),
    () =>
      changes.grantRemove(doc, { mailbox: theirs.mailbox, grantee: 'grantee' in theirs ? theirs.grantee : grantee, grant: theirs.id }, act),
    () => changes.grantsEdit(doc, { mailbox: theirs.mailbox, edits: [{ kind: 'change', grant: theirs.id, ...given, ...dates }] }, act),
    () =>
      changes.grantsEdit(
        doc,
        { mailbox: theirs.mailbox, edits: [{ kind: 'change', grant: theirs.id, ...given, from: null, until: null }] },
        act,
      ),
    () =>
      changes.grantsEdit(
        doc,
        {
          mailbox: box,
          edits: [
            { kind: 'remove', grantee, grant: null },
            { kind: 'add', grantee, ...given, ...dates },
            { kind: 'set', grantee: { kind: 'person', id: id(doc.persons, a) }, ...given },
          ],
        },
        act,
      ),
    () => changes.roleMemberAdd(doc, { role: id(doc.roles, a), member: grantee }, act),
    () => changes.roleMemberAdd(doc, { role: id(doc.roles, a), member: grantee }, act),
    () =>
      changes.roleMemberRemove(
        doc,
        { role: id(doc.roles, a), member: doc.roles[a % Math.max(1, doc.roles.length)]?.members[b % 3]?.id ?? who },
        act,
      ),
    () => small(doc.roles, () => changes.roleAdd(doc, { name: `role n${fresh}` }, act)),
    () => changes.roleRemove(doc, { role: group }, act),
    () => changes.roleAllow(doc, { role: group, operation }, act),
    () => changes.roleDeny(doc, { role: group, operation }, act),
    () =>
      small(doc.persons, () =>
        changes.personAdd(doc, { name: `person n${fresh}`, email: null, operations: bits % 4 === 0 ? [operation] : [], inviting }, act),
      ),
    () => changes.personInvite(doc, { person: who, inviting }, act),
    () =>
      changes.personJoin(
        doc,
        {
          oneTimeKey: doc.invitations[a % Math.max(1, doc.invitations.length)]?.publicKey ?? '',
          publicKey: keyOf(5_000 + fresh),
          label: 'laptop',
        },
        act,
      ),
    () => changes.personSet(doc, { person: who, plan: `plan ${bits}` }, act),
    () => changes.personDisable(doc, { person: who }, act),
    () => changes.personEnable(doc, { person: who }, act),
    () => changes.personRemove(doc, { person: who, successor: bits % 3 === 0 ? null : id(doc.persons, a) }, act),
    () => changes.personAllow(doc, { person: who, operation }, act),
    () => changes.personDeny(doc, { person: who, operation }, act),
    () => changes.keyRevoke(doc, { key: doc.persons[b % Math.max(1, doc.persons.length)]?.keys[a % 2]?.id ?? 'none' }, act),
    () =>
      small(doc.mailboxes, () =>
        changes.mailboxAdd(doc, { kind: 'hosted', address: `new${fresh}@example.org`, shared: bits % 2 === 0 }, act),
      ),
    () => changes.mailboxSet(doc, { mailbox: box, settings: { name: `n${fresh}` } }, act),
    () => changes.mailboxShare(doc, { mailbox: box }, act),
    () => changes.mailboxUnshare(doc, { mailbox: box }, act),
    () => changes.mailboxTransfer(doc, { mailbox: box, person: who }, act),
    () =>
      bits === 0
        ? changes.mailboxRemove(doc, { mailbox: box }, act)
        : changes.addressAdd(doc, { mailbox: box, alias: `also${fresh}@example.org` }, act),
    () =>
      changes.addressRemove(
        doc,
        { mailbox: box, alias: doc.mailboxes[a % Math.max(1, doc.mailboxes.length)]?.addresses[1] ?? 'x@example.org' },
        act,
      ),
    () => changes.watchSet(doc, { mailbox: box, level: (['all', 'mine', 'none'] as const)[bits % 3] ?? 'all' }, act),
  ];
  return verbs[verb % verbs.length]?.() ?? { doc, activities: [], id: null };
}

/** The moments at which anything can differ: now, and each later date that a grant of either names. */
const moments = (now: number, ...docs: readonly Directory[]): readonly number[] => [
  ...new Set([
    now,
    ...docs.flatMap(({ grants }) => grants.flatMap(({ from, until }) => [from ?? now, until ?? now])).filter((at) => at > now),
  ]),
];

/** `expect(found).toEqual(wanted)`, asked some millions of times: the matcher only puts into words what a cheaper look has found. */
function agree(found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found).toEqual(wanted);
}

function expectDecisions(doc: Directory, now: number): void {
  const index = rightsIndex(doc);
  for (const { id: who } of doc.persons) {
    const said: string[] = [];
    const allowed: string[] = [];
    for (const box of doc.mailboxes) {
      const open = model.opened(doc, who, box, now);
      agree(index.surfaces(who, box.id, now), open);
      if (open.any) said.push(box.id);
      for (const right of rights) {
        const answer = index.decide(who, right, box.id, now);
        const found = !answer.allow ? answer.why : answer.by === 'owner' ? 'owner' : answer.by.map((one) => one.id).sort();
        agree(found, model.verdict(doc, who, right, box, now));
        if (answer.allow) allowed.push(`${right} ${box.id}`);
      }
    }
    agree([...index.mailboxes(who, now).keys()].sort(), said.sort());
    agree([...(index.who(who)?.operations ?? [])].sort(), [...model.operationsOf(doc, who)].sort());
    for (const box of doc.mailboxes)
      agree(
        allowed.filter((one) => one.endsWith(box.id)).map((one) => one.split(' ')[0]),
        model.rightsOf(doc, who, box, now),
      );
  }
}

function expectExplained(doc: Directory, box: Mailbox, now: number): void {
  for (const one of doc.persons) {
    const why = explain(doc, one.id, box.id, now);
    const open = model.opened(doc, one.id, box, now);
    agree(why?.rights, { panel: open.panel, timeline: open.timeline, send: open.send, settings: open.settings });
    agree([...new Set(why?.because.map(({ right }) => right))], model.rightsOf(doc, one.id, box, now));
    agree(
      why?.denied.map(({ right, why: word }) => [right, word]),
      model.allRights
        .filter((right) => !model.may(doc, one.id, right, box, now))
        .map((right) => [right, model.verdict(doc, one.id, right, box, now)]),
    );
    for (const denied of why?.denied ?? []) {
      const idle = model.grantsFor(doc, one.id, box.id).filter((given) => given[denied.right]);
      agree(denied.through.flatMap(({ grant: id }) => id ?? []).sort(), idle.map(({ id }) => id).sort());
    }
    // The pure function alone, without the index, says the same.
    for (const right of rights) agree(decide(whoIs(doc, one), right, box, doc.grants, now).allow, model.may(doc, one.id, right, box, now));
    agree(rightsIndex(doc).persons(box.id, now).has(one.id), open.any);
  }
  const idOfRole = new Map(doc.roles.map(({ id: of, name }) => [`role ${name}`, of]));
  const rows = matrix(doc, box, now).map(({ grantee, owner, grant: given, inherited }) => {
    const sources = rights.map(
      (right) =>
        `${right}:${inherited[right]
          .flatMap((source) => idOfRole.get(source) ?? [])
          .sort()
          .join('+')}`,
    );
    return `${grantee.id}${owner ? ' owner' : ''} ${given?.id ?? '-'} ${sources.join(' ')}`;
  });
  agree(rows.sort(), model.matrixRows(doc, box, now));
}

/** Who gains and loses what, by the change and by the time that passed, and who is told. */
function expectDifferences(before: Directory, then: number, change: changes.Change, now: number): void {
  const { doc: after, activities } = change;
  const [found, moved] = [
    new Map(difference(before, after, now).map((one) => [`${one.person} ${one.mailbox}`, one])),
    new Map(moves(before, then, after, now).map((one) => [`${one.person} ${one.mailbox}`, one])),
  ];
  const told = new Set(activities.map((one) => one.mailbox));
  const all = <T extends { readonly id: string }>(a: readonly T[], b: readonly T[]): readonly string[] => [
    ...new Set([...a, ...b].map((one) => one.id)),
  ];
  for (const who of all(before.persons, after.persons)) {
    for (const at of all(before.mailboxes, after.mailboxes)) {
      const open = (doc: Directory, when: number) => {
        const box = doc.mailboxes.find((one) => one.id === at);
        return box ? model.opened(doc, who, box, when) : null;
      };
      const gains = new Set<string>();
      const loses = new Set<string>();
      for (const when of moments(now, before, after)) {
        const [had, has] = [open(before, when), open(after, when)];
        for (const surface of surfaceNames) {
          if ((had?.[surface] ?? false) !== (has?.[surface] ?? false)) (has?.[surface] ? gains : loses).add(surface);
        }
      }
      const one = found.get(`${who} ${at}`);
      agree(
        [one?.gains ?? [], one?.loses ?? []].map((some) => [...some].sort()),
        [[...gains].sort(), [...loses].sort()],
      );
      if (gains.size + loses.size > 0) agree(told.has(at), true);
      const [had, has] = [open(before, then), open(after, now)];
      agree(
        moved.has(`${who} ${at}`),
        surfaceNames.some((surface) => (had?.[surface] ?? false) !== (has?.[surface] ?? false)),
      );
    }
  }
}

test('the code and the model agree at every step of any sequence, and nobody alone widens their own reach', () => {
  const done = { changed: 0, refused: 0, own: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 16 }), (steps) => {
      let [doc, now, fresh] = [team as Directory, begin, 0];
      let snapshot = new Snapshot(doc);
      const consistency = new Consistency(doc);
      for (const one of steps) {
        const then = now;
        if (one.bits % 5 === 0) now += one.days * (dayMs / 2);
        const act = { actor: id(doc.persons, one.actor), now, policy: { ...changes.openPolicy, hostedDomains: ['example.org'] } };
        let change: changes.Change;
        try {
          change = carryOut(doc, one, act, ++fresh);
        } catch (error) {
          if (!(error instanceof PostroomError)) throw error;
          done.refused++;
          if (error.details.why === 'own-reach') done.own++;
          if (now !== then) expectDifferences(doc, then, { doc, activities: [], id: null }, now);
          continue;
        }
        const after = change.doc;
        if (after !== doc) done.changed++;
        agree(model.ownGains(doc, after, act.actor, now), []);
        agree([model.isManaged(after), contradictionsIn(after), consistency.follow(doc, after)], [true, [], true]);
        expectDifferences(doc, then, change, now);
        expectDecisions(after, now);
        // What followed from change to change is what would be made anew.
        snapshot = new Snapshot(after, snapshot);
        const anew = new Snapshot({ ...after });
        for (const box of after.mailboxes) {
          agree(snapshot.grantsOn(box.id), anew.grantsOn(box.id));
          agree(snapshot.mailboxByAddress(box.addresses.at(-1) ?? ''), box);
        }
        for (const { name } of [...after.persons, ...after.roles]) agree(snapshot.granteeByName(name), anew.granteeByName(name));
        doc = after;
      }
      for (const box of doc.mailboxes) expectExplained(doc, box, now);
    }),
    { numRuns: sequences },
  );
  expect(done.changed).toBeGreaterThan(sequences);
  expect(done.own).toBeGreaterThan(sequences / 20);
}, 1_200_000);
