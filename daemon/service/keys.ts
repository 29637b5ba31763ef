/** Identity: joining, keys, and the invitations that lead to them. What may not be is decided by the directory's changes. */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { encodeInvitation, fingerprint, newKeyPair } from '../../protocol/keys.ts';
import { safeText } from '../../protocol/text.ts';
import type { Act, Change, Inviting } from '../directory/changes.ts';
import * as changes from '../directory/changes.ts';
import type { Directory, Key, Person } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { originOf } from './origin.ts';
import { change, managesPeople, personNamed } from './people.ts';
import { policyOf } from './policy.ts';
import { counting } from './quotas.ts';
import { iso, keyOf, personOf, safeOrNull } from './wire.ts';
import type { Caller, Handlers, World } from './world.ts';

const invitationMs = 24 * 3_600_000;
const done = { ok: true } as const;

/** An invitation: a one-time key pair of which the daemon keeps the public half. */
async function invite(
  world: World,
  caller: Caller,
  make: (doc: Directory, inviting: Inviting, act: Act) => Change,
  invited: (snapshot: Snapshot) => Person | undefined,
) {
  const oneTime = newKeyPair();
  const expiresAt = world.now() + invitationMs;
  const { snapshot } = await change(world, caller, (doc, act) => make(doc, { publicKey: oneTime.publicKey, expiresAt }, act));
  const person = invited(snapshot);
  if (person === undefined) throw notFound();
  const { endpoint, warning } = world.invitationEndpoint();
  return {
    person: personOf(person),
    invitation: encodeInvitation({ endpoint, daemonKey: world.daemonKey, publicKey: oneTime.publicKey, secretKey: oneTime.secretKey }),
    expiresAt: iso(expiresAt),
    warning: safeOrNull(warning),
    confirm: changes.needsConfirmation(snapshot.directory, person, caller.person, world.now()),
  };
}

/** The one key with that fingerprint, or a beginning of it, among those that the caller may see and `fits` lets through. */
function keyNamed(world: World, caller: Caller, asked: string, fits: (key: Key) => boolean): string {
  const wanted = asked.toUpperCase();
  const [found, another] = personsSeen(world, caller).flatMap(({ keys }) =>
    keys.filter((key) => fits(key) && fingerprint(key.public).startsWith(wanted)),
  );
  if (found === undefined)
    throw new PostroomError('not-found', 'There is no such key with that fingerprint. `postroom key list` shows them.');
  if (another !== undefined) throw new PostroomError('invalid', 'Several keys begin like that. Give the whole fingerprint.');
  return found.id;
}

function personsSeen(world: World, caller: Caller): readonly Person[] {
  const all = managesPeople(world, caller);
  return world.directory.snapshot().directory.persons.filter((person) => all || person.id === caller.person);
}

type KeyMethods =
  | 'person.join'
  | 'person.add'
  | 'person.invite'
  | 'key.list'
  | 'key.revoke'
  | 'key.confirm'
  | 'invitation.list'
  | 'invitation.withdraw';

export const keyHandlers: Handlers<KeyMethods> = {
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
    const joined = after.keyByPublic(asked.publicKey);
    if (joined === undefined) throw notFound();
    return {
      person: personOf(joined.person),
      daemon: { name: safeText(world.config.organisation), version: world.version },
      waits: joined.key.unconfirmed === true,
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
    const taken = person.id === caller.person ? world.quotas.take(caller.person, 'invitations') : null;
    return counting(taken, () =>
      invite(
        world,
        caller,
        (doc, inviting, act) => changes.personInvite(doc, { person: person.id, inviting }, act),
        (snapshot) => snapshot.person(person.id),
      ),
    );
  },

  'key.list': async (world, _asked, caller) => {
    const snapshot = world.directory.snapshot();
    return { rows: personsSeen(world, caller).flatMap((person) => person.keys.map((key) => keyOf(snapshot, person, key, caller.key))) };
  },

  'key.revoke': async (world, asked, caller) => {
    const key = keyNamed(world, caller, asked.fingerprint, ({ revokedAt }) => revokedAt === null);
    await change(world, caller, (doc, act) => changes.keyRevoke(doc, { key }, act));
    return done;
  },

  'key.confirm': async (world, asked, caller) => {
    const key = keyNamed(world, caller, asked.fingerprint, ({ revokedAt }) => revokedAt === null);
    await change(world, caller, (doc, act) => changes.keyConfirm(doc, { key }, act));
    return done;
  },

  'invitation.list': async (world, _asked, caller) => {
    const snapshot = world.directory.snapshot();
    const all = managesPeople(world, caller);
    const rows = snapshot.directory.invitations
      .filter((one) => changes.isOpen(one, world.now()) && (all || one.person === caller.person || one.by === caller.person))
      .sort((a, b) => a.expiresAt - b.expiresAt)
      .map(({ id, person, by, expiresAt }) => ({
        id,
        person: safeText(snapshot.nameOf(person)),
        by: safeText(snapshot.nameOf(by)),
        expiresAt: iso(expiresAt),
        newcomer: snapshot.person(person)?.keys.length === 0,
      }));
    return { rows };
  },

  'invitation.withdraw': async (world, asked, caller) => {
    await change(world, caller, (doc, act) => changes.invitationWithdraw(doc, { invitation: asked.invitation }, act));
    return done;
  },
};
