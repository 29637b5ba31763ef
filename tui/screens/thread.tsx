/** The mails and notes of one conversation in a pane, with the keys that read them. */
import { Box } from 'ink';
import { type ReactElement, use, useEffect, useInsertionEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Message } from '../../protocol/schema.ts';
import { safeBlock } from '../../protocol/text.ts';
import { Row, T } from '../components/text.tsx';
import type { Shown } from '../mirror.ts';
import { LayerContext, useCommands, useFlashing } from '../screen.tsx';
import type { Look } from '../sight.ts';
import { chrome, padStartTo } from '../text.ts';
import { openFiles } from './attachments.tsx';
import { openReply } from './compose.tsx';
import { useApp } from './contract.ts';
import { linksOf, openLinks } from './links.tsx';
import { openNote } from './note.tsx';
import { openOutboxChoices, outboxMoves } from './outbox-choices.tsx';
import { openSource } from './source.tsx';
import { type Item, itemsOf, type RowCache, type Seen, Thread, type ThreadView } from './thread-layout.ts';
import { beginning, follow, opened, stepped, type ThreadStep } from './thread-state.ts';

type ThreadPaneProps = {
  readonly shown: Shown;
  readonly columns: number;
  readonly rows: number;
  /** It has the keys. */
  readonly focused: boolean;
  /** What is opened here is read by the person. */
  readonly reads: boolean;
  /** The mail to begin with, in place of the first one that is not read. */
  readonly begin?: string | null;
  /** It can be answered from here. */
  readonly acts?: boolean;
  /** Space at the end. */
  readonly onEnd?: () => void;
  /** A mail of this conversation was queued; `done` says whether it is done with that. */
  readonly onSent?: (done: boolean) => void;
};

/** What can be done something about: a mail that has not left, or did not arrive. */
const onItsWay = (mail: Message | null): Message['outbox'] =>
  mail === null || mail.outbox === null || outboxMoves(mail.outbox).length === 0 ? null : mail.outbox;

/** Mount it with the conversation's id as its key: folds and places are those of one conversation. */
export function ThreadPane({
  shown,
  columns,
  rows,
  focused,
  reads,
  begin = null,
  acts = true,
  onEnd,
  onSent,
}: ThreadPaneProps): ReactElement {
  const app = useApp();
  const height = Math.max(1, rows - 1);
  const [now] = useState(Date.now);
  const cache = useRef<RowCache>(new Map());
  const room = { columns: columns - 1, height };
  const items = useMemo(() => itemsOf(shown), [shown]);
  const [stored, setStored] = useState<ThreadView>(() =>
    opened(new Thread(items, beginning(items, shown.unread, begin), room, now, cache.current)),
  );
  const view = follow(stored, items);
  if (view !== stored) setStored(view);
  const thread = new Thread(items, view, room, now, cache.current);

  const step = (change: ThreadStep): void =>
    // From the newest state: a burst of keys is one step after the other.
    setStored((before) => stepped(new Thread(items, follow(before, items), room, now, cache.current), change));
  const at = items[thread.indexOf(view.cursor)];
  const mail = at?.kind === 'mail' ? at.mail : null;
  // The line that speaks of it may be in sight while the cursor is on another mail.
  const goingOut = onItsWay(mail) ?? shown.messages.map(onItsWay).findLast((one) => one !== null) ?? null;
  const seen = thread.seen();
  const look = useLook(shown, items, seen, columns > 0);
  useArrival(shown, begin, () => step({ do: 'go', id: begin ?? '' }));
  useReading(shown, reads && focused, seen.at(-1)?.index === items.length - 1);

  const headers = async (): Promise<void> => {
    if (mail === null) return app.shell.flash(chrome`a note has no headers`);
    if (view.headers.has(mail.id)) return step({ do: 'headers', id: mail.id, text: null });
    const { messages } = await app.mirror.call('conversation.show', { conversation: shown.conversation, message: mail.id, headers: true });
    step({ do: 'headers', id: mail.id, text: safeBlock((messages[0]?.headers ?? '').trimEnd()) });
  };
  const reply = (kind: 'reply' | 'reply-all' | 'forward'): Promise<void> => {
    // A mail of ours is not answered: the answer goes to whoever wrote last from outside.
    const message = mail !== null && (mail.direction === 'in' || kind === 'forward') ? mail.id : null;
    return openReply(app, { conversation: shown.conversation, kind, message, onSent, seen: shown.revision });
  };
  const loadEarlier = (): void => {
    step({ do: 'earlier' });
    app.mirror.showEarlier(shown.conversation);
  };
  const attachments = shown.messages.reduce((sum, one) => sum + one.attachments.length, 0);
  // The order is that of the hints.
  useCommands(
    {
      ...(acts
        ? {
            'mail.reply': () => reply('reply'),
            'mail.reply-all': () => reply('reply-all'),
            'work.note': () => openNote(app, shown),
          }
        : {}),
      ...(goingOut === null ? {} : { 'message.outbox': () => openOutboxChoices(app, goingOut) }),
      ...(attachments > 0 ? { 'mail.files': () => openFiles(app, shown, mail?.id ?? null) } : {}),
      ...(mail === null
        ? {}
        : {
            'message.headers': headers,
            'message.quotes': () => step({ do: 'quotes' }),
            'message.source': () => openSource(app, mail),
            ...(linksOf(mail).length === 0 ? {} : { 'message.links': () => openLinks(app, mail) }),
          }),
      ...(acts ? { 'mail.forward': () => reply('forward') } : {}),
      'move.down': (count) => step({ do: 'item', by: count }),
      'move.up': (count) => step({ do: 'item', by: -count }),
      'read.line-down': (count) => step({ do: 'scroll', by: count }),
      'read.line-up': (count) => step({ do: 'scroll', by: -count }),
      'move.half-down': (count) => step({ do: 'half', by: count }),
      'move.half-up': (count) => step({ do: 'half', by: -count }),
      'move.page-down': (count) => step({ do: 'page', by: count }),
      'move.page-up': (count) => step({ do: 'page', by: -count }),
      'move.first': () => step({ do: 'first' }),
      'move.last': () => step({ do: 'last' }),
      'read.on': () => {
        if (!thread.atEnd()) step({ do: 'page', by: 1 });
        else if (onEnd === undefined) app.shell.flash(chrome`that is the end`);
        else onEnd();
      },
      'message.fold': () => (at?.kind === 'earlier' ? loadEarlier() : step({ do: 'fold' })),
    },
    { active: focused },
  );

  const lines: ReactElement[] = [];
  for (const [line, place] of seen.entries()) {
    // The key is the line on the screen: scrolling changes texts and mounts nothing.
    const selected = place.row === 0 && place.id === view.cursor;
    lines.push(<ThreadLine key={line} place={place} selected={selected} focused={focused} columns={columns} />);
  }
  const left = thread.left();
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      <Box flexDirection="column" height={height} overflow="hidden">
        {lines}
      </Box>
      <Row>
        {look.unseen > 0 ? (
          <T tone="accent">{chrome` ↓ ${look.unseen} new below · G goes there`}</T>
        ) : left.rows > 0 ? (
          <Box width={columns} justifyContent="space-between">
            <T tone="muted">{chrome`⋮ ${left.rows}`}</T>
            <T tone="muted">{chrome`${padStartTo(chrome`${left.percent}`, 3)} % `}</T>
          </Box>
        ) : (
          <T />
        )}
      </Row>
    </Box>
  );
}

function ThreadLine({
  place,
  selected,
  focused,
  columns,
}: {
  place: Seen;
  selected: boolean;
  focused: boolean;
  columns: number;
}): ReactElement {
  const flashing = useFlashing();
  const { text, tone, right } = place.content;
  const words = (
    <T tone={selected && flashing ? 'cursor' : tone}>
      <T tone={focused ? 'accent' : 'muted'}>{selected ? chrome`▌` : chrome` `}</T>
      {text}
    </T>
  );
  if (right === undefined) return <Row>{words}</Row>;
  return (
    <Row>
      <Box width={columns} justifyContent="space-between">
        {words}
        <T tone="accent">{right}</T>
      </Box>
    </Row>
  );
}

/** Tells what of the conversation is drawn, so that verbs carry what was seen of it; answers with what came and is not in sight. */
function useLook(shown: Shown, items: readonly Item[], places: readonly Seen[], drawn: boolean): { unseen: number } {
  const { shell, me } = useApp();
  const layer = use(LayerContext);
  const [pane] = useState(() => ({}));
  const look: Look = {
    conversation: shown.conversation,
    revision: shown.revision,
    // What is gone cannot be overlooked: the revision does not rise with it.
    items: items.flatMap(({ kind, id }) => (kind === 'earlier' || kind === 'gone' ? [] : id)),
    own: new Set([...shown.messages, ...shown.notes].filter(({ author }) => author === me).map(({ id }) => id)),
    drawn: new Set(places.map(({ id }) => id)),
  };
  // Before Ink paints the commit, which it does before layout effects.
  useInsertionEffect(() => {
    if (drawn) shell.sight.show(pane, layer, look);
    else shell.sight.leave(pane);
  });
  useLayoutEffect(() => shell.drew());
  useEffect(() => () => shell.sight.leave(pane), [shell, pane]);
  return { unseen: shell.sight.unseen(look) };
}

/** Somebody came for a mail that is too far back to be loaded at first. */
function useArrival(shown: Shown, wanted: string | null, arrive: () => void): void {
  const { mirror } = useApp();
  const state = useRef<'unasked' | 'asked' | 'there'>('unasked');
  useEffect(() => {
    if (wanted === null || state.current === 'there') return;
    const isThere = [...shown.messages, ...shown.notes, ...shown.gone].some(({ id }) => id === wanted);
    if (isThere && state.current === 'asked') arrive();
    if (isThere || shown.earlier === null) state.current = 'there';
    else if (state.current === 'unasked') {
      state.current = 'asked';
      mirror.showEarlier(shown.conversation, wanted);
    }
  }, [mirror, shown, wanted, arrive]);
}

/** Opening reads a conversation; what comes in later is read when the window is at the end. */
function useReading({ conversation, unread, messages }: Shown, reads: boolean, atEnd: boolean): void {
  const { mirror, shell } = useApp();
  const newest = messages.at(-1)?.id ?? null;
  const marked = useRef<string | null>(null);
  useEffect(() => {
    if (!reads || unread === 0 || marked.current === newest || (marked.current !== null && !atEnd)) return;
    marked.current = newest;
    shell.attempt(async () => {
      await mirror.call('conversation.mark', { conversation, as: 'read' });
    });
  }, [mirror, shell, conversation, unread, newest, reads, atEnd]);
}
