/**
 * Every published event as one row. Events carry ids, not contents: who wants more asks, and is authorized then. The daemon sends one
 * only to sessions whose person reaches `needs` on the mailbox it is published to; each session's `seq` has no gaps.
 */
import * as z from 'zod';
import { event, type PayloadInputOf, type PayloadOf } from './rows.ts';
import { ActivityKind, IsoDate, MailboxState, OutboxState, Revision, Safe, SyncProgress } from './schema.ts';

export const events = {
  'conversation.changed': event({
    doc: 'A conversation came, moved on, or left.',
    needs: 'open',
    payload: z.object({
      mailbox: Safe,
      conversation: z.string(),
      revision: Revision,
      what: z.enum(['mail-in', 'mail-out', 'note', 'state', 'assign', 'flags', 'merged', 'gone']),
      /** False while history is imported: nothing to tell anybody about. */
      live: z.boolean(),
      /** The name of the person here who did it; null: somebody outside, another client, or the daemon by itself. */
      by: Safe.nullable().default(null),
      /** Of `assign`: the name of the person who had it before. */
      from: Safe.nullable().default(null),
    }),
  }),
  'conversation.read': event({
    doc: "One's own read mark or star moved, in another session as well.",
    needs: 'open',
    payload: z.object({ mailbox: Safe, conversation: z.string() }),
  }),
  'mailbox.changed': event({
    doc: 'Sync state, progress, folders or settings of a mailbox.',
    needs: 'any',
    payload: z.object({ mailbox: Safe, state: MailboxState, sync: SyncProgress, revision: Revision }),
  }),
  'folders.changed': event({
    doc: 'Folders of a mailbox, or how many mails they hold.',
    needs: 'timeline',
    payload: z.object({ mailbox: Safe }),
  }),
  'outbox.changed': event({
    doc: 'A mail on its way out reached another state.',
    needs: 'send',
    payload: z.object({
      mailbox: Safe,
      outbox: z.string(),
      conversation: z.string(),
      state: OutboxState,
      author: Safe,
    }),
  }),
  'outbox.held': event({
    doc: 'The right to send from a mailbox went, and mails of one that waited to leave are held there. Told to their author alone, who may not see the mailbox any more.',
    needs: 'session',
    payload: z.object({ mailbox: Safe, count: z.int() }),
  }),
  activity: event({
    doc: 'Something happened that the timelines of a mailbox tell: a mail came or went, somebody did something. Not told of history that is imported.',
    needs: 'timeline',
    /** `id` is that of the row. */
    payload: z.object({ mailbox: Safe, id: z.string(), kind: ActivityKind, at: IsoDate, conversation: z.string().nullable() }),
  }),
  'rights.changed': event({
    doc: 'What the person may see or do changed: ask again, and drop what is gone. `lost` names mailboxes that are no longer reached.',
    needs: 'session',
    payload: z.object({ lost: z.array(Safe), gained: z.array(Safe), why: Safe }),
  }),
  'directory.changed': event({
    doc: 'People, roles or grants changed. Told to those who can see the difference.',
    needs: 'session',
    payload: z.object({}),
  }),
  'audit.added': event({
    doc: 'The audit journal has new lines. Told to those who hold audit.read.',
    needs: 'session',
    /** The number of the last one. */
    payload: z.object({ seq: z.int() }),
  }),
  resync: event({
    doc: 'Events were dropped for a slow reader, or the connection is new: ask for everything on the screen again.',
    needs: 'session',
    payload: z.object({ why: Safe }),
  }),
  'session.ended': event({
    doc: 'The daemon ended this session; nothing more is answered in it.',
    needs: 'session',
    payload: z.object({ why: Safe }),
  }),
};

export type EventTable = typeof events;
export type EventName = keyof EventTable;
export type Payload<E extends EventName> = PayloadOf<EventTable[E]>;
export type PayloadInput<E extends EventName> = PayloadInputOf<EventTable[E]>;
