/** What happened, in the order in which it did: in a mailbox, with a contact, in a conversation (3.3). */
import { Box } from 'ink';
import { type ReactElement, useEffect, useMemo, useState } from 'react';
import type { PostroomError } from '../../protocol/errors.ts';
import type { Mailbox, TimelineRow } from '../../protocol/schema.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { dayWords } from '../ages.ts';
import { useKept, useUnder } from '../components/kept.ts';
import { goneMark } from '../components/list.tsx';
import { Modal } from '../components/modal.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import type { TimelineOf } from '../mirror.ts';
import { Screen, useCommands, useFlashing, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, headOf, join, padEndTo, type Safe, widthOf, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { openReply } from './compose.tsx';
import { useApp } from './contract.ts';
import { Conversation } from './conversation.tsx';
import { useGoing } from './going.tsx';
import { openNote } from './note.tsx';
import { type Part, useSeenParts } from './seen-parts.ts';
import {
  atTheEnd,
  groupNames,
  type KindGroup,
  kindsOf,
  type Laid,
  type Line,
  linesOf,
  newerThanSeen,
  nextScope,
  type ScopeName,
  type Scopes,
  scopeNames,
  scopesAt,
  settled,
  shares,
  stepped,
  type TimelineStart,
  type TimelineStep,
  timelineOf,
  topOf,
} from './timeline-state.ts';
import { contactOf, detailOf, eventWords, groupTitles, groupWords, moreOf } from './timeline-words.ts';
import { useNow } from './use-now.ts';
import { useSyncNow } from './use-sync-now.ts';
import { useTarget } from './use-target.ts';
import { useVerbs } from './verbs.tsx';

/** Older events are asked for when so few lines are left above the window. */
const olderWithin = 40;
const idOf = ({ id }: TimelineRow): string => id;
/** An event that left stands where it was in time, however many older ones are loaded. */
function inTime({ at }: TimelineRow, rows: readonly TimelineRow[]): number {
  const later = rows.findIndex((row) => row.at > at);
  return later === -1 ? rows.length : later;
}
const everyKind: ReadonlySet<KindGroup> = new Set(groupNames);
const expandedLines = 6;

export function Timeline({ start }: { start: TimelineStart }): ReactElement {
  const [at, setAt] = useState(start);
  const [groups, setGroups] = useState<ReadonlySet<KindGroup>>(everyKind);
  const [anchor, setAnchor] = useState<Anchor | null>(null);
  const of = timelineOf(at.scopes, at.name);
  if (of === null) return <Screen title={chrome`TIMELINE`} />;
  return (
    <History
      // Mounted anew with each scope: cursor and window are its own, and begin at the event that one came from.
      key={JSON.stringify([of, [...groups]])}
      of={of}
      at={at}
      groups={groups}
      anchor={anchor}
      onScope={(scopes, name, event) => {
        setAnchor(event);
        setAt({ scopes, name });
      }}
      onGroups={(next, event) => {
        setAnchor(event);
        setGroups(next);
      }}
    />
  );
}

/** The event that one came from. */
type Anchor = { readonly id: string; readonly at: string };

type HistoryProps = {
  readonly of: TimelineOf;
  readonly at: TimelineStart;
  readonly groups: ReadonlySet<KindGroup>;
  readonly anchor: Anchor | null;
  readonly onScope: (scopes: Scopes, name: ScopeName, event: Anchor | null) => void;
  readonly onGroups: (groups: ReadonlySet<KindGroup>, event: Anchor | null) => void;
};

function History({ of, at, groups, anchor, onScope, onGroups }: HistoryProps): ReactElement {
  const app = useApp();
  const { mirror } = app;
  const shell = useShell();
  const { columns, rows: height } = useViewport();
  const mailboxes = useView(mirror.mailboxes).data;
  // One view as long as the scope and the kinds are the same.
  const view = useMemo(() => mirror.timeline(of, kindsOf(groups)), [mirror, of, groups]);
  const { data, error, reach } = useView(view);
  const kept = useKept(data?.rows ?? null, idOf, { reach, place: inTime });
  const { rows, gone } = kept;
  const [stored, setStored] = useState(() =>
    anchor === null ? atTheEnd : { ...atTheEnd, cursor: anchor.id, at: anchor.at, following: false },
  );
  const panes = panesFor(columns);
  const laid: Laid = useMemo(
    () => ({ lines: linesOf(rows, stored.expanded, (row) => expandedOf(row, panes.events - 4)), height }),
    [rows, stored.expanded, panes.events, height],
  );
  const state = settled(stored, laid);
  if (state !== stored) setStored(state);
  const step = (change: TimelineStep): void => setStored((before) => stepped(settled(before, laid), laid, change));

  const top = topOf(state, laid);
  useEffect(() => {
    if (data !== null && top < olderWithin) view.needOlder();
  }, [view, data, top]);

  const under = rows.findIndex(({ id }) => id === state.cursor);
  const current = useUnder(kept, under === -1 ? null : state.cursor, under);
  const scopes = scopesAt(at.scopes, at.name, current, contactOf);
  const turn = (by: 1 | -1): void => {
    const next = nextScope(scopes, at.name, by);
    if (next === at.name) shell.flash(chrome`this event has no contact and no conversation`);
    else onScope(scopes, next, current);
  };
  const here = current?.mailbox ?? scopes.mailbox;
  const target = useTarget(current);
  const parts = useMemo(() => partsOf(rows), [rows]);
  useSeenParts(
    parts,
    useMemo(() => drawnIn(laid, top), [laid, top]),
  );
  const isMail = (current?.kind === 'mail-in' || current?.kind === 'mail-out') && current.gone !== true;
  const reply = (kind: 'reply' | 'reply-all' | 'forward') => () => {
    if (target !== null && current !== null)
      return openReply(app, {
        conversation: target.conversation,
        kind,
        // A mail of ours is not answered: the answer goes to whoever wrote last.
        message: current.kind === 'mail-in' || kind === 'forward' ? current.message : null,
        seen: current.revision,
      });
  };
  const newer = newerThanSeen(state, laid);
  useCommands({
    ...(current?.conversation == null
      ? {}
      : {
          'item.open': () => {
            const { conversation, message, gone, id } = current;
            const at = gone === true ? id : message;
            if (conversation !== null) shell.open({ name: 'conversation', element: <Conversation id={conversation} at={at} /> });
          },
        }),
    'timeline.scope': () => turn(1),
    'timeline.scope-back': () => turn(-1),
    'timeline.kinds': () =>
      shell.openModal({ name: 'kinds', element: <Kinds groups={groups} onChange={(next) => onGroups(next, current)} /> }),
    'timeline.expand': () => step({ do: 'expand' }),
    'timeline.follow': () => step({ do: 'follow' }),
    ...(isMail
      ? {
          'mail.reply': reply('reply'),
          'mail.reply-all': reply('reply-all'),
          'mail.forward': reply('forward'),
          'work.note': () => {
            if (target !== null) openNote(app, target);
          },
        }
      : {}),
    'move.down': (count) => step({ do: 'event', by: count }),
    'move.up': (count) => step({ do: 'event', by: -count }),
    'move.half-down': (count) => step({ do: 'half', by: count }),
    'move.half-up': (count) => step({ do: 'half', by: -count }),
    'move.page-down': (count) => step({ do: 'page', by: count }),
    'move.page-up': (count) => step({ do: 'page', by: -count }),
    'move.section-down': (count) => step({ do: 'day', by: count }),
    'move.section-up': (count) => step({ do: 'day', by: -count }),
    'move.first': () => step({ do: 'first' }),
    'move.last': () => step({ do: 'last' }),
  });
  useVerbs({ target: isMail ? target : null });
  useGoing(here, { contact: scopes.contact, over: true });
  useSyncNow(here);
  // The last one speaks: an event that is no mail is in a mailbox too.
  useCommands({}, { facts: { mailbox: here } });

  const now = useNow(60_000);
  // To who holds Access alone nothing comes: that something is below they see, how much they do not.
  const counts = mailboxes?.find(({ address }) => address === here)?.rights.panel === true;
  return (
    <Screen
      title={<ScopeTabs scopes={scopes} name={at.name} columns={columns} />}
      right={state.following ? [chrome`F live `, <T key="live" tone="good">{chrome`● `}</T>] : chrome`F live ○ `}
      filter={sides(
        filterWords(groups, data?.older === null, rows, now),
        newer === 0 ? chrome`` : counts ? chrome`↓ ${newer} newer · G` : chrome`↓ newer · G`,
        columns,
      )}
    >
      <Box height={height}>
        {panes.scopes > 0 && (
          <>
            <ScopeList scopes={scopes} name={at.name} columns={panes.scopes} rows={height} />
            <Lines tone="muted" lines={Array<Safe>(height).fill(chrome`│`)} />
          </>
        )}
        <Events laid={laid} top={top} cursor={state.cursor} gone={gone} columns={panes.events} now={now} wide={at.name === 'contact'}>
          <Nothing
            of={of}
            error={error}
            loaded={data !== null}
            filtered={groups.size < groupNames.length}
            mailboxes={mailboxes}
            columns={panes.events}
          />
        </Events>
        {panes.detail > 0 && (
          <>
            <Lines tone="muted" lines={Array<Safe>(height).fill(chrome`│`)} />
            <Detail row={current} columns={panes.detail} rows={height} now={now} />
          </>
        )}
      </Box>
    </Screen>
  );
}

/** Mail that went again raised no revision. */
const partsOf = (rows: readonly TimelineRow[]): Part[] =>
  rows.flatMap(({ id, kind, gone, conversation, revision, actor }) => {
    const isItem = kind === 'note' || ((kind === 'mail-in' || kind === 'mail-out') && gone !== true);
    return conversation === null || revision === null ? [] : { row: id, item: isItem ? id : null, conversation, revision, by: actor };
  });

const drawnIn = ({ lines, height }: Laid, top: number): Set<string> =>
  new Set(lines.slice(top, top + height).flatMap((line) => (line.kind === 'event' ? line.row.id : [])));

/** Scopes, events and detail, as many as there is room for. */
function panesFor(columns: number): { readonly scopes: number; readonly events: number; readonly detail: number } {
  if (columns >= 160) return { scopes: 24, events: columns - 24 - 48 - 2, detail: 48 };
  if (columns >= 120) return { scopes: 0, events: columns - 40 - 1, detail: 40 };
  return { scopes: 0, events: columns, detail: 0 };
}

const expandedOf = (row: TimelineRow, columns: number): SafeText[] =>
  moreOf(row)
    .flatMap((text) => wrap(text, columns))
    .slice(0, expandedLines);

// --- the rows --------------------------------------------------------------------------------------------------------

type EventsProps = {
  readonly laid: Laid;
  readonly top: number;
  readonly cursor: string | null;
  /** The event under the cursor if it is in this history no more. */
  readonly gone: string | null;
  readonly columns: number;
  readonly now: number;
  /** Rows are of several mailboxes. */
  readonly wide: boolean;
  /** In place of rows. */
  readonly children: ReactElement;
};

function Events({ laid, top, cursor, gone, columns, now, wide, children }: EventsProps): ReactElement {
  const { lines, height } = laid;
  const drawn: ReactElement[] = [];
  for (const [place, line] of lines.slice(top, top + height).entries()) {
    // The key is the line on the screen: scrolling changes texts and mounts nothing.
    drawn.push(
      <EventLine
        key={place}
        line={line}
        selected={line.kind === 'event' && line.row.id === cursor}
        gone={line.kind === 'event' && line.row.id === gone}
        columns={columns}
        now={now}
        wide={wide}
      />,
    );
  }
  return (
    <Box flexDirection="column" width={columns} height={height} overflow="hidden">
      {drawn.length === 0 ? children : drawn}
    </Box>
  );
}

type EventLineProps = {
  readonly line: Line;
  readonly selected: boolean;
  readonly gone: boolean;
  readonly columns: number;
  readonly now: number;
  readonly wide: boolean;
};

function EventLine({ line, selected, gone, columns, now, wide }: EventLineProps): ReactElement {
  const flashing = useFlashing();
  if (line.kind === 'day') {
    const head = chrome` ── ${dayWords(line.at, now)} `;
    return (
      <Row>
        <T tone="muted">{chrome`${head}${rule(columns - 1 - widthOf(head))}`}</T>
      </Row>
    );
  }
  if (line.kind === 'more') {
    return (
      <Row>
        <T tone="muted">{chrome`    ${line.text}`}</T>
      </Row>
    );
  }
  const { row } = line;
  const { time, kind, actor, target, last, tone } = eventWords(row);
  const roomy = columns >= 78;
  const who = padEndTo(actor, roomy ? 12 : 8);
  const to = padEndTo(target, roomy ? 16 : 10);
  const box = wide ? chrome`${padEndTo(headOf(row.mailbox, '@', 8), 8)} ` : chrome``;
  const head = chrome`${time} ${padEndTo(kind, 6)} ${box}${who} ${to} `;
  return (
    <Row>
      <T tone={selected && !flashing ? 'cursor' : 'plain'}>
        {selected ? chrome`▌` : chrome` `}
        {gone && <T tone="warning">{goneMark}</T>}
        {head}
        <T tone={tone}>{cutToWidth(last, columns - 2 - widthOf(head) - (gone ? goneMark.length : 0))}</T>
      </T>
    </Row>
  );
}

const rule = (width: number): Chrome => join(Array<Chrome>(Math.max(0, width)).fill(chrome`─`));

// --- around them -----------------------------------------------------------------------------------------------------

const scopeTitles = { mailbox: chrome`mailbox`, contact: chrome`contact`, conversation: chrome`conversation` } as const;

function scopeWords(scopes: Scopes, name: ScopeName, columns: number): Safe | null {
  switch (name) {
    case 'mailbox':
      return scopes.mailbox === null ? null : chrome`${headOf(scopes.mailbox, '@', Math.max(4, columns - 1))}@`;
    case 'contact':
      return scopes.contact === null ? null : cutToWidth(scopes.contact.name, columns);
    case 'conversation': {
      if (scopes.conversation === null) return null;
      const { subject } = scopes.conversation;
      return cutToWidth(subject === '' ? chrome`(no subject)` : subject, columns);
    }
    default:
      return name satisfies never;
  }
}

/** The scope in view in brackets, and where Tab leads. */
function ScopeTabs({ scopes, name, columns }: { scopes: Scopes; name: ScopeName; columns: number }): ReactElement {
  const names = scopeNames.filter((one) => scopeWords(scopes, one, 10) !== null);
  const titleOf = (one: ScopeName): Chrome => (columns < 76 ? chrome`` : chrome`${scopeTitles[one]} `);
  const whole = names.map((one) => scopeWords(scopes, one, columns) ?? chrome``);
  // Beside `TIMELINE`, the live mark, and a bar on each side of each.
  const room = columns - 21 - names.length - names.reduce((sum, one) => sum + titleOf(one).length, 0);
  const widths = shares(whole.map(widthOf), room);
  const active = names.indexOf(name);
  const bar = (at: number): Chrome =>
    at === active ? chrome`‹` : at === active + 1 ? chrome`›` : at === 0 || at === names.length ? chrome` ` : chrome`│`;
  return (
    <T>
      <T tone="accent">{chrome`TIMELINE `}</T>
      {names.map((one, at) => {
        return (
          <T key={one}>
            <T tone="muted">{bar(at)}</T>
            <T tone={one === name ? 'cursor' : 'plain'}>{chrome`${titleOf(one)}${cutToWidth(whole[at] ?? chrome``, widths[at] ?? 0)}`}</T>
          </T>
        );
      })}
      <T tone="muted">{bar(names.length)}</T>
    </T>
  );
}

function ScopeList({ scopes, name, columns, rows }: { scopes: Scopes; name: ScopeName; columns: number; rows: number }): ReactElement {
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      <Row>
        <T tone="accent">{chrome` SCOPE`}</T>
      </Row>
      {scopeNames.map((one) => (
        <Box key={one} flexDirection="column">
          <Row>
            <T tone={one === name ? 'strong' : 'muted'}>{chrome`${one === name ? chrome`▸` : chrome` `}${scopeTitles[one]}`}</T>
          </Row>
          <Row>
            <T tone={one === name ? 'strong' : 'plain'}>{chrome`   ${scopeWords(scopes, one, columns - 4) ?? chrome`-`}`}</T>
          </Row>
        </Box>
      ))}
    </Box>
  );
}

function Detail({ row, columns, rows, now }: { row: TimelineRow | null; columns: number; rows: number; now: number }): ReactElement {
  const lines = row === null ? [] : detailOf(row, now).flatMap((text): Safe[] => (text === null ? [] : wrap(text, columns - 2)));
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      <Row>
        <T tone="accent">{row === null ? chrome` EVENT` : chrome` EVENT  ${eventWords(row).kind}`}</T>
      </Row>
      <Lines lines={lines.slice(0, rows - 1).map((text) => chrome` ${text}`)} />
    </Box>
  );
}

function filterWords(groups: ReadonlySet<KindGroup>, complete: boolean, rows: readonly TimelineRow[], now: number): Chrome {
  const kinds = join(
    groupNames.filter((name) => groups.has(name)).map((name) => groupTitles[name]),
    chrome` `,
  );
  const [oldest] = rows;
  const since =
    oldest === undefined ? chrome`` : complete ? chrome`   from the beginning` : chrome`   since ${dayWords(Date.parse(oldest.at), now)}`;
  return chrome`kinds: ${kinds}${since}`;
}

function sides(left: Safe, right: Safe, columns: number): Chrome {
  const room = columns - 3 - widthOf(right);
  return chrome`${padEndTo(left, Math.max(0, room))} ${right}`;
}

type NothingProps = {
  readonly of: TimelineOf;
  readonly error: PostroomError | null;
  readonly loaded: boolean;
  readonly filtered: boolean;
  readonly mailboxes: readonly Mailbox[] | null;
  readonly columns: number;
};

/** In place of events: why there are none, and whom to ask. */
function Nothing({ of, error, loaded, filtered, mailboxes, columns }: NothingProps): ReactElement {
  const text = ((): Safe => {
    if (error !== null && !loaded) {
      if (error.code === 'forbidden') return chrome`${safeText(error.message)}${ownerWords(of, mailboxes)}`;
      if (error.code === 'not-found') {
        const left = mailboxes === null || mailboxes.length > 0;
        return chrome`It is not there, or you may not see it any more. ${left ? chrome`g m leads to what you have.` : chrome`You hold no right on any mailbox now.`}`;
      }
      return safeText(error.message);
    }
    if (!loaded) return chrome`loading…`;
    return filtered ? chrome`Nothing of these kinds. \\ shows others.` : chrome`Nothing happened here yet.`;
  })();
  const lines = wrap(text, columns - 4).map((line) => chrome`  ${line}`);
  return <Lines tone={error === null ? 'muted' : 'warning'} lines={[chrome``, ...lines]} />;
}

function ownerWords(of: TimelineOf, mailboxes: readonly Mailbox[] | null): Chrome {
  const owner = of.kind === 'mailbox' ? mailboxes?.find(({ address }) => address === of.mailbox)?.owner : undefined;
  return owner === undefined ? chrome`` : chrome` That is ${owner}.`;
}

// --- kinds -----------------------------------------------------------------------------------------------------------

/** Which kinds show. */
function Kinds({
  groups: first,
  onChange,
}: {
  groups: ReadonlySet<KindGroup>;
  onChange: (groups: ReadonlySet<KindGroup>) => void;
}): ReactElement {
  const shell = useShell();
  const [groups, setGroups] = useState(first);
  const [index, setIndex] = useState(0);
  const step = (by: number): void => setIndex((before) => Math.max(0, Math.min(groupNames.length - 1, before + by)));
  useCommands({
    'modal.toggle': () => {
      const name = groupNames[index];
      if (name === undefined) return;
      const next = new Set(groups);
      if (!next.delete(name)) next.add(name);
      if (next.size === 0) return shell.flash(chrome`one kind stays`);
      setGroups(next);
    },
    'modal.down': (count) => step(count),
    'modal.up': (count) => step(-count),
    'modal.close': () => shell.close(),
    'modal.accept': () => {
      shell.close();
      onChange(groups);
    },
  });
  return (
    <Modal title={chrome`Kinds of events: Space on or off, Enter shows them`} rows={groupNames.length} columns={64}>
      {groupNames.map((name, at) => (
        <Row key={name}>
          <T tone={at === index ? 'cursor' : 'plain'}>
            {chrome`${at === index ? chrome`▌` : chrome` `}${groups.has(name) ? chrome`[x]` : chrome`[ ]`} ${padEndTo(groupTitles[name], 8)}${groupWords[name]}`}
          </T>
        </Row>
      ))}
    </Modal>
  );
}
