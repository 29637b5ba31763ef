/**
 * Which mails belong together, and what in a mail is new. Pure: values in, values out.
 *
 * The rule of threads, inside one mailbox
 * - A message stores keys and looks for keys. Two messages belong together when one finds a key that the other stored, and a
 *   conversation is everything that is joined so, directly or over others. `threadKeys` is a function of the message alone and
 *   finding is mutual, so any order of arrival gives the same conversations.
 * - An id proves little: form mailers give one Message-ID to many mails, ticket systems one root to all of theirs, and both may stand
 *   for many customers. So an id joins only mails of people who have to do with each other: the writer of one (Reply-To, else From) is
 *   writer or recipient of the other. Then
 *   - a mail joins the one whose Message-ID it names, also when that comes late;
 *   - two mails about the same, one of them an answer (`Re:`, `AW:`, …), join over a mail that both name and that never came;
 *   - for an answer about the same it is enough that both went to one address besides ours: a list, where people answer the list;
 *   - two mails with one Message-ID join only when they are one mail that came twice: same writer, date and beginning.
 * - An id of ours (a mail queued here, or one that lies in Sent) joins whoever names it: a colleague, a third party. It went to people
 *   who were meant to have it. (Programs that give all their mails one id exist: where two of ours have it, it joins as any other.)
 * - What stands in In-Reply-To and is an address of somebody involved, or words, is no id.
 * - At most 200 references count (the first 10, the last 190), ids are cut at 512 characters.
 *
 * Beyond that `likely` looks at what is there, joins only if exactly one conversation fits, and so depends on what came before:
 * - A mail of ours joins the mail that it names, though it went to somebody else: a form that names the customer in its text, a forward.
 * - By subject: an answer that names no mail that is here (none at all, or ids that a relay wrote anew) *claims* its subject with the same
 *   correspondent, in its own month-long span and the one before; every other mail *offers* its subject in its span. Claims meet
 *   offers and claims, offers never meet offers: two questions titled "Order" stay two conversations.
 */
import { quoteBlocks } from '../../protocol/quotes.ts';
import { isOneOf } from './correspondent.ts';
import type { Message } from './message.ts';

export type Threaded = Pick<
  Message,
  'messageId' | 'inReplyTo' | 'references' | 'subject' | 'from' | 'replyTo' | 'to' | 'cc' | 'date' | 'automatic' | 'snippet'
> & { report?: Message['report'] };

export type ThreadKeys = {
  /**
   * To be written for this mailbox with the conversation that the message ends up in. One key may stand for several
   * conversations; written again for the same one it changes nothing.
   */
  store: string[];
  /** Every conversation of this mailbox that stored one of these belongs to the message's. */
  find: string[];
  /** What mails of ours stored; where two of them have one id, it is not known which is meant. */
  answers: string[];
  /** Who names this mail of ours; not where another of ours has its id. */
  answered: { find: string; unless: string } | null;
  /** The ids that it has and names, without regard to who wrote: the first release of mail.db stored no more. */
  id: string | null;
  names: string[];
  /** Addresses of those who have to do with it, ours apart. */
  people: string[];
  likely: Likely;
};

export type Likely = {
  /** A mail from nobody but us (a form, a scanner) and ours that names it. A conversation that stored one of `unless` has its form already. */
  form: { store: string[]; find: string[]; unless: string[] };
  /** The mail that ours names, whoever wrote it. What comes later cannot say that: it may be another customer's of the same id. */
  named: { store: string[]; find: string[] };
  /** What it offers, and claims that wait for that; of an answer, what it claims, and what others offer or claim. */
  offer: { store: string[]; find: string[] };
  claim: { store: string[]; offers: string[] } | null;
};

const maxWriters = 5;
const maxRecipients = 10;

/** `own`: the mailbox's addresses. `ours`: it was queued here or lies in Sent; From alone proves nothing. */
export function threadKeys(message: Threaded, own: readonly string[], ours: boolean): ThreadKeys {
  const { writers, recipients } = peopleOf(message, own, ours);
  const people = [...new Set([...writers, ...recipients])];
  const id = message.messageId === null ? null : bare(message.messageId);
  const named = namedBy(message, own);
  const { base, reply } = readSubject(message.subject);
  const topic = base.slice(0, 200).toLowerCase();
  const store = new Set<string>();
  const find = new Set<string>();
  /** Writer of one is writer or recipient of the other. */
  const meet = (stored: string, found: string, by: readonly string[] = writers): void => {
    for (const who of by) {
      store.add(`${stored} w ${who}`);
      find.add(`${found} w ${who}`).add(`${found} r ${who}`);
    }
    for (const who of recipients) {
      store.add(`${stored} r ${who}`);
      find.add(`${found} w ${who}`);
    }
  };

  if (id !== null) {
    meet(`own ${id}`, `names ${id}`);
    if (topic !== '') {
      for (const who of recipients) {
        store.add(`list ${id} ${topic} ${who}`);
        find.add(`on ${id} ${topic} ${who}`);
      }
    }
    const begins = message.snippet.slice(0, 100);
    for (const who of writers) {
      const copy = `copy ${id} ${who} ${message.date ?? ''} ${begins}`;
      store.add(copy);
      find.add(copy);
    }
    // Whoever got it from us and writes under its id is the one we wrote to.
    for (const who of writers) find.add(`${oursKey(id)} to ${who}`);
    if (ours) {
      store.add(oursKey(id));
      for (const who of recipients) {
        store.add(`${oursKey(id)} to ${who}`);
        find.add(`own ${id} w ${who}`);
      }
    }
  }
  for (const one of named) {
    meet(`names ${one}`, `own ${one}`);
    store.add(`names ${one}`);
    if (!reply || topic === '') continue;
    for (const who of recipients) {
      store.add(`on ${one} ${topic} ${who}`);
      find.add(`list ${one} ${topic} ${who}`).add(`on ${one} ${topic} ${who}`);
    }
  }
  if (topic !== '') {
    // Of one talk all name its root or the mail before. That it is one, an answer among them says: forms write none.
    const last = message.inReplyTo.map(bare).find((it) => named.includes(it));
    for (const one of new Set([named.at(0), named.at(-1), last])) {
      if (one === undefined) continue;
      const by = ours ? recipients : writers;
      meet(`about ${reply ? 're' : 'it'} ${one} ${topic}`, `about re ${one} ${topic}`, by);
      if (reply) meet(`about re ${one} ${topic}`, `about it ${one} ${topic}`, by);
    }
  }
  return {
    store: [...store],
    find: [...find],
    answers: named.map(oursKey),
    answered: ours && id !== null ? { find: `names ${id}`, unless: oursKey(id) } : null,
    id,
    names: named,
    people,
    likely: likely(),
  };

  function likely(): Likely {
    const parent = message.inReplyTo.map(bare).find((it) => named.includes(it)) ?? named.at(-1);
    const told = ours && parent !== undefined ? [parent] : [];
    const held = ours || id === null ? [] : [id];
    const unnamed = writers.length === 0 ? held : [];
    return {
      form: {
        store: [...told.map((it) => `told ${it}`), ...unnamed.map((it) => `form ${it}`)],
        find: [...told.map((it) => `form ${it}`), ...unnamed.map((it) => `told ${it}`)],
        unless: unnamed.map((it) => `form ${it}`),
      },
      named: { store: held.map((it) => `held ${it}`), find: told.map((it) => `held ${it}`) },
      ...bySubject(),
    };
  }

  function bySubject(): Pick<Likely, 'offer' | 'claim'> {
    if (topic === '' || message.automatic) return { offer: { store: [], find: [] }, claim: null };
    const span = Math.floor((message.date ?? 0) / (30 * 86_400_000));
    const topics = (writers.length > 0 ? writers : recipients).slice(0, 5).map((who) => `${who} ${topic}`);
    const spans = topics.flatMap((it) => [`${span} ${it}`, `${span - 1} ${it}`]);
    return {
      offer: { store: topics.map((it) => `offer ${span} ${it}`), find: topics.map((it) => `claim ${span} ${it}`) },
      claim: reply ? { store: spans.map((it) => `claim ${it}`), offers: spans.map((it) => `offer ${it}`) } : null,
    };
  }
}

/** Stored for each id of a mail of ours, with or without its angle brackets. */
export const oursKey = (id: string): string => `ours ${bare(id)}`;

const bare = (id: string): string => id.replace(/^<|>$/g, '').slice(0, 512);

function namedBy(message: Threaded, own: readonly string[]): string[] {
  const addresses = new Set(
    [...message.from, ...message.replyTo, ...message.to, ...message.cc].map(({ address }) => address.toLowerCase()),
  );
  // A report names the mail that it is about, as an answer does: by the header that it returns.
  const parents = [...message.references, ...message.inReplyTo, ...(message.report?.ids ?? [])];
  const kept = parents.filter((_, at) => at < 10 || at >= parents.length - 190).map(bare);
  return [...new Set(kept.filter((id) => !addresses.has(id.toLowerCase()) && !isOneOf(own, id)))];
}

/** Who has to do with a message, without us: Reply-To is who wants to be answered, where From is a form's or a list's. */
function peopleOf(message: Threaded, own: readonly string[], ours: boolean): { writers: string[]; recipients: string[] } {
  const others = (list: readonly { address: string }[], most: number): string[] =>
    [
      ...new Set(
        list
          .slice(0, 50)
          .map(({ address }) => address.toLowerCase())
          .filter((a) => a !== '' && !isOneOf(own, a)),
      ),
    ].slice(0, most);
  const answered = others(message.replyTo, maxWriters);
  const writers = ours ? [] : answered.length > 0 ? answered : others(message.from, maxWriters);
  return { writers, recipients: others([...message.to, ...message.cc], maxRecipients) };
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

export type ThreadPlace = {
  join: number | null;
  merge: number[];
  store: string[];
  /** Joined by correspondent, subject and time alone: this mail, or those that waited in the conversation for it. */
  bySubject: 'this' | 'those' | null;
  /** The claims of the conversation have found what they were for, or need it no more. */
  settles: boolean;
};

/** `lookup`: the conversations that stored a key; `certain`: those it belongs to whatever it names. Lower numbers are older. */
export function placeInThread(keys: ThreadKeys, lookup: (key: string) => Iterable<number>, certain: Iterable<number> = []): ThreadPlace {
  const all = (wanted: readonly string[]): Set<number> => new Set(wanted.flatMap((key) => [...lookup(key)]));
  const { form, named, offer, claim } = keys.likely;
  const store = [...keys.store, ...form.store, ...named.store];
  const at = (found: Iterable<number>, more: Partial<ThreadPlace> = {}): ThreadPlace => ({
    ...decideThread([...found].map((id) => ({ id, age: id }))),
    store: [...store, ...offer.store],
    bySubject: null,
    settles: true,
    ...more,
  });

  const known = new Set(certain);
  const answers = keys.answers.map((key) => [...lookup(key)]).filter(({ length }) => length === 1);
  const isTheOne = keys.answered !== null && [...lookup(keys.answered.unless)].every((id) => known.has(id));
  const answered = keys.answered !== null && isTheOne ? lookup(keys.answered.find) : [];
  const has = all(form.unless);
  const forms = [...all(form.find)].filter((id) => !has.has(id));
  const found = new Set([...known, ...all(keys.find), ...answers.flat(), ...answered, ...(forms.length === 1 ? forms : [])]);
  if (found.size > 0) return at(found);
  const held = all(named.find);
  if (held.size === 1) return at(held);
  if (claim !== null) {
    const offered = all(claim.offers);
    const fits = new Set([...offered, ...all(claim.store)]);
    const waits = offered.size === 0 && fits.size <= 1;
    const more = waits ? { store: [...store, ...claim.store], settles: false } : {};
    return at(fits.size === 1 ? fits : [], { bySubject: fits.size === 1 ? 'this' : null, ...more });
  }
  const claimed = all(offer.find);
  return claimed.size === 1 ? at(claimed, { bySubject: 'those' }) : at([]);
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
