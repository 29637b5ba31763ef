/** What a part that cannot be read here is, as a line for whoever opens the mail: encrypted, inside a signature, in a format of one program. */

export type Sealed = { type: string; parameters: ReadonlyMap<string, string>; filename: string | null };

/** Null: it is an ordinary part. */
export function sealedWords({ type, parameters, filename }: Sealed): string | null {
  switch (type) {
    case 'application/pgp-encrypted':
      return '[This mail is encrypted (PGP/MIME) and cannot be opened here. Save its parts and decrypt them with your own key.]';
    case 'application/pkcs7-mime':
    case 'application/x-pkcs7-mime': {
      const kind = parameters.get('smime-type')?.toLowerCase() ?? '';
      if (kind === 'signed-data' || (kind === '' && /\.p7s$/i.test(filename ?? '')))
        return '[The text of this mail is inside its signature (S/MIME) and cannot be shown here. Save smime.p7m and open it with a program that can.]';
      if (kind === 'certs-only') return null;
      return '[This mail is encrypted (S/MIME) and cannot be opened here. Save smime.p7m and decrypt it with your own key.]';
    }
    case 'application/ms-tnef':
    case 'application/vnd.ms-tnef':
      return '[Files of this mail are packed in winmail.dat (TNEF), which only Outlook writes. They cannot be listed here; save it to unpack it.]';
    case 'message/partial':
      return `[This mail is part ${numberOf(parameters.get('number'))} of ${numberOf(parameters.get('total'))} of a larger one that was sent in pieces.]`;
    case 'message/external-body':
      return `[The contents are not in this mail but elsewhere (${(parameters.get('access-type') ?? 'unknown').slice(0, 40)}${parameters.has('url') ? `: ${parameters.get('url')?.slice(0, 300)}` : ''}).]`;
    default:
      return null;
  }
}

/** A text that is an OpenPGP message from its first line on (RFC 9580, 6.2). */
export const isPgpText = (text: string): boolean => /^\s*-----BEGIN PGP MESSAGE-----/.test(text);
export const pgpTextWords = '[This mail is encrypted (OpenPGP) and cannot be opened here.]';

const numberOf = (text: string | undefined): string => (/^\d{1,6}$/.test(text ?? '') ? (text ?? '') : '?');
