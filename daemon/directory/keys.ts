/**
 * Changes of keys and of the invitations that lead to them. Each is a function of the document; act.ts says what all of them obey.
 *
 * Whoever makes an invitation has seen it and could use it. For a newcomer that is all there is: the person themselves counts as whoever
 * invited them (hands.ts), and there is one open invitation at a time, so that a key which somebody else took is noticed. For somebody who
 * has joined it would be a way to act as them: a key that comes of it opens nothing until somebody else has said that it is theirs, unless
 * it leads to nothing that whoever invited it does not reach; and it waits as soon as it does.
 */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { safeText } from '../../protocol/text.ts';
import type { Millis } from '../access/reach.ts';
import { rightsIndex } from '../access/rights.ts';
import { type Act, type Change, conclude, find, invalid, needOperation, personOf, replace, unchanged } from './act.ts';
import { type Directory, type Invitation, type Key, newId, type Person } from './document.ts';
import { handsOf, isDoubtful, opensMore } from './hands.ts';

const dayMs = 86_400_000;

/** The public half of a one-time key pair, and the end of its use. */
export interface Inviting {
  readonly publicKey: string;
  readonly expiresAt: Millis;
}

/** One more key for a person. For somebody else it could be misused to act as them: the owners of their mailboxes are told. */
export function personInvite(doc: Directory, asked: { person: string; inviting: Inviting }, act: Act): Change {
  const own = asked.person === act.actor;
  needOperation(doc, act, ...(own ? [] : (['people.manage'] as const)));
  const person = personOf(doc, asked.person);
  if (person.status === 'disabled') throw invalid(`${person.name} is disabled. Enable them first: postroom person enable ${person.name}`);
  if (own) needOwnKey(person, act);
  const invitation = invitationOf(person.id, asked.inviting, act);
  const others = keptInvitations(doc, act.now).filter((one) => person.keys.length > 0 || one.person !== person.id || one.usedAt !== null);
  const after = { ...doc, invitations: [...others, invitation] };
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

/** It opens nothing any more. One's own and those one made; anybody's for people managers. */
export function invitationWithdraw(doc: Directory, asked: { invitation: string }, act: Act): Change {
  needOperation(doc, act);
  const invitation = find(doc.invitations, asked.invitation);
  const own = invitation.person === act.actor || invitation.by === act.actor;
  if (!own && !rightsIndex(doc).holds(act.actor, 'people.manage')) throw notFound();
  if (!isOpen(invitation, act.now)) throw invalid('This invitation was used already, or its time is over: there is nothing to withdraw.');
  const { name } = personOf(doc, invitation.person);
  const after = { ...doc, invitations: doc.invitations.filter(({ id }) => id !== invitation.id) };
  const summary = `withdrew an invitation for ${name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'invitation.withdraw', mailbox: null, summary, details: { person: name } });
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
  if (doc.persons.find(({ id }) => id === invitation.by)?.status !== 'active') throw refuse('is from somebody who is not here any more');
  const taken = [
    ...doc.persons.flatMap(({ keys }) => keys.map((key) => key.public)),
    ...doc.invitations.map(({ publicKey }) => publicKey),
  ].includes(asked.publicKey);
  if (taken) throw invalid('This key is known here already. Make a new one for each device.');

  const id = newId('k');
  const waits = needsConfirmation(doc, person, invitation.by, now);
  const key: Key = {
    id,
    public: asked.publicKey,
    label: safeText(asked.label),
    addedAt: now,
    revokedAt: null,
    ...(isForeign(person, invitation.by) ? { invitedBy: invitation.by } : {}),
    ...(waits ? { unconfirmed: true } : {}),
  };
  const after: Directory = {
    ...doc,
    persons: replace(doc.persons, { ...person, status: 'active', keys: [...person.keys, key] }),
    invitations: replace(doc.invitations, { ...invitation, usedAt: now }),
  };
  const told = {
    kind: 'system',
    action: 'person.join',
    mailbox: null,
    summary: waits ? `${person.name} joined with a key that has to be confirmed` : `${person.name} joined with a key`,
    details: { key: id, invitedBy: doc.persons.find((one) => one.id === invitation.by)?.name ?? null },
    alsoTell: waits ? rightsIndex(doc).everReached(person.id) : [],
  } as const;
  return conclude(doc, after, { actor: person.id, now, policy }, told, id);
}

/** Says that a key is that person's: themselves, from another device, or somebody who manages people and did not invite it. */
export function keyConfirm(doc: Directory, asked: { key: string }, act: Act): Change {
  const { person, key } = keyFor(doc, asked.key, act);
  if (key.revokedAt !== null) throw invalid('This key was revoked and does not come back.');
  if (!isDoubtful(key)) return unchanged(doc, key.id);
  if (person.id === act.actor) needOwnKey(person, act);
  else if (key.invitedBy !== undefined && handsOf(doc).countsAs(act.actor, key.invitedBy)) {
    const why = key.invitedBy === act.actor ? 'you invited this key' : 'you count as whoever invited this key';
    throw new PostroomError(
      'forbidden',
      `Nobody widens their own reach, and ${why}. ${person.name} confirms it from another device, or somebody else who manages people.`,
      { why: 'own-reach' },
    );
  }
  const { unconfirmed: _, ...opened } = key;
  const confirmed: Key = { ...opened, confirmedBy: act.actor };
  const after = { ...doc, persons: replace(doc.persons, { ...person, keys: replace(person.keys, confirmed) }) };
  const told = {
    kind: 'system',
    action: 'key.confirm',
    mailbox: null,
    summary: `confirmed a key of ${person.name}`,
    details: { person: person.name, key: key.id, label: key.label },
    alsoTell: person.id === act.actor ? [] : rightsIndex(doc).everReached(person.id),
  } as const;
  return conclude(doc, after, act, told, key.id);
}

/** One's own, or anybody's for people managers. To everybody else the key does not exist. */
export function keyRevoke(doc: Directory, asked: { key: string }, act: Act): Change {
  const { person, key } = keyFor(doc, asked.key, act);
  if (key.revokedAt !== null) return unchanged(doc);
  const keys = replace(person.keys, { ...key, revokedAt: act.now });
  const after = { ...doc, persons: replace(doc.persons, { ...person, keys }) };
  const details = { person: person.name, key: key.id, label: key.label };
  const summary = `revoked a key of ${person.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'key.revoke', mailbox: null, summary, details });
}

/** From a key that somebody else invited nobody vouches for another one, nor makes one. */
function needOwnKey(person: Person, { key }: Act): void {
  const mine = person.keys.find((one) => one.public === key);
  if (mine === undefined || !isDoubtful(mine)) return;
  throw new PostroomError(
    'forbidden',
    'Somebody else invited the key of this session, and nobody has confirmed it. Confirm it from another device, or ask somebody who manages people: postroom key confirm FINGERPRINT',
    { why: 'own-reach' },
  );
}

function keyFor(doc: Directory, id: string, act: Act): { person: Person; key: Key } {
  const person = doc.persons.find(({ keys }) => keys.some((key) => key.id === id));
  needOperation(doc, act, ...(person?.id === act.actor ? [] : (['people.manage'] as const)));
  const found = find(doc.persons, person?.id ?? '');
  return { person: found, key: find(found.keys, id) };
}

// --- invitations ------------------------------------------------------------------------------------------------

export function invitationOf(person: string, { publicKey, expiresAt }: Inviting, { actor, now }: Act): Invitation {
  if (expiresAt <= now) throw invalid('An invitation ends in the future.');
  return { id: newId('i'), person, publicKey, expiresAt, usedAt: null, by: actor };
}

/** Those that still say something: a used or late invitation is remembered for a week, to tell its holder what is wrong with it. */
export const keptInvitations = (doc: Directory, now: Millis): readonly Invitation[] =>
  doc.invitations.filter(({ usedAt, expiresAt }) => now < Math.min(usedAt ?? expiresAt, expiresAt) + 7 * dayMs);

export const isOpen = ({ usedAt, expiresAt }: Invitation, now: Millis): boolean => usedAt === null && now < expiresAt;

/** Whether a key that comes of an invitation by `inviter` would have to be confirmed, as things stand. */
export const needsConfirmation = (doc: Directory, person: Person, inviter: string, now: Millis): boolean =>
  isForeign(person, inviter) && opensMore(doc, person.id, inviter, now);

/** The first key of a newcomer is theirs, if whoever they count as invited it, and nobody vouched for them before there was one. */
const isForeign = (person: Person, inviter: string): boolean =>
  person.id !== inviter && (person.keys.length > 0 || (person.vouchedBy ?? []).length > 0 || person.invitedBy !== inviter);
