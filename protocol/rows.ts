/**
 * The shape of one row of the protocol: a method that a client may ask for, or an event that the daemon publishes.
 *
 * A row is the single source for both ends' types, for the checks at both ends, for authorization, for the reference
 * page and for the tests. Rows hold no behaviour: server.ts and client.ts read them.
 */
import type * as z from 'zod';
import type { ErrorCode } from './errors.ts';

/** What a person opens, never a right: `open` is reached by holders of Access and of Send alike. `any` = any right on the mailbox. */
export type Surface = 'session' | 'any' | 'panel' | 'timeline' | 'open' | 'send' | 'settings' | 'owner';

/** Powers over the whole system; they belong to no mailbox. */
export const operations = ['shared-mailbox.share', 'shared-mailbox.sync', 'people.manage', 'audit.read'] as const;
export type Operation = (typeof operations)[number];

/** `invitation`: only a session that was opened with the one-time key of an invitation. */
export type Need = Surface | Operation | 'invitation';

/** Needs that can only be decided for a mailbox; a row with one of them says by `names` what of mailboxes it touches. */
export const mailboxSurfaces = ['any', 'panel', 'timeline', 'open', 'send', 'settings', 'owner'] as const satisfies readonly Surface[];

/** One thing that a request names, so that the mailbox it is of can be found before any handler runs. */
export type Named = { mailbox: string } | { conversation: string } | { message: string } | { outbox: string };

/** The fields of a request or an event. Objects of requests are strict: an unknown field is an error, not a wish. */
export type Fields = z.ZodObject<z.ZodRawShape>;

/** One method as the two ends see it once its types are forgotten. `method()` makes it with its types kept. */
export type MethodRow<P extends Fields = Fields, R extends z.ZodType = z.ZodType> = {
  readonly kind: 'method';
  readonly doc: string;
  /** All of them must hold. */
  readonly needs: readonly Need[];
  /** Everything of mailboxes that a request names: each must be open to whoever asks, before any of it is read. */
  readonly names?: Finder<P>;
  readonly params: P;
  readonly result: R;
  /** Codes beyond those that every method can give (`invalid`, `unauthenticated`, `forbidden`, `not-found`, `rate-limited`, `unavailable`, `internal`). */
  readonly errors: readonly ErrorCode[];
  /** The client sends binary chunks after the request. */
  readonly upload: boolean;
  /** The daemon sends binary chunks before its answer. */
  readonly download: boolean;
};

// Written as a method so that a row with precise params still is a `MethodRow`: the server hands it only what its own params have parsed.
type Finder<P extends Fields> = { of(asked: z.output<P>): readonly Named[] }['of'];

export type EventRow<P extends Fields = Fields> = {
  readonly kind: 'event';
  readonly doc: string;
  /** What a session's person must reach, on the mailbox the event is published to, to be told. */
  readonly needs: Surface;
  readonly payload: P;
};

export type Methods = Readonly<Record<string, MethodRow>>;
export type Events = Readonly<Record<string, EventRow>>;

/** Makes the row of a method. Its params become strict, whatever kind of object they were written as. */
export function method<Shape extends z.ZodRawShape, R extends z.ZodType>(row: {
  doc: string;
  needs: Need | readonly Need[];
  names?: (asked: z.output<z.ZodObject<Shape, z.core.$strict>>) => readonly Named[];
  params: z.ZodObject<Shape>;
  result: R;
  errors: readonly ErrorCode[];
  upload?: boolean;
  download?: boolean;
}): MethodRow<z.ZodObject<Shape, z.core.$strict>, R> {
  const needs = typeof row.needs === 'string' ? [row.needs] : row.needs;
  return { upload: false, download: false, ...row, kind: 'method', needs, params: row.params.strict() };
}

/** Makes the row of an event. The payload stays open to new fields: an older client ignores what it does not know. */
export function event<P extends Fields>(row: { doc: string; needs: Surface; payload: P }): EventRow<P> {
  return { ...row, kind: 'event' };
}

/** What a client writes: fields with a default may be left out. */
export type ParamsOf<Row extends MethodRow> = z.input<Row['params']>;
/** What a handler is given: parsed, defaults filled in. */
export type AskedOf<Row extends MethodRow> = z.output<Row['params']>;
/** What a handler returns. */
export type ResultInputOf<Row extends MethodRow> = z.input<Row['result']>;
/** What a client gets. */
export type ResultOf<Row extends MethodRow> = z.output<Row['result']>;
export type PayloadOf<Row extends EventRow> = z.output<Row['payload']>;
export type PayloadInputOf<Row extends EventRow> = z.input<Row['payload']>;
