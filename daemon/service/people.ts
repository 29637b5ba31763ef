/** Persons, keys, roles: each handler is one change of the directory. What may not be is decided there. */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { encodeInvitation, fingerprint, newKeyPair } from '../../protocol/keys.ts';
import { safeText } from '../../protocol/text.ts';
import { personsReached } from '../access/reach.ts';
import type { Act, Change } from '../directory/changes.ts';
import * as changes from '../directory/changes.ts';
import type { Directory, Person, Role } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { originOf } from './origin.ts';
import { actOf, policyOf } from './policy.ts';
import { iso, keyOf, personOf, roleOf, safeOrNull } from './wire.ts';
import type { Caller, Handlers, World } from './world.ts';

const invitationMs = 24 * 3_600_000;

/** Runs one change of the directory as the caller; answers with what it made. */
export async function change(
  world: World,
  caller: Caller,
  make: (doc: Directory, act: Act) => Change,
): Promise<{ snapshot: Snapshot; id: string | null }> {
  const { after, outcome } = await world.directory.change((doc, now) => make(doc, actOf(world, caller.person, now)), {
    origin: originOf(caller),
  });
  await world.rightsSettled(); // a revocation is answered when no mail of it can leave any more
  return { snapshot: after, id: outcome.id };
}

export const absent = (what: string, name: string): PostroomError =>
  new PostroomError('not-found', `There is no ${what} "${safeText(name)}".`);

function personNamed(snapshot: Snapshot, name: string): Person {
  const person = snapshot.personByName(name);
  if (person === undefined) throw absent('person', name);
  return person;
}

function roleNamed(snapshot: Snapshot, name: string): Role {
  const role = snapshot.roleByName(name);
  if (role === undefined) throw absent('role', name);
  return role;
}

export function granteeNamed(snapshot: Snapshot, name: string) {
  const grantee = snapshot.granteeByName(name);
  if (grantee === undefined) throw absent('person and no role', name);
  return { kind: grantee.kind, id: grantee.id };
}

const shownRole = (snapshot: Snapshot, id: string) => {
  const role = snapshot.role(id);
  if (role === undefined) throw notFound();
  return roleOf(snapshot, role, personsReached(snapshot.directory.roles, { kind: 'role', id }));
};

const shownPerson = (snapshot: Snapshot, id: string) => {
  const person = snapshot.person(id);
  if (person === undefined) throw notFound();
  return personOf(person);
};

const managesPeople = (world: World, caller: Caller): boolean => world.directory.snapshot().access.holds(caller.person, 'people.manage');

/** An invitation: a one-time key pair of which the daemon keeps the public half. */
async function invite(
  world: World,
  caller: Caller,
  make: (doc: Directory, inviting: { publicKey: string; expiresAt: number }, act: Act) => Change,
  invited: (snapshot: Snapshot) => Person | undefined,
) {
  const oneTime = newKeyPair();
  const expiresAt = world.now() + invitationMs;
  const { snapshot } = await change(world, caller, (doc, act) => make(doc, { publicKey: oneTime.publicKey, expiresAt }, act));
  const person = invited(snapshot);
  if (person === undefined) throw notFound();
  const { endpoint, warning } = world.invitationEndpoint();
  return {
    person: shownPerson(snapshot, person.id),
    invitation: encodeInvitation({ endpoint, daemonKey: world.daemonKey, publicKey: oneTime.publicKey, secretKey: oneTime.secretKey }),
    expiresAt: iso(expiresAt),
    warning: safeOrNull(warning),
  };
}

const done = { ok: true } as const;

type PeopleMethods =
  | 'session.whoami'
  | 'daemon.status'
  | 'person.join'
  | 'person.add'
  | 'person.invite'
  | 'person.list'
  | 'person.show'
  | 'person.set'
  | 'person.disable'
  | 'person.enable'
  | 'person.remove'
  | 'person.allow'
  | 'person.deny'
  | 'key.list'
  | 'key.revoke'
  | 'role.add'
  | 'role.list'
  | 'role.show'
  | 'role.remove'
  | 'role.allow'
  | 'role.deny'
  | 'role.member.add'
  | 'role.member.remove';

export const peopleHandlers: Handlers<PeopleMethods> = {
  'session.whoami': async (world, _asked, caller) => {
    const snapshot = world.directory.snapshot();
    const who = snapshot.access.who(caller.person);
    return {
      person: { id: caller.person, name: safeText(snapshot.nameOf(caller.person)) },
      operations: [...(who?.operations ?? [])],
      roles: [...(who?.roles.keys() ?? [])].map((role) => safeText(snapshot.nameOf(role))).sort(),
      daemon: { name: safeText(world.config.organisation), version: world.version },
      fingerprint: fingerprint(caller.key),
    };
  },

  'daemon.status': async (world, _asked, caller) => {
    const snapshot = world.directory.snapshot();
    const mailboxes = [...snapshot.access.mailboxes(caller.person, world.now()).keys()].flatMap((id) => snapshot.mailbox(id) ?? []);
    const troubled = mailboxes.filter((mailbox) => ['offline', 'auth-failed', 'error'].includes(world.statusOf(mailbox).state)).length;
    const { sessions, eventLoopP99Ms } = world.vitals();
    return {
      version: world.version,
      pid: process.pid,
      startedAt: iso(world.startedAt),
      mailboxes: mailboxes.length,
      troubled,
      sessions,
      eventLoopP99Ms,
    };
  },

  'person.join': async (world, asked, caller) => {
    const { after } = await world.directory.change(
      (doc, now) =>
        changes.personJoin(
          doc,
          { oneTimeKey: caller.key, publicKey: asked.publicKey, label: asked.label },
          { now, policy: policyOf(world.config) },
        ),
      { origin: originOf(caller) },
    );
    return {
      person: shownPerson(after, after.keyByPublic(asked.publicKey)?.person.id ?? ''),
      daemon: { name: safeText(world.config.organisation), version: world.version },
    };
  },

  'person.add': (world, asked, caller) =>
    invite(
      world,
      caller,
      (doc, inviting, act) => changes.personAdd(doc, { name: asked.name, email: asked.email, operations: asked.operations, inviting }, act),
      (snapshot) => snapshot.personByName(asked.name),
    ),

  'person.invite': (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    return invite(
      world,
      caller,
      (doc, inviting, act) => changes.personInvite(doc, { person: person.id, inviting }, act),
      (snapshot) => snapshot.person(person.id),
    );
  },

  'person.list': async (world) => ({
    rows: world.directory
      .snapshot()
      .directory.persons.map(personOf)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }),

  'person.show': async (world, asked, caller) => {
    const snapshot = world.directory.snapshot();
    const person = personNamed(snapshot, asked.name);
    const details = person.id === caller.person || managesPeople(world, caller);
    const who = snapshot.access.who(person.id);
    const owned = snapshot.directory.mailboxes.filter((mailbox) => mailbox.owner === person.id);
    const visible = owned.filter((mailbox) => snapshot.access.surfaces(caller.person, mailbox.id, world.now()).any);
    return {
      ...personOf(person),
      plan: details ? safeOrNull(person.plan) : null,
      operations: details ? [...(who?.operations ?? [])] : [],
      roles: [...(who?.roles.keys() ?? [])].map((role) => safeText(snapshot.nameOf(role))).sort(),
      keys: details ? person.keys.map((key) => keyOf(person, key, caller.key)) : [],
      owns: visible.map((mailbox) => safeText(mailbox.address)),
      ownsHidden: details ? owned.length - visible.length : 0,
    };
  },

  'person.set': async (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    const { snapshot } = await change(world, caller, (doc, act) =>
      changes.personSet(doc, { person: person.id, plan: asked.plan, email: asked.email }, act),
    );
    return shownPerson(snapshot, person.id);
  },

  'person.disable': async (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    const { snapshot } = await change(world, caller, (doc, act) => changes.personDisable(doc, { person: person.id }, act));
    return shownPerson(snapshot, person.id);
  },

  'person.enable': async (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    const { snapshot } = await change(world, caller, (doc, act) => changes.personEnable(doc, { person: person.id }, act));
    return shownPerson(snapshot, person.id);
  },

  'person.remove': async (world, asked, caller) => {
    const snapshot = world.directory.snapshot();
    const person = personNamed(snapshot, asked.name);
    const successor = asked.successor === null ? null : personNamed(snapshot, asked.successor).id;
    await change(world, caller, (doc, act) => changes.personRemove(doc, { person: person.id, successor }, act));
    return done;
  },

  'person.allow': async (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    await change(world, caller, (doc, act) => changes.personAllow(doc, { person: person.id, operation: asked.operation }, act));
    return done;
  },

  'person.deny': async (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    await change(world, caller, (doc, act) => changes.personDeny(doc, { person: person.id, operation: asked.operation }, act));
    return done;
  },

  'key.list': async (world, _asked, caller) => {
    const all = managesPeople(world, caller);
    const persons = world.directory.snapshot().directory.persons.filter((person) => all || person.id === caller.person);
    return { rows: persons.flatMap((person) => person.keys.map((key) => keyOf(person, key, caller.key))) };
  },

  'key.revoke': async (world, asked, caller) => {
    const wanted = asked.fingerprint.toUpperCase();
    const all = managesPeople(world, caller);
    const persons = world.directory.snapshot().directory.persons.filter((person) => all || person.id === caller.person);
    const matching = persons.flatMap((person) =>
      person.keys
        .filter((key) => key.revokedAt === null && fingerprint(key.public).startsWith(wanted))
        .map((key) => ({ person: person.id, key: key.id })),
    );
    const [found, another] = matching;
    if (found === undefined)
      throw new PostroomError('not-found', 'There is no live key with that fingerprint. `postroom key list` shows them.');
    if (another !== undefined) throw new PostroomError('invalid', 'Several keys begin like that. Give the whole fingerprint.');
    await change(world, caller, (doc, act) => changes.keyRevoke(doc, found, act));
    return done;
  },

  'role.add': async (world, asked, caller) => {
    const { snapshot, id } = await change(world, caller, (doc, act) => changes.roleAdd(doc, { name: asked.name }, act));
    return shownRole(snapshot, id ?? '');
  },

  'role.list': async (world) => {
    const snapshot = world.directory.snapshot();
    return { rows: snapshot.directory.roles.map((role) => shownRole(snapshot, role.id)).sort((a, b) => (a.name < b.name ? -1 : 1)) };
  },

  'role.show': async (world, asked) => {
    const snapshot = world.directory.snapshot();
    return shownRole(snapshot, roleNamed(snapshot, asked.name).id);
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
