/**
 * Changes of who may do what on a mailbox. One grant or many staged ones: all of them are written as one change or none is, and what a
 * change would do can be asked before.
 */
import { PostroomError } from '../../protocol/errors.ts';
import type { Right } from '../access/decide.ts';
import { type Grantee, type Millis, rolesOf } from '../access/reach.ts';
import { rightsIndex } from '../access/rights.ts';
import {
  type Act,
  absent,
  type Change,
  conclude,
  find,
  invalid,
  needMailbox,
  type Policy,
  personOf,
  replace,
  roleOf,
  type Told,
  touch,
  unchanged,
} from './act.ts';
import { type Directory, type Grant, type Mailbox, newId, type Person } from './document.ts';

type Rights = Readonly<Record<Right, boolean>>;

interface Given extends Rights {
  readonly note: string | null;
}

/** One step of a change. */
export type GrantEdit =
  /** The standing grant of a grantee: exactly these rights. */
  | (Given & { readonly kind: 'set'; readonly grantee: Grantee })
  /** One more, with an end. */
  | (Given & { readonly kind: 'add'; readonly grantee: Grantee; readonly from: Millis | null; readonly until: Millis })
  /** Another content for a grant that stays the same one; without an end it stands. */
  | (Given & { readonly kind: 'change'; readonly grant: string; readonly from: Millis | null; readonly until: Millis | null })
  /** One grant, or all of the grantee's. */
  | { readonly kind: 'remove'; readonly grantee: Grantee; readonly grant: string | null };

interface On {
  readonly mailbox: string;
  /** Of the mailbox, which rises with its grants. */
  readonly ifRevision?: number | null;
}
export interface GrantsAsked extends On {
  readonly edits: readonly GrantEdit[];
}
type AskedOf<Kind extends GrantEdit['kind']> = On & Omit<Extract<GrantEdit, { kind: Kind }>, 'kind'>;

/** All edits in their order, or none. */
export function grantsEdit(doc: Directory, asked: GrantsAsked, act: Act): Change {
  return carryOut(doc, asked, act, (before, { after, told, id }) => conclude(before, after, act, told, id));
}

export const grantSet = (doc: Directory, { mailbox, ifRevision, ...edit }: AskedOf<'set'>, act: Act): Change =>
  grantsEdit(doc, { mailbox, ifRevision, edits: [{ kind: 'set', ...edit }] }, act);

export const grantAdd = (doc: Directory, { mailbox, ifRevision, ...edit }: AskedOf<'add'>, act: Act): Change =>
  grantsEdit(doc, { mailbox, ifRevision, edits: [{ kind: 'add', ...edit }] }, act);

export const grantRemove = (doc: Directory, { mailbox, ifRevision, ...edit }: AskedOf<'remove'>, act: Act): Change =>
  grantsEdit(doc, { mailbox, ifRevision, edits: [{ kind: 'remove', ...edit }] }, act);

/** What `grantsEdit` would make and why it would refuse. The document is that after the edits also where only a rule about reach refuses. */
export function grantsPreview(
  doc: Directory,
  asked: GrantsAsked,
  act: Act,
): { readonly after: Directory; readonly refused: PostroomError | null } {
  try {
    return { after: grantsEdit(doc, asked, act).doc, refused: null };
  } catch (error) {
    if (!(error instanceof PostroomError)) throw error;
    return { after: error.details.why === 'own-reach' ? unjudged(doc, asked, act) : doc, refused: error };
  }
}

const unjudged = (doc: Directory, asked: GrantsAsked, act: Act): Directory =>
  carryOut(doc, asked, act, (_, { after, id }) => ({ doc: after, activities: [], id })).doc;

interface Step {
  readonly after: Directory;
  readonly told: Told;
  readonly id: string | null;
}

/** The right to change grants is that before the first edit: one may give up one's own Setup and something else in one write. */
function carryOut(doc: Directory, asked: GrantsAsked, act: Act, end: (before: Directory, step: Step) => Change): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'settings');
  checkRevision(doc, mailbox, asked.ifRevision);
  let change = unchanged({ ...doc, mailboxes: touch(doc.mailboxes, new Set([mailbox.id])) });
  rightsIndex(change.doc, doc);
  for (const edit of asked.edits) {
    const { grants, action, summary, details, id } = stepOf(change.doc, mailbox, edit, act);
    const told = { kind: 'grant', mailbox: mailbox.id, action, summary, details } as const;
    const next = end(change.doc, { after: { ...change.doc, grants }, told, id });
    change = { ...next, activities: [...change.activities, ...next.activities] };
  }
  return change;
}

type Done = { readonly grants: readonly Grant[]; readonly id: string | null } & Pick<Told, 'action' | 'summary' | 'details'>;

function stepOf(doc: Directory, mailbox: Mailbox, edit: GrantEdit, act: Act): Done {
  switch (edit.kind) {
    case 'set':
      return set(doc, mailbox, edit, act);
    case 'add':
      return add(doc, mailbox, edit, act);
    case 'change':
      return changed(doc, mailbox, edit, act);
    case 'remove':
      return remove(doc, mailbox, edit);
    default:
      return edit satisfies never;
  }
}

type Edit<Kind extends GrantEdit['kind']> = Extract<GrantEdit, { kind: Kind }>;

function set(doc: Directory, mailbox: Mailbox, { access, send, setup, note, grantee }: Edit<'set'>, act: Act): Done {
  const name = granting(doc, mailbox, { access, send, setup }, grantee, act);
  const old = standingOf(doc, mailbox, grantee);
  const began = old && (old.send || !send) ? old.began : act.now;
  const given = { access, send, setup, note, by: act.actor, at: act.now, began };
  const grant: Grant = old
    ? { ...old, ...given }
    : { id: newId('g'), mailbox: mailbox.id, grantee, standing: true, from: null, until: null, ...given };
  return {
    grants: old ? replace(doc.grants, grant) : [...doc.grants, grant],
    action: 'grant.set',
    summary: `gave ${name} ${inWords(grant)}`,
    details: { grant: grant.id, grantee: name, ...rightsIn(grant), before: old ? rightsIn(old) : null, note },
    id: grant.id,
  };
}

function add(doc: Directory, mailbox: Mailbox, { access, send, setup, note, grantee, from, until }: Edit<'add'>, act: Act): Done {
  const name = granting(doc, mailbox, { access, send, setup }, grantee, act);
  checkDates(from, until, act.now);
  const given = { access, send, setup, note, by: act.actor, at: act.now, began: act.now };
  const grant: Grant = { id: newId('g'), mailbox: mailbox.id, grantee, standing: false, from, until, ...given };
  return {
    grants: [...doc.grants, grant],
    action: 'grant.add',
    summary: `gave ${name} ${inWords(grant)} ${datesIn(grant)}`,
    details: { grant: grant.id, grantee: name, ...rightsIn(grant), from: dateOf(from), until: dateOf(until), note },
    id: grant.id,
  };
}

function changed(doc: Directory, mailbox: Mailbox, edit: Edit<'change'>, act: Act): Done {
  const { access, send, setup, note, from, until } = edit;
  const old = doc.grants.find(({ id, mailbox: on }) => id === edit.grant && on === mailbox.id);
  if (!old) throw absent(`This grant is not there any more. Look at: postroom grant list ${mailbox.address}`);
  const name = granting(doc, mailbox, { access, send, setup }, old.grantee, act);
  const standing = standingOf(doc, mailbox, old.grantee);
  if (until !== null) checkDates(from, until, act.now);
  else if (from !== null) throw invalid('A grant that begins at a date ends at one. Give an end, or no beginning.');
  else if (standing && standing.id !== old.id)
    throw invalid(`${name} has a grant without an end on ${mailbox.address} already. Change that one, or give this one an end.`);
  // What had ended begins anew: the mail of the time between was nobody's to read.
  const ended = old.until !== null && old.until <= act.now;
  const began = (old.send || !send) && !ended ? old.began : act.now;
  const grant: Grant = { ...old, access, send, setup, note, from, until, standing: until === null, by: act.actor, at: act.now, began };
  const dated = until === null ? '' : ` ${datesIn(grant)}`;
  return {
    grants: replace(doc.grants, grant),
    action: 'grant.set',
    summary: `gave ${name} ${inWords(grant)}${dated}`,
    details: { grant: grant.id, grantee: name, ...rightsIn(grant), from: dateOf(from), until: dateOf(until), before: rightsIn(old), note },
    id: grant.id,
  };
}

function remove(doc: Directory, mailbox: Mailbox, { grantee, grant }: Edit<'remove'>): Done {
  const name = nameOf(doc, grantee);
  const gone = doc.grants.filter((one) => one.mailbox === mailbox.id && one.grantee.id === grantee.id && (grant ?? one.id) === one.id);
  if (gone.length === 0) throw absent(`${name} has no such grant on ${mailbox.address}. Look at: postroom grant list ${mailbox.address}`);
  const what = grant === null ? 'every grant' : inWords(gone[0] ?? { access: false, send: false, setup: false });
  return {
    grants: doc.grants.filter((one) => !gone.includes(one)),
    action: 'grant.remove',
    summary: `took ${what} from ${name}`,
    details: { grantee: name, grants: gone.map((one) => ({ grant: one.id, ...rightsIn(one), until: dateOf(one.until) })) },
    id: null,
  };
}

// --- what is asked of a grant -----------------------------------------------------------------------------------

/** The grantee's name, if the mailbox may be shared with them. */
function granting(doc: Directory, mailbox: Mailbox, given: Rights, grantee: Grantee, act: Act): string {
  if (!(given.access || given.send || given.setup)) {
    throw invalid('A grant gives at least one of Access, Send and Setup. To take everything away: postroom grant remove');
  }
  const name = nameOf(doc, grantee);
  const refused = refusedByPolicy(doc, mailbox, grantee, act.policy);
  if (refused) throw refused;
  return name;
}

function checkDates(from: Millis | null, until: Millis, now: Millis): void {
  if (until <= now) throw invalid('This grant would have ended already. Give a later --until.');
  if (from !== null && from >= until) throw invalid('This grant would end before it begins. Give an earlier --from or a later --until.');
}

const standingOf = (doc: Directory, mailbox: Mailbox, grantee: Grantee): Grant | undefined =>
  doc.grants.find((grant) => grant.standing && grant.mailbox === mailbox.id && grant.grantee.id === grantee.id);

const datesIn = ({ from, until }: Pick<Grant, 'from' | 'until'>): string =>
  `${from === null ? '' : `from ${dateOf(from)} `}until ${dateOf(until)}`;

const rightsIn = ({ access, send, setup }: Rights): Rights => ({ access, send, setup });

const inWords = ({ access, send, setup }: Rights): string =>
  [access && 'Access', send && 'Send', setup && 'Setup'].filter((word) => word !== false).join(' + ');

const dateOf = (when: Millis | null): string | null => (when === null ? null : new Date(when).toISOString());

const nameOf = (doc: Directory, { kind, id }: Grantee): string => (kind === 'person' ? personOf(doc, id) : roleOf(doc, id)).name;

/** Refuses a change that was made looking at an older state, and carries what is there now, so that nothing staged is lost. */
export function checkRevision(doc: Directory, mailbox: Mailbox, ifRevision: number | null | undefined): void {
  const { revision, settings } = mailbox;
  if (ifRevision === null || ifRevision === undefined || ifRevision === revision) return;
  const grants = doc.grants
    .filter((grant) => grant.mailbox === mailbox.id)
    .map((grant) => ({
      id: grant.id,
      grantee: { kind: grant.grantee.kind, name: nameOf(doc, grant.grantee) },
      ...rightsIn(grant),
      from: dateOf(grant.from),
      until: dateOf(grant.until),
      note: grant.note,
    }));
  throw new PostroomError('conflict', `${mailbox.address} was changed meanwhile. Look at what is there now, then repeat.`, {
    revision,
    current: { settings, grants },
  });
}

/** Why the configuration would not let a mailbox be shared with the grantee. What was given before a rule came stays, and is shown with it. */
export function refusedByPolicy(doc: Directory, mailbox: Mailbox, grantee: Grantee, policy: Policy): PostroomError | null {
  const plan = refusedByPlan(personOf(doc, mailbox.owner), policy);
  if (plan || !policy.requireCommonRole || inOneRole(doc, mailbox.owner, grantee)) return plan;
  return new PostroomError(
    'forbidden',
    `Here a mailbox is shared only within a role (sharing.requireCommonRole), and its owner and ${nameOf(doc, grantee)} are in none together. Ask somebody who manages people to put them in one.`,
    { why: 'no-common-role' },
  );
}

export function needPlan(owner: Person, policy: Policy): void {
  const refused = refusedByPlan(owner, policy);
  if (refused) throw refused;
}

function refusedByPlan(owner: Person, { plans }: Policy): PostroomError | null {
  if (plans.length === 0 || (owner.plan !== null && plans.includes(owner.plan))) return null;
  return new PostroomError(
    'forbidden',
    `To share a mailbox its owner needs one of the plans ${plans.join(', ')} (sharing.plans); ${owner.name} has ${owner.plan ?? 'none'}. Ask somebody who manages people.`,
    { why: 'plan', plans },
  );
}

/**
 * Whether a mailbox may be shared as it stands in `doc`: its owner's plan, and every grant that counts or will count. For whatever makes
 * kept grants count again or gives them another owner. `unnamed`: whoever acts may not be able to see who holds something there.
 */
export function needSharing(doc: Directory, mailbox: string, { policy, now }: Act, grantees: 'named' | 'unnamed'): void {
  const { id, address, owner } = find(doc.mailboxes, mailbox);
  const person = personOf(doc, owner);
  needPlan(person, policy);
  if (!policy.requireCommonRole) return;
  const apart = doc.grants.filter(
    (grant) => grant.mailbox === id && (grant.until === null || now < grant.until) && !inOneRole(doc, owner, grant.grantee),
  );
  if (apart.length === 0) return;
  const names = [...new Set(apart.map(({ grantee }) => nameOf(doc, grantee)))];
  const [what, whom] = grantees === 'named' ? [address, names.join(', ')] : ['a mailbox', `${names.length} who hold grants on it`];
  throw new PostroomError(
    'forbidden',
    `Here a mailbox is shared only within a role (sharing.requireCommonRole), and ${person.name}, as owner of ${what}, would be in none with ${whom}. Put them in one role, or take those grants away first.`,
    { why: 'no-common-role' },
  );
}

/** Whether one role reaches both: some role that holds the grantee (or is it) and the owner. */
function inOneRole(doc: Directory, owner: string, grantee: Grantee): boolean {
  if (grantee.id === owner) return true;
  const ofOwner = rightsIndex(doc).who(owner)?.roles ?? new Map();
  if (grantee.kind === 'role' && ofOwner.has(find(doc.roles, grantee.id).id)) return true;
  return [...rolesOf(doc.roles, grantee).keys()].some((role) => ofOwner.has(role));
}
