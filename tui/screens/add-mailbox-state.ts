/** What is typed to add a mailbox. Pure: servers are guessed from the address until somebody says otherwise. */
import type { Params } from '../../protocol/methods.ts';
import { TestSteps } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, type Safe } from '../text.ts';
import { workFromOf } from './settings-state.ts';

export const fields = ['address', 'imap', 'smtp', 'user', 'password', 'ca', 'workFrom', 'shared', 'hosted'] as const;
export type AddField = (typeof fields)[number];

/** Only what was typed; the rest is guessed. */
export type Typing = Readonly<Partial<Record<AddField, string>>>;

export const labels: Readonly<Record<AddField, Chrome>> = {
  address: chrome`Address`,
  imap: chrome`Incoming`,
  smtp: chrome`Outgoing`,
  user: chrome`User`,
  password: chrome`Password`,
  ca: chrome`Trusted CA`,
  workFrom: chrome`Work from`,
  shared: chrome`Shared`,
  hosted: chrome`Kept here`,
};

export const helps: Readonly<Record<AddField, Chrome>> = {
  address: chrome`of the mailbox that you have at a mail server: support@example.org`,
  imap: chrome`imaps://host:993, or imap://host:143 with STARTTLS; guessed from the address, correct it where it is wrong`,
  smtp: chrome`smtps://host:465, or smtp://host:587 with STARTTLS; guessed from the address, correct it where it is wrong`,
  user: chrome`the name that both servers know you by; mostly the address`,
  password: chrome`kept sealed by the daemon and never shown again; some providers want one made for programs`,
  ca: chrome`a file with the certificate (PEM) of the CA that both servers' certificates are from; empty: those that the system trusts`,
  workFrom: chrome`older conversations start done and read: "14 days", a date like 2026-11-01, or "all"`,
  shared: chrome`on: others work in it as well, by grants that you give. off: it is yours alone`,
  hosted: chrome`on: the daemon receives for it itself, without any server or password; it does so for the domains of its configuration`,
};

/** The value of a field: what was typed, else the guess. */
export function entered(typing: Typing, field: AddField): string {
  const typed = typing[field];
  if (typed !== undefined) return typed;
  const address = (typing.address ?? '').trim();
  const domain = address.slice(address.lastIndexOf('@') + 1);
  const guessable = address.includes('@') && domain !== '';
  switch (field) {
    case 'imap':
      return guessable ? `imaps://imap.${domain}:993` : '';
    case 'smtp':
      return guessable ? `smtps://smtp.${domain}:465` : '';
    case 'user':
      return address;
    case 'workFrom':
      return '14 days';
    case 'shared':
    case 'hosted':
      return 'off';
    default:
      return '';
  }
}

const ofServers: readonly AddField[] = ['imap', 'smtp', 'user', 'password'];
/** What only a mailbox of a mail server has. */
const notHosted: readonly AddField[] = [...ofServers, 'ca'];
const isHosted = (typing: Typing): boolean => entered(typing, 'hosted') === 'on';

/** A password is drawn as nothing but its being there. */
export function shownValue(typing: Typing, field: AddField): Safe {
  if (isHosted(typing) && notHosted.includes(field)) return chrome`not needed`;
  if (field === 'ca' && entered(typing, field).trim() === '') return chrome`system default`;
  if (field === 'password') return entered(typing, field) === '' ? chrome`` : chrome`********`;
  return safeText(entered(typing, field));
}

/** The file of the CA, where one was named and is needed. */
export const authorityFile = (typing: Typing): string | null => {
  const path = entered(typing, 'ca').trim();
  return isHosted(typing) || path === '' ? null : path;
};

/** What to send, but for the contents of a file; or the first field that is missing or cannot be meant. */
export function requestOf(
  typing: Typing,
  now: number,
): { readonly params: Params<'mailbox.add'> } | { readonly field: AddField; readonly why: Chrome } {
  const hosted = isHosted(typing);
  for (const field of ['address', ...(hosted ? [] : ofServers)] as const)
    if (entered(typing, field).trim() === '') return { field, why: chrome`it cannot be empty` };
  const workFrom = workFromOf(entered(typing, 'workFrom'), now);
  if (workFrom === undefined) return { field: 'workFrom', why: chrome`a date like 2026-11-01, "14 days", or "all"` };
  const trimmed = (field: AddField): string => entered(typing, field).trim();
  const common = { address: trimmed('address'), workFrom, shared: entered(typing, 'shared') === 'on' };
  if (hosted) return { params: common };
  return {
    params: {
      ...common,
      imap: trimmed('imap'),
      smtp: trimmed('smtp'),
      user: trimmed('user'),
      secret: { kind: 'password', password: entered(typing, 'password') },
    },
  };
}

/** Which field an error of the daemon is about. */
export function fieldNamed(details: Readonly<Record<string, unknown>>): AddField {
  const named = typeof details.path === 'string' ? details.path.split('.').at(-1) : details.field;
  if (named === 'secret') return 'password';
  const failed = TestSteps.safeParse(details.steps).data?.find(({ ok }) => !ok);
  if (failed !== undefined) {
    if (failed.step === 'tls') return 'ca';
    return failed.step === 'login' || failed.step === 'sign in' ? 'password' : failed.server;
  }
  return fields.find((field) => field === named) ?? 'address';
}
