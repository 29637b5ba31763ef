/** Roles: named sets of persons and other roles. Every change says what it gives and takes; with --dry-run nothing is written. */
import { isErrorCode, PostroomError } from '../../protocol/errors.ts';
import type { Params } from '../../protocol/methods.ts';
import type { Role, RoleDetail, RolePreview } from '../../protocol/schema.ts';
import { rolePreviewLines } from '../leaving.ts';
import { day, facts, table } from './print.ts';
import type { CommandRow, Context } from './program.ts';
import { flag } from './values.ts';

const dryRun = ['--dry-run', 'say what it would give and take, and write nothing'] as const;

const roleFacts = (role: Role): [string, string | null][] => [
  ['role', role.name],
  ['members', role.members.map((member) => (member.kind === 'role' ? `role ${member.name}` : member.name)).join(', ') || 'nobody'],
  ['people', role.people.join(', ') || 'nobody'],
  ['operations', role.operations.join(', ') || null],
];

function detailText(role: RoleDetail): string {
  const rights = ({ access, send, setup }: RoleDetail['carries'][number]): string =>
    [access && 'Access', send && 'Send', setup && 'Setup'].filter((word) => word !== false).join(' ');
  const through = role.effective.map(({ person, via, status }) => [
    person,
    via.map((one) => `role ${one}`).join(' > ') || 'member',
    status,
  ]);
  const carries = role.carries.map((grant) => [grant.mailbox, rights(grant), day(grant.from), day(grant.until)]);
  return [
    facts([
      ...roleFacts(role),
      ['is in', role.within.join(', ') || null],
      ['given to it', role.carriesHidden > 0 ? `on ${role.carriesHidden} mailboxes you cannot see` : null],
    ]),
    ...(through.length === 0 ? [] : [table(['person', 'through', 'status'], through, '')]),
    ...(carries.length === 0 ? [] : [table(['mailbox', 'rights', 'from', 'until'], carries, '')]),
  ].join('\n\n');
}

async function preview(context: Context, asked: Params<'role.preview'>): Promise<RolePreview> {
  const looked = await (await context.session()).call('role.preview', asked);
  const { refused } = looked;
  if (refused === null) return looked;
  throw new PostroomError(
    isErrorCode(refused.code) ? refused.code : 'forbidden',
    refused.message,
    refused.why === null ? {} : { why: refused.why },
  );
}

const previewText = (looked: RolePreview): string => rolePreviewLines(looked).join('\n');

export const roleCommands: readonly CommandRow[] = [
  {
    usage: 'role add <name>',
    doc: 'a named set of persons and roles',
    run: async (context, [name = '']) => {
      const role = await (await context.session()).call('role.add', { name });
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
    doc: 'members, whom it comes to and through what',
    run: async (context, [name = '']) => {
      const role = await (await context.session()).call('role.show', { name });
      return { data: role, text: detailText(role) };
    },
  },
  {
    usage: 'role remove <name>',
    doc: 'remove a role and the grants given to it',
    options: [dryRun],
    run: async (context, [name = ''], values) => {
      const looked = await preview(context, { role: name, edit: 'remove' });
      if (flag(values, 'dryRun')) return { data: looked, text: `Nothing is written. It would take:\n${previewText(looked)}` };
      const data = await (await context.session()).call('role.remove', { name });
      return { data, text: `Role ${name} is removed. It took:\n${previewText(looked)}` };
    },
  },
  ...(['add', 'remove'] as const).map(
    (verb): CommandRow => ({
      usage: `role member ${verb} <role> <member>`,
      doc: verb === 'add' ? 'a person or a role joins' : 'a member leaves',
      options: [dryRun],
      run: async (context, [role = '', member = ''], values) => {
        if (flag(values, 'dryRun')) {
          const looked = await preview(context, { role, member, edit: verb === 'add' ? 'join' : 'leave' });
          return { data: looked, text: `Nothing is written.\n${previewText(looked)}` };
        }
        const changed = await (await context.session()).call(`role.member.${verb}`, { role, member });
        return { data: changed, text: facts(roleFacts(changed)) };
      },
    }),
  ),
];
