/** What grants come to, in lines of text: who may what through what, what would be, and what nobody uses. */
import { isErrorCode, PostroomError } from '../../protocol/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import type { Explanation, GrantEdit, GrantPreview } from '../../protocol/schema.ts';
import { day, table } from './print.ts';
import { usageError } from './program.ts';
import { date } from './values.ts';

export const levels = {
  observe: { access: true, send: false, setup: false },
  reply: { access: false, send: true, setup: false },
  full: { access: true, send: true, setup: false },
  manage: { access: true, send: true, setup: true },
} as const;
export const levelNames = Object.keys(levels) as (keyof typeof levels)[];

const rightNames = ['access', 'send', 'setup'] as const;

/** What the daemon would refuse, as it would. */
export function refusedAs({ code, why, message }: NonNullable<GrantPreview['refused']>): PostroomError {
  return new PostroomError(isErrorCode(code) ? code : 'forbidden', message, why === null ? {} : { why });
}

/** `agents=none`, `ben=access+send`, `li=reply@2026-12-24`: an edit that is only supposed. */
export function supposed(word: string): GrantEdit {
  const at = word.lastIndexOf('=');
  const wanted = usageError(
    `--if takes GRANTEE=RIGHTS, like agents=none, ben=access+send, or li=reply@2026-12-24 for one more with an end; not "${word}".`,
  );
  if (at < 1) throw wanted;
  const grantee = word.slice(0, at);
  const [words = '', end, ...more] = word.slice(at + 1).split('@');
  if (more.length > 0) throw wanted;
  if (words === 'none') {
    if (end !== undefined) throw wanted;
    return { kind: 'remove', grantee, grant: null };
  }
  const given = words.split('+');
  const level = levelNames.find((name) => name === words);
  if (level === undefined && given.some((name) => !rightNames.some((known) => known === name))) throw wanted;
  const rights =
    level === undefined
      ? { access: given.includes('access'), send: given.includes('send'), setup: given.includes('setup') }
      : levels[level];
  return end === undefined
    ? { kind: 'set', grantee, ...rights, note: null }
    : { kind: 'add', grantee, ...rights, from: null, until: date(end, '--if', 'end'), note: null };
}

/** Why a right is not held, in words. */
const denials: Readonly<Record<string, string>> = {
  disabled: 'the person is disabled',
  'no-grant': 'no grant',
  'not-yet': 'not begun',
  ended: 'ended',
  'not-shared': 'the mailbox is personal: its grants do not count',
};

type Chain = Explanation['denied'][number]['through'][number];

const chainText = ({ via, from, until }: Chain): string =>
  [via.join(' > '), ...(from === null ? [] : [`from ${day(from)}`]), ...(until === null ? [] : [`until ${day(until)}`])].join(' ');

type Line = readonly [right: string, held: string, because: string];

const explainLines = (why: Explanation): Line[] => [
  ...why.because.map((row): Line => [row.right, 'yes', chainText(row)]),
  ...why.denied.flatMap((row): Line[] => {
    const words = denials[row.why] ?? row.why;
    return row.through.length === 0
      ? [[row.right, 'no', words]]
      : row.through.map((chain): Line => [row.right, 'no', `${words}: ${chainText(chain)}`]);
  }),
];

const policyLines = (why: Explanation): string[] =>
  [...new Set(why.because.flatMap(({ policy }) => policy ?? []))].map((policy) => `Counts, but could not be given today: ${policy}`);

export function explainText(why: Explanation): string {
  return [`${why.person} on ${why.mailbox}`, table(['right', '', 'because'], explainLines(why), ''), ...policyLines(why)].join('\n');
}

/** Before and after, a line for each way in; refused exactly as the write would be. */
export function whatIfText({ present, effective, refused }: GrantPreview): string {
  if (refused !== null) throw refusedAs(refused);
  if (present === null || effective === null) throw new PostroomError('internal', 'The daemon left out the person that was asked about.');
  const lines = rightNames.flatMap((right) => {
    const [before, after] = [present, effective].map((why) => explainLines(why).filter(([of]) => of === right));
    return Array.from({ length: Math.max(before?.length ?? 0, after?.length ?? 0) }, (_, index) => {
      const [was, is] = [before?.[index], after?.[index]];
      return [index === 0 ? right : '', was?.[1] ?? '', was?.[2] ?? '', is?.[1] ?? '', is?.[2] ?? ''];
    });
  });
  return [
    `${effective.person} on ${effective.mailbox}, if that were so; nothing is written.`,
    table(['right', 'now', 'because', 'then', 'because'], lines, ''),
    ...policyLines(effective),
  ].join('\n');
}

const dayMs = 86_400_000;

export function unusedText({ days, watchedSince, rows, total }: Result<'grant.unused'>, now: number): string {
  const begins = Date.parse(watchedSince);
  const told = new Date(begins + days * dayMs).toISOString();
  const nothing =
    now - begins < days * dayMs
      ? `Uses are noted since ${day(watchedSince)}: what was not used for ${days} days can be said from ${day(told)} on.`
      : `Every right that was given ${days} days ago or earlier has been used since.`;
  const all = table(
    ['mailbox', 'grantee', 'right', 'not since', 'last used', 'people', 'grant'],
    rows.map((row) => [
      row.mailbox,
      row.grantee.kind === 'role' ? `role ${row.grantee.name}` : row.grantee.name,
      row.right,
      row.since.slice(0, 10),
      row.lastUsed?.slice(0, 10) ?? 'never seen',
      `${row.people}`,
      row.grant,
    ]),
    nothing,
  );
  return total > rows.length ? `${all}\nand ${total - rows.length} more: name a mailbox, or give a higher --limit` : all;
}
