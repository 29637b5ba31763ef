/** One revision of the directory, with everything found by what people call it. Never changes. */
import { changed, followed, regrouped } from '../access/changed.ts';
import type { Grantee } from '../access/reach.ts';
import { type RightsIndex, rightsIndex } from '../access/rights.ts';
import {
  type Directory,
  fold,
  type Grant,
  type Invitation,
  type Key,
  type ListName,
  type Mailbox,
  type Person,
  type Role,
  type Watch,
} from './document.ts';

type Named = Grantee & { readonly name: string };

interface Maps {
  readonly persons: ReadonlyMap<string, Person>;
  readonly roles: ReadonlyMap<string, Role>;
  readonly mailboxes: ReadonlyMap<string, Mailbox>;
  readonly grantees: ReadonlyMap<string, Named>;
  readonly addresses: ReadonlyMap<string, Mailbox>;
  readonly keys: ReadonlyMap<string, { person: Person; key: Key }>;
  readonly invitations: ReadonlyMap<string, Invitation>;
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
  readonly former: ReadonlyMap<string, string>;
  readonly watches: ReadonlyMap<string, Watch['level']>;
}

const none: ReadonlyMap<string, never> = new Map<string, never>();
const empty: Maps = {
  persons: none,
  roles: none,
  mailboxes: none,
  grantees: none,
  addresses: none,
  keys: none,
  invitations: none,
  grants: none,
  former: none,
  watches: none,
};
const nothing: Pick<Directory, ListName> = { persons: [], roles: [], mailboxes: [], grants: [], watches: [], invitations: [], former: [] };

export class Snapshot {
  readonly directory: Directory;
  /** Who may do what, as of this revision. */
  readonly access: RightsIndex;
  readonly #maps: Maps;

  /** `from`: the revision before; what did not change since is shared with it. */
  constructor(directory: Directory, from?: Snapshot) {
    const old = from?.directory ?? nothing;
    const persons = changed(old.persons, directory.persons);
    const roles = changed(old.roles, directory.roles);
    const mailboxes = changed(old.mailboxes, directory.mailboxes);
    const kinds = <Kind extends Grantee['kind']>(kind: Kind, some: readonly (Person | Role)[]) => some.map((one) => ({ kind, one }));
    const grantees = {
      gone: [...kinds('person', persons.gone), ...kinds('role', roles.gone)],
      come: [...kinds('person', persons.come), ...kinds('role', roles.come)],
    };
    const maps = from === undefined ? empty : from.#maps;
    this.directory = directory;
    this.access = rightsIndex(directory, from?.directory);
    this.#maps = {
      persons: followed(maps.persons, persons, (person) => [[person.id, person]]),
      roles: followed(maps.roles, roles, (role) => [[role.id, role]]),
      mailboxes: followed(maps.mailboxes, mailboxes, (mailbox) => [[mailbox.id, mailbox]]),
      grantees: followed(maps.grantees, grantees, ({ kind, one: { id, name } }) => [[fold(name), { kind, id, name }]]),
      addresses: followed(maps.addresses, mailboxes, (mailbox) => mailbox.addresses.map((address) => [fold(address), mailbox] as const)),
      keys: followed(maps.keys, persons, (person) => person.keys.map((key) => [key.public, { person, key }] as const)),
      invitations: followed(maps.invitations, changed(old.invitations, directory.invitations), (one) => [[one.publicKey, one]]),
      grants: regrouped(maps.grants, changed(old.grants, directory.grants), ({ mailbox }) => mailbox),
      former: followed(maps.former, changed(old.former, directory.former), ({ id, name }) => [[id, name]]),
      watches: followed(maps.watches, changed(old.watches, directory.watches), ({ person, mailbox, level }) => [
        [`${person} ${mailbox}`, level],
      ]),
    };
  }

  get revision(): number {
    return this.directory.revision;
  }

  person(id: string): Person | undefined {
    return this.#maps.persons.get(id);
  }

  role(id: string): Role | undefined {
    return this.#maps.roles.get(id);
  }

  mailbox(id: string): Mailbox | undefined {
    return this.#maps.mailboxes.get(id);
  }

  /** A person or role by name, case apart. */
  granteeByName(name: string): (Grantee & { readonly name: string }) | undefined {
    return this.#maps.grantees.get(fold(name.trim()));
  }

  personByName(name: string): Person | undefined {
    const found = this.granteeByName(name);
    return found?.kind === 'person' ? this.person(found.id) : undefined;
  }

  roleByName(name: string): Role | undefined {
    const found = this.granteeByName(name);
    return found?.kind === 'role' ? this.role(found.id) : undefined;
  }

  /** By any of its addresses, case apart. */
  mailboxByAddress(address: string): Mailbox | undefined {
    return this.#maps.addresses.get(fold(address.trim()));
  }

  /** Whose key this is; revoked ones too: the caller looks at `revokedAt` and at the person's status. */
  keyByPublic(publicKey: string): { readonly person: Person; readonly key: Key } | undefined {
    return this.#maps.keys.get(publicKey);
  }

  /** By the public half of its one-time key; used and expired ones too. */
  invitationByPublic(publicKey: string): Invitation | undefined {
    return this.#maps.invitations.get(publicKey);
  }

  /** All grants on a mailbox, dated ones and those of other days too. */
  grantsOn(mailbox: string): readonly Grant[] {
    return this.#maps.grants.get(mailbox) ?? [];
  }

  watch(person: string, mailbox: string): 'all' | 'mine' | 'none' {
    return this.#maps.watches.get(`${person} ${mailbox}`) ?? 'mine';
  }

  /** The name of whoever did something: a person, a removed person, or a role. */
  nameOf(id: string): string {
    return this.#maps.persons.get(id)?.name ?? this.#maps.roles.get(id)?.name ?? this.#maps.former.get(id) ?? 'somebody';
  }
}
