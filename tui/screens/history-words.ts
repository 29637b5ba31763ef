/** What was changed of a mailbox's settings, in words, and what of it can be staged again. Pure. */
import type { HistoryBegin, Mailbox, SettingChange, SettingField } from '../../protocol/schema.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, join, type Safe } from '../text.ts';
import { fullMoment } from '../units.ts';
import { type Able, currentOf, type FieldId, nothingStaged, rowsOf, sections } from './settings-state.ts';

export const settingLabels: Readonly<Record<SettingField, Chrome>> = {
  name: chrome`Name`,
  signature: chrome`Signature`,
  readState: chrome`Read marks`,
  done: chrome`When done`,
  followServer: chrome`Follow server`,
  outgoingInPanel: chrome`Sent by us`,
  workFrom: chrome`Work from`,
  addresses: chrome`Addresses`,
  owner: chrome`Owner`,
  shared: chrome`Shared`,
  imap: chrome`Incoming`,
  smtp: chrome`Outgoing`,
  user: chrome`User`,
  ca: chrome`Authority`,
  secret: chrome`Password`,
};

/** Which history a field of the form has; null: none, because it is one's own or no setting. */
export function historyOf(field: FieldId): SettingField | null {
  if (field === 'watch' || field === 'remove') return null;
  if (field === 'address' || field === 'new-alias' || field.startsWith('alias ')) return 'addresses';
  return Object.keys(settingLabels).find((one): one is SettingField => one === field) ?? null;
}

export function settingWords({ field }: Pick<SettingChange, 'field'>, value: SettingChange['before']): Safe {
  if (typeof value === 'boolean') return value ? chrome`on` : chrome`off`;
  if (Array.isArray(value)) return join(value, chrome`, `);
  if (value === null || value === '') return field === 'workFrom' ? chrome`all mail` : chrome`-`;
  return value;
}

/** On one line: `never → on-reply-or-done`; of lists what came and what went. */
export function changeWords(change: SettingChange): Safe {
  const { field, before, after } = change;
  if (field === 'secret') return chrome`changed`;
  const oneLine = (value: Safe): SafeText => safeText(value);
  if (Array.isArray(before) && Array.isArray(after)) {
    const come = after.filter((one) => !before.includes(one)).map((one) => chrome`+ ${one}`);
    const gone = before.filter((one) => !after.includes(one)).map((one) => chrome`- ${one}`);
    return join([...come, ...gone], chrome`  `);
  }
  return chrome`${oneLine(settingWords(change, before))} → ${oneLine(settingWords(change, after))}`;
}

export function beginWords({ at, by, added }: HistoryBegin): Chrome {
  if (!added) return chrome`before the journal began (${fullMoment(Date.parse(at))}): not known`;
  return by === null ? chrome`added` : chrome`added by ${by}`;
}

// --- putting back ------------------------------------------------------------------------------------------------------

export type PutBack =
  | { readonly kind: 'stage'; readonly edits: readonly (readonly [FieldId, string])[] }
  | { readonly kind: 'refused'; readonly why: Chrome };

const refused = (why: Chrome): PutBack => ({ kind: 'refused', why });

/** What to stage so that the field is again what it was before a change. */
export function putBack(change: SettingChange, mailbox: Mailbox, able: Able): PutBack {
  const { field, before } = change;
  switch (field) {
    case 'secret':
      return refused(chrome`a password is kept nowhere that shows it: type it again`);
    case 'owner':
      return refused(chrome`a mailbox has another owner only when its owner gives it: in Sharing`);
    case 'addresses':
      return addressesBack(change, mailbox);
    default: {
      const row = sections.flatMap((section) => rowsOf(section, mailbox, nothingStaged, able)).find(({ id }) => id === field);
      if (row === undefined) return refused(chrome`this mailbox has no such setting now`);
      if (row.refused !== null) return refused(row.refused);
      if (field === 'ca' && before !== 'public')
        return refused(chrome`the certificates themselves are not in the history: give the file again`);
      const value = field === 'workFrom' && before === null ? 'all' : typedOf(before);
      const current = field === 'workFrom' ? (mailbox.workFrom ?? 'all') : currentOf(mailbox, field);
      return value === current ? refused(chrome`that is what it is now`) : { kind: 'stage', edits: [[field, value]] };
    }
  }
}

function typedOf(value: SettingChange['before']): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/** The change is undone, whatever other addresses came or went since. */
function addressesBack({ before, after }: SettingChange, { addresses }: Mailbox): PutBack {
  const [old, next] = [before, after].map((value) => (Array.isArray(value) ? value : []));
  const come = next?.filter((address) => old?.includes(address) === false && addresses.includes(address)) ?? [];
  const gone = old?.filter((address) => next?.includes(address) === false && !addresses.includes(address)) ?? [];
  const [missing, ...others] = gone;
  if (others.length > 0) return refused(chrome`more than one address went: add them one by one`);
  const edits = [
    ...come.map((address) => [`alias ${address}`, 'gone'] as const),
    ...(missing === undefined ? [] : [['new-alias', missing] as const]),
  ];
  return edits.length === 0 ? refused(chrome`its addresses are so now`) : { kind: 'stage', edits };
}
