/**
 * The directory: people, roles, mailboxes (without secrets), grants, operations and invitations as one JSON document.
 *
 * Invariants, all checked whenever it is read and before it is written:
 * - ids are unique; names are unique over persons and roles, addresses over all mailboxes, public keys over all keys, case apart
 * - whatever is named by id is there; only `by` (who did it) may name somebody who was removed since: then `former` knows the name
 * - roles hold no cycle; a mailbox has exactly one owner; its first address is `address`
 * - a grant gives at least one right; the standing one has no dates and is the only one of its grantee on its mailbox
 */
import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { operations } from '../../protocol/rows.ts';
import { isSafe } from '../../protocol/text.ts';
import { findCycle } from '../access/reach.ts';

const idOf = <Prefix extends string>(prefix: Prefix) => z.string().regex(new RegExp(`^${prefix}_[a-z2-7]{26}$`), `an id like ${prefix}_…`);
const PersonId = idOf('p');
const RoleId = idOf('r');
const MailboxId = idOf('m');

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** A fresh id: the prefix and 128 random bits, in base32. */
export function newId(prefix: 'p' | 'r' | 'm' | 'g' | 'i' | 'k' | 's' | 'c'): string {
  let bits = BigInt(`0x${randomBytes(16).toString('hex')}`);
  let text = '';
  for (let digit = 0; digit < 26; digit++, bits >>= 5n) text += alphabet[Number(bits & 31n)];
  return `${prefix}_${text}`;
}

const Moment = z.int().min(0);
const Operation = z.enum(operations);
const safeLine = z.string().refine((text) => isSafe(text) && !text.includes('\n'), 'one line of visible characters');
const oneLine = safeLine.trim().min(1);
/** A person's or role's name. Both share one namespace, so a grantee is named without saying which it is. */
export const NameText = oneLine.max(100);
const Note = oneLine.max(500);
const ManyLines = z
  .string()
  .max(5_000)
  .regex(/^(?:[^\p{C}\p{Zl}\p{Zp}]|[\n\t])*$/u, 'visible characters and line ends');

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/** What a mailbox may be called: dot-atom and host name (RFC 5321, without quoted forms and literals: nobody needs them, many hide in them). */
export const AddressText = z
  .string()
  .max(254)
  .regex(new RegExp(`^(?=[^@]{1,64}@)${atom}(?:\\.${atom})*@${label}(?:\\.${label})*$`), 'an address like support@example.org');
/** 32 octets in Z85 (ZeroMQ RFC 32). */
const PublicKey = z.string().regex(/^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/, 'a CURVE public key in Z85');

/** Names and addresses that differ only in case, width or composition are the same. */
export const fold = (text: string): string => text.normalize('NFKC').toLowerCase();

const Key = z.strictObject({
  id: idOf('k'),
  public: PublicKey,
  /** The device, in its owner's words; may be empty. */
  label: safeLine.max(100),
  addedAt: Moment,
  revokedAt: Moment.nullable(),
  /** Who invited it, where that was somebody else and its person had joined before. */
  invitedBy: PersonId.optional(),
  /** It opens nothing until its person, or somebody else who manages people than `invitedBy`, has confirmed it. */
  unconfirmed: z.literal(true).optional(),
});

const Person = z.strictObject({
  id: PersonId,
  name: NameText,
  email: AddressText.nullable(),
  status: z.enum(['invited', 'active', 'disabled']),
  plan: oneLine.max(100).nullable(),
  addedAt: Moment,
  keys: z.array(Key),
  operations: z.array(Operation),
});

const Grantee = z.strictObject({ kind: z.enum(['person', 'role']), id: z.string() });

const Role = z.strictObject({
  id: RoleId,
  name: NameText,
  members: z.array(Grantee.extend({ at: Moment, by: PersonId })),
  operations: z.array(Operation),
});

const noControl = /^[^\p{Cc}]+$/u;
export const Server = z.strictObject({
  host: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,253})$|^::[0-9a-fA-F:.]*$/, 'a host name or an IP address'),
  port: z.int().min(1).max(65_535),
  tls: z.enum(['implicit', 'starttls', 'none']),
  user: z.string().max(320).regex(noControl, 'no control characters'),
  /** PEM of an own certificate authority. */
  ca: z.string().max(200_000).nullable(),
});

/** Where the secret of a mailbox comes from; never the secret itself. A sealed one is named by an id of its own: another secret is another id. */
export const SecretRef = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sealed'), id: idOf('s') }),
  z.strictObject({ kind: z.literal('command'), name: oneLine.max(200) }),
]);

export const Settings = z.strictObject({
  /** The display name in From. */
  name: oneLine.max(200).nullable(),
  signature: ManyLines.nullable(),
  readState: z.enum(['never', 'on-reply-or-done', 'on-first-read']),
  done: z.enum(['keep', 'archive', 'keyword']),
  followServer: z.boolean(),
  outgoingInPanel: z.boolean(),
});

export const defaultSettings: z.output<typeof Settings> = Object.freeze({
  name: null,
  signature: null,
  readState: 'on-reply-or-done',
  done: 'keep',
  followServer: true,
  outgoingInPanel: true,
});

const mailboxShape = {
  id: MailboxId,
  address: AddressText,
  /** All of them, the primary one first. */
  addresses: z.array(AddressText).min(1),
  owner: PersonId,
  shared: z.boolean(),
  /** Older mail is no work; null: all of it is. */
  workFrom: Moment.nullable(),
  addedAt: Moment,
  settings: Settings,
  /** Rises with each change to the mailbox or its grants. */
  revision: z.int().min(1),
};
const Mailbox = z.discriminatedUnion('kind', [
  z.strictObject({ ...mailboxShape, kind: z.literal('hosted') }),
  z.strictObject({ ...mailboxShape, kind: z.literal('imap'), imap: Server, smtp: Server, secret: SecretRef.nullable() }),
]);

const Grant = z.strictObject({
  id: idOf('g'),
  mailbox: MailboxId,
  grantee: Grantee,
  access: z.boolean(),
  send: z.boolean(),
  setup: z.boolean(),
  standing: z.boolean(),
  from: Moment.nullable(),
  until: Moment.nullable(),
  note: Note.nullable(),
  by: PersonId,
  at: Moment,
  /** When what it gives began; see GrantFacts. */
  began: Moment,
});

const Watch = z.strictObject({ person: PersonId, mailbox: MailboxId, level: z.enum(['all', 'mine', 'none']) });

const Invitation = z.strictObject({
  id: idOf('i'),
  person: PersonId,
  /** The public half of the one-time key pair. */
  publicKey: PublicKey,
  expiresAt: Moment,
  usedAt: Moment.nullable(),
  by: PersonId,
});

const Former = z.strictObject({
  id: PersonId,
  name: NameText,
  removedAt: Moment,
  /** Who was to have their work; it stays with the team where that is nobody. */
  heir: PersonId.nullable().optional(),
  /** What was to become of their mail that had not left; `hold` where it is missing. */
  mail: z.enum(['hold', 'cancel']).optional(),
});

export const Directory = z
  .strictObject({
    schemaVersion: z.literal(1),
    /** Rises by one with each change. */
    revision: z.int().min(1),
    persons: z.array(Person),
    roles: z.array(Role),
    mailboxes: z.array(Mailbox),
    grants: z.array(Grant),
    watches: z.array(Watch),
    invitations: z.array(Invitation),
    /** Removed persons: their names stay on what they did, and are nobody else's. */
    former: z.array(Former),
  })
  .superRefine((directory, context) => {
    for (const { path, message } of contradictions(directory)) context.addIssue({ code: 'custom', path, message });
  });

type Deep<T> = T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T;
export type Directory = Deep<z.output<typeof Directory>>;
export type Person = Directory['persons'][number];
export type Key = Person['keys'][number];
export type Role = Directory['roles'][number];
export type Member = Role['members'][number];
export type Mailbox = Directory['mailboxes'][number];
export type Server = Deep<z.output<typeof Server>>;
export type SecretRef = Deep<z.output<typeof SecretRef>>;
export type Settings = Deep<z.output<typeof Settings>>;
export type Grant = Directory['grants'][number];
export type Watch = Directory['watches'][number];
export type Former = Directory['former'][number];
export type Invitation = Directory['invitations'][number];

/** Whether somebody may sign in with the key, as far as the key is concerned. */
export const opens = (key: Key): boolean => key.revokedAt === null && key.unconfirmed !== true;

/** One record for the journal. `mailbox` says whose owner is told; null: it concerns none. */
export const Activity = z.strictObject({
  kind: z.enum(['grant', 'system']),
  /** What was done, for programs: `grant.set`, `role.member.add`. */
  action: z.string(),
  mailbox: MailboxId.nullable(),
  actor: PersonId,
  summary: z.string(),
  details: z.record(z.string(), z.json()),
  /** The act is another activity's: this one only tells it to the owner of one more mailbox. */
  echo: z.literal(true).optional(),
});
export interface Activity extends Readonly<Omit<z.output<typeof Activity>, 'details'>> {
  /** What JSON can hold. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The first directory of a home: one person, who holds every operation and has a key. */
export function firstDirectory(
  person: { readonly name: string; readonly email: string | null; readonly publicKey: string; readonly label: string },
  now: number,
): Directory {
  const { name, email, publicKey, label: keyLabel } = person;
  return Directory.parse({
    schemaVersion: 1,
    revision: 1,
    persons: [
      {
        id: newId('p'),
        name,
        email,
        status: 'active',
        plan: null,
        addedAt: now,
        keys: [{ id: newId('k'), public: publicKey, label: keyLabel, addedAt: now, revokedAt: null }],
        operations: [...operations],
      },
    ],
    roles: [],
    mailboxes: [],
    grants: [],
    watches: [],
    invitations: [],
    former: [],
  });
}

interface Contradiction {
  readonly path: (string | number)[];
  readonly message: string;
}

/** What no shape can say: everything in which two parts of the document would not fit each other. */
function* contradictions(directory: Directory): Generator<Contradiction> {
  const { persons, roles, mailboxes, grants, watches, invitations, former } = directory;
  const personIds = new Set(persons.map(({ id }) => id));
  const roleIds = new Set(roles.map(({ id }) => id));
  const mailboxIds = new Set(mailboxes.map(({ id }) => id));
  const formerIds = new Set(former.map(({ id }) => id));
  const there = ({ kind, id }: { kind: 'person' | 'role'; id: string }) => (kind === 'person' ? personIds : roleIds).has(id);
  const known = (id: string) => personIds.has(id) || formerIds.has(id);

  const taken = (what: string) => {
    const seen = new Set<string>();
    return function* (value: string, path: (string | number)[]): Generator<Contradiction> {
      if (seen.has(value)) yield { path, message: `${what} is there twice` };
      seen.add(value);
    };
  };
  const [id, name, address, key] = [taken('this id'), taken('this name'), taken('this address'), taken('this key')];

  for (const [at, person] of persons.entries()) {
    yield* id(person.id, ['persons', at, 'id']);
    yield* name(fold(person.name), ['persons', at, 'name']);
    for (const [n, held] of person.keys.entries()) {
      yield* id(held.id, ['persons', at, 'keys', n, 'id']);
      yield* key(held.public, ['persons', at, 'keys', n, 'public']);
    }
  }
  for (const [at, person] of former.entries()) yield* id(person.id, ['former', at, 'id']);
  for (const [at, role] of roles.entries()) {
    yield* id(role.id, ['roles', at, 'id']);
    yield* name(fold(role.name), ['roles', at, 'name']);
    const member = taken('this member');
    for (const [n, held] of role.members.entries()) {
      yield* member(held.id, ['roles', at, 'members', n]);
      if (!there(held)) yield { path: ['roles', at, 'members', n, 'id'], message: `no such ${held.kind}` };
      if (!known(held.by)) yield { path: ['roles', at, 'members', n, 'by'], message: 'no such person' };
    }
  }
  const cycle = findCycle(roles);
  if (cycle) yield { path: ['roles'], message: `these roles hold each other: ${cycle.map((role) => role.name).join(' > ')}` };

  for (const [at, mailbox] of mailboxes.entries()) {
    yield* id(mailbox.id, ['mailboxes', at, 'id']);
    if (!personIds.has(mailbox.owner)) yield { path: ['mailboxes', at, 'owner'], message: 'no such person' };
    if (mailbox.addresses[0] !== mailbox.address) yield { path: ['mailboxes', at, 'addresses', 0], message: 'not the primary address' };
    for (const [n, one] of mailbox.addresses.entries()) yield* address(fold(one), ['mailboxes', at, 'addresses', n]);
  }
  const standing = taken('a standing grant of this grantee');
  for (const [at, grant] of grants.entries()) {
    yield* id(grant.id, ['grants', at, 'id']);
    if (!mailboxIds.has(grant.mailbox)) yield { path: ['grants', at, 'mailbox'], message: 'no such mailbox' };
    if (!there(grant.grantee)) yield { path: ['grants', at, 'grantee', 'id'], message: `no such ${grant.grantee.kind}` };
    if (!known(grant.by)) yield { path: ['grants', at, 'by'], message: 'no such person' };
    if (!(grant.access || grant.send || grant.setup)) yield { path: ['grants', at], message: 'gives nothing' };
    if (grant.standing) {
      yield* standing(`${grant.mailbox} ${grant.grantee.id}`, ['grants', at]);
      if (grant.from !== null || grant.until !== null) yield { path: ['grants', at, 'standing'], message: 'a standing grant has no dates' };
    } else if (grant.until === null) yield { path: ['grants', at, 'until'], message: 'a dated grant has an end' };
    else if (grant.from !== null && grant.from >= grant.until) yield { path: ['grants', at, 'until'], message: 'ends before it begins' };
  }
  const watch = taken('this watch');
  for (const [at, { person, mailbox }] of watches.entries()) {
    yield* watch(`${person} ${mailbox}`, ['watches', at]);
    if (!personIds.has(person)) yield { path: ['watches', at, 'person'], message: 'no such person' };
    if (!mailboxIds.has(mailbox)) yield { path: ['watches', at, 'mailbox'], message: 'no such mailbox' };
  }
  for (const [at, invitation] of invitations.entries()) {
    yield* id(invitation.id, ['invitations', at, 'id']);
    yield* key(invitation.publicKey, ['invitations', at, 'publicKey']);
    if (!personIds.has(invitation.person)) yield { path: ['invitations', at, 'person'], message: 'no such person' };
    if (!known(invitation.by)) yield { path: ['invitations', at, 'by'], message: 'no such person' };
  }
}
