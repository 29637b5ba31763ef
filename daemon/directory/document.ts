/**
 * The directory: people, roles, mailboxes (without secrets), grants, operations and invitations as one JSON document.
 *
 * What no shape can say (unique names, references that lead somewhere, no cycles) is in consistency.ts; both are checked whenever the
 * document is read and before it is written.
 */
import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { operations } from '../../protocol/rows.ts';
import { isSafe } from '../../protocol/text.ts';
import { contradictionsIn } from './consistency.ts';

export { fold } from './consistency.ts';

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

const Key = z.strictObject({
  id: idOf('k'),
  public: PublicKey,
  /** The device, in its owner's words; may be empty. */
  label: safeLine.max(100),
  addedAt: Moment,
  revokedAt: Moment.nullable(),
  /** Who invited it, where that was somebody else and its person had joined before. */
  invitedBy: PersonId.optional(),
  /** Who said that it is its person's. */
  confirmedBy: PersonId.optional(),
  /** It opens nothing until somebody says so: `hands.ts` has when that is. */
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
  /** Who added them; nobody did the first person. */
  invitedBy: PersonId.optional(),
  /** Who vouched for them; themselves: the first person did, while nobody else could. */
  vouchedBy: z.array(PersonId).optional(),
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

/** The lists of the document and what is in them; each is checked thing by thing when it changes. */
export const shapes = {
  persons: Person,
  roles: Role,
  mailboxes: Mailbox,
  grants: Grant,
  watches: Watch,
  invitations: Invitation,
  /** Removed persons: their names stay on what they did, and are nobody else's. */
  former: Former,
};
export type ListName = keyof typeof shapes;
export const listNames = Object.keys(shapes) as readonly ListName[];

export const Directory = z
  .strictObject({
    schemaVersion: z.literal(1),
    /** Rises by one with each change. */
    revision: z.int().min(1),
    persons: z.array(shapes.persons),
    roles: z.array(shapes.roles),
    mailboxes: z.array(shapes.mailboxes),
    grants: z.array(shapes.grants),
    watches: z.array(shapes.watches),
    invitations: z.array(shapes.invitations),
    former: z.array(shapes.former),
  })
  .superRefine((directory, context) => {
    for (const { path, message } of contradictionsIn(directory)) context.addIssue({ code: 'custom', path, message });
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
/** The lists, each of its own kind of thing. */
export type Lists = { readonly [List in ListName]: readonly Directory[List][number][] };
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
