/** Errors on their way between threads: code, message and details stay, and the stack for the log. */
import { type ErrorCode, PostroomError } from '../../protocol/errors.ts';

export type WireFault = { code: ErrorCode; message: string; details: Record<string, unknown>; stack: string | undefined };

export function toWire(error: unknown): WireFault {
  if (error instanceof PostroomError)
    return { code: error.code, message: error.message, details: { ...error.details }, stack: error.stack };
  const full = error instanceof Error && 'errcode' in error && error.errcode === 13; // SQLITE_FULL
  const noSpace = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
  if (full || noSpace)
    return {
      code: 'unavailable',
      message: 'The disk is full: nothing was written. Make room and try again.',
      details: {},
      stack: undefined,
    };
  return { code: 'internal', message: String(error), details: {}, stack: error instanceof Error ? error.stack : undefined };
}

export function toError({ code, message, details, stack }: WireFault): PostroomError {
  const error = new PostroomError(code, message, details);
  if (stack !== undefined) error.stack = stack;
  return error;
}
