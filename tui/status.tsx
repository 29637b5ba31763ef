/**
 * The status row of every screen: the connection, how the mailboxes stand, what waits to go out, what one may do here. Bad news first; what
 * is old says how old.
 */
import { type ReactElement, useSyncExternalStore } from 'react';
import type { Mailbox } from '../protocol/schema.ts';
import { safeText } from '../protocol/text.ts';
import { ageWords, clockOf } from './ages.ts';
import { type Pieces, T } from './components/text.tsx';
import type { Mirror, Outbox } from './mirror.ts';
import { useShell, useViewport } from './screen.tsx';
import { useApp } from './screens/contract.ts';
import { isTroubled, percentOf, syncWords } from './screens/mailbox-words.ts';
import { isWaiting, troubleWords } from './screens/outbox-words.ts';
import { rightsWords } from './screens/pickers.tsx';
import { useNow } from './screens/use-now.ts';
import { chrome, cutToWidth, headOf, type Safe, widthOf } from './text.ts';
import type { Tone } from './theme.ts';
import { useConnection, useView } from './use-mirror.ts';

export type StatusPart = { readonly text: Safe; readonly tone: Tone };

export type Standing = {
  readonly connection: Mirror['connection'];
  /** Whether the daemon ever answered: before that there is no copy to show. */
  readonly everOnline: boolean;
  readonly starting?: boolean;
  readonly mailboxes: readonly Mailbox[];
  readonly outbox: Outbox;
  /** The mailbox in view, by address. */
  readonly here: string | null;
  readonly now: number;
};

/** What the row says, most important first. Pure. */
export function statusParts({ connection, everOnline, starting = false, mailboxes, outbox, here, now }: Standing): StatusPart[] {
  const parts: StatusPart[] = [connectionPart(connection, everOnline, starting)];
  const trouble = troubleWords(outbox);
  const waiting = outbox.filter(isWaiting);
  if (trouble !== null) parts.push({ text: trouble, tone: 'danger' });
  if (connection.state.state === 'online') {
    const told = mailboxPart(mailboxes, here, now);
    if (told !== null) parts.push(told);
  }
  if (waiting.length > 0) parts.push({ text: chrome`outbox ${waiting.length}`, tone: 'plain' });
  const held = mailboxes.find(({ address }) => address === here);
  if (held !== undefined) parts.push({ text: chrome`you: ${rightsWords(held)}`, tone: 'muted' });
  return parts;
}

function connectionPart({ state, since }: Mirror['connection'], everOnline: boolean, starting: boolean): StatusPart {
  switch (state.state) {
    case 'online':
      return { text: chrome`● online`, tone: 'good' };
    case 'connecting':
      return { text: everOnline ? chrome`◌ connecting again…` : chrome`◌ connecting…`, tone: 'muted' };
    case 'offline':
      if (state.reason === 'daemon-key') return { text: chrome`○ ${safeText(state.message)}`, tone: 'danger' };
      if (starting && !everOnline) return { text: chrome`◌ starting the daemon…`, tone: 'muted' };
      return everOnline
        ? { text: chrome`OFFLINE since ${clockOf(since)}, local copy · trying again`, tone: 'danger' }
        : { text: chrome`○ ${safeText(state.message)} Trying again.`, tone: 'warning' };
    case 'refused':
      return { text: chrome`✗ refused: ${safeText(state.message)}`, tone: 'danger' };
    default:
      return state satisfies never;
  }
}

/** The one mailbox that has most to tell: what is broken, else what is being read in, each time the one in view first; else that one. */
function mailboxPart(mailboxes: readonly Mailbox[], here: string | null, now: number): StatusPart | null {
  const troubled = mailboxes.filter(isTroubled);
  const syncing = mailboxes.filter((one) => percentOf(one) !== null);
  const named = (one: Mailbox): Safe => chrome`${headOf(one.address, '@', 16)}@`;
  const more = (count: number): Safe => (count > 1 ? chrome` (+${count - 1})` : chrome``);
  const first = (some: readonly Mailbox[]): Mailbox | undefined => some.find(({ address }) => address === here) ?? some[0];
  const broken = first(troubled);
  if (broken !== undefined)
    return { text: chrome`✗ ${named(broken)} ${syncWords(broken, now, 8)}${more(troubled.length)}`, tone: 'warning' };
  const busy = first(syncing);
  if (busy !== undefined) return { text: chrome`${named(busy)} ${syncWords(busy, now, 10)}${more(syncing.length)}`, tone: 'accent' };
  const inView = mailboxes.find(({ address }) => address === here);
  if (inView !== undefined) return { text: chrome`${named(inView)} ${syncWords(inView, now, 8)}`, tone: 'plain' };
  const oldest = mailboxes
    .flatMap(({ kind, sync }) => (kind === 'imap' && sync.syncedAt !== null ? [Date.parse(sync.syncedAt)] : []))
    .toSorted((a, b) => a - b)[0];
  return oldest === undefined ? null : { text: chrome`synced ${ageWords(now - oldest)} ago`, tone: 'plain' };
}

/** As many parts as fit. What does not is left out, but bad news is cut instead: it may not be hidden by a narrow window. */
export function fitted(parts: readonly StatusPart[], columns: number): readonly StatusPart[] {
  const shown: StatusPart[] = [];
  let room = columns - 2;
  for (const part of parts) {
    const between = shown.length > 0 ? 3 : 0;
    const bad = part.tone === 'danger' || part.tone === 'warning';
    const fits = widthOf(part.text) + between <= room;
    if (!fits && shown.length > 0 && (!bad || room < 12)) continue;
    const text = cutToWidth(part.text, room - between);
    shown.push({ ...part, text });
    room -= widthOf(text) + between;
  }
  return shown;
}

/** `starting`: this process starts the daemon, so it is no news that none answers yet. */
export function StatusRow({ starting = () => false }: { starting?: () => boolean }): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const { columns } = useViewport();
  const connection = useConnection();
  const mailboxes = useView(mirror.mailboxes);
  const outbox = useView(mirror.outbox).data ?? [];
  const here = useSyncExternalStore(
    (listener) => shell.subscribeHints(listener),
    () => shell.screenFacts.mailbox,
  );
  const now = useNow(5_000);
  const parts = fitted(
    statusParts({
      connection,
      everOnline: mailboxes.data !== null,
      starting: starting(),
      mailboxes: mailboxes.data ?? [],
      outbox,
      here,
      now,
    }),
    columns,
  );
  const pieces: Pieces[] = [];
  for (const { text, tone } of parts) {
    if (pieces.length > 0) pieces.push(chrome` · `);
    pieces.push(
      <T key={tone + text} tone={tone}>
        {text}
      </T>,
    );
  }
  return (
    <T>
      {chrome` `}
      {pieces}
    </T>
  );
}
