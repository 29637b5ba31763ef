/** Reports about mail that was sent, in words for the screens and the command line. Pure. */
import type { MailReport } from '../protocol/schema.ts';
import { type Chrome, chrome, join, type Safe } from './text.ts';
import type { Tone } from './theme.ts';
import { fullMoment } from './units.ts';

type Told = Pick<MailReport, 'kind' | 'at' | 'recipients' | 'about'>;

const said = {
  failed: chrome`did not arrive`,
  delayed: chrome`is delayed`,
  delivered: chrome`arrived`,
  read: chrome`was read`,
} as const;
const tones: Readonly<Record<MailReport['kind'], Tone>> = { failed: 'danger', delayed: 'warning', delivered: 'good', read: 'good' };
const mostNamed = 3;

/** `gone@example.org: did not arrive (550 no such user)`, for each recipient that it names. */
export function reportedWords({ recipients }: Pick<Told, 'recipients'>): Safe {
  const named = recipients
    .slice(0, mostNamed)
    .map(({ address, action, text }) => chrome`${address}: ${said[action]}${text === null ? chrome`` : chrome` (${text})`}`);
  const more = recipients.length > mostNamed ? chrome` and ${recipients.length - mostNamed} more` : chrome``;
  return named.length === 0 ? chrome`it names nobody` : chrome`${join(named, chrome`, `)}${more}`;
}

/** At a mail of ours: what a report says of it. */
export function reportLine(report: Told): { text: Safe; tone: Tone } {
  const mark: Chrome = report.kind === 'failed' ? chrome`✗` : report.kind === 'delayed' ? chrome`◌` : chrome`✓`;
  return { text: chrome`${mark} report of ${fullMoment(Date.parse(report.at))}: ${reportedWords(report)}`, tone: tones[report.kind] };
}

/** At the report itself: whether it is about a mail of ours. */
export function ownReportLine(report: Told): { text: Safe; tone: Tone } {
  const what = report.kind === 'read' ? chrome`receipt` : chrome`delivery report`;
  return report.about === null
    ? { text: chrome`! a ${what} that fits no mail of ours, so nothing was marked: ${reportedWords(report)}`, tone: 'warning' }
    : { text: chrome`a ${what} about a mail of ours: ${reportedWords(report)}`, tone: tones[report.kind] };
}
