/**
 * What is being changed of a mailbox, before it is written. Pure.
 *
 * Invariants:
 * - an edit is staged under the name of its field and changes nothing until it is written; what equals the mailbox is no edit
 * - the edits are written against the revision that they were begun on; after a conflict they stay, against the newer one
 * - a password is staged like the rest and is never part of what is drawn
 */
import type { Method, Params } from '../../protocol/methods.ts';
import type { Mailbox } from '../../protocol/schema.ts';
import { type SafeText, safeBlock, safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, type Safe } from '../text.ts';

export const sections = ['server', 'addresses', 'identity', 'work', 'sharing', 'danger'] as const;
export type Section = (typeof sections)[number];

/** `alias ADDRESS` is one of the aliases that are there; `new-alias` one that comes. */
export type FieldId =
  | 'imap'
  | 'smtp'
  | 'user'
  | 'secret'
  | 'ca'
  | 'address'
  | `alias ${string}`
  | 'new-alias'
  | 'name'
  | 'signature'
  | 'readState'
  | 'done'
  | 'followServer'
  | 'outgoingInPanel'
  | 'workFrom'
  | 'watch'
  | 'shared'
  | 'owner'
  | 'remove';

/** How a field is changed: typed, one of some words, on or off, in steps of its own (`act`), or not at all. */
export type FieldKind = 'line' | 'block' | 'choice' | 'switch' | 'act' | 'fixed';

export type Staged = {
  readonly edits: ReadonlyMap<FieldId, string>;
  readonly errors: ReadonlyMap<FieldId, SafeText>;
  /** That of the mailbox when the first edit was made. */
  readonly revision: number | null;
};

export const nothingStaged: Staged = { edits: new Map(), errors: new Map(), revision: null };

export type Change =
  | { readonly do: 'edit'; readonly field: FieldId; readonly value: string; readonly mailbox: Mailbox }
  | { readonly do: 'revert'; readonly field: FieldId }
  | { readonly do: 'refused'; readonly field: FieldId; readonly why: SafeText }
  /** These were written. */
  | { readonly do: 'written'; readonly fields: readonly FieldId[] }
  /** Somebody changed the mailbox meanwhile: the edits stay, for another look. */
  | { readonly do: 'conflict'; readonly revision: number };

export function change(state: Staged, step: Change): Staged {
  switch (step.do) {
    case 'edit': {
      const edits = new Map(state.edits);
      if (step.value === currentOf(step.mailbox, step.field)) edits.delete(step.field);
      else edits.set(step.field, step.value);
      return settled(edits, without(state.errors, step.field), state.revision ?? step.mailbox.revision);
    }
    case 'revert':
      return settled(without(state.edits, step.field), without(state.errors, step.field), state.revision);
    case 'refused':
      return { ...state, errors: new Map(state.errors).set(step.field, step.why) };
    case 'written': {
      const edits = new Map(state.edits);
      for (const field of step.fields) edits.delete(field);
      return settled(edits, new Map(), null);
    }
    case 'conflict':
      return { ...state, revision: step.revision };
    default:
      return step satisfies never;
  }
}

const settled = (edits: Staged['edits'], errors: Staged['errors'], revision: number | null): Staged =>
  edits.size === 0 ? { ...nothingStaged, errors } : { edits, errors, revision };

function without<Value>(map: ReadonlyMap<FieldId, Value>, field: FieldId): Map<FieldId, Value> {
  const rest = new Map(map);
  rest.delete(field);
  return rest;
}

/** What the mailbox has for a field, as it would be typed. */
export function currentOf(mailbox: Mailbox, field: FieldId): string {
  const { settings, server, workFrom } = mailbox;
  switch (field) {
    case 'imap':
    case 'smtp':
    case 'user':
      return server?.[field] ?? '';
    case 'ca':
      return server?.ca ?? 'public';
    case 'name':
    case 'signature':
      return settings?.[field] ?? '';
    case 'readState':
    case 'done':
      return settings?.[field] ?? '';
    case 'followServer':
    case 'outgoingInPanel':
      return settings?.[field] === true ? 'on' : 'off';
    case 'workFrom':
      return workFrom === null ? 'all' : workFrom.slice(0, 10);
    case 'watch':
      return mailbox.watch;
    case 'shared':
      return mailbox.shared ? 'on' : 'off';
    case 'owner':
      return mailbox.owner;
    case 'address':
      return mailbox.address;
    default:
      // The secret, a new alias, the way out: nothing of them is there. An alias that is there is kept.
      return field.startsWith('alias ') ? 'kept' : '';
  }
}

// --- rows --------------------------------------------------------------------------------------------------------------

export type FieldRow = {
  readonly id: FieldId;
  readonly label: Chrome;
  readonly value: Safe;
  readonly kind: FieldKind;
  readonly staged: boolean;
  readonly help: Safe;
  /** Why this person may not change it; null when they may. */
  readonly refused: Chrome | null;
};

/** What the person may do beside the rights that the mailbox itself tells. */
export type Able = { readonly me: string; readonly operations: readonly string[] };

const choices = {
  readState: [
    ['never', chrome`the server keeps its own marks`],
    ['on-reply-or-done', chrome`read at the server when it is answered or done`],
    ['on-first-read', chrome`read at the server when the first of the team reads it`],
  ],
  done: [
    ['keep', chrome`it stays in its folder`],
    ['archive', chrome`its mails move to the archive`],
    ['keyword', chrome`its mails get a keyword at the server`],
  ],
  watch: [
    ['all', chrome`everything in it counts for me`],
    ['mine', chrome`what is assigned to me counts`],
    ['none', chrome`nothing of it counts or rings`],
  ],
} as const;

export const choicesOf = (field: FieldId): readonly (readonly [string, Chrome])[] =>
  field === 'readState' || field === 'done' || field === 'watch' ? choices[field] : [];

export function rowsOf(section: Section, mailbox: Mailbox, { edits }: Pick<Staged, 'edits'>, able: Able): FieldRow[] {
  const noServerChange =
    mailbox.shared && !able.operations.includes('shared-mailbox.sync')
      ? chrome`the server of a shared mailbox takes the system operation shared-mailbox.sync`
      : null;
  const ownerOnly = mailbox.owner === able.me ? null : chrome`only its owner ${mailbox.owner} may`;
  const row = (
    id: FieldId,
    label: Chrome,
    kind: FieldKind,
    help: Safe,
    given: { value?: Safe; refused?: Chrome | null } = {},
  ): FieldRow => {
    const staged = edits.get(id);
    const plain = safeBlock(staged ?? currentOf(mailbox, id));
    const [first = safeText(''), ...more] = plain.split('\n').map((line) => safeText(line));
    const value = more.length > 0 ? chrome`${first} … (${more.length + 1} lines)` : first;
    return { id, label, kind, help, staged: staged !== undefined, value: given.value ?? value, refused: given.refused ?? null };
  };
  switch (section) {
    case 'server':
      if (mailbox.kind === 'hosted') return [];
      return [
        row('imap', chrome`Incoming`, 'line', chrome`imaps://host:993, or imap://host:143 with STARTTLS`, { refused: noServerChange }),
        row('smtp', chrome`Outgoing`, 'line', chrome`smtps://host:465, or smtp://host:587 with STARTTLS`, { refused: noServerChange }),
        row('user', chrome`User`, 'line', chrome`the name that both servers know you by`, { refused: noServerChange }),
        row('secret', chrome`Password`, 'act', chrome`never shown: type a new one, or name a command of the daemon's configuration`, {
          value: secretWords(mailbox, edits.get('secret')),
          refused: noServerChange,
        }),
        row(
          'ca',
          chrome`Authority`,
          'act',
          chrome`whom both servers' certificates must be from: those that everybody trusts, or your own`,
          {
            value: authorityWords(edits.get('ca') ?? currentOf(mailbox, 'ca')),
            refused: noServerChange,
          },
        ),
      ];
    case 'addresses':
      return [
        row('address', chrome`Address`, 'fixed', chrome`the primary address stays what it is`),
        ...mailbox.addresses
          .filter((address) => address !== mailbox.address)
          .map((address) =>
            row(`alias ${address}`, chrome`Alias`, 'switch', chrome`Enter takes it away, or keeps it after all`, {
              value: edits.has(`alias ${address}`) ? chrome`${address} (goes)` : address,
            }),
          ),
        row('new-alias', chrome`Add one`, 'line', chrome`one more address whose mail comes here, and that one may send from`),
      ];
    case 'identity':
      return [
        row('name', chrome`Name`, 'line', chrome`stands beside the address in From`),
        row('signature', chrome`Signature`, 'block', chrome`put below every new mail and every answer`),
      ];
    case 'work':
      return [
        row(
          'workFrom',
          chrome`Work from`,
          'line',
          chrome`older conversations start done and read: a date like 2026-11-01, "14 days", or "all"`,
        ),
        row('readState', chrome`Read marks`, 'choice', chrome`when a mail counts as read at the server`),
        row('done', chrome`When done`, 'choice', chrome`what happens to the mails of a conversation that is done`),
        row('followServer', chrome`Follow server`, 'switch', chrome`what other programs archive or delete is done here as well`),
        row(
          'outgoingInPanel',
          chrome`Sent by us`,
          'switch',
          chrome`on: a conversation that one of us began is in the panel too. off: once it is answered`,
        ),
        row('watch', chrome`I watch`, 'choice', chrome`for yourself alone: how much of it counts and rings; changes no rights`, {
          refused: mailbox.rights.panel ? null : chrome`only what is in your panel counts`,
        }),
      ];
    case 'sharing': {
      const missing = ['shared-mailbox.share', ...(mailbox.shared ? [] : ['shared-mailbox.sync'])].filter(
        (operation) => !able.operations.includes(operation),
      );
      return [
        row('shared', chrome`Shared`, 'switch', chrome`on: the grants of it count. off: it is its owner's alone, the grants are kept`, {
          refused: missing.length === 0 ? null : chrome`sharing takes the system operation ${safeText(missing.join(', '))}`,
        }),
        row('owner', chrome`Owner`, 'act', chrome`gives the mailbox to somebody else, at once`, { refused: ownerOnly }),
      ];
    }
    case 'danger':
      return [
        row(
          'remove',
          chrome`Remove`,
          'act',
          mailbox.kind === 'imap'
            ? chrome`forgets it here: conversations, notes and grants go. Nothing changes at the server`
            : chrome`its mail, notes and grants are gone for good: there is no server that has them too`,
          { value: chrome`${mailbox.address} from this Postroom`, refused: ownerOnly },
        ),
      ];
    default:
      return section satisfies never;
  }
}

/** `password …` or `command NAME`: how a new secret is staged. */
export const stagedSecret = (source: 'password' | 'command', value: string): string => `${source} ${value}`;

function secretWords({ server }: Mailbox, staged: string | undefined): Chrome {
  if (staged?.startsWith('command ') === true) return chrome`the command ${safeText(staged.slice('command '.length))}`;
  if (staged !== undefined) return chrome`a new one, not saved yet`;
  switch (server?.secret) {
    case 'sealed':
      return chrome`kept sealed`;
    case 'command':
      return chrome`asked from a command`;
    default:
      return chrome`missing: nothing is fetched or sent before there is one`;
  }
}

const ownAuthority = 'own ';
/** An authority of one's own as it is staged. */
export const stagedAuthority = (pem: string): string => `${ownAuthority}${pem}`;

const authorityWords = (value: string): Chrome =>
  value === 'public' ? chrome`the public ones` : value === 'own' ? chrome`one of your own` : chrome`one of your own, not saved yet`;

// --- writing -----------------------------------------------------------------------------------------------------------

/** A day as it is typed, or a moment as the daemon writes it, as the daemon wants it; undefined for what is none. */
export function workFromOf(text: string, now: number): string | null | undefined {
  const typed = text.trim().toLowerCase();
  if (typed === 'all') return null;
  const days = /^(\d{1,5})\s*(?:d|days?)$/.exec(typed)?.[1];
  if (days !== undefined) return new Date(now - Number(days) * 86_400_000).toISOString();
  if (/^\d{4}-\d{2}-\d{2}t\d{2}:\d{2}:\d{2}(?:\.\d{3})?z$/.test(typed)) {
    const moment = new Date(typed.toUpperCase());
    return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
  }
  const date = new Date(`${typed}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(typed) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(typed)
    ? date.toISOString()
    : undefined;
}

type Setting = Extract<Method, `mailbox.${'set' | 'share' | 'unshare' | 'watch'}` | `mailbox.address.${'add' | 'remove'}`>;
type RequestOf<M extends Setting> = { readonly method: M; readonly params: Params<M>; readonly fields: readonly FieldId[] };
/** One call of the daemon, and the fields that it writes. */
export type Request = { [M in Setting]: RequestOf<M> }[Setting];

/** What is sent to write the edits, in order; the one with the revision is first, so that a conflict changes nothing. */
export function requestsOf(mailbox: Mailbox, { edits, revision }: Staged, now: number): Request[] {
  const { address } = mailbox;
  const requests: Request[] = [];
  const set: Params<'mailbox.set'> = { mailbox: address, ifRevision: revision };
  const settings: NonNullable<Params<'mailbox.set'>['settings']> = {};
  const fields: FieldId[] = [];
  for (const [field, value] of edits) {
    fields.push(field);
    if (field === 'imap' || field === 'smtp' || field === 'user') set[field] = value;
    else if (field === 'name' || field === 'signature') settings[field] = value === '' ? null : value;
    else if (field === 'readState') settings.readState = value as NonNullable<typeof settings.readState>;
    else if (field === 'done') settings.done = value as NonNullable<typeof settings.done>;
    else if (field === 'followServer' || field === 'outgoingInPanel') settings[field] = value === 'on';
    else if (field === 'workFrom') set.workFrom = workFromOf(value, now);
    else if (field === 'ca') set.ca = value === 'public' ? null : value.slice(ownAuthority.length);
    else if (field === 'secret') {
      const given = value.slice(value.indexOf(' ') + 1);
      set.secret = value.startsWith('command ') ? { kind: 'command', name: given } : { kind: 'password', password: given };
    } else {
      fields.pop();
      if (field === 'new-alias')
        requests.push({ method: 'mailbox.address.add', params: { mailbox: address, alias: value }, fields: [field] });
      else if (field.startsWith('alias '))
        requests.push({
          method: 'mailbox.address.remove',
          params: { mailbox: address, alias: field.slice('alias '.length) },
          fields: [field],
        });
      else if (field === 'shared')
        requests.push({ method: value === 'on' ? 'mailbox.share' : 'mailbox.unshare', params: { mailbox: address }, fields: [field] });
      else if (field === 'watch')
        requests.push({ method: 'mailbox.watch', params: { mailbox: address, level: value as Mailbox['watch'] }, fields: [field] });
    }
  }
  return fields.length === 0 ? requests : [{ method: 'mailbox.set', params: { ...set, settings }, fields }, ...requests];
}

/** The field that an error of the daemon is about: the one it names, else the first that was written. */
export function fieldOfError(details: Readonly<Record<string, unknown>>, fields: readonly FieldId[]): FieldId | null {
  const named = typeof details.path === 'string' ? details.path.split('.').at(-1) : details.field;
  return fields.find((field) => field === named) ?? fields[0] ?? null;
}
