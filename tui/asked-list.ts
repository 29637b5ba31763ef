/** Lists of conversations, read page by page as somebody scrolls. */
import type { DaemonEvent } from '../protocol/client.ts';
import type { Conversation } from '../protocol/schema.ts';
import { Asked, type Asker, pageRows, type View } from './asked.ts';

export type PanelName = 'mine' | 'unassigned' | 'team' | 'done';
/** Which list: the panel over all mailboxes or one, or everything in a mailbox or a folder. */
export type ListOf =
  | { readonly kind: 'panel'; readonly view: PanelName; readonly mailbox: string | null }
  | { readonly kind: 'mailbox'; readonly mailbox: string; readonly state: 'open' | 'any' }
  | { readonly kind: 'folder'; readonly mailbox: string; readonly folder: string };

export type ListPicture = {
  readonly rows: readonly Conversation[];
  /** Rows in order, by id; keeps its identity while the order does. */
  readonly ids: readonly string[];
  /** More can be asked for. */
  readonly more: boolean;
};
export interface ListView extends View<ListPicture> {
  /** Asks again soon. */
  refresh(): void;
  /** Asks unless that was done before: somebody is about to look. */
  warm(): void;
  /** Makes sure that rows up to this index are here, as far as there are any. */
  need(to: number): void;
}

export class AskedList extends Asked<ListPicture> implements ListView {
  readonly #wanted: { rows: number };

  constructor(mirror: Asker, of: ListOf, touchedBy: (event: DaemonEvent) => boolean) {
    const wanted = { rows: pageRows };
    super(mirror, async () => this.#keep(await readList(mirror, of, wanted.rows)), touchedBy);
    this.#wanted = wanted;
  }

  need(to: number): void {
    const { data } = this.picture;
    if (data === null || !data.more || to < data.rows.length - pageRows / 2 || this.#wanted.rows > data.rows.length) return;
    this.#wanted.rows = data.rows.length + pageRows;
    void this.ask();
  }

  /** Rows and ids keep their identity where nothing changed, so that only what changed is drawn again. */
  #keep(next: ListPicture): ListPicture {
    const before = this.picture.data;
    if (before === null) return next;
    const known = new Map(before.rows.map((row) => [row.conversation, row]));
    const rows = next.rows.map((row) => {
      const old = known.get(row.conversation);
      return old !== undefined && JSON.stringify(old) === JSON.stringify(row) ? old : row;
    });
    const sameOrder = before.ids.length === next.ids.length && next.ids.every((id, at) => id === before.ids[at]);
    return { ...next, rows, ids: sameOrder ? before.ids : next.ids };
  }
}

async function readList(mirror: Asker, of: ListOf, wanted: number): Promise<ListPicture> {
  const rows: Conversation[] = [];
  let cursor: string | null = null;
  do {
    const page = { limit: Math.min(200, Math.max(pageRows, wanted - rows.length)), cursor };
    const answer: { rows: Conversation[]; next: string | null } =
      of.kind === 'panel'
        ? await mirror.call('panel.list', { view: of.view, mailbox: of.mailbox, ...page })
        : of.kind === 'mailbox'
          ? await mirror.call('conversation.list', { mailbox: of.mailbox, state: of.state, ...page })
          : await mirror.call('folder.list', { mailbox: of.mailbox, folder: of.folder, ...page });
    // A row that moved between two pages would come twice.
    const have = new Set(rows.map((row) => row.conversation));
    rows.push(...answer.rows.filter((row) => !have.has(row.conversation)));
    cursor = answer.next;
  } while (cursor !== null && rows.length < wanted);
  return { rows, ids: rows.map((row) => row.conversation), more: cursor !== null };
}
