/** One revision of the directory, with everything found by what people call it. Never changes. */
import type { Grantee } from '../access/reach.ts';
import { type RightsIndex, rightsIndex } from '../access/rights.ts';
import { type Directory, fold, type Grant, type Invitation, type Key, type Mailbox, type Person, type Role } from './document.ts';

export class Snapshot {
  readonly directory: Directory;
  /** Who may do what, as of this revision. */
  readonly access: RightsIndex;
  readonly #persons: ReadonlyMap<string, Person>;
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #mailboxes: ReadonlyMap<string, Mailbox>;
  readonly #grantees: ReadonlyMap<string, Grantee & { readonly name: string }>;
  readonly #addresses: ReadonlyMap<string, Mailbox>;
  readonly #keys: ReadonlyMap<string, { person: Person; key: Key }>;
  readonly #invitations: ReadonlyMap<string, Invitation>;
  readonly #grants: ReadonlyMap<string, readonly Grant[]>;
  readonly #former: ReadonlyMap<string, string>;
  readonly #watches: ReadonlyMap<string, 'all' | 'mine' | 'none'>;

  constructor(directory: Directory) {
    const { persons, roles, mailboxes } = directory;
    this.directory = directory;
    this.access = rightsIndex(directory);
    this.#persons = new Map(persons.map((person) => [person.id, person]));
    this.#roles = new Map(roles.map((role) => [role.id, role]));
    this.#mailboxes = new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]));
    this.#grantees = new Map<string, Grantee & { readonly name: string }>([
      ...persons.map(({ id, name }) => [fold(name), { kind: 'person' as const, id, name }] as const),
      ...roles.map(({ id, name }) => [fold(name), { kind: 'role' as const, id, name }] as const),
    ]);
    this.#addresses = new Map(mailboxes.flatMap((mailbox) => mailbox.addresses.map((address) => [fold(address), mailbox] as const)));
    this.#keys = new Map(persons.flatMap((person) => person.keys.map((key) => [key.public, { person, key }] as const)));
    this.#invitations = new Map(directory.invitations.map((invitation) => [invitation.publicKey, invitation]));
    this.#grants = Map.groupBy(directory.grants, ({ mailbox }) => mailbox);
    this.#former = new Map(directory.former.map(({ id, name }) => [id, name]));
    this.#watches = new Map(directory.watches.map(({ person, mailbox, level }) => [`${person} ${mailbox}`, level]));
  }

  get revision(): number {
    return this.directory.revision;
  }

  person(id: string): Person | undefined {
    return this.#persons.get(id);
  }

  role(id: string): Role | undefined {
    return this.#roles.get(id);
  }

  mailbox(id: string): Mailbox | undefined {
    return this.#mailboxes.get(id);
  }

  /** A person or role by name, case apart. */
  granteeByName(name: string): (Grantee & { readonly name: string }) | undefined {
    return this.#grantees.get(fold(name.trim()));
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
    return this.#addresses.get(fold(address.trim()));
  }

  /** Whose key this is; revoked ones too: the caller looks at `revokedAt` and at the person's status. */
  keyByPublic(publicKey: string): { readonly person: Person; readonly key: Key } | undefined {
    return this.#keys.get(publicKey);
  }

  /** By the public half of its one-time key; used and expired ones too. */
  invitationByPublic(publicKey: string): Invitation | undefined {
    return this.#invitations.get(publicKey);
  }

  /** All grants on a mailbox, dated ones and those of other days too. */
  grantsOn(mailbox: string): readonly Grant[] {
    return this.#grants.get(mailbox) ?? [];
  }

  watch(person: string, mailbox: string): 'all' | 'mine' | 'none' {
    return this.#watches.get(`${person} ${mailbox}`) ?? 'mine';
  }

  /** The name of whoever did something: a person, a removed person, or a role. */
  nameOf(id: string): string {
    return this.#persons.get(id)?.name ?? this.#roles.get(id)?.name ?? this.#former.get(id) ?? 'somebody';
  }
}
