/**
 * Whether the parts of the document fit each other: what no shape can say.
 *
 * - ids are unique; names are unique over persons and roles, addresses over all mailboxes, public keys over all keys, case apart
 * - whatever is named by id is there; only `by` (who did it) may name somebody who was removed since: then `former` knows the name
 * - roles hold no cycle; a mailbox has exactly one owner; its first address is `address`
 * - a grant gives at least one right; the standing one has no dates and is the only one of its grantee on its mailbox
 *
 * Each rule is said once, of one thing at a time: what it claims for itself alone, what it is, what it names. The claims and names of the
 * whole document are counted here and follow it from change to change, so that a change is judged by what it changes.
 */
import { changed } from '../access/changed.ts';
import { findCycle } from '../access/reach.ts';
import type { ListName, Lists } from './document.ts';

/** Names and addresses that differ only in case, width or composition are the same. */
export const fold = (text: string): string => (plain.test(text) ? text : text.normalize('NFKC')).toLowerCase();
/** What normalization leaves alone; looked at first because it is most of what there is. */
const plain = /^[ -~]*$/;

export interface Contradiction {
  readonly path: (string | number)[];
  readonly message: string;
}

type Path = (string | number)[];

/** Of what there is one: the words for a second one. */
const only = {
  id: 'this id is there twice',
  name: 'this name is there twice',
  address: 'this address is there twice',
  key: 'this key is there twice',
  standing: 'a standing grant of this grantee is there twice',
  watch: 'this watch is there twice',
} as const;
type Claim = keyof typeof only;

/** What can be named by id; `known` persons are there or were. */
const named = { person: 'no such person', role: 'no such role', mailbox: 'no such mailbox', known: 'no such person' } as const;
type Named = keyof typeof named;

/** What a rule says of a thing. Paths begin at the thing. */
interface Say {
  readonly claims: (what: Claim, value: string, ...path: Path) => unknown;
  readonly is: (kind: Named, id: string) => unknown;
  readonly names: (kind: Named, id: string, ...path: Path) => unknown;
  readonly wrong: (message: string, ...path: Path) => unknown;
}

const rules: { readonly [List in ListName]: (one: Lists[List][number], say: Say) => void } = {
  persons: ({ id, name, keys, invitedBy, vouchedBy = [] }, say) => {
    say.claims('id', id, 'id');
    say.claims('name', fold(name), 'name');
    say.is('person', id);
    say.is('known', id);
    for (const [n, key] of keys.entries()) {
      say.claims('id', key.id, 'keys', n, 'id');
      say.claims('key', key.public, 'keys', n, 'public');
      if (key.invitedBy !== undefined) say.names('known', key.invitedBy, 'keys', n, 'invitedBy');
      if (key.confirmedBy !== undefined) say.names('known', key.confirmedBy, 'keys', n, 'confirmedBy');
    }
    if (invitedBy !== undefined) say.names('known', invitedBy, 'invitedBy');
    for (const [n, one] of vouchedBy.entries()) say.names('known', one, 'vouchedBy', n);
  },
  former: ({ id, heir }, say) => {
    say.claims('id', id, 'id');
    say.is('known', id);
    if (heir != null) say.names('known', heir, 'heir');
  },
  roles: ({ id, name, members }, say) => {
    say.claims('id', id, 'id');
    say.claims('name', fold(name), 'name');
    say.is('role', id);
    const seen = new Set<string>();
    for (const [n, member] of members.entries()) {
      if (seen.has(member.id)) say.wrong('this member is there twice', 'members', n);
      seen.add(member.id);
      say.names(member.kind, member.id, 'members', n, 'id');
      say.names('known', member.by, 'members', n, 'by');
    }
  },
  mailboxes: ({ id, owner, address, addresses }, say) => {
    say.claims('id', id, 'id');
    say.is('mailbox', id);
    say.names('person', owner, 'owner');
    if (addresses[0] !== address) say.wrong('not the primary address', 'addresses', 0);
    for (const [n, one] of addresses.entries()) say.claims('address', fold(one), 'addresses', n);
  },
  grants: (grant, say) => {
    const { id, mailbox, grantee, by, standing, from, until } = grant;
    say.claims('id', id, 'id');
    say.names('mailbox', mailbox, 'mailbox');
    say.names(grantee.kind, grantee.id, 'grantee', 'id');
    say.names('known', by, 'by');
    if (!(grant.access || grant.send || grant.setup)) say.wrong('gives nothing');
    if (standing) {
      say.claims('standing', `${mailbox} ${grantee.id}`);
      if (from !== null || until !== null) say.wrong('a standing grant has no dates', 'standing');
    } else if (until === null) say.wrong('a dated grant has an end', 'until');
    else if (from !== null && from >= until) say.wrong('ends before it begins', 'until');
  },
  watches: ({ person, mailbox }, say) => {
    say.claims('watch', `${person} ${mailbox}`);
    say.names('person', person, 'person');
    say.names('mailbox', mailbox, 'mailbox');
  },
  invitations: ({ id, publicKey, person, by }, say) => {
    say.claims('id', id, 'id');
    say.claims('key', publicKey, 'publicKey');
    say.names('person', person, 'person');
    say.names('known', by, 'by');
  },
};

const listNames = ['persons', 'former', 'roles', 'mailboxes', 'grants', 'watches', 'invitations'] as const satisfies readonly ListName[];
const nothing: Lists = { persons: [], former: [], roles: [], mailboxes: [], grants: [], watches: [], invitations: [] };

/** How often each value is there. */
class Tally {
  readonly #times = new Map<string, number>();
  /** Values that are there more than once. */
  repeated = 0;

  add(value: string, by: 1 | -1): void {
    const before = this.#times.get(value) ?? 0;
    const after = before + by;
    if (after === 0) this.#times.delete(value);
    else this.#times.set(value, after);
    if (before < 2 && after > 1) this.repeated++;
    else if (before > 1 && after < 2) this.repeated--;
  }

  of(value: string): number {
    return this.#times.get(value) ?? 0;
  }
}

/** What is there of a kind, and what is named. */
class References {
  readonly #there = new Tally();
  readonly #named = new Tally();
  /** Ids that are named and not there. */
  lost = 0;

  is(id: string, by: 1 | -1): void {
    this.#count(this.#there, id, by);
  }

  names(id: string, by: 1 | -1): void {
    this.#count(this.#named, id, by);
  }

  leadsNowhere(id: string): boolean {
    return this.#named.of(id) > 0 && this.#there.of(id) === 0;
  }

  #count(tally: Tally, id: string, by: 1 | -1): void {
    const before = this.leadsNowhere(id);
    tally.add(id, by);
    this.lost += Number(this.leadsNowhere(id)) - Number(before);
  }
}

export class Consistency {
  readonly #claims = {
    id: new Tally(),
    name: new Tally(),
    address: new Tally(),
    key: new Tally(),
    standing: new Tally(),
    watch: new Tally(),
  };
  readonly #references = { person: new References(), role: new References(), mailbox: new References(), known: new References() };
  #wrong = 0;
  #cycle = false;

  constructor(document: Lists) {
    this.#move(nothing, document);
  }

  /** Whether the document fits itself; `contradictionsIn` it says why not. */
  get fits(): boolean {
    const { id, name, address, key, standing, watch } = this.#claims;
    const { person, role, mailbox, known } = this.#references;
    const repeated = [id, name, address, key, standing, watch].some((claims) => claims.repeated > 0);
    return !(repeated || [person, role, mailbox, known].some(({ lost }) => lost > 0) || this.#wrong > 0 || this.#cycle);
  }

  /** Follows the document from what it was to `after`, and says whether that fits. If it does not, nothing has moved. */
  follow(before: Lists, after: Lists): boolean {
    this.#move(before, after);
    if (this.fits) return true;
    this.#move(after, before);
    return false;
  }

  #move(before: Lists, after: Lists): void {
    for (const list of listNames) this.#moveList(list, before, after);
    if (before.roles !== after.roles) this.#cycle = findCycle(after.roles) !== null;
  }

  #moveList<List extends ListName>(list: List, before: Lists, after: Lists): void {
    const rule = rules[list];
    const { gone, come } = changed(before[list], after[list]);
    const [leaving, entering] = [this.#counting(-1), this.#counting(1)];
    for (const one of gone) rule(one, leaving);
    for (const one of come) rule(one, entering);
  }

  #counting(by: 1 | -1): Say {
    return {
      claims: (what, value) => this.#claims[what].add(value, by),
      is: (kind, id) => this.#references[kind].is(id, by),
      names: (kind, id) => this.#references[kind].names(id, by),
      wrong: () => {
        this.#wrong += by;
      },
    };
  }

  /** Says of a thing in the document what is wrong about it. */
  judging(wrong: (message: string, ...path: Path) => void): Say {
    return {
      claims: (what, value, ...path) => this.#claims[what].of(value) > 1 && wrong(only[what], ...path),
      is: () => undefined,
      names: (kind, id, ...path) => this.#references[kind].leadsNowhere(id) && wrong(named[kind], ...path),
      wrong,
    };
  }
}

/** Everything in a document that does not fit, with its place. */
export function contradictionsIn(document: Lists): readonly Contradiction[] {
  const whole = new Consistency(document);
  if (whole.fits) return [];
  const judged = <List extends ListName>(list: List): readonly Contradiction[] => {
    const rule = rules[list];
    const found: Contradiction[] = [];
    for (const [at, one] of document[list].entries()) {
      rule(
        one,
        whole.judging((message, ...path) => found.push({ path: [list, at, ...path], message })),
      );
    }
    return found;
  };
  const cycle = findCycle(document.roles);
  const round = cycle ? [{ path: ['roles'], message: `these roles hold each other: ${cycle.map(({ name }) => name).join(' > ')}` }] : [];
  return [...listNames.flatMap(judged), ...round];
}
