/**
 * The frame around every change of the directory: who acts, and what holds whatever the change is.
 *
 * - Whoever acts must hold the right in the very document that is changed: between a request's check and its turn others may have changed it.
 * - Nobody widens their own reach, by whatever way. Compared are not the surfaces of now but the ways to them: every grant that reaches
 *   whoever acts must have reached them before, with the same rights and dates. So a grant for next month counts, one on a mailbox that is
 *   not shared yet, and a second way to what one has, which would outlive the first. On their own mailboxes owners do as they like.
 * - Whoever is in the same hands (hands.ts) gets no more by such a change than whoever acts has.
 * - A key that somebody else invited waits as soon as it would lead to more than that one reaches.
 * - Somebody can always manage people.
 * - Owners are told: one activity for each mailbox in which somebody gained or lost something.
 */
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { changed } from '../access/changed.ts';
import { rights, type Surface } from '../access/decide.ts';
import { concerned, type Difference, difference } from '../access/explain.ts';
import { type GrantFacts, type MailboxFacts, type Millis, type Operation, personsReached } from '../access/reach.ts';
import { type RightsIndex, rightsIndex } from '../access/rights.ts';
import { type Activity, type Directory, type Mailbox, opens, type Person, type Role } from './document.ts';
import { closeDoubtfulKeys, covers, handsOf, operationsOf } from './hands.ts';

/** What the configuration says about sharing, hosting and secrets. */
export interface Policy {
  /** Owner and grantee must be in one role. */
  readonly requireCommonRole: boolean;
  /** Plans whose holders may share mailboxes of theirs; empty: everybody may. */
  readonly plans: readonly string[];
  readonly hostedDomains: readonly string[];
  /** Commands that give a secret, and the only servers that it goes to: `HOST` at whatever port, or `HOST:PORT` (RFC 3986, 3.2). */
  readonly commands: Readonly<Record<string, { readonly hosts: readonly string[] }>>;
}

export const openPolicy: Policy = { requireCommonRole: false, plans: [], hostedDomains: [], commands: {} };

export interface Act {
  /** The person who acts. */
  readonly actor: string;
  /** The public half of the key of their session, where there is one. */
  readonly key?: string;
  readonly now: Millis;
  readonly policy: Policy;
}

export interface Change {
  readonly doc: Directory;
  readonly activities: readonly Activity[];
  /** Of what the change made: the person, role, mailbox, grant or invitation; else null. */
  readonly id: string | null;
}

export const unchanged = (doc: Directory, id: string | null = null): Change => ({ doc, activities: [], id });

// --- what is asked before ---------------------------------------------------------------------------------------

export function find<T extends { readonly id: string }>(list: readonly T[], id: string): T {
  const found = list.find((one) => one.id === id);
  if (!found) throw notFound();
  return found;
}

export const personOf = (doc: Directory, id: string): Person => find(doc.persons, id);
export const roleOf = (doc: Directory, id: string): Role => find(doc.roles, id);

export function needOperation(doc: Directory, act: Act, ...operations: readonly Operation[]): void {
  needSession(doc, act);
  const missing = operations.filter((operation) => !rightsIndex(doc).holds(act.actor, operation));
  if (missing.length === 0) return;
  throw new PostroomError('forbidden', `This needs ${missing.join(' and ')}. Ask somebody who manages people to allow it to you.`, {
    why: 'no-operation',
    operations: missing,
  });
}

/** The mailbox, if it exists for whoever acts and opens `surface` to them. */
export function needMailbox(doc: Directory, act: Act, mailbox: string, surface: Surface): Mailbox {
  needSession(doc, act);
  const open = rightsIndex(doc).surfaces(act.actor, mailbox, act.now);
  if (!open.any) throw notFound();
  const found = find(doc.mailboxes, mailbox);
  if (open[surface]) return found;
  const wanted = {
    owner: 'its owner',
    settings: 'Setup',
    panel: 'Send',
    send: 'Send',
    timeline: 'Access',
    open: 'Access or Send',
    any: '',
  };
  throw new PostroomError('forbidden', `On ${found.address} this needs ${wanted[surface]}. Ask its owner.`, { why: 'no-grant', surface });
}

function needSession(doc: Directory, act: Act): void {
  if (rightsIndex(doc).person(act.actor)?.status !== 'active') {
    throw new PostroomError('unauthenticated', 'You are not signed in here any more. Ask for an invitation.');
  }
}

/** For what is not in something that whoever acts may see; for everything else it is `notFound`. */
export const absent = (message: string): PostroomError => new PostroomError('not-found', message);

export const invalid = (message: string, details: Record<string, unknown> = {}): PostroomError =>
  new PostroomError('invalid', message, details);

export const replace = <T extends { readonly id: string }>(list: readonly T[], one: T): readonly T[] =>
  list.map((other) => (other.id === one.id ? one : other));

/** The mailboxes with a risen revision where `touched` says so. */
export const touch = (mailboxes: readonly Mailbox[], touched: ReadonlySet<string>): readonly Mailbox[] =>
  mailboxes.map((mailbox) => (touched.has(mailbox.id) ? { ...mailbox, revision: mailbox.revision + 1 } : mailbox));

// --- what is asked after ----------------------------------------------------------------------------------------

export interface Told {
  readonly kind: Activity['kind'];
  readonly action: string;
  /** The mailbox that the change is about; null: none, or many. */
  readonly mailbox: string | null;
  /** In words, without the actor and without anything that only some of those who are told may know. */
  readonly summary: string;
  readonly details: Record<string, unknown>;
  /** Mailboxes whose owners are told although nobody's reach changes yet. */
  readonly alsoTell?: Iterable<string>;
}

/** Ends every change: refuses what no change may do, and writes down who is told what. */
export function conclude(before: Directory, changedTo: Directory, act: Act, told: Told, id: string | null = null): Change {
  refuseOwnGain(before, changedTo, act);
  const after = closeDoubtfulKeys(changedTo, act.now);
  const [old, next] = [rightsIndex(before), rightsIndex(after, before)];
  refuseNobodyInCharge(before, after);

  const { kind, action, mailbox, summary, details, alsoTell = [] } = told;
  const moved = Map.groupBy(difference(before, after, act.now), (one) => one.mailbox);
  const about = (at: string | null): Activity => ({
    kind,
    action,
    mailbox: at,
    actor: act.actor,
    summary,
    details:
      at === null
        ? details
        : { ...details, reach: (moved.get(at) ?? []).map((one) => reachOf(one, next.person(one.person) ?? old.person(one.person))) },
  });
  const others = new Set([...moved.keys(), ...alsoTell]);
  if (mailbox !== null) others.delete(mailbox);
  return { doc: after, activities: [about(mailbox), ...[...others].map((at) => ({ ...about(at), echo: true as const }))], id };
}

function reachOf({ person, gains, loses, from }: Difference, known: { readonly name: string } | undefined) {
  return { person: known?.name ?? person, gains, loses, from: new Date(from).toISOString() };
}

function refuseOwnGain(before: Directory, after: Directory, act: Act): void {
  const { actor, now } = act;
  const [old, next] = [rightsIndex(before), rightsIndex(after, before)];
  const own = gainOf(old, next, actor, act);
  if (!isNothing(own))
    throw ownReach(old, act, own, (what) => `this would be one more way for you to: ${what}. Ask somebody else who may to do it.`);

  // The hands of before, and of those who come by the change.
  const hands = handsOf({ persons: [...before.persons, ...after.persons.filter(({ id }) => old.person(id) === undefined)] });
  for (const person of gaining(before, after)) {
    const whose = person === actor ? null : hands.sameHands(actor, person);
    if (whose === null) continue;
    const { operations, mailboxes } = gainOf(old, next, person, act);
    const having = [actor, whose].filter((one) => one !== person);
    const reaching = having.flatMap((one) => old.reaching(one)).filter(({ until }) => until === null || now < until);
    const known = ({ mailbox, by }: Gain['mailboxes'][number]): boolean =>
      having.includes(mailbox.owner) || (by !== null && reaching.some((grant) => covers(grant, by)));
    const left: Gain = {
      operations: operations.filter((operation) => !having.some((one) => old.holds(one, operation))),
      mailboxes: mailboxes.filter(
        (gained) => !(known(gained) || (whose !== actor && isTrusted(before, actor, gained.mailbox, (one) => hands.countsAs(one, whose)))),
      ),
    };
    if (isNothing(left)) continue;
    const name = (id: string): string => next.person(id)?.name ?? old.person(id)?.name ?? '';
    const why =
      whose === actor
        ? `${name(person)} counts as you until somebody else who manages people has confirmed them`
        : `you count as ${name(whose)}, who invited you, until somebody else who manages people has confirmed you`;
    const confirm = `postroom person confirm ${name(whose === actor ? person : actor)}`;
    throw ownReach(old, act, left, (what) => `${why} (${confirm}). This would be one more way for ${name(person)} to: ${what}.`);
  }
}

interface Gain {
  readonly operations: readonly Operation[];
  /** Mailboxes of others than whoever acts; `by`: the grant, null: ownership. */
  readonly mailboxes: readonly { readonly mailbox: MailboxFacts; readonly by: GrantFacts | null }[];
}

const isNothing = ({ operations, mailboxes }: Gain): boolean => operations.length + mailboxes.length === 0;

function gainOf(old: RightsIndex, next: RightsIndex, person: string, { actor, now }: Act): Gain {
  const held = operationsOf(old, person);
  const had = new Map(old.reaching(person).map((grant) => [grant.id, grant]));
  const granted = next
    .reaching(person)
    .filter((grant) => (grant.until === null || now < grant.until) && widens(had.get(grant.id), grant))
    .map((by) => ({ id: by.mailbox, by }));
  const owned = next.ownedBy(person).map(({ id }) => ({ id, by: null }));
  // One's own new mailbox is nobody's loss.
  const mailboxes = [...granted, ...owned].flatMap(({ id, by }) => {
    const mailbox = old.mailbox(id);
    return mailbox === undefined || mailbox.owner === actor || mailbox.owner === person ? [] : [{ mailbox, by }];
  });
  return { operations: [...operationsOf(next, person)].filter((operation) => !held.has(operation)), mailboxes };
}

/** Everybody who may have more than before. */
function gaining(before: Directory, after: Directory): ReadonlySet<string> {
  const roles = new Map(before.roles.map((role) => [role.id, role]));
  const more = changed(before.roles, after.roles).come.flatMap((role) => {
    const was = roles.get(role.id);
    if (role.operations.some((one) => !was?.operations.includes(one)))
      return [...personsReached(after.roles, { kind: 'role', id: role.id })];
    const there = new Set(was?.members.map(({ id }) => id));
    return role.members.filter(({ id }) => !there.has(id)).flatMap((member) => [...personsReached(after.roles, member)]);
  });
  return new Set([...concerned(before, after).keys(), ...changed(before.persons, after.persons).come.map(({ id }) => id), ...more]);
}

/** Whether Setup there was given to somebody by its owner, or by others than whoever's hands they are in: then it is they who act. */
function isTrusted(doc: Directory, actor: string, { id, owner }: MailboxFacts, inHands: (person: string) => boolean): boolean {
  const reaching = new Set(
    rightsIndex(doc)
      .reaching(actor)
      .filter(({ mailbox, setup }) => mailbox === id && setup)
      .map((grant) => grant.id),
  );
  return doc.grants.some((grant) => reaching.has(grant.id) && (grant.by === owner || !inHands(grant.by)));
}

function ownReach(old: RightsIndex, { actor, now }: Act, gain: Gain, why: (what: string) => string): PostroomError {
  const gained = [...new Map(gain.mailboxes.map(({ mailbox }) => [mailbox.id, mailbox])).values()];
  const seen = gained.filter(({ id }) => old.surfaces(actor, id, now).any).map(({ address }) => address);
  const hidden = gained.length - seen.length;
  const what = [...gain.operations, ...seen, ...(hidden > 0 ? [`${hidden} ${hidden === 1 ? 'mailbox' : 'mailboxes'} you cannot see`] : [])];
  const details = { why: 'own-reach', operations: gain.operations, mailboxes: seen, hidden };
  return new PostroomError('forbidden', `Nobody widens their own reach, and ${why(what.join(', '))}`, details);
}

/** Whether a grant gives at any moment what it did not give before. */
function widens(old: GrantFacts | undefined, next: GrantFacts): boolean {
  if (!old) return true;
  const [begin, end] = [(at: Millis | null) => at ?? Number.NEGATIVE_INFINITY, (at: Millis | null) => at ?? Number.POSITIVE_INFINITY];
  return rights.some((right) => next[right] && !old[right]) || begin(next.from) < begin(old.from) || end(next.until) > end(old.until);
}

/** Whether somebody can sign in and manage people. */
function isManaged(doc: Directory): boolean {
  const managing = new Set(rightsIndex(doc).holders('people.manage'));
  return doc.persons.some(({ id, status, keys }) => managing.has(id) && status === 'active' && keys.some(opens));
}

function refuseNobodyInCharge(before: Directory, after: Directory): void {
  if (before.persons === after.persons && before.roles === after.roles) return;
  if (isManaged(after) || !isManaged(before)) return;
  throw new PostroomError(
    'forbidden',
    'Afterwards nobody could sign in and manage people. Allow people.manage to somebody else who has joined, then repeat.',
    { why: 'last-manager' },
  );
}
