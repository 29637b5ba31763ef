/** Everybody whom rights on one mailbox reach: by grants of their own, through roles, as its owner. What a grants matrix shows. */
import { live, type Right, rights } from './decide.ts';
import { type Facts, type Grantee, type GrantFacts, type MailboxFacts, type Millis, personsReached, rolesOf } from './reach.ts';
import { rightsIndex } from './rights.ts';

export interface Entry<G extends GrantFacts = GrantFacts> {
  readonly grantee: Grantee & { readonly name: string };
  readonly owner: boolean;
  /** How many persons it comes to. */
  readonly people: number;
  /** Null: rights reach them without a grant of their own. */
  readonly grant: G | null;
  readonly state: 'live' | 'coming' | 'ended' | null;
  /** What reaches the grantee beside grants of their own, now: `role agents`, `owner`. Also on a mailbox that is not shared, where it does not count. */
  readonly inherited: Readonly<Record<Right, readonly string[]>>;
}

/** Roles before persons, by name; of one grantee the grant without an end first. */
export function matrix<G extends GrantFacts>(
  facts: Omit<Facts, 'grants'> & { readonly grants: readonly G[] },
  mailbox: MailboxFacts,
  now: Millis,
): readonly Entry<G>[] {
  const index = rightsIndex(facts);
  const on = Map.groupBy(
    facts.grants.filter((grant) => grant.mailbox === mailbox.id),
    ({ grantee }) => grantee.id,
  );
  const nameOf = ({ kind, id }: Grantee): string => (kind === 'person' ? index.person(id) : index.role(id))?.name ?? '';
  const grantees = new Map<string, Grantee>([[mailbox.owner, { kind: 'person', id: mailbox.owner }]]);
  for (const grants of on.values()) {
    for (const { grantee } of grants.slice(0, 1)) {
      grantees.set(grantee.id, grantee);
      for (const id of personsReached(facts.roles, grantee)) grantees.set(id, { kind: 'person', id });
    }
  }

  const entries: Entry<G>[] = [];
  for (const grantee of grantees.values()) {
    const owner = grantee.id === mailbox.owner;
    const through = (grantee.kind === 'person' ? index.who(grantee.id)?.roles : undefined) ?? rolesOf(facts.roles, grantee);
    const reaching: { grant: G; name: string }[] = [];
    for (const id of through.keys()) {
      for (const grant of on.get(id) ?? []) if (live(grant, now)) reaching.push({ grant, name: `role ${nameOf({ kind: 'role', id })}` });
    }
    const sources = (right: Right): readonly string[] => [
      ...(owner ? ['owner'] : []),
      ...new Set(reaching.flatMap(({ grant, name }) => (grant[right] ? name : []))),
    ];
    const common = {
      grantee: { kind: grantee.kind, id: grantee.id, name: nameOf(grantee) },
      owner,
      people: personsReached(facts.roles, grantee).size,
      inherited: { access: sources('access'), send: sources('send'), setup: sources('setup') } satisfies Record<Right, readonly string[]>,
    };
    const own = (on.get(grantee.id) ?? []).toSorted((a, b) => endOf(b) - endOf(a));
    if (own.length === 0 && rights.some((right) => common.inherited[right].length > 0))
      entries.push({ ...common, grant: null, state: null });
    for (const grant of own) entries.push({ ...common, grant, state: stateOf(grant, now) });
  }
  return entries.sort(
    (a, b) => placeOf(a) - placeOf(b) || (a.grantee.name < b.grantee.name ? -1 : a.grantee.name > b.grantee.name ? 1 : 0),
  );
}

const endOf = ({ until }: GrantFacts): number => until ?? Number.MAX_SAFE_INTEGER;

const placeOf = ({ grantee }: Entry): number => (grantee.kind === 'role' ? 0 : 1);

const stateOf = (grant: GrantFacts, now: Millis): 'live' | 'coming' | 'ended' =>
  live(grant, now) ? 'live' : grant.from !== null && now < grant.from ? 'coming' : 'ended';
