/** Where one can go by `g` and from the mailbox picker, and the way back. */
import { createContext, use } from 'react';
import type { Mailbox } from '../../protocol/schema.ts';
import type { SafeText } from '../../protocol/text.ts';
import type { ListOf, PanelName } from '../mirror.ts';
import type { NewLayer } from '../shell.ts';
import type { TimelineStart } from './timeline-state.ts';

export type ListPlace =
  | { readonly kind: 'panel'; readonly view: PanelName; readonly mailbox: SafeText | null }
  /** All open conversations of a mailbox: what holders of Access alone work down. */
  | { readonly kind: 'open'; readonly mailbox: SafeText }
  | { readonly kind: 'folder'; readonly mailbox: SafeText; readonly folder: string; readonly name: SafeText };

export type Place =
  | ListPlace
  | { readonly kind: 'folders'; readonly mailbox: SafeText }
  | { readonly kind: 'outbox' }
  | { readonly kind: 'settings'; readonly mailbox: SafeText }
  | { readonly kind: 'timeline'; readonly start: TimelineStart }
  | { readonly kind: 'search' }
  /** `mailbox`: the one under the cursor. */
  | { readonly kind: 'mailboxes'; readonly mailbox: SafeText | null };

export const keyOf = (place: Place): string => JSON.stringify(place);

/** What a list place asks the daemon for. */
export function listOf(place: ListPlace): ListOf {
  switch (place.kind) {
    case 'panel':
      return { kind: 'panel', view: place.view, mailbox: place.mailbox };
    case 'open':
      return { kind: 'mailbox', mailbox: place.mailbox, state: 'open' };
    case 'folder':
      return { kind: 'folder', mailbox: place.mailbox, folder: place.folder };
    default:
      return place satisfies never;
  }
}

/** The best that a person has in a mailbox: their panel, else its open conversations, else what is known about it. */
export function bestPlace(mailbox: Pick<Mailbox, 'address' | 'rights'>): Place {
  if (mailbox.rights.panel) return { kind: 'panel', view: 'team', mailbox: mailbox.address };
  if (mailbox.rights.timeline) return { kind: 'open', mailbox: mailbox.address };
  return mailbox.rights.settings ? { kind: 'settings', mailbox: mailbox.address } : { kind: 'mailboxes', mailbox: mailbox.address };
}

/** Where somebody begins: at their work; else at the one list they may work down; else at the mailboxes, which say what is missing. */
export function firstPlace(mailboxes: readonly Pick<Mailbox, 'address' | 'rights'>[], counts: { mine: number; unassigned: number }): Place {
  if (mailboxes.some(({ rights }) => rights.panel)) {
    return { kind: 'panel', view: counts.mine > 0 ? 'mine' : counts.unassigned > 0 ? 'unassigned' : 'team', mailbox: null };
  }
  const [only, another] = mailboxes.filter(({ rights }) => rights.timeline);
  return only !== undefined && another === undefined ? bestPlace(only) : { kind: 'mailboxes', mailbox: null };
}

/** Over what is there, or in its place: then as the home where one quits, or with the way back. */
type Show = (layer: NewLayer, how: 'over' | 'home' | { readonly back: () => void }) => void;

/** The way to a place: one that comes back to where it was goes no circles. */
function upTo(trail: readonly Place[], place: Place): readonly Place[] {
  const at = trail.findIndex((one) => keyOf(one) === keyOf(place));
  return at === -1 ? trail : trail.slice(0, at);
}

/** Goes from place to place; remembers the last one, and for each list the row that the cursor was on. */
export class Navigator {
  readonly #show: Show;
  readonly #layerFor: (place: Place) => NewLayer;
  readonly cursors = new Map<string, string>();
  /** Whether lists show a reader beside them where there is room. */
  preview = true;
  /** What was searched for in this session, the last one at the end. */
  searched: readonly string[] = [];
  #here: Place | null = null;
  #last: Place | null = null;

  /** The places that one came through since the panel. */
  #trail: readonly Place[] = [];

  constructor(show: Show, layerFor: (place: Place) => NewLayer) {
    this.#show = show;
    this.#layerFor = layerFor;
  }

  get last(): Place | null {
    return this.#last;
  }

  go(place: Place): void {
    const here = this.#here;
    if (here !== null && keyOf(here) !== keyOf(place)) {
      this.#last = here;
      this.#trail = place.kind === 'panel' ? [] : upTo([...this.#trail, here], place);
    }
    this.#arrive(place);
  }

  /** To where one came from. */
  #back(): void {
    const place = this.#trail.at(-1);
    if (place === undefined) return;
    this.#last = this.#here;
    this.#trail = this.#trail.slice(0, -1);
    this.#arrive(place);
  }

  #arrive(place: Place): void {
    this.#here = place;
    this.#show(this.#layerFor(place), this.#trail.length === 0 ? 'home' : { back: () => this.#back() });
  }

  /** Shows a place over what is being read: closing it leads back there. */
  look(place: Place): void {
    this.#show(this.#layerFor(place), 'over');
  }
}

export const NavigatorContext = createContext<Navigator | null>(null);

export function useNavigator(): Navigator {
  const navigator = use(NavigatorContext);
  if (navigator === null) throw new Error('useNavigator is for components inside NavigatorContext');
  return navigator;
}
