/**
 * What was on the screen: seen means painted. The revision that a verb carries is that of the last state of a conversation whose mails and
 * notes were all painted, so that the daemon refuses an act on something that came below the fold, in a frame that was not drawn yet, or
 * behind another layer. A mail counts from its first row on: its head line says who wrote. What was there when the conversation was opened
 * was there to be looked at; what one wrote oneself is known.
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

export type Seen = { readonly revision: number; readonly known: ReadonlySet<string> };

/** What has been seen after a frame; null: it was just opened. */
export function see(before: Seen | null, look: Look): Seen {
  if (before === null) return { revision: look.revision, known: new Set(look.items) };
  // What was loaded above the first known one is older: it was there before.
  const first = look.items.findIndex((id) => before.known.has(id));
  const known = new Set([...before.known, ...look.items.slice(0, Math.max(0, first)), ...look.own, ...look.drawn]);
  const whole = look.items.every((id) => known.has(id));
  return { revision: whole ? look.revision : before.revision, known };
}

type Pane = { layer: number; look: Look; seen: Seen };

export class Sight {
  readonly #panes = new Map<object, Pane>();
  /** Rows of lists by layer, as they were committed last. */
  readonly #rows = new Map<number, ReadonlyMap<string, number>>();
  #paintedRows: ReadonlyMap<string, number> = new Map();
  #top = 0;

  /** A pane shows a conversation: committed, and painted with the next frame. */
  show(pane: object, layer: number, look: Look): void {
    const before = this.#panes.get(pane);
    const same = before?.look.conversation === look.conversation ? before.seen : null;
    this.#panes.set(pane, { layer, look, seen: same ?? see(null, look) });
  }

  leave(pane: object): void {
    this.#panes.delete(pane);
  }

  /** The rows of a list that stand on the screen, with the revision that each was drawn from. */
  list(layer: number, rows: readonly { readonly conversation: string; readonly revision: number }[]): void {
    this.#rows.set(layer, new Map(rows.map(({ conversation, revision }) => [conversation, revision])));
  }

  leaveList(layer: number): void {
    this.#rows.delete(layer);
  }

  /** A frame is on the screen. `top` is the layer of its screen; `covered`: a dialog stands over it. */
  painted(top: number, covered: boolean): void {
    this.#top = top;
    if (covered) return;
    for (const pane of this.#panes.values()) if (pane.layer === top) pane.seen = see(pane.seen, pane.look);
    this.#paintedRows = this.#rows.get(top) ?? new Map();
  }

  /** The revision to act on; `otherwise` where nothing of the conversation is on the screen. */
  revisionOf(conversation: string, otherwise: number): number {
    for (const { layer, look, seen } of this.#panes.values())
      if (layer === this.#top && look.conversation === conversation) return seen.revision;
    return this.#paintedRows.get(conversation) ?? otherwise;
  }

  /** How many mails and notes came since and are not in sight, for a pane that is about to draw `look`. */
  unseen(pane: object, look: Look): number {
    const before = this.#panes.get(pane);
    if (before === undefined || before.look.conversation !== look.conversation) return 0;
    const { known } = see(before.seen, look);
    return look.items.filter((id) => !known.has(id)).length;
  }
}
