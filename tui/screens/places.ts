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

/** Goes from place to place; remembers the last one, and for each list the row that the cursor was on. */
export class Navigator {
  readonly #show: (layer: NewLayer, over: boolean) => void;
  readonly #layerFor: (place: Place) => NewLayer;
  readonly cursors = new Map<string, string>();
  /** Whether lists show a reader beside them where there is room. */
  preview = true;
  /** What was searched for in this session, the last one at the end. */
  searched: readonly string[] = [];
  #here: Place | null = null;
  #last: Place | null = null;

  constructor(show: (layer: NewLayer, over: boolean) => void, layerFor: (place: Place) => NewLayer) {
    this.#show = show;
    this.#layerFor = layerFor;
  }

  get last(): Place | null {
    return this.#last;
  }

  go(place: Place): void {
    if (this.#here !== null && keyOf(this.#here) !== keyOf(place)) this.#last = this.#here;
    this.#here = place;
    this.#show(this.#layerFor(place), false);
  }

  /** Shows a place over what is being read: closing it leads back there. */
  look(place: Place): void {
    this.#show(this.#layerFor(place), true);
  }
}

export const NavigatorContext = createContext<Navigator | null>(null);

export function useNavigator(): Navigator {
  const navigator = use(NavigatorContext);
  if (navigator === null) throw new Error('useNavigator is for components inside NavigatorContext');
  return navigator;
}
