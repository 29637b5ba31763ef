/** What the screens share: the running program, the list behind a conversation, and the conversation that a verb acts on. */
import { createContext, use } from 'react';
import type { Conversation } from '../../protocol/schema.ts';
import type { Drafts } from '../drafts.ts';
import type { Mirror } from '../mirror.ts';
import type { SavedViews } from '../saved-views.ts';
import type { Shell } from '../shell.ts';
import type { Running } from '../start.tsx';
import type { Chrome } from '../text.ts';

export type AppContext = {
  readonly mirror: Mirror;
  /** The terminal: the person's editor, the window's title. */
  readonly running: Pick<Running, 'edit' | 'setTitle'>;
  /** For what is done outside a component: verbs, and layers that open others. */
  readonly shell: Shell;
  /** Mails being written: `new Drafts(draftsFolder(home), identity.publicKey)`. */
  readonly drafts: Drafts;
  /** Searches kept as views of the panel. */
  readonly views: SavedViews;
  /** The name of the person behind this session. */
  readonly me: string;
  /** What people compare; `next` is the key that the daemon announced. */
  readonly fingerprints: () => { readonly own: string; readonly daemon: string; readonly next: string | null };
};

export const AppContext = createContext<AppContext | null>(null);

export function useApp(): AppContext {
  const app = use(AppContext);
  if (app === null) throw new Error('useApp is for components inside AppContext');
  return app;
}

/** The list that a conversation was opened from. */
export type Behind = {
  /** `Mine`, `support@ Inbox`. */
  readonly title: Chrome;
  /** Its conversations in order, as they are now. */
  readonly ids: readonly string[];
  /** Those with something unread, at this moment. */
  readonly unread: () => ReadonlySet<string>;
  /** Puts the cursor of that list on a row: one comes back to what one read last. */
  readonly select: (id: string) => void;
  /** The hits of the search it was opened from, for `n N`; `at` is the mail or note in its conversation. */
  readonly hits?: {
    readonly all: readonly { readonly id: string; readonly conversation: string; readonly at: string | null }[];
    /** The one that was opened. */
    readonly at: string;
    readonly select: (id: string) => void;
  };
};

/**
 * The conversation that a verb acts on, as it was seen: `revision` goes with every verb. A row of a list fits; the conversation screen makes
 * one from what it shows. `useVerbs(...)` of verbs.tsx mounts done, reopen, take, release, assign, star, unread, trash, spam and move on it
 * (pickers included) and publishes the facts: the one place for verbs in all views. `Picker` of pickers.tsx asks for one of some things,
 * `useGoing(mailbox)` of going.tsx mounts the `g` keys.
 */
export type Target = Pick<Conversation, 'conversation' | 'mailbox' | 'subject' | 'revision' | 'state' | 'assignee' | 'starred'> & {
  readonly unread: number;
  readonly attachments: number;
};
