/** Changes of persons, their keys and invitations, and of roles. Each is a function of the document; act.ts says what all of them obey. */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { safeText } from '../../protocol/text.ts';
import { type Grantee, type Millis, type Operation, rolesOf } from '../access/reach.ts';
import { rightsIndex } from '../access/rights.ts';
import { type Act, absent, type Change, conclude, invalid, needOperation, personOf, replace, roleOf, touch, unchanged } from './act.ts';
import { type Directory, fold, type Invitation, type Mailbox, NameText, newId, type Person, type Role } from './document.ts';

const dayMs = 86_400_000;

// --- persons ----------------------------------------------------------------------------------------------------

/** The public half of a one-time key pair, and the end of its use. */
export interface Inviting {
  readonly publicKey: string;
  readonly expiresAt: Millis;
}

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
  const person: Person = { id, name, email, status: 'invited', plan, addedAt: act.now, keys: [], operations };
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

/** One more key for a person. For somebody else it could be misused to act as them: the owners of their mailboxes are told. */
export function personInvite(doc: Directory, asked: { person: string; inviting: Inviting }, act: Act): Change {
  const own = asked.person === act.actor;
  needOperation(doc, act, ...(own ? [] : (['people.manage'] as const)));
  const person = personOf(doc, asked.person);
  if (person.status === 'disabled') throw invalid(`${person.name} is disabled. Enable them first: postroom person enable ${person.name}`);
  const invitation = invitationOf(person.id, asked.inviting, act);
  const after = { ...doc, invitations: [...keptInvitations(doc, act.now), invitation] };
  const told = {
    kind: 'system',
    action: 'person.invite',
    mailbox: null,
    summary: own ? 'asked for one more key' : `invited one more key for ${person.name}`,
    details: { person: person.name, expiresAt: new Date(invitation.expiresAt).toISOString() },
    alsoTell: own ? [] : rightsIndex(doc).everReached(person.id),
  } as const;
  return conclude(doc, after, act, told, invitation.id);
}

/**
 * Turns an invitation into a key of the person's own. Whoever calls holds the one-time key; that it works once is decided here, in
 * the order of writes.
 */
export function personJoin(
  doc: Directory,
  asked: { oneTimeKey: string; publicKey: string; label: string },
  { now, policy }: Omit<Act, 'actor'>,
): Change {
  const invitation = doc.invitations.find(({ publicKey }) => publicKey === asked.oneTimeKey);
  const person = doc.persons.find(({ id }) => id === invitation?.person);
  const refuse = (why: string) => new PostroomError('unauthenticated', `This invitation ${why}. Ask for a new one.`);
  if (!invitation || !person) throw refuse('is not known here');
  if (invitation.usedAt !== null) throw refuse('was used already');
  if (invitation.expiresAt <= now) throw refuse('has expired');
  if (person.status === 'disabled') throw refuse('is for somebody who is disabled');
  const taken = [
    ...doc.persons.flatMap(({ keys }) => keys.map((key) => key.public)),
    ...doc.invitations.map(({ publicKey }) => publicKey),
  ].includes(asked.publicKey);
  if (taken) throw invalid('This key is known here already. Make a new one for each device.');

  const id = newId('k');
  const key = { id, public: asked.publicKey, label: safeText(asked.label), addedAt: now, revokedAt: null };
  const after: Directory = {
    ...doc,
    persons: replace(doc.persons, { ...person, status: 'active', keys: [...person.keys, key] }),
    invitations: replace(doc.invitations, { ...invitation, usedAt: now }),
  };
  const told = {
    kind: 'system',
    action: 'person.join',
    mailbox: null,
    summary: `${person.name} joined with a key`,
    details: { key: id },
  } as const;
  return conclude(doc, after, { actor: person.id, now, policy }, told, id);
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

/** What they own goes to the successor; their name stays on what they did. */
export function personRemove(doc: Directory, asked: { person: string; successor: string | null }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const person = personOf(doc, asked.person);
  const successor = asked.successor === null ? null : personOf(doc, asked.successor);
  if (successor?.id === person.id || successor?.status === 'disabled') throw invalid('The successor is somebody else who is not disabled.');
  const owned = doc.mailboxes.filter(({ owner }) => owner === person.id);
  if (owned.length > 0 && !successor) {
    const count = owned.length === 1 ? 'a mailbox' : `${owned.length} mailboxes`;
    throw invalid(`${person.name} owns ${count}. Say who gets what they own: --successor PERSON`, { owns: owned.length });
  }
  const mailboxes = doc.mailboxes.map(
    (mailbox): Mailbox => (mailbox.owner === person.id && successor ? { ...mailbox, owner: successor.id } : mailbox),
  );
  const held = withoutGrantee({ ...doc, mailboxes: touch(mailboxes, new Set(owned.map(({ id }) => id))) }, person.id);
  const after: Directory = {
    ...held,
    persons: doc.persons.filter(({ id }) => id !== person.id),
    watches: doc.watches.filter((watch) => watch.person !== person.id),
    invitations: doc.invitations.filter((invitation) => invitation.person !== person.id),
    former: [...doc.former, { id: person.id, name: person.name, removedAt: act.now }],
  };
  const summary =
    successor && owned.length > 0 ? `removed ${person.name}; ${successor.name} owns what they owned` : `removed ${person.name}`;
  const details = { person: person.name, successor: successor?.name ?? null };
  return conclude(doc, after, act, { kind: 'system', action: 'person.remove', mailbox: null, summary, details });
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

/** One's own, or anybody's for people managers. To everybody else the key does not exist. */
export function keyRevoke(doc: Directory, asked: { key: string }, act: Act): Change {
  const person = doc.persons.find(({ keys }) => keys.some(({ id }) => id === asked.key));
  if (person?.id !== act.actor) needOperation(doc, act, 'people.manage');
  else needOperation(doc, act);
  const key = person?.keys.find(({ id }) => id === asked.key);
  if (!person || !key) throw notFound();
  if (key.revokedAt !== null) return unchanged(doc);
  const keys = replace(person.keys, { ...key, revokedAt: act.now });
  const after = { ...doc, persons: replace(doc.persons, { ...person, keys }) };
  const details = { person: person.name, key: key.id, label: key.label };
  return conclude(doc, after, act, {
    kind: 'system',
    action: 'key.revoke',
    mailbox: null,
    summary: `revoked a key of ${person.name}`,
    details,
  });
}

// --- roles ------------------------------------------------------------------------------------------------------

export function roleAdd(doc: Directory, asked: { name: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role: Role = { id: newId('r'), name: freeName(doc, asked.name), members: [], operations: [] };
  const after = { ...doc, roles: [...doc.roles, role] };
  const told = {
    kind: 'system',
    action: 'role.add',
    mailbox: null,
    summary: `added the role ${role.name}`,
    details: { role: role.name },
  } as const;
  return conclude(doc, after, act, told, role.id);
}

/** With the grants that were given to it. */
export function roleRemove(doc: Directory, asked: { role: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role = roleOf(doc, asked.role);
  const held = withoutGrantee(doc, role.id);
  const after = { ...held, roles: held.roles.filter(({ id }) => id !== role.id) };
  const details = { role: role.name };
  return conclude(doc, after, act, {
    kind: 'system',
    action: 'role.remove',
    mailbox: null,
    summary: `removed the role ${role.name}`,
    details,
  });
}

export function roleAllow(doc: Directory, asked: { role: string; operation: Operation }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const { operation } = asked;
  const role = roleOf(doc, asked.role);
  if (rightsIndex(doc).who(act.actor)?.roles.has(role.id)) throw noSelfAllow();
  if (role.operations.includes(operation)) return unchanged(doc);
  const after = { ...doc, roles: replace(doc.roles, { ...role, operations: [...role.operations, operation] }) };
  const details = { role: role.name, operation };
  const summary = `allowed ${operation} to the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'role.allow', mailbox: null, summary, details });
}

export function roleDeny(doc: Directory, asked: { role: string; operation: Operation }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const { operation } = asked;
  const role = roleOf(doc, asked.role);
  if (!role.operations.includes(operation)) return unchanged(doc);
  const after = { ...doc, roles: replace(doc.roles, { ...role, operations: role.operations.filter((one) => one !== operation) }) };
  const details = { role: role.name, operation };
  const summary = `took ${operation} from the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'role.deny', mailbox: null, summary, details });
}

/** Joining a role is a grant change: the owners of the mailboxes that it opens are told. */
export function roleMemberAdd(doc: Directory, asked: { role: string; member: Grantee }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role = roleOf(doc, asked.role);
  const { kind, id } = asked.member;
  const { name } = kind === 'person' ? personOf(doc, id) : roleOf(doc, id);
  if (role.members.some((member) => member.id === id)) return unchanged(doc);
  if (id === role.id) throw invalid(`${role.name} cannot be a member of itself.`);
  const chain = rolesOf(doc.roles, { kind: 'role', id: role.id }).get(id)?.via;
  if (chain) {
    const way = [...chain.map((one) => one.name), role.name].join(' > ');
    throw invalid(`${role.name} is in ${name} already (${way}), so ${name} cannot be in ${role.name}. Take one of them out first.`);
  }
  const members = [...role.members, { kind, id, at: act.now, by: act.actor }];
  const after = { ...doc, roles: replace(doc.roles, { ...role, members }) };
  const details = { role: role.name, member: name };
  const summary = `added ${name} to the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'grant', action: 'role.member.add', mailbox: null, summary, details });
}

export function roleMemberRemove(doc: Directory, asked: { role: string; member: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role = roleOf(doc, asked.role);
  const { name } = [...doc.persons, ...doc.roles].find(({ id }) => id === asked.member) ?? { name: 'This member' };
  const members = role.members.filter(({ id }) => id !== asked.member);
  if (members.length === role.members.length) throw absent(`${name} is not in ${role.name}. Look at: postroom role show ${role.name}`);
  const after = { ...doc, roles: replace(doc.roles, { ...role, members }) };
  const details = { role: role.name, member: name };
  const summary = `took ${name} out of the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'grant', action: 'role.member.remove', mailbox: null, summary, details });
}

// --- shared by the above ----------------------------------------------------------------------------------------

const noSelfAllow = (): PostroomError =>
  new PostroomError(
    'forbidden',
    'Nobody allows an operation to themselves or to a role they are in. Ask somebody else who manages people.',
    {
      why: 'own-reach',
    },
  );

/** The name as it is written down, if it is one and nobody has it. */
function freeName(doc: Directory, asked: string): string {
  const parsed = NameText.safeParse(asked.normalize('NFC'));
  if (!parsed.success) throw invalid('A name is 1 to 100 visible characters on one line.');
  const taken = [...doc.persons, ...doc.roles].find(({ name }) => fold(name) === fold(parsed.data));
  if (taken) throw invalid(`The name ${taken.name} is taken. Persons and roles share their names; choose another.`);
  return parsed.data;
}

function invitationOf(person: string, { publicKey, expiresAt }: Inviting, { actor, now }: Act): Invitation {
  if (expiresAt <= now) throw invalid('An invitation ends in the future.');
  return { id: newId('i'), person, publicKey, expiresAt, usedAt: null, by: actor };
}

/** Those that still say something: a used or late invitation is remembered for a week, to tell its holder what is wrong with it. */
const keptInvitations = (doc: Directory, now: Millis): readonly Invitation[] =>
  doc.invitations.filter(({ usedAt, expiresAt }) => now < Math.min(usedAt ?? expiresAt, expiresAt) + 7 * dayMs);

/** Without the grants and memberships of a person or role. */
function withoutGrantee(doc: Directory, id: string): Directory {
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
