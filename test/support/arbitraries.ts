/** Small organisations for tests: built by hand with `organisation`, or at random with `directories`. */
import fc from 'fast-check';
import { levels } from '../../daemon/access/decide.ts';
import type { Operation } from '../../daemon/access/reach.ts';
import { type Directory, defaultSettings, type Grant, type Mailbox, type Person, type Role } from '../../daemon/directory/document.ts';

const digits = 'abcdefghijklmnopqrstuvwxyz234567';

/** The n-th id of a kind: always the same, and one that the schema takes. */
export const idOf = (prefix: string, n: number): string => `${prefix}_${digits[Math.floor(n / 32) % 32]}${digits[n % 32]}${'a'.repeat(24)}`;

/** The n-th public key, in Z85. */
export const keyOf = (n: number): string => `key${String(n).padStart(37, '0')}`;

export const person = (n: number, fields: Partial<Person> = {}): Person => ({
  id: idOf('p', n),
  name: `person${n}`,
  email: null,
  status: 'active',
  plan: null,
  addedAt: 0,
  keys: [{ id: idOf('k', n), public: keyOf(n), label: '', addedAt: 0, revokedAt: null }],
  operations: [],
  ...fields,
});

export const role = (n: number, members: readonly (Person | Role)[], fields: Partial<Role> = {}): Role => ({
  id: idOf('r', n),
  name: `role${n}`,
  members: members.map(({ id }) => ({ kind: id.startsWith('p_') ? ('person' as const) : ('role' as const), id, at: 0, by: idOf('p', 0) })),
  operations: [],
  ...fields,
});

export const mailbox = (n: number, owner: Person, fields: Partial<Extract<Mailbox, { kind: 'hosted' }>> = {}): Mailbox => ({
  id: idOf('m', n),
  address: `box${n}@example.org`,
  addresses: [`box${n}@example.org`],
  owner: owner.id,
  shared: true,
  workFrom: 0,
  addedAt: 0,
  settings: defaultSettings,
  revision: 1,
  kind: 'hosted',
  ...fields,
});

export const grant = (n: number, on: Mailbox, to: Person | Role, fields: Partial<Grant> = {}): Grant => ({
  id: idOf('g', n),
  mailbox: on.id,
  grantee: { kind: to.id.startsWith('p_') ? 'person' : 'role', id: to.id },
  ...levels.observe,
  standing: (fields.from ?? null) === null && (fields.until ?? null) === null,
  from: null,
  until: null,
  note: null,
  by: idOf('p', 0),
  at: 0,
  began: 0,
  ...fields,
});

export const organisation = (parts: Partial<Directory> = {}): Directory => ({
  schemaVersion: 1,
  revision: 1,
  persons: [],
  roles: [],
  mailboxes: [],
  grants: [],
  watches: [],
  invitations: [],
  former: [],
  ...parts,
});

/** Dates of random grants lie in 1 to `horizon`. */
export const horizon = 10;

/** Organisations that the schema takes: nested roles without cycles, dated and standing grants, personal and shared mailboxes. */
export function directories(): fc.Arbitrary<Directory> {
  const operations = fc.subarray<Operation>(['people.manage', 'audit.read', 'shared-mailbox.share', 'shared-mailbox.sync']);
  const status = fc.constantFrom<Person['status']>('active', 'active', 'active', 'invited', 'disabled');
  const people = fc.array(fc.record({ status, operations }), { minLength: 1, maxLength: 4 });
  return people
    .map((all) => all.map((fields, n) => person(n, fields)))
    .chain((persons) => rolesOver(persons).map((roles) => ({ persons, roles })))
    .chain(({ persons, roles }) =>
      fc
        .array(fc.record({ owner: fc.constantFrom(...persons), shared: fc.boolean() }), { minLength: 1, maxLength: 3 })
        .map((all) => all.map(({ owner, shared }, n) => mailbox(n, owner, { shared })))
        .chain((mailboxes) =>
          grantsOn(mailboxes, [...persons, ...roles]).map((grants) => organisation({ persons, roles, mailboxes, grants })),
        ),
    );
}

/** A role holds persons and roles made before it: so no cycle. */
function rolesOver(persons: readonly Person[]): fc.Arbitrary<readonly Role[]> {
  const next = (made: readonly Role[]): fc.Arbitrary<readonly Role[]> =>
    made.length === 3
      ? fc.constant(made)
      : fc.subarray<Person | Role>([...persons, ...made]).chain((members) => next([...made, role(made.length, members)]));
  return next([]);
}

function grantsOn(mailboxes: readonly Mailbox[], grantees: readonly (Person | Role)[]): fc.Arbitrary<readonly Grant[]> {
  const date = fc.integer({ min: 1, max: horizon });
  const dates = fc.oneof(
    fc.constant({ from: null, until: null }),
    date.map((until) => ({ from: null, until })),
    fc.uniqueArray(date, { minLength: 2, maxLength: 2 }).map((two) => ({ from: Math.min(...two), until: Math.max(...two) })),
  );
  const rights = fc
    .record({ access: fc.boolean(), send: fc.boolean(), setup: fc.boolean() })
    .filter(({ access, send, setup }) => access || send || setup);
  const one = fc.record({ on: fc.constantFrom(...mailboxes), to: fc.constantFrom(...grantees), dates, rights });
  return fc.array(one, { maxLength: 8 }).map((all) => {
    const made = all.map(({ on, to, dates: when, rights: what }, n) => grant(n, on, to, { ...when, ...what }));
    const key = (one: Grant) => `${one.mailbox} ${one.grantee.id}`;
    return made.filter((one, n) => !one.standing || made.findIndex((other) => other.standing && key(other) === key(one)) === n);
  });
}
