/** Changes of mailboxes, their addresses and watches. Each is a function of the document; act.ts says what all of them obey. */
import { isIPv6 } from 'node:net';
import type { Millis } from '../access/reach.ts';
import {
  type Act,
  absent,
  type Change,
  conclude,
  invalid,
  needMailbox,
  needOperation,
  type Policy,
  personOf,
  replace,
  unchanged,
} from './act.ts';
import {
  AddressText,
  type Directory,
  defaultSettings,
  fold,
  type Mailbox,
  newId,
  type SecretRef,
  type Server,
  type Settings,
} from './document.ts';
import { checkRevision, needPlan, needSharing } from './grants.ts';
import { isLoopback, servesHost } from './secret-hosts.ts';

const dayMs = 86_400_000;

// --- mailboxes --------------------------------------------------------------------------------------------------

export type MailboxAsked = {
  readonly address: string;
  readonly aliases?: readonly string[];
  readonly name?: string | null;
  readonly shared: boolean;
  /** Older mail is no work; null: all of it is; left out: from two weeks ago. */
  readonly workFrom?: Millis | null;
} & (
  | { readonly kind: 'hosted' }
  | { readonly kind: 'imap'; readonly imap: Server; readonly smtp: Server; readonly secret: SecretRef | null }
);

/** Anybody may add a personal IMAP mailbox. Whoever adds a mailbox owns it. */
export function mailboxAdd(doc: Directory, asked: MailboxAsked, act: Act): Change {
  if (asked.shared) {
    needOperation(doc, act, 'shared-mailbox.share', 'shared-mailbox.sync');
    needPlan(personOf(doc, act.actor), act.policy);
  }
  needOperation(doc, act, ...(asked.kind === 'hosted' ? (['shared-mailbox.sync'] as const) : []));
  const addresses: string[] = [];
  for (const address of [asked.address, ...(asked.aliases ?? [])])
    addresses.push(freeAddress(doc, address, addresses, asked.kind, act.policy));
  const id = newId('m');
  const common = {
    id,
    address: addresses[0] ?? asked.address,
    addresses,
    owner: act.actor,
    shared: asked.shared,
    workFrom: asked.workFrom === undefined ? Math.max(0, act.now - 14 * dayMs) : asked.workFrom,
    addedAt: act.now,
    settings: { ...defaultSettings, name: asked.name ?? null },
    revision: 1,
  };
  if (asked.kind === 'imap') needSecret(doc, act, asked.secret, asked);
  const mailbox: Mailbox =
    asked.kind === 'hosted'
      ? { ...common, kind: 'hosted' }
      : { ...common, kind: 'imap', imap: asked.imap, smtp: asked.smtp, secret: asked.secret };
  const after = { ...doc, mailboxes: [...doc.mailboxes, mailbox] };
  const details = { address: mailbox.address, addresses, kind: asked.kind, shared: asked.shared };
  return conclude(
    doc,
    after,
    act,
    { kind: 'system', action: 'mailbox.add', mailbox: id, summary: `added ${mailbox.address}`, details },
    id,
  );
}

export interface MailboxEdit {
  readonly mailbox: string;
  readonly settings?: Partial<Settings>;
  readonly workFrom?: Millis | null;
  readonly imap?: Server;
  readonly smtp?: Server;
  readonly secret?: SecretRef;
  readonly ifRevision?: number | null;
}

/**
 * Another host, port, user or way of TLS without a new secret clears the old one: Setup must not carry a password to another server. A
 * trusted CA alone does not: the password goes to the server that it went to.
 * Of a shared mailbox, server and secret also take `shared-mailbox.sync`.
 */
export function mailboxSet(doc: Directory, asked: MailboxEdit, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'settings');
  checkRevision(doc, mailbox, asked.ifRevision);
  const settings = { ...mailbox.settings, ...defined(asked.settings ?? {}) };
  const { workFrom = mailbox.workFrom } = asked;
  const { next, server } = withServer(doc, act, { ...mailbox, settings, workFrom }, asked);
  const changed = [
    ...Object.keys(settings).filter(
      (key) => Object.hasOwn(mailbox.settings, key) && !sameValue(at(settings, key), at(mailbox.settings, key)),
    ),
    ...(workFrom === mailbox.workFrom ? [] : ['workFrom']),
    ...server,
  ];
  if (changed.length === 0) return unchanged(doc, mailbox.id);
  if (server.length > 0 && mailbox.shared) needOperation(doc, act, 'shared-mailbox.sync');
  const after = { ...doc, mailboxes: replace(doc.mailboxes, { ...next, revision: mailbox.revision + 1 }) };
  const summary = `changed ${changed.join(', ')} of ${mailbox.address}`;
  return conclude(
    doc,
    after,
    act,
    { kind: 'system', action: 'mailbox.set', mailbox: mailbox.id, summary, details: { changed } },
    mailbox.id,
  );
}

function withServer(doc: Directory, act: Act, mailbox: Mailbox, asked: MailboxEdit): { next: Mailbox; server: readonly string[] } {
  if (mailbox.kind === 'hosted') {
    if (asked.imap || asked.smtp || asked.secret)
      throw invalid(`${mailbox.address} is hosted here: it has no server and no password to set.`);
    return { next: mailbox, server: [] };
  }
  const { imap = mailbox.imap, smtp = mailbox.smtp } = asked;
  const server = [...(sameValue(imap, mailbox.imap) ? [] : ['imap']), ...(sameValue(smtp, mailbox.smtp) ? [] : ['smtp'])];
  const elsewhere =
    !sameValue({ ...imap, ca: null }, { ...mailbox.imap, ca: null }) || !sameValue({ ...smtp, ca: null }, { ...mailbox.smtp, ca: null });
  const secret = asked.secret ?? (elsewhere ? null : mailbox.secret);
  if (asked.secret || server.length > 0) needSecret(doc, act, secret, { imap, smtp });
  return { next: { ...mailbox, imap, smtp, secret }, server: sameValue(secret, mailbox.secret) ? server : [...server, 'secret'] };
}

/** From now on its grants count. Setting up a shared mailbox takes both operations. */
export function mailboxShare(doc: Directory, asked: { mailbox: string }, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'settings');
  needOperation(doc, act, 'shared-mailbox.share', 'shared-mailbox.sync');
  if (mailbox.shared) return unchanged(doc, mailbox.id);
  needSharing(doc, mailbox.id, act, 'named');
  return setShared(doc, mailbox, true, act);
}

/** Personal again: its grants are kept and do not count. */
export function mailboxUnshare(doc: Directory, asked: { mailbox: string }, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'settings');
  needOperation(doc, act, 'shared-mailbox.share');
  return mailbox.shared ? setShared(doc, mailbox, false, act) : unchanged(doc, mailbox.id);
}

function setShared(doc: Directory, mailbox: Mailbox, shared: boolean, act: Act): Change {
  const after = { ...doc, mailboxes: replace(doc.mailboxes, { ...mailbox, shared, revision: mailbox.revision + 1 }) };
  const [action, verb] = shared ? ['mailbox.share', 'allowed'] : ['mailbox.unshare', 'ended'];
  const summary = `${verb} shared access to ${mailbox.address}`;
  return conclude(doc, after, act, { kind: 'grant', action, mailbox: mailbox.id, summary, details: { shared } }, mailbox.id);
}

/** The owner's alone to give. Afterwards they have there what grants give them, and no more. */
export function mailboxTransfer(doc: Directory, asked: { mailbox: string; person: string }, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'owner');
  const person = personOf(doc, asked.person);
  if (person.id === mailbox.owner) return unchanged(doc, mailbox.id);
  if (person.status === 'disabled') throw invalid(`${person.name} is disabled and could not work with it. Choose somebody else.`);
  if (person.status === 'invited')
    throw invalid(`${person.name} has not joined yet, and a mailbox is never without an owner who can sign in.`);
  const after = { ...doc, mailboxes: replace(doc.mailboxes, { ...mailbox, owner: person.id, revision: mailbox.revision + 1 }) };
  if (mailbox.shared) needSharing(after, mailbox.id, act, 'named');
  const summary = `made ${person.name} owner of ${mailbox.address}`;
  const details = { owner: person.name };
  return conclude(doc, after, act, { kind: 'grant', action: 'mailbox.transfer', mailbox: mailbox.id, summary, details }, mailbox.id);
}

export function mailboxRemove(doc: Directory, asked: { mailbox: string }, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'owner');
  const after: Directory = {
    ...doc,
    mailboxes: doc.mailboxes.filter(({ id }) => id !== mailbox.id),
    grants: doc.grants.filter((grant) => grant.mailbox !== mailbox.id),
    watches: doc.watches.filter((watch) => watch.mailbox !== mailbox.id),
  };
  const details = { address: mailbox.address };
  const summary = `removed ${mailbox.address}`;
  return conclude(doc, after, act, { kind: 'system', action: 'mailbox.remove', mailbox: mailbox.id, summary, details });
}

export function addressAdd(doc: Directory, asked: { mailbox: string; alias: string }, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'settings');
  if (mailbox.addresses.some((address) => fold(address) === fold(asked.alias))) return unchanged(doc, mailbox.id);
  const alias = freeAddress(doc, asked.alias, [], mailbox.kind, act.policy);
  return setAddresses(
    doc,
    mailbox,
    [...mailbox.addresses, alias],
    'mailbox.address.add',
    `gave ${mailbox.address} the address ${alias}`,
    act,
  );
}

export function addressRemove(doc: Directory, asked: { mailbox: string; alias: string }, act: Act): Change {
  const mailbox = needMailbox(doc, act, asked.mailbox, 'settings');
  const gone = fold(asked.alias);
  if (gone === fold(mailbox.address)) throw invalid(`${mailbox.address} is the primary address and stays. Only aliases can be removed.`);
  const addresses = mailbox.addresses.filter((address) => fold(address) !== gone);
  if (addresses.length === mailbox.addresses.length) throw absent(`${mailbox.address} has no such alias.`);
  return setAddresses(doc, mailbox, addresses, 'mailbox.address.remove', `took an address from ${mailbox.address}`, act);
}

function setAddresses(doc: Directory, mailbox: Mailbox, addresses: readonly string[], action: string, summary: string, act: Act): Change {
  const after = { ...doc, mailboxes: replace(doc.mailboxes, { ...mailbox, addresses, revision: mailbox.revision + 1 }) };
  return conclude(doc, after, act, { kind: 'system', action, mailbox: mailbox.id, summary, details: { addresses } }, mailbox.id);
}

/** One's own; it narrows what is unread and notifications, never rights, so nobody is told. */
export function watchSet(doc: Directory, asked: { mailbox: string; level: 'all' | 'mine' | 'none' }, act: Act): Change {
  const { id } = needMailbox(doc, act, asked.mailbox, 'panel');
  const others = doc.watches.filter((watch) => watch.person !== act.actor || watch.mailbox !== id);
  const current = doc.watches.find((watch) => watch.person === act.actor && watch.mailbox === id)?.level ?? 'mine';
  if (current === asked.level) return unchanged(doc);
  const own = asked.level === 'mine' ? [] : [{ person: act.actor, mailbox: id, level: asked.level }];
  return { doc: { ...doc, watches: [...others, ...own] }, activities: [], id: null };
}

// --- shared by the above ----------------------------------------------------------------------------------------

const sameValue = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const at = (of: Settings, key: string): unknown => Object.entries(of).find(([name]) => name === key)?.[1];

const defined = <T extends object>(of: T): Partial<T> =>
  Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as Partial<T>;

/** The address as it is written down, if it is one, nobody has it, and mail to it goes where the mailbox is. */
function freeAddress(doc: Directory, asked: string, beside: readonly string[], kind: Mailbox['kind'], policy: Policy): string {
  const parsed = AddressText.safeParse(asked.trim());
  if (!parsed.success) throw invalid(`${JSON.stringify(asked.slice(0, 100))} is not an address like support@example.org.`);
  const address = parsed.data;
  const domain = fold(address.slice(address.lastIndexOf('@') + 1));
  const hosted = policy.hostedDomains.some((one) => fold(one) === domain);
  if (kind === 'hosted' && !hosted) {
    throw invalid(`The daemon receives no mail for ${domain}. An administrator adds it to hosted.domains in the configuration first.`);
  }
  if (kind === 'imap' && hosted) throw invalid(`Mail for ${domain} is received by this daemon: give the address to a hosted mailbox.`);
  // Last, since it tells that there is such a mailbox: only to those who could have had the address.
  const taken = [...doc.mailboxes.flatMap(({ addresses }) => addresses), ...beside].some((other) => fold(other) === fold(address));
  if (taken) throw invalid(`The address ${address} is in use. Each address belongs to one mailbox.`);
  return address;
}

type Servers = { readonly imap: Server; readonly smtp: Server };

/**
 * Whoever names a command, or changes how its servers are reached (a trusted CA of their own), may set up servers for everybody: a
 * password of the daemon's is not for whoever has a mailbox. Asked before the name is looked at, so that nobody else learns what there is.
 */
function needSecret(doc: Directory, act: Act, secret: SecretRef | null, servers: Servers): void {
  if (secret?.kind !== 'command') return;
  needOperation(doc, act, 'shared-mailbox.sync');
  checkSecret(secret, servers, act.policy);
}

/**
 * A named command gives its secret only to servers that the administrator named with it, over verified TLS or on this machine. Asked when
 * a mailbox is set up and again at every use, since the configuration may have changed between. A command that is not there and one for
 * other servers are told in the same words, and without its name: those who are told at its use may not be those who chose it.
 */
export function checkSecret(secret: SecretRef | null, { imap, smtp }: Servers, { commands }: Pick<Policy, 'commands'>): void {
  if (secret?.kind !== 'command') return;
  const hosts = Object.hasOwn(commands, secret.name) ? (commands[secret.name]?.hosts ?? []) : [];
  const elsewhere = [imap, smtp].find((server) => !hosts.some((one) => servesHost(one, server)));
  if (elsewhere !== undefined) {
    const server = `${isIPv6(elsewhere.host) ? `[${elsewhere.host}]` : elsewhere.host}:${elsewhere.port}`;
    throw invalid(
      `No such command gives a password for ${server}. An administrator adds the server to the command's hosts in secretCommands, in the daemon's configuration.`,
      { field: 'secret' },
    );
  }
  const clear = [imap, smtp].find(({ host, tls }) => tls === 'none' && !isLoopback(host));
  if (clear !== undefined)
    throw invalid(`The password of a command goes to ${clear.host} over TLS only. Leave out ?tls=no.`, { field: 'secret' });
}
