/** Persons, keys, roles, grants, and joining. */
import { isErrorCode, PostroomError } from '../../protocol/errors.ts';
import { fingerprint } from '../../protocol/keys.ts';
import type { Result } from '../../protocol/methods.ts';
import { operations } from '../../protocol/rows.ts';
import type { GrantEdit, Operation } from '../../protocol/schema.ts';
import { version } from '../../protocol/version.ts';
import { join } from '../join.ts';
import { day, facts, table, yes } from './print.ts';
import { type CommandRow, type Context, type Outcome, usageError, type Values } from './program.ts';
import { identityPath, loadIdentity } from './session.ts';
import { date, flag, list, number, option, pairs } from './values.ts';

const operation = (word: string | undefined): Operation => {
  const known = operations.find((name) => name === word);
  if (known === undefined) throw usageError(`"${word ?? ''}" is not a system operation. They are: ${operations.join(', ')}.`);
  return known;
};
const arg = (args: readonly string[], index: number): string => args[index] ?? '';

const invitationText = (given: Result<'person.add'>): string =>
  `${given.person.name} is invited. Give them this, once, until ${day(given.expiresAt)} UTC:\n\n  postroom join ${given.invitation}\n`;

const personText = (person: Result<'person.show'>): string =>
  facts([
    ['name', person.name],
    ['status', person.status],
    ['email', person.email],
    ['plan', person.plan],
    ['roles', person.roles.join(', ') || null],
    ['operations', person.operations.join(', ') || null],
    ['owns', [...person.owns, ...(person.ownsHidden > 0 ? [`${person.ownsHidden} mailboxes you cannot see`] : [])].join(', ') || null],
    [
      'keys',
      person.keys
        .map((key) => `${key.fingerprint}${key.label === '' ? '' : ` (${key.label})`}${key.revokedAt === null ? '' : ' revoked'}`)
        .join(', ') || null,
    ],
  ]);

const roleText = (role: Result<'role.show'>): string =>
  facts([
    ['role', role.name],
    ['members', role.members.map((member) => (member.kind === 'role' ? `role ${member.name}` : member.name)).join(', ') || 'nobody'],
    ['people', role.people.join(', ') || 'nobody'],
    ['operations', role.operations.join(', ') || null],
  ]);

const grantsText = (grants: Result<'grant.list'>): string =>
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
  if (refused !== null) {
    const details = refused.why === null ? {} : { why: refused.why };
    throw new PostroomError(isErrorCode(refused.code) ? refused.code : 'forbidden', refused.message, details);
  }
  return { data: preview, text: previewText(preview) };
}

const revisionOf = (values: Values): number | null => number(values, 'ifRevision', '--if-revision') ?? null;

const levels = {
  observe: { access: true, send: false, setup: false },
  reply: { access: false, send: true, setup: false },
  full: { access: true, send: true, setup: false },
  manage: { access: true, send: true, setup: true },
} as const;
const levelNames = Object.keys(levels) as (keyof typeof levels)[];

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
    usage: 'person remove <name>',
    doc: 'remove a person; their name stays on what they wrote',
    options: [['--successor <name>', 'who gets the mailboxes they own']],
    run: async (context, args, values) => {
      const data = await (await context.session()).call('person.remove', { name: arg(args, 0), successor: option(values, 'successor') });
      return { data, text: `${arg(args, 0)} is removed.` };
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
    usage: 'join <invitation>',
    doc: 'turn an invitation into an identity on this machine',
    run: async (context, args) => {
      const joined = await join({ invitation: arg(args, 0), path: identityPath(context), endpoint: context.connect, release: version });
      return {
        data: joined,
        text: `Welcome, ${joined.person.name}. You belong to ${joined.daemon.name} now; your identity is ${joined.identity}.\nYour fingerprint: ${joined.fingerprint}\nThe daemon's: ${joined.daemonFingerprint}`,
      };
    },
  },
  {
    usage: 'key list',
    doc: 'keys: my own, or all for people managers',
    run: async (context) => {
      const keys = await (await context.session()).call('key.list', {});
      const rows = keys.rows.map((key) => [
        key.fingerprint,
        key.person,
        day(key.addedAt),
        key.revokedAt === null ? (key.current ? 'this session' : '') : `revoked ${day(key.revokedAt)}`,
        key.label,
      ]);
      return { data: keys, text: table(['fingerprint', 'person', 'since', '', 'label'], rows, 'No keys.') };
    },
  },
  {
    usage: 'key revoke <fingerprint>',
    doc: 'revoke a key: its sessions end at once',
    run: async (context, args) => {
      const data = await (await context.session()).call('key.revoke', { fingerprint: arg(args, 0) });
      return { data, text: `${arg(args, 0)} is revoked.` };
    },
  },
  {
    usage: 'whoami',
    doc: 'who I am, and to which daemon',
    run: async (context) => {
      const me = await (await context.session()).call('session.whoami', {});
      const daemonFingerprint = fingerprint(loadIdentity(context).daemonKey); // that session proved it
      return {
        data: { ...me, daemonFingerprint },
        text: facts([
          ['person', me.person.name],
          ['daemon', `${me.daemon.name} (${me.daemon.version})`],
          ['roles', me.roles.join(', ') || null],
          ['operations', me.operations.join(', ') || null],
          ['fingerprint', me.fingerprint],
          ["the daemon's", daemonFingerprint],
        ]),
      };
    },
  },
  {
    usage: 'role add <name>',
    doc: 'a named set of persons and roles',
    run: async (context, args) => {
      const role = await (await context.session()).call('role.add', { name: arg(args, 0) });
      return { data: role, text: `Role ${role.name} is made. Add people with: postroom role member add ${role.name} NAME` };
    },
  },
  {
    usage: 'role list',
    doc: 'all roles',
    run: async (context) => {
      const roles = await (await context.session()).call('role.list', {});
      return {
        data: roles,
        text: table(
          ['role', 'people'],
          roles.rows.map((role) => [role.name, role.people.join(', ')]),
          'No roles.',
        ),
      };
    },
  },
  {
    usage: 'role show <name>',
    doc: 'members of a role',
    run: async (context, args) => {
      const role = await (await context.session()).call('role.show', { name: arg(args, 0) });
      return { data: role, text: roleText(role) };
    },
  },
  {
    usage: 'role remove <name>',
    doc: 'remove a role and the grants given to it',
    run: async (context, args) => {
      const data = await (await context.session()).call('role.remove', { name: arg(args, 0) });
      return { data, text: `Role ${arg(args, 0)} is removed.` };
    },
  },
  ...(['add', 'remove'] as const).map(
    (verb): CommandRow => ({
      usage: `role member ${verb} <role> <member>`,
      doc: verb === 'add' ? 'a person or a role joins' : 'a member leaves',
      run: async (context, args) => {
        const role = await (await context.session()).call(`role.member.${verb}`, { role: arg(args, 0), member: arg(args, 1) });
        return { data: role, text: roleText(role) };
      },
    }),
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
    run: async (context, args) => {
      const why = await (await context.session()).call('grant.explain', { mailbox: arg(args, 0), person: arg(args, 1) });
      const lines = [
        ...why.because.map((row) => [row.right, 'yes', `${row.via.join(' > ')}${row.until === null ? '' : ` until ${day(row.until)}`}`]),
        ...why.denied.map((row) => [row.right, 'no', row.why]),
      ];
      return { data: why, text: `${why.person} on ${why.mailbox}\n${table(['right', '', 'because'], lines, '')}` };
    },
  },
];
