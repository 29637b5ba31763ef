/**
 * What a report says about a mail that was sent: which mail, which recipients, and what became of it. Pure; never throws; bounded.
 *
 * Read from the part that is made for it (RFC 3464, RFC 8098) where there is one, else from the text: qmail, old Exim, sendmail and
 * whatever answers in words alone. Which mail is meant is told by ids, best first: those of the returned mail, an id the report names as
 * the original's, what it answers. A report proves nothing by itself: whoever ties it to a mail compares ids and recipients with what
 * was sent (`store/reports.ts`).
 */

import { readAddresses } from './address-list.ts';
import { hasNullSender, isMailSystem, reportSubject, type Sender } from './automatic.ts';
import { decodeBinary } from './charset.ts';
import { first, type Header, limits, readHeader, readIds, readText } from './header.ts';

export type ReportAction = 'failed' | 'delayed' | 'delivered' | 'read';

export type ReportedRecipient = {
  /** The address it was to reach, and the one it was sent to where the two differ. */
  addresses: string[];
  action: ReportAction;
  /** In the words of the server, on one line; null when it gives none. */
  text: string | null;
};

export type Report = {
  kind: 'delivery' | 'read';
  /** Message-IDs of the mail it is about, with their brackets, best first. */
  ids: string[];
  /** The X-Postroom-Id of the returned mail: it survives a server that writes its own Message-ID. */
  postroomId: string | null;
  /** The subject of the mail it is about, or of the report without what reports put before it. */
  subject: string;
  recipients: ReportedRecipient[];
};

/** A part of the mail, decoded when it is looked at. */
export type ReportPiece = { type: string; bytes: () => Uint8Array };

const most = { recipients: 2_000, octets: 2 * 1024 * 1024, text: 65_536, ids: 8, addresses: 100 };

/** `text`: what a person reads of it. Null when it reports on nothing. */
export function readReport(
  header: Header,
  pieces: readonly ReportPiece[],
  { subject, text, senders }: { subject: string; text: string; senders: readonly Sender[] },
): Report | null {
  const blocks = pieces.filter(({ type }) => /^message\/(?:global-)?delivery-status$/.test(type)).flatMap(blocksOf);
  const receipts = pieces.filter(({ type }) => /^message\/(?:global-)?disposition-notification$/.test(type)).flatMap(blocksOf);
  const delivery = blocks.flatMap((block) => deliveryOf(block) ?? []);
  const read = receipts.flatMap((block) => receiptOf(block, senders) ?? []);
  const isReceipt = delivery.length === 0 && receipts.length > 0;
  const failed = failedRecipients(header);
  const told = blocks.length > 0 || receipts.length > 0 || failed.length > 0;
  if (!told && !isReportInWords(header, { subject, text, senders })) return null;

  const returned = pieces.find(({ type }) => /^(?:message\/(?:rfc822|global)(?:-headers)?|text\/rfc822-headers)$/.test(type));
  const words = splitWords(text.slice(0, most.text));
  const original = returned === undefined ? words.returned : headerIn(returned.bytes());
  const said = (action: ReportAction) =>
    failed.length > 0
      ? failed.map((address) => ({ addresses: [address], action, text: reasonFor(address, words.lines) }))
      : mentioned(words.lines, action);
  const recipients = isReceipt ? read : delivery.length > 0 ? delivery : said(actionInWords(subject, words.lines));
  const named = [...blocks, ...receipts].flatMap((block) => readIds(valuesOf(block, 'original-message-id', 'x-original-message-id')));
  const ids = [
    ...(original === null ? [] : readIds(valuesOf(original, 'message-id').slice(0, 1))),
    ...named,
    ...readIds(valuesOf(header, 'x-original-message-id', 'original-message-id')),
    ...readIds(valuesOf(header, 'in-reply-to')),
    ...readIds(valuesOf(header, 'references')).slice(-1),
  ];
  return {
    kind: isReceipt ? 'read' : 'delivery',
    ids: [...new Set(ids)].slice(0, most.ids),
    postroomId: original === null ? null : first(original, 'x-postroom-id'),
    subject: original === null || !original.fields.has('subject') ? bareSubject(subject) : readText(original, 'subject'),
    recipients: recipients.slice(0, most.recipients),
  };
}

const valuesOf = (header: Header, ...names: string[]): string[] => names.flatMap((name) => header.fields.get(name) ?? []);

/**
 * A mail system that writes in words only, as qmail does. A postmaster may be a person: what they say has to look like a report, or to
 * answer something. A null sender alone may be an absence note, so its subject has to say so.
 */
function isReportInWords(
  header: Header,
  { subject, text, senders }: { subject: string; text: string; senders: readonly Sender[] },
): boolean {
  if (senders.some(({ address, name }) => /^"?mailer-?daemon\b/i.test(address) || (address === '' && /^mailer-?daemon$/i.test(name ?? ''))))
    return true;
  if (reportSubject.test(subject)) return senders.some(isMailSystem) || hasNullSender(header);
  const hasCode = text
    .slice(0, 8_000)
    .split('\n')
    .some((line) => codePattern.test(line));
  return senders.some(isMailSystem) && (hasCode || header.fields.has('in-reply-to'));
}

// --- fields made for it --------------------------------------------------------------------------------------------

/** The groups of fields of a status part: one about the mail, one for each recipient, with one empty line or several between them. */
function blocksOf({ bytes }: ReportPiece): Header[] {
  const source = Buffer.from(bytes().subarray(0, most.octets)).toString('latin1').replace(/\r\n?/g, '\n');
  const blocks: Header[] = [];
  for (const block of source.split(/\n[ \t]*\n/)) {
    if (blocks.length > most.recipients) break;
    const octets = Buffer.from(`${block.replace(/^\n+/, '')}\n\n`, 'latin1');
    const header = readHeader(octets, 0, octets.length);
    if (header.fields.size > 0) blocks.push(header);
  }
  return blocks;
}

function deliveryOf(block: Header): ReportedRecipient | null {
  const addresses = recipientsIn(block, 'original-recipient', 'final-recipient');
  if (addresses.length === 0) return null;
  const status = /\b([245])\.\d{1,3}\.\d{1,3}\b/.exec(first(block, 'status') ?? '');
  const action = actionOf((first(block, 'action') ?? '').trim().toLowerCase(), status?.[1]);
  if (action === null) return null;
  const diagnostic = oneLine(readText(block, 'diagnostic-code').replace(/^\s*[\w.-]{1,40}\s*;/, ''));
  return { addresses, action, text: diagnostic ?? (status === null ? null : oneLine(first(block, 'status') ?? '')) };
}

function actionOf(action: string, status: string | undefined): ReportAction | null {
  if (action.startsWith('fail')) return 'failed';
  if (action.startsWith('delay')) return 'delayed';
  if (/^(?:deliver|relay|expand)/.test(action)) return 'delivered';
  return status === '5' ? 'failed' : status === '4' ? 'delayed' : status === '2' ? 'delivered' : null;
}

function receiptOf(block: Header, senders: readonly Sender[]): ReportedRecipient | null {
  const disposition = readText(block, 'disposition');
  if (disposition === '') return null;
  // Who has read it is the one who says so, whatever address of theirs it was sent to.
  const writers = senders.map(({ address }) => address.toLowerCase()).filter((address) => address !== '');
  const addresses = [...new Set([...recipientsIn(block, 'original-recipient', 'final-recipient'), ...writers])];
  if (addresses.length === 0) return null;
  const done = /^[^;]*;\s*([a-z]+)/i.exec(disposition)?.[1]?.toLowerCase() ?? '';
  const failed = done === 'failed' || done === 'denied';
  return { addresses, action: failed ? 'delivered' : 'read', text: done === 'displayed' ? null : oneLine(done) };
}

/** `rfc822; jane@example.org`: also without the type, in brackets, in xtext (RFC 3461 4), and more than one. */
function recipientsIn(block: Header, ...names: string[]): string[] {
  const found = valuesOf(block, ...names).flatMap((value) => {
    const address = decodeBinary(value)
      .replace(/^[^;@]{0,40};/, '')
      .replace(/\(.*\)/s, '')
      .trim()
      .replace(/^<(.*)>$/s, '$1')
      .toLowerCase();
    return [address, address.replace(/\+([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))];
  });
  return [...new Set(found)].filter((address) => address.includes('@') && address.length <= 320).slice(0, 4);
}

/** Exim's and Gmail's field. */
function failedRecipients(header: Header): string[] {
  const { addresses } = readAddresses(header.fields.get('x-failed-recipients') ?? []);
  return addresses.map(({ address }) => address.toLowerCase()).filter((address) => address !== '');
}

/** The header of a returned mail; some put empty lines before it. */
function headerIn(bytes: Uint8Array): Header {
  const octets = Buffer.from(bytes.subarray(0, limits.headerOctets));
  let start = 0;
  while (octets[start] === 0x0a || octets[start] === 0x0d) start++;
  return readHeader(octets, start, octets.length);
}

// --- words only ----------------------------------------------------------------------------------------------------

/** The line above a returned copy: dashes with words between them, or the few that stand without. */
const copyBegins =
  /^\s*(?:-{2,}.*\b(?:copy of|original message|unsent message|message header|returned message|message follows)\b.*|original message headers:?|reporting-mta:.*)\s*$/i;

/** What the report says itself, line by line, and the header of the copy that follows. */
function splitWords(text: string): { lines: string[]; returned: Header | null } {
  const lines = text.split('\n');
  const marked = lines.findIndex((line) => copyBegins.test(line));
  const id = lines.findIndex((line) => /^[> \t]{0,8}message-id:\s*</i.test(line));
  if (id < 0) return { lines: marked < 0 ? lines : lines.slice(0, marked), returned: null };
  // The fields around the id, without what quotes or indents them.
  const margin = /^[> \t]*/.exec(lines[id] ?? '')?.[0] ?? '';
  const isField = (line: string | undefined): boolean =>
    line?.startsWith(margin) === true && /^(?:[!-9;-~]{1,80}:|[ \t]+\S)/.test(line.slice(margin.length));
  let from = id;
  while (from > 0 && from > marked + 1 && isField(lines[from - 1])) from--;
  let to = id + 1;
  while (isField(lines[to])) to++;
  const block = lines.slice(from, to).map((line) => line.slice(margin.length));
  const octets = Buffer.from(`${block.join('\n')}\n\n`);
  return { lines: lines.slice(0, marked >= 0 && marked < id ? marked : from), returned: readHeader(octets, 0, octets.length) };
}

const addressPattern = /[^\s<>()[\],;:"'@]{1,64}@[a-z0-9\u0080-\uffff](?:[a-z0-9.\u0080-\uffff-]{0,250}[a-z0-9\u0080-\uffff])?/giu;

/** Addresses that stand on a line of their own are those meant; without such lines, every one that is mentioned. */
function mentioned(lines: readonly string[], action: ReportAction): ReportedRecipient[] {
  const alone = lines.flatMap((line) =>
    line.length <= 400 ? (/^[\s*•-]*<?([^\s<>]{1,64}@[^\s<>:]{1,255})>?(?:\s*\([^)]*\))?:?(?:\s*$|\s+-\s)/.exec(line)?.[1] ?? []) : [],
  );
  const found = alone.length > 0 ? alone : lines.flatMap((line) => line.match(addressPattern) ?? []);
  const distinct = [...new Set(found.map((address) => address.toLowerCase().replace(/[.>]+$/, '')))].slice(0, most.addresses);
  return distinct.map((address) => ({ addresses: [address], action, text: reasonFor(address, lines) }));
}

const codePattern = /\b[45]\d\d[ -]|\b[45]\.\d{1,3}\.\d{1,3}\b/;

/** The line with a code near the address, else what is said beside or below it. */
function reasonFor(address: string, lines: readonly string[]): string | null {
  const at = lines.findIndex((line) => line.toLowerCase().includes(address));
  if (at < 0) return oneLine(lines.find((line) => codePattern.test(line)) ?? '');
  const after = lines.slice(at + 1, at + 8);
  const end = after.findIndex((line, index) => index > 0 && line.trim() === '');
  const below = (end < 0 ? after : after.slice(0, end)).filter((line) => line.trim() !== '');
  const coded = below.find((line) => codePattern.test(line)) ?? (codePattern.test(lines[at] ?? '') ? lines[at] : undefined);
  const beside = (lines[at] ?? '').replace(/<?[^\s<>]+@[^\s<>]+>?/g, '').trim();
  return oneLine(coded ?? (/\w{3,} \w{2,}/.test(beside) ? (lines[at] ?? '') : (below[0] ?? '')));
}

const delayWords =
  /\b(?:delay(?:ed)?|verz[öo]ger|retard|retrasad|ritard)|warning message only|still (?:trying|being retried)|will (?:keep|continue) (?:trying|to be retried|to try)|delivery attempts will continue|(?:not|n't) (?:yet )?been delivered|no action is required on your part/i;

function actionInWords(subject: string, lines: readonly string[]): ReportAction {
  if (/\b(?:success|relayed)\b|\bdelivered\b(?<!un-?delivered)/i.test(subject) && !/\bnot\b/i.test(subject)) return 'delivered';
  if (/\bfail|undeliver|returned/i.test(subject)) return 'failed';
  return /^\W*warning\b/i.test(subject) || delayWords.test(subject) || lines.slice(0, 40).some((line) => delayWords.test(line))
    ? 'delayed'
    : 'failed';
}

/** Without `Undeliverable:` and its like, as far as they name a mail behind a colon. */
function bareSubject(subject: string): string {
  return subject
    .replace(/^(?:[^:]{1,60}):\s*/u, (prefix) => (reportSubject.test(prefix) || /^(?:delivered|relayed)/i.test(prefix) ? '' : prefix))
    .trim();
}

function oneLine(text: string): string | null {
  const line = text.replace(/\s+/g, ' ').trim().slice(0, 300);
  return line === '' ? null : line;
}
