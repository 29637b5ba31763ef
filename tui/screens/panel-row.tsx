/** One conversation on one row: what happens to it first, what outside people wrote last. */
import type { ReactElement } from 'react';
import type { Conversation } from '../../protocol/schema.ts';
import { displayAddress, type SafeText } from '../../protocol/text.ts';
import { shortAge } from '../ages.ts';
import { T } from '../components/text.tsx';
import { type Chrome, chrome, cutToWidth, headOf, padEndTo, padStartTo, type Safe, widthOf } from '../text.ts';

export type RowLook = {
  readonly me: string;
  readonly now: number;
  /** By address; empty where every row is of one mailbox. */
  readonly shortNames: ReadonlyMap<string, Safe>;
  /** Shows the state of each; a panel's rows are all of one. */
  readonly states: boolean;
};

/** A row as it is drawn: what of the list's own state concerns it is in it, so that an unchanged row stays one object. */
/** `gone`: it left the view, and stays until the cursor moves. */
export type RowItem = { readonly row: Conversation; readonly marked: boolean; readonly gone: boolean };

/** The first letters of each address that tell it from the others, three at least. */
export function shortNames(addresses: readonly SafeText[]): ReadonlyMap<string, Safe> {
  const named = new Map<string, Safe>();
  if (addresses.length < 2) return named;
  for (const address of addresses) {
    let letters = 3;
    const others = addresses.filter((other) => other !== address);
    const start = (text: SafeText): Safe => headOf(text, '@', letters);
    while (letters < 8 && others.some((other) => start(other) === start(address))) letters++;
    named.set(address, start(address));
  }
  return named;
}

/** `was`: nobody has it now. */
export function assigneeName({ assignee, had }: Pick<Conversation, 'assignee' | 'had'>, me: string): Safe {
  if (assignee === null) return had == null ? chrome`-` : chrome`-${had.name}`;
  return assignee.kind === 'person' && assignee.name === me ? chrome`me` : assignee.name;
}

/** Open ones wait since somebody wrote; all others are as old as their last mail. */
export function ageOf({ state, waitingSince, lastAt }: Conversation, now: number): Chrome {
  return shortAge(now - Date.parse(state === 'open' && waitingSince !== null ? waitingSince : lastAt));
}

const stateGlyphs: Readonly<Record<Conversation['state'], Chrome>> = {
  open: chrome` `,
  waiting: chrome`→`,
  snoozed: chrome`◌`,
  done: chrome`✓`,
};

export function drawRow({ row, marked, gone }: RowItem, columns: number, look: RowLook): ReactElement {
  const { unread, starred, messages, attachments, subject } = row;
  const flag = unread > 0 ? chrome`●` : look.states ? stateGlyphs[row.state] : chrome` `;
  const flags = chrome`${flag}${marked ? chrome`x` : starred ? chrome`★` : chrome` `}`;
  const age = padStartTo(ageOf(row, look.now), 5);
  const what = subject === '' ? chrome`(no subject)` : subject;
  const from = row.from === null ? chrome`no sender` : displayAddress(row.from);
  const tone = gone ? 'muted' : unread > 0 ? 'strong' : 'plain';
  if (columns < 56) {
    const who = padEndTo(from, Math.max(8, Math.floor(columns / 4)));
    return (
      <>
        {chrome`${flags}${age} `}
        <T tone={tone}>{cutToWidth(chrome`${who} ${what}`, columns - 8)}</T>
      </>
    );
  }
  const mailbox = look.shortNames.size === 0 ? chrome`` : chrome`${padEndTo(look.shortNames.get(row.mailbox) ?? chrome``, widest(look))} `;
  const assignee = padEndTo(assigneeName(row, look.me), columns < 100 ? 4 : 8);
  const who = padEndTo(from, columns < 60 ? 12 : columns < 100 ? 16 : 24);
  const count = messages > 1 ? padStartTo(chrome`${Math.min(messages, 99)}`, 2) : chrome`  `;
  const files = attachments === 0 ? chrome`` : chrome`[${attachments} ${attachments === 1 ? chrome`file` : chrome`files`}] `;
  const head = chrome`${flags}${age} ${mailbox}${assignee} `;
  const used = widthOf(head) + widthOf(who) + 1;
  return (
    <>
      {chrome`${flags}${age} `}
      <T tone="muted">{chrome`${mailbox}${assignee} `}</T>
      <T tone={tone}>{who}</T>
      <T tone="muted">{chrome` ${count} ${files}`}</T>
      <T tone={tone}>{cutToWidth(what, Math.max(4, columns - used - 3 - files.length))}</T>
    </>
  );
}

function widest(look: RowLook): number {
  return Math.max(...[...look.shortNames.values()].map((name) => name.length));
}
