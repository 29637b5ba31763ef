/** The audit journal in lines of a screen, and what people type to narrow it. Pure. */

import type { AuditRow } from '../../protocol/schema.ts';
import { safeBlock, safeText } from '../../protocol/text.ts';
import type { AuditQuestion } from '../audit-feed.ts';
import { type Chrome, chrome, join, padEndTo, type Safe, wrap } from '../text.ts';
import { fullMoment } from '../units.ts';
import { dateTyped } from './grants-state.ts';

/** One line of the list: an act, or a line of what is told about an expanded one. */
export type AuditLine = { readonly row: AuditRow; readonly more: Safe | null };

/** `12` for the act of line 12, `12/3` for the third line below it: a cursor stays on its line whatever comes above it. */
export function linesOf(rows: readonly AuditRow[], expanded: ReadonlySet<number>, columns: number): Map<string, AuditLine> {
  const lines = new Map<string, AuditLine>();
  for (const row of rows) {
    lines.set(String(row.seq), { row, more: null });
    if (!expanded.has(row.seq)) continue;
    for (const [n, more] of detailOf(row, columns).entries()) lines.set(`${row.seq}/${n}`, { row, more });
  }
  return lines;
}

export const seqOf = (id: string): number => Number.parseInt(id, 10);

/** Everything that a record holds, in lines of so many columns. */
export function detailOf(row: AuditRow, columns: number): Safe[] {
  const facts: readonly (readonly [Chrome, Safe | null])[] = [
    [chrome`who`, row.actor ?? chrome`the daemon by itself`],
    [chrome`when`, chrome`${fullMoment(Date.parse(row.at))} · ${safeText(row.at)}`],
    [chrome`what`, row.summary],
    [chrome`action`, chrome`${row.action} · ${row.subject}`],
    [chrome`mailbox`, row.mailbox],
    [chrome`from`, row.from],
    [chrome`key`, row.key],
    [chrome`session`, row.session],
  ];
  const told = facts.flatMap(([name, value]) => (value === null ? [] : indented(name, value, columns)));
  const details = Object.entries(row.details).flatMap(([name, value]) => indented(safeText(name), wordsOf(value), columns));
  return [
    ...told,
    ...details,
    ...indented(chrome`hash`, safeText(row.hash), columns),
    ...indented(chrome`previous`, safeText(row.previous), columns),
  ];
}

const nameColumns = 10;

function indented(name: Safe, value: Safe, columns: number): Safe[] {
  const room = Math.max(10, columns - nameColumns - 1);
  return wrap(value, room).map((text, n) => chrome`${padEndTo(n === 0 ? name : chrome``, nameColumns)} ${text}`);
}

/** `{"before":…,"after":…}` as people say it; all else as JSON without its quotes and brackets. */
function wordsOf(value: unknown): Safe {
  if (value === null) return chrome`-`;
  if (Array.isArray(value)) return value.length === 0 ? chrome`none` : join(value.map(wordsOf), chrome`, `);
  if (typeof value !== 'object') return safeBlock(String(value));
  const fields = Object.entries(value);
  if (fields.length === 2 && 'before' in value && 'after' in value) return chrome`${wordsOf(value.before)} → ${wordsOf(value.after)}`;
  return join(
    fields.map(([name, field]) => chrome`${safeText(name)} ${wordsOf(field)}`),
    chrome`; `,
  );
}

// --- what is asked for -----------------------------------------------------------------------------------------------

export const filterNames = ['mailbox', 'person', 'action', 'since', 'until'] as const;
export type FilterName = (typeof filterNames)[number];
export type FilterTexts = Readonly<Record<FilterName, string>>;

export const textsOf = (question: AuditQuestion): FilterTexts => ({
  mailbox: question.mailbox ?? '',
  person: question.person ?? '',
  action: question.action ?? '',
  since: question.since?.slice(0, 10) ?? '',
  until: question.until?.slice(0, 10) ?? '',
});

/** The question, or why it is none. */
export function questionTyped(texts: FilterTexts): AuditQuestion | Chrome {
  const [since, end] = [dateTyped(texts.since, 'begin'), dateTyped(texts.until, 'end')];
  if (since === undefined || end === undefined) return chrome`a date is like 2026-12-24`;
  // Rows show the head of an address alone, which invites to type no more than that.
  const box = texts.mailbox.trim();
  if (box !== '' && !box.includes('@')) return chrome`a mailbox is asked for by its whole address, like ${safeText(box)}@example.com`;
  const given = (text: string): string | null => (text.trim() === '' ? null : text.trim());
  // A day ends where the next one begins; what is asked for is up to a moment, with it.
  const until = end?.endsWith('T00:00:00.000Z') ? new Date(Date.parse(end) - 1).toISOString() : end;
  return { mailbox: given(texts.mailbox), person: given(texts.person), action: given(texts.action), since, until };
}

export function questionWords(question: AuditQuestion): Safe {
  const texts = textsOf(question);
  const given = filterNames.filter((name) => texts[name] !== '').map((name) => chrome`${safeText(name)} ${safeText(texts[name])}`);
  return given.length === 0 ? chrome`everything · newest first · \\ narrows it` : join(given, chrome` · `);
}
