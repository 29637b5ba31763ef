/** Why somebody may or may not, and what a change would do: the answers behind `grant explain` and every preview. */
import { type Denial, type Right, rights, type Surface, surfaceNames } from './decide.ts';
import type { Facts, GrantFacts, Millis, Who } from './reach.ts';
import { rightsIndex } from './rights.ts';

/** As `grant explain --json` prints it. */
export interface Explanation {
  readonly mailbox: string;
  readonly person: string;
  readonly rights: { readonly panel: boolean; readonly timeline: boolean; readonly send: boolean; readonly settings: boolean };
  /** One line for each grant that gives the right now; `via` leads from the grantee to the person. */
  readonly because: readonly { readonly right: Right; readonly via: readonly string[]; readonly until: string | null }[];
  readonly denied: readonly { readonly right: Right; readonly why: Denial }[];
}

/** Null: no such person or mailbox. */
export function explain(facts: Facts, person: string, mailbox: string, now: Millis): Explanation | null {
  const index = rightsIndex(facts);
  const who = index.who(person);
  const name = facts.persons.find(({ id }) => id === person)?.name;
  const address = facts.mailboxes.find(({ id }) => id === mailbox)?.address;
  if (!who || name === undefined || address === undefined) return null;

  const { panel, timeline, send, settings } = index.surfaces(person, mailbox, now);
  const because: Explanation['because'][number][] = [];
  const denied: Explanation['denied'][number][] = [];
  for (const right of rights) {
    const decision = index.decide(person, right, mailbox, now);
    if (!decision.allow) denied.push({ right, why: decision.why });
    else if (decision.by === 'owner') because.push({ right, via: ['owner'], until: null });
    else for (const grant of decision.by) because.push({ right, via: viaOf(grant, who, name), until: dateOf(grant.until) });
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
  const [old, next] = [rightsIndex(before), rightsIndex(after)];
  const persons = only === undefined ? new Set([...before.persons, ...after.persons].map(({ id }) => id)) : [only];
  const differences: Difference[] = [];
  for (const person of persons) {
    for (const mailbox of new Set([...old.everReached(person), ...next.everReached(person)])) {
      const moments = new Set([now, ...old.moments(person, mailbox, now), ...next.moments(person, mailbox, now)]);
      const gains = new Set<Surface>();
      const loses = new Set<Surface>();
      let from: Millis | null = null;
      for (const moment of [...moments].sort((a, b) => a - b)) {
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
