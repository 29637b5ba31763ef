/**
 * Who may do what: the one place that compares rights. Pure, total, closed by default. Everybody else asks here for a
 * surface or an operation and acts on the answer.
 */
import { type GrantFacts, type MailboxFacts, type Millis, type Operation, reaches, type Who } from './reach.ts';

export const rights = ['access', 'send', 'setup'] as const;
/** The three independent rights of a grant. */
export type Right = (typeof rights)[number];

/** Presets over the same three rights. */
export const levels = {
  observe: { access: true, send: false, setup: false },
  reply: { access: false, send: true, setup: false },
  full: { access: true, send: true, setup: false },
  manage: { access: true, send: true, setup: true },
} as const satisfies Record<string, Record<Right, boolean>>;
export type Level = keyof typeof levels;

export type Denial = 'disabled' | 'no-grant' | 'not-yet' | 'ended' | 'not-shared';

export type Decision =
  | { readonly allow: true; readonly by: 'owner' | readonly GrantFacts[] }
  | { readonly allow: false; readonly why: Denial };

/** What a person may see and do in one mailbox. The tables of the product page, as facts. */
export interface Surfaces {
  /** Communication panel, unread counts, notifications. */
  readonly panel: boolean;
  /** Timeline, history, the list of folders and of all conversations. */
  readonly timeline: boolean;
  /** Open, search, export, save attachments; note, take, label, done and the like. */
  readonly open: boolean;
  /** From; and whatever changes the server or what a customer sees. */
  readonly send: boolean;
  /** Settings, addresses, grants. */
  readonly settings: boolean;
  readonly owner: boolean;
  /** Any right at all: without it the mailbox does not exist for the person. */
  readonly any: boolean;
}
export type Surface = keyof Surfaces;

export const live = (grant: GrantFacts, now: Millis): boolean =>
  (grant.from === null || grant.from <= now) && (grant.until === null || now < grant.until);

/**
 * Whether `who` holds `right` on `mailbox` at `now`. Rights add up over every grant that reaches the person; only a live
 * grant on a shared mailbox, or ownership, allows. `by` and `why` are what `grant explain` prints.
 */
export function decide(who: Who, right: Right, mailbox: MailboxFacts, grants: readonly GrantFacts[], now: Millis): Decision {
  if (who.disabled) return { allow: false, why: 'disabled' };
  if (mailbox.owner === who.person) return { allow: true, by: 'owner' };

  const reaching = grants.filter((grant) => grant.mailbox === mailbox.id && grant[right] && reaches(grant.grantee, who));
  if (reaching.length === 0) return { allow: false, why: 'no-grant' };

  const counting = reaching.filter((grant) => live(grant, now));
  if (counting.length === 0) {
    const coming = reaching.some((grant) => grant.from !== null && now < grant.from);
    return { allow: false, why: coming ? 'not-yet' : 'ended' };
  }
  if (!mailbox.shared) return { allow: false, why: 'not-shared' };
  return { allow: true, by: counting };
}

export const closed: Surfaces = Object.freeze({
  panel: false,
  timeline: false,
  open: false,
  send: false,
  settings: false,
  owner: false,
  any: false,
});

export const surfaceNames = Object.keys(closed) as readonly Surface[];

/** The surfaces that the person's rights on the mailbox open at `now`. */
export function surfaces(who: Who, mailbox: MailboxFacts, grants: readonly GrantFacts[], now: Millis): Surfaces {
  const holds = (right: Right): boolean => decide(who, right, mailbox, grants, now).allow;
  const access = holds('access');
  const send = holds('send');
  const setup = holds('setup');
  return {
    panel: send,
    timeline: access,
    open: access || send,
    send,
    settings: setup,
    owner: mailbox.owner === who.person && !who.disabled,
    any: access || send || setup,
  };
}

export const holdsOperation = (who: Who, operation: Operation): boolean => who.operations.has(operation);
