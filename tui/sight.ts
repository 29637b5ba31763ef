/**
 * What was on the screen: seen means painted. The revision that a verb carries is that of the last state of a conversation whose mails and
 * notes were all painted, so that the daemon refuses an act on something that came below the fold, in a frame that was not drawn yet, or
 * behind another layer. A mail counts from its first row on: its head line says who wrote. What was there when the conversation was opened
 * first was there to be looked at; what one wrote oneself is known.
 *
 * What was painted is known for the whole session, whichever pane painted it: closing a pane, another pane, another size of the window and
 * a merge make nothing seen.
 */

export type Look = {
  readonly conversation: string;
  readonly revision: number;
  /** Ids of its mails and notes, in order. */
  readonly items: readonly string[];
  /** Those of them that the person wrote. */
  readonly own: ReadonlySet<string>;
  /** Those of them of which a row is drawn. */
  readonly drawn: ReadonlySet<string>;
};

/** Those that came since and were not painted, nor are in `look`. Without a known one the conversation is opened for the first time. */
export function unseenIn(known: ReadonlySet<string>, look: Look): string[] {
  // What was loaded above the first known one is older: it was there before.
  const first = look.items.findIndex((id) => known.has(id));
  if (first === -1) return [];
  return look.items.slice(first).filter((id) => !known.has(id) && !look.own.has(id) && !look.drawn.has(id));
}

type Pane = { readonly layer: number; readonly look: Look; painted: boolean };
/** `whole`: nothing of it was left out of sight when it was painted last. */
type Seen = { readonly revision: number; readonly whole: boolean };

/** More than anybody looks at in a day; the oldest are forgotten then. */
const remembered = { items: 200_000, conversations: 10_000 };

export class Sight {
  readonly #panes = new Map<object, Pane>();
  /** Mails and notes that were painted, or were there when their conversation was opened. */
  readonly #known = new Set<string>();
  readonly #seen = new Map<string, Seen>();
  /** Rows of lists by layer, as they were committed last. */
  readonly #rows = new Map<number, ReadonlyMap<string, number>>();
  #paintedRows: ReadonlyMap<string, number> = new Map();
  readonly #parts = new Map<number, readonly Look[]>();
  readonly #met = new Map<string, Met>();
  #top = 0;

  /** A pane shows a conversation: committed, and painted with the next frame. */
  show(pane: object, layer: number, look: Look): void {
    const before = this.#panes.get(pane);
    this.#panes.set(pane, { layer, look, painted: before?.painted === true && before.look.conversation === look.conversation });
  }

  leave(pane: object): void {
    this.#panes.delete(pane);
  }

  /** The rows of a list that stand on the screen, with the revision that each was drawn from. */
  list(layer: number, rows: readonly { readonly conversation: string; readonly revision: number }[]): void {
    this.#rows.set(layer, new Map(rows.map(({ conversation, revision }) => [conversation, revision])));
  }

  /** The same where a row names one mail or note, and others of its conversation may have none. */
  parts(layer: number, looks: readonly Look[]): void {
    this.#parts.set(layer, looks);
  }

  leaveList(layer: number): void {
    this.#rows.delete(layer);
    this.#parts.delete(layer);
  }

  /** A frame is on the screen. `top` is the layer of its screen; `covered`: something stands over it, or in its place. */
  painted(top: number, covered: boolean): void {
    this.#top = top;
    if (covered) return;
    for (const pane of this.#panes.values()) if (pane.layer === top) this.#paint(pane);
    const parts = this.#parts.get(top);
    this.#paintedRows = parts === undefined ? (this.#rows.get(top) ?? new Map()) : this.#paintParts(parts);
  }

  #paint(pane: Pane): void {
    const { conversation, revision, items } = pane.look;
    pane.painted = true;
    const unseen = new Set(unseenIn(this.#known, pane.look));
    for (const id of items) if (!unseen.has(id)) this.#known.add(id);
    const whole = unseen.size === 0;
    const before = this.#seen.get(conversation);
    this.#seen.delete(conversation); // anew at the end: the oldest goes first
    this.#seen.set(conversation, { revision: whole ? revision : (before?.revision ?? 0), whole });
    forgetOldest(this.#known, remembered.items);
    forgetOldest(this.#seen, remembered.conversations);
  }

  #paintParts(looks: readonly Look[]): ReadonlyMap<string, number> {
    const painted = new Map<string, number>();
    for (const look of looks) {
      if (look.drawn.size === 0) continue;
      const met = metAfter(this.#met.get(look.conversation), look, this.#seen.get(look.conversation)?.revision, this.#known);
      this.#met.delete(look.conversation);
      this.#met.set(look.conversation, met);
      painted.set(look.conversation, met.revision);
    }
    forgetOldest(this.#met, remembered.conversations);
    return painted;
  }

  /** The revision to act on; `otherwise` where nothing of the conversation was on the screen. */
  revisionOf(conversation: string, otherwise: number): number {
    const seen = this.#seen.get(conversation);
    const panes = [...this.#panes.values()];
    const isHere = panes.some(({ layer, look, painted }) => painted && layer === this.#top && look.conversation === conversation);
    // A row tells of the newest mail, and of none that came between.
    if (seen !== undefined && (isHere || !seen.whole)) return seen.revision;
    const row = this.#paintedRows.get(conversation);
    return Math.max(row ?? otherwise, seen?.revision ?? 0);
  }

  /** What one did oneself raised the revision, and the daemon says that nothing else had. */
  did(conversation: string, { from, to }: { readonly from: number; readonly to: number }): void {
    const seen = this.#seen.get(conversation);
    if (seen === undefined || (seen.whole && seen.revision === from)) this.#seen.set(conversation, { revision: to, whole: true });
  }

  /** How many mails and notes came since and are not in sight, for a pane that is about to draw `look`. */
  unseen(look: Look): number {
    return unseenIn(this.#known, look).length;
  }
}

/** Of a conversation by its rows. `since`: how many mails and notes were painted that came after `revision`. */
type Met = { readonly revision: number; readonly known: ReadonlySet<string>; readonly since: number };

/**
 * What is there when its rows are met first counts as seen. The revision rises by one with each mail and note; a newer one counts when as many
 * new ones were painted. One that has no row here (another search, a kind that is hidden) is thus never taken for seen.
 */
function metAfter(before: Met | undefined, look: Look, read: number | undefined, readThere: ReadonlySet<string>): Met {
  if (before === undefined && read === undefined) return { revision: look.revision, known: new Set(look.items), since: 0 };
  const at = Math.max(before?.revision ?? 0, read ?? 0);
  const known = new Set(before?.known);
  const newer = look.items.slice(look.items.findLastIndex((id) => known.has(id) || readThere.has(id)) + 1);
  const fresh = newer.filter((id) => look.drawn.has(id) || look.own.has(id));
  for (const id of fresh) known.add(id);
  const since = (at === before?.revision ? before.since : 0) + fresh.length;
  if (look.revision <= at) return { revision: at, known, since: 0 };
  const all = fresh.length === newer.length && look.revision - at <= since;
  return all ? { revision: look.revision, known, since: 0 } : { revision: at, known, since };
}

function forgetOldest(all: Pick<Set<string>, 'size' | 'keys' | 'delete'>, limit: number): void {
  for (const oldest of all.keys()) {
    if (all.size <= limit) return;
    all.delete(oldest);
  }
}
