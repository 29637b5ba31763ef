/** Persons, and what they are given. */
import type { Result } from '../../protocol/methods.ts';
import { operations } from '../../protocol/rows.ts';
import type { GrantEdit, Leaving, Operation } from '../../protocol/schema.ts';
import { leavingLines } from '../leaving.ts';
import { explainText, levelNames, levels, refusedAs, supposed, unusedText, whatIfText } from './grants.ts';
import { invitationText, keyState } from './identity.ts';
import { day, facts, table, yes } from './print.ts';
import { type CommandRow, type Context, type Outcome, usageError, type Values } from './program.ts';
import { date, flag, list, number, option, pairs } from './values.ts';

const operation = (word: string | undefined): Operation => {
  const known = operations.find((name) => name === word);
  if (known === undefined) throw usageError(`"${word ?? ''}" is not a system operation. They are: ${operations.join(', ')}.`);
  return known;
};
const arg = (args: readonly string[], index: number): string => args[index] ?? '';

const personText = (person: Result<'person.show'>): string =>
  facts([
    ['name', person.name],
    ['status', person.status],
    ['email', person.email],
    ['plan', person.plan],
    ['roles', person.roles.join(', ') || null],
    ['operations', person.operations.join(', ') || null],
    ['counts as', person.countsAs.length === 0 ? null : `${person.countsAs.join(', ')} (not confirmed yet)`],
    ['owns', [...person.owns, ...(person.ownsHidden > 0 ? [`${person.ownsHidden} mailboxes you cannot see`] : [])].join(', ') || null],
    [
      'keys',
      person.keys
        .map((key) => `${key.fingerprint}${key.label === '' ? '' : ` (${key.label})`}${keyState(key) === '' ? '' : `: ${keyState(key)}`}`)
        .join(', ') || null,
    ],
  ]);

const leavingText = (leaving: Leaving, choices: Parameters<typeof leavingLines>[1]): string =>
  [
    `This hangs on ${leaving.person.name}; nothing is written.`,
    table(
      ['', 'now', 'then'],
      leavingLines(leaving, choices).map(({ kind, what, fate }) => [kind, what, fate]),
      '',
    ),
    ...(leaving.refused === null || leaving.wants.length > 0 ? [] : [`It would be refused: ${leaving.refused.message}`]),
  ].join('\n');

const grantsText = (grants: Result<'grant.list'>): string =>
  [
    ...(grants.shared ? [] : ['This mailbox is personal: its grants are kept and do not count. postroom mailbox share ADDRESS']),
    grantsTable(grants),
    ...grants.rows.flatMap(({ grantee, policy }) => (policy === null ? [] : [`${grantee.name} could not be given this today: ${policy}`])),
  ].join('\n');

const grantsTable = (grants: Result<'grant.list'>): string =>
  table(
    ['grantee', 'access', 'send', 'setup', 'from', 'until', 'by', 'id', 'note'],
    grants.rows.map((row) => [
      row.grantee.kind === 'role' ? `role ${row.grantee.name}` : row.grantee.name,
      yes(row.access),
      yes(row.send),
      yes(row.setup),
      day(row.from),
      day(row.until),
      row.by,
      row.id,
      row.note ?? '',
    ]),
    'Nobody but the owner has a right on it. Give one with: postroom grant set ADDRESS NAME --level reply',
  );

const previewText = (preview: Result<'grant.preview'>): string => {
  const holders = preview.holders.map(({ kind, name, people }) => (kind === 'role' ? `role ${name} (${people} people)` : name));
  return [
    `This would happen on ${preview.mailbox}; nothing is written.`,
    table(
      ['person', 'gains', 'loses', 'from'],
      preview.differences.map((row) => [
        row.person,
        row.gains.join(' '),
        row.loses.join(' '),
        row.from === null ? 'at once' : day(row.from),
      ]),
      'Nobody gains or loses anything.',
    ),
    `Setup afterwards: ${holders.join(', ')}`,
  ].join('\n');
};

/** With --dry-run: what the edit would do. Fails exactly as the write would. */
async function tried(context: Context, values: Values, mailbox: string, edit: GrantEdit): Promise<Outcome> {
  const preview = await (await context.session()).call('grant.preview', { mailbox, edits: [edit], ifRevision: revisionOf(values) });
  const { refused } = preview;
  if (refused !== null) throw refusedAs(refused);
  return { data: preview, text: previewText(preview) };
}

const revisionOf = (values: Values): number | null => number(values, 'ifRevision', '--if-revision') ?? null;

function rightsOf(values: Parameters<CommandRow['run']>[2]): { access: boolean; send: boolean; setup: boolean } {
  const named = levelNames.find((name) => name === option(values, 'level'));
  const level = named === undefined ? undefined : levels[named];
  const flags = { access: flag(values, 'access'), send: flag(values, 'send'), setup: flag(values, 'setup') };
  if (level !== undefined && (flags.access || flags.send || flags.setup))
    throw usageError('Give either --level, or --access, --send and --setup.');
  const rights = level ?? flags;
  if (!rights.access && !rights.send && !rights.setup) {
    throw usageError('Name at least one right: --access, --send, --setup or --level. To take all away: postroom grant remove.');
  }
  return rights;
}

const rightFlags = [
  ['--access', 'timeline, history, folder lists'],
  ['--send', 'panel, and sending from its addresses'],
  ['--setup', 'settings and grants'],
  ['--level <level>', 'a preset of the three', levelNames],
] as const;
const noteFlag = ['--note <text>', 'why, for those who read it later'] as const;
const dryRunFlag = ['--dry-run', 'say who would gain and lose what, and write nothing'] as const;
const revisionFlag = ['--if-revision <n>', 'only if nobody changed it since'] as const;

export const peopleCommands: readonly CommandRow[] = [
  {
    usage: 'person add <name>',
    doc: 'add a person and print an invitation for them',
    options: [
      ['--email <address>', 'their own address'],
      ['--operation <op>', 'a system operation', 'list'],
    ],
    run: async (context, args, values) => {
      const session = await context.session();
      const given = await session.call('person.add', {
        name: arg(args, 0),
        email: option(values, 'email'),
        operations: list(values, 'operation').map(operation),
      });
      if (given.warning !== null) context.warn(given.warning);
      return { data: given, text: invitationText(given) };
    },
  },
  {
    usage: 'person invite <name>',
    doc: 'one more key for the same person (a second laptop)',
    run: async (context, args) => {
      const given = await (await context.session()).call('person.invite', { name: arg(args, 0) });
      if (given.warning !== null) context.warn(given.warning);
      return { data: given, text: invitationText(given) };
    },
  },
  {
    usage: 'person list',
    doc: 'everybody',
    run: async (context) => {
      const people = await (await context.session()).call('person.list', {});
      return {
        data: people,
        text: table(
          ['name', 'status', 'email'],
          people.rows.map((row) => [row.name, row.status, row.email ?? '']),
          'Nobody.',
        ),
      };
    },
  },
  {
    usage: 'person show <name>',
    doc: 'one person: roles, operations, keys',
    run: async (context, args) => {
      const person = await (await context.session()).call('person.show', { name: arg(args, 0) });
      return { data: person, text: personText(person) };
    },
  },
  {
    usage: 'person set <name> <pairs...>',
    doc: 'plan=P email=A (an empty value clears it)',
    run: async (context, args) => {
      const given = pairs(args.slice(1));
      for (const key of given.keys())
        if (key !== 'plan' && key !== 'email') throw usageError(`"${key}" is not a key of a person. They are: plan, email.`);
      const cleared = (key: string): string | null | undefined => (given.has(key) ? given.get(key) || null : undefined);
      const person = await (await context.session()).call('person.set', {
        name: arg(args, 0),
        plan: cleared('plan'),
        email: cleared('email'),
      });
      return { data: person, text: `${person.name} is changed.` };
    },
  },
  ...(['disable', 'enable'] as const).map(
    (verb): CommandRow => ({
      usage: `person ${verb} <name>`,
      doc: verb === 'disable' ? 'end their sessions at once and keep everything' : 'let a disabled person in again',
      run: async (context, args) => {
        const person = await (await context.session()).call(`person.${verb}`, { name: arg(args, 0) });
        return { data: person, text: `${person.name} is ${person.status}.` };
      },
    }),
  ),
  {
    usage: 'person confirm <name>',
    doc: 'there is such a person: they no longer count as whoever invited them',
    run: async (context, args) => {
      const data = await (await context.session()).call('person.confirm', { name: arg(args, 0) });
      return { data, text: `${arg(args, 0)} is confirmed.` };
    },
  },
  {
    usage: 'person remove <name>',
    doc: 'remove a person; their name stays on what they wrote',
    options: [
      ['--successor <name>', 'who gets their mailboxes, and their conversations where they may send'],
      ['--release', 'their conversations go back to the team'],
      ['--mail <fate>', 'their mail that did not leave yet: held and shown (default), or taken back', ['hold', 'cancel']],
      ['--dry-run', 'everything that hangs on them and what would become of it; writes nothing'],
    ],
    run: async (context, args, values) => {
      const mail = option(values, 'mail') === 'cancel' ? 'cancel' : 'hold';
      const asked = { name: arg(args, 0), successor: option(values, 'successor'), release: flag(values, 'release'), mail } as const;
      const session = await context.session();
      if (flag(values, 'dryRun')) {
        const leaving = await session.call('person.leaving', asked);
        return { data: leaving, text: leavingText(leaving, asked) };
      }
      const data = await session.call('person.remove', asked);
      return { data, text: `${asked.name} is removed.` };
    },
  },
  ...(['person', 'role'] as const).flatMap((noun) =>
    (['allow', 'deny'] as const).map(
      (verb): CommandRow => ({
        usage: `${noun} ${verb} <name> <operation>`,
        doc: verb === 'allow' ? 'give a system operation (never to oneself)' : 'take a system operation away',
        run: async (context, args) => {
          const data = await (await context.session()).call(`${noun}.${verb}`, { name: arg(args, 0), operation: operation(args[1]) });
          return { data, text: `${arg(args, 0)}: ${arg(args, 1)} ${verb === 'allow' ? 'given' : 'taken away'}.` };
        },
      }),
    ),
  ),
  {
    usage: 'grant list <mailbox>',
    doc: 'who was given what on a mailbox',
    run: async (context, args) => {
      const grants = await (await context.session()).call('grant.list', { mailbox: arg(args, 0) });
      return { data: grants, text: grantsText(grants) };
    },
  },
  {
    usage: 'grant set <mailbox> <grantee>',
    doc: 'the standing grant: exactly these rights',
    options: [...rightFlags, noteFlag, revisionFlag, dryRunFlag],
    run: async (context, args, values) => {
      const [mailbox, grantee] = [arg(args, 0), arg(args, 1)];
      const given = { grantee, ...rightsOf(values), note: option(values, 'note') };
      if (flag(values, 'dryRun')) return tried(context, values, mailbox, { kind: 'set', ...given });
      const grants = await (await context.session()).call('grant.set', { mailbox, ...given, ifRevision: revisionOf(values) });
      return { data: grants, text: grantsText(grants) };
    },
  },
  {
    usage: 'grant add <mailbox> <grantee>',
    doc: 'one more grant, with an end',
    options: [...rightFlags, ['--from <date>', 'when it begins'], ['--until <date>', 'when it ends'], noteFlag, revisionFlag, dryRunFlag],
    run: async (context, args, values) => {
      const until = option(values, 'until');
      if (until === null) throw usageError('--until is missing. A grant without an end is the standing one: postroom grant set.');
      const from = option(values, 'from');
      const [mailbox, grantee] = [arg(args, 0), arg(args, 1)];
      const given = {
        grantee,
        ...rightsOf(values),
        from: from === null ? null : date(from, '--from', 'begin'),
        until: date(until, '--until', 'end'),
        note: option(values, 'note'),
      };
      if (flag(values, 'dryRun')) return tried(context, values, mailbox, { kind: 'add', ...given });
      const grants = await (await context.session()).call('grant.add', { mailbox, ...given, ifRevision: revisionOf(values) });
      return { data: grants, text: grantsText(grants) };
    },
  },
  {
    usage: 'grant remove <mailbox> <grantee>',
    doc: 'take grants away',
    options: [['--grant <id>', 'only this one; without it all of the grantee'], revisionFlag, dryRunFlag],
    run: async (context, args, values) => {
      const [mailbox, grantee] = [arg(args, 0), arg(args, 1)];
      const given = { grantee, grant: option(values, 'grant') };
      if (flag(values, 'dryRun')) return tried(context, values, mailbox, { kind: 'remove', ...given });
      const grants = await (await context.session()).call('grant.remove', { mailbox, ...given, ifRevision: revisionOf(values) });
      return { data: grants, text: grantsText(grants) };
    },
  },
  {
    usage: 'grant explain <mailbox> <person>',
    doc: 'the chain that gives or denies each right',
    options: [['--if <grantee=rights>', 'what would be: agents=none, ben=access+send, li=reply@2026-12-24 (one more, until then)', 'list']],
    run: async (context, args, values) => {
      const session = await context.session();
      const [mailbox, person, edits] = [arg(args, 0), arg(args, 1), list(values, 'if').map(supposed)];
      if (edits.length > 0) {
        const preview = await session.call('grant.preview', { mailbox, edits, person });
        return { data: preview, text: whatIfText(preview) };
      }
      const why = await session.call('grant.explain', { mailbox, person });
      return { data: why, text: explainText(why) };
    },
  },
  {
    usage: 'grant unused [mailbox]',
    doc: 'rights that nobody used who holds them through a grant',
    options: [
      ['--days <n>', 'for how long (default: 90)'],
      ['--limit <n>', 'at most so many (default: 500)'],
    ],
    run: async (context, args, values) => {
      const asked = { mailbox: args[0] ?? null, days: number(values, 'days', '--days'), limit: number(values, 'limit', '--limit') };
      const report = await (await context.session()).call('grant.unused', asked);
      return { data: report, text: unusedText(report, Date.now()) };
    },
  },
];
