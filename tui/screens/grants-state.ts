/**
 * Staged edits of grants, on one mailbox or many. Pure: the daemon says what each would do, and whether it may be.
 *
 * Invariants:
 * - What edits were made on is held (`bases`) while any are staged there: a newer state is taken in when the person has been told of it,
 *   so that two who edit at once both know.
 * - Staged edits outlive a newer state: they follow their grant, or become a new grant when it has gone.
 * - Each step can be taken back; a mailbox that was written keeps no steps.
 */
import type { GrantEdit, GrantPreview, Matrix, MatrixRow, Surfaces } from '../../protocol/schema.ts';
import type { SafeText } from '../../protocol/text.ts';

export const rightNames = ['access', 'send', 'setup'] as const;
export type RightName = (typeof rightNames)[number];
export type Rights = Readonly<Record<RightName, boolean>>;

export const presets = {
  observe: { access: true, send: false, setup: false },
  reply: { access: false, send: true, setup: false },
  full: { access: true, send: true, setup: false },
  manage: { access: true, send: true, setup: true },
} as const satisfies Record<string, Rights>;
export type Preset = keyof typeof presets;

export type Grantee = MatrixRow['grantee'];
type Content = Rights & Pick<MatrixRow, 'from' | 'until'> & { readonly note: SafeText | null };

/** A grant as it would be. */
type Draft = Content & { readonly mailbox: SafeText; readonly grantee: Grantee; readonly grant: string | null };
type Drafts = ReadonlyMap<string, Draft>;

export type GrantsState = {
  readonly bases: ReadonlyMap<SafeText, Matrix>;
  readonly latest: ReadonlyMap<SafeText, Matrix>;
  /** The drafts after each step; the last are those of now. */
  readonly steps: readonly Drafts[];
};

export const noGrants: GrantsState = { bases: new Map(), latest: new Map(), steps: [] };

/** One row of a matrix with what is staged in it. */
export type RowView = Content & {
  /** Names the row on its mailbox. */
  readonly key: string;
  readonly mailbox: SafeText;
  readonly grantee: Grantee;
  readonly owner: boolean;
  readonly people: number;
  readonly grant: string | null;
  readonly inherited: MatrixRow['inherited'];
  readonly state: MatrixRow['state'];
  readonly by: SafeText | null;
  readonly at: string | null;
  /** Rights that would come or go through a role by what is staged elsewhere; none of its own. */
  readonly reached: ReadonlyMap<RightName, boolean>;
  /** Rights that are not those of the base. */
  readonly changed: ReadonlySet<RightName>;
  readonly staged: boolean;
};

const none: MatrixRow['inherited'] = { access: [], send: [], setup: [] };
const keyOf = ({ grant, grantee }: { grant: string | null; grantee: Grantee }): string => grant ?? `${grantee.kind} ${grantee.name}`;
const placeOf = (mailbox: string, key: string): string => `${mailbox}\n${key}`;
const draftsOf = ({ steps }: GrantsState): Drafts => steps.at(-1) ?? new Map();
const givesAny = ({ access, send, setup }: Rights): boolean => access || send || setup;
const sameContent = (a: Content, b: Content): boolean =>
  rightNames.every((right) => a[right] === b[right]) && a.from === b.from && a.until === b.until && a.note === b.note;

/** The daemon's newest answer. The same answer gives the same state back. */
export function heard(state: GrantsState, matrix: Matrix): GrantsState {
  if (state.latest.get(matrix.mailbox) === matrix) return state;
  const held = state.bases.has(matrix.mailbox) && stagedIn(state, matrix.mailbox) > 0;
  return {
    ...state,
    latest: new Map(state.latest).set(matrix.mailbox, matrix),
    bases: held ? state.bases : new Map(state.bases).set(matrix.mailbox, matrix),
  };
}

/** Takes the newer state in under what is staged. */
export function rebased(state: GrantsState, matrix: Matrix): GrantsState {
  const { mailbox, rows } = matrix;
  const before = state.bases.get(mailbox)?.rows ?? [];
  const old = ({ grant, grantee }: Draft): MatrixRow => before.find((row) => grant !== null && row.grant === grant) ?? emptyRow(grantee);
  const follow = (drafts: Drafts): Drafts => {
    const next = new Map<string, Draft>();
    for (const [place, draft] of drafts) {
      if (draft.mailbox !== mailbox) {
        next.set(place, draft);
        continue;
      }
      const alike = ({ grantee }: MatrixRow): boolean => grantee.kind === draft.grantee.kind && grantee.name === draft.grantee.name;
      const there =
        draft.grant !== null
          ? rows.find(({ grant }) => grant === draft.grant)
          : rows.find((row) => row.grant !== null && row.until === null && draft.until === null && alike(row));
      const grant = there?.grant ?? null;
      if (grant === null && !givesAny(draft)) continue; // it was to go, and it has gone
      const merged = there === undefined ? draft : { ...draft, ...merge(draft, old(draft), there) };
      next.set(placeOf(mailbox, keyOf({ ...draft, grant })), { ...merged, grant });
    }
    return next;
  };
  return {
    bases: new Map(state.bases).set(mailbox, matrix),
    latest: new Map(state.latest).set(mailbox, matrix),
    steps: state.steps.map(follow),
  };
}

/** What the person changed, over what somebody else changed beside it. */
function merge(draft: Content, old: Content, now: Content): Content {
  const pick = <Key extends keyof Content>(key: Key): Content[Key] => (draft[key] === old[key] ? now[key] : draft[key]);
  return {
    access: pick('access'),
    send: pick('send'),
    setup: pick('setup'),
    from: pick('from'),
    until: pick('until'),
    note: pick('note'),
  };
}

/** What was staged on the mailbox is there now. */
export function written(state: GrantsState, matrix: Matrix): GrantsState {
  const others = state.steps
    .map((drafts): Drafts => new Map([...drafts].filter(([, draft]) => draft.mailbox !== matrix.mailbox)))
    .filter((drafts) => drafts.size > 0);
  return rebased({ ...state, steps: others }, matrix);
}

export const undone = (state: GrantsState): GrantsState =>
  state.steps.length === 0 ? state : { ...state, steps: state.steps.slice(0, -1) };

/** The rows of a mailbox as they would be: those of its base in their order, then new ones. */
export function rowsOf(state: GrantsState, mailbox: SafeText): readonly RowView[] {
  const base = state.bases.get(mailbox);
  if (base === undefined) return [];
  const drafts = draftsOf(state);
  const known = new Set(base.rows.map(keyOf));
  const rows = base.rows.map((row) => rowView(mailbox, row, drafts.get(placeOf(mailbox, keyOf(row)))));
  for (const [place, draft] of drafts) {
    if (draft.mailbox === mailbox && !known.has(place.slice(mailbox.length + 1)) && givesAny(draft))
      rows.push(rowView(mailbox, emptyRow(draft.grantee), draft, place.slice(mailbox.length + 1)));
  }
  return rows;
}

function rowView(mailbox: SafeText, row: MatrixRow, draft: Draft | undefined, key = keyOf(row)): RowView {
  const shown = draft ?? row;
  const { access, send, setup, from, until, note } = shown;
  return {
    ...row,
    ...{ access, send, setup, from, until, note },
    key,
    mailbox,
    reached: new Map(),
    changed: new Set(rightNames.filter((right) => shown[right] !== row[right])),
    staged: draft !== undefined && !sameContent(draft, row),
  };
}

const emptyRow = (grantee: Grantee): MatrixRow => ({
  grantee,
  owner: false,
  people: 1,
  grant: null,
  access: false,
  send: false,
  setup: false,
  inherited: none,
  state: null,
  from: null,
  until: null,
  note: null,
  by: null,
  at: null,
});

/** The first row of a grantee on a mailbox; an empty one where they have none. */
export function rowFor(state: GrantsState, mailbox: SafeText, { kind, name }: Grantee): RowView {
  const found = rowsOf(state, mailbox).find(({ grantee }) => grantee.kind === kind && grantee.name === name);
  if (found !== undefined) return found;
  const elsewhere = [...state.bases.values()]
    .flatMap(({ rows }) => rows)
    .find((row) => row.grantee.kind === kind && row.grantee.name === name);
  return rowView(mailbox, { ...emptyRow({ kind, name }), people: elsewhere?.people ?? 1 }, undefined);
}

/** Who gains and loses what by what is staged, as the daemon said: by mailbox. */
export type Effects = ReadonlyMap<SafeText, GrantPreview['differences']>;

/** What opens with each right. */
const opens: Readonly<Record<RightName, keyof Surfaces>> = { access: 'timeline', send: 'send', setup: 'settings' };

/** A person's row with what a change of somebody else's row does to it. */
export function reached(row: RowView, effects: Effects): RowView {
  if (row.grantee.kind !== 'person') return row;
  const differs = effects.get(row.mailbox)?.find(({ person, from }) => person === row.grantee.name && from === null);
  if (differs === undefined) return row;
  const through = rightNames.flatMap((right): [RightName, boolean][] => {
    if (row[right] || row.changed.has(right)) return [];
    if (differs.gains.includes(opens[right])) return [[right, true]];
    return differs.loses.includes(opens[right]) ? [[right, false]] : [];
  });
  return { ...row, reached: new Map(through) };
}

/** Everybody on any of the mailboxes, roles first, by name. */
export function principals(state: GrantsState, mailboxes: readonly SafeText[]): readonly Grantee[] {
  const all = new Map<string, Grantee>();
  for (const mailbox of mailboxes) for (const { grantee } of rowsOf(state, mailbox)) all.set(`${grantee.kind} ${grantee.name}`, grantee);
  return [...all.values()].sort((a, b) => (a.kind === b.kind ? (a.name < b.name ? -1 : 1) : a.kind === 'role' ? -1 : 1));
}

/** One more step: the row as it would be. */
export function stage(state: GrantsState, row: RowView, change: Partial<Content>): GrantsState {
  const { mailbox, key, grantee, grant, access, send, setup, from, until, note } = row;
  const draft: Draft = { mailbox, grantee, grant, access, send, setup, from, until, note, ...change };
  return { ...state, steps: [...state.steps, new Map(draftsOf(state)).set(placeOf(mailbox, key), draft)] };
}

/** A grant with an end beside those that the grantee has. */
export function stageBeside(state: GrantsState, mailbox: SafeText, grantee: Grantee, content: Content): GrantsState {
  const count = rowsOf(state, mailbox).length;
  return stage(state, { ...rowView(mailbox, emptyRow(grantee), undefined), key: `new ${grantee.kind} ${grantee.name} ${count}` }, content);
}

/** What a write of the mailbox would ask for. What was staged and staged back is no edit. */
export function editsOf(state: GrantsState, mailbox: SafeText): GrantEdit[] {
  const base = state.bases.get(mailbox);
  const edits: GrantEdit[] = [];
  for (const draft of draftsOf(state).values()) {
    if (draft.mailbox !== mailbox) continue;
    const { grantee, grant, access, send, setup, from, until, note } = draft;
    const given = { access, send, setup, note };
    const old = grant === null ? undefined : base?.rows.find((row) => row.grant === grant);
    if (old !== undefined && grant !== null) {
      if (!givesAny(draft)) edits.push({ kind: 'remove', grantee: grantee.name, grant });
      else if (!sameContent(draft, old)) edits.push({ kind: 'change', grant, ...given, from, until });
    } else if (givesAny(draft)) {
      edits.push(
        until === null ? { kind: 'set', grantee: grantee.name, ...given } : { kind: 'add', grantee: grantee.name, ...given, from, until },
      );
    }
  }
  return edits;
}

export const stagedIn = (state: GrantsState, mailbox: SafeText): number => editsOf(state, mailbox).length;
export const stagedMailboxes = (state: GrantsState): readonly SafeText[] =>
  [...state.bases.keys()].filter((mailbox) => stagedIn(state, mailbox) > 0);

/** What somebody else changed under the staged edits. */
export type News = {
  readonly grantee: Grantee;
  readonly gained: readonly RightName[];
  readonly lost: readonly RightName[];
  readonly by: SafeText | null;
};

export function newsOf(before: Matrix, after: Matrix): readonly News[] {
  if (before.revision === after.revision) return [];
  const named = new Map([...before.rows, ...after.rows].map((row) => [`${row.grantee.kind} ${row.grantee.name}`, row.grantee]));
  return [...named.values()].flatMap((grantee): News[] => {
    const of = (matrix: Matrix) => matrix.rows.filter((row) => row.grantee.kind === grantee.kind && row.grantee.name === grantee.name);
    const [old, next] = [of(before), of(after)];
    const has = (rows: readonly MatrixRow[], right: RightName): boolean => rows.some((row) => row[right]);
    const gained = rightNames.filter((right) => has(next, right) && !has(old, right));
    const lost = rightNames.filter((right) => !has(next, right) && has(old, right));
    const dates = (rows: readonly MatrixRow[]): string =>
      JSON.stringify(rows.map(({ grant, from, until, note }) => [grant, from, until, note]));
    if (gained.length === 0 && lost.length === 0 && dates(old) === dates(next)) return [];
    return [{ grantee, gained, lost, by: next.find(({ at }) => !old.some((row) => row.at === at))?.by ?? null }];
  });
}

/** A date as people write one: `2026-11-30` is the whole of that day (UTC). Null for nothing, undefined for what is no date. */
export function dateTyped(text: string, edge: 'begin' | 'end'): string | null | undefined {
  const typed = text.trim();
  if (typed === '') return null;
  const day = /^\d{4}-\d{2}-\d{2}$/.test(typed);
  const at = Date.parse(day ? `${typed}T00:00:00.000Z` : /(Z|[+-]\d{2}:?\d{2})$/.test(typed) ? typed : `${typed.replace(' ', 'T')}Z`);
  if (Number.isNaN(at) || !/^\d{4}-\d{2}-\d{2}/.test(typed)) return undefined;
  const exact = new Date(at);
  // `2026-02-31` is no day, although Date takes it for one in March.
  if (day && exact.toISOString().slice(0, 10) !== typed) return undefined;
  return (day && edge === 'end' ? new Date(at + 86_400_000) : exact).toISOString();
}
