/**
 * The audit journal as a file for others: JSON Lines, which is what the hashes are of, and CSV for spreadsheets.
 *
 * A cell that a spreadsheet could take for a formula begins with an apostrophe: whatever its first visible character is under NFKC, so that
 * full-width twins count, and behind blanks and invisible characters too. Every cell is quoted (RFC 4180).
 */

import type { AuditRow } from '../protocol/schema.ts';
import { safeJson } from '../protocol/text.ts';

export const exportFormats = ['jsonl', 'csv'] as const;
export type ExportFormat = (typeof exportFormats)[number];

const columns = [
  'seq',
  'at',
  'actor',
  'action',
  'subject',
  'mailbox',
  'summary',
  'session',
  'key',
  'from',
  'actorId',
  'personId',
  'mailboxId',
  'details',
  'previous',
  'hash',
] as const satisfies readonly (keyof AuditRow)[];

const formula = /^(?:[\t\r]|[\s\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]*[=+\-@|\u2212])/u;

export function csvCell(value: string): string {
  const harmless = formula.test(value) || formula.test(value.normalize('NFKC')) ? `'${value}` : value;
  return `"${harmless.replaceAll('"', '""')}"`;
}

const cellOf = (value: unknown): string =>
  csvCell(value === null || value === undefined ? '' : typeof value === 'object' ? safeJson(value) : String(value));

/** What stands before the first row. */
export const exportHead = (format: ExportFormat): string => (format === 'csv' ? `${columns.map(csvCell).join(',')}\r\n` : '');

export const exportLine = (format: ExportFormat, row: AuditRow): string =>
  format === 'csv' ? `${columns.map((column) => cellOf(row[column])).join(',')}\r\n` : `${safeJson(row)}\n`;
