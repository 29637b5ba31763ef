/**
 * Whom a role reaches. Roles hold persons and other roles; what is given to a role holds for everybody in it, however deep.
 *
 * The facts of this folder are the least that a decision needs, so that it depends on no store: the document of
 * `daemon/directory` fits them as it is. Facts never change in place: a change makes new ones. What is worked out
 * once for some facts is therefore kept with them.
 */

import type { Operation } from '../../protocol/schema.ts';

export type { Operation };

/** Milliseconds since 1970, UTC. */
export type Millis = number;

export interface Grantee {
  readonly kind: 'person' | 'role';
  readonly id: string;
}

export interface PersonFacts {
  readonly id: string;
  readonly name: string;
  readonly status: 'invited' | 'active' | 'disabled';
  readonly operations: readonly Operation[];
}

export interface RoleFacts {
  readonly id: string;
  readonly name: string;
  readonly members: readonly (Grantee & { readonly at: Millis })[];
  readonly operations: readonly Operation[];
}

export interface MailboxFacts {
  readonly id: string;
  readonly address: string;
  readonly owner: string;
  /** Without it the mailbox is personal: its grants are kept and do not count. */
  readonly shared: boolean;
  readonly addedAt: Millis;
}

export interface GrantFacts {
  readonly id: string;
  readonly mailbox: string;
  readonly grantee: Grantee;
  readonly access: boolean;
  readonly send: boolean;
  readonly setup: boolean;
  /** First moment of the grant; null: from the start. */
  readonly from: Millis | null;
  /** First moment without the grant; null: it stands. */
  readonly until: Millis | null;
  /** When what it gives began: an edit that keeps Send keeps it, so that nobody's unread mail turns read by an edited note. */
  readonly began: Millis;
}

export interface Facts {
  readonly persons: readonly PersonFacts[];
  readonly roles: readonly RoleFacts[];
  readonly mailboxes: readonly MailboxFacts[];
  readonly grants: readonly GrantFacts[];
}

/** How a role reaches a person. */
export interface RoleReach {
  /** From the role itself down to the one that holds the person; the shortest way. */
  readonly via: readonly RoleFacts[];
  /** Since when, by the oldest way in. */
  readonly since: Millis;
}

/** A person as decisions see them: everything that counts for them, by id. */
export interface Who {
  readonly person: string;
  readonly disabled: boolean;
  readonly roles: ReadonlyMap<string, RoleReach>;
  /** Held by the person or by a role that reaches them; empty for the disabled. */
  readonly operations: ReadonlySet<Operation>;
}

interface Membership {
  readonly role: RoleFacts;
  readonly at: Millis;
}

/** The roles as a graph, both ways. */
interface Graph {
  readonly byId: ReadonlyMap<string, RoleFacts>;
  /** The roles that hold each member directly. */
  readonly holding: ReadonlyMap<string, readonly Membership[]>;
  /** The persons in each role, as far as somebody asked. */
  readonly within: Map<string, ReadonlySet<string>>;
}

const keyOf = ({ kind, id }: Grantee): string => `${kind} ${id}`;

const graphs = new WeakMap<readonly RoleFacts[], Graph>();

function graphOf(roles: readonly RoleFacts[]): Graph {
  const known = graphs.get(roles);
  if (known) return known;
  const holding = new Map<string, Membership[]>();
  for (const role of roles) {
    for (const member of role.members) {
      const key = keyOf(member);
      const held = holding.get(key);
      if (held) held.push({ role, at: member.at });
      else holding.set(key, [{ role, at: member.at }]);
    }
  }
  const made: Graph = { byId: new Map(roles.map((role) => [role.id, role])), holding, within: new Map() };
  graphs.set(roles, made);
  return made;
}

export const roleById = (roles: readonly RoleFacts[], id: string): RoleFacts | undefined => graphOf(roles).byId.get(id);

/** Every role that reaches the member, directly or through other roles. Ends on a cycle too, although none can be written. */
export function rolesOf(roles: readonly RoleFacts[], member: Grantee): ReadonlyMap<string, RoleReach> {
  const { holding } = graphOf(roles);
  const reached = new Map<string, RoleReach>();
  const queue: { key: string; via: readonly RoleFacts[]; since: Millis }[] = [
    { key: keyOf(member), via: [], since: Number.NEGATIVE_INFINITY },
  ];
  // Breadth first, so the first way found is the shortest. A role is taken up again only by an older way in.
  for (const next of queue) {
    for (const { role, at } of holding.get(next.key) ?? []) {
      const since = Math.max(next.since, at);
      const known = reached.get(role.id);
      if (known && known.since <= since) continue;
      const via = known?.via ?? [role, ...next.via];
      reached.set(role.id, { via, since });
      queue.push({ key: keyOf({ kind: 'role', id: role.id }), via, since });
    }
  }
  return reached;
}

export function whoIs(facts: Facts, person: PersonFacts): Who {
  const disabled = person.status === 'disabled';
  const roles = rolesOf(facts.roles, { kind: 'person', id: person.id });
  const held = disabled ? [] : [...person.operations, ...[...roles.values()].flatMap(({ via }) => via[0]?.operations ?? [])];
  return { person: person.id, disabled, roles, operations: new Set(held) };
}

/** Whether what is given to `grantee` reaches `who`. */
export const reaches = (grantee: Grantee, who: Who): boolean =>
  grantee.kind === 'person' ? grantee.id === who.person : who.roles.has(grantee.id);

/** The persons that a grant to `grantee` reaches. */
export function personsReached(roles: readonly RoleFacts[], grantee: Grantee): ReadonlySet<string> {
  if (grantee.kind === 'person') return new Set([grantee.id]);
  const { byId, within } = graphOf(roles);
  const known = within.get(grantee.id);
  if (known) return known;
  const persons = new Set<string>();
  const seen = new Set([grantee.id]);
  for (const id of seen) {
    for (const member of byId.get(id)?.members ?? []) {
      if (member.kind === 'person') persons.add(member.id);
      else seen.add(member.id); // a Set hands out what is added while it is walked
    }
  }
  within.set(grantee.id, persons);
  return persons;
}

/** A role that holds itself, as the way round: `a, b, a`. Null when there is none. */
export function findCycle(roles: readonly RoleFacts[]): readonly RoleFacts[] | null {
  const byId = new Map(roles.map((role) => [role.id, role]));
  const done = new Set<string>();
  const walk = (role: RoleFacts, path: readonly RoleFacts[]): readonly RoleFacts[] | null => {
    const start = path.indexOf(role);
    if (start >= 0) return [...path.slice(start), role];
    if (done.has(role.id)) return null;
    for (const member of role.members) {
      const inner = member.kind === 'role' ? byId.get(member.id) : undefined;
      const cycle = inner ? walk(inner, [...path, role]) : null;
      if (cycle) return cycle;
    }
    done.add(role.id);
    return null;
  };
  for (const role of roles) {
    const cycle = walk(role, []);
    if (cycle) return cycle;
  }
  return null;
}
