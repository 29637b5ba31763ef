/**
 * Whose hands somebody is in. Whoever invites a person has seen the invitation and may hold their key: until somebody else who manages
 * people has vouched for them, the two count as one person wherever one must not do something alone. The same goes for a key that somebody
 * else invited for a person who has joined.
 *
 * - A person counts as another when everybody who stands for them (whoever invited them, whoever vouched) is that other or counts as them.
 *   So does whoever was invited by somebody who counts as them: a chain of invented people leads to whoever invented the first.
 * - The first person of a home was invited by nobody, and nobody could vouch for those whom they invite. Two of those may do things for
 *   each other; what the first person gives or takes themselves through one of them is held against them.
 */
import { type Right, rights } from '../access/decide.ts';
import type { GrantFacts, Millis, Operation } from '../access/reach.ts';
import { type RightsIndex, rightsIndex } from '../access/rights.ts';
import type { Directory, Key, Person } from './document.ts';

type People = ReadonlyMap<string, Person>;

/** Those who stand for a person. Somebody who stands for themselves counts as nobody else. */
const standingFor = ({ invitedBy, vouchedBy = [] }: Person): readonly string[] =>
  invitedBy === undefined ? [] : [invitedBy, ...vouchedBy];

/** The people of a document, and who counts as whom. */
export class Hands {
  readonly #people: People;

  constructor({ persons }: Pick<Directory, 'persons'>) {
    this.#people = new Map(persons.map((person) => [person.id, person]));
  }

  /** Whether `person` counts as `other`: themselves, or in the hands of that one alone. */
  countsAs(person: string, other: string): boolean {
    return person === other || this.#leadsTo(person, other, new Set());
  }

  #leadsTo(person: string, other: string, passed: ReadonlySet<string>): boolean {
    const found = this.#people.get(person);
    const standing = found === undefined ? [] : standingFor(found);
    const way = new Set([...passed, person]);
    return standing.length > 0 && standing.every((one) => one === other || (!way.has(one) && this.#leadsTo(one, other, way)));
  }

  /** Whom the person counts as beside themselves, the nearest first. */
  mastersOf(person: string): readonly string[] {
    const masters: string[] = [];
    const seen = new Set<string>([person]);
    for (let next = this.#people.get(person)?.invitedBy; next !== undefined && !seen.has(next); next = this.#people.get(next)?.invitedBy) {
      seen.add(next);
      if (this.countsAs(person, next)) masters.push(next);
    }
    return masters;
  }

  /** Whether what `person` gets is held against `actor`: it is the same hands that give and take. Whose they are; null: two persons. */
  sameHands(actor: string, person: string): string | null {
    if (this.countsAs(person, actor)) return actor;
    const masters = this.mastersOf(actor);
    return masters.find((one) => one === person || (!this.#isFirst(one) && this.countsAs(person, one))) ?? null;
  }

  #isFirst(person: string): boolean {
    return this.#people.get(person)?.invitedBy === undefined;
  }
}

const made = new WeakMap<Directory['persons'], Hands>();

export function handsOf(doc: Pick<Directory, 'persons'>): Hands {
  const known = made.get(doc.persons);
  if (known) return known;
  const hands = new Hands(doc);
  made.set(doc.persons, hands);
  return hands;
}

// --- reach, compared --------------------------------------------------------------------------------------------

/** Whether one grant gives all that the other does, for as long. */
export const covers = (one: Span, other: Span): boolean =>
  one.mailbox === other.mailbox &&
  rights.every((right) => one[right] || !other[right]) &&
  (one.from ?? Number.NEGATIVE_INFINITY) <= (other.from ?? Number.NEGATIVE_INFINITY) &&
  (one.until ?? Number.POSITIVE_INFINITY) >= (other.until ?? Number.POSITIVE_INFINITY);

type Span = Pick<GrantFacts, 'mailbox' | 'from' | 'until' | Right>;

/** Operations that somebody holds or would hold: a disabled person may be let in again. */
export function operationsOf(index: RightsIndex, person: string): ReadonlySet<Operation> {
  const through = [...(index.who(person)?.roles.keys() ?? [])].flatMap((role) => index.role(role)?.operations ?? []);
  return new Set([...(index.person(person)?.operations ?? []), ...through]);
}

/** Whether signing in as the person leads to anything that `other` does not reach by themselves: an operation, a mailbox, a right, a date. */
export function opensMore(doc: Directory, person: string, other: string, now: Millis): boolean {
  const index = rightsIndex(doc);
  const held = index.who(other)?.operations ?? new Set();
  if ([...operationsOf(index, person)].some((operation) => !held.has(operation))) return true;
  const owned = new Set(index.ownedBy(other).map(({ id }) => id));
  if (index.ownedBy(person).some(({ id }) => !owned.has(id))) return true;
  const reaching = index.reaching(other);
  return index
    .reaching(person)
    .some(
      (grant) =>
        !owned.has(grant.mailbox) && (grant.until === null || now < grant.until) && !reaching.some((another) => covers(another, grant)),
    );
}

// --- keys that somebody else invited ----------------------------------------------------------------------------

/** Made from an invitation by somebody else, and nobody has said that it is its person's. */
export const isDoubtful = (key: Key): boolean => key.invitedBy !== undefined && key.confirmedBy === undefined && key.revokedAt === null;

/**
 * Keys that somebody else invited wait from the moment at which their person reaches more than whoever invited them, however that came
 * about: a key may have been there long before the rights.
 */
export function closeDoubtfulKeys(doc: Directory, now: Millis): Directory {
  const closing = (person: Person, key: Key): boolean =>
    isDoubtful(key) && key.unconfirmed !== true && opensMore(doc, person.id, key.invitedBy ?? '', now);
  if (!doc.persons.some((person) => person.keys.some((key) => closing(person, key)))) return doc;
  const persons = doc.persons.map((person) =>
    person.keys.some((key) => closing(person, key))
      ? { ...person, keys: person.keys.map((key): Key => (closing(person, key) ? { ...key, unconfirmed: true } : key)) }
      : person,
  );
  return { ...doc, persons };
}
