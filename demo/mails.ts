/** Harbour Books, and its correspondence as mails: dates, threads, quotes and signatures for what `content/` holds as plain text. */
import { createHash } from 'node:crypto';
import { attachment } from './attachments.ts';
import { europe } from './content/europe.ts';
import { everyday } from './content/everyday.ts';
import { machines } from './content/machines.ts';
import { personal } from './content/private.ts';
import { sales } from './content/sales.ts';
import { support } from './content/support.ts';
import type { BoxName, Language, Talk, Turn } from './content/talk.ts';
import { world } from './content/world.ts';
import { type Address, compose, type Mail } from './mime.ts';
import type { Envelope } from './smtp.ts';

export const organisation = 'Harbour Books';
export const domain = 'harbour.example';

export type Box = { name: string; address: string; aliases: readonly string[]; signature: string };
export const boxes: Readonly<Record<BoxName, Box>> = {
  support: {
    name: 'Harbour Books',
    address: `support@${domain}`,
    aliases: [`help@${domain}`, `returns@${domain}`],
    signature: 'Harbour Books\n4 Lower Quay, beside the ferry',
  },
  sales: {
    name: 'Harbour Books Sales',
    address: `sales@${domain}`,
    aliases: [`orders@${domain}`],
    signature: 'Harbour Books, trade and libraries\n4 Lower Quay, beside the ferry',
  },
  eva: { name: 'Eva Lindner', address: `eva@${domain}`, aliases: [], signature: 'Eva' },
};

/** Oldest first: so they wait in the order in which they came. */
export const talks: readonly Talk[] = [...support, ...sales, ...europe, ...world, ...machines, ...personal, ...everyday].sort(
  (a, b) => b.days - a.days,
);

/** What came before in a conversation: ids oldest first, and the last mail as it is quoted. */
export type Before = { references: readonly string[]; last: { author: string; at: Date; text: string } | null };
export const nothingBefore: Before = { references: [], last: null };

export type Delivery = { envelope: Envelope; mail: Mail; octets: Buffer };

/** A turn with its defaults filled in. */
export type Said = Exclude<Turn, string>;
export const said = (turn: Turn): Said => (typeof turn === 'string' ? { by: 'customer', text: turn } : turn);

/** Sent by somebody of the shop through Postroom, while the demo is made. */
export const isLive = ({ by }: Said): boolean => by === 'eva' || by === 'ben';

/** When each turn was written: those before the first answer through Postroom spread over the days since it began, the others now. */
export function datesOf(talk: Talk, now: Date): Date[] {
  const turns = talk.turns.map(said);
  const live = turns.findIndex(isLive);
  const past = live < 0 ? turns.length : live;
  const beganAt = now.getTime() - talk.days * 86_400_000;
  // An answer within hours, like people; never in the future.
  const pauseMs = Math.min((2 + (talk.subject.length % 7)) * 3_600_000, (now.getTime() - beganAt) / (past + 1));
  return turns.map((_, i) => new Date(i < past ? beganAt + i * pauseMs : now.getTime()));
}

/** The mail of a turn that comes over SMTP: the customer's, or an old answer of the shop. */
export function deliveryOf(talk: Talk, index: number, at: Date, before: Before): Delivery {
  const turn = said(talk.turns[index] ?? '');
  const box = boxes[talk.box];
  const shop: Address = { name: box.name, address: box.address };
  const customer: Address = { name: talk.who[0], address: talk.who[1] };
  const writtenTo: Address = talk.alias === undefined ? shop : { name: null, address: `${talk.alias}@${domain}` };
  const fromShop = turn.by === 'shop';
  const answers = before.references.length > 0;
  const mail: Mail = {
    id: idOf(talk, index),
    from: fromShop ? shop : customer,
    to: [fromShop ? customer : writtenTo],
    cc: talk.cc?.map((address) => ({ name: null, address })),
    subject:
      turn.auto === 'replied' && answers
        ? `Automatic reply: ${talk.subject}`
        : answers
          ? `${replyPrefixes[talk.language] ?? 'Re:'} ${talk.subject}`
          : talk.subject,
    date: at,
    references: turn.unthreaded === true ? [] : before.references,
    fields: {
      ...(fromShop ? {} : talk.fields),
      ...(turn.auto === undefined ? {} : { 'Auto-Submitted': turn.auto === 'replied' ? 'auto-replied' : 'auto-generated' }),
    },
    text: textOf(turn, talk, before),
    ...(turn.html === undefined ? {} : { html: turn.html }),
    attachments: turn.files?.map(attachment),
    ...(talk.deliveryStatus === undefined ? {} : { deliveryStatus: talk.deliveryStatus }),
    ...(talk.charset === undefined ? {} : { charset: talk.charset }),
  };
  // Machines leave the return path empty, so that nothing answers them.
  const mailFrom = turn.auto === 'replied' ? '' : mail.from.address;
  return { envelope: { mailFrom, rcptTo: [fromShop ? box.address : writtenTo.address] }, mail, octets: compose(mail) };
}

export const after = (before: Before, id: string, author: string, at: Date, text: string): Before => ({
  references: [...before.references, id],
  last: { author, at, text },
});

function textOf(turn: Said, talk: Talk, { last }: Before): string {
  const signature = turn.by === 'shop' ? boxes[talk.box].signature : talk.signature;
  const signed = signature === undefined ? turn.text : `${turn.text}\n\n-- \n${signature}`;
  if (last === null || turn.auto !== undefined) return signed;
  const quoted = last.text.split('\n').map((line) => (line === '' ? '>' : `> ${line}`));
  return `${signed}\n\n${attribution[talk.language](dayOf(last.at, talk.language), last.author)}\n${quoted.join('\n')}`;
}

/** Unique over talks and turns, the same in every run: by them customers know their own conversations again. */
export function idOf(talk: Talk, index: number): string {
  const [, address] = talk.who;
  const sender = said(talk.turns[index] ?? '').by === 'shop' ? boxes[talk.box].address : address;
  const mark = createHash('sha256').update(`${address} ${talk.subject} ${index}`).digest('hex').slice(0, 24);
  return `${mark}${sender.slice(sender.lastIndexOf('@'))}`;
}

const replyPrefixes: Partial<Record<Language, string>> = { de: 'AW:', pl: 'Odp:', sv: 'SV:' };

const dayOf = (at: Date, language: Language): string =>
  at.toLocaleDateString(language === 'ar' ? 'ar-u-nu-latn' : language, { dateStyle: 'medium', timeZone: 'UTC' });

/** The line above a quote, as mail programs write it in each language. */
const attribution: Readonly<Record<Language, (day: string, who: string) => string>> = {
  en: (day, who) => `On ${day}, ${who} wrote:`,
  de: (day, who) => `Am ${day} schrieb ${who}:`,
  fr: (day, who) => `Le ${day}, ${who} a écrit :`,
  es: (day, who) => `El ${day}, ${who} escribió:`,
  it: (day, who) => `Il ${day}, ${who} ha scritto:`,
  nl: (day, who) => `Op ${day} schreef ${who}:`,
  pl: (day, who) => `W dniu ${day} ${who} napisał(a):`,
  pt: (day, who) => `Em ${day}, ${who} escreveu:`,
  sv: (day, who) => `Den ${day} skrev ${who}:`,
  uk: (day, who) => `${day} ${who} пише:`,
  ja: (day, who) => `${day} ${who} のメール:`,
  zh: (day, who) => `${day} ${who} 写道:`,
  ko: (day, who) => `${day} ${who} 작성:`,
  ar: (day, who) => `في ${day} كتب ${who}:`,
  he: (day, who) => `בתאריך ${day} כתב ${who}:`,
  vi: (day, who) => `Vào ${day}, ${who} đã viết:`,
};
