/** Errors on their way between threads: code, message and details stay, and the stack for the log. What the machine refuses gets its words here. */
import { type ErrorCode, PostroomError } from '../../protocol/errors.ts';

export type WireFault = { code: ErrorCode; message: string; details: Record<string, unknown>; stack: string | undefined };

export function toWire(error: unknown): WireFault {
  if (error instanceof PostroomError)
    return { code: error.code, message: error.message, details: { ...error.details }, stack: error.stack };
  const stack = error instanceof Error ? error.stack : undefined;
  const refusal = refusalOf(error);
  if (refusal !== null) return { code: 'unavailable', message: `${refusal} Nothing was written.`, details: {}, stack };
  return { code: 'internal', message: String(error), details: {}, stack };
}

export function toError({ code, message, details, stack }: WireFault): PostroomError {
  const error = new PostroomError(code, message, details);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** What the machine may refuse, in words for whoever can do something about it. */
const refusals = {
  full: 'The disk is full. Make room, then try again.',
  disk: "The disk answered with an error. Look at the machine's log (dmesg), then try again.",
  files: 'The daemon or the machine has too many files open. Try again; if that does not help, raise the limit (LimitNOFILE) and restart.',
  readOnly: 'The disk cannot be written to. Mount it writable again, then try again.',
  damaged: 'The mail store (mail.db) is damaged. Stop the daemon and run "postroom doctor": it names what is damaged, and the way back.',
} as const;

const ofSystem: Readonly<Record<string, keyof typeof refusals>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EIO: 'disk',
  EMFILE: 'files',
  ENFILE: 'files',
  EROFS: 'readOnly',
};

/** By the primary result codes of SQLite: SQLITE_READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB. */
const ofSqlite: Readonly<Record<number, keyof typeof refusals>> = {
  8: 'readOnly',
  10: 'disk',
  11: 'damaged',
  13: 'full',
  14: 'files',
  26: 'damaged',
};

/** The words for what the machine refused, a read or a write; null for every other error. */
export function refusalOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const isOfSqlite = 'errcode' in error && typeof error.errcode === 'number';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const refusal = isOfSqlite ? ofSqlite[Number(error.errcode) & 0xff] : ofSystem[code];
  return refusal === undefined ? null : refusals[refusal];
}
