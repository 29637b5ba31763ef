/**
 * One IMAP connection, as the engine needs it: the only file that knows imapflow. What IMAP calls a mailbox is a folder here.
 *
 * - Nothing is sent before TLS stands and the certificate is verified, unless a person chose `none` for this mailbox.
 * - Reading never changes anything: folders are opened with EXAMINE and bodies are asked for with BODY.PEEK.
 * - What a server can make us hold is bounded: literals of 32 MB, larger messages come in parts of 1 MB.
 * - Every failure leaves as an `ImapFault`, whose kind says what to do about it.
 */
import { type FetchMessageObject, type FetchQueryObject, ImapFlow, type ListResponse } from 'imapflow';
import type { ServerAddress } from '../engines.ts';
import type { FolderRole, ListedFolder, Millis } from '../store/types.ts';
import { readSequenceSet, type Status, sequenceSet, type Theirs } from './plan.ts';

export type FaultKind =
  | 'auth' // the server refused who we are; trying again changes nothing
  | 'certificate' // it is not the server that it says it is, or speaks no TLS where TLS was asked for
  | 'unreachable' // no connection, or nobody who speaks IMAP
  | 'throttled' // it asks for patience
  | 'gone' // the connection ended
  | 'too-large' // an answer larger than we take: the connection ended, the message needs another way
  | 'refused'; // NO or BAD to one command; the connection lives

/** A fault without its class, which threads cannot exchange. */
export type FaultFacts = { kind: FaultKind; message: string; retryAfterMs: number | null };

export class ImapFault extends Error {
  readonly kind: FaultKind;
  readonly retryAfterMs: number | null;

  constructor({ kind, message, retryAfterMs }: FaultFacts, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImapFault';
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

export const factsOf = ({ kind, message, retryAfterMs }: ImapFault): FaultFacts => ({ kind, message, retryAfterMs });

export type ImapLimits = { connectTimeoutMs: number; maxIdleMs: number };

export type Listed = ListedFolder & { status: Status | null };
export type Flagged = { uid: number; flags: string[]; modSeq: string | null };
export type Sketch = Flagged & { sizeOctets: number; receivedAt: Millis; messageId: string | null };
export type Body = Flagged & { receivedAt: Millis; octets: Uint8Array };

/** A message larger than this is fetched in parts; also the largest literal that is taken. */
export const wholeLimitOctets = 32 * 1024 * 1024;
const partOctets = 1024 * 1024;
/** Nothing larger is taken at all. */
const messageLimitOctets = 512 * 1024 * 1024;
/** As many messages as one folder may list. */
const uidLimit = 5_000_000;

const roles: Record<string, FolderRole> = {
  '\\Inbox': 'inbox',
  '\\Sent': 'sent',
  '\\Drafts': 'drafts',
  '\\Junk': 'junk',
  '\\Trash': 'trash',
  '\\Archive': 'archive',
  '\\All': 'all',
};

/** Connects, secures, logs in. The password is used here and not kept. */
export async function connectImap(address: ServerAddress, password: string, limits: ImapLimits): Promise<Imap> {
  const client = new ImapFlow({
    host: address.host,
    port: address.port,
    secure: address.tls === 'implicit',
    ...(address.tls === 'implicit' ? {} : { doSTARTTLS: address.tls === 'starttls' }),
    tls: { minVersion: 'TLSv1.2', ...(address.ca === null ? {} : { ca: address.ca }) },
    auth: { user: address.user, pass: password },
    clientInfo: { name: 'Postroom' },
    logger: false, // it would see every line, the one with the password too
    qresync: true,
    disableAutoIdle: true, // `idle` says when
    disableCompression: true, // deflate costs a server more than it saves on a fast line (6-sync, section 1)
    maxIdleTime: limits.maxIdleMs,
    connectionTimeout: limits.connectTimeoutMs,
    greetingTimeout: limits.connectTimeoutMs,
    // Longer than IDLE stays quiet, so that only a dead line runs into it.
    socketTimeout: limits.maxIdleMs + 60_000,
    maxLiteralSize: wholeLimitOctets + partOctets,
    maxResponseSize: wholeLimitOctets + 2 * partOctets,
    maxLineLength: 16 * 1024 * 1024, // SEARCH answers of large folders without ESEARCH are one line
  });
  // Without a listener an 'error' event ends the process. What it says reaches callers through the rejected commands too.
  let last: unknown = null;
  client.on('error', (error) => {
    last = error;
  });
  try {
    await client.connect();
    if (greetedAsSomebody(client)) {
      throw new ImapFault({
        kind: 'certificate',
        message: `${address.host} took us for somebody without asking (PREAUTH), so nobody knows whose mail this is.`,
        retryAfterMs: null,
      });
    }
  } catch (error) {
    client.close();
    throw faultOf(error, `connecting to ${address.host}:${address.port}`, true);
  }
  // Paths are sent as they were listed: a prefix put in front of a shared folder's name would name another one.
  client.namespace = { prefix: '', delimiter: client.namespace?.delimiter };
  return new Imap(client, () => last);
}

/** imapflow keeps which method logged us in, but not in its published types; PREAUTH is when none did. */
function greetedAsSomebody(client: ImapFlow): boolean {
  const { authCapabilities } = client as unknown as { authCapabilities: ReadonlyMap<string, boolean> };
  return ![...authCapabilities.values()].includes(true);
}

export class Imap {
  /** Something changed in the open folder: look at it. What changed is never taken from the event (6-sync, trap 1). */
  onChange: () => void = () => {};
  /** Resolves when the connection has ended, however it ended. */
  readonly ended: Promise<void>;
  readonly #client: ImapFlow;
  readonly #lastError: () => unknown;
  #vanished: number[] | null = null;

  constructor(client: ImapFlow, lastError: () => unknown) {
    this.#client = client;
    this.#lastError = lastError;
    this.ended = new Promise((resolve) => client.once('close', () => resolve()));
    client.on('exists', () => this.onChange());
    client.on('flags', () => this.onChange());
    client.on('expunge', (event) => {
      if (event.earlier) this.#vanished?.push(event.uid ?? 0);
      else this.onChange();
    });
  }

  get can(): { condstore: boolean; qresync: boolean; uidplus: boolean; move: boolean; idle: boolean; listStatus: boolean } {
    const { capabilities, enabled } = this.#client;
    return {
      condstore: enabled.has('CONDSTORE'),
      qresync: enabled.has('QRESYNC'),
      uidplus: capabilities.has('UIDPLUS'),
      move: capabilities.has('MOVE'),
      idle: capabilities.has('IDLE'),
      listStatus: capabilities.has('LIST-STATUS'),
    };
  }

  /** Every folder, with its STATUS where the server gives one. */
  async list(): Promise<Listed[]> {
    const statusQuery = { messages: true, uidNext: true, uidValidity: true, highestModseq: this.can.condstore };
    const entries = await this.#demand('listing the folders', () => this.#client.list({ statusQuery }));
    const paths = new Set<string>();
    return entries.map((entry) => {
      // Two listed names that decode to one cannot be told apart in a command.
      const ambiguous = paths.has(entry.path);
      paths.add(entry.path);
      return {
        path: entry.pathAsListed,
        name: entry.path,
        delimiter: entry.delimiter || null,
        role: roles[entry.specialUse ?? ''] ?? null,
        selectable: !ambiguous && !entry.flags.has('\\Noselect') && !entry.flags.has('\\NonExistent'),
        status: statusOf(entry),
      };
    });
  }

  /** `read` is EXAMINE: whatever follows, the folder stays as it is. */
  async open(folder: { name: string }, how: 'read' | 'write' = 'read'): Promise<Theirs> {
    const opened = await this.#demand(`opening ${folder.name}`, () => this.#client.mailboxOpen(folder.name, { readOnly: how === 'read' }));
    return {
      uidValidity: Number(opened.uidValidity),
      uidNext: opened.uidNext || null,
      exists: opened.exists,
      highestModSeq: opened.noModseq || !opened.highestModseq ? null : opened.highestModseq.toString(),
    };
  }

  /** UIDs of the open folder, ascending: all, or those from `from` on. */
  async uids(from = 1): Promise<number[]> {
    // `5:*` names the last message even when its UID is below 5 (RFC 9051, 9: seq-range).
    const found = await this.#search(from === 1 ? { all: true } : { uid: `${from}:*` });
    return found.filter((uid) => uid >= from);
  }

  /** UIDs that the folder still has of those asked. */
  async still(uids: readonly number[]): Promise<number[]> {
    return uids.length === 0 ? [] : this.#search({ uid: sequenceSet(uids) });
  }

  async largerThan(octets: number): Promise<number[]> {
    return this.#search({ larger: octets });
  }

  /** UIDs whose header has one of the values. */
  async withHeader(headers: readonly { name: string; value: string }[]): Promise<number[]> {
    const terms = headers.map(({ name, value }) => ({ header: { [name]: value } }));
    return this.#search(terms.length === 1 ? (terms[0] ?? {}) : { or: terms });
  }

  async flags(uids: readonly number[] | 'all'): Promise<Flagged[]> {
    const rows: Flagged[] = [];
    for await (const row of this.#fetch(uids, { flags: true })) if (row.flags) rows.push(flagged(row));
    return rows;
  }

  /** Flags changed since a MODSEQ, and with QRESYNC the UIDs that vanished since. */
  async changedSince(modSeq: string): Promise<{ flags: Flagged[]; vanished: number[] }> {
    const vanished: number[] = [];
    this.#vanished = vanished;
    try {
      const flags: Flagged[] = [];
      for await (const row of this.#fetch('all', { flags: true }, BigInt(modSeq))) if (row.flags) flags.push(flagged(row));
      return { flags, vanished };
    } finally {
      this.#vanished = null;
    }
  }

  /** What identifies messages without their octets. */
  async sketches(uids: readonly number[] | 'all'): Promise<Sketch[]> {
    const rows: Sketch[] = [];
    for await (const row of this.#fetch(uids, { flags: true, internalDate: true, size: true, headers: ['message-id'] })) {
      const header = row.headers?.toString('latin1') ?? '';
      rows.push({
        ...flagged(row),
        sizeOctets: row.size ?? 0,
        receivedAt: receivedAt(row),
        messageId: /^message-id:\s*<([^>]*)>/im.exec(header)?.[1] ?? null,
      });
    }
    return rows;
  }

  async sizes(uids: readonly number[]): Promise<Map<number, number>> {
    const sizes = new Map<number, number>();
    for await (const row of this.#fetch(uids, { size: true })) sizes.set(row.uid, row.size ?? 0);
    return sizes;
  }

  /** Whole messages in the server's order. What it does not give is simply not there: compare with what was asked. */
  async *bodies(uids: readonly number[]): AsyncGenerator<Body> {
    for await (const row of this.#fetch(uids, { flags: true, internalDate: true, source: true })) {
      if (row.source) yield { ...flagged(row), receivedAt: receivedAt(row), octets: row.source };
    }
  }

  /** A message in parts, for those too large for one answer; null when the server has no such UID any more. */
  async bodyInParts(uid: number): Promise<Body | null> {
    let facts: (Flagged & { receivedAt: Millis }) | null = null;
    let size = 0;
    for await (const row of this.#fetch([uid], { flags: true, internalDate: true, size: true })) {
      facts = { ...flagged(row), receivedAt: receivedAt(row) };
      size = row.size ?? 0;
    }
    if (facts === null) return null;
    const parts: Uint8Array[] = [];
    // RFC822.SIZE may be wrong: the end is where a part comes back short.
    if (size > messageLimitOctets) throw refused(`The message has ${size} octets; more than ${messageLimitOctets} are not taken.`);
    for (let at = 0, more = true; more; at += partOctets) {
      if (at > size + wholeLimitOctets) throw refused(`The message has more than the ${size} octets that the server announced.`);
      more = false;
      for await (const row of this.#fetch([uid], { source: { start: at, maxLength: partOctets } })) {
        if (!row.source) continue;
        parts.push(row.source);
        more = row.source.length === partOctets;
      }
    }
    return { ...facts, octets: Buffer.concat(parts) };
  }

  /** Waits for news of the open folder until another command comes; polls where the server has no IDLE. */
  async idle(): Promise<void> {
    await this.#do('waiting for news', () => this.#client.idle());
  }

  /** Moves from the open folder. The caller has looked whether the server can. */
  async move(uids: readonly number[], to: { name: string }): Promise<void> {
    await this.#demand(`moving to ${to.name}`, () => this.#client.messageMove(sequenceSet(uids), to.name, { uid: true }));
  }

  async changeFlags(uids: readonly number[], change: { add?: readonly string[]; remove?: readonly string[] }): Promise<void> {
    const range = sequenceSet(uids);
    for (const [how, flags] of [
      ['messageFlagsAdd', change.add ?? []],
      ['messageFlagsRemove', change.remove ?? []],
    ] as const) {
      if (flags.length === 0) continue;
      const done = await this.#do('changing flags', () => this.#client[how](range, [...flags], { uid: true }));
      if (!done) throw refused(`The server does not keep ${flags.join(' ')}.`);
    }
  }

  async append(folder: { name: string }, octets: Uint8Array, flags: readonly string[], at: Millis): Promise<void> {
    const message = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    await this.#demand(`filing into ${folder.name}`, () => this.#client.append(folder.name, message, [...flags], new Date(at)));
  }

  async create(name: string): Promise<void> {
    await this.#demand(`making ${name}`, () => this.#client.mailboxCreate(name));
  }

  /** Says goodbye; a server that does not answer is left. */
  async logout(): Promise<void> {
    if (!this.#client.usable) return this.close();
    const patience = setTimeout(() => this.#client.close(), 1_000);
    try {
      await this.#client.logout();
    } catch (error) {
      if (!(error instanceof Error)) throw error; // the line broke first, which is what was wanted
    } finally {
      clearTimeout(patience);
      this.#client.close();
    }
  }

  close(): void {
    this.#client.close();
  }

  async *#fetch(uids: readonly number[] | 'all', query: FetchQueryObject, changedSince?: bigint): AsyncGenerator<FetchMessageObject> {
    if (uids.length === 0) return;
    const range = uids === 'all' ? '1:*' : sequenceSet(uids);
    try {
      yield* this.#client.fetch(range, { uid: true, ...query }, { uid: true, ...(changedSince === undefined ? {} : { changedSince }) });
    } catch (error) {
      throw this.#fault(error, 'fetching messages');
    }
  }

  async #search(query: Parameters<ImapFlow['search']>[0]): Promise<number[]> {
    // RETURN (ALL) writes a whole folder as a few ranges; without ESEARCH imapflow makes the same from the plain answer.
    const found = await this.#demand('searching', () => this.#client.search(query, { uid: true, returnOptions: ['ALL'] }));
    return Array.isArray(found) ? [...found].sort((a, b) => a - b) : readSequenceSet(found.all ?? '', uidLimit);
  }

  /** Runs a command. imapflow answers some with nothing, not with an error, when the connection has just ended: that is a fault too. */
  async #do<T>(doing: string, command: () => Promise<T>): Promise<T> {
    let answer: T;
    try {
      answer = await command();
    } catch (error) {
      throw this.#fault(error, doing);
    }
    if (!answer && !this.#client.usable) throw this.#fault(new Error('the connection has ended'), doing);
    return answer;
  }

  /** The same for commands that always answer with something. */
  async #demand<T>(doing: string, command: () => Promise<T | false | undefined>): Promise<T> {
    const answer = await this.#do(doing, command);
    if (!answer) throw refused(`${doing}: the server refused.`);
    return answer;
  }

  #fault(error: unknown, doing: string): ImapFault {
    const fault = faultOf(error, doing, false);
    // A connection that broke rejects its commands with little; the event before it said why.
    const why = this.#lastError();
    return fault.kind === 'gone' && why ? faultOf(why, doing, false) : fault;
  }
}

const refused = (message: string) => new ImapFault({ kind: 'refused', message, retryAfterMs: null });

function flagged(row: FetchMessageObject): Flagged {
  return {
    uid: row.uid,
    // \Recent belongs to a session, not to the message.
    flags: [...(row.flags ?? [])].filter((flag) => flag !== '\\Recent'),
    modSeq: row.modseq?.toString() ?? null,
  };
}

function receivedAt(row: FetchMessageObject): Millis {
  const at = row.internalDate instanceof Date ? row.internalDate.getTime() : Number.NaN;
  return Number.isNaN(at) ? Date.now() : at;
}

function statusOf({ status }: ListResponse): Status | null {
  if (!status || 'error' in status) return null;
  return {
    uidValidity: status.uidValidity === undefined ? null : Number(status.uidValidity),
    uidNext: status.uidNext ?? null,
    messages: status.messages ?? null,
    highestModSeq: status.highestModseq ? status.highestModseq.toString() : null,
  };
}

// --- what went wrong -----------------------------------------------------------------------------------------------

const certificateCodes =
  /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|UPGRADE_TIMEOUT|STARTTLS_INJECTION)/;
const unreachableCodes =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ETIMEDOUT|CONNECT_TIMEOUT|GREETING_TIMEOUT|ECONNRESET|ClosedAfterConnect)/;
const patience = /too many|try (again )?later|throttl|rate limit|temporar|authenticated but not connected|maximum number of connections/i;

/** Everything imapflow, TLS and the socket throw, sorted by what to do about it. */
export function faultOf(error: unknown, doing: string, connecting: boolean): ImapFault {
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
  const server = facts.responseText ?? (typeof facts.response === 'string' ? facts.response : undefined) ?? facts.reason;
  const words = [facts.message, server].filter(Boolean).join(': ');
  const as = (kind: FaultKind) =>
    new ImapFault({ kind, message: `${doing}: ${words || code}`, retryAfterMs: facts.throttleReset ?? null }, { cause: error });

  if (code === 'LiteralTooLarge' || code === 'ResponseTooLarge') return as('too-large');
  if (code === 'ETHROTTLE' || /^(UNAVAILABLE|LIMIT|INUSE)$/.test(facts.serverResponseCode ?? '') || patience.test(words)) {
    return as('throttled');
  }
  if (facts.authenticationFailed) return as('auth');
  if (certificateCodes.test(code) || facts.tlsFailed) return as('certificate');
  if (connecting) return as(unreachableCodes.test(code) || code === 'NoConnection' ? 'unreachable' : 'gone');
  return as(facts.responseStatus === 'NO' || facts.responseStatus === 'BAD' ? 'refused' : 'gone');
}
