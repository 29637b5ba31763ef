/**
 * What customers write: mail by themselves, and answers to the shop. Nothing is remembered: how far a conversation is stands in the ids
 * that a mail refers to, so that a demo that was closed goes on where it was.
 */
import { arrivals, thanks } from './content/later.ts';
import type { Language } from './content/talk.ts';
import { boxes, type Delivery, idOf, said, talks } from './mails.ts';
import { type Address, compose } from './mime.ts';

/** Customers have something else to do as well. */
const maxAnswers = 3;

type Customer = { address: Address; language: Language };
/** A conversation that was written down: how many mails of the customer are in it, and what they say next. */
type Known = { mails: number; next: string | undefined };

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
const arrivalId = (index: number): string => `arrival-${index}@${domainOf(arrivals[index]?.who[1] ?? '')}`;

const customers = new Map<string, Customer>();
const known = new Map<string, Known>();
for (const { who, language } of [...talks, ...arrivals]) customers.set(who[1], { address: { name: who[0], address: who[1] }, language });
for (const talk of talks) {
  const own = talk.turns.flatMap((turn, i) => (said(turn).by === 'customer' ? [idOf(talk, i)] : []));
  for (const id of own) known.set(id, { mails: own.length, next: talk.next });
}
for (const [index, { next }] of arrivals.entries()) known.set(arrivalId(index), { mails: 1, next });

const isMachine = (address: string): boolean => /^(no-?reply|mailer-daemon|postmaster|news)@/i.test(address);

/** The mail that comes as number `index` while somebody watches; null when there are no more. */
export function arrival(index: number, now: Date): Pick<Delivery, 'envelope' | 'octets'> | null {
  const next = arrivals[index];
  if (next === undefined) return null;
  const { who, box, subject, text } = next;
  const [name, address] = who;
  const to = boxes[box];
  return {
    envelope: { mailFrom: address, rcptTo: [to.address] },
    octets: compose({
      id: arrivalId(index),
      from: { name, address },
      to: [{ name: to.name, address: to.address }],
      subject,
      date: now,
      text,
    }),
  };
}

/** What `rcpt` answers to a mail of the shop. Null: nobody of the demo, a machine, an answer of a machine, or all is said. */
export function replyTo(octets: Buffer, rcpt: string, now: Date): Pick<Delivery, 'envelope' | 'octets'> | null {
  const customer = customers.get(rcpt.toLowerCase());
  const head = octets.subarray(0, Math.max(0, octets.indexOf('\r\n\r\n'))).toString('latin1');
  const from = /([^\s<>,"]+@[^\s<>,"]+)>?\s*$/.exec(field(head, 'From') ?? '')?.[1];
  const [id] = idsIn(field(head, 'Message-ID'));
  if (customer === undefined || from === undefined || id === undefined || isMachine(rcpt) || field(head, 'Auto-Submitted') !== null)
    return null;

  const { address, language } = customer;
  const references = idsIn(field(head, 'References'));
  const own = references.filter((one) => domainOf(one) === domainOf(address.address));
  const { mails, next } = own.map((one) => known.get(one)).find((one) => one !== undefined) ?? { mails: 0, next: undefined };
  const words = [...(next === undefined ? [] : [next]), ...thanks[language]].slice(0, maxAnswers);
  const text = words[Math.max(0, own.length - mails)];
  if (text === undefined) return null;
  const subject = field(head, 'Subject') ?? '';
  return {
    envelope: { mailFrom: address.address, rcptTo: [from] },
    octets: compose({
      id: `re.${id.slice(0, 36).replace(/[^\w.-]/g, '-')}@${domainOf(address.address)}`,
      from: address,
      to: [{ name: null, address: from }],
      subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`, // in encoded words, it may be: so it goes back
      date: now,
      references: [...references, id],
      text,
    }),
  };
}

/** The first field of a name, unfolded. */
function field(head: string, name: string): string | null {
  const value = new RegExp(`^${name}:(.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(head)?.[1];
  return value === undefined ? null : value.replace(/\r\n(?=[ \t])/g, '').trim();
}

const idsIn = (value: string | null): string[] => [...(value ?? '').matchAll(/<([^<>\s]+)>/g)].map(([, id = '']) => id);
