/** What goes wrong between us and an IMAP server, sorted by what to do about it. */
import { NotAllowed } from '../network.ts';
import { tlsWords } from '../tls-words.ts';

export type FaultKind =
  | 'auth' // the server refused who we are; trying again changes nothing
  | 'certificate' // it is not the server that it says it is, or speaks no TLS where TLS was asked for
  | 'unreachable' // no connection, or nobody who speaks IMAP
  | 'throttled' // it asks for patience
  | 'gone' // the connection ended
  | 'flood' // more than a command may bring: the connection was ended
  | 'too-large' // an answer larger than we take: the connection ended, the message needs another way
  | 'refused'; // NO or BAD to one command; the connection lives

/** A fault without its class, which threads cannot exchange. `uid`: the message that was asked for alone. */
export type FaultFacts = { kind: FaultKind; message: string; retryAfterMs: number | null; uid?: number };

export class ImapFault extends Error {
  readonly kind: FaultKind;
  readonly retryAfterMs: number | null;
  readonly uid: number | undefined;

  constructor({ kind, message, retryAfterMs, uid }: FaultFacts, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImapFault';
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
    this.uid = uid;
  }
}

export const factsOf = ({ kind, message, retryAfterMs, uid }: ImapFault): FaultFacts => ({
  kind,
  message,
  retryAfterMs,
  ...(uid === undefined ? {} : { uid }),
});

export const refused = (message: string) => new ImapFault({ kind: 'refused', message, retryAfterMs: null });

const unreachableCodes =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|CONNECT_TIMEOUT|GREETING_TIMEOUT|ECONNRESET|ClosedAfterConnect)/;
const patience =
  /too many|(try|retry) (again )?later|throttl|rate limit|temporar|(bandwidth|command|connection)s? limit|authenticated but not connected|maximum number of connections/i;
const patienceCodes = /^(UNAVAILABLE|LIMIT|INUSE|THROTTLED)$/i;
/** However long a server wants us to wait, it is asked again after this. */
const longestPauseMs = 3_600_000;

/** What was going on. `writing`: a command that fills the server's disk. */
export type Phase = 'connecting' | 'reading' | 'writing';

/** Everything imapflow, TLS and the socket throw, sorted by what to do about it. */
export function faultOf(error: unknown, doing: string, phase: Phase): ImapFault {
  if (error instanceof ImapFault) return error;
  const facts = error as Partial<{
    code: string;
    message: string;
    authenticationFailed: boolean;
    tlsFailed: boolean;
    responseStatus: string;
    responseText: string;
    serverResponseCode: string;
    throttleReset: number;
    reason: string;
    response: unknown;
  }>;
  const code = facts.code ?? '';
  const responseCode = (facts.serverResponseCode ?? codeIn(facts.response) ?? '').toUpperCase();
  const server = facts.responseText ?? (typeof facts.response === 'string' ? facts.response : undefined) ?? facts.reason;
  const tls = tlsWords(error);
  const words = tls ?? [facts.message, server].filter(Boolean).join(': ');
  const retryAfterMs = facts.throttleReset === undefined ? null : Math.min(facts.throttleReset, longestPauseMs);
  const as = (kind: FaultKind) => new ImapFault({ kind, message: `${doing}: ${words || code}`, retryAfterMs }, { cause: error });

  if (error instanceof NotAllowed) return as('refused');
  if (code === 'LiteralTooLarge' || code === 'ResponseTooLarge') return as('too-large');
  if (code === 'LineTooLarge' || code === 'TooManyTokens') return as('flood');
  // A full mailbox refuses what would fill it; who only reads has taken too much in too short a time (RFC 5530, 3).
  const tooMuch = responseCode === 'OVERQUOTA' && phase !== 'writing';
  if (code === 'ETHROTTLE' || tooMuch || patienceCodes.test(responseCode) || patience.test(words)) return as('throttled');
  if (facts.authenticationFailed) return as('auth');
  if (tls !== null || facts.tlsFailed) return as('certificate');
  if (phase === 'connecting') return as(unreachableCodes.test(code) || code === 'NoConnection' ? 'unreachable' : 'gone');
  return as(facts.responseStatus === 'NO' || facts.responseStatus === 'BAD' ? 'refused' : 'gone');
}

/** The response code of an answer as imapflow's parser leaves it with some errors. */
function codeIn(response: unknown): string | null {
  const { attributes } = (response ?? {}) as { attributes?: { section?: { value?: unknown }[] }[] };
  const value = attributes?.[0]?.section?.[0]?.value;
  return typeof value === 'string' ? value : null;
}
