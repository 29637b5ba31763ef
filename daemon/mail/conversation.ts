/**
 * Which mails belong together, and what in a mail is new. Pure: values in, values out.
 *
 * The rule of threads, inside one mailbox
 * - A message stores keys and looks for keys. Two messages belong together when one finds a key that the other stored, and a
 *   conversation is everything that is joined so, directly or over others. `threadKeys` is a function of the message alone and
 *   finding is mutual, so any order of arrival gives the same conversations.
 * - By id: own Message-ID, In-Reply-To and References are stored and looked for alike; a parent that never came still joins its
 *   children, and one that comes late joins what it finds. Loops and self-references are keys found twice: harmless.
 * - By subject, only for a reply (`Re:`, `AW:`, …) that names no message at all: it *claims* its subject with the same
 *   correspondent, in its own month-long span and the one before; every other mail *offers* its subject in its span. Claims meet
 *   offers and claims, offers never meet offers: two questions titled "Order" stay two conversations.
 * - At most 200 references count (the first 10, the last 190), ids are cut at 512 characters.
 */
import { quoteBlocks } from '../../protocol/quotes.ts';
import type { Message } from './message.ts';

export type ThreadKeys = {
  /**
   * To be written for this mailbox with the conversation that the message ends up in. One key may stand for several
   * conversations (offers of one subject); written again for the same one it changes nothing.
   */
  store: string[];
  /** Every conversation of this mailbox that stored one of these belongs to the message's. Includes all of its id keys. */
  find: string[];
};

/** `ownAddresses`: the mailbox's, to tell who the correspondent is. Without duplicates, in no particular order. */
export function threadKeys(message: Message, ownAddresses: readonly string[]): ThreadKeys {
  const ids = new Set<string>();
  if (message.messageId !== null) ids.add(idKey(message.messageId));
  // A report belongs to the mail that it is about as an answer does to what it answers.
  const parents = [...message.inReplyTo, ...message.references, ...(message.report?.ids ?? [])];
  for (const [at, id] of parents.entries()) {
    if (at < 10 || at >= parents.length - 190) ids.add(idKey(id));
  }

  const { base, reply } = readSubject(message.subject);
  if (base === '' || message.automatic) return { store: [...ids], find: [...ids] };
  const span = Math.floor((message.date ?? 0) / (30 * 86_400_000));
  const topics = correspondents(message, ownAddresses).map((who) => `${who} ${base.slice(0, 200).toLowerCase()}`);
  if (reply && parents.length === 0) {
    const spans = topics.flatMap((topic) => [`${span} ${topic}`, `${span - 1} ${topic}`]);
    const claims = spans.map((topic) => `claim ${topic}`);
    return { store: [...ids, ...claims], find: [...ids, ...claims, ...spans.map((topic) => `offer ${topic}`)] };
  }
  return { store: [...ids, ...topics.map((t) => `offer ${span} ${t}`)], find: [...ids, ...topics.map((t) => `claim ${span} ${t}`)] };
}

const idKey = (id: string): string => `id ${id.replace(/^<|>$/g, '').slice(0, 512)}`;

/** Whom the mailbox talks to in this message: who wrote it, or for its own mail whom it wrote to (five are enough to find a thread). */
function correspondents(message: Message, ownAddresses: readonly string[]): string[] {
  const own = new Set(ownAddresses.map((address) => address.toLowerCase()));
  const others = (list: readonly { address: string }[]) =>
    list.map(({ address }) => address.toLowerCase()).filter((a) => a !== '' && !own.has(a));
  const writers = others(message.from);
  return [...new Set(writers.length > 0 ? writers : others([...message.to, ...message.cc]))].slice(0, 5);
}

/** The conversations that `find` found, each with an order in which they came to be (a time or a serial number; lower is older). */
export type Found<Id> = { id: Id; age: number };

/**
 * Where a message goes: `join` null begins a conversation; else the oldest found one lives on, and those in `merge` become part of
 * it. Equal ages are settled by id, so that every caller decides alike.
 */
export function decideThread<Id extends string | number>(found: readonly Found<Id>[]): { join: Id | null; merge: Id[] } {
  const byId = new Map(found.map((it) => [it.id, it]));
  const [oldest, ...rest] = [...byId.values()].sort((a, b) => a.age - b.age || (a.id < b.id ? -1 : 1));
  return { join: oldest?.id ?? null, merge: rest.map(({ id }) => id) };
}

// --- subjects ------------------------------------------------------------------------------------------------------

/** `Re:`, with the counters and list tags that programs put around it, in the languages that write something else. */
const replyPrefix =
  /^(?:re|r|aw|antw|antwort|sv|vs|vá|odp|odpowiedź|ynt|res|rif|rép|rp|bls|ats|отв|ответ|回复|回覆|答复|返信|回信|답장)(?:\s?(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3}|\d{1,2}))?\s?[:：]\s*/iu;
const forwardPrefix = /^(?:fwd?|wg|tr|rv|enc|doorst|vl|vb|videre|pd|i|пересл|转发|轉寄|転送|전달)\s?[:：]\s*/iu;

/** The subject without what replies and forwards put before it; `reply` when the outermost of that marks an answer. */
export function readSubject(subject: string): { base: string; reply: boolean } {
  let base = subject.slice(0, 2_000).replace(/\s+/g, ' ').trim();
  let reply = false;
  for (let round = 0; round < 50; round++) {
    const tagged = /^\[[^\]]{1,40}\] ?(?=\S+ ?[:：])/u.exec(base);
    const rest = tagged === null ? base : base.slice(tagged[0].length);
    const prefix = replyPrefix.exec(rest) ?? forwardPrefix.exec(rest);
    if (prefix === null) break;
    if (round === 0) reply = replyPrefix.test(rest);
    base = rest.slice(prefix[0].length);
  }
  return { base, reply };
}

export function replySubject(subject: string): string {
  return `Re: ${readSubject(subject).base}`.trimEnd();
}

/** Keeps the inner prefixes: who forwards shows what it was. */
export function forwardSubject(subject: string): string {
  const one = subject.replace(/\s+/g, ' ').trim();
  return forwardPrefix.test(one) ? one.replace(forwardPrefix, 'Fwd: ') : `Fwd: ${one}`.trimEnd();
}

// --- quotes --------------------------------------------------------------------------------------------------------

/** The text as an answer quotes it: without the signature below it, each line behind `>`. `at` in milliseconds since 1970. */
export function quoteForReply(text: string, who: string, at: number): string {
  const all = text.split(/\r\n|\n|\r/);
  const last = [...quoteBlocks(all)].at(-1);
  const lines = last?.kind === 'signature' ? all.slice(0, last.from) : all;
  while (lines.length > 0 && (lines.at(-1) ?? '').trim() === '') lines.pop();
  const day = new Date(at).toISOString().replace('T', ' ').slice(0, 16);
  return [`On ${day} UTC, ${who} wrote:`, ...lines.map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`.trimEnd()))].join('\n');
}
