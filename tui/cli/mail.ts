/** Panel, lists, conversations, the team's verbs, sending, the outbox. */
import { randomUUID } from 'node:crypto';
import { PostroomError } from '../../protocol/errors.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import { type MailReport, OutboxState } from '../../protocol/schema.ts';
import { markLines } from '../mark-words.ts';
import { ownReportLine, reportLine } from '../report-words.ts';
import { stateText } from './mailboxes.ts';
import { refuseTerminal, save, toStandardOutput } from './octets.ts';
import { block, day, facts, person, size, table } from './print.ts';
import { type CommandRow, type Context, type Outcome, usageError, type Values } from './program.ts';
import type { Session } from './session.ts';
import { addresses, date, type FileToSend, fileText, fileToSend, flag, list, number, option, required } from './values.ts';

const arg = (args: readonly string[], index: number): string => args[index] ?? '';
const revision = (values: Values): number | null => number(values, 'ifRevision', '--if-revision') ?? null;

type Row = Result<'panel.list'>['rows'][number];
const rowsText = (rows: readonly Row[], empty: string): string =>
  table(
    ['conversation', 'since', 'mailbox', '', 'who', 'for', 'subject'],
    rows.map((row) => [
      row.conversation,
      day(row.waitingSince ?? row.lastAt),
      row.mailbox,
      `${row.unread > 0 ? '●' : ''}${row.starred ? '★' : ''}${row.state === 'open' ? '' : row.state}`,
      person(row.from),
      row.assignee === null ? (row.had == null ? '-' : `- (was ${row.had.name}’s)`) : row.assignee.name,
      row.subject,
    ]),
    empty,
  );

const pageFlags = [
  ['--limit <n>', 'at most this many (default 50)'],
  ['--cursor <cursor>', 'go on where the last page ended'],
] as const;
const page = (values: Values) => ({ limit: number(values, 'limit', '--limit'), cursor: option(values, 'cursor') });
const more = (next: string | null): string => (next === null ? '' : `\nMore with: --cursor ${next}`);
const revisionFlag = ['--if-revision <n>', 'only if the conversation did not move since'] as const;

/** An empty panel is no good news where mail cannot come in. */
async function troubledMailboxes(session: Session, only: string | null): Promise<string[]> {
  const { rows } = await session.call('mailbox.list', {});
  return rows
    .filter(
      ({ address, state, rights }) => rights.panel && (only === null || only === address) && /^(offline|auth-failed|error)$/.test(state),
    )
    .map((mailbox) => `New mail of ${mailbox.address} may be missing: ${stateText(mailbox)}`);
}

const views = ['mine', 'unassigned', 'team', 'done'] as const;
const states = ['open', 'waiting', 'snoozed', 'done', 'any'] as const;

// --- sending ---------------------------------------------------------------------------------------------------

const bodyFlags = [
  ['--body <text>', 'the text'],
  ['--body-file <file>', 'a file with the text; - is standard input'],
  ['--attach <files...>', 'files to attach', 'list'],
  ['--cc <address...>', 'copy to', 'list'],
  ['--bcc <address...>', 'blind copy to', 'list'],
  ['--from <address>', 'one of the addresses that `postroom from` lists'],
  revisionFlag,
  ['--at <date>', 'not before'],
  ['--dry-run', 'authorize and compose, queue nothing'],
  ['--wait', 'return when it is accepted, failed, or held'],
] as const;

/** `kept`: a mail that takes the place of another has that one's text, unless one is given. */
async function bodyOf(values: Values, kept: boolean): Promise<string | null> {
  const text = option(values, 'body');
  const file = option(values, 'bodyFile');
  if (kept && text === null && file === null) return null;
  if ((text === null) === (file === null)) throw usageError('Give the text with --body TEXT or --body-file FILE (- is standard input).');
  return text ?? (await fileText(file ?? '-'));
}

type Send = Params<'outbox.send'>;

async function send(context: Context, values: Values, what: Partial<Send>): Promise<Outcome> {
  const files = await Promise.all(list(values, 'attach').map(fileToSend));
  const at = option(values, 'at');
  const asked: Send = {
    from: option(values, 'from'),
    cc: addresses(values, 'cc'),
    bcc: addresses(values, 'bcc'),
    body: await bodyOf(values, what.instead != null),
    ifRevision: revision(values),
    at: at === null ? null : date(at, '--at', 'end'),
    dryRun: flag(values, 'dryRun'),
    // One command is one mail, however often the request is repeated underneath.
    idempotencyKey: randomUUID(),
    attachments: files.map(({ filename, sizeOctets }) => ({ filename, sizeOctets })),
    ...what,
  };
  const session = await context.session();
  const queued = await session.call('outbox.send', asked, { timeoutMs: 120_000, upload: chunksOf(asked.dryRun ? [] : files) });
  if (queued.outbox === null)
    return {
      data: { ...queued },
      text: `It would leave for ${queued.recipients.join(', ')} (${size(queued.sizeOctets)}). Nothing was queued.`,
    };
  if (!flag(values, 'wait')) return { data: queued, text: `${queued.state}: ${queued.outbox}` };
  const entry = await settled(session, queued.outbox, context.warn);
  if (isAway(entry)) {
    throw new PostroomError(
      'unavailable',
      `${entry.attempts === 0 ? `The mail of ${entry.mailbox} has not left` : `The mail server of ${entry.mailbox} did not take it`}: ${entry.lastError} It is safe in the outbox (${entry.id}) and tried again by itself; "postroom outbox retry ${entry.id}" tries at once, "postroom outbox cancel ${entry.id}" takes it back.`,
      { outbox: entry.id, state: entry.state, messageId: entry.messageId, nextAttemptAt: entry.nextAttemptAt },
    );
  }
  return {
    data: { ...queued, state: entry.state, lastError: entry.lastError },
    text: `${entry.state}: ${entry.id}${entry.lastError === null ? '' : `\n${entry.lastError}`}`,
    failed: entry.state === 'failed' || entry.state === 'unknown' || entry.state === 'bounced' || entry.state === 'cancelled',
  };
}

async function* chunksOf(files: readonly FileToSend[]): AsyncGenerator<Uint8Array> {
  for (const file of files) yield* file.chunks();
}

/**
 * It waits because the server could not be reached or refused the sign-in. A server that was there and said "later" has answered for the
 * recipients: that is waited for.
 */
function isAway({ state, lastError, recipients }: Result<'outbox.show'>): boolean {
  return state === 'queued' && lastError !== null && !recipients.some(({ reply }) => reply === lastError);
}

/** Follows the outbox until the mail is where it stays, or its server is away; events carry no reasons, so the entry is asked for after each. */
async function settled(session: Session, outbox: string, tell: (text: string) => void): Promise<Result<'outbox.show'>> {
  let told: string | null = null;
  let moved = Promise.withResolvers<void>();
  await session.follow(['outbox.changed', 'resync'], (event) => {
    if (event?.name !== 'outbox.changed' || event.payload.outbox === outbox) moved.resolve();
  });
  for (;;) {
    const entry = await session.call('outbox.show', { outbox });
    if ((entry.state !== 'queued' && entry.state !== 'sending') || isAway(entry)) return entry;
    // A server that has the mail and is silent may take ten minutes: whoever waits knows for what.
    if (entry.state === 'sending' && entry.lastError !== null && entry.lastError !== told) {
      told = entry.lastError;
      tell(`${entry.id} is being sent: ${told}`);
    }
    await moved.promise;
    moved = Promise.withResolvers();
  }
}

// --- the outbox ------------------------------------------------------------------------------------------------

const outboxText = (entry: Result<'outbox.show'>): string =>
  facts([
    ['outbox', entry.id],
    ['state', entry.heldFor === null ? entry.state : `${entry.state} (${entry.heldFor === 'time' ? 'for its time' : 'a right was lost'})`],
    ['mailbox', entry.mailbox],
    ['by', entry.author],
    [
      'to',
      entry.recipients
        .map((one) => `${one.address}${one.state === 'pending' ? '' : ` (${one.state}${one.reply === null ? '' : `: ${one.reply}`})`}`)
        .join(', '),
    ],
    ['subject', entry.subject],
    ['queued', day(entry.createdAt)],
    ['leaves', entry.heldFor === 'time' ? day(entry.sendAt) : null],
    ['attempts', String(entry.attempts)],
    ['next', entry.nextAttemptAt === null ? null : day(entry.nextAttemptAt)],
    ['last error', entry.lastError],
    ['server', entry.details?.remark ?? null],
    ...(entry.details?.reports ?? []).map((report): [string, string] => ['report', `${reportLine(report).text}  [${report.message}]`]),
    ['copy in Sent', entry.recipients.some(({ state }) => state === 'accepted') ? entry.sentCopy : null],
  ]);

function outboxState(word: string): OutboxState {
  const known = OutboxState.options.find((state) => state === word);
  if (known === undefined) throw usageError(`"${word}" is not a state of the outbox. They are: ${OutboxState.options.join(', ')}.`);
  return known;
}

const decisions = ['arrived', 'again', 'discard'] as const;

const outboxVerb = (verb: 'show' | 'cancel' | 'retry', doc: string): CommandRow => ({
  usage: `outbox ${verb} <id>`,
  doc,
  run: async (context, args) => {
    const entry = await (await context.session()).call(`outbox.${verb}`, { outbox: arg(args, 0) });
    return { data: entry, text: outboxText(entry) };
  },
});

// --- one conversation --------------------------------------------------------------------------------------------

function conversationText(shown: Result<'conversation.show'>): string {
  const head = `${shown.subject}\n${shown.mailbox} · ${shown.state} · ${shown.assignee === null ? (shown.had == null ? 'unassigned' : `unassigned (was ${shown.had.name}’s)`) : shown.assignee.name} · revision ${shown.revision}`;
  const events = [
    ...shown.messages.map((message) => ({
      at: message.date,
      text: [
        `── ${day(message.date)}  ${message.from.map(person).join(', ')} → ${[...message.to, ...message.cc].map(person).join(', ')}${message.outbox === null ? '' : `  [${message.outbox.state}]`}`,
        `   ${message.id}${message.author === null ? '' : ` by ${message.author}`}`,
        ...markLines(message.marks).map(({ text }) => `   ${text}`),
        ...(message.reports ?? []).map((report) => `   ${reportLine(report).text}`),
        message.report == null ? '' : `   ${ownReportLine(message.report).text}`,
        ...(message.headers === null ? [] : [message.headers]),
        message.defeated ? '[This mail defeats the reader; what could be read follows. Save the original with --raw.]' : '',
        message.text,
        ...message.links.map((link, index) => `[${index + 1}] ${link}`),
        ...message.attachments.map(
          (attachment) => `   attachment ${attachment.index}: ${attachment.filename} (${attachment.type}, ${size(attachment.size)})`,
        ),
      ]
        .filter((part) => part !== '')
        .join('\n'),
    })),
    ...shown.gone.map(({ date, from, to, subject }) => ({
      at: date,
      text: `── ${day(date)}  ${from.map(person).join(', ')} → ${to.map(person).join(', ')}\n   ${subject}\n   [no longer on the server]`,
    })),
    ...shown.notes.map((note) => ({ at: note.at, text: `── ${day(note.at)}  NOTE by ${note.author} (team only)\n${note.text}` })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return block([head, ...events.map((event) => event.text)].join('\n\n'));
}

/** All of it, however long: page before page. */
async function wholeConversation(session: Session, asked: Params<'conversation.show'>): Promise<Result<'conversation.show'>> {
  const limits = { timeoutMs: 60_000 };
  const shown = await session.call('conversation.show', asked, limits);
  const parts = [shown];
  for (let { earlier } = shown; earlier !== null; ) {
    const part = await session.call('conversation.show', { ...asked, before: earlier.cursor }, limits);
    parts.unshift(part);
    earlier = part.earlier;
  }
  return {
    ...shown,
    messages: parts.flatMap(({ messages }) => messages),
    notes: parts.flatMap(({ notes }) => notes),
    gone: parts.flatMap(({ gone }) => gone),
    earlier: null,
  };
}

const strayText = (reports: readonly MailReport[]): string =>
  reports.map((report) => `\n${report.conversation ?? report.message}  ${day(report.at)}  ${ownReportLine(report).text}`).join('');

const outOfReach = (count: number): string =>
  count === 0
    ? ''
    : `\n${count} ${count === 1 ? 'mail of yours is' : 'mails of yours are'} held in mailboxes that you may not send from any more.`;

type Worked = 'conversation.take' | 'conversation.release';
const workText = (done: Result<'conversation.take'>): string =>
  `${done.changed ? '' : 'already '}${done.state}, ${done.assignee === null ? 'unassigned' : `with ${done.assignee.name}`}, revision ${done.revision}`;

const overFlag = ['--over', 'also from a colleague who has it; they are told'] as const;
/** Adds the option that takes over to the conflict that names who has it. */
async function takeOver<T>(args: readonly string[], call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof PostroomError) || error.details.held === undefined) throw error;
    const { name, since } = heldOf(error);
    throw new PostroomError(
      'conflict',
      `${name} has it since ${day(since)} UTC. To take it over: postroom take ${arg(args, 0)} --over`,
      error.details,
      { cause: error },
    );
  }
}
const heldOf = ({ details }: PostroomError): { name: string; since: string } => {
  const held = details.held as { by?: { name?: unknown }; since?: unknown };
  return { name: String(held.by?.name ?? 'somebody'), since: String(held.since ?? '') };
};

const workVerb = (usage: string, doc: string, method: Worked): CommandRow => ({
  usage,
  doc,
  options: method === 'conversation.take' ? [revisionFlag, overFlag] : [revisionFlag],
  run: async (context, args, values) => {
    const asked = { conversation: arg(args, 0), ifRevision: revision(values) };
    const session = await context.session();
    const done = await (method === 'conversation.take'
      ? takeOver(args, () => session.call(method, { ...asked, over: flag(values, 'over') }))
      : session.call(method, asked));
    return { data: done, text: workText(done) };
  },
});

const moveVerb = (usage: string, doc: string, target: (args: readonly string[]) => Params<'conversation.move'>['to']): CommandRow => ({
  usage,
  doc,
  options: [revisionFlag],
  run: async (context, args, values) => {
    const moved = await (await context.session()).call(
      'conversation.move',
      { conversation: arg(args, 0), to: target(args), ifRevision: revision(values) },
      { timeoutMs: 60_000 },
    );
    return { data: moved, text: `${moved.moved} ${moved.moved === 1 ? 'mail' : 'mails'} moved to ${moved.folder}.` };
  },
});

const marks = ['read', 'unread', 'done', 'open', 'star', 'unstar'] as const;

export const mailCommands: readonly CommandRow[] = [
  {
    usage: 'panel',
    doc: 'my work list over all mailboxes I may send from',
    options: [['--mailbox <address>', 'only this one'], ['--view <view>', 'which list (default: team)', views], ...pageFlags],
    run: async (context, _args, values) => {
      const view = views.find((name) => name === option(values, 'view'));
      const session = await context.session();
      const panel = await session.call('panel.list', { mailbox: option(values, 'mailbox'), view, ...page(values) });
      const troubled = panel.rows.length > 0 || context.json ? [] : await troubledMailboxes(session, option(values, 'mailbox'));
      return { data: panel, text: rowsText(panel.rows, troubled.join('\n') || 'Nothing waits for you.') + more(panel.next) };
    },
  },
  {
    usage: 'list <mailbox>',
    doc: 'conversations of a mailbox',
    options: [['--folder <path>', 'only this folder'], ['--state <state>', 'default: any', states], ...pageFlags],
    run: async (context, args, values) => {
      const state = states.find((name) => name === option(values, 'state'));
      const folder = option(values, 'folder');
      const asked = { mailbox: arg(args, 0), state, ...page(values) };
      const session = await context.session();
      const found =
        folder === null ? await session.call('conversation.list', asked) : await session.call('folder.list', { ...asked, folder });
      return { data: found, text: rowsText(found.rows, 'Nothing here.') + more(found.next) };
    },
  },
  {
    usage: 'show <conversation>',
    doc: 'the thread: mails and notes',
    options: [
      ['--message <id>', 'only this mail'],
      ['--headers', 'with all headers'],
      ['--raw', 'the octets of the last mail, or of --message, as they came'],
      ['--output <file>', 'with --raw: a new file, or a folder (default: standard output, when that is no terminal)'],
    ],
    run: async (context, args, values) => {
      const raw = flag(values, 'raw');
      const output = option(values, 'output');
      if (output !== null && !raw) throw usageError('--output goes with --raw: it takes the octets of a mail.');
      if (raw && output === null && !context.json) refuseTerminal('A raw mail');
      const session = await context.session();
      const message = option(values, 'message');
      const asked = { conversation: arg(args, 0), message, headers: flag(values, 'headers') };
      const shown = raw ? await session.call('conversation.show', asked, { timeoutMs: 60_000 }) : await wholeConversation(session, asked);
      if (!raw) return { data: shown, text: conversationText(shown) };
      const wanted = shown.messages.at(-1)?.id;
      if (wanted === undefined) throw new PostroomError('not-found', 'There is no mail in this conversation.');
      const read = (onChunk: (chunk: Uint8Array) => void | Promise<void>) =>
        session.call('message.raw', { message: wanted }, { onChunk, timeoutMs: 120_000 });
      if (output !== null) {
        const saved = await save(output, `${wanted}.eml`, read);
        return {
          data: { message: wanted, path: saved.path, sizeOctets: saved.sizeOctets },
          text: `${saved.path} (${size(saved.sizeOctets)})`,
        };
      }
      if (context.json) {
        const chunks: Uint8Array[] = [];
        await read((chunk) => void chunks.push(chunk));
        return { data: { message: wanted, raw: Buffer.concat(chunks).toString('base64') }, text: '' };
      }
      await read(toStandardOutput);
      return null;
    },
  },
  {
    usage: 'attachment <message> <index>',
    doc: 'save one attachment',
    options: [['--output <file>', 'a new file, or a folder (default: standard output)']],
    run: async (context, args, values) => {
      const index = Number(arg(args, 1));
      if (!Number.isInteger(index) || index < 0) throw usageError(`The index is a number from 0 on, not "${arg(args, 1)}".`);
      const asked = { message: arg(args, 0), index };
      const output = option(values, 'output');
      if (output === null && context.json) throw usageError('With --json, say where the attachment goes: --output FILE.');
      if (output === null) refuseTerminal('An attachment');
      const session = await context.session();
      if (output === null) {
        await session.call('message.attachment', asked, { onChunk: toStandardOutput, timeoutMs: 300_000 });
        return null;
      }
      const octets = await (async () => {
        const chunks: Uint8Array[] = [];
        const got = await session.call('message.attachment', asked, { onChunk: (chunk) => void chunks.push(chunk), timeoutMs: 300_000 });
        return { ...got, chunks };
      })();
      const { path } = await save(output, octets.filename, async (sink) => {
        for (const chunk of octets.chunks) await sink(chunk);
      });
      return {
        data: { path, filename: octets.filename, type: octets.type, size: octets.sizeOctets },
        text: `${path} (${size(octets.sizeOctets)})`,
      };
    },
  },
  {
    usage: 'mark <conversation>',
    doc: "read and star are mine; done and open are the team's",
    options: [...marks.map((mark) => [`--${mark}`, `mark it ${mark}`] as const), revisionFlag],
    run: async (context, args, values) => {
      const chosen = marks.filter((mark) => flag(values, mark));
      const as = chosen[0];
      if (as === undefined || chosen.length > 1) throw usageError(`Give one of ${marks.map((mark) => `--${mark}`).join(', ')}.`);
      const done = await (await context.session()).call('conversation.mark', {
        conversation: arg(args, 0),
        as,
        ifRevision: revision(values),
      });
      return { data: done, text: workText(done) };
    },
  },
  workVerb('take <conversation>', 'assign it to me', 'conversation.take'),
  workVerb('release <conversation>', 'nobody has it', 'conversation.release'),
  {
    usage: 'assign <conversation> <to>',
    doc: 'to a person or a role that may send from the mailbox',
    options: [revisionFlag, overFlag],
    run: async (context, args, values) => {
      const session = await context.session();
      const asked = { conversation: arg(args, 0), to: arg(args, 1), ifRevision: revision(values), over: flag(values, 'over') };
      const done = await takeOver(args, () => session.call('conversation.assign', asked));
      return { data: done, text: workText(done) };
    },
  },
  {
    usage: 'note <conversation> <text>',
    doc: 'a note for the team',
    options: [revisionFlag],
    run: async (context, args, values) => {
      const done = await (await context.session()).call('conversation.note', {
        conversation: arg(args, 0),
        text: arg(args, 1),
        ifRevision: revision(values),
      });
      return { data: done, text: `Noted. Revision ${done.revision}.` };
    },
  },
  moveVerb('move <conversation> <folder>', 'move its mails to a folder', (args) => ({ folder: arg(args, 1) })),
  moveVerb('trash <conversation>', 'move its mails to the trash', () => ({ role: 'trash' })),
  moveVerb('spam <conversation>', 'move its mails to the junk folder', () => ({ role: 'junk' })),
  {
    usage: 'from',
    doc: 'addresses I may send from',
    run: async (context) => {
      const from = await (await context.session()).call('compose.from', {});
      const rows = from.rows.map((row) => [row.address, row.mailbox, row.name ?? '']);
      return { data: from, text: table(['address', 'mailbox', 'name'], rows, 'You may not send from any mailbox.') };
    },
  },
  {
    usage: 'send',
    doc: 'send a mail',
    options: [
      ['--to <address...>', 'to', 'list'],
      ['--subject <text>', 'the subject'],
      ['--in <conversation>', 'as part of this conversation; without --to it answers the last mail from outside'],
      ...bodyFlags,
    ],
    run: (context, _args, values) => {
      const conversation = option(values, 'in');
      if (option(values, 'from') === null && conversation === null)
        throw usageError('--from is missing. `postroom from` lists the addresses you may send from.');
      if (conversation === null && addresses(values, 'to') === null) throw usageError('--to is missing.');
      if (conversation === null) required(values, 'subject', '--subject');
      return send(context, values, {
        in: conversation,
        to: addresses(values, 'to'),
        subject: option(values, 'subject'),
        kind: conversation === null ? 'new' : 'reply',
      });
    },
  },
  {
    usage: 'reply <conversation>',
    doc: 'answer the last mail from outside',
    options: [
      ['--all', 'everybody who got it'],
      ['--message <id>', 'answer this mail'],
      ['--to <address...>', 'instead of who wrote', 'list'],
      ['--subject <text>', 'instead of Re: ...'],
      ...bodyFlags,
    ],
    run: (context, args, values) =>
      send(context, values, {
        in: arg(args, 0),
        kind: flag(values, 'all') ? 'reply-all' : 'reply',
        message: option(values, 'message'),
        to: addresses(values, 'to'),
        subject: option(values, 'subject'),
      }),
  },
  {
    usage: 'forward <conversation>',
    doc: 'pass a mail on, with its attachments',
    options: [
      ['--to <address...>', 'to', 'list'],
      ['--message <id>', 'this mail'],
      ['--subject <text>', 'instead of Fwd: ...'],
      ...bodyFlags,
    ],
    run: (context, args, values) => {
      const to = addresses(values, 'to');
      if (to === null) throw usageError('--to is missing.');
      return send(context, values, {
        in: arg(args, 0),
        kind: 'forward',
        message: option(values, 'message'),
        to,
        subject: option(values, 'subject'),
      });
    },
  },
  {
    usage: 'outbox list',
    doc: 'everything on its way out',
    options: [
      ['--mailbox <address>', 'only this one'],
      ['--state <state...>', 'only those in this state', 'list'],
      ['--limit <n>', 'at most this many (default 50)'],
    ],
    run: async (context, _args, values) => {
      const states = list(values, 'state').map(outboxState);
      const found = await (await context.session()).call('outbox.list', {
        mailbox: option(values, 'mailbox'),
        states: states.length === 0 ? null : states,
        limit: number(values, 'limit', '--limit'),
      });
      const rows = found.rows.map((row) => [
        row.id,
        row.state,
        day(row.createdAt),
        row.mailbox,
        row.to.join(', '),
        row.subject,
        row.lastError ?? '',
      ]);
      return {
        data: found,
        text:
          table(['outbox', 'state', 'queued', 'mailbox', 'to', 'subject', ''], rows, 'Nothing is on its way out.') +
          strayText(found.reports) +
          outOfReach(found.outOfReach),
      };
    },
  },
  outboxVerb('show', 'one of them'),
  outboxVerb('cancel', 'take it back'),
  outboxVerb('retry', 'send now what waits, and again what failed or what you know did not arrive'),
  {
    usage: 'outbox edit <id>',
    doc: 'a new mail takes its place: with other addresses, another text; what is not given stays',
    options: [
      ['--to <address...>', 'instead of those in To whom it did not reach', 'list'],
      ['--subject <text>', 'instead of its subject'],
      ...bodyFlags,
    ],
    run: (context, args, values) =>
      send(context, values, { instead: { outbox: arg(args, 0) }, to: addresses(values, 'to'), subject: option(values, 'subject') }),
  },
  {
    usage: 'outbox settle <id>',
    doc: 'say what became of a mail of unknown fate, or give up one that failed or came back',
    options: [
      ['--arrived', 'it did arrive (default)'],
      ['--again', 'it did not: send it again'],
      ['--discard', 'give it up: it is not sent again'],
    ],
    run: async (context, args, values) => {
      const chosen = decisions.filter((decision) => flag(values, decision));
      if (chosen.length > 1) throw usageError(`Give one of ${decisions.map((decision) => `--${decision}`).join(', ')}.`);
      const as = chosen[0] ?? 'arrived';
      const session = await context.session();
      const outbox = arg(args, 0);
      const entry = as === 'again' ? await session.call('outbox.retry', { outbox }) : await session.call('outbox.settle', { outbox, as });
      return { data: entry, text: outboxText(entry) };
    },
  },
];
