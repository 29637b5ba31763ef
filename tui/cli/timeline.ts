/** What happened, looking back (`timeline`) and as it happens (`tail`). */

import type { ClientState, DaemonEvent } from '../../protocol/client.ts';
import { PostroomError } from '../../protocol/errors.ts';
import type { EventName } from '../../protocol/events.ts';
import type { Result } from '../../protocol/methods.ts';
import { ActivityKind } from '../../protocol/schema.ts';
import { safeJson } from '../../protocol/text.ts';
import { day, table } from './print.ts';
import { type CommandRow, type Context, type Outcome, usageError, type Values } from './program.ts';
import type { Session } from './session.ts';
import { date, list, number, option } from './values.ts';

// --- looking back ------------------------------------------------------------------------------------------------

type Told = Result<'timeline.mailbox'>;
type Row = Told['rows'][number];

/** Who did it: a person of ours, else whoever wrote, else nobody that is known by name. */
const whoOf = ({ actor, from }: Row): string => actor ?? (from === null ? '-' : (from.name ?? from.address));

/** A mail and its fate say to whom; all else says itself. */
function whatOf(row: Row): string {
  if (row.kind === 'mail-in' || row.kind === 'mail-out') {
    const [first, ...others] = row.to.map((one) => one.name ?? one.address);
    const fate = row.gone
      ? ' [no longer on the server]'
      : row.outbox === null || row.outbox.state === 'accepted'
        ? ''
        : ` [${row.outbox.state}]`;
    return `${first === undefined ? '' : `→ ${first}`}${others.length === 0 ? '' : ` and ${others.length} more`}${fate}`;
  }
  return row.summary;
}

const timelineText = (rows: readonly Row[]): string =>
  table(
    ['at', 'kind', 'who', 'mailbox', 'what', 'subject'],
    rows.map((row) => [day(row.at), row.kind, whoOf(row), row.mailbox, whatOf(row), row.subject]),
    'Nothing happened here.',
  );

function kindsOf(values: Values): Row['kind'][] | null {
  const kinds = list(values, 'kind').flatMap((words) => words.split(',').map((word) => word.trim()));
  const known = kinds.map((word) => ActivityKind.options.find((kind) => kind === word));
  if (known.some((kind) => kind === undefined)) throw usageError(`--kind takes ${ActivityKind.options.join(', ')}.`);
  return kinds.length === 0 ? null : [...new Set(known.flatMap((kind) => kind ?? []))];
}

async function timeline(context: Context, values: Values): Promise<Outcome> {
  if (option(values, 'case') !== null) throw usageError('There are no cases yet. Give --mailbox, --contact or --conversation.');
  const [mailbox, address, conversation] = ['mailbox', 'contact', 'conversation'].map((name) => option(values, name));
  const given = [mailbox, address, conversation].filter((value) => typeof value === 'string');
  if (given.length !== 1) throw usageError('Give one of --mailbox ADDRESS, --contact ADDRESS, --conversation ID.');
  const since = option(values, 'since');
  const page = {
    kinds: kindsOf(values),
    since: since === null ? null : date(since, '--since', 'begin'),
    limit: number(values, 'limit', '--limit'),
    cursor: option(values, 'cursor'),
  };
  const session = await context.session();
  const told: Told =
    typeof mailbox === 'string'
      ? await session.call('timeline.mailbox', { mailbox, ...page })
      : typeof address === 'string'
        ? await session.call('timeline.contact', { address, ...page })
        : await session.call('timeline.conversation', { conversation: conversation ?? '', ...page });
  return { data: told, text: timelineText(told.rows) + (told.next === null ? '' : `\nMore with: --cursor ${told.next}`) };
}

// --- as it happens -----------------------------------------------------------------------------------------------

/** Progress of a synchronisation and one's own read marks are for screens. */
const followed = [
  'activity',
  'conversation.changed',
  'outbox.changed',
  'outbox.held',
  'rights.changed',
  'resync',
  'session.ended',
] as const satisfies readonly EventName[];

/** One line of the stream: an event with its name and a time, that of hearing it where it has none of its own. */
function lineOf(event: DaemonEvent): string {
  const at = 'at' in event.payload ? event.payload.at : new Date().toISOString();
  return `${safeJson({ event: event.name, ...event.payload, at })}\n`;
}

/** The primary addresses of the mailboxes that were named, by whichever of their addresses; none: all that the person may see. */
async function mailboxesNamed(session: Session, names: readonly string[]): Promise<ReadonlySet<string> | null> {
  if (names.length === 0) return null;
  const found = await Promise.all(names.map((mailbox) => session.call('mailbox.show', { mailbox })));
  return new Set(found.map(({ address }) => address));
}

async function tail(context: Context, names: readonly string[]): Promise<Outcome> {
  const session = await context.session();
  const only = await mailboxesNamed(session, names);
  const ended = Promise.withResolvers<void>();
  const stop = (): void => ended.resolve();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  session.onState(connectionTo(context, (error) => ended.reject(error)));
  try {
    await session.follow(followed, (event) => {
      // The connection tells by its state what became of it.
      if (event === null || event.name === 'session.ended') return;
      if (event.name === 'resync') context.warn(`postroom: events were missed: ${event.payload.why}`);
      else if (only === null || !('mailbox' in event.payload) || only.has(event.payload.mailbox)) context.out(lineOf(event));
    });
    await ended.promise;
    return null;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Says once that the daemon is away, and once that it is back; ends where it will never be. */
function connectionTo(context: Context, end: (error: PostroomError) => void): (state: ClientState) => void {
  let isAway = false;
  return (state) => {
    if (state.state === 'refused') {
      const isVersion = state.reason === 'version';
      end(new PostroomError(isVersion ? 'unavailable' : 'unauthenticated', state.message, isVersion ? { daemon: true } : {}));
    } else if (state.state === 'offline' && !isAway) {
      context.warn(`postroom: the daemon is away (${state.message}); waiting for it`);
      isAway = true;
    } else if (state.state === 'online' && isAway) {
      context.warn('postroom: connected again');
      isAway = false;
    }
  };
}

export const timelineCommands: readonly CommandRow[] = [
  {
    usage: 'timeline',
    doc: 'what happened in a mailbox, with a contact, or in a conversation, newest first',
    options: [
      ['--mailbox <address>', 'everything in this mailbox'],
      ['--contact <address>', 'all mail with this address, over the mailboxes whose timeline I may see'],
      ['--conversation <id>', 'the history of this conversation'],
      ['--case <n>', 'not there yet'],
      ['--kind <kind...>', `only these: ${ActivityKind.options.join(', ')}`, 'list'],
      ['--since <date>', 'nothing older'],
      ['--limit <n>', 'at most this many (default 50)'],
      ['--cursor <cursor>', 'go on where the last page ended'],
    ],
    run: (context, _args, values) => timeline(context, values),
  },
  {
    usage: 'tail [mailbox...]',
    doc: 'live events, one JSON object a line, until interrupted',
    run: (context, args) => tail(context, args),
  },
];
