/** Rights that nobody used for some time: asked for by the number of days, marked in the matrix, listed, and gone to from the list. */

import type { Result } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import { type Chrome, chrome, join, type Safe } from '../text.ts';
import type { AppContext } from './contract.ts';
import type { IsIdle } from './grants-rows.ts';
import { type RightName, type RowView, rightNames } from './grants-state.ts';
import { dayOf, granteeWords, rightWords } from './grants-words.ts';
import { Picker } from './pickers.tsx';

export type UnusedReport = Result<'grant.unused'>;
export type UnusedRow = UnusedReport['rows'][number];

const spans = [90, 30, 180, 365];

/** A right that is staged, or whose grant was changed after the report, is not called unused. */
export function idleIn(report: UnusedReport | null): IsIdle {
  const since = new Map((report?.rows ?? []).map(({ grant, right, since }) => [`${grant} ${right}`, since]));
  return (row, right) => {
    const from = row.grant === null || row.staged ? undefined : since.get(`${row.grant} ${right}`);
    return from !== undefined && row.at !== null && row.at <= from;
  };
}

const lastWords = ({ lastUsed, since }: UnusedRow, now: number): Safe =>
  lastUsed === null ? chrome`not since ${dayOf(new Date(since), now)}` : chrome`last ${dayOf(new Date(lastUsed), now)}`;

/** What the report says of a row: `° not used for 90 days: Send (last 3 Aug)`. Null: nothing. */
export function idleWords(report: UnusedReport | null, row: RowView | undefined, now: number): Chrome | null {
  if (report === null || row === undefined) return null;
  const isIdle = idleIn(report);
  const said = rightNames.flatMap((right: RightName) => {
    const found = isIdle(row, right) ? report.rows.find((one) => one.grant === row.grant && one.right === right) : undefined;
    return found === undefined ? [] : [chrome`${rightWords[right]} (${lastWords(found, now)})`];
  });
  return said.length === 0 ? null : chrome`° not used for ${report.days} days: ${join(said, chrome`, `)}`;
}

type Asking = {
  /** Null: every mailbox whose Setup one holds. */
  readonly mailbox: string | null;
  readonly now: number;
  readonly onReport: (report: UnusedReport) => void;
  readonly onPick: (row: UnusedRow) => void;
};

/** For how long, then what there is; Enter goes to the row. */
export function askForUnused({ mirror, shell }: Pick<AppContext, 'mirror' | 'shell'>, { mailbox, now, onReport, onPick }: Asking): void {
  const open = (days: number): Promise<void> =>
    shell.opening(async () => {
      const report = await mirror.call('grant.unused', { mailbox, days });
      onReport(report);
      const missing = report.total - report.rows.length;
      const watched =
        missing > 0 ? chrome`${missing} more are not shown` : chrome`uses are noted since ${dayOf(new Date(report.watchedSince), now)}`;
      const isYoung = now - Date.parse(report.watchedSince) < days * 86_400_000;
      shell.openModal({
        name: 'unused',
        element: (
          <Picker<UnusedRow>
            title={chrome`Not used for ${days} days; ${watched}`}
            load={async () =>
              report.rows.map((row) => ({
                key: `${row.grant} ${row.right}`,
                label: chrome`${granteeWords(row.grantee)}  ${rightWords[row.right]}${mailbox === null ? chrome`  ${row.mailbox}` : chrome``}`,
                detail: chrome`${lastWords(row, now)}${row.grantee.kind === 'role' ? chrome` · of ${row.people}` : chrome``}`,
                value: row,
              }))
            }
            nothing={isYoung ? chrome`That is not long enough to tell.` : chrome`Every right that was given is in use.`}
            onPick={onPick}
          />
        ),
      });
    });
  shell.openModal({
    name: 'days',
    element: (
      <Picker<number>
        title={chrome`Rights that nobody used for`}
        load={async () => spans.map((days) => ({ key: `${days}`, label: safeText(`${days} days`), detail: chrome``, value: days }))}
        nothing={chrome``}
        onPick={(days) => shell.attempt(() => open(days))}
      />
    ),
  });
}
