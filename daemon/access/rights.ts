/**
 * Who reaches what, worked out once for each state of the directory, so that a decision costs about a microsecond. Lists,
 * counts, events and timers ask here; it holds no answer that time can make wrong: `now` is always handed in.
 */
import { closed, type Decision, decide, live, type Right, type Surfaces, surfaceNames, surfaces } from './decide.ts';
import {
  type Facts,
  type GrantFacts,
  type MailboxFacts,
  type Millis,
  type Operation,
  personsReached,
  reaches,
  rolesOf,
  type Who,
  whoIs,
} from './reach.ts';

/** All that can ever count for one person in one mailbox, dated or not. */
interface Reach {
  readonly mailbox: MailboxFacts;
  readonly grants: readonly GrantFacts[];
}

interface PersonReach {
  readonly who: Who;
  readonly mailboxes: ReadonlyMap<string, Reach>;
}

const nobody: Decision = Object.freeze({ allow: false, why: 'no-grant' });

const same = (a: Surfaces, b: Surfaces): boolean => surfaceNames.every((name) => a[name] === b[name]);

export class RightsIndex {
  readonly #facts: Facts;
  readonly #persons: ReadonlyMap<string, Facts['persons'][number]>;
  readonly #mailboxes: ReadonlyMap<string, MailboxFacts>;
  readonly #grantsByGrantee = new Map<string, GrantFacts[]>();
  readonly #ownedBy = new Map<string, MailboxFacts[]>();
  readonly #reach = new Map<string, PersonReach>();

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#persons = new Map(facts.persons.map((person) => [person.id, person]));
    this.#mailboxes = new Map(facts.mailboxes.map((mailbox) => [mailbox.id, mailbox]));
    for (const grant of facts.grants) append(this.#grantsByGrantee, grant.grantee.id, grant);
    for (const mailbox of facts.mailboxes) append(this.#ownedBy, mailbox.owner, mailbox);
  }

  /** Null: no such person. */
  who(person: string): Who | null {
    return this.#of(person)?.who ?? null;
  }

  holds(person: string, operation: Operation): boolean {
    return this.#of(person)?.who.operations.has(operation) ?? false;
  }

  decide(person: string, right: Right, mailbox: string, now: Millis): Decision {
    const known = this.#of(person);
    const box = this.#mailboxes.get(mailbox);
    return known && box ? decide(known.who, right, box, known.mailboxes.get(mailbox)?.grants ?? [], now) : nobody;
  }

  /** All closed for a person or mailbox that is not there. */
  surfaces(person: string, mailbox: string, now: Millis): Surfaces {
    const known = this.#of(person);
    const reach = known?.mailboxes.get(mailbox);
    return known && reach ? surfaces(known.who, reach.mailbox, reach.grants, now) : closed;
  }

  /** The mailboxes that exist for the person at `now`, with what they open. */
  mailboxes(person: string, now: Millis): ReadonlyMap<string, Surfaces> {
    const open = new Map<string, Surfaces>();
    for (const id of this.#of(person)?.mailboxes.keys() ?? []) {
      const given = this.surfaces(person, id, now);
      if (given.any) open.set(id, given);
    }
    return open;
  }

  /** The persons for whom the mailbox exists at `now`, with what it opens to them. */
  persons(mailbox: string, now: Millis): ReadonlyMap<string, Surfaces> {
    const box = this.#mailboxes.get(mailbox);
    const open = new Map<string, Surfaces>();
    if (!box) return open;
    const candidates = new Set([box.owner]);
    for (const grant of this.#facts.grants) {
      if (grant.mailbox === mailbox) for (const id of personsReached(this.#facts.roles, grant.grantee)) candidates.add(id);
    }
    for (const id of candidates) {
      const given = this.surfaces(id, mailbox, now);
      if (given.any) open.set(id, given);
    }
    return open;
  }

  /** Whether whoever is in the role may send: a live grant of Send to it, or to a role that holds it. */
  roleMaySend(role: string, mailbox: string, now: Millis): boolean {
    const box = this.#mailboxes.get(mailbox);
    if (!box?.shared) return false;
    const reaching = new Set([role, ...rolesOf(this.#facts.roles, { kind: 'role', id: role }).keys()]);
    return [...reaching].some((id) =>
      (this.#grantsByGrantee.get(id) ?? []).some((grant) => grant.mailbox === mailbox && grant.send && live(grant, now)),
    );
  }

  /** Mailboxes that can ever open to the person as things stand, whatever the date. */
  everReached(person: string): readonly string[] {
    return [...(this.#of(person)?.mailboxes.keys() ?? [])];
  }

  /** The grants that reach the person, whatever the date and whether their mailboxes are shared. */
  reaching(person: string): readonly GrantFacts[] {
    return [...(this.#of(person)?.mailboxes.values() ?? [])].flatMap(({ grants }) => grants);
  }

  /** The moments after `now`, ascending, at which a grant that reaches the person there begins or ends. */
  moments(person: string, mailbox: string, now: Millis): readonly Millis[] {
    return momentsOf(this.#of(person)?.mailboxes.get(mailbox)?.grants ?? [], now);
  }

  /** The next moment at which time alone changes what the person may do; null: never. */
  nextChangeAt(person: string, now: Millis): Millis | null {
    const known = this.#of(person);
    if (!known || known.who.disabled) return null;
    let next: Millis | null = null;
    for (const { mailbox, grants } of known.mailboxes.values()) {
      const before = surfaces(known.who, mailbox, grants, now);
      const at = momentsOf(grants, now).find((moment) => !same(before, surfaces(known.who, mailbox, grants, moment)));
      if (at !== undefined && (next === null || at < next)) next = at;
    }
    return next;
  }

  /** The next moment at which any grant begins or ends: nothing changes by itself before. */
  nextMoment(now: Millis): Millis | null {
    return momentsOf(this.#facts.grants, now)[0] ?? null;
  }

  /**
   * When the person's present reach began: their unread mail begins there. For those who have the panel it is the reach
   * that opens the panel, for others any reach. Grants that follow each other without a gap are one reach. Null: no reach.
   */
  since(person: string, mailbox: string, now: Millis): Millis | null {
    const known = this.#of(person);
    const reach = known?.mailboxes.get(mailbox);
    if (!known || !reach) return null;
    const given = surfaces(known.who, reach.mailbox, reach.grants, now);
    if (!given.any) return null;
    if (given.owner) return reach.mailbox.addedAt;
    const counting = given.panel ? reach.grants.filter((grant) => grant.send) : reach.grants;
    const spans = counting
      .map((grant) => ({ start: beganFor(grant, known.who), end: grant.until ?? Number.POSITIVE_INFINITY }))
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

  #of(id: string): PersonReach | null {
    const known = this.#reach.get(id);
    if (known) return known;
    const person = this.#persons.get(id);
    if (!person) return null;
    const who = whoIs(this.#facts, person);
    const mailboxes = new Map<string, { mailbox: MailboxFacts; grants: GrantFacts[] }>();
    for (const mailbox of this.#ownedBy.get(id) ?? []) mailboxes.set(mailbox.id, { mailbox, grants: [] });
    for (const grantee of [id, ...who.roles.keys()]) {
      for (const grant of this.#grantsByGrantee.get(grantee) ?? []) {
        const mailbox = this.#mailboxes.get(grant.mailbox);
        if (!mailbox || !reaches(grant.grantee, who)) continue;
        const entry = mailboxes.get(mailbox.id);
        if (entry) entry.grants.push(grant);
        else mailboxes.set(mailbox.id, { mailbox, grants: [grant] });
      }
    }
    const made = { who, mailboxes };
    this.#reach.set(id, made);
    return made;
  }
}

const indexes = new WeakMap<Facts, RightsIndex>();

/** The index of these facts, made at the first question and kept as long as they are. */
export function rightsIndex(facts: Facts): RightsIndex {
  const known = indexes.get(facts);
  if (known) return known;
  const made = new RightsIndex(facts);
  indexes.set(facts, made);
  return made;
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
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
