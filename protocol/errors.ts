/** The closed list of error codes. A client acts on the code; the message says what to do next and never holds a secret. */
export const errorCodes = [
  'invalid', // does not fit the row, or the value is refused by a rule that the message names
  'unauthenticated', // no session, or its key is no longer welcome
  'forbidden', // the person sees the thing but lacks this right; `details.why` says which
  'not-found', // no such thing, or not for this person: the two look alike
  'conflict', // it moved on; `details.revision` is the new revision
  'unavailable', // the daemon, an IMAP or a submission server cannot be reached
  'rate-limited', // `details.retryAfterMs`
  'internal', // our bug; details only in the daemon's log, under `details.id`
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export class PostroomError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PostroomError';
    this.code = code;
    this.details = details;
  }
}

/** The one sentence for everything that is not there for this person: foreign and missing must be equal byte for byte. */
export const notFound = (): PostroomError => new PostroomError('not-found', 'No such thing, or you may not see it. Check the name.');

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && (errorCodes as readonly string[]).includes(value);
}
