/** Histories, read from their newest end. */
import type { DaemonEvent } from '../protocol/client.ts';
import type { ActivityKind, TimelineRow } from '../protocol/schema.ts';
import { Asked, type Asker, pageRows, type View } from './asked.ts';

/** Whose history: a mailbox's by address, a contact's by theirs, or a conversation's. */
export type TimelineOf =
  | { readonly kind: 'mailbox'; readonly mailbox: string }
  | { readonly kind: 'contact'; readonly address: string }
  | { readonly kind: 'conversation'; readonly conversation: string };

export type TimelinePicture = {
  /** Oldest first, as time goes; an unchanged row keeps its identity. */
  readonly rows: readonly TimelineRow[];
  /** Where older ones begin, for the daemon; null when there are none. */
  readonly older: string | null;
  /** When every row was last asked for, by this process's own clock. */
  readonly wholeAt: number;
};
export interface TimelineView extends View<TimelinePicture> {
  /** Asks for the page before the oldest row, as far as there is one. */
  needOlder(): void;
}

/**
 * A history from its newest end. What happens is added there by asking for the newest page alone; older pages are asked for as somebody
 * scrolls to them. All is asked again when something in the middle may have changed: a mail that went, conversations that were joined.
 */
export class AskedTimeline extends Asked<TimelinePicture> implements TimelineView {
  readonly #of: TimelineOf;
  /** What was read whole before this moment is not to be trusted. */
  #changedAt = 0;
  readonly #wanted: { rows: number };

  constructor(mirror: Asker, of: TimelineOf, kinds: readonly ActivityKind[] | null) {
    const wanted = { rows: pageRows };
    super(
      mirror,
      () => readTimeline(mirror, { of, kinds, wanted: wanted.rows }, this.#kept()),
      (event) => timelineTouch(of, event) !== null,
    );
    this.#of = of;
    this.#wanted = wanted;
  }

  override hear(event: DaemonEvent): void {
    if (timelineTouch(this.#of, event) === 'middle') this.#changedAt = performance.now();
    super.hear(event);
  }

  needOlder(): void {
    const { data } = this.picture;
    if (data === null || data.older === null || this.#wanted.rows > data.rows.length) return;
    this.#wanted.rows = data.rows.length + pageRows;
    void this.ask();
  }

  #kept(): { readonly data: TimelinePicture | null; readonly fresh: boolean } {
    const { data } = this.picture;
    return { data, fresh: data !== null && data.wholeAt > this.#changedAt };
  }
}

/** What an event does to a history: something new at its end, or anything at all. */
function timelineTouch(of: TimelineOf, { name, payload }: DaemonEvent): 'end' | 'middle' | null {
  if (name === 'resync' || name === 'rights.changed') return 'middle';
  if (name !== 'activity' && name !== 'outbox.changed' && name !== 'conversation.changed') return null;
  if (of.kind === 'mailbox' && payload.mailbox !== of.mailbox) return null;
  if (of.kind === 'conversation' && name === 'outbox.changed' && payload.conversation !== of.conversation) return null;
  // An activity may name a conversation that was joined to this one.
  if (name === 'activity') return 'end';
  if (name === 'outbox.changed') return 'middle';
  // Whatever is not new mail, nor done by somebody: mail went from the server or came back, somewhere among the older rows.
  const byItself = payload.what === 'flags' || (payload.what === 'state' && payload.by === null);
  return payload.what === 'merged' || payload.what === 'gone' || byItself || !payload.live ? 'middle' : null;
}

type TimelinePage = { readonly rows: readonly TimelineRow[]; readonly next: string | null };

async function readTimeline(
  mirror: Asker,
  { of, kinds, wanted }: { of: TimelineOf; kinds: readonly ActivityKind[] | null; wanted: number },
  kept: { readonly data: TimelinePicture | null; readonly fresh: boolean },
): Promise<TimelinePicture> {
  const startedAt = performance.now();
  const page = (cursor: string | null): Promise<TimelinePage> => {
    const asked = { kinds: kinds === null ? null : [...kinds], limit: pageRows, cursor };
    switch (of.kind) {
      case 'mailbox':
        return mirror.call('timeline.mailbox', { mailbox: of.mailbox, ...asked });
      case 'contact':
        return mirror.call('timeline.contact', { address: of.address, ...asked });
      case 'conversation':
        return mirror.call('timeline.conversation', { conversation: of.conversation, ...asked });
      default:
        return of satisfies never;
    }
  };
  const before = kept.data;
  const newest = await page(null);
  let read: TimelinePicture = { rows: newest.rows.toReversed(), older: newest.next, wholeAt: startedAt };
  if (before !== null && kept.fresh) {
    const spliced = spliceNewest(before, read);
    if (spliced !== null) read = { ...spliced, wholeAt: before.wholeAt };
  }
  while (read.older !== null && read.rows.length < wanted) {
    const older = await page(read.older);
    const have = new Set(read.rows.map(({ id }) => id));
    read = { ...read, rows: [...older.rows.toReversed().filter(({ id }) => !have.has(id)), ...read.rows], older: older.next };
  }
  return before === null ? read : { ...read, rows: sameRows(before.rows, read.rows) };
}

/** The rows that are here with a newer last page; null when nothing says how the two fit together. */
export function spliceNewest(before: TimelinePicture, newest: TimelinePicture): TimelinePicture | null {
  const [first] = newest.rows;
  const at = first === undefined ? -1 : before.rows.findIndex(({ id }) => id === first.id);
  if (at <= 0) return null;
  return { ...before, rows: [...before.rows.slice(0, at), ...newest.rows] };
}

function sameRows(before: readonly TimelineRow[], after: readonly TimelineRow[]): readonly TimelineRow[] {
  const known = new Map(before.map((row) => [row.id, row]));
  const rows = after.map((row) => {
    const old = known.get(row.id);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(row) ? old : row;
  });
  return rows.length === before.length && rows.every((row, at) => row === before[at]) ? before : rows;
}
