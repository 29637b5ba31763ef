/** Persons: each handler is one change of the directory. What may not be is decided there. */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { fingerprint } from '../../protocol/keys.ts';
import { safeText } from '../../protocol/text.ts';
import type { Act, Change } from '../directory/changes.ts';
import * as changes from '../directory/changes.ts';
import type { Directory, Person } from '../directory/document.ts';
import { handsOf } from '../directory/hands.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { originOf } from './origin.ts';
import { actOf } from './policy.ts';
import { iso, keyOf, personOf, safeOrNull } from './wire.ts';
import type { Caller, Handlers, World } from './world.ts';

/** Runs one change of the directory as the caller; answers with what it made. */
export async function change(
  world: World,
  caller: Caller,
  make: (doc: Directory, act: Act) => Change,
): Promise<{ snapshot: Snapshot; id: string | null }> {
  const { after, outcome } = await world.directory.change((doc, now) => make(doc, actOf(world, caller, now)), {
    origin: originOf(caller),
  });
  await world.rightsSettled(); // a revocation is answered when no mail of it can leave any more
  return { snapshot: after, id: outcome.id };
}

export const absent = (what: string, name: string): PostroomError =>
  new PostroomError('not-found', `There is no ${what} "${safeText(name)}".`);

export function personNamed(snapshot: Snapshot, name: string): Person {
  const person = snapshot.personByName(name);
  if (person === undefined) throw absent('person', name);
  return person;
}

export function granteeNamed(snapshot: Snapshot, name: string) {
  const grantee = snapshot.granteeByName(name);
  if (grantee === undefined) throw absent('person and no role', name);
  return { kind: grantee.kind, id: grantee.id };
}

const shownPerson = (snapshot: Snapshot, id: string) => {
  const person = snapshot.person(id);
  if (person === undefined) throw notFound();
  return personOf(person);
};

export const managesPeople = (world: World, caller: Caller): boolean =>
  world.directory.snapshot().access.holds(caller.person, 'people.manage');

const done = { ok: true } as const;

type PeopleMethods =
  | 'session.whoami'
  | 'daemon.status'
  | 'person.list'
  | 'person.show'
  | 'person.set'
  | 'person.disable'
  | 'person.enable'
  | 'person.confirm'
  | 'person.allow'
  | 'person.deny';

export const peopleHandlers: Handlers<PeopleMethods> = {
  'session.whoami': async (world, _asked, caller) => {
    const snapshot = world.directory.snapshot();
    const who = snapshot.access.who(caller.person);
    return {
      person: { id: caller.person, name: safeText(snapshot.nameOf(caller.person)) },
      operations: [...(who?.operations ?? [])],
      roles: [...(who?.roles.keys() ?? [])].map((role) => safeText(snapshot.nameOf(role))).sort(),
      daemon: { name: safeText(world.config.organisation), version: world.version, fingerprint: fingerprint(world.daemonKey) },
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
      keys: details ? person.keys.map((key) => keyOf(snapshot, person, key, caller.key)) : [],
      countsAs: details
        ? handsOf(snapshot.directory)
            .mastersOf(person.id)
            .map((id) => safeText(snapshot.nameOf(id)))
        : [],
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

  'person.confirm': async (world, asked, caller) => {
    const person = personNamed(world.directory.snapshot(), asked.name);
    await change(world, caller, (doc, act) => changes.personConfirm(doc, { person: person.id }, act));
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
};
