/** The matrix and what is told about it, as lines of text: who holds what, what a write would do, why it would be refused. Pure. */
import type { PostroomError } from '../../protocol/errors.ts';
import type { Explanation, GrantPreview } from '../../protocol/schema.ts';
import { type SafeText, safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, cutToWidth, join, padEndTo, type Safe, wrap } from '../text.ts';
import type { Tone } from '../theme.ts';
import {
  type Effects,
  type Grantee,
  type GrantsState,
  type newsOf,
  type RightName,
  type RowView,
  reached,
  rightNames,
  rowFor,
} from './grants-state.ts';
import {
  cellWords,
  differenceWords,
  granteeWords,
  holdersWords,
  lastChangeWords,
  mark,
  newsWords,
  policyWords,
  type SurfaceLine,
  sourceWords,
  surfaceLines,
  surfaceWords,
  untilWords,
  whatIfWords,
} from './grants-words.ts';

/** Of the matrix over all mailboxes: the name, and the three rights of one mailbox. */
export const nameColumns = 22;
export const groupColumns = 15;

const widths = (columns: number) => {
  const spare = Math.max(0, columns - 80);
  return { name: 18 + Math.min(20, Math.floor(spare / 2)), until: 12, source: 19 + Math.min(20, Math.floor(spare / 2)), last: 14 };
};

/** Whether nobody used a right that is given there, as far as somebody asked. */
export type IsIdle = (row: RowView, right: RightName) => boolean;

const cell = (row: RowView, right: RightName, focused: boolean, isIdle: IsIdle): Chrome => {
  const words = isIdle(row, right) ? chrome`${cellWords(row, right)}°` : cellWords(row, right);
  return padEndTo(focused ? chrome`[${words}]` : chrome` ${words} `, 5);
};

export function headRow(columns: number): Chrome {
  const { name, until, source } = widths(columns);
  return chrome`${padEndTo(chrome`principal`, name)} A    S    U   ${padEndTo(chrome`until`, until)}${padEndTo(chrome`source`, source)}last change`;
}

export function oneRow(row: RowView, focused: RightName | null, now: number, columns: number, isIdle: IsIdle): Chrome {
  const { name, until, source, last } = widths(columns);
  const cells = join(rightNames.map((right) => cell(row, right, right === focused, isIdle)));
  const dates = padEndTo(untilWords(row, now), until);
  return chrome` ${padEndTo(granteeWords(row.grantee), name)}${cells}${dates}${padEndTo(cutToWidth(sourceWords(row), source - 1), source)}${cutToWidth(lastChangeWords(row, now), last)}`;
}

export function wideRow(
  state: GrantsState,
  grantee: Grantee,
  mailboxes: readonly SafeText[],
  effects: Effects,
  focused: { mailbox: SafeText; right: RightName } | null,
  isIdle: IsIdle,
): Chrome {
  const groups = mailboxes.map((mailbox) => {
    const row = reached(rowFor(state, mailbox, grantee), effects);
    return join(rightNames.map((right) => cell(row, right, focused?.mailbox === mailbox && focused.right === right, isIdle)));
  });
  return chrome` ${padEndTo(granteeWords(grantee), nameColumns - 1)}${join(groups)}`;
}

// --- what the daemon says of it ---------------------------------------------------------------------------------

type Line = { readonly text: Safe; readonly tone: Tone };

export const wrapped =
  (columns: number) =>
  ({ text, tone }: Line): Line[] =>
    wrap(text, columns).map((line) => ({ text: chrome` ${line}`, tone }));

export function paneTitle(row: RowView | undefined, mailbox: SafeText, columns: number): Chrome {
  const of =
    row === undefined
      ? chrome``
      : row.grantee.kind === 'person'
        ? chrome`effective for ${row.grantee.name} on ${mailbox}`
        : chrome`role ${row.grantee.name}: ${row.people} ${row.people === 1 ? chrome`person` : chrome`people`} · p ${row.people === 1 ? chrome`shows what they hold` : chrome`asks about one of them`}`;
  return padRule(chrome` ── ${of} `, columns - 1);
}

const padRule = (text: Chrome, columns: number): Chrome => {
  const missing = Math.max(0, columns - text.length);
  return cutToWidth(chrome`${text}${join(Array<Chrome>(missing).fill(chrome`─`))}`, columns);
};

/** All surfaces of the person under the cursor, in one line. */
export function effectiveLine(preview: GrantPreview | null, now: number): Line[] {
  if (preview === null || preview.effective === null) return [];
  return [{ text: join(surfaceLines(preview.effective, now).map(surfaceWords), chrome`  `), tone: 'plain' }];
}

/** Each surface on a line of its own: the whole chain, and what is staged as before and after. */
export const effectiveLines = (why: Explanation, before: Explanation | null, now: number): Line[] =>
  surfaceLines(why, now, before).map((line) => ({
    text: chrome`${mark(line.open)} ${padEndTo(line.surface, 9)} ${whatIfWords(line)}`,
    tone: toneOf(line),
  }));

const toneOf = ({ open, was }: SurfaceLine): Tone => (was !== null ? 'strong' : open ? 'plain' : 'muted');

export const policyLines = (why: Explanation): Line[] =>
  policyWords(why).map((text) => ({ text: chrome`counts, but could not be given today: ${text}`, tone: 'warning' }));

export function whyLines(row: RowView | undefined, preview: GrantPreview | null, now: number): Line[] {
  if (row === undefined) return [];
  const title: Line = { text: chrome`EFFECTIVE ${row.grantee.name} @ ${row.mailbox}`, tone: 'accent' };
  // Whom rights reach through a role alone has no grant that could have changed.
  const changed = [lastChangeWords(row, now), row.note ?? chrome``].filter((words) => words !== '');
  const last: Line[] = changed.length === 0 ? [] : [{ text: chrome`LAST  ${join(changed, chrome` · `)}`, tone: 'muted' }];
  const dated: Line[] = row.until === null ? [] : [{ text: chrome`UNTIL ${untilWords(row, now)}`, tone: 'plain' }];
  if (row.grantee.kind === 'role')
    return [
      title,
      {
        text: row.people === 1 ? chrome`a role of one: p shows what they hold` : chrome`a role of ${row.people}: p asks about one of them`,
        tone: 'muted',
      },
      ...dated,
      ...last,
    ];
  const why = preview?.effective ?? null;
  return [
    title,
    ...(why === null ? [] : surfaceLines(why, now, preview?.present ?? null)).map((line) => ({
      text: chrome`${line.surface} ${line.was === null ? chrome`${mark(line.open)} ` : chrome``}${whatIfWords(line)}`,
      tone: toneOf(line),
    })),
    ...(why === null ? [] : policyLines(why)),
    { text: chrome`WHY   rights add up: direct + roles`, tone: 'muted' },
    ...dated,
    ...last,
  ];
}

type About = {
  readonly news: ReturnType<typeof newsOf>;
  readonly taken: Chrome | null;
  readonly shared: boolean;
  readonly count: number;
  readonly now: number;
};

/** What the write would do, why it would be refused, and what somebody else changed meanwhile. */
export function toldLines(preview: GrantPreview | null, error: PostroomError | null, { news, taken, shared, count, now }: About): Line[] {
  const changed: Line[] = [
    ...(taken === null ? [] : [{ text: chrome`Taken in: ${taken}. What you staged is kept; W asks again.`, tone: 'warning' } as const]),
    ...(news.length === 0 ? [] : [{ text: chrome`Changed meanwhile: ${newsWords(news)}`, tone: 'warning' } as const]),
    ...(shared ? [] : [{ text: chrome`This mailbox is personal: its grants are kept and do not count.`, tone: 'warning' } as const]),
  ];
  if (preview === null)
    return [
      ...changed,
      { text: error === null ? chrome`asking the daemon…` : safeText(error.message), tone: error === null ? 'muted' : 'danger' },
    ];
  const differences = differenceWords(preview.differences, now);
  const would: Line[] =
    count === 0
      ? []
      : [
          {
            text: chrome`write would: ${differences.length === 0 ? chrome`change nobody's reach` : join(differences, chrome`, `)}`,
            tone: 'strong',
          },
        ];
  const refused: Line[] =
    preview.refused === null || preview.refused.code === 'conflict' ? [] : [{ text: chrome`✗ ${preview.refused.message}`, tone: 'danger' }];
  return [
    ...refused,
    ...changed,
    ...would,
    { text: chrome`U holders${count === 0 ? chrome`` : chrome` after write`}: ${holdersWords(preview.holders)}`, tone: 'muted' },
  ];
}
