/** Changes of persons. Each is a function of the document; act.ts says what all of them obey, keys.ts has their keys. */
import { PostroomError } from '../../protocol/errors.ts';
import type { Operation } from '../access/reach.ts';
import { rightsIndex } from '../access/rights.ts';
import { type Act, type Change, conclude, invalid, needOperation, personOf, replace, touch, unchanged } from './act.ts';
import { type Directory, fold, type Mailbox, NameText, newId, type Person } from './document.ts';
import { needSharing } from './grants.ts';
import { handsOf } from './hands.ts';
import { type Inviting, invitationOf, keptInvitations } from './keys.ts';

export function personAdd(
  doc: Directory,
  asked: { name: string; email: string | null; plan?: string | null; operations?: readonly Operation[]; inviting: Inviting },
  act: Act,
): Change {
  needOperation(doc, act, 'people.manage');
  const name = freeName(doc, asked.name);
  const operations = [...new Set(asked.operations ?? [])];
  const { email, plan = null } = asked;
  const id = newId('p');
  const person: Person = { id, name, email, status: 'invited', plan, addedAt: act.now, keys: [], operations, invitedBy: act.actor };
  const invitation = invitationOf(id, asked.inviting, act);
  const after = { ...doc, persons: [...doc.persons, person], invitations: [...keptInvitations(doc, act.now), invitation] };
  const told = {
    kind: 'system',
    action: 'person.add',
    mailbox: null,
    summary: `added ${name}`,
    details: { person: name, operations },
  } as const;
  return conclude(doc, after, act, told, id);
}

export function personSet(doc: Directory, asked: { person: string; plan?: string | null; email?: string | null }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const person = personOf(doc, asked.person);
  const { plan = person.plan, email = person.email } = asked;
  if (plan === person.plan && email === person.email) return unchanged(doc, person.id);
  const after = { ...doc, persons: replace(doc.persons, { ...person, plan, email }) };
  const details = { person: person.name, plan, email };
  const told = {
    kind: 'system',
    action: 'person.set',
    mailbox: null,
    summary: `changed plan or address of ${person.name}`,
    details,
  } as const;
  return conclude(doc, after, act, told, person.id);
}

/**
 * Says that there is such a person, and that they have the key: from now on they and whoever invited them are two. It takes somebody who
 * counts as neither. The first person of a home has nobody beside them at first: they confirm the second one who manages people themselves.
 */
export function personConfirm(doc: Directory, asked: { person: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const person = personOf(doc, asked.person);
  const { invitedBy, vouchedBy = [] } = person;
  const hands = handsOf(doc);
  if (invitedBy === undefined || vouchedBy.includes(act.actor) || vouchedBy.includes(person.id)) return unchanged(doc, person.id);
  const second = isSecondManager(doc, person, act);
  // Everybody counts as the first person to begin with: whoever was invited by others is theirs to vouch for.
  const isFirst = personOf(doc, act.actor).invitedBy === undefined;
  const tied = [invitedBy, person.id].some((one) => one === act.actor || (!isFirst && hands.sameHands(act.actor, one) !== null));
  if (!second && tied) throw ownWord(doc, person, invitedBy, act);
  const after = {
    ...doc,
    persons: replace(doc.persons, { ...person, vouchedBy: [...vouchedBy, second ? person.id : act.actor] }),
  };
  const told = {
    kind: 'system',
    action: 'person.confirm',
    mailbox: null,
    summary: second ? `confirmed ${person.name} as the second person who manages people` : `confirmed ${person.name}`,
    details: { person: person.name, invitedBy: nameIn(doc, invitedBy) },
    alsoTell: rightsIndex(doc).everReached(person.id),
  } as const;
  return conclude(doc, after, act, told, person.id);
}

/** Whoever acts was invited by nobody, and everybody else who manages people counts as them: nobody could vouch for the first of those. */
function isSecondManager(doc: Directory, person: Person, { actor }: Act): boolean {
  const hands = handsOf(doc);
  const managing = rightsIndex(doc).holders('people.manage');
  return (
    personOf(doc, actor).invitedBy === undefined &&
    person.id !== actor &&
    person.status === 'active' &&
    managing.includes(person.id) &&
    managing.every((one) => hands.countsAs(one, actor))
  );
}

function ownWord(doc: Directory, person: Person, invitedBy: string, { actor }: Act): PostroomError {
  const why =
    actor === person.id
      ? 'nobody vouches for themselves'
      : actor === invitedBy
        ? `you invited ${person.name}`
        : `you and ${nameIn(doc, handsOf(doc).sameHands(actor, invitedBy) === null ? person.id : invitedBy)} count as one person so far`;
  return new PostroomError(
    'forbidden',
    `Nobody widens their own reach: ${why}. Ask somebody else who manages people: postroom person confirm ${person.name}`,
    { why: 'own-reach' },
  );
}

const nameIn = (doc: Directory, id: string): string => [...doc.persons, ...doc.former].find((one) => one.id === id)?.name ?? 'somebody';

export function personDisable(doc: Directory, asked: { person: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const person = personOf(doc, asked.person);
  if (person.status === 'disabled') return unchanged(doc, person.id);
  const after: Directory = { ...doc, persons: replace(doc.persons, { ...person, status: 'disabled' }) };
  const details = { person: person.name };
  return conclude(doc, after, act, {
    kind: 'system',
    action: 'person.disable',
    mailbox: null,
    summary: `disabled ${person.name}`,
    details,
  });
}

export function personEnable(doc: Directory, asked: { person: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const person = personOf(doc, asked.person);
  if (person.status !== 'disabled') return unchanged(doc, person.id);
  const status = person.keys.length > 0 ? 'active' : 'invited';
  const after: Directory = { ...doc, persons: replace(doc.persons, { ...person, status }) };
  const details = { person: person.name };
  return conclude(doc, after, act, { kind: 'system', action: 'person.enable', mailbox: null, summary: `enabled ${person.name}`, details });
}

/** What is to become of what a person leaves behind. */
export interface Leaving {
  readonly person: string;
  /** Who owns what they owned. */
  readonly successor: string | null;
  /** Conversations assigned to them: handed to the successor where that person holds Send, or given back to the team. */
  readonly work?: 'successor' | 'release';
  /** Their mail that has not left yet: held where it is and shown, or taken back. */
  readonly mail?: 'hold' | 'cancel';
}

/**
 * Takes a person out. What they own goes to the successor; what was given to them, their keys and the invitations they made end. Their
 * name stays on what they did and is nobody else's. Their work is in the store: `heir` and `mail` say there what is to become of it.
 */
export function personRemove(doc: Directory, asked: Leaving, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const person = personOf(doc, asked.person);
  const successor = asked.successor === null ? null : personOf(doc, asked.successor);
  if (successor !== null && (successor.id === person.id || successor.status !== 'active')) {
    throw invalid(`The successor is somebody else who has joined and is not disabled. Choose another than ${successor.name}.`);
  }
  const owned = doc.mailboxes.filter(({ owner }) => owner === person.id);
  if (owned.length > 0 && !successor) {
    const count = owned.length === 1 ? 'a mailbox' : `${owned.length} mailboxes`;
    throw invalid(`${person.name} owns ${count}. Say who gets what they own: --successor PERSON`, { owns: owned.length });
  }
  const mailboxes = doc.mailboxes.map(
    (mailbox): Mailbox => (mailbox.owner === person.id && successor ? { ...mailbox, owner: successor.id } : mailbox),
  );
  const held = withoutGrantee({ ...doc, mailboxes: touch(mailboxes, new Set(owned.map(({ id }) => id))) }, person.id);
  for (const { id, shared } of owned) if (shared) needSharing(held, id, act, 'unnamed');
  const heir = successor !== null && asked.work !== 'release' ? successor.id : null;
  const mail = asked.mail ?? 'hold';
  const after: Directory = {
    ...held,
    persons: doc.persons.filter(({ id }) => id !== person.id).map((one) => withoutStanding(one, person)),
    watches: doc.watches.filter((watch) => watch.person !== person.id),
    invitations: doc.invitations.filter((invitation) => invitation.person !== person.id && invitation.by !== person.id),
    former: [...doc.former, { id: person.id, name: person.name, removedAt: act.now, heir, mail }],
  };
  const summary =
    successor && owned.length > 0 ? `removed ${person.name}; ${successor.name} owns what they owned` : `removed ${person.name}`;
  const details = { person: person.name, successor: successor?.name ?? null, work: heir === null ? 'release' : 'successor', mail };
  return conclude(doc, after, act, { kind: 'system', action: 'person.remove', mailbox: null, summary, details });
}

/** Those who stood for whoever leaves stand for the people whom that one invited or vouched for: nobody gets out of hands by a removal. */
function withoutStanding(person: Person, gone: Person): Person {
  const { invitedBy, vouchedBy = [] } = person;
  const stood = [...(gone.invitedBy === undefined ? [] : [gone.invitedBy]), ...(gone.vouchedBy ?? []).filter((one) => one !== person.id)];
  const forThemselves = gone.invitedBy === undefined || gone.vouchedBy?.includes(gone.id) === true;
  if (forThemselves || (invitedBy !== gone.id && !vouchedBy.includes(gone.id))) return person;
  const others = vouchedBy.filter((one) => one !== gone.id);
  return { ...person, invitedBy: invitedBy === gone.id ? gone.invitedBy : invitedBy, vouchedBy: [...new Set([...others, ...stood])] };
}

export function personAllow(doc: Directory, asked: { person: string; operation: Operation }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const { operation } = asked;
  if (asked.person === act.actor) throw noSelfAllow();
  const person = personOf(doc, asked.person);
  if (person.operations.includes(operation)) return unchanged(doc);
  const after = { ...doc, persons: replace(doc.persons, { ...person, operations: [...person.operations, operation] }) };
  const details = { person: person.name, operation };
  const summary = `allowed ${operation} to ${person.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'person.allow', mailbox: null, summary, details });
}

export function personDeny(doc: Directory, asked: { person: string; operation: Operation }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const { operation } = asked;
  const person = personOf(doc, asked.person);
  if (!person.operations.includes(operation)) {
    const through = rightsIndex(doc).holds(person.id, operation);
    if (through) throw invalid(`${person.name} holds ${operation} through a role. Deny it to the role, or take ${person.name} out of it.`);
    return unchanged(doc);
  }
  const after = { ...doc, persons: replace(doc.persons, { ...person, operations: person.operations.filter((one) => one !== operation) }) };
  const details = { person: person.name, operation };
  const summary = `took ${operation} from ${person.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'person.deny', mailbox: null, summary, details });
}

// --- shared with roles ------------------------------------------------------------------------------------------

export const noSelfAllow = (): PostroomError =>
  new PostroomError(
    'forbidden',
    'Nobody allows an operation to themselves or to a role they are in. Ask somebody else who manages people.',
    { why: 'own-reach' },
  );

/** The name as it is written down, if it is one and nobody has it or had it: history goes by names for those who read it. */
export function freeName(doc: Directory, asked: string): string {
  const parsed = NameText.safeParse(asked.normalize('NFC'));
  if (!parsed.success) throw invalid('A name is 1 to 100 visible characters on one line.');
  const same = ({ name }: { name: string }) => fold(name) === fold(parsed.data);
  const taken = [...doc.persons, ...doc.roles].find(same);
  if (taken) throw new PostroomError('conflict', `The name ${taken.name} is taken. Persons and roles share their names; choose another.`);
  const former = doc.former.find(same);
  if (former) throw new PostroomError('conflict', `${former.name} left, and their name stays on what they wrote. Choose another.`);
  return parsed.data;
}

/** Without the grants and memberships of a person or role. */
export function withoutGrantee(doc: Directory, id: string): Directory {
  const touched = new Set(doc.grants.filter(({ grantee }) => grantee.id === id).map(({ mailbox }) => mailbox));
  return {
    ...doc,
    mailboxes: touch(doc.mailboxes, touched),
    grants: doc.grants.filter(({ grantee }) => grantee.id !== id),
    roles: doc.roles.map((role) =>
      role.members.some((member) => member.id === id) ? { ...role, members: role.members.filter((member) => member.id !== id) } : role,
    ),
  };
}
