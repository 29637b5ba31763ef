/**
 * Who a mail is from for those who work with it, and who an answer to it goes to. Pure.
 *
 * - Reply-To says where answers go, when it names an address that is not ours and can be sent to; else From (RFC 5322, 3.6.2 and 3.6.3).
 * - Another mailbox of ours is answered only where no stranger is named.
 * - What is ours (an address of the mailbox, or a sub-address `local+anything`) is answered to by nobody: a form that writes from our own
 *   address is from whom its Reply-To names.
 * - Where none of that names anybody, an address may be offered: one that an encoded-word hid in a name or between the brackets, or the first in the
 *   text of a mail that claims to be from us. An offer is never used without a person's yes.
 */
import { canBeSentTo } from './address.ts';
import { type Address, addressKey } from './address-list.ts';
import { decodeWords } from './encoded-words.ts';

export type Heads = { from: readonly Address[]; replyTo: readonly Address[]; to: readonly Address[]; cc: readonly Address[] };

/** Whether an address is one of these or a sub-address of one (RFC 5233): `support+orders@` is support@. */
export function isOneOf(own: readonly string[], address: string): boolean {
  const key = comparable(address);
  const plus = key.indexOf('+');
  const at = key.lastIndexOf('@');
  const base = plus > 0 && plus < at ? `${key.slice(0, plus)}${key.slice(at)}` : key;
  return own.some((one) => {
    const ours = comparable(one);
    return ours === key || ours === base;
  });
}

/** Domains as the DNS has them: the same domain is written in letters and in ASCII. */
function comparable(address: string): string {
  const key = addressKey(address);
  const at = key.lastIndexOf('@');
  const url = `http://${key.slice(at + 1)}/`;
  return /^[\x00-\x7F]*$/.test(key) || !URL.canParse(url) ? key : `${key.slice(0, at)}@${new URL(url).hostname}`;
}

/** Who wrote, for lists and searches: of a mail from our own address the one whom its Reply-To names. */
export function writerOf({ from, replyTo }: Pick<Heads, 'from' | 'replyTo'>, own: readonly string[]): Address | null {
  const [first = null] = from;
  const named = from.find(({ address }) => address !== '');
  const stranger = replyTo.find(({ address }) => address !== '' && !isOneOf(own, address));
  if (named !== undefined && !isOneOf(own, named.address)) return named;
  return stranger ?? named ?? first;
}

/**
 * The same, of a stored mail that came in: `addressedTo` is the address of ours that it was written to, `claims` says that From is one of ours,
 * an alias perhaps.
 */
export function writerOfStored(
  heads: Pick<Heads, 'from' | 'replyTo'>,
  { addressedTo, claims }: { addressedTo: string | null; claims: number },
): Address | null {
  const known = addressedTo === null ? [] : [addressedTo];
  return writerOf(
    heads,
    claims === 0 ? known : [...known, ...heads.from.map(({ address }) => address).filter((address) => address !== '')],
  );
}

export type Answer = {
  to: Address[];
  cc: Address[] /** `to` is a guess from the name of From or from the text: ask. */;
  offered: 'name' | 'text' | null;
};

/**
 * To whom a reply goes. `own`: the addresses of the mailbox that answers; `others`: those of mailboxes beside it that the asker may know
 * of, which got the mail themselves. `text` counts only when nothing else names anybody.
 */
export function answerTo(
  mail: Heads & { direction: 'in' | 'out' },
  { all, own, others, text }: { all: boolean; own: readonly string[]; others: readonly string[]; text: string },
): Answer {
  const foreign = (list: readonly Address[], known = own) => list.filter(({ address }) => address !== '' && !isOneOf(known, address));
  const copies = (list: readonly Address[]) => foreign(list, [...own, ...others]);
  if (mail.direction === 'out') {
    // Further mail to those whom we wrote to; to ourselves alone only when there is nobody else.
    const to = foreign(mail.to).length > 0 ? foreign(mail.to) : mail.to.filter(({ address }) => address !== '');
    return { to: distinct(to), cc: all ? distinct(copies(mail.cc), to) : [], offered: null };
  }
  // A Reply-To that names another mailbox of ours tells a customer's answer to us nothing: it gives way to a stranger's From.
  const lists = [copies(mail.replyTo), copies(mail.from), foreign(mail.replyTo), foreign(mail.from)];
  const sure = lists.map((list) => list.filter(({ address }) => canBeSentTo(address))).find((list) => list.length > 0) ?? [];
  const written = [...mail.replyTo, ...mail.from].map(
    ({ name, address }) => `${name ?? ''} ${canBeSentTo(address) ? '' : decodeWords(address)}`,
  );
  const hidden = sure.length > 0 ? [] : offersIn(written.join(' '), own);
  // What cannot be sent to is named all the same, so that the refusal says what is wrong with it.
  const named = sure.length > 0 || hidden.length > 0 ? sure : (lists.find((list) => list.length > 0) ?? []);
  const claimsOurs = mail.from.some(({ address }) => address !== '' && isOneOf(own, address));
  const told = named.length > 0 || hidden.length > 0 || !claimsOurs ? [] : offersIn(text, own);
  const main = [named, hidden, told].find((list) => list.length > 0) ?? [];
  const to = distinct(all ? [...main, ...copies(mail.to)] : main);
  return {
    to,
    cc: all ? distinct(copies(mail.cc), to) : [],
    offered: named.length > 0 ? null : hidden.length > 0 ? 'name' : told.length > 0 ? 'text' : null,
  };
}

/**
 * Plain addresses only: whatever needs quoting or decoding is no offer. Taken whole or not at all: what is left of `jürgen@` or of
 * `o'brien@` when a piece is cut away belongs to somebody else.
 */
const plainAddress =
  /(?<![\p{L}\p{M}\p{N}_.+@%&-])(?<![\p{L}\p{M}\p{N}_.]')[A-Za-z0-9_][A-Za-z0-9_.+%&'-]{0,63}@(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.){1,10}[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?(?![\p{L}\p{M}\p{N}@-]|\.[\p{L}\p{N}])/gu;
const searchedText = 20_000;

/** The first address that is not ours. */
function offersIn(text: string, own: readonly string[]): Address[] {
  for (const [address] of text.slice(0, searchedText).matchAll(plainAddress)) {
    if (canBeSentTo(address) && !isOneOf(own, address)) return [{ name: null, address }];
  }
  return [];
}

function distinct(addresses: readonly Address[], apart: readonly Address[] = []): Address[] {
  const seen = new Set(apart.map((one) => addressKey(one.address)));
  return addresses.filter(({ address }) => {
    const key = addressKey(address);
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}
