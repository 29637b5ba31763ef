/** A person who leaves: what hangs on them, over the directory and the store, and the end of it. */
import { PostroomError } from '../../protocol/errors.ts';
import type { Asked, ResultInput } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import { rightsIndex } from '../access/rights.ts';
import * as changes from '../directory/changes.ts';
import { opens, type Person } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { change, personNamed } from './people.ts';
import { actOf } from './policy.ts';
import { personOf, refusedOf } from './wire.ts';
import type { Caller, Handlers, World } from './world.ts';

type Leaving = ResultInput<'person.leaving'>;
type Choices = Asked<'person.leaving'>;

const choicesOf = (person: Person, successor: Person | null, { release, mail }: Choices): changes.Leaving => ({
  person: person.id,
  successor: successor?.id ?? null,
  work: release ? 'release' : 'successor',
  mail,
});

async function leavingOf(world: World, asked: Choices, caller: Caller): Promise<Leaving> {
  const now = world.now();
  const snapshot = world.directory.snapshot();
  const { mailboxes, grants, invitations } = snapshot.directory;
  const person = personNamed(snapshot, asked.name);
  const successor = asked.successor === null ? null : personNamed(snapshot, asked.successor);
  const seen = (mailbox: string) => snapshot.access.surfaces(caller.person, mailbox, now);
  const address = (mailbox: string) => safeText(snapshot.mailbox(mailbox)?.address ?? '');

  const owned = mailboxes.filter(({ owner }) => owner === person.id).map(({ id }) => id);
  const ownsSeen = owned.filter((id) => seen(id).any);
  const held = grants.filter(({ grantee }) => grantee.id === person.id);
  const heldSeen = held.filter(({ mailbox }) => seen(mailbox).settings);
  const open = invitations.filter((one) => changes.isOpen(one, now));

  const work = (await world.store.heldBy({ kind: 'person', id: person.id })).filter(({ mailbox }) => snapshot.mailbox(mailbox));
  const sum = (of: (one: (typeof work)[number]) => number): number => work.reduce((all, one) => all + of(one), 0);
  const unsent = (await world.store.unsent(person.id)).length;
  const { after, refused } = changes.tried(
    snapshot.directory,
    (doc, act) => changes.personRemove(doc, choicesOf(person, successor, asked), act),
    actOf(world, caller, now),
  );
  // As the successor will reach them: what they inherit counts.
  const heir = asked.release ? null : successor;
  const mayAnswer = (mailbox: string): boolean => heir !== null && rightsIndex(after).surfaces(heir.id, mailbox, now).send;
  const assigned = sum((one) => one.assigned);
  const undecided = successor === null && !asked.release;
  return {
    person: personOf(person),
    successor: successor === null ? null : safeText(successor.name),
    owns: ownsSeen.map(address),
    ownsHidden: owned.length - ownsSeen.length,
    assigned,
    snoozed: sum((one) => one.snoozed),
    handed: sum((one) => (mayAnswer(one.mailbox) ? one.assigned : 0)),
    unsent,
    roles: snapshot.directory.roles.filter(({ members }) => members.some(({ id }) => id === person.id)).map(({ name }) => safeText(name)),
    operations: [...person.operations],
    keys: person.keys.filter(opens).length,
    invitations: {
      own: open.filter((one) => one.person === person.id).length,
      made: open.filter((one) => one.by === person.id && one.person !== person.id).length,
    },
    grants: heldSeen.map(({ mailbox, access, send, setup }) => ({ mailbox: address(mailbox), access, send, setup })),
    grantsHidden: held.length - heldSeen.length,
    gave: grants.filter((grant) => grant.by === person.id && grant.grantee.id !== person.id).length,
    wants: [
      ...(owned.length > 0 && successor === null ? (['mailboxes'] as const) : []),
      ...(assigned > 0 && undecided ? (['work'] as const) : []),
      ...(unsent > 0 && undecided ? (['mail'] as const) : []),
    ],
    refused: refusedOf(refused),
  };
}

/** Everything that is not decided, with what to do about it. */
function wanted({ person, wants, owns, ownsHidden, assigned, snoozed, unsent }: Leaving): string {
  const lines = {
    mailboxes: `owns ${many(owns.length + ownsHidden, 'mailbox', 'mailboxes')}: name who gets what they own with --successor PERSON`,
    work: `has ${many(assigned, 'conversation', 'conversations')} (${snoozed} snoozed): hand them on with --successor PERSON, or give them back to the team with --release`,
    mail: `has ${many(unsent, 'mail', 'mails')} that did not leave yet: with --successor or --release they are held and shown, with --mail cancel taken back`,
  };
  return `${person.name} ${wants.map((kind) => lines[kind]).join('; ')}. All that hangs on them: postroom person remove ${person.name} --dry-run`;
}

const many = (count: number, one: string, more: string): string => (count === 1 ? `1 ${one}` : `${count} ${more}`);

export const leavingHandlers: Handlers<'person.leaving' | 'person.remove'> = {
  'person.leaving': (world, asked, caller) => leavingOf(world, asked, caller),

  'person.remove': async (world, asked, caller) => {
    const leaving = await leavingOf(world, asked, caller);
    if (leaving.wants.length > 0) throw new PostroomError('invalid', wanted(leaving), { leaving });
    const snapshot: Snapshot = world.directory.snapshot();
    const person = personNamed(snapshot, asked.name);
    const successor = asked.successor === null ? null : personNamed(snapshot, asked.successor);
    await change(world, caller, (doc, act) => changes.personRemove(doc, choicesOf(person, successor, asked), act));
    return { ok: true };
  },
};
