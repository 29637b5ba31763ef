/** Mailboxes: adding, settings, addresses, sync state, folders. */
import { PostroomError } from '../../protocol/errors.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import { type SettingChange, SettingField, TestSteps } from '../../protocol/schema.ts';
import { day, facts, table } from './print.ts';
import { type CommandRow, usageError, type Values } from './program.ts';
import { bool, date, fileText, flag, number, option, pairs } from './values.ts';

type Mailbox = Result<'mailbox.show'>;
const arg = (args: readonly string[], index: number): string => args[index] ?? '';

export function stateText(mailbox: Pick<Mailbox, 'state' | 'sync'>): string {
  const { state, sync } = mailbox;
  const words = state === 'syncing' && sync.total !== null ? `syncing ${sync.done} of ${sync.total}` : state;
  return sync.error === null ? words : `${words}: ${sync.error}`;
}

const mailboxText = (mailbox: Mailbox): string =>
  facts([
    ['mailbox', mailbox.address],
    ['aliases', mailbox.addresses.slice(1).join(', ') || null],
    ['name', mailbox.name],
    ['owner', mailbox.owner],
    ['shared', mailbox.shared ? 'yes' : 'no: its grants are kept and do not count'],
    ['state', stateText(mailbox)],
    ['work from', mailbox.workFrom === null ? 'all mail' : day(mailbox.workFrom)],
    ['you', rightsText(mailbox.rights)],
    ['incoming', mailbox.server?.imap ?? (mailbox.kind === 'hosted' ? 'hosted here' : null)],
    ['outgoing', mailbox.server?.smtp ?? null],
    ['secret', mailbox.server === null || mailbox.kind === 'hosted' ? null : mailbox.server.secret],
    ['stored', storedText(mailbox)],
    ...Object.entries(mailbox.settings ?? {})
      .filter(([key]) => key !== 'name')
      .map(([key, value]) => [key, String(value ?? '-')] as const),
  ]);

const storedText = ({ messages, folders }: Mailbox): string | null =>
  messages === null ? null : `${messages} messages${folders === null ? '' : ` in ${folders} folders`}`;

const rightsText = (rights: Mailbox['rights']): string =>
  Object.entries(rights)
    .filter(([, held]) => held)
    .map(([surface]) => surface)
    .join(', ') || 'nothing';

/** As `mailbox set` takes it, what is not set is a dash; of a list only what is not on the other side too. */
function settingText(field: SettingField, value: SettingChange['before'], other: SettingChange['before']): string {
  if (value === null || value === '') return field === 'workFrom' ? 'all' : '-';
  if (!Array.isArray(value)) return String(value);
  return value.filter((one) => !(Array.isArray(other) && other.includes(one))).join(', ') || '-';
}

function historyText({ rows, next, begin }: Result<'mailbox.history'>): string {
  const told = table(
    ['at', 'who', 'field', 'before', 'after'],
    rows.map(({ at, by, field, before, after }) => [
      day(at),
      by ?? '-',
      field,
      settingText(field, before, after),
      settingText(field, after, before),
    ]),
    'Nothing of that was changed.',
  );
  if (next !== null) return `${told}\nMore with: --cursor ${next}`;
  return begin.added
    ? `${told}\nAdded ${day(begin.at)}${begin.by === null ? '' : ` by ${begin.by}`}.`
    : `${told}\nWhat was changed before the journal began (${day(begin.at)}) is not known.`;
}

/** Where the password comes from: read once here, or the name of a command that the daemon runs. */
async function secretOf(values: Values): Promise<Params<'mailbox.add'>['secret']> {
  const variable = option(values, 'passwordEnv');
  const file = option(values, 'passwordFile');
  const command = option(values, 'passwordCommand');
  const given = [variable, file, command].filter((source) => source !== null);
  if (given.length > 1) throw usageError('Give one of --password-env, --password-file and --password-command.');
  if (command !== null) return { kind: 'command', name: command };
  if (variable !== null) {
    const password = process.env[variable];
    if (password === undefined || password === '')
      throw usageError(`The environment has no ${variable}, or it is empty. Set it for this one command: ${variable}=… postroom mailbox …`);
    return { kind: 'password', password };
  }
  if (file === null) return null;
  const password = (await fileText(file)).replace(/\r?\n$/, '');
  if (password === '') throw usageError(`${file} is empty.`);
  return { kind: 'password', password };
}

const passwordFlags = [
  ['--password-env <variable>', 'read the password from an environment variable, once'],
  ['--password-file <file>', 'read the password from a file, once'],
  ['--password-command <name>', "a command of the daemon's config that prints it"],
] as const;

/** Servers that do not work as given: which option mends it. */
function mendedBy(error: unknown, values: Values): unknown {
  if (!(error instanceof PostroomError)) return error;
  const steps = TestSteps.safeParse(error.details.steps).data ?? [];
  const failed = steps.filter(({ ok }) => !ok);
  if (failed.length === 0) return error;
  const given = ['passwordEnv', 'passwordFile', 'passwordCommand'].find((name) => option(values, name) !== null);
  const password = `--${(given ?? 'passwordFile').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const mends = failed.map(({ server, step }) => {
    if (step === 'tls') return `Give the CA of the ${server} server with --tls-ca FILE, or mend --${server}`;
    if (step === 'login' || step === 'sign in') return `Check ${password} and --user`;
    return `Check --${server}`;
  });
  const mend = `${[...new Set(mends)].join('. ')}. With --no-test it is added as it is.`;
  return new PostroomError(error.code, `${error.message.replace(/\.?$/, '.')} ${mend}`, error.details, { cause: error });
}

export const mailboxCommands: readonly CommandRow[] = [
  {
    usage: 'mailbox add <address>',
    doc: 'add a mailbox of a mail server, or one that the daemon keeps itself',
    options: [
      ['--imap <url>', 'imaps://host:993, imap://host:143 (STARTTLS)'],
      ['--smtp <url>', 'smtps://host:465, smtp://host:587 (STARTTLS)'],
      ['--hosted', 'the daemon receives for it over SMTP itself'],
      ['--user <user>', 'the user name there (default: the address)'],
      ...passwordFlags,
      ['--tls-ca <file>', 'a certificate authority of your own (PEM)'],
      ['--shared', 'allow shared access'],
      ['--work-from <date>', 'older mail starts done and read; "all": all mail is work (default: 14 days back)'],
      ['--name <text>', 'the display name in From'],
      ['--no-test', 'add it without trying the servers first'],
    ],
    run: async (context, args, values) => {
      const imap = option(values, 'imap');
      const smtp = option(values, 'smtp');
      const secret = await secretOf(values);
      if (flag(values, 'hosted')) {
        if (imap !== null || smtp !== null || secret !== null)
          throw usageError('A hosted mailbox has no server and no password: leave --imap, --smtp and --password-* out.');
      } else {
        if (imap === null || smtp === null)
          throw usageError('Give --imap and --smtp, or --hosted for a mailbox that the daemon keeps itself.');
        if (secret === null) throw usageError('Say where the password is: --password-env, --password-file or --password-command.');
      }
      const workFrom = option(values, 'workFrom');
      const ca = option(values, 'tlsCa');
      const session = await context.session();
      const asked: Params<'mailbox.add'> = {
        address: arg(args, 0),
        imap,
        smtp,
        user: option(values, 'user'),
        secret,
        ca: ca === null ? null : await fileText(ca),
        shared: flag(values, 'shared'),
        ...(workFrom === null ? {} : { workFrom: workFrom === 'all' ? null : date(workFrom, '--work-from', 'begin') }),
        name: option(values, 'name'),
        test: imap !== null && values.test !== false,
      };
      const mailbox = await session.call('mailbox.add', asked, { timeoutMs: 120_000 }).catch((error: unknown) => {
        throw mendedBy(error, values);
      });
      return { data: mailbox, text: mailboxText(mailbox) };
    },
  },
  {
    usage: 'mailbox list',
    doc: 'mailboxes on which I have any right',
    run: async (context) => {
      const list = await (await context.session()).call('mailbox.list', {});
      const rows = list.rows.map((row) => [
        row.address,
        row.shared ? 'shared' : 'personal',
        rightsText(row.rights),
        String(row.messages ?? ''),
        stateText(row),
      ]);
      return {
        data: list,
        text: table(
          ['mailbox', '', 'you', 'mails', 'state'],
          rows,
          'No mailbox yet. Add one with: postroom mailbox add ADDRESS --imap URL --smtp URL --password-file FILE',
        ),
      };
    },
  },
  {
    usage: 'mailbox show <mailbox>',
    doc: 'one mailbox: state, rights, settings',
    run: async (context, args) => {
      const mailbox = await (await context.session()).call('mailbox.show', { mailbox: arg(args, 0) });
      return { data: mailbox, text: mailboxText(mailbox) };
    },
  },
  {
    usage: 'mailbox set <mailbox> [pairs...]',
    doc: 'name=, signature=, readState=, done=, followServer=, outgoingInPanel=, workFrom=, imap=, smtp=, user=',
    options: [
      ...passwordFlags,
      ['--tls-ca <file>', 'a certificate authority of your own (PEM)'],
      ['--if-revision <n>', 'only if nobody changed it since'],
    ],
    run: async (context, args, values) => {
      const asked: Params<'mailbox.set'> = {
        mailbox: arg(args, 0),
        settings: {},
        ifRevision: number(values, 'ifRevision', '--if-revision') ?? null,
      };
      const settings: NonNullable<Params<'mailbox.set'>['settings']> = {};
      for (const [key, value] of pairs(args.slice(1))) {
        if (key === 'name' || key === 'signature') settings[key] = value === '' ? null : value;
        // What values fit is the protocol's to say: it answers `invalid` with the list.
        else if (key === 'readState') settings.readState = value as NonNullable<typeof settings.readState>;
        else if (key === 'done') settings.done = value as NonNullable<typeof settings.done>;
        else if (key === 'followServer' || key === 'outgoingInPanel') settings[key] = bool(value, key);
        else if (key === 'workFrom') asked.workFrom = value === 'all' ? null : date(value, 'workFrom', 'begin');
        else if (key === 'imap' || key === 'smtp' || key === 'user') asked[key] = value;
        else
          throw usageError(
            `"${key}" is not a setting. They are: name, signature, readState, done, followServer, outgoingInPanel, workFrom, imap, smtp, user.`,
          );
      }
      const secret = await secretOf(values);
      const ca = option(values, 'tlsCa');
      if (args.length === 1 && secret === null && ca === null)
        throw usageError('Say what to change: KEY=VALUE, --password-* or --tls-ca. `postroom mailbox show` prints what is set.');
      const mailbox = await (await context.session()).call('mailbox.set', {
        ...asked,
        settings,
        ...(secret === null ? {} : { secret }),
        ...(ca === null ? {} : { ca: await fileText(ca) }),
      });
      return { data: mailbox, text: mailboxText(mailbox) };
    },
  },
  {
    usage: 'mailbox history <mailbox>',
    doc: 'what was changed of its settings, by whom, from what to what; newest first',
    options: [
      ['--field <key>', 'only this one', SettingField.options],
      ['--limit <n>', 'at most this many (default 50)'],
      ['--cursor <cursor>', 'go on where the last page ended'],
    ],
    run: async (context, args, values) => {
      const named = option(values, 'field');
      const history = await (await context.session()).call('mailbox.history', {
        mailbox: arg(args, 0),
        field: SettingField.options.find((one) => one === named) ?? null,
        limit: number(values, 'limit', '--limit'),
        cursor: option(values, 'cursor'),
      });
      return { data: history, text: historyText(history) };
    },
  },
  {
    usage: 'mailbox test <mailbox>',
    doc: 'connect to both servers and say what happened',
    run: async (context, args) => {
      const test = await (await context.session()).call('mailbox.test', { mailbox: arg(args, 0) }, { timeoutMs: 90_000 });
      const rows = test.steps.map((step) => [step.server, step.step, step.ok ? 'ok' : 'FAILED', step.message]);
      return { data: test, text: table(['server', 'step', '', ''], rows, 'A hosted mailbox has no servers to test.'), failed: !test.ok };
    },
  },
  ...(['share', 'unshare'] as const).map(
    (verb): CommandRow => ({
      usage: `mailbox ${verb} <mailbox>`,
      doc: verb === 'share' ? 'allow shared access: its grants count' : 'make it personal: grants are kept and do not count',
      run: async (context, args) => {
        const mailbox = await (await context.session()).call(`mailbox.${verb}`, { mailbox: arg(args, 0) });
        return { data: mailbox, text: mailboxText(mailbox) };
      },
    }),
  ),
  {
    usage: 'mailbox transfer <mailbox> <person>',
    doc: 'give it to another owner',
    run: async (context, args) => {
      const data = await (await context.session()).call('mailbox.transfer', { mailbox: arg(args, 0), person: arg(args, 1) });
      return { data, text: `${arg(args, 0)} belongs to ${arg(args, 1)} now.` };
    },
  },
  {
    usage: 'mailbox remove <mailbox>',
    doc: 'forget it here; nothing changes on an IMAP server',
    run: async (context, args) => {
      const data = await (await context.session()).call('mailbox.remove', { mailbox: arg(args, 0) });
      return { data, text: `${arg(args, 0)} is removed.` };
    },
  },
  ...(['add', 'remove'] as const).map(
    (verb): CommandRow => ({
      usage: `mailbox address ${verb} <mailbox> <alias>`,
      doc: verb === 'add' ? 'one more address' : 'an alias goes',
      run: async (context, args) => {
        const mailbox = await (await context.session()).call(`mailbox.address.${verb}`, { mailbox: arg(args, 0), alias: arg(args, 1) });
        return { data: mailbox, text: mailboxText(mailbox) };
      },
    }),
  ),
  {
    usage: 'sync [mailbox]',
    doc: 'look at the server now; all my mailboxes when none is named',
    options: [['--wait', 'return when stored = server']],
    run: async (context, args, values) => {
      const session = await context.session();
      const wait = flag(values, 'wait');
      const all = (await session.call('mailbox.list', {})).rows;
      const named = args[0];
      const mailboxes =
        named === undefined ? all.filter((row) => row.rights.panel || row.rights.timeline).map((row) => row.address) : [named];
      const rows = await Promise.all(
        mailboxes.map((mailbox) => session.call('mailbox.sync', { mailbox, wait }, { timeoutMs: wait ? 3_600_000 : 30_000 })),
      );
      return {
        data: { rows },
        text: table(
          ['mailbox', 'mails', 'state'],
          rows.map((row) => [row.address, String(row.messages ?? ''), stateText(row)]),
          'No mailbox to look at.',
        ),
      };
    },
  },
  {
    usage: 'folders <mailbox>',
    doc: 'every folder: what the server holds, what is stored',
    run: async (context, args) => {
      const folders = await (await context.session()).call('mailbox.folders', { mailbox: arg(args, 0) });
      const rows = folders.rows.map((row) => [
        row.path,
        row.role ?? '',
        row.server === null ? '-' : String(row.server),
        String(row.stored),
        row.selectable ? (row.error ?? '') : 'holds folders only',
      ]);
      return { data: folders, text: table(['folder', 'role', 'server', 'stored', ''], rows, 'No folders yet.') };
    },
  },
  {
    usage: 'watch <mailbox> <level>',
    doc: 'all, mine or none: what of it counts as unread for me and notifies me',
    run: async (context, args) => {
      const level = arg(args, 1);
      if (level !== 'all' && level !== 'mine' && level !== 'none') throw usageError('The level is one of all, mine, none.');
      const data = await (await context.session()).call('mailbox.watch', { mailbox: arg(args, 0), level });
      return { data, text: `${arg(args, 0)}: watching ${level}.` };
    },
  },
];
