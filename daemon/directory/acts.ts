/**
 * What a change of the directory is to the audit journal: one act for each thing that was done, with the names of that moment, what a field
 * held before, and who gained or lost what. Pure.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Activity, Directory, Mailbox, Person, Server } from './document.ts';

const Named = z.strictObject({ id: z.string(), name: z.string() });
export const Origin = z.strictObject({ session: z.string(), key: z.string(), from: z.string() });
/** The session in which somebody acts. */
export type Origin = Readonly<z.output<typeof Origin>>;

export const Act = z.strictObject({
  action: z.string(),
  actor: Named,
  origin: Origin.nullable(),
  subject: z.string(),
  /** The person whom it is about. */
  person: z.string().nullable(),
  mailbox: z.strictObject({ id: z.string(), address: z.string() }).nullable(),
  summary: z.string(),
  details: z.record(z.string(), z.json()),
});
export interface Act extends Readonly<Omit<z.output<typeof Act>, 'details'>> {
  readonly details: Readonly<Record<string, unknown>>;
}

/** Mailboxes that one act is told for; a role of a whole house opens all of them. */
const maxElsewhere = 100;

export function actsOf(before: Directory, after: Directory, activities: readonly Activity[], origin: Origin | null): Act[] {
  const acts: (Act & { elsewhere: unknown[] })[] = [];
  const inherited: Act[] = [];
  for (const activity of activities) {
    const last = acts.at(-1);
    if (activity.echo === true && last !== undefined) {
      const at = mailboxOf(before, after, activity.mailbox);
      last.elsewhere.push({ mailbox: at?.address ?? '', reach: activity.details.reach ?? [] });
    } else {
      acts.push({ ...actOf(before, after, activity, origin), elsewhere: [] });
      if (activity.action === 'person.remove') inherited.push(...successionsOf(before, after, activity, origin));
    }
  }
  const told = acts.map(({ elsewhere, details, ...act }) => ({
    ...act,
    details: {
      ...details,
      ...(elsewhere.length === 0 ? {} : { elsewhere: elsewhere.slice(0, maxElsewhere) }),
      ...(elsewhere.length > maxElsewhere ? { furtherMailboxes: elsewhere.length - maxElsewhere } : {}),
    },
  }));
  return [...told, ...inherited];
}

/** Whoever leaves is one act; each mailbox that goes to the successor has another owner since, which is an act on that mailbox. */
function successionsOf(before: Directory, after: Directory, activity: Activity, origin: Origin | null): Act[] {
  const owners = new Map(before.mailboxes.map(({ id, owner }) => [id, owner]));
  return after.mailboxes
    .filter(({ id, owner }) => owners.has(id) && owners.get(id) !== owner)
    .map(({ id, address, owner: heir }) => {
      const owner = personById(before, after, heir).name;
      const summary = `made ${owner} owner of ${address}, whose owner left`;
      return actOf(before, after, { ...activity, action: 'mailbox.transfer', mailbox: id, summary, details: { owner } }, origin);
    });
}

function actOf(before: Directory, after: Directory, activity: Activity, origin: Origin | null): Act {
  const { action, summary, details } = activity;
  const mailbox = mailboxOf(before, after, activity.mailbox);
  const actor = personById(before, after, activity.actor);
  const [noun] = action.split('.');
  const said = (field: string): string | null => (typeof details[field] === 'string' ? details[field] : null);
  const subject = noun === 'mailbox' ? null : (said('grantee') ?? said('role') ?? said('person'));
  const personName = action === 'person.join' ? actor.name : (said('grantee') ?? said('member') ?? said('person') ?? said('owner'));
  const changed = noun === 'mailbox' ? mailboxChanges(before, after, activity.mailbox) : personChanges(before, after, action, personName);
  return {
    action,
    actor,
    origin,
    subject: subject ?? mailbox?.address ?? personName ?? action,
    person: personName === null ? null : (personByName(before, after, personName)?.id ?? null),
    mailbox,
    summary,
    details: { ...details, ...(Object.keys(changed).length === 0 ? {} : { changed }) },
  };
}

// --- names, of things that may be new or gone -----------------------------------------------------------------------

const inEither = <T>(before: readonly T[], after: readonly T[], fits: (one: T) => boolean): T | undefined =>
  after.find(fits) ?? before.find(fits);

function mailboxOf(before: Directory, after: Directory, id: string | null): Act['mailbox'] {
  const found = inEither(before.mailboxes, after.mailboxes, (one) => one.id === id);
  return found === undefined ? null : { id: found.id, address: found.address };
}

const personByName = (before: Directory, after: Directory, name: string): Person | undefined =>
  inEither(before.persons, after.persons, (one) => one.name === name);

function personById(before: Directory, after: Directory, id: string): Act['actor'] {
  return { id, name: inEither(before.persons, after.persons, (one) => one.id === id)?.name ?? id };
}

// --- what a field held, and holds -----------------------------------------------------------------------------------

type Fields = Readonly<Record<string, unknown>>;

function difference(old: Fields, next: Fields): Record<string, { before: unknown; after: unknown }> {
  const changed = Object.keys({ ...old, ...next }).filter((key) => JSON.stringify(old[key]) !== JSON.stringify(next[key]));
  return Object.fromEntries(changed.map((key) => [key, { before: old[key] ?? null, after: next[key] ?? null }]));
}

/** Of a mailbox that is there before and after. */
function mailboxChanges(before: Directory, after: Directory, id: string | null): Fields {
  const [old, next] = [before, after].map((doc) => doc.mailboxes.find((one) => one.id === id));
  if (old === undefined || next === undefined) return {};
  const fields = (doc: Directory, mailbox: Mailbox): Fields => ({
    ...mailbox.settings,
    addresses: mailbox.addresses,
    owner: personById(doc, doc, mailbox.owner).name,
    shared: mailbox.shared,
    workFrom: mailbox.workFrom === null ? null : new Date(mailbox.workFrom).toISOString(),
    ...(mailbox.kind === 'imap' ? { imap: serverOf(mailbox.imap), smtp: serverOf(mailbox.smtp), ...secretOf(mailbox) } : {}),
  });
  const changed = difference(fields(before, old), fields(after, next));
  // That there is another secret is told; its name in the store says nothing to anybody.
  const { secretId, ...told } = changed;
  return secretId === undefined || 'secret' in told ? told : { ...told, secret: { before: 'sealed', after: 'another one' } };
}

const serverOf = ({ host, port, tls, user, ca }: Server): Fields => ({
  host,
  port,
  tls,
  user,
  ca: ca === null ? 'public' : ownAuthority(ca),
});

/** Enough of it to tell one from another. */
const ownAuthority = (pem: string): string => `own ${createHash('sha256').update(pem).digest('hex').slice(0, 16)}`;

const secretOf = ({ secret }: Extract<Mailbox, { kind: 'imap' }>): Fields => ({
  secret: secret === null ? 'none' : secret.kind === 'sealed' ? 'sealed' : `command ${secret.name}`,
  secretId: secret?.kind === 'sealed' ? secret.id : null,
});

function personChanges(before: Directory, after: Directory, action: string, name: string | null): Fields {
  if (action !== 'person.set' || name === null) return {};
  const fields = (doc: Directory): Fields => {
    const person = doc.persons.find((one) => one.name === name);
    return person === undefined ? {} : { plan: person.plan, email: person.email };
  };
  return difference(fields(before), fields(after));
}
