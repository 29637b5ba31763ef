/** What grants, their preview and their refusals are called on the screen. Pure. */
import type { Explanation, GrantPreview, MatrixRow, Surfaces } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, join, type Safe } from '../text.ts';
import type { Grantee, News, RightName, RowView } from './grants-state.ts';

export const rightWords: Readonly<Record<RightName, Chrome>> = { access: chrome`Access`, send: chrome`Send`, setup: chrome`Setup` };
const letters: Readonly<Record<RightName, readonly [given: Chrome, inherited: Chrome]>> = {
  access: [chrome`A`, chrome`a`],
  send: [chrome`S`, chrome`s`],
  setup: [chrome`U`, chrome`u`],
};
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `30 Nov`, `30 Nov 2027`: the last day on which it holds. */
export function lastDay(until: string, now: number): Safe {
  return dayOf(new Date(Date.parse(until) - 1), now);
}

export function dayOf(date: Date, now: number): Safe {
  const year = date.getUTCFullYear() === new Date(now).getUTCFullYear() ? '' : ` ${date.getUTCFullYear()}`;
  return safeText(`${date.getUTCDate()} ${months[date.getUTCMonth()] ?? ''}${year}`);
}

export const granteeWords = ({ kind, name }: Grantee): Chrome => (kind === 'role' ? chrome`role ${name}` : chrome`user ${name}`);

/** A capital is given, a small letter comes through a role, `*` is staged, here or in the role. */
export function cellWords(row: RowView, right: RightName): Chrome {
  const [given, inherited] = letters[right];
  const through = row.reached.get(right) ?? row.inherited[right].length > 0;
  const letter = row[right] ? given : through ? inherited : chrome`-`;
  return row.changed.has(right) || row.reached.has(right) ? chrome`${letter}*` : letter;
}

/** Where the rights of a row come from: `agents + direct`. */
export function sourceWords({ inherited, access, send, setup, owner }: Pick<RowView, 'inherited' | RightName | 'owner'>): Safe {
  const through = [...new Set([...inherited.access, ...inherited.send, ...inherited.setup])]
    .filter((source) => source !== 'owner')
    .map((source) => safeText(source.replace(/^role /, '')));
  const all: Safe[] = [...(owner ? [chrome`owner`] : []), ...through, ...(access || send || setup ? [chrome`direct`] : [])];
  return join(all, chrome` + `);
}

export const lastChangeWords = (row: RowView, now: number): Safe => {
  if (row.staged) return chrome`staged`;
  if (row.by === null || row.at === null) return chrome``;
  return chrome`${row.by} ${dayOf(new Date(row.at), now)}`;
};

export function untilWords({ from, until, state }: Pick<RowView, 'from' | 'until' | 'state'>, now: number): Safe {
  if (until === null) return chrome`-`;
  if (state === 'ended') return chrome`ended`;
  if (from !== null && Date.parse(from) > now) return chrome`${dayOf(new Date(from), now)} on`;
  return lastDay(until, now);
}

/** What opens each surface. */
const opening: readonly (readonly [surface: keyof Surfaces, right: RightName])[] = [
  ['panel', 'send'],
  ['timeline', 'access'],
  ['send', 'send'],
  ['settings', 'setup'],
];
const denials: Readonly<Record<string, Chrome>> = {
  disabled: chrome`is disabled`,
  'not-yet': chrome`begins later`,
  ended: chrome`has ended`,
  'not-shared': chrome`the mailbox is not shared`,
};

type Reason = {
  readonly open: boolean;
  /** The first way in, or why there is none. */
  readonly words: Safe;
  /** Every way in; every one that does not count, and why. */
  readonly whole: Safe;
};
export type SurfaceLine = Reason & {
  readonly surface: Safe;
  /** As it is before what is staged; null: the same. */
  readonly was: Reason | null;
};

/** Each surface, whether it is open, and through what. `before`: how it is without what is staged. */
export function surfaceLines(why: Explanation, now: number, before: Explanation | null = null): readonly SurfaceLine[] {
  return opening.map(([surface, right]) => {
    const reason = reasonOf(why, surface, right, now);
    const was = before === null ? null : reasonOf(before, surface, right, now);
    return { surface: safeText(surface), ...reason, was: was?.open === reason.open && was.whole === reason.whole ? null : was };
  });
}

function reasonOf(why: Explanation, surface: keyof Surfaces, right: RightName, now: number): Reason {
  const ways = why.because.filter((one) => one.right === right).map((chain) => wayWords(chain, now));
  const denied = why.denied.find((one) => one.right === right);
  const open = why.rights[surface];
  if (denied === undefined) return { open, words: join(ways.slice(0, 1)), whole: join(ways, chrome` and `) };
  const words = denials[denied.why] ?? chrome`no ${rightWords[right]}`;
  const idle = denied.through.map((chain) => wayWords(chain, now));
  return { open, words, whole: idle.length === 0 ? words : chrome`${words}: ${join(idle, chrome` and `)}` };
}

/** `role agents > role leads until 30 Nov`, `direct`, `owner`. */
function wayWords({ via, from, until }: Explanation['denied'][number]['through'][number], now: number): Chrome {
  const [first] = via;
  const way = first === 'owner' ? chrome`owner` : first?.startsWith('person ') === true ? chrome`direct` : join(via, chrome` > `);
  const begins = from !== null && Date.parse(from) > now ? chrome` from ${dayOf(new Date(from), now)}` : chrome``;
  return chrome`${way}${begins}${until === null ? chrome`` : chrome` until ${lastDay(until, now)}`}`;
}

export const mark = (open: boolean): Chrome => (open ? chrome`✓` : chrome`✗`);

export const surfaceWords = ({ surface, open, words }: SurfaceLine): Chrome => chrome`${surface} ${mark(open)} ${words}`;

/** The whole reason; where something is staged that changes it, what was and what would be. */
export const whatIfWords = ({ open, whole, was }: SurfaceLine): Chrome =>
  was === null ? chrome`${whole}` : chrome`${mark(was.open)} ${was.whole} → ${mark(open)} ${whole}`;

/** What the sharing policy would refuse today of that which counts. */
export const policyWords = (why: Explanation): readonly Safe[] => [...new Set(why.because.flatMap(({ policy }) => policy ?? []))];

/** `ben +panel +send, li -timeline from 3 Dec`. */
export function differenceWords(differences: GrantPreview['differences'], now: number): readonly Chrome[] {
  return differences.map(({ person, gains, loses, from }) => {
    const what = [...gains.map((surface) => chrome`+${safeText(surface)}`), ...loses.map((surface) => chrome`-${safeText(surface)}`)];
    return chrome`${person} ${join(what, chrome` `)}${from === null ? chrome`` : chrome` from ${dayOf(new Date(from), now)}`}`;
  });
}

export const holdersWords = (holders: GrantPreview['holders']): Chrome =>
  join(
    holders.map(({ kind, name, people }) =>
      kind === 'role' ? chrome`role ${name} (${people} ${people === 1 ? chrome`person` : chrome`people`})` : name,
    ),
    chrome`, `,
  );

/** What somebody else changed: `li +Send (by dora)`. */
export function newsWords(news: readonly News[]): Chrome {
  return join(
    news.map(({ grantee, gained, lost, by }) => {
      const what = [...gained.map((right) => chrome`+${rightWords[right]}`), ...lost.map((right) => chrome`-${rightWords[right]}`)];
      const words = what.length === 0 ? chrome`other dates or note` : join(what, chrome` `);
      return chrome`${grantee.kind === 'role' ? chrome`role ` : chrome``}${grantee.name} ${words}${by === null ? chrome`` : chrome` (${by})`}`;
    }),
    chrome`, `,
  );
}

/** A staged edit of a row, against what is there. */
export function editWords(row: RowView, base: MatrixRow | undefined, now: number): Chrome {
  const rights = (['access', 'send', 'setup'] as const).filter((right) => row[right] !== (base?.[right] ?? false));
  const changes = rights.map((right) => chrome`${row[right] ? chrome`+` : chrome`-`}${rightWords[right]}`);
  const dates =
    row.until === (base?.until ?? null) && row.from === (base?.from ?? null)
      ? []
      : [row.until === null ? chrome`without an end` : chrome`until ${lastDay(row.until, now)}`];
  const note = row.note === (base?.note ?? null) ? [] : [chrome`another note`];
  const gone = !row.access && !row.send && !row.setup ? [chrome`(the grant goes)`] : [];
  return chrome`${granteeWords(row.grantee)} ${join([...changes, ...dates, ...note, ...gone], chrome` `)}`;
}
