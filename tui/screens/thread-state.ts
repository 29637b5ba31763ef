/** How a reader moves in a conversation: cursor, window, what is folded. Pure; `thread-layout.ts` knows the rows. */
import type { SafeText } from '../../protocol/text.ts';
import type { Item, Thread, ThreadView } from './thread-layout.ts';

export type ThreadStep =
  | { readonly do: 'item'; readonly by: number }
  | { readonly do: 'scroll'; readonly by: number }
  | { readonly do: 'half' | 'page'; readonly by: number }
  | { readonly do: 'first' | 'last' }
  | { readonly do: 'go'; readonly id: string }
  | { readonly do: 'fold' }
  /** What came before is being loaded. */
  | { readonly do: 'earlier' }
  | { readonly do: 'quotes' }
  | { readonly do: 'headers'; readonly id: string; readonly text: SafeText | null };

/** What is open at first: the newest mail, those not yet read, and notes. `unread` counts mails from outside, from the end; `at` is a mail or a note that somebody came for. */
export function beginning(items: readonly Item[], unread: number, at: string | null = null): ThreadView {
  const mails = items.filter((item) => item.kind === 'mail');
  const newest = mails.at(-1)?.id;
  const fresh = new Set(
    mails
      .filter(({ mail }) => mail.direction === 'in')
      .slice(unread > 0 ? -unread : mails.length)
      .map(({ id }) => id),
  );
  const folded = new Map(
    items.map(({ kind, id }) => [id, kind === 'gone' ? id !== at : kind === 'mail' && id !== newest && id !== at && !fresh.has(id)]),
  );
  const wanted = items.find(({ id }) => id === at)?.id;
  const cursor = wanted ?? mails.find(({ id }) => fresh.has(id))?.id ?? newest ?? items.at(-1)?.id ?? '';
  return { cursor, top: { id: cursor, row: 0 }, folded, quotes: new Set(), headers: new Map() };
}

/** What came in since is open, what came before and was loaded since is not, and neither moves the window or the cursor. Same view when nothing came. */
export function follow(view: ThreadView, items: readonly Item[]): ThreadView {
  const present = new Set(items.map(({ id }) => id));
  const added = items.filter(({ id }) => !view.folded.has(id));
  const lost = !present.has(view.cursor) || !present.has(view.top.id);
  if (added.length === 0 && !lost) return view;
  const cursor = present.has(view.cursor) ? view.cursor : (items.at(-1)?.id ?? '');
  // Without anything left to load, what stands before it came late.
  const firstKnown = view.folded.has('earlier') ? items.findIndex(({ kind, id }) => kind !== 'earlier' && view.folded.has(id)) : 0;
  const before = new Set(items.slice(0, Math.max(0, firstKnown)).flatMap(({ kind, id }) => (kind === 'mail' || kind === 'gone' ? id : [])));
  return {
    ...view,
    folded: new Map([...view.folded, ...added.map(({ id }) => [id, before.has(id)] as const)]),
    cursor,
    top: present.has(view.top.id) ? view.top : { id: cursor, row: 0 },
  };
}

/** Rows of what came before that stay in sight above the item one reads. */
const context = 2;

/** Puts the window where reading begins. */
export function opened(thread: Thread): ThreadView {
  return { ...thread.view, top: thread.startingAt(thread.view.cursor, context) };
}

export function stepped(thread: Thread, step: ThreadStep): ThreadView {
  const { view, items, height } = thread;
  switch (step.do) {
    case 'item':
    case 'go': {
      const index = step.do === 'go' ? thread.indexOf(step.id) : thread.indexOf(view.cursor) + step.by;
      const cursor = items[Math.max(0, Math.min(items.length - 1, index))]?.id ?? view.cursor;
      return inSight(thread.with({ ...view, cursor }));
    }
    case 'scroll':
      return withCursor(thread, thread.scrolled(step.by));
    case 'half':
      return withCursor(thread, thread.scrolled(step.by * Math.max(1, Math.floor(height / 2))));
    case 'page':
      return withCursor(thread, thread.scrolled(step.by * Math.max(1, height - 1)));
    case 'first':
      return { ...view, cursor: items[0]?.id ?? '', top: { id: items[0]?.id ?? '', row: 0 } };
    case 'last':
      return { ...view, cursor: items.at(-1)?.id ?? '', top: thread.ending() };
    case 'fold': {
      const folded = new Map(view.folded).set(view.cursor, !(view.folded.get(view.cursor) ?? false));
      return inSight(thread.with({ ...view, folded }));
    }
    case 'earlier': {
      // Read on from where one was: what is loaded comes above it.
      const id = items.find(({ kind }) => kind !== 'earlier')?.id ?? view.cursor;
      return { ...view, cursor: id, top: { id, row: 0 } };
    }
    case 'quotes': {
      const quotes = new Set(view.quotes);
      if (!quotes.delete(view.cursor)) quotes.add(view.cursor);
      return inSight(thread.with({ ...view, quotes, folded: new Map(view.folded).set(view.cursor, false) }));
    }
    case 'headers': {
      const headers = new Map(view.headers);
      if (step.text === null) headers.delete(step.id);
      else headers.set(step.id, step.text);
      return inSight(thread.with({ ...view, headers, folded: new Map(view.folded).set(step.id, false) }));
    }
    default:
      return step satisfies never;
  }
}

/** Moves the window just so far that the item under the cursor is seen: all of it, or its beginning when it is longer. */
function inSight(thread: Thread): ThreadView {
  const { view, height } = thread;
  const index = thread.indexOf(view.cursor);
  const rows = thread.rows(index);
  const seen = thread.seen();
  const begins = seen.findIndex((place) => place.id === view.cursor && place.row === 0);
  const ends = rows.at(height - Math.max(0, begins)) === undefined;
  if (begins !== -1 && (ends || begins <= context)) return { ...view, top: thread.scrolled(0) };
  return { ...view, top: thread.startingAt(view.cursor, begins === -1 || !ends ? context : 0) };
}

/** The cursor goes with the window: it stays where it is as long as anything of its item is seen. */
function withCursor(thread: Thread, top: ThreadView['top']): ThreadView {
  const moved = thread.with({ ...thread.view, top });
  const seen = moved.seen();
  if (seen.some(({ id }) => id === thread.view.cursor)) return moved.view;
  const down = thread.indexOf(top.id) > thread.indexOf(thread.view.cursor);
  // Upwards the last item that is seen, downwards the first one whose beginning is.
  const next = down ? (seen.find(({ row }) => row === 0) ?? seen[0]) : seen.at(-1);
  return { ...moved.view, cursor: next?.id ?? thread.view.cursor };
}
