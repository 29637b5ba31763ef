/** Search over everything that one may open: hits while one types, verbs on hits, `n N` through them also while reading. */
import { Box } from 'ink';
import { type ReactElement, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { SearchHit } from '../../protocol/schema.ts';
import { displayAddress, safeText } from '../../protocol/text.ts';
import { clockOf, dayWords } from '../ages.ts';
import { Field, useField } from '../components/field.tsx';
import { List, useRows } from '../components/list.tsx';
import { Modal } from '../components/modal.tsx';
import { Lines, Row, T } from '../components/text.tsx';
import { hitId, LiveSearch } from '../live-search.ts';
import { Screen, useCommands, useShell, useViewport } from '../screen.tsx';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, widthOf, wrap } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { openReply } from './compose.tsx';
import { type Behind, useApp } from './contract.ts';
import { Conversation } from './conversation.tsx';
import { useGoing } from './going.tsx';
import { openNote } from './note.tsx';
import { shortNames } from './panel-row.tsx';
import { useNavigator } from './places.ts';
import { type Completion, complete, remembered, type Walk, walked, wrongAt } from './search-words.ts';
import { type Part, useSeenParts } from './seen-parts.ts';
import { useNow } from './use-now.ts';
import { useTarget } from './use-target.ts';
import { useVerbs } from './verbs.tsx';

const noHits: readonly SearchHit[] = [];
/** The next page is asked for when so few hits are left below. */
const nearEnd = 50;

/** `name`: a saved view, which begins at its hits. */
export function Search({ query: first = '', name = null }: { query?: string; name?: string | null }): ReactElement {
  const app = useApp();
  const { mirror, me } = app;
  const shell = useShell();
  const { columns, rows: room } = useViewport();
  const [search] = useState(() => new LiveSearch((asked) => mirror.search(asked)));
  const { data, error, reach } = useView(search);
  const [query, setQuery] = useState(first);
  const [typing, setTyping] = useState(name === null);
  const mailboxes = useView(mirror.mailboxes).data;
  useEffect(() => {
    if (first !== '') void search.run(first);
  }, [search, first]);
  // What may not be seen any more leaves at once; what else fits now is asked for.
  const asked = useRef(query);
  asked.current = query;
  useEffect(
    () =>
      mirror.onEvent((event) => {
        if (event.name === 'rights.changed') search.forget(new Set<string>(event.payload.lost));
        if ((event.name === 'rights.changed' || event.name === 'resync') && asked.current.trim() !== '') void search.run(asked.current);
      }),
    [mirror, search],
  );

  // The row under the field is always there: an error moves no hit.
  const height = Math.max(1, room - 1);
  const found = data?.rows ?? noHits;
  const selecting = useRef<(id: string) => void>(() => undefined);
  const open = (id: string): void => {
    const hit = rows.find((one) => hitId(one) === id);
    if (hit === undefined) return;
    const behind: Behind = {
      title: name === null ? chrome`Search` : chrome`${safeText(name)}`,
      ids: [...new Set(rows.map(({ conversation }) => conversation))],
      unread: () => new Set(),
      select: (conversation) => {
        const there = rows.find((one) => one.conversation === conversation);
        if (there !== undefined) selecting.current(hitId(there));
      },
      hits: {
        all: rows.map((one) => ({ id: hitId(one), conversation: one.conversation, at: one.note ?? one.message })),
        at: id,
        select: (next) => selecting.current(next),
      },
    };
    shell.open({ name: 'conversation', element: <Conversation id={hit.conversation} at={hit.note ?? hit.message} behind={behind} /> });
  };
  // A row under the cursor that answers to the same question no more stays; another question is another list.
  const words = useRef(data?.query);
  const { list, rows, current, gone } = useRows(found, hitId, height, {
    onOpen: open,
    active: !typing,
    reach,
    letGo: () => words.current !== data?.query,
  });
  useEffect(() => {
    words.current = data?.query;
  });
  selecting.current = list.select;
  const { index } = list.state;
  const target = useTarget(current);
  const parts = useMemo(() => partsOf(rows), [rows]);
  const { top } = list.state;
  useSeenParts(
    parts,
    useMemo(() => new Set(rows.slice(top, top + height).map(hitId)), [rows, top, height]),
  );
  useVerbs({ target, active: !typing });
  useGoing(current?.mailbox ?? null, {
    contact: current?.from == null ? null : { name: displayAddress(current.from), address: current.from.address },
    conversation: current === null ? null : { id: current.conversation, subject: current.subject },
    over: true,
  });
  const stepTo = (by: number): void => {
    const next = rows[index + by];
    if (next === undefined) shell.flash(by > 0 ? chrome`that was the last hit` : chrome`that was the first hit`);
    else list.select(hitId(next));
  };
  const reply = (kind: 'reply' | 'reply-all' | 'forward') => () => {
    if (current !== null)
      return openReply(app, { conversation: current.conversation, kind, message: current.message, seen: current.revision });
  };
  useCommands(
    {
      'search.open': () => setTyping(true),
      'search.next': (count) => stepTo(count),
      'search.previous': (count) => stepTo(-count),
      ...(query.trim() === ''
        ? {}
        : { 'search.save': () => shell.openModal({ name: 'save view', element: <SaveView query={query} name={name} /> }) }),
      ...(name === null ? {} : { 'search.forget': () => forget(app, name) }),
      ...(current === null
        ? {}
        : {
            'mail.reply': reply('reply'),
            'mail.reply-all': reply('reply-all'),
            'mail.forward': reply('forward'),
            'work.note': () => {
              if (target !== null) openNote(app, target);
            },
          }),
    },
    { active: !typing, facts: { mailbox: current?.mailbox ?? null } },
  );
  useSavedTabs(!typing);

  const now = useNow(60_000);
  const names = useMemo(() => shortNames((mailboxes ?? []).map(({ address }) => address)), [mailboxes]);
  const draw = useCallback((hit: SearchHit, row: { columns: number }) => drawHit(hit, row.columns, { names, now }), [names, now]);
  return (
    <Screen
      title={name === null ? chrome`SEARCH` : chrome`VIEW ${cutToWidth(safeText(name), 30)}`}
      right={countWords(data, index)}
      filter={chrome`/ ${query === '' ? chrome`everything` : safeText(query)}`}
      field={
        typing ? (
          <QueryField
            initial={query}
            columns={columns}
            me={me}
            onText={(text) => {
              setQuery(text);
              search.type(text);
            }}
            onRun={(text) => {
              setTyping(false);
              void search.run(text);
            }}
            onLeave={() => (query.trim() === '' && data === null ? shell.close() : setTyping(false))}
          />
        ) : undefined
      }
    >
      <Row>
        <T tone={error === null ? 'muted' : 'warning'}>
          {error === null
            ? data !== null && !data.complete
              ? chrome` It took too long: these are the newest hits. Say more about what you look for.`
              : null
            : errorLine(wrongAt(error), safeText(error.message), columns)}
        </T>
      </Row>
      <List
        list={list}
        gone={gone}
        columns={columns}
        rowAt={(at) => rows[at]}
        onNeed={(_from, to) => {
          if (to >= rows.length - nearEnd) void search.more();
        }}
        draw={draw}
        focused={!typing}
        empty={
          <Lines
            tone="muted"
            lines={wrap(data === null ? hints : chrome`Nothing fits, in what you may open.`, columns - 4).map((line) => chrome`  ${line}`)}
          />
        }
      />
    </Screen>
  );
}

/** Hits of the newest come first. */
const partsOf = (rows: readonly SearchHit[]): Part[] =>
  rows
    .map((hit) => ({
      row: hitId(hit),
      item: hit.note ?? hit.message,
      conversation: hit.conversation,
      revision: hit.revision,
      by: hit.author,
    }))
    .toReversed();

const hints = chrome`Words and "phrases" must all be there. from: to: cc: subject: body: note: in: folder: is: has: assigned: before: after: date:   - negates, OR, ( ).   Tab completes, ↑ is what you searched before.`;

/** The words of the error behind a mark below the place it is about. */
function errorLine(at: number | null, words: Safe, columns: number): Chrome {
  if (at === null) return chrome` ${cutToWidth(words, columns - 2)}`;
  // The field begins behind its sign; where the words would not fit behind the mark they stand before it.
  const mark = Math.min(at + fieldFrom, columns - 3);
  if (mark + 3 + widthOf(words) <= columns) return chrome`${padEndTo(chrome``, mark)}↑ ${words}`;
  return mark > widthOf(words) + 2
    ? chrome` ${padEndTo(words, mark - 2)} ↑`
    : chrome`${padEndTo(chrome``, Math.min(mark, 3))}↑ ${cutToWidth(words, columns - 6)}`;
}
const fieldFrom = 3;

function countWords(data: LiveSearch['picture']['data'], index: number): Chrome {
  if (data === null || data.rows.length === 0) return chrome``;
  return chrome`${index + 1}/${data.total}${data.exact ? chrome`` : chrome`+`} `;
}

// --- the rows --------------------------------------------------------------------------------------------------------

type Look = { readonly names: ReadonlyMap<string, Safe>; readonly now: number };

function dateOf(date: string, now: number): Chrome {
  const at = Date.parse(date);
  const today = new Date(at).toDateString() === new Date(now).toDateString();
  return today ? clockOf(at) : cutToWidth(dayWords(at, now).slice(4) === '' ? chrome`` : dayWords(at, now), 15);
}

function drawHit(hit: SearchHit, columns: number, { names, now }: Look): ReactElement {
  const who =
    hit.kind === 'note' ? chrome`note ${hit.author ?? chrome``}` : hit.from === null ? chrome`no sender` : displayAddress(hit.from);
  const mailbox = names.get(hit.mailbox);
  const head = chrome`${padEndTo(dateOf(hit.date, now), 11)} ${mailbox === undefined ? chrome`` : chrome`${padEndTo(mailbox, 4)} `}${padEndTo(who, columns < 100 ? 14 : 22)} `;
  const left = columns - widthOf(head) - 1;
  const subject = cutToWidth(
    hit.subject === '' ? chrome`(no subject)` : hit.subject,
    columns < 100 ? Math.ceil(left * 0.6) : Math.floor(left / 2),
  );
  return (
    <>
      {head}
      <T tone={hit.kind === 'note' ? 'note' : 'plain'}>{subject}</T>
      <T tone="muted">{chrome`  ${cutToWidth(hit.snippet, Math.max(0, left - widthOf(subject) - 2))}`}</T>
    </>
  );
}

// --- the field -------------------------------------------------------------------------------------------------------

type QueryFieldProps = {
  readonly initial: string;
  readonly columns: number;
  readonly me: string;
  readonly onText: (text: string) => void;
  readonly onRun: (text: string) => void;
  readonly onLeave: () => void;
};

function QueryField({ initial, columns, me, onText, onRun, onLeave }: QueryFieldProps): ReactElement {
  const { mirror } = useApp();
  const shell = useShell();
  const navigator = useNavigator();
  const mailboxes = useView(mirror.mailboxes).data;
  const field = useField(initial, { columns: columns - fieldFrom - 1, focused: true });
  const [walk, setWalk] = useState<Walk>({ at: 0, typed: initial });
  const [completion, setCompletion] = useState<Completion | null>(null);
  const told = useRef(initial);
  const tell = useRef(onText);
  tell.current = onText;
  const { text } = field;
  useEffect(() => {
    if (told.current === text) return;
    told.current = text;
    tell.current(text);
  }, [text]);
  const goBack = (by: 1 | -1): void => {
    // Whatever was typed since is where one comes back to.
    const from = walk.at === 0 ? { at: 0, typed: text } : walk;
    const next = walked(navigator.searched, from, by);
    if (next === null) shell.flash(by === 1 ? chrome`nothing before it` : chrome`nothing after it`);
    else {
      setWalk(next.walk);
      field.set(next.text);
    }
  };
  useCommands({
    'field.accept': () => {
      navigator.searched = remembered(navigator.searched, text);
      onRun(text);
    },
    'field.leave': onLeave,
    'field.older': () => goBack(1),
    'field.newer': () => goBack(-1),
    'field.next': () => {
      const next = complete(text, { in: (mailboxes ?? []).map(({ address }) => address), assigned: [me] }, completion);
      setCompletion(next);
      if (next.text !== text) field.set(next.text);
      if (next.options.length === 0) shell.flash(chrome`nothing is known that begins so`);
      else if (next.options.length > 1)
        shell.toast({
          text: chrome`${join(
            next.options.map((one) => safeText(one)),
            chrome`  `,
          )}`,
        });
    },
  });
  return (
    <Box>
      <T tone="accent">{chrome` / `}</T>
      <Field field={field} />
    </Box>
  );
}

// --- saved views -----------------------------------------------------------------------------------------------------

/** 5… opens what was saved, in the panel and in a search. */
export function useSavedTabs(active = true): void {
  const { views } = useApp();
  const shell = useShell();
  const saved = useView(views).data ?? [];
  const tabs = ['panel.saved-5', 'panel.saved-6', 'panel.saved-7', 'panel.saved-8', 'panel.saved-9'] as const;
  const handlers = tabs.flatMap((id, at) => {
    const view = saved[at];
    return view === undefined
      ? []
      : [[id, () => shell.open({ name: 'view', element: <Search query={view.query} name={view.name} /> })] as const];
  });
  useCommands(Object.fromEntries(handlers), { active });
}

async function forget({ views, shell }: ReturnType<typeof useApp>, name: string): Promise<void> {
  const before = views.picture.data ?? [];
  await views.remove(name);
  shell.close();
  shell.toast({
    who: 'me',
    text: chrome`Forgotten: ${safeText(name)}`,
    undo: async () => {
      await views.put(before);
    },
  });
}

function SaveView({ query, name }: { query: string; name: string | null }): ReactElement {
  const { views } = useApp();
  const shell = useShell();
  const viewport = useViewport();
  const columns = Math.min(60, viewport.columns - 2);
  const field = useField(name ?? '', { columns: columns - 12, focused: true });
  useCommands({
    'modal.close': () => shell.close(),
    'modal.accept': async () => {
      const chosen = field.text.trim();
      if (chosen === '') return shell.flash(chrome`give it a name`);
      if (!(await views.save({ name: chosen, query: query.trim() })))
        return shell.flash(chrome`5 to 9 are taken: forget a view first, or give the name of one`);
      shell.close();
      const at = (views.picture.data ?? []).findIndex((one) => one.name === chosen);
      shell.toast({ who: 'me', text: chrome`Saved for this terminal: ${at + 5} ${safeText(chosen)}` });
    },
  });
  return (
    <Modal title={chrome`Save as a view of my panel`} rows={2} columns={columns}>
      <Row>
        <T tone="accent">{chrome`Name  `}</T>
        <Field field={field} />
      </Row>
      <Row>
        <T tone="muted">{cutToWidth(safeText(query), columns - 4)}</T>
      </Row>
    </Modal>
  );
}
