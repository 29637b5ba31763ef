/**
 * What imapflow would do by itself, and must not; the methods are not in its published types.
 * - It encodes names of folders that are as they were listed already, and leaves their quotes out where it can (`folder-name.ts`).
 * - It takes whatever comes for as long as it comes: what one command may bring is metered, from the greeting on.
 * - It waits for a login, and for a list of folders, as long as an octet comes now and then.
 * - It tells of every vanished UID alone, one after the other: for minutes where a server names them all.
 * - It waits, and says nothing, for as long as a server asks for: that is the mailbox's to do, where people see it.
 * - It keeps a million folders and sorts them, and all is at rest meanwhile.
 */
import { ImapFault } from './fault.ts';
import { withFolder } from './folder-name.ts';
import { countOf } from './plan.ts';

/** As many messages as one folder may list, and as many as may vanish at once: a few octets can claim four thousand million. */
export const uidLimit = 1_000_000;
/** As many folders as a mailbox may list, and as many characters as their answers may hold. */
export const folderLimit = 20_000;
const folderCharacters = 16_000_000;
const megabyte = 1024 * 1024;
/** As many UIDs as a folder may have, written out. */
const longestLine = 16 * megabyte;

/**
 * What one command may bring: answers, tagged or not, and octets as they come out of TLS; and what one answer may: octets of a line, literals
 * aside, and tokens. An answer is parsed in one go, so these two say how long everything else may wait for it.
 */
export type Budget = { answers: number; octets: number; line: number; tokens: number };

const oneAnswer = { line: megabyte, tokens: 20_000 };

/** From the greeting to the end of the login: capabilities, who the server is, where its folders begin. */
const connecting: Budget = { answers: 1_000, octets: megabyte, ...oneAnswer };
/** Each folder listed, with its STATUS, and once more as subscribed. */
export const listing: Budget = { answers: 3 * folderLimit + 1_000, octets: folderCharacters + 300 * folderLimit, ...oneAnswer };

/** What a server may tell of each of so many messages, and of what happens in the folder meanwhile. */
export function telling(messages: number, octetsEach = 256): Budget {
  const answers = 2 * Math.min(messages, uidLimit) + 10_000;
  return { answers, octets: answers * octetsEach + 4 * megabyte, ...oneAnswer };
}

/** A set of UIDs as one line: all of a folder, where the server has no ESEARCH one token each. */
export function naming(messages: number): Budget {
  const usual = telling(messages);
  return { ...usual, octets: usual.octets + longestLine, line: longestLine, tokens: usual.answers };
}

const flood = (message: string) => new ImapFault({ kind: 'flood', message, retryAfterMs: null });

/** Counts what comes before it is parsed, and ends the connection past the budget of the command that runs, or ran last. */
export class Meter {
  readonly #end: (fault: ImapFault) => void;
  readonly #bound: (answer: Pick<Budget, 'line' | 'tokens'>) => void;
  #budget = connecting;
  #left: Budget = { ...connecting };

  constructor(end: (fault: ImapFault) => void, bound: (answer: Pick<Budget, 'line' | 'tokens'>) => void) {
    this.#end = end;
    this.#bound = bound;
    this.begin(connecting);
  }

  /** A command begins. */
  begin(budget: Budget): void {
    this.#budget = budget;
    this.#left = { ...budget };
    this.#bound(budget);
  }

  /** False past the budget. */
  count(what: 'answers' | 'octets', more: number): boolean {
    this.#left[what] -= more;
    if (this.#left[what] >= 0) return true;
    const limit = this.#budget[what].toLocaleString('en');
    this.#end(flood(`The server answers without end: more than ${limit} ${what} to one command. The connection was ended.`));
    return false;
  }
}

/** Ends the connection when `what` takes longer; gives what calls that off. */
export function deadline(what: string, patienceMs: number, end: (fault: ImapFault) => void): () => void {
  const late = () => end(flood(`${what} took longer than ${Math.ceil(patienceMs / 1_000)} s; the connection was ended.`));
  const timer = setTimeout(late, patienceMs);
  return () => clearTimeout(timer);
}

type Untagged = { attributes?: readonly ({ value?: unknown } | null | readonly unknown[])[] };
type Listener = (untagged: Untagged) => Promise<void>;
type Inside = {
  options: { maxResponseTokens?: number };
  streamer: { maxLineLength: number; _transform(chunk: Uint8Array, encoding: string, next: () => void): void };
  enabled: ReadonlySet<string>;
  capabilities: ReadonlyMap<string, unknown>;
  handleResponse(data: unknown): Promise<boolean>;
  untaggedVanished(untagged: Untagged, ...rest: readonly unknown[]): Promise<void>;
  throttleWait(delayMs: number): Promise<boolean>;
  exec(command: string, attributes: unknown, options?: { untagged?: Record<string, Listener> }): Promise<unknown>;
};

/** `client` is an ImapFlow that has not connected yet. */
export function restrain(client: object, readyMs: number, end: (fault: ImapFault) => void): Meter {
  const inner = client as Inside;
  const { streamer, options } = inner;
  const meter = new Meter(end, ({ line, tokens }) => {
    streamer.maxLineLength = line;
    options.maxResponseTokens = tokens;
  });

  const take = streamer._transform.bind(streamer);
  streamer._transform = (chunk, encoding, next) => (meter.count('octets', chunk.length) ? take(chunk, encoding, next) : next());
  const handle = inner.handleResponse.bind(client);
  inner.handleResponse = async (data) => meter.count('answers', 1) && (await handle(data));

  const exec = inner.exec.bind(client);
  inner.exec = async (command, given, options) => {
    const attributes = withFolder(command, given, inner);
    if (!/^(LIST|XLIST|LSUB)$/.test(command) || options?.untagged === undefined) return exec(command, attributes, options);
    let characters = 0;
    const bounded = (listener: Listener): Listener => {
      let rows = 0;
      return async (untagged) => {
        rows++;
        for (const one of untagged.attributes ?? []) characters += sizeOf(one);
        if (rows <= folderLimit && characters <= folderCharacters) return await listener(untagged);
        const what = rows > folderLimit ? `more than ${folderLimit.toLocaleString('en')} folders` : 'folders with endless names';
        end(flood(`The server lists ${what}; so many are not taken.`));
      };
    };
    const untagged = Object.fromEntries(Object.entries(options.untagged).map(([name, listener]) => [name, bounded(listener)]));
    const inTime = deadline('Listing the folders', readyMs, end);
    try {
      return await exec(command, attributes, { ...options, untagged });
    } finally {
      inTime();
    }
  };

  const pass = inner.untaggedVanished.bind(client);
  inner.untaggedVanished = async (untagged, ...rest) => {
    for (const attribute of untagged.attributes ?? []) {
      const set = attribute !== null && 'value' in attribute && typeof attribute.value === 'string' ? attribute.value : '';
      if (countOf(set) <= uidLimit) continue;
      end(flood(`The server says that ${countOf(set)} messages vanished at once.`));
      return;
    }
    await pass(untagged, ...rest);
  };

  inner.throttleWait = async (delayMs) => {
    end(new ImapFault({ kind: 'throttled', message: 'The server is asked too often and wants a pause.', retryAfterMs: delayMs }));
    return true; // given up
  };
  return meter;
}

/** Characters of an attribute as imapflow parses it: a value, or a list of them. */
function sizeOf(attribute: unknown): number {
  if (Array.isArray(attribute)) return attribute.reduce((sum: number, one: unknown) => sum + sizeOf(one), 1);
  const { value } = (attribute ?? {}) as { value?: unknown };
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 1;
}
