/**
 * A mail from its first word to the queue. Pure: keys and answers in, state out; `compose.tsx` draws it and asks the daemon.
 *
 * Invariants
 * - Nothing is sent but from the review, and one attempt is one mail, however often it is asked for.
 * - What was written stays: no answer of the daemon, and no right that goes, changes a word of the draft.
 * - After a send whose fate is not known nothing can be edited before the daemon was asked again: else the words on the screen and those
 *   that left could differ.
 */
import type { Params } from '../../protocol/methods.ts';
import { ownText } from '../../protocol/quotes.ts';
import type { Draft } from '../drafts.ts';
import type { Attached } from '../files.ts';
import type { Shown } from '../mirror.ts';
import type { Safe } from '../text.ts';

export const addressFields = ['to', 'cc', 'bcc'] as const;
export type AddressField = (typeof addressFields)[number];
export type TextField = AddressField | 'subject';
/** `attach` and `later` hold no text of the draft. */
export type LineField = TextField | 'attach' | 'later';

export type Phase =
  | { readonly at: 'field'; readonly field: LineField; readonly checking: boolean }
  | { readonly at: 'body' }
  | { readonly at: 'review' }
  /** The conversation has the keys. */
  | { readonly at: 'look' }
  | { readonly at: 'sending' };

/** What came to the conversation since the draft was begun. */
/** `read`: its author turned to it. Until then the key that sends is another one than the one that was refused. */
export type News = { readonly revision: number; readonly words: Safe; readonly read: boolean };

export type ComposeState = {
  readonly draft: Draft;
  readonly phase: Phase;
  /** The daemon's words about a field. */
  readonly errors: Partial<Readonly<Record<LineField | 'body', Safe>>>;
  readonly news: News | null;
  /** Why this person may send from that address no more. */
  readonly lost: Safe | null;
  /** A send got no answer. */
  readonly uncertain: boolean;
  /** A mail that was just begun: one field leads to the next, up to the text. */
  readonly guided: boolean;
};

export type ComposeStep =
  | { readonly do: 'field'; readonly field: LineField }
  | { readonly do: 'body' | 'review' | 'look' | 'sending' | 'checking' }
  | { readonly do: 'typed'; readonly field: TextField; readonly text: string }
  | { readonly do: 'written'; readonly body: string }
  | { readonly do: 'from'; readonly address: string; readonly mailbox: string }
  | { readonly do: 'attached'; readonly file: Attached }
  | { readonly do: 'detached'; readonly path: string }
  | { readonly do: 'dropped'; readonly index: number }
  | { readonly do: 'refused'; readonly where: LineField | 'body'; readonly words: Safe }
  /** What is known beside the writing: nobody is taken from the field where they are. */
  | { readonly do: 'remarked'; readonly where: LineField; readonly words: Safe }
  | { readonly do: 'accepted'; readonly where: LineField }
  | { readonly do: 'moved'; readonly news: News }
  | { readonly do: 'unanswered' }
  | { readonly do: 'rights'; readonly lost: Safe | null };

/** Where writing begins: a new mail with its recipient, an answer with its text, what was written before with its review. */
export function composing(draft: Draft, fresh: boolean): ComposeState {
  const begins = fresh && draft.instead === null;
  const phase: Phase = !begins
    ? { at: 'review' }
    : draft.kind === 'new' || draft.kind === 'forward'
      ? { at: 'field', field: 'to', checking: false }
      : { at: 'body' };
  return { draft, phase, errors: {}, news: null, lost: null, uncertain: false, guided: begins && phase.at === 'field' };
}

export function composed(state: ComposeState, step: ComposeStep): ComposeState {
  const { draft } = state;
  const change = (changed: Partial<Draft>): ComposeState => (state.uncertain ? state : { ...state, draft: { ...draft, ...changed } });
  switch (step.do) {
    case 'field':
      return state.uncertain ? state : { ...state, phase: { at: 'field', field: step.field, checking: false } };
    case 'body':
      return state.uncertain ? state : { ...state, phase: { at: 'body' }, guided: false };
    case 'review':
    case 'look':
    case 'sending':
      return { ...state, phase: { at: step.do }, guided: false };
    case 'checking':
      return state.phase.at === 'field' ? { ...state, phase: { ...state.phase, checking: true } } : state;
    case 'typed':
      return { ...change({ [step.field]: step.text }), errors: without(state.errors, step.field) };
    case 'written':
      return { ...change({ body: step.body }), errors: without(state.errors, 'body') };
    case 'from':
      return { ...change({ from: step.address, mailbox: step.mailbox }), lost: null };
    case 'attached':
      return { ...change({ files: [...draft.files, step.file] }), errors: without(state.errors, 'attach') };
    case 'detached':
      return { ...change({ files: draft.files.filter(({ path }) => path !== step.path) }), errors: without(state.errors, 'attach') };
    case 'dropped': {
      if (draft.instead === null) return state;
      const instead = { ...draft.instead, files: draft.instead.files.filter(({ index }) => index !== step.index) };
      return { ...change({ instead }), errors: without(state.errors, 'attach') };
    }
    case 'refused': {
      const phase: Phase = state.phase.at === 'field' ? { ...state.phase, checking: false } : { at: 'review' };
      return { ...state, phase, uncertain: false, errors: { ...state.errors, [step.where]: step.words } };
    }
    case 'remarked':
      return { ...state, errors: { ...state.errors, [step.where]: step.words } };
    case 'accepted': {
      const phase = after(state, step.where);
      return { ...state, errors: without(state.errors, step.where), phase, guided: state.guided && phase.at === 'field' };
    }
    case 'moved':
      // Seen now: the next `y` sends against what the screen says is new.
      return { ...state, phase: { at: 'review' }, uncertain: false, news: step.news, draft: { ...draft, revision: step.news.revision } };
    case 'unanswered':
      return { ...state, phase: { at: 'review' }, uncertain: true };
    case 'rights':
      return { ...state, lost: step.lost };
    default:
      return step satisfies never;
  }
}

function without<K extends string>(errors: Partial<Readonly<Record<K, Safe>>>, key: K): Partial<Readonly<Record<K, Safe>>> {
  const rest = { ...errors };
  delete rest[key];
  return rest;
}

function after({ draft, guided }: ComposeState, field: LineField): Phase {
  if (!guided) return { at: 'review' };
  return field === 'to' && draft.subject === '' ? { at: 'field', field: 'subject', checking: false } : { at: 'body' };
}

// --- what is asked of the daemon ---------------------------------------------------------------------------------------

type Send = Params<'outbox.send'>;

/** Holds a mail back so long that one can still take it back. */
export const undoMs = 10_000;

export function sendRequest(draft: Draft, how: { done: boolean; at: string | null }): Send {
  return {
    from: draft.from,
    kind: draft.instead === null ? draft.kind : 'new',
    // Said in full, also when it is empty: the daemon fills in what is left out.
    to: draft.to,
    cc: draft.cc,
    bcc: draft.bcc,
    subject: draft.subject,
    body: draft.body,
    quote: false,
    in: draft.conversation,
    message: draft.message,
    attachments: draft.files.map(({ name, size }) => ({ filename: name, sizeOctets: size })),
    ifRevision: draft.revision,
    at: how.at,
    holdMs: how.at === null ? undoMs : 0,
    idempotencyKey: `${draft.id}-${draft.attempt}`,
    afterwards: how.done ? 'done' : 'waiting',
    instead: draft.instead === null ? null : { outbox: draft.instead.outbox, attachments: draft.instead.files.map(({ index }) => index) },
  };
}

/** The draft of a mail that was queued and taken back: another attempt. What it took the place of is gone; the mail that was queued has its files. */
export function takenBack(draft: Draft, outbox: string, now: number): Draft {
  const { instead } = draft;
  const files = (instead?.files ?? []).map((file, index) => ({ ...file, index }));
  return { ...draft, attempt: draft.attempt + 1, savedAt: now, instead: instead === null ? null : { outbox, files } };
}

/** Composes a mail to one field's addresses and queues nothing: what is wrong with them, in the daemon's words. */
export function checkRequest(draft: Draft, field: AddressField, text: string): Send {
  return { from: draft.from, kind: 'new', to: '', cc: '', bcc: '', [field]: text, subject: '', body: '', dryRun: true };
}

/** Tries the whole mail without a file's octets: whether it is too large, in the daemon's words. */
export function sizeRequest(draft: Draft): Send {
  return { ...sendRequest(draft, { done: false, at: null }), ifRevision: null, idempotencyKey: null, dryRun: true };
}

// --- what a reviewer wants to know -------------------------------------------------------------------------------------

/** The addresses in a list as it was typed; for comparing, not for sending. */
export function addressesIn(text: string): string[] {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^\s<>",;]+)@[^\s<>",;]+/g) ?? []).map((address) => address.toLowerCase());
}

type Taken = Pick<Shown, 'mailbox'> & { readonly messages: readonly Pick<Shown['messages'][number], 'from' | 'to' | 'cc' | 'replyTo'>[] };

/**
 * Everybody in the conversation, in lower case. An address that only Reply-To names, in another domain than From, has taken no part yet: a
 * mail that claims to be from a bank may lead its answers elsewhere. Our own forms name their customers so.
 */
export function participantsOf({ mailbox, messages }: Taken): string[] {
  const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  const all = messages.flatMap(({ from, to, cc, replyTo }) => {
    const ours = from.some(({ address }) => address.toLowerCase() === mailbox.toLowerCase());
    const near = replyTo.filter((one) => ours || from.some(({ address }) => domainOf(address) === domainOf(one.address)));
    return [...from, ...to, ...cc, ...near];
  });
  return [...new Set([mailbox, ...all.map(({ address }) => address)].map((address) => address.toLowerCase()))];
}

/** Recipients who have not been part of the conversation. */
export function outsiders(draft: Draft, field: AddressField): string[] {
  if (draft.conversation === null || draft.kind === 'forward') return [];
  const known = new Set(draft.participants);
  return addressesIn(draft[field]).filter((address) => !known.has(address));
}

const speaksOfFiles =
  /(?<!\p{L})(?:attach(?:ed|ment|ments|ing)?|enclosed|anbei|angeh[äa]ngt|im anhang|beigef[üu]gt|adjunt[oa]s?|pi[eè]ces? jointes?|ci-joint[es]?|allegat[oi]|bijlage|bijgevoegd|anexo|em anexo|załącz\w*|во вложении|прилагаю|прикреп\w*)(?![\p{L}])|添付|附件|첨부/iu;

/** The author's own words speak of a file, and there is none. */
export function forgotFiles({ body, subject, files, forwarded, instead }: Draft): boolean {
  return files.length + forwarded.length + (instead?.files.length ?? 0) === 0 && speaksOfFiles.test(`${subject}\n${ownText(body)}`);
}

/** A moment as people write it: `14:30`, `tomorrow 9:00`, `mon 9:00`, `in 2 h`, `2026-03-04 09:30`. Local time; null when it is none. */
export function momentOf(typed: string, now: number): number | null {
  const text = typed.trim().toLowerCase();
  const span = /^(?:in )?(\d{1,4}) ?(m|min|minutes?|h|hours?|d|days?)$/.exec(text);
  if (span !== null) {
    const unit = (span[2] ?? '').startsWith('m') ? 60_000 : (span[2] ?? '').startsWith('h') ? 3_600_000 : 86_400_000;
    return now + Number(span[1]) * unit;
  }
  const parts = /^(?:(today|tomorrow|(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*|\d{4}-\d{2}-\d{2})[ t]*)?(?:(\d{1,2}):(\d{2}))?$/.exec(text);
  if (parts === null || text === '') return null;
  const [, day, hours = '9', minutes = '0'] = parts;
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  const date = new Date(now);
  if (day !== undefined && /^\d/.test(day)) {
    const [year = 0, month = 0, dayOfMonth = 0] = day.split('-').map(Number);
    date.setFullYear(year, month - 1, dayOfMonth);
    // 31 February is no day.
    if (date.getMonth() !== month - 1 || date.getDate() !== dayOfMonth) return null;
  } else if (day === 'tomorrow') date.setDate(date.getDate() + 1);
  else if (day !== undefined && day !== 'today') {
    const wanted = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'].indexOf(day.slice(0, 3));
    date.setDate(date.getDate() + ((wanted - date.getDay() + 7) % 7 || 7));
  }
  date.setHours(Number(hours), Number(minutes), 0, 0);
  // A time without a day is the next one.
  if (day === undefined && date.getTime() <= now) date.setDate(date.getDate() + 1);
  return date.getTime() > now ? date.getTime() : null;
}
