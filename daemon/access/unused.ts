/** Rights of grants that nobody uses who holds them through the grant. */
import { live, type Right, rights } from './decide.ts';
import { type Facts, type GrantFacts, type MailboxFacts, type Millis, personsReached } from './reach.ts';
import { type RightsIndex, rightsIndex } from './rights.ts';

/** The last time that somebody used a right on a mailbox, by whatever grant; the first of that day, for the others are not noted. */
export interface Use {
  readonly person: string;
  readonly mailbox: string;
  readonly right: Right;
  readonly at: Millis;
}

/** A grant as far as its age counts: `at` is its last change. */
type AgedGrant = GrantFacts & { readonly at: Millis };

export interface Unused<G extends AgedGrant = AgedGrant> {
  readonly grant: G;
  readonly right: Right;
  /** Since when somebody could have used it and been seen. */
  readonly since: Millis;
  /** Null: no use was seen. */
  readonly lastUsed: Millis | null;
  readonly people: number;
}

/** The day (UTC) of a moment, counted since 1970: uses are noted to the day. */
export const dayOf = (at: Millis): number => Math.floor(at / 86_400_000);

type Asked<G extends AgedGrant> = {
  /** Those on the mailbox. */
  readonly grants: readonly G[];
  /** Those of the mailbox. */
  readonly uses: readonly Use[];
  readonly now: Millis;
  /** A right that was used at this moment or later is in use. */
  readonly before: Millis;
  /** Since when uses are noted. */
  readonly watchedSince: Millis;
};

/**
 * The rights of live grants on the mailbox that none of the persons whom the grant reaches has used since `before`. A use counts for every
 * grant that gave the right to that person then. Younger than that is not told of: grants changed since, roles whose members all came
 * since, a watch that began since. A personal mailbox has none: its grants give nothing that could be used.
 */
export function unused<G extends AgedGrant>(
  facts: Facts,
  mailbox: MailboxFacts,
  { grants, uses, now, before, watchedSince }: Asked<G>,
): readonly Unused<G>[] {
  if (!mailbox.shared) return [];
  const index = rightsIndex(facts);
  const byRight = Map.groupBy(uses, ({ right }) => right);
  const found: Unused<G>[] = [];
  for (const grant of grants) {
    if (!live(grant, now)) continue;
    const joined = holdersOf(index, facts, grant, mailbox);
    const since = Math.max(grant.at, grant.from ?? grant.at, firstOf(joined), watchedSince);
    if (since > before) continue;
    for (const right of rights) {
      if (!grant[right]) continue;
      let lastUsed: Millis | null = null;
      for (const use of byRight.get(right) ?? []) {
        if ((lastUsed === null || lastUsed < use.at) && wasThrough(use, grant, joined)) lastUsed = use.at;
      }
      if (lastUsed !== null && dayOf(lastUsed) >= dayOf(before)) continue;
      found.push({ grant, right, since, lastUsed, people: joined.size });
    }
  }
  return found;
}

/** Whoever holds something through the grant, and since when it reaches them. The owner needs no grant, the disabled hold nothing. */
function holdersOf(index: RightsIndex, { roles }: Pick<Facts, 'roles'>, { grantee }: GrantFacts, { owner }: MailboxFacts) {
  const joined = new Map<string, Millis>();
  for (const id of personsReached(roles, grantee)) {
    const who = index.who(id);
    if (id === owner || who === null || who.disabled) continue;
    joined.set(id, grantee.kind === 'person' ? Number.NEGATIVE_INFINITY : (who.roles.get(grantee.id)?.since ?? Number.NEGATIVE_INFINITY));
  }
  return joined;
}

/** The oldest way in; long ago where there is none, for an empty role is no young one. */
function firstOf(joined: ReadonlyMap<string, Millis>): Millis {
  let first = Number.POSITIVE_INFINITY;
  for (const at of joined.values()) if (at < first) first = at;
  return joined.size === 0 ? Number.NEGATIVE_INFINITY : first;
}

/** Whether the grant gave the right to that person then. Days are compared: a later use of the same day is not noted. */
function wasThrough({ person, at }: Use, { began, from }: GrantFacts, joined: ReadonlyMap<string, Millis>): boolean {
  const since = joined.get(person);
  return since !== undefined && dayOf(at) >= dayOf(Math.max(since, began, from ?? began));
}
