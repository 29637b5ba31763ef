/** What a part that cannot be read here is, as a line for whoever opens the mail: encrypted, inside a signature, in a format of one program. */

/** `head`: its first octets, decoded. */
export type Sealed = { type: string; parameters: ReadonlyMap<string, string>; filename: string | null; head: () => Uint8Array };

/** What mailers call a file that they know nothing of: its name says what it is. */
export const isAnything = (type: string): boolean =>
  /^application\/(?:octet-stream|x-unknown|unknown|binary|x-download|force-download)$/.test(type);

export const isTnef = ({ type, filename }: Pick<Sealed, 'type' | 'filename'>): boolean =>
  /^application\/(?:vnd\.)?ms-tnef$/.test(type) || (isAnything(type) && /^win(?:mail)?\.dat$/i.test(filename ?? ''));

const isSmime = ({ type, filename }: Sealed): boolean =>
  /^application\/(?:x-)?pkcs7-mime$/.test(type) || (isAnything(type) && /\.p7m$/i.test(filename ?? ''));

/** Null: it is an ordinary part, or one that can be read. */
export function sealedWords(part: Sealed, canRead: () => boolean): string | null {
  const { type, parameters } = part;
  if (isTnef(part))
    return canRead() ? null : '[This mail has a winmail.dat (TNEF), which only Outlook writes, and it is damaged. Save it to unpack it.]';
  if (isSmime(part)) return smimeWords(part);
  switch (type) {
    case 'application/pgp-encrypted':
      return '[This mail is encrypted (PGP/MIME) and cannot be opened here. Save its parts and decrypt them with your own key.]';
    case 'message/partial':
      return `[This mail is part ${numberOf(parameters.get('number'))} of ${numberOf(parameters.get('total'))} of a larger one that was sent in pieces.]`;
    case 'message/external-body':
      return `[The contents are not in this mail but elsewhere (${(parameters.get('access-type') ?? 'unknown').slice(0, 40)}${parameters.has('url') ? `: ${parameters.get('url')?.slice(0, 300)}` : ''}).]`;
    default:
      return null;
  }
}

/** The type of a CMS object (RFC 5652, 3) stands in its first octets: 1.2.840.113549.1.7.2 is signed data. */
const signedData = Buffer.from('06092a864886f70d010702', 'hex');

function smimeWords({ parameters, filename, head }: Sealed): string | null {
  const kind = parameters.get('smime-type')?.toLowerCase() ?? '';
  if (kind === 'certs-only' || /\.p7c$/i.test(filename ?? '')) return null;
  const isSigned = kind === '' ? /\.p7s$/i.test(filename ?? '') || Buffer.from(head()).includes(signedData) : kind === 'signed-data';
  return isSigned
    ? '[The text of this mail is inside its signature (S/MIME) and cannot be shown here. Save smime.p7m and open it with a program that can.]'
    : '[This mail is encrypted (S/MIME) and cannot be opened here. Save smime.p7m and decrypt it with your own key.]';
}

/** A text that is an OpenPGP message from its first line on (RFC 9580, 6.2). */
export const isPgpText = (text: string): boolean => /^\s*-----BEGIN PGP MESSAGE-----/.test(text);
export const pgpTextWords = '[This mail is encrypted (OpenPGP) and cannot be opened here.]';

const numberOf = (text: string | undefined): string => (/^\d{1,6}$/.test(text ?? '') ? (text ?? '') : '?');
