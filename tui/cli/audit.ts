/** The audit journal: read, verified, taken out as a file. */
import { PostroomError } from '../../protocol/errors.ts';
import type { Params, Result } from '../../protocol/methods.ts';
import { type ExportFormat, exportFormats, exportHead, exportLine } from '../audit-export.ts';
import { FileProblem, saveNew } from '../files.ts';
import { day, table } from './print.ts';
import { type CommandRow, type Context, type Outcome, usageError, type Values } from './program.ts';
import { date, number, option } from './values.ts';

/** Rows of one request of an export. */
const pageRows = 200;

type Row = Result<'audit.list'>['rows'][number];
type Question = Omit<Params<'audit.list'>, 'limit' | 'cursor' | 'for'>;

function questionOf(values: Values): Question {
  const [since, until] = [option(values, 'since'), option(values, 'until')];
  return {
    mailbox: option(values, 'mailbox'),
    person: option(values, 'person'),
    action: option(values, 'action'),
    since: since === null ? null : date(since, '--since', 'begin'),
    until: until === null ? null : date(until, '--until', 'end'),
  };
}

const auditText = (rows: readonly Row[]): string =>
  table(
    ['line', 'at', 'who', 'action', 'mailbox', 'what'],
    rows.map((row) => [String(row.seq), day(row.at), row.actor ?? '-', row.action, row.mailbox ?? '-', row.summary]),
    'The journal has nothing of that.',
  );

async function list(context: Context, values: Values): Promise<Outcome> {
  const format = exportFormats.find((one) => one === option(values, 'export'));
  if (format !== undefined) return exported(context, values, format);
  if (option(values, 'output') !== null) throw usageError('--output is for --export jsonl or --export csv.');
  const told = await (await context.session()).call('audit.list', {
    ...questionOf(values),
    limit: number(values, 'limit', '--limit'),
    cursor: option(values, 'cursor'),
  });
  return { data: told, text: auditText(told.rows) + (told.next === null ? '' : `\nMore with: --cursor ${told.next}`) };
}

// --- as a file -----------------------------------------------------------------------------------------------------

async function exported(context: Context, values: Values, format: ExportFormat): Promise<Outcome> {
  if (option(values, 'limit') !== null || option(values, 'cursor') !== null)
    throw usageError('An export has all lines of the question: leave --limit and --cursor away.');
  const output = option(values, 'output');
  if (output === null && context.json) throw usageError('With --json, say where the export goes: --output FILE.');
  const session = await context.session();
  const question = questionOf(values);
  let rows = 0;
  const write = async (sink: (text: string) => Promise<void> | void): Promise<void> => {
    // Asked before anything is written: a refusal leaves no empty file.
    let page = await session.call('audit.list', { ...question, for: 'export', limit: pageRows });
    await sink(exportHead(format));
    for (;;) {
      rows += page.rows.length;
      await sink(page.rows.map((row) => exportLine(format, row)).join(''));
      if (page.next === null) return;
      page = await session.call('audit.list', { ...question, for: 'export', limit: pageRows, cursor: page.next });
    }
  };
  if (output === null) {
    await write(context.out);
    return null;
  }
  const path = await saveNew(output, `audit.${format}`, (sink) => write((text) => sink(Buffer.from(text)))).catch((error: unknown) => {
    if (error instanceof FileProblem) throw new PostroomError('invalid', `Cannot write ${output}: ${error.words}.`);
    throw error;
  });
  return { data: { path, format, rows }, text: `${path}: ${rows} ${rows === 1 ? 'line' : 'lines'}` };
}

// --- is it whole? --------------------------------------------------------------------------------------------------

function headOf(value: string | null): Params<'audit.verify'>['head'] {
  if (value === null) return null;
  const found = /^(\d{1,15}):([0-9a-f]{64})$/.exec(value);
  if (found === null) throw usageError('--head takes an end as verify prints it: NUMBER:HASH.');
  return { seq: Number(found[1]), hash: found[2] ?? '' };
}

async function verify(context: Context, values: Values): Promise<Outcome> {
  const head = headOf(option(values, 'head'));
  const data = await (await context.session()).call('audit.verify', { head }, { timeoutMs: 300_000 });
  const end = data.head === null ? '' : `\nIts end, to be noted down elsewhere: ${data.head.seq}:${data.head.hash}`;
  const text = data.ok
    ? `The journal is whole: ${data.rows} ${data.rows === 1 ? 'line' : 'lines'}.${end}`
    : ['The journal is NOT whole:', ...data.findings.map(({ kind, message }) => `  ${kind}: ${message}`)].join('\n');
  return { data, text, failed: !data.ok };
}

export const auditCommands: readonly CommandRow[] = [
  {
    usage: 'audit',
    doc: 'who did what: the audit journal, newest first, or as a file',
    options: [
      ['--mailbox <address>', 'about this mailbox'],
      ['--person <name>', 'by this person, or about them'],
      ['--since <date>', 'nothing older'],
      ['--until <date>', 'nothing newer'],
      ['--action <action>', 'like grant.set; grant stands for all of them'],
      ['--limit <n>', 'at most this many (default 50)'],
      ['--cursor <cursor>', 'go on where the last page ended'],
      ['--export <format>', 'all of it, oldest first', exportFormats],
      ['--output <file>', 'where the export goes: a new file, or a folder (default: standard output)'],
    ],
    run: (context, _args, values) => list(context, values),
  },
  {
    usage: 'audit verify',
    doc: 'is the chain whole? exit 1 and the lines that are not',
    options: [['--head <end>', 'an end that was noted down before, as verify prints it']],
    run: (context, _args, values) => verify(context, values),
  },
];
