/** Roles: each handler is one change of the directory, or a look at what one would do. */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import type { Asked, ResultInput } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import { type Difference, difference } from '../access/explain.ts';
import { type Operation, personsReached, rolesOf } from '../access/reach.ts';
import { type RightsIndex, rightsIndex } from '../access/rights.ts';
import type { Act, Change } from '../directory/changes.ts';
import * as changes from '../directory/changes.ts';
import type { Directory, Role } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { absent, change, granteeNamed, managesPeople } from './people.ts';
import { actOf } from './policy.ts';
import { isoOrNull, refusedOf, roleOf } from './wire.ts';
import type { Caller, Handlers, World } from './world.ts';

const done = { ok: true } as const;

function roleNamed(snapshot: Snapshot, name: string): Role {
  const role = snapshot.roleByName(name);
  if (role === undefined) throw absent('role', name);
  return role;
}

const shownRole = (snapshot: Snapshot, id: string) => {
  const role = snapshot.role(id);
  if (role === undefined) throw notFound();
  return roleOf(snapshot, role, personsReached(snapshot.directory.roles, { kind: 'role', id }));
};

/** Whom it comes to and through what, and what was given to it: where the asker may see grants by name, elsewhere by number. */
function detailOf(world: World, snapshot: Snapshot, role: Role, caller: Caller): ResultInput<'role.show'> {
  const { roles, grants } = snapshot.directory;
  const effective = [...personsReached(roles, { kind: 'role', id: role.id })].map((id) => ({
    person: safeText(snapshot.nameOf(id)),
    via: (snapshot.access.who(id)?.roles.get(role.id)?.via.slice(1) ?? []).map((one) => safeText(one.name)),
    status: snapshot.person(id)?.status ?? 'disabled',
  }));
  const given = grants.filter(({ grantee }) => grantee.id === role.id);
  const seen = given.filter(({ mailbox }) => snapshot.access.surfaces(caller.person, mailbox, world.now()).settings);
  return {
    ...shownRole(snapshot, role.id),
    effective: effective.sort((a, b) => (a.person < b.person ? -1 : 1)),
    within: [...rolesOf(roles, { kind: 'role', id: role.id }).keys()].map((id) => safeText(snapshot.nameOf(id))).sort(),
    carries: seen.map(({ mailbox, access, send, setup, from, until }) => ({
      mailbox: safeText(snapshot.mailbox(mailbox)?.address ?? ''),
      access,
      send,
      setup,
      from: isoOrNull(from),
      until: isoOrNull(until),
    })),
    // That there is something at all is for those who manage people.
    carriesHidden: managesPeople(world, caller)
      ? new Set(given.filter((grant) => !seen.includes(grant)).map(({ mailbox }) => mailbox)).size
      : 0,
  };
}

// --- what a change would do -------------------------------------------------------------------------------------

/** The change that is looked at. */
function edited(snapshot: Snapshot, { role, edit, member }: Asked<'role.preview'>): (doc: Directory, act: Act) => Change {
  const { id } = roleNamed(snapshot, role);
  if (edit === 'remove') return (doc, act) => changes.roleRemove(doc, { role: id }, act);
  if (member === null) throw new PostroomError('invalid', 'Say who joins or leaves the role.', { field: 'member' });
  const who = granteeNamed(snapshot, member);
  return edit === 'join'
    ? (doc, act) => changes.roleMemberAdd(doc, { role: id, member: who }, act)
    : (doc, act) => changes.roleMemberRemove(doc, { role: id, member: who.id }, act);
}

const shownSurfaces = ['panel', 'timeline', 'send', 'settings'] as const;

/** One line for each person and mailbox whose grants the asker may see (or that are about the asker), one for all others of a person. */
function reachOf(
  world: World,
  snapshot: Snapshot,
  differences: readonly Difference[],
  caller: Caller,
): ResultInput<'role.preview'>['reach'] {
  const visible = ({ person, mailbox }: Difference): boolean =>
    person === caller.person || snapshot.access.surfaces(caller.person, mailbox, world.now()).settings;
  const shown = differences.filter(visible).map(({ person, mailbox, gains, loses }) => ({
    person: safeText(snapshot.nameOf(person)),
    mailbox: safeText(snapshot.mailbox(mailbox)?.address ?? ''),
    mailboxes: 1,
    gains: shownSurfaces.filter((surface) => gains.includes(surface)),
    loses: shownSurfaces.filter((surface) => loses.includes(surface)),
  }));
  const hidden = Map.groupBy(
    differences.filter((one) => !visible(one)),
    ({ person }) => person,
  );
  const counted = [...hidden].map(([person, all]) => ({
    person: safeText(snapshot.nameOf(person)),
    mailbox: null,
    mailboxes: all.length,
    gains: [],
    loses: [],
  }));
  return [...shown, ...counted].sort((a, b) => (a.person < b.person ? -1 : a.person > b.person ? 1 : 0));
}

const held = (index: RightsIndex, person: string): ReadonlySet<Operation> => index.who(person)?.operations ?? new Set<Operation>();

function operationsOf(before: Snapshot, after: Directory): ResultInput<'role.preview'>['operations'] {
  const next = rightsIndex(after);
  return before.directory.persons.flatMap(({ id, name }) => {
    const [had, has] = [held(before.access, id), held(next, id)];
    const gains = [...has].filter((one) => !had.has(one));
    const loses = [...had].filter((one) => !has.has(one));
    return gains.length + loses.length === 0 ? [] : [{ person: safeText(name), gains, loses }];
  });
}

type RoleMethods =
  | 'role.add'
  | 'role.list'
  | 'role.show'
  | 'role.preview'
  | 'role.remove'
  | 'role.allow'
  | 'role.deny'
  | 'role.member.add'
  | 'role.member.remove';

export const roleHandlers: Handlers<RoleMethods> = {
  'role.add': async (world, asked, caller) => {
    const { snapshot, id } = await change(world, caller, (doc, act) => changes.roleAdd(doc, { name: asked.name }, act));
    return shownRole(snapshot, id ?? '');
  },

  'role.list': async (world) => {
    const snapshot = world.directory.snapshot();
    return { rows: snapshot.directory.roles.map((role) => shownRole(snapshot, role.id)).sort((a, b) => (a.name < b.name ? -1 : 1)) };
  },

  'role.show': async (world, asked, caller) => {
    const snapshot = world.directory.snapshot();
    return detailOf(world, snapshot, roleNamed(snapshot, asked.name), caller);
  },

  'role.preview': async (world, asked, caller) => {
    const snapshot = world.directory.snapshot();
    const now = world.now();
    const before = snapshot.directory;
    const { after, refused } = changes.tried(before, edited(snapshot, asked), actOf(world, caller, now));
    return {
      role: safeText(roleNamed(snapshot, asked.role).name),
      reach: reachOf(world, snapshot, difference(before, after, now), caller),
      operations: operationsOf(snapshot, after),
      grants: before.grants.length - after.grants.length,
      refused: refusedOf(refused),
    };
  },

  'role.remove': async (world, asked, caller) => {
    const role = roleNamed(world.directory.snapshot(), asked.name);
    await change(world, caller, (doc, act) => changes.roleRemove(doc, { role: role.id }, act));
    return done;
  },

  'role.allow': async (world, asked, caller) => {
    const role = roleNamed(world.directory.snapshot(), asked.name);
    await change(world, caller, (doc, act) => changes.roleAllow(doc, { role: role.id, operation: asked.operation }, act));
    return done;
  },

  'role.deny': async (world, asked, caller) => {
    const role = roleNamed(world.directory.snapshot(), asked.name);
    await change(world, caller, (doc, act) => changes.roleDeny(doc, { role: role.id, operation: asked.operation }, act));
    return done;
  },

  'role.member.add': async (world, asked, caller) => {
    const before = world.directory.snapshot();
    const role = roleNamed(before, asked.role);
    const { snapshot } = await change(world, caller, (doc, act) =>
      changes.roleMemberAdd(doc, { role: role.id, member: granteeNamed(before, asked.member) }, act),
    );
    return shownRole(snapshot, role.id);
  },

  'role.member.remove': async (world, asked, caller) => {
    const before = world.directory.snapshot();
    const role = roleNamed(before, asked.role);
    const { snapshot } = await change(world, caller, (doc, act) =>
      changes.roleMemberRemove(doc, { role: role.id, member: granteeNamed(before, asked.member).id }, act),
    );
    return shownRole(snapshot, role.id);
  },
};
