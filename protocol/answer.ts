/**
 * From one request to its answer, one place for each step: parse, authorize, call, check the result, map errors.
 */
import { randomBytes } from 'node:crypto';
import type * as z from 'zod';
import { isErrorCode, PostroomError } from './errors.ts';
import type { WireError } from './frame.ts';
import type { AskedOf, Methods, Named, Need, ResultInputOf, Surface } from './rows.ts';
import type { Guarded, Log, Session, Stream } from './session.ts';

/** What the daemon is asked to decide and to do. */
export type Service<M extends Methods> = {
  /** Throws when any of the needs does not hold. `named` is what the request names, null when its row names no mailbox. */
  authorize(session: Session, needs: readonly Need[], named: readonly Named[] | null, method: string): void | Promise<void>;
  call<K extends keyof M & string>(
    method: K,
    asked: AskedOf<M[K]>,
    session: Session,
    stream: Stream,
  ): ResultInputOf<M[K]> | Promise<ResultInputOf<M[K]>>;
  /** Whether this session may be told; `mailbox` is null for events that belong to none. Asked for every event and every session. */
  maySee(session: Session, needs: Surface, mailbox: string | null): boolean;
};

/** Codes that every method can give; a row lists the others. */
const commonCodes = new Set(['invalid', 'unauthenticated', 'forbidden', 'not-found', 'unavailable', 'rate-limited', 'internal']);

export type Reply = { result: unknown } | { error: WireError };

/** Answers one request. Never throws: every failure leaves as a code the client can act on. */
export async function answer<M extends Methods>(
  { methods, service, log }: { methods: M; service: Service<M>; log: Log },
  session: Session,
  { method, params }: { method: string; params: unknown },
  stream: Guarded,
): Promise<Reply> {
  try {
    const row = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (!row)
      throw new PostroomError('invalid', `This daemon knows no method ${method.slice(0, 100)}. Its release may be older than yours.`);
    const asked = parse(row.params, params);
    const invited = session.who.kind === 'invitation';
    if (invited !== row.needs.includes('invitation')) {
      throw new PostroomError('forbidden', invited ? 'An invitation can only be used to join.' : 'This needs an invitation.');
    }
    const named = row.names?.(asked) ?? null;
    const authorize = async () => service.authorize(session, row.needs, named, method);
    stream.guard(authorize); // again for every chunk: a right may end while a stream runs
    await authorize(); // before every handler: no door without it
    const result = await service.call(method, asked as AskedOf<M[string]>, session, stream);
    const checked = row.result.safeParse(result);
    if (!checked.success) throw new Error(`the result of ${method} does not fit its row`, { cause: checked.error });
    return { result: checked.data };
  } catch (error) {
    return { error: toWire(error, method, methods, log) };
  }
}

function parse<P extends z.ZodType>(schema: P, params: unknown): z.output<P> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.map(String).join('.') ?? '';
  throw new PostroomError('invalid', `${path === '' ? 'The request' : path}: ${issue?.message ?? 'does not fit'}`.slice(0, 500), { path });
}

/** An error that we did not mean leaves as an id; what it says stays in the log. */
export function toWire(error: unknown, method: string, methods: Methods, log: Log): WireError {
  if (error instanceof PostroomError && isErrorCode(error.code) && error.code !== 'internal') {
    const row = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (row && !commonCodes.has(error.code) && !row.errors.includes(error.code)) {
      log.error({ method, code: error.code }, 'a handler gave an error that its row does not list');
    }
    return { code: error.code, message: error.message, details: { ...error.details } };
  }
  const id = randomBytes(6).toString('hex');
  log.error({ id, method, err: error }, 'a request failed');
  return { code: 'internal', message: `Something went wrong in the daemon. Its log has the details under ${id}.`, details: { id } };
}
