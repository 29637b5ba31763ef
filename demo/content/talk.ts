/** How the demo's mail is written down: conversations as people had them. `mails.ts` makes mails of them. */

export type Language = 'ar' | 'de' | 'en' | 'es' | 'fr' | 'he' | 'it' | 'ja' | 'ko' | 'nl' | 'pl' | 'pt' | 'sv' | 'uk' | 'vi' | 'zh';
/** Who works at Harbour Books: the owner; an agent; an observer. */
export type PersonName = 'eva' | 'ben' | 'li';
export type BoxName = 'support' | 'sales' | 'eva';
export type FileName = 'photo.png' | 'invoice.pdf' | 'order.csv' | 'list.csv';

/** One mail. A bare text is the customer's. */
export type Turn =
  | string
  | {
      /** `shop`: an answer from before the shop had Postroom, of which its mailbox kept a copy. A person: sent through Postroom now. */
      by: 'customer' | 'shop' | 'eva' | 'ben';
      text: string;
      html?: string;
      files?: readonly FileName[];
      /** Written by a machine (RFC 3834). */
      auto?: 'replied' | 'generated';
      /** Its program names no mail that it answers: only the subject tells. */
      unthreaded?: true;
    };

export type Talk = {
  box: BoxName;
  /** One of the mailbox's other addresses, when that was written to. */
  alias?: string;
  language: Language;
  /** Name and address. */
  who: readonly [name: string | null, address: string];
  subject: string;
  /** How long ago it began. */
  days: number;
  turns: readonly Turn[];
  signature?: string;
  /** Who is in copy, by address. */
  cc?: readonly string[];
  /** More fields of each of the customer's mails. */
  fields?: Readonly<Record<string, string>>;
  charset?: 'iso-8859-1';
  /** A report that an earlier mail was not delivered, for machines. */
  deliveryStatus?: string;
  assignee?: 'eva' | 'ben' | 'agents';
  done?: true;
  /** By eva and ben, who otherwise have read everything. */
  unread?: true;
  starred?: true;
  notes?: readonly (readonly [author: PersonName, text: string])[];
  /** What the customer says when somebody answers while the demo runs. */
  next?: string;
};

export const shop = (text: string): Turn => ({ by: 'shop', text });
export const ben = (text: string, files?: readonly FileName[]): Turn => ({ by: 'ben', text, files });
export const eva = (text: string, files?: readonly FileName[]): Turn => ({ by: 'eva', text, files });
