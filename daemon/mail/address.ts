/**
 * The grammar of addresses that we send to: a strict part of RFC 5321 and 5322, read once at the edge. What does not fit is refused
 * with the piece that does not, never repaired: a composer that repairs can be talked into other recipients and other commands.
 * Incoming mail has a tolerant reader of its own in `address-list.ts`.
 *
 * A local part may be quoted for a blank or for dots in odd places, since such customers exist; quoted with anything else it is refused
 * (libraries disagree where it ends), and so are address literals, routes, groups, comments, and local parts beyond ASCII (they need
 * SMTPUTF8 on every hop). Domains may be in letters of any script, and hold underscores.
 */
import { PostroomError } from '../../protocol/errors.ts';
import { type Address, canonicalAddress, wireAddress } from './address-list.ts';

const maxAddresses = 1_000;

const localPart = /^(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|"[A-Za-z0-9!#$%&'*+/=?^_`{|}~. -]+")$/;
const label = /^[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}_])?$/u;
/** Also unassigned, invisible and direction characters: a recipient must look like what it is. */
const neverInAName = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const plainName = /^[\p{L}\p{M}\p{N} !#$%&'*+/=?^_`{|}~-]+$/u;

/** `Jane <jane@example.com>, bob@example.com`; `;` separates too. Nothing at all is an empty list. */
export function parseAddressList(text: string): Address[] {
  if (/[\r\n\0]/.test(text)) throw refuse('An address list is one line: it holds a line break or NUL.', text);
  const pieces = split(text).filter((piece) => piece !== '');
  if (pieces.length > maxAddresses) throw refuse(`At most ${maxAddresses} addresses at once.`, pieces[maxAddresses] ?? '');
  return pieces.map(parseMailbox);
}

function split(text: string): string[] {
  const pieces: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === ',' || character === ';')) {
      pieces.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  if (quoted) throw refuse('A quotation mark is never closed.', text.slice(start));
  return [...pieces, text.slice(start).trim()];
}

function parseMailbox(piece: string): Address {
  const open = piece.endsWith('>') ? piece.lastIndexOf('<') : -1;
  if (open < 0) return { name: null, address: checkAddress(piece, piece) };
  return { name: parseName(piece.slice(0, open).trim(), piece), address: checkAddress(piece.slice(open + 1, -1).trim(), piece) };
}

function parseName(raw: string, piece: string): string | null {
  if (raw === '') return null;
  const quoted = /^"((?:[^"\\]|\\.)*)"$/su.exec(raw);
  if (quoted === null && /["<>\\,;:@()[\]]/.test(raw)) throw refuse('Put a name with such characters into quotation marks.', piece);
  const name = quoted === null ? raw : (quoted[1] ?? '').replace(/\\(.)/gsu, '$1');
  checkName(name, piece);
  return name.trim() === '' ? null : name;
}

function checkName(name: string, piece: string): void {
  if (name.length > 200) throw refuse('A name has at most 200 characters.', piece);
  if (neverInAName.test(name)) throw refuse('The name holds a character that cannot be seen.', piece);
}

/** Returns the address in its one spelling, its domain in NFC and lower case; the local part is its owner's and stays. */
function checkAddress(written: string, piece: string): string {
  const address = canonicalAddress(written);
  const at = address.lastIndexOf('@');
  if (at < 1) throw refuse('An address looks like name@example.com.', piece);
  const local = address.slice(0, at);
  const domain = address
    .slice(at + 1)
    .normalize('NFC')
    .toLowerCase();
  if (local.length > 64 || !localPart.test(local)) throw refuse('The part before the @ is not one that can be sent to.', piece);
  // RFC 5321 counts octets; a label in other scripts is longer on the wire, which URL spells as the DNS does.
  const labels = domain.split('.');
  if (domain.length > 253 || !labels.every((it) => it.length <= 63 && label.test(it)) || !spellable(domain)) {
    throw refuse('The domain after the @ is not a valid one.', piece);
  }
  return `${local}@${domain}`;
}

function spellable(domain: string): boolean {
  const url = `http://${domain}/`;
  return URL.canParse(url) && new URL(url).hostname.length <= 253;
}

export function canBeSentTo(address: string): boolean {
  try {
    checkAddress(address, address);
    return true;
  } catch (error) {
    if (error instanceof PostroomError) return false;
    throw error;
  }
}

/** The way back, as it stands in a header: `parseAddressList(formatAddress(a))` gives `[a]`. Refuses what must not stand in a header. */
export function formatAddress({ name, address }: Address): string {
  const checked = wireAddress(checkAddress(address, address));
  if (name === null || name.trim() === '') return checked;
  checkName(name, name);
  const shown = plainName.test(name) && name === name.trim() ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
  return `${shown} <${checked}>`;
}

function refuse(message: string, piece: string): PostroomError {
  return new PostroomError('invalid', message, { piece: piece.slice(0, 200) });
}
