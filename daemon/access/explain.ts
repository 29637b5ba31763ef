/** Why somebody may or may not, and what a change would do: the answers behind `grant explain` and every preview. */
import { changed } from './changed.ts';
import { type Denial, type Right, rights, type Surface, type Surfaces, surfaceNames } from './decide.ts';
import { type Facts, type Grantee, type GrantFacts, type Millis, personsReached, type RoleFacts, rolesOf, type Who } from './reach.ts';
import { type RightsIndex, rightsIndex } from './rights.ts';

/** As `grant explain --json` prints it. */
export interface Explanation {
  readonly mailbox: string;
  readonly person: string;
  readonly rights: { readonly panel: boolean; readonly timeline: boolean; readonly send: boolean; readonly settings: boolean };
  /** One line for each grant that gives the right now. */
  readonly because: readonly ({ readonly right: Right } & Chain)[];
  /** `through`: what reaches the person and does not count now; empty where nothing does. */
  readonly denied: readonly { readonly right: Right; readonly why: Denial; readonly through: readonly Chain[] }[];
}

/** One way by which a right reaches somebody. */
export interface Chain {
  /** From the grantee to the person. */
  readonly via: readonly string[];
  readonly from: string | null;
  readonly until: string | null;
  /** Null: they own the mailbox. */
  readonly grant: string | null;
}
const owning: Chain = { via: ['owner'], from: null, until: null, grant: null };

/** Null: no such person or mailbox. */
export function explain(facts: Facts, person: string, mailbox: string, now: Millis): Explanation | null {
  const index = rightsIndex(facts);
  const who = index.who(person);
  const name = index.person(person)?.name;
  const address = index.mailbox(mailbox)?.address;
  if (!who || name === undefined || address === undefined) return null;

  const { panel, timeline, send, settings } = index.surfaces(person, mailbox, now);
  const chainOf = (grant: GrantFacts): Chain => ({
    via: viaOf(grant, who, name),
    from: dateOf(grant.from),
    until: dateOf(grant.until),
    grant: grant.id,
  });
  const because: Explanation['because'][number][] = [];
  const denied: Explanation['denied'][number][] = [];
  for (const right of rights) {
    const decision = index.decide(person, right, mailbox, now);
    if (decision.allow) {
      const chains = decision.by === 'owner' ? [owning] : decision.by.map(chainOf);
      for (const chain of chains) because.push({ right, ...chain });
      continue;
    }
    const kept = index.reaching(person).filter((grant) => grant.mailbox === mailbox && grant[right]);
    const owned = index.ownedBy(person).some(({ id }) => id === mailbox);
    denied.push({ right, why: decision.why, through: [...(owned ? [owning] : []), ...kept.map(chainOf)] });
  }
  return { mailbox: address, person: name, rights: { panel, timeline, send, settings }, because, denied };
}

const dateOf = (at: Millis | null): string | null => (at === null ? null : new Date(at).toISOString());

function viaOf({ grantee }: GrantFacts, who: Who, name: string): readonly string[] {
  if (grantee.kind === 'person') return [`person ${name}`];
  return who.roles.get(grantee.id)?.via.map((role) => `role ${role.name}`) ?? [];
}

/** What a change does to one person in one mailbox. */
export interface Difference {
  readonly person: string;
  readonly mailbox: string;
  readonly gains: readonly Surface[];
  readonly loses: readonly Surface[];
  /** The first moment at which anything differs: `now`, or the begin or end of a dated grant. */
  readonly from: Millis;
}

/**
 * Who gains and who loses which surface on which mailbox, now or at any later date that the grants name. With `only`, for
 * that person alone.
 */
export function difference(before: Facts, after: Facts, now: Millis, only?: string): readonly Difference[] {
  const old = rightsIndex(before);
  const next = rightsIndex(after, before);
  const differences: Difference[] = [];
  for (const [person, mailboxes] of concerned(before, after)) {
    if (only !== undefined && person !== only) continue;
    for (const mailbox of mailboxes) {
      const coming = [...old.moments(person, mailbox, now), ...next.moments(person, mailbox, now)];
      const moments = coming.length === 0 ? [now] : [...new Set([now, ...coming])].sort((a, b) => a - b);
      const gains = new Set<Surface>();
      const loses = new Set<Surface>();
      let from: Millis | null = null;
      for (const moment of moments) {
        const [had, has] = [old.surfaces(person, mailbox, moment), next.surfaces(person, mailbox, moment)];
        for (const surface of surfaceNames) {
          if (had[surface] === has[surface]) continue;
          (has[surface] ? gains : loses).add(surface);
          from ??= moment;
        }
      }
      if (from !== null) differences.push({ person, mailbox, gains: [...gains], loses: [...loses], from });
    }
  }
  return differences;
}

/** What somebody had and has in one mailbox, where the two are not the same. */
export interface Move {
  readonly person: string;
  readonly mailbox: string;
  readonly had: Surfaces;
  readonly has: Surfaces;
}

/** What changed for whom from one moment to another, by changes of the facts and by dates that came. A clock may have been set back between. */
export function moves(before: Facts, then: Millis, after: Facts, now: Millis): readonly Move[] {
  const [old, next] = [rightsIndex(before), rightsIndex(after, before)];
  const pairs = new Map([...concerned(before, after)].map(([person, mailboxes]) => [person, new Set(mailboxes)]));
  const [first, last] = [Math.min(then, now), Math.max(then, now)];
  const passed = (at: Millis | null): boolean => at !== null && first < at && at <= last;
  for (const { from, until, grantee, mailbox } of first === last ? [] : after.grants) {
    if (!passed(from) && !passed(until)) continue;
    for (const person of personsReached(after.roles, grantee)) {
      const known = pairs.get(person);
      if (known) known.add(mailbox);
      else pairs.set(person, new Set([mailbox]));
    }
  }
  const found: Move[] = [];
  for (const [person, mailboxes] of pairs) {
    for (const mailbox of mailboxes) {
      const [had, has] = [old.surfaces(person, mailbox, then), next.surfaces(person, mailbox, now)];
      if (surfaceNames.some((name) => had[name] !== has[name])) found.push({ person, mailbox, had, has });
    }
  }
  return found;
}

/** For each person the mailboxes on which something may differ between two states, whatever the date. No other pair does. */
export function concerned(before: Facts, after: Facts): ReadonlyMap<string, ReadonlySet<string>> {
  const pairs = new Map<string, Set<string>>();
  const add = (person: string, mailboxes: Iterable<string>): void => {
    const known = pairs.get(person);
    if (!known) pairs.set(person, new Set(mailboxes));
    else for (const mailbox of mailboxes) known.add(mailbox);
  };
  const [old, next] = [rightsIndex(before), rightsIndex(after, before)];

  const persons = changed(before.persons, after.persons);
  for (const { id, status } of persons.gone) if (next.person(id)?.status !== status) add(id, old.everReached(id));
  for (const { id, status } of persons.come) if (old.person(id)?.status !== status) add(id, next.everReached(id));

  const mailboxes = changed(before.mailboxes, after.mailboxes);
  for (const { id } of [...mailboxes.gone, ...mailboxes.come]) {
    const [had, has] = [old.mailbox(id), next.mailbox(id)];
    if (had?.owner === has?.owner && had?.shared === has?.shared) continue; // touched by a change of its grants or settings
    for (const box of [had, has]) if (box) add(box.owner, [id]);
    for (const [index, { roles }] of [[old, before] as const, [next, after] as const]) {
      for (const grantee of granteesOn(index, id)) for (const person of personsReached(roles, grantee)) add(person, [id]);
    }
  }

  const grants = changed(before.grants, after.grants);
  for (const { grantee, mailbox } of grants.gone) for (const person of personsReached(before.roles, grantee)) add(person, [mailbox]);
  for (const { grantee, mailbox } of grants.come) for (const person of personsReached(after.roles, grantee)) add(person, [mailbox]);

  const roles = changed(before.roles, after.roles);
  for (const role of roles.gone) throughRole(before, old, role, next.role(role.id), add);
  for (const role of roles.come) throughRole(after, next, role, old.role(role.id), add);
  return pairs;
}

const granteesOn = (index: RightsIndex, mailbox: string): readonly Grantee[] =>
  [...index.grantsOn(mailbox).values()].flatMap((grants) => grants[0]?.grantee ?? []);

/** Whoever is in the role by a membership that the other state lacks, and the mailboxes that this opened to them. */
function throughRole(
  facts: Facts,
  index: RightsIndex,
  role: RoleFacts,
  other: RoleFacts | undefined,
  add: (person: string, mailboxes: Iterable<string>) => void,
): void {
  const there = new Set(other?.members.map(({ id }) => id));
  const alone = role.members.filter(({ id }) => !there.has(id));
  if (alone.length === 0) return;
  const above = [role.id, ...rolesOf(facts.roles, { kind: 'role', id: role.id }).keys()];
  const opened = new Set(above.flatMap((id) => [...index.granted(id)]));
  for (const member of alone) for (const person of personsReached(facts.roles, member)) add(person, opened);
}
