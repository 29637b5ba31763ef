/**
 * Lists of conversations: a person's own work list (3.1), all open ones of a mailbox, those of a folder. One screen: the same rows, the same
 * verbs, a reader beside it where there is room.
 */
import {
  type ReactElement,
  use,
  useCallback,
  useEffect,
  useInsertionEffect,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from 'react';
import type { Mailbox, Conversation as Row } from '../../protocol/schema.ts';
import { displayAddress, safeText } from '../../protocol/text.ts';
import { Field, useField } from '../components/field.tsx';
import { List, useRows } from '../components/list.tsx';
import { Panes, usePanes } from '../components/panes.tsx';
import { Lines, T } from '../components/text.tsx';
import type { Counts, PanelName, Picture } from '../mirror.ts';
import { LayerContext, Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, type Safe, widthOf, wrap } from '../text.ts';
import { useConnection, useView } from '../use-mirror.ts';
import { openCompose, openReply } from './compose.tsx';
import { type Behind, useApp } from './contract.ts';
import { Conversation, Reader } from './conversation.tsx';
import { useGoing } from './going.tsx';
import { isTroubled, stateWords } from './mailbox-words.ts';
import { openNote } from './note.tsx';
import { Onboarding } from './onboarding.tsx';
import { useOthersChanges } from './others.ts';
import { drawRow, type RowItem, type RowLook, shortNames } from './panel-row.tsx';
import { change, emptyPanel, unreadFrom, visible } from './panel-state.ts';
import { keyOf, type ListPlace, listOf, useNavigator } from './places.ts';
import { useSavedTabs } from './search.tsx';
import { Sidebar } from './sidebar.tsx';
import { useNow } from './use-now.ts';
import { useRemembered } from './use-remembered.ts';
import { useSyncNow } from './use-sync-now.ts';
import { useVerbs, type WorkKind } from './verbs.tsx';

const noRows: readonly Row[] = [];
const noIds: readonly string[] = [];
const idOf = (row: Row): string => row.conversation;
/** The reader follows the cursor when it has stood still for so long: a held key opens no mail. */
const readerDelayMs = 80;

export function ConversationList({ place }: { place: ListPlace }): ReactElement {
  const shell = useShell();
  const app = useApp();
  const { mirror, me } = app;
  const navigator = useNavigator();
  const { columns, rows: height } = useViewport();
  const online = useConnection().state.state === 'online';
  const mailboxes = useView(mirror.mailboxes).data;
  const counts = useView(mirror.counts(place.mailbox)).data;
  const list = mirror.list(listOf(place));
  const picture = useView(list);
  const [state, dispatch] = useReducer(change, emptyPanel);
  const [preview, setPreview] = useState(navigator.preview);
  const panes = usePanes(preview ? ['sidebar', 'list', 'reader'] : ['sidebar', 'list']);
  const inList = panes.focused === 'list';

  const loaded = picture.data?.rows ?? noRows;
  const { filter, leaving, marks } = state;
  /** Whose a verb of one's own made them. */
  const assigned = useRef(new Map<string, Row['assignee']>());
  const plain = useMemo(() => visible(loaded, picture.at, { ...emptyPanel, filter, leaving }), [loaded, picture.at, filter, leaving]);

  const selecting = useRef<(id: string) => void>(() => undefined);
  const open = (id: string): void => {
    const behind: Behind = {
      title: titleOf(place),
      ids: list.picture.data?.ids ?? noIds,
      unread: () => new Set((list.picture.data?.rows ?? noRows).filter((row) => row.unread > 0).map((row) => row.conversation)),
      select: (to) => selecting.current(to),
    };
    shell.open({ name: 'conversation', element: <Conversation id={id} behind={behind} /> });
  };
  const {
    list: cursorList,
    rows,
    ids,
    current,
    gone,
  } = useRows(picture.data === null ? null : plain, idOf, height, {
    onOpen: open,
    active: inList,
    reach: picture.reach,
    // What a verb of one's own takes away moves on, and a filter hides.
    letGo: (id) => leaving.has(id) || picture.data?.ids.includes(id) === true,
    // A row that stays under the cursor shows whose it is now.
    as: (row) => {
      const to = assigned.current.get(row.conversation);
      return to === undefined ? row : { ...row, assignee: to };
    },
  });
  const { cursor, index, newAbove } = cursorList.state;
  selecting.current = cursorList.select;
  const items = useItems(rows, marks, gone);
  useSeenRows(rows.slice(cursorList.state.top, cursorList.state.top + height));

  useRemembered(keyOf(place), cursorList);

  const marked = useMemo(() => rows.filter((row) => marks.has(row.conversation)), [rows, marks]);
  const onGone = (taken: readonly Row[]): void => {
    dispatch({ kind: 'gone', ids: taken.map(({ conversation }) => conversation) });
    const [first] = taken;
    const which =
      first !== undefined && taken.length === 1 ? chrome`"${cutToWidth(first.subject, 40)}"` : chrome`${taken.length} marked ones`;
    shell.toast({ tone: 'warning', text: chrome`${which} left this list meanwhile: ${marks.size - taken.length} marked`, forMs: 8_000 });
  };
  useMarksLost(marked, marks, picture.data?.ids ?? null, onGone);
  useVerbs({
    target: current,
    marked,
    active: inList || panes.focused === 'reader',
    began: (kind, worked, to) => {
      dispatch({ kind: 'unmark' });
      for (const id of worked) {
        if (to === undefined) assigned.current.delete(id);
        else assigned.current.set(id, to);
      }
      const leaves = leavesList(place, kind);
      if (leaves) dispatch({ kind: 'leave', ids: worked });
      else if ((kind === 'done' || kind === 'move') && cursor !== null && worked.includes(cursor)) {
        const next = ids[index + 1];
        if (next !== undefined) cursorList.select(next);
      }
    },
    succeeded: (_kind, id) => {
      dispatch({ kind: 'left', id, at: Date.now() });
      list.refresh();
    },
    failed: (_kind, id) => {
      dispatch({ kind: 'stay', id });
      cursorList.select(id);
      list.refresh();
    },
    undone: (_kind, id) => {
      dispatch({ kind: 'stay', id });
      cursorList.select(id);
      list.refresh();
    },
  });
  // The other views are here when one turns to them.
  const here = picture.data !== null;
  useEffect(() => {
    if (place.kind !== 'panel' || !here) return;
    for (const view of ['mine', 'unassigned', 'team', 'done'] as const) mirror.list(listOf({ ...place, view })).warm();
  }, [mirror, place, here]);
  const from = current?.direction === 'in' ? current.from : null;
  useGoing(place.mailbox ?? current?.mailbox ?? null, {
    contact: from === null ? null : { name: displayAddress(from), address: from.address },
  });
  useSavedTabs(inList && place.kind === 'panel');
  useSyncNow(place.mailbox);
  useOthersChanges(rows.slice(cursorList.state.top, cursorList.state.top + height));

  const unread = (step: 1 | -1): void => {
    const found = unreadFrom(rows, index, step);
    if (found !== null) cursorList.select(found);
    else shell.flash(step === 1 ? chrome`no unread one below` : chrome`no unread one above`);
  };
  const panel = (view: PanelName): void => navigator.go({ kind: 'panel', view, mailbox: place.kind === 'panel' ? place.mailbox : null });
  const reply = (kind: 'reply' | 'reply-all' | 'forward') => () => {
    if (current !== null) return openReply(app, { conversation: current.conversation, kind, seen: current.revision });
  };
  useCommands(
    {
      'mail.reply': reply('reply'),
      'mail.reply-all': reply('reply-all'),
      'mail.forward': reply('forward'),
      ...(mailboxes?.some(({ rights }) => rights.send) === true
        ? { 'mail.compose': () => openCompose(app, { mailbox: place.mailbox }) }
        : {}),
      'work.note': () => {
        if (current !== null) openNote(app, current);
      },
      'mail.mark': () => {
        if (cursor !== null) dispatch({ kind: 'mark', id: cursor });
      },
      'mail.mark-range': () => {
        if (cursor !== null) dispatch({ kind: 'range', to: cursor, ids });
      },
      'move.next-unread': () => unread(1),
      'move.previous-unread': () => unread(-1),
      'list.filter': () => dispatch({ kind: 'type' }),
      ...(filter !== '' || marks.size > 0
        ? {
            'layer.close': () => {
              dispatch({ kind: 'clear' });
              dispatch({ kind: 'unmark' });
            },
          }
        : {}),
    },
    { active: inList },
  );
  useCommands(
    {
      ...(place.kind === 'panel'
        ? {
            'panel.mine': () => panel('mine'),
            'panel.unassigned': () => panel('unassigned'),
            'panel.team': () => panel('team'),
            'panel.done': () => panel('done'),
          }
        : {}),
      ...(panes.widths.reader > 0 || !preview
        ? {
            'panel.preview': () => {
              navigator.preview = !preview;
              setPreview(!preview);
            },
          }
        : {}),
    },
    { facts: { mailbox: place.mailbox ?? current?.mailbox ?? null } },
  );

  const now = useNow(30_000);
  const names = useMemo(
    () =>
      place.mailbox !== null ? new Map() : shortNames((mailboxes ?? []).filter(({ rights }) => rights.panel).map(({ address }) => address)),
    [mailboxes, place.mailbox],
  );
  const look: RowLook = useMemo(() => ({ me, now, shortNames: names, states: place.kind !== 'panel' }), [me, now, names, place.kind]);
  const draw = useCallback((item: RowItem, row: { columns: number }) => drawRow(item, row.columns, look), [look]);
  const settled = useSettled(cursor);
  const who = chrome`${cutToWidth(safeText(me), 16)} `;
  const right = position(newAbove, rows.length === 0 ? 0 : index + 1, rows.length, picture.data?.more ?? false);

  return (
    <Screen
      title={
        place.kind === 'panel' ? <Tabs place={place} counts={counts} columns={columns} room={columns - widthOf(who) - 4} /> : titleOf(place)
      }
      right={
        <T>
          {who}
          <T tone={online ? 'good' : 'danger'}>{online ? chrome`● ` : chrome`○ `}</T>
        </T>
      }
      filter={sides(filterWords(place, state.filter, marked.length), right, columns)}
      field={
        state.typing ? (
          <FilterField
            text={state.filter}
            columns={columns}
            onText={(text) => dispatch({ kind: 'filter', text })}
            onAccept={() => dispatch({ kind: 'accept' })}
            onLeave={() => dispatch({ kind: 'clear' })}
          />
        ) : undefined
      }
    >
      <Panes panes={panes}>
        {{
          sidebar: <Sidebar place={place} active={panes.focused === 'sidebar'} />,
          list: (
            <List
              list={cursorList}
              columns={panes.widths.list}
              rowAt={(at) => items[at]}
              onNeed={(_from, to) => list.need(to)}
              draw={draw}
              focused={inList}
              empty={<Empty place={place} picture={picture} filtered={filter !== ''} counts={counts} columns={panes.widths.list} />}
            />
          ),
          reader:
            settled === null || cursor === null ? null : (
              <Reader id={settled} columns={panes.widths.reader} rows={height} focused={panes.focused === 'reader'} />
            ),
        }}
      </Panes>
    </Screen>
  );
}

/** Rows with their marks; an unchanged one keeps its object, so that only what changed is drawn again. */
function useItems(rows: readonly Row[], marks: ReadonlySet<string>, frozen: string | null): readonly RowItem[] {
  const before = useRef(new Map<string, RowItem>());
  return useMemo(() => {
    const items = rows.map((row): RowItem => {
      const marked = marks.has(row.conversation);
      const known = before.current.get(row.conversation);
      const gone = row.conversation === frozen;
      return known?.row === row && known.marked === marked && known.gone === gone ? known : { row, marked, gone };
    });
    before.current = new Map(items.map((item) => [item.row.conversation, item]));
    return items;
  }, [rows, marks, frozen]);
}

/** Tells of marked rows that a colleague took out of the list: fewer than one marked are never acted on without a word. */
function useMarksLost(
  marked: readonly Row[],
  marks: ReadonlySet<string>,
  listed: readonly string[] | null,
  onGone: (rows: readonly Row[]) => void,
): void {
  const known = useRef(new Map<string, Row>());
  useEffect(() => {
    for (const row of marked) known.current.set(row.conversation, row);
    for (const id of known.current.keys()) if (!marks.has(id)) known.current.delete(id);
    if (listed === null) return;
    const here = new Set([...listed, ...marked.map(({ conversation }) => conversation)]);
    const gone = [...known.current.values()].filter(({ conversation }) => !here.has(conversation));
    if (gone.length > 0) onGone(gone);
  });
}

/** Verbs on rows carry the revision that each was drawn from. */
function useSeenRows(rows: readonly Row[]): void {
  const shell = useShell();
  const layer = use(LayerContext);
  // Before Ink paints the commit.
  useInsertionEffect(() => shell.sight.list(layer, rows));
  useLayoutEffect(() => shell.drew());
  useEffect(() => () => shell.sight.leaveList(layer), [shell, layer]);
}

/** Whether a verb takes a row out of the list, so that it need not be waited for. */
export function leavesList(place: ListPlace, kind: WorkKind): boolean {
  const done = place.kind === 'panel' && place.view === 'done';
  switch (kind) {
    case 'done':
      return place.kind !== 'folder' && !done;
    case 'reopen':
      return done;
    case 'trash':
    case 'spam':
      return !done;
    case 'take':
    case 'assign':
    case 'release':
    case 'move':
    case 'star':
    case 'read':
      return false;
    default:
      return kind satisfies never;
  }
}

/** The cursor's row once it stands still. */
function useSettled(cursor: string | null): string | null {
  const [settled, setSettled] = useState(cursor);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(cursor), readerDelayMs);
    return () => clearTimeout(timer);
  }, [cursor]);
  return settled;
}

const viewNames: Readonly<Record<PanelName, Chrome>> = {
  mine: chrome`Mine`,
  unassigned: chrome`Unassigned`,
  team: chrome`Team`,
  done: chrome`Done`,
};

function titleOf(place: ListPlace): Chrome {
  switch (place.kind) {
    case 'panel':
      return place.mailbox === null ? viewNames[place.view] : chrome`${viewNames[place.view]} ${place.mailbox}`;
    case 'open':
      return chrome`OPEN ${place.mailbox}`;
    case 'folder':
      return chrome`FOLDER ${place.name}  ${place.mailbox}`;
    default:
      return place satisfies never;
  }
}

/** Where one is among the views, with what waits in each. */
function Tabs({
  place,
  counts,
  columns,
  room,
}: {
  place: Extract<ListPlace, { kind: 'panel' }>;
  counts: Counts | null;
  columns: number;
  /** What the other end of the row leaves. */
  room: number;
}): ReactElement {
  const names = Object.entries(viewNames) as [PanelName, Chrome][];
  const { views } = useApp();
  const saved = useView(views).data ?? [];
  const scope = place.mailbox ?? chrome`all mailboxes`;
  // The bars beside the active one are its brackets: changing views moves nothing.
  const active = names.findIndex(([view]) => view === place.view);
  const bar = (at: number): Chrome =>
    at === active ? chrome`‹` : at === active + 1 ? chrome`›` : at === 0 || at === names.length ? chrome` ` : chrome`│`;
  const tabs = names.map(([view, name], at) => {
    const count = view === 'done' || counts === null ? chrome`` : chrome` ${counts[view]}`;
    return { view, label: columns < 72 && view !== place.view ? chrome`${at + 1}` : chrome`${at + 1} ${name}${count}` };
  });
  const savedTabs = (columns < 76 ? [] : saved).map(({ name }, at) => ({
    name,
    label: chrome`${at + names.length + 1} ${cutToWidth(safeText(name), columns < 100 ? 6 : 16)} `,
  }));
  const used = widthOf(join([...tabs, ...savedTabs].map(({ label }) => label))) + names.length + 1;
  // What one can go to is worth more than where one is: that gives way when counts and saved views need the room.
  const titles = [
    ...(columns < 76 ? [] : [chrome`POSTROOM  ${cutToWidth(scope, columns < 100 ? 16 : 32)}  `]),
    ...(columns < 72 ? [] : [chrome`POSTROOM  `]),
  ];
  const title = titles.find((one) => used + widthOf(one) <= room) ?? chrome``;
  return (
    <T>
      <T tone="accent">{title}</T>
      {tabs.map(({ view, label }, at) => (
        <T key={view}>
          <T tone="muted">{bar(at)}</T>
          <T tone={at === active ? 'cursor' : 'plain'}>{label}</T>
        </T>
      ))}
      <T tone="muted">{bar(names.length)}</T>
      {savedTabs.map(({ name, label }) => (
        <T key={name} tone="muted">
          {label}
        </T>
      ))}
    </T>
  );
}

function position(above: number, at: number, of: number, more: boolean): Chrome {
  const news = above > 0 ? chrome`↑${above} new   ` : chrome``;
  return of === 0 ? news : chrome`${news}${at}/${of}${more ? chrome`+` : chrome``} `;
}

/** Two ends of one row. */
function sides(left: Safe, right: Safe, columns: number): Chrome {
  const room = columns - 2 - widthOf(right);
  const cut = cutToWidth(left, room - 1);
  return chrome`${cut}${blanks(room - widthOf(cut))}${right}`;
}

const blank = chrome` `;
const blanks = (count: number): Chrome =>
  Array<Chrome>(Math.max(0, count))
    .fill(blank)
    .reduce((all, one) => chrome`${all}${one}`, chrome``);

function filterWords(place: ListPlace, filter: string, marked: number): Chrome {
  const said = ((): Chrome => {
    if (place.kind === 'folder') return chrome`newest first`;
    if (place.kind === 'open') return chrome`every open conversation · longest waiting first`;
    switch (place.view) {
      case 'mine':
        return chrome`assigned to me or my roles · longest waiting first`;
      case 'unassigned':
        return chrome`open and nobody's · longest waiting first`;
      case 'team':
        return chrome`everything open · longest waiting first`;
      case 'done':
        return chrome`done · closed last first`;
      default:
        return place.view satisfies never;
    }
  })();
  const words = filter === '' ? said : chrome`only: ${safeText(filter)} · Esc shows all`;
  return marked === 0 ? words : chrome`${marked} marked x · a verb asks for all of them · Esc unmarks`;
}

/** The filter being typed, in the filter's row. */
function FilterField(props: {
  text: string;
  columns: number;
  onText: (text: string) => void;
  onAccept: () => void;
  onLeave: () => void;
}): ReactElement {
  const { text, columns, onText, onAccept, onLeave } = props;
  const field = useField(text, { columns: columns - 12, focused: true });
  useEffect(() => onText(field.text), [field.text, onText]);
  useCommands({ 'field.accept': onAccept, 'field.leave': onLeave });
  return (
    <>
      <T tone="accent">{chrome` only with `}</T>
      <Field field={field} />
    </>
  );
}

type EmptyProps = {
  readonly place: ListPlace;
  readonly picture: Picture<unknown>;
  readonly filtered: boolean;
  readonly counts: Counts | null;
  readonly columns: number;
};

/** In place of rows: why there are none, and where there are some. */
function Empty({ place, picture, filtered, counts, columns }: EmptyProps): ReactElement {
  const { mirror } = useApp();
  const mailboxes = useView(mirror.mailboxes).data;
  if (picture.error !== null && picture.data === null) {
    const { code, message } = picture.error;
    const text =
      code === 'not-found'
        ? chrome`You do not reach ${place.mailbox ?? chrome`this`} any more: a right went, or the mailbox did. Its owner can say more. g m leads to what you have.`
        : code === 'forbidden'
          ? chrome`${safeText(message)} g m leads to what you have there.`
          : safeText(message);
    return <Words tone="warning" columns={columns} text={text} />;
  }
  if (picture.data === null) return <Words tone="muted" columns={columns} text={chrome`loading…`} />;
  if (mailboxes?.length === 0) return <Onboarding columns={columns} />;
  if (filtered) return <Words tone="muted" columns={columns} text={chrome`Nothing here holds these words. Esc shows all.`} />;
  // Nothing waits is a lie where mail cannot come in.
  const broken =
    mailboxes?.filter((one) => isTroubled(one) && one.rights.panel && (place.mailbox === null || place.mailbox === one.address)) ?? [];
  if (place.kind !== 'folder' && !(place.kind === 'panel' && place.view === 'done') && broken.length > 0)
    return <Words tone="warning" columns={columns} text={troubleWords(broken)} />;
  return <Words tone="muted" columns={columns} text={nothingWords(place, counts)} />;
}

/** Mailboxes that mail does not come into: which, why, and where to mend it. */
function troubleWords(broken: readonly Mailbox[]): Safe {
  const said = broken.map(
    (one) => chrome`${one.address}: ${stateWords(one).word}${one.sync.error === null ? chrome`` : chrome` (${safeText(one.sync.error)})`}.`,
  );
  const mends = broken.some(({ rights }) => rights.settings)
    ? chrome`g m shows them; g , opens the settings, where T tests the connection.`
    : chrome`Tell whoever holds Setup there.`;
  return chrome`New mail may be missing. ${join(said, chrome` `)} ${mends}`;
}

function nothingWords(place: ListPlace, counts: Counts | null): Safe {
  if (place.kind === 'folder') return chrome`No mail in this folder.`;
  if (place.kind === 'open') return chrome`Nothing is open in ${place.mailbox}. g f shows its folders.`;
  if (place.view === 'done') return chrome`Nothing is done yet.`;
  if (place.view === 'mine' && counts !== null && counts.unassigned > 0)
    return chrome`Nothing waits for you. ${counts.unassigned} unassigned: press 2.`;
  if (place.view !== 'team' && counts !== null && counts.team > 0) return chrome`Nothing here. The team has ${counts.team} open: press 3.`;
  return chrome`Nothing waits. Well done.`;
}

function Words({ text, tone, columns }: { text: Safe; tone: 'muted' | 'warning'; columns: number }): ReactElement {
  return <Lines tone={tone} lines={[chrome``, ...wrap(text, columns - 4).map((line) => chrome`  ${line}`)]} />;
}
