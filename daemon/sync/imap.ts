/**
 * One IMAP connection, as the engine needs it: the only file that knows imapflow. What IMAP calls a mailbox is a folder here.
 *
 * - Nothing is sent before TLS stands and the certificate is verified, unless a person chose `none` for this mailbox.
 * - Reading never changes anything: folders are opened with EXAMINE and bodies are asked for with BODY.PEEK.
 * - What a server can make us hold is bounded: literals of 32 MB; larger messages come in parts of 1 MB, up to 128 MB.
 * - So is what it may say to one command, and from the greeting to the login: past that the connection is ended (`restrain.ts`).
 * - Every failure leaves as an `ImapFault`, whose kind says what to do about it.
 */
import { type FetchMessageObject, type FetchQueryObject, ImapFlow, type ListResponse } from 'imapflow';
import type { ServerAddress } from '../engines.ts';
import { barred, lookupWithin, type Reach, silent } from '../network.ts';
import type { FolderRole, ListedFolder, Millis } from '../store/types.ts';
import { namesCertificate } from '../tls-words.ts';
import { faultOf, ImapFault, type Phase, refused } from './fault.ts';
import { modifiedUtf7, obstacleOf, speaksUtf8 } from './folder-name.ts';
import { rolesOf } from './folder-role.ts';
import { countOf, readSequenceSet, type Status, sequenceSet, type Theirs } from './plan.ts';
import { type Budget, deadline, listing, type Meter, naming, restrain, telling, uidLimit } from './restrain.ts';

/**
 * `replyMs`: how long a server may say nothing at all while it owes an answer. `readyMs`: how long it may take until we are logged in, and
 * again for each list of folders, however it drips.
 */
export type ImapLimits = { connectTimeoutMs: number; maxIdleMs: number; replyMs: number; readyMs: number };

/** All that a connection takes; plain data, for it goes to threads. */
export type Login = { address: ServerAddress; password: string; reach: Reach; limits: ImapLimits };

/** `obstacle`: why no command can name it, though it is listed. */
export type Listed = ListedFolder & { status: Status | null; obstacle: string | null };
/** A folder as it was listed, and is written in commands, and as people know it. */
export type Named = { path: string; name: string };
export type Flagged = { uid: number; flags: string[]; modSeq: string | null };
export type Sketch = Flagged & { sizeOctets: number; receivedAt: Millis; messageId: string | null };
export type Body = Flagged & { receivedAt: Millis; octets: Uint8Array };

/** A message larger than this is fetched in parts; also the largest literal that is taken. */
export const wholeLimitOctets = 32 * 1024 * 1024;
const partOctets = 1024 * 1024;
/**
 * Nothing larger is taken: a message is in memory once, from its first part until it is on disk. The large hosts let in 35 to 50 MB;
 * what is larger than this is named by doctor.
 */
const messageLimitOctets = 128 * 1024 * 1024;
/** A NOOP takes a server no work, so it is waited for less. */
const proofMs = 20_000;
/** What is filed has to go up the line first, and nothing comes down meanwhile. */
const writingPatience = 4;
/** Messages that may have come without an EXISTS. */
const unannounced = 1_000;
/** What the headers that a sketch asks for may take. */
const sketchOctets = 4_096;

const roles: Record<string, FolderRole> = {
  '\\Inbox': 'inbox',
  '\\Sent': 'sent',
  '\\Drafts': 'drafts',
  '\\Junk': 'junk',
  '\\Trash': 'trash',
  '\\Archive': 'archive',
  '\\All': 'all',
};

/** Connects, secures, logs in. The password is used here and not kept. `stop` ends the connection at whatever it is. */
export async function connectImap({ address, password, reach, limits }: Login, stop?: AbortSignal): Promise<Imap> {
  const heard = (error: unknown, proven = false): ImapFault => {
    const fault = faultOf(error, `connecting to ${address.host}:${address.port}`, 'connecting');
    return reach === null || reach.told || proven ? fault : hushed(fault, address);
  };
  const bar = barred(reach, address);
  if (bar !== null) throw heard(bar);
  const client = new ImapFlow({
    host: address.host,
    port: address.port,
    secure: address.tls === 'implicit',
    ...(address.tls === 'implicit' ? {} : { doSTARTTLS: address.tls === 'starttls' }),
    // What is here is handed to `connect`, with and without TLS.
    tls: { minVersion: 'TLSv1.2', lookup: lookupWithin(reach, address.port), ...(address.ca === null ? {} : { ca: address.ca }) },
    auth: { user: address.user, pass: password },
    clientInfo: { name: 'Postroom' },
    logger: false, // it would see every line, the one with the password too
    qresync: true,
    disableAutoIdle: true, // `idle` says when
    disableCompression: true, // deflate costs a server more than it saves on a fast line
    maxIdleTime: limits.maxIdleMs,
    connectionTimeout: limits.connectTimeoutMs,
    greetingTimeout: limits.connectTimeoutMs,
    // Longer than IDLE stays quiet, so that only a dead line runs into it.
    socketTimeout: Math.ceil(limits.maxIdleMs * 1.25),
    maxLiteralSize: wholeLimitOctets + partOctets,
    maxResponseSize: wholeLimitOctets + 2 * partOctets,
  });
  // Without a listener an 'error' event ends the process. What it says reaches callers through the rejected commands too.
  let last: unknown = null;
  client.on('error', (error) => {
    last = error;
  });
  const end = (fault: ImapFault) => {
    last ??= fault;
    client.close();
  };
  const stopped = () => end(new ImapFault({ kind: 'gone', message: 'the mailbox was stopped', retryAfterMs: null }));
  stop?.addEventListener('abort', stopped, { once: true });
  client.once('close', () => stop?.removeEventListener('abort', stopped));
  const meter = restrain(client, limits.readyMs, end);
  const inTime = deadline('Connecting and logging in', limits.readyMs, end);
  try {
    if (stop?.aborted === true) stopped();
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
    throw heard(last instanceof ImapFault ? last : error, isProven(client));
  } finally {
    inTime();
  }
  // Paths are sent as they were listed: a prefix put in front of a shared folder's name would name another one.
  client.namespace = { prefix: '', delimiter: client.namespace?.delimiter };
  return new Imap(client, meter, () => last, end, limits.replyMs);
}

/** Whether a verified certificate has shown whose words these are. */
function isProven(client: ImapFlow): boolean {
  const { tls } = client as unknown as { tls?: { authorized?: boolean } };
  return tls?.authorized === true;
}

/** For those who may not know what there is: a certificate that does not fit and a refused password are about their own mailbox, all else is not. */
function hushed(fault: ImapFault, { host, port }: ServerAddress): ImapFault {
  if (fault.kind === 'certificate' && namesCertificate(fault.message)) return fault;
  const { kind, message } =
    fault.kind === 'auth'
      ? ({ kind: 'auth', message: 'The server refused the user or the password.' } as const)
      : ({ kind: 'unreachable', message: silent(host, port, 'IMAP') } as const);
  return new ImapFault({ kind, message, retryAfterMs: null }, { cause: fault });
}

/** imapflow keeps which method logged us in, but not in its published types; PREAUTH is when none did. */
function greetedAsSomebody(client: ImapFlow): boolean {
  const { authCapabilities } = client as unknown as { authCapabilities: ReadonlyMap<string, boolean> };
  return ![...authCapabilities.values()].includes(true);
}

export class Imap {
  /** Something changed in the open folder: look at it. What changed is never taken from the event. */
  onChange: () => void = () => {};
  /** Resolves when the connection has ended, however it ended. */
  readonly ended: Promise<void>;
  readonly #client: ImapFlow;
  readonly #meter: Meter;
  readonly #lastError: () => unknown;
  readonly #end: (fault: ImapFault) => void;
  readonly #replyMs: number;
  #vanished: number[] | null = null;
  /** The response code of the last tagged answer: where imapflow answers a refusal with nothing, it is all that is left of it. */
  #code: string | null = null;
  #exists = 0;

  constructor(client: ImapFlow, meter: Meter, lastError: () => unknown, end: (fault: ImapFault) => void, replyMs: number) {
    this.#client = client;
    this.#meter = meter;
    this.#lastError = lastError;
    this.#end = end;
    this.#replyMs = replyMs;
    this.ended = new Promise((resolve) => client.once('close', () => resolve()));
    client.on('response', ({ code }: { code?: unknown }) => {
      this.#code = typeof code === 'string' ? code : null;
    });
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

  /** Why it has ended, with the server's last words where it said some (BYE). */
  get end(): ImapFault {
    const { byeReason } = this.#client as unknown as { byeReason?: string };
    return this.#fault({ message: 'the connection ended', ...(byeReason ? { reason: byeReason } : {}) }, 'waiting for news');
  }

  /** Every folder, with its STATUS where the server gives one. */
  async list(): Promise<Listed[]> {
    const statusQuery = { messages: true, uidNext: true, uidValidity: true, highestModseq: this.can.condstore };
    const entries = await this.#demand('listing the folders', () => this.#client.list({ statusQuery }), 'reading', listing);
    const used = rolesOf(
      entries.map((entry) => ({
        name: entry.path,
        delimiter: entry.delimiter || null,
        flags: entry.flags,
        role: roles[entry.specialUse ?? ''] ?? null,
      })),
      /exchange|microsoft/i.test(Object.values(this.#client.serverInfo ?? {}).join(' ')),
    );
    const inbox = entries.findIndex((entry) => isInbox(entry.pathAsListed));
    return entries.map((entry, n) => {
      const { pathAsListed: path, path: name } = entry;
      return {
        path,
        name,
        delimiter: entry.delimiter || null,
        role: used[n] ?? null,
        // The library names one of each kind: by the server's word, else the first with a usual name.
        main: roles[entry.specialUse ?? ''] !== undefined,
        selectable: !entry.flags.has('\\Noselect') && !entry.flags.has('\\NonExistent'),
        // STATUS goes by what names decode to: of one that is badly encoded it would be another folder's.
        status: this.#utf8 || modifiedUtf7(name) === path ? statusOf(entry) : null,
        obstacle: isInbox(path) && n !== inbox ? 'It is the inbox once more, listed a second time.' : obstacleOf(path, this.#utf8),
      };
    });
  }

  get #utf8(): boolean {
    return speaksUtf8(this.#client);
  }

  /** What imapflow is given as a name: what was listed (`withFolder`). */
  #written({ path, name }: Named): string {
    const obstacle = obstacleOf(path, this.#utf8);
    if (obstacle !== null) throw refused(`${name}: ${obstacle}`);
    // imapflow asks for the entry of a folder that it has not listed, as a pattern: a name like * would list them all.
    const known = (this.#client as unknown as { folders: Map<string, object> }).folders;
    if (!known.has(path)) known.set(path, { path });
    return path;
  }

  /** `read` is EXAMINE: whatever follows, the folder stays as it is. */
  async open(folder: Named, how: 'read' | 'write' = 'read'): Promise<Theirs> {
    const name = this.#written(folder);
    const opened = await this.#demand(`opening ${folder.name}`, () => this.#client.mailboxOpen(name, { readOnly: how === 'read' }));
    const uidValidity = Number(opened.uidValidity ?? 0);
    // Without it nobody can say whether a UID still means the same message (RFC 9051, 2.3.1.1).
    if (!(uidValidity >= 1 && uidValidity <= 0xffffffff))
      throw refused(`opening ${folder.name}: the server gives it no valid UIDVALIDITY.`);
    this.#exists = opened.exists ?? 0;
    return {
      uidValidity,
      uidNext: opened.uidNext || null,
      exists: this.#exists,
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
      for await (const row of this.#fetch('all', { flags: true }, { changedSince: BigInt(modSeq) }))
        if (row.flags) flags.push(flagged(row));
      return { flags, vanished };
    } finally {
      this.#vanished = null;
    }
  }

  /** What identifies messages without their octets. */
  async sketches(uids: readonly number[] | 'all'): Promise<Sketch[]> {
    const rows: Sketch[] = [];
    const query = { flags: true, internalDate: true, size: true, headers: ['message-id'] };
    for await (const row of this.#fetch(uids, query, { octetsEach: sketchOctets })) {
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
    // One message may be told in several answers, its flags before its octets.
    const told = new Map<number, FetchMessageObject>();
    const bodies = uids.length * (wholeLimitOctets + partOctets);
    for await (const row of this.#fetch(uids, { flags: true, internalDate: true, source: true }, { bodies })) {
      if (row.source) {
        const whole = { ...told.get(row.uid), ...row };
        yield { ...flagged(whole), receivedAt: receivedAt(whole), octets: row.source };
      } else told.set(row.uid, row);
    }
  }

  /**
   * A message in parts, for those too large for one answer; null when the server has no such UID any more. Its octets are the beginning of
   * a buffer that nobody else uses.
   */
  async bodyInParts(uid: number): Promise<Body | null> {
    let facts: (Flagged & { receivedAt: Millis }) | null = null;
    let size = 0;
    // RFC822.SIZE may be wrong: the end is where a part comes back short.
    for await (const row of this.#fetch([uid], { flags: true, internalDate: true, size: true })) {
      facts = { ...flagged(row), receivedAt: receivedAt(row) };
      size = row.size ?? 0;
    }
    if (facts === null) return null;
    if (size > messageLimitOctets) throw refused(`The message has ${size} octets; larger ones than ${messageLimitOctets} are not taken.`);
    // Servers that count line ends otherwise are a little wrong, not many times.
    const limit = Math.min(2 * size + wholeLimitOctets, messageLimitOctets);
    let octets = new Uint8Array(size);
    let used = 0;
    for (let more = true; more; ) {
      more = false;
      const query = { source: { start: used, maxLength: partOctets } };
      for await (const { source: part } of this.#fetch([uid], query, { bodies: 2 * partOctets })) {
        if (!part || more) continue;
        if (used + part.length > limit) {
          free(octets);
          throw refused(`The message was to have ${size} octets and has more than ${limit}; it is not taken.`);
        }
        if (used + part.length > octets.length) octets = grown(octets, limit);
        octets.set(part, used);
        used += part.length;
        more = part.length === partOctets;
      }
    }
    return { ...facts, octets: octets.subarray(0, used) };
  }

  /** Waits for news of the open folder until another command comes; polls where the server has no IDLE. */
  async idle(): Promise<void> {
    await this.#do('waiting for news', () => this.#client.idle(), 'reading', Number.POSITIVE_INFINITY);
  }

  /** Whether anybody is at the other end: a line that broke between says nothing of it. Ends IDLE. */
  async prove(): Promise<void> {
    await this.#do('asking whether the server is there', () => this.#client.noop(), 'reading', Math.min(proofMs, this.#replyMs));
  }

  /** Moves from the open folder. The caller has looked whether the server can. */
  async move(uids: readonly number[], to: Named): Promise<void> {
    const name = this.#written(to);
    await this.#demand(`moving to ${to.name}`, () => this.#client.messageMove(sequenceSet(uids), name, { uid: true }), 'writing');
  }

  async changeFlags(uids: readonly number[], change: { add?: readonly string[]; remove?: readonly string[] }): Promise<void> {
    const range = sequenceSet(uids);
    for (const [how, flags] of [
      ['messageFlagsAdd', change.add ?? []],
      ['messageFlagsRemove', change.remove ?? []],
    ] as const) {
      if (flags.length === 0) continue;
      const done = await this.#do('changing flags', () => this.#client[how](range, [...flags], { uid: true }), 'writing');
      if (!done) throw refused(`The server does not keep ${flags.join(' ')}.`);
    }
  }

  async append(folder: Named, octets: Uint8Array, flags: readonly string[], at: Millis): Promise<void> {
    const message = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    const path = this.#written(folder);
    await this.#demand(`filing into ${folder.name}`, () => this.#client.append(path, message, [...flags], new Date(at)), 'writing');
  }

  async create(name: string): Promise<Named> {
    const path = this.#utf8 ? name : modifiedUtf7(name);
    await this.#demand(`making ${name}`, () => this.#client.mailboxCreate(path), 'writing');
    return { path, name };
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

  /** Only what was asked for: a server may say more, and of other messages. */
  async *#fetch(
    uids: readonly number[] | 'all',
    query: FetchQueryObject,
    { changedSince, octetsEach, bodies = 0 }: { changedSince?: bigint; octetsEach?: number; bodies?: number } = {},
  ): AsyncGenerator<FetchMessageObject> {
    if (uids.length === 0) return;
    const asked = uids === 'all' ? null : new Set(uids);
    const range = uids === 'all' ? '1:*' : sequenceSet(uids);
    const messages = Math.max(uids === 'all' ? 0 : uids.length, this.#listed);
    // With QRESYNC what has vanished since comes as one set.
    const budget = changedSince === undefined ? telling(messages, octetsEach) : naming(messages);
    this.#meter.begin({ ...budget, octets: budget.octets + bodies });
    try {
      const told = this.#client.fetch(
        range,
        { uid: true, ...query },
        { uid: true, ...(changedSince === undefined ? {} : { changedSince }) },
      );
      for await (const row of this.#heard(told)) {
        if (row.uid >= 1 && (asked === null || asked.has(row.uid))) yield row;
      }
    } catch (error) {
      throw this.#fault(error, 'fetching messages');
    }
  }

  /** Rows as they come; only the waits for the server count, not what is done with a row. */
  async *#heard(rows: AsyncIterable<FetchMessageObject>): AsyncGenerator<FetchMessageObject> {
    const iterator = rows[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#answered(iterator.next(), this.#replyMs);
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  /** Ends the connection when no octet comes for so long while an answer is owed. */
  async #answered<T>(answer: Promise<T>, patienceMs: number): Promise<T> {
    if (patienceMs === Number.POSITIVE_INFINITY) return await answer;
    const steps = 10;
    let { received } = this.#client.stats();
    let quiet = 0;
    // Counted in steps, not by the clock: a machine that slept has not listened.
    const timer = setInterval(() => {
      const now = this.#client.stats().received;
      quiet = now === received ? quiet + 1 : 0;
      received = now;
      if (quiet < steps) return;
      const message = `The server has said nothing for ${Math.ceil(patienceMs / 1_000)} s; the line is given up.`;
      this.#end(new ImapFault({ kind: 'gone', message, retryAfterMs: null }));
    }, patienceMs / steps);
    try {
      return await answer;
    } finally {
      clearInterval(timer);
    }
  }

  /** As many messages as the open folder has by the server's own words. */
  get #listed(): number {
    const { mailbox } = this.#client;
    return Math.max(this.#exists, mailbox ? mailbox.exists : 0);
  }

  async #search(query: Parameters<ImapFlow['search']>[0]): Promise<number[]> {
    // RETURN (ALL) writes a whole folder as a few ranges; without ESEARCH imapflow makes the same from the plain answer.
    const found = await this.#demand(
      'searching',
      () => this.#client.search(query, { uid: true, returnOptions: ['ALL'] }),
      'reading',
      naming(this.#listed),
    );
    const set = Array.isArray(found) ? '' : (found.all ?? '');
    const count = Array.isArray(found) ? found.length : countOf(set);
    if (count > Math.min(uidLimit, this.#listed + unannounced)) {
      throw refused(`searching: the server finds ${count} messages in a folder of ${this.#listed}; more than ${uidLimit} are never taken.`);
    }
    return Array.isArray(found) ? [...found].sort((a, b) => a - b) : readSequenceSet(set, uidLimit);
  }

  /** Runs a command. imapflow answers some with nothing, not with an error, when the connection has just ended: that is a fault too. */
  async #do<T>(
    doing: string,
    command: () => Promise<T>,
    phase: Phase = 'reading',
    patienceMs = phase === 'writing' ? writingPatience * this.#replyMs : this.#replyMs,
    budget = telling(this.#listed),
  ): Promise<T> {
    let answer: T;
    this.#code = null;
    this.#meter.begin(budget);
    try {
      answer = await this.#answered(command(), patienceMs);
    } catch (error) {
      throw this.#fault(error, doing, phase);
    }
    if (!answer && !this.#client.usable) throw this.#fault(new Error('the connection has ended'), doing, phase);
    return answer;
  }

  /** The same for commands that always answer with something. */
  async #demand<T>(doing: string, command: () => Promise<T | false | undefined>, phase: Phase = 'reading', budget?: Budget): Promise<T> {
    const answer = await this.#do(doing, command, phase, undefined, budget);
    if (answer) return answer;
    const code = this.#code === null ? {} : { serverResponseCode: this.#code };
    throw faultOf(
      { message: `the server refused${this.#code === null ? '' : ` [${this.#code}]`}`, responseStatus: 'NO', ...code },
      doing,
      phase,
    );
  }

  #fault(error: unknown, doing: string, phase: Phase = 'reading'): ImapFault {
    const fault = faultOf(error, doing, phase);
    // A connection that broke rejects its commands with little; the event before it said why.
    const why = this.#lastError();
    return fault.kind === 'gone' && why ? faultOf(why, doing, phase) : fault;
  }
}

/** Its name alone is one in any case of letters (RFC 9051, 5.1). */
const isInbox = (path: string): boolean => path.toUpperCase() === 'INBOX';

/** Its memory goes now, not when somebody collects it: the next one is on its way. */
const free = ({ buffer }: Uint8Array<ArrayBuffer>): ArrayBuffer => buffer.transfer(0);

/** The server named a size that was too small. What is not written of the new buffer takes no memory. */
function grown(octets: Uint8Array<ArrayBuffer>, to: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(to);
  larger.set(octets);
  free(octets);
  return larger;
}

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
