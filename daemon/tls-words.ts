/**
 * What TLS says when a certificate or a handshake does not fit, in words for whoever has to mend it. The messages of the runtime advise
 * on the runtime ("try running Node.js with ..."), which nobody who adds a mailbox can follow.
 */

const byCode: readonly (readonly [RegExp, string])[] = [
  [/^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/, 'its certificate is self-signed, or from a CA that is not trusted'],
  [
    /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_UNTRUSTED|INVALID_CA|CERT_REJECTED)$/,
    'its certificate is from a CA that is not trusted, or the server does not send the certificates in between',
  ],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: compare the clocks of both machines'],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, 'its certificate is for another host name'],
  [/^CERT_REVOKED$/, 'its certificate was revoked'],
  [/^ERR_SSL_WRONG_VERSION_NUMBER$/, 'it does not speak TLS on this port'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL|TLSV1_ALERT_PROTOCOL_VERSION)$/, 'it offers only versions of TLS that are not safe any more'],
  [/^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO|UNABLE_TO_|PATH_LENGTH|UPGRADE_TIMEOUT|STARTTLS_INJECTION)/, 'TLS could not be agreed'],
];

/** A library may put a code of its own over that of TLS; these words of OpenSSL then tell which it was. */
const byMessage: readonly (readonly [RegExp, string])[] = [
  [/self-signed certificate/i, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [/unable to verify the first certificate|unable to get (local )?issuer certificate/i, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/certificate has expired/i, 'CERT_HAS_EXPIRED'],
  [/certificate is not yet valid/i, 'CERT_NOT_YET_VALID'],
  [/does not match certificate's altnames/i, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/wrong version number|packet length too long/i, 'ERR_SSL_WRONG_VERSION_NUMBER'],
  [/unsupported protocol|alert protocol version/i, 'ERR_SSL_UNSUPPORTED_PROTOCOL'],
];

/** Whether words of ours are about a certificate, and not about what else a handshake may fail at. */
export const namesCertificate = (words: string): boolean => /certificate (is|has|was)/.test(words);

/** Null: the error is not about TLS. */
export function tlsWords(error: unknown): string | null {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const meant = byMessage.find(([words]) => words.test(message))?.[1] ?? code;
  return byCode.find(([known]) => known.test(meant))?.[1] ?? null;
}
