/**
 * Who reaches what, worked out for each state of the directory, so that a decision costs about a microsecond. Lists, counts, events and
 * timers ask here; it holds no answer that time can make wrong: `now` is always handed in.
 *
 * A change touches little of a large organisation. The index of what came out of it is therefore made from the index before it: what did
 * not change is shared between the two.
 */
import { type Changed, changed, followed, regrouped } from './changed.ts';
import { closed, type Decision, decide, live, type Right, type Surfaces, surfaceNames, surfaces } from './decide.ts';
import {
  type Facts,
  type GrantFacts,
  type MailboxFacts,
  type Millis,
  type Operation,
  type PersonFacts,
  personsReached,
  type RoleFacts,
  roleById,
  rolesOf,
  type Who,
  whoIs,
} from './reach.ts';

type ByGrantee = ReadonlyMap<string, readonly GrantFacts[]>;

const nobody: Decision = Object.freeze({ allow: false, why: 'no-grant' });

const same = (a: Surfaces, b: Surfaces): boolean => surfaceNames.every((name) => a[name] === b[name]);

interface Parts {
  readonly facts: Facts;
  readonly persons: ReadonlyMap<string, PersonFacts>;
  readonly mailboxes: ReadonlyMap<string, MailboxFacts>;
  readonly ownedBy: ReadonlyMap<string, readonly MailboxFacts[]>;
  /** The grants on each mailbox by whom they were given to, dated or not. */
  readonly on: ReadonlyMap<string, ByGrantee>;
  /** The mailboxes on which each grantee has grants. */
  readonly to: ReadonlyMap<string, ReadonlySet<string>>;
  /** Who the persons are, as far as somebody asked. */
  readonly who: Map<string, Who>;
}

export class RightsIndex {
  readonly #parts: Parts;

  constructor(facts: Facts, from: RightsIndex | null = null) {
    const old = from ? from.#parts : empty;
    const persons = changed(old.facts.persons, facts.persons);
    const grants = changed(old.facts.grants, facts.grants);
    const { mailboxes } = facts;
    const on = grantsOn(old.on, grants);
    this.#parts = {
      facts,
      persons: followed(old.persons, persons, (person) => [[person.id, person]]),
      ...(mailboxes === old.facts.mailboxes
        ? { mailboxes: old.mailboxes, ownedBy: old.ownedBy }
        : { mailboxes: new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox])), ownedBy: Map.groupBy(mailboxes, ({ owner }) => owner) }),
      on,
      to: mailboxesTo(old.to, on, grants),
      who: from ? stillThemselves(old.who, old.facts, facts, persons) : new Map(),
    };
  }

  person(id: string): PersonFacts | undefined {
    return this.#parts.persons.get(id);
  }

  role(id: string): RoleFacts | undefined {
    return roleById(this.#parts.facts.roles, id);
  }

  mailbox(id: string): MailboxFacts | undefined {
    return this.#parts.mailboxes.get(id);
  }

  ownedBy(person: string): readonly MailboxFacts[] {
    return this.#parts.ownedBy.get(person) ?? [];
  }

  /** The mailboxes on which the grantee has grants of its own, dated or not. */
  granted(grantee: string): ReadonlySet<string> {
    return this.#parts.to.get(grantee) ?? nowhere;
  }

  /** The grants on a mailbox, dated or not, by whom they were given to. */
  grantsOn(mailbox: string): ByGrantee {
    return this.#parts.on.get(mailbox) ?? noGrants;
  }

  /** Null: no such person. */
  who(person: string): Who | null {
    const known = this.#parts.who.get(person);
    if (known) return known;
    const found = this.#parts.persons.get(person);
    if (!found) return null;
    const made = whoIs(this.#parts.facts, found);
    this.#parts.who.set(person, made);
    return made;
  }

  holds(person: string, operation: Operation): boolean {
    return this.who(person)?.operations.has(operation) ?? false;
  }

  /** Everybody who holds the operation. */
  holders(operation: Operation): readonly string[] {
    const through = this.#parts.facts.roles
      .filter(({ operations }) => operations.includes(operation))
      .map(({ id }) => personsReached(this.#parts.facts.roles, { kind: 'role', id }));
    const holds = ({ id, status, operations }: PersonFacts): boolean =>
      status !== 'disabled' && (operations.includes(operation) || through.some((within) => within.has(id)));
    return this.#parts.facts.persons.filter(holds).map(({ id }) => id);
  }

  decide(person: string, right: Right, mailbox: string, now: Millis): Decision {
    const who = this.who(person);
    const box = this.#parts.mailboxes.get(mailbox);
    return who && box ? decide(who, right, box, this.#reaching(who, mailbox), now) : nobody;
  }

  /** All closed for a person or mailbox that is not there. */
  surfaces(person: string, mailbox: string, now: Millis): Surfaces {
    const who = this.who(person);
    const box = this.#parts.mailboxes.get(mailbox);
    if (!who || !box) return closed;
    const grants = this.#reaching(who, mailbox);
    return grants.length === 0 && box.owner !== person ? closed : surfaces(who, box, grants, now);
  }

  /** The mailboxes that exist for the person at `now`, with what they open. */
  mailboxes(person: string, now: Millis): ReadonlyMap<string, Surfaces> {
    const open = new Map<string, Surfaces>();
    for (const id of this.everReached(person)) {
      const given = this.surfaces(person, id, now);
      if (given.any) open.set(id, given);
    }
    return open;
  }

  /** The persons for whom the mailbox exists at `now`, with what it opens to them. */
  persons(mailbox: string, now: Millis): ReadonlyMap<string, Surfaces> {
    const box = this.#parts.mailboxes.get(mailbox);
    const open = new Map<string, Surfaces>();
    if (!box) return open;
    const candidates = new Set([box.owner]);
    for (const grants of this.grantsOn(mailbox).values()) {
      for (const { grantee } of grants.slice(0, 1)) for (const id of personsReached(this.#parts.facts.roles, grantee)) candidates.add(id);
    }
    for (const id of candidates) {
      const given = this.surfaces(id, mailbox, now);
      if (given.any) open.set(id, given);
    }
    return open;
  }

  /** Whether whoever is in the role may send: a live grant of Send to it, or to a role that holds it. */
  roleMaySend(role: string, mailbox: string, now: Millis): boolean {
    if (!this.#parts.mailboxes.get(mailbox)?.shared) return false;
    const on = this.grantsOn(mailbox);
    const reaching = [role, ...rolesOf(this.#parts.facts.roles, { kind: 'role', id: role }).keys()];
    return reaching.some((id) => on.get(id)?.some((grant) => grant.send && live(grant, now)));
  }

  /** Mailboxes that can ever open to the person as things stand, whatever the date. */
  everReached(person: string): readonly string[] {
    const who = this.who(person);
    if (!who) return [];
    const reached = new Set(this.ownedBy(person).map(({ id }) => id));
    for (const grantee of [person, ...who.roles.keys()]) for (const mailbox of this.granted(grantee)) reached.add(mailbox);
    return [...reached];
  }

  /** The grants that reach the person, whatever the date and whether their mailboxes are shared. */
  reaching(person: string): readonly GrantFacts[] {
    const who = this.who(person);
    return who ? this.everReached(person).flatMap((mailbox) => this.#reaching(who, mailbox)) : [];
  }

  /** The moments after `now`, ascending, at which a grant that reaches the person there begins or ends. */
  moments(person: string, mailbox: string, now: Millis): readonly Millis[] {
    const who = this.who(person);
    return who ? momentsOf(this.#reaching(who, mailbox), now) : [];
  }

  /** The next moment at which time alone changes what the person may do; null: never. */
  nextChangeAt(person: string, now: Millis): Millis | null {
    let next: Millis | null = null;
    for (const mailbox of this.everReached(person)) {
      const before = this.surfaces(person, mailbox, now);
      const at = this.moments(person, mailbox, now).find((moment) => !same(before, this.surfaces(person, mailbox, moment)));
      if (at !== undefined && (next === null || at < next)) next = at;
    }
    return next;
  }

  /** The next moment at which any grant begins or ends: nothing changes by itself before. */
  nextMoment(now: Millis): Millis | null {
    let next = Number.POSITIVE_INFINITY;
    for (const { from, until } of this.#parts.facts.grants) {
      if (from !== null && now < from && from < next) next = from;
      if (until !== null && now < until && until < next) next = until;
    }
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /**
   * When the person's present reach began: their unread mail begins there. For those who have the panel it is the reach
   * that opens the panel, for others any reach. Grants that follow each other without a gap are one reach. Null: no reach.
   */
  since(person: string, mailbox: string, now: Millis): Millis | null {
    const who = this.who(person);
    const box = this.#parts.mailboxes.get(mailbox);
    if (!who || !box) return null;
    const grants = this.#reaching(who, mailbox);
    const given = surfaces(who, box, grants, now);
    if (!given.any) return null;
    if (given.owner) return box.addedAt;
    const counting = given.panel ? grants.filter((grant) => grant.send) : grants;
    const spans = counting
      .map((grant) => ({ start: beganFor(grant, who), end: grant.until ?? Number.POSITIVE_INFINITY }))
      .filter((span) => span.start < span.end && span.start <= now)
      .sort((a, b) => a.start - b.start);
    let run: { start: Millis; end: Millis } | null = null;
    for (const span of spans) {
      if (run && span.start <= run.end) run.end = Math.max(run.end, span.end);
      else run = { ...span };
    }
    // Somebody may be let in before the date that their way in carries (a clock set back): then it begins now.
    return run && now < run.end ? run.start : now;
  }

  /** The grants on the mailbox that reach them: their own first, then those of their roles. */
  #reaching(who: Who, mailbox: string): readonly GrantFacts[] {
    const on = this.#parts.on.get(mailbox);
    if (!on) return [];
    const reaching: GrantFacts[] = [];
    const take = (grants: readonly GrantFacts[] | undefined): void => {
      if (grants) for (const grant of grants) reaching.push(grant);
    };
    take(on.get(who.person));
    for (const role of who.roles.keys()) take(on.get(role));
    return reaching;
  }
}

const empty: Parts = {
  facts: { persons: [], roles: [], mailboxes: [], grants: [] },
  persons: new Map(),
  mailboxes: new Map(),
  ownedBy: new Map(),
  on: new Map(),
  to: new Map(),
  who: new Map(),
};
const nowhere: ReadonlySet<string> = new Set();
const noGrants: ByGrantee = new Map();

/** Of the mailboxes whose grants changed anew, of the others as it was. */
function grantsOn(before: ReadonlyMap<string, ByGrantee>, { gone, come }: Changed<GrantFacts>): ReadonlyMap<string, ByGrantee> {
  if (gone.length === 0 && come.length === 0) return before;
  const next = new Map(before);
  const [left, entered] = [Map.groupBy(gone, ({ mailbox }) => mailbox), Map.groupBy(come, ({ mailbox }) => mailbox)];
  for (const mailbox of new Set([...left.keys(), ...entered.keys()])) {
    const difference = { gone: left.get(mailbox) ?? [], come: entered.get(mailbox) ?? [] };
    const on = regrouped(before.get(mailbox) ?? noGrants, difference, ({ grantee }) => grantee.id);
    if (on.size > 0) next.set(mailbox, on);
    else next.delete(mailbox);
  }
  return next;
}

function mailboxesTo(
  before: ReadonlyMap<string, ReadonlySet<string>>,
  on: ReadonlyMap<string, ByGrantee>,
  { gone, come }: Changed<GrantFacts>,
): ReadonlyMap<string, ReadonlySet<string>> {
  if (gone.length === 0 && come.length === 0) return before;
  const next = new Map(before);
  for (const [grantee, grants] of Map.groupBy([...gone, ...come], (grant) => grant.grantee.id)) {
    const mailboxes = new Set(before.get(grantee));
    for (const { mailbox } of grants) {
      if (on.get(mailbox)?.has(grantee)) mailboxes.add(mailbox);
      else mailboxes.delete(mailbox);
    }
    if (mailboxes.size > 0) next.set(grantee, mailboxes);
    else next.delete(grantee);
  }
  return next;
}

/** Of what is known about persons, that which still holds: they did not change, and no role did that reaches or reached them. */
function stillThemselves(known: Map<string, Who>, before: Facts, after: Facts, { gone, come }: Changed<PersonFacts>): Map<string, Who> {
  const roles = changed(before.roles, after.roles);
  if (gone.length === 0 && come.length === 0 && roles.gone.length === 0 && roles.come.length === 0) return known;
  const next = new Map(known);
  const forget = (persons: Iterable<string>): void => {
    for (const id of persons) next.delete(id);
  };
  forget([...gone, ...come].map(({ id }) => id));
  for (const { id } of roles.gone) forget(personsReached(before.roles, { kind: 'role', id }));
  for (const { id } of roles.come) forget(personsReached(after.roles, { kind: 'role', id }));
  return next;
}

const indexes = new WeakMap<Facts, RightsIndex>();

/**
 * The index of these facts, made at the first question and kept as long as they are. Whoever knows the facts that these were made from
 * names them, and pays for the difference alone.
 */
export function rightsIndex(facts: Facts, from?: Facts): RightsIndex {
  const known = indexes.get(facts);
  if (known) return known;
  const made = new RightsIndex(facts, (from && indexes.get(from)) ?? null);
  indexes.set(facts, made);
  return made;
}

function momentsOf(grants: readonly GrantFacts[], now: Millis): readonly Millis[] {
  const moments = new Set<Millis>();
  for (const { from, until } of grants) {
    if (from !== null && now < from) moments.add(from);
    if (until !== null && now < until) moments.add(until);
  }
  return [...moments].sort((a, b) => a - b);
}

function beganFor(grant: GrantFacts, who: Who): Millis {
  const joined = grant.grantee.kind === 'role' ? (who.roles.get(grant.grantee.id)?.since ?? grant.began) : grant.began;
  return Math.max(grant.from ?? grant.began, joined);
}
