import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What may be wrong with a server's certificate. */
export type CertificateKind = 'good' | 'expired' | 'wrong-host' | 'unknown-issuer';

/** A certificate authority of the tests' own: clients that are given `ca` accept what it issues, and nobody else does. */
export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly ca: string;
  issue(kind?: CertificateKind): Certificate;
}

const day = 24 * 60 * 60 * 1000;

/**
 * Makes an authority. The certificates are written here, octet by octet (RFC 5280), because the openssl command cannot
 * date one into the past, and because a test that starts three servers should not wait for nine processes.
 */
export function certificateAuthority(name = 'Postroom tests'): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const self = { name, key: privateKey };
  const ca = certificate({ subject: name, publicKey, issuer: self, from: now - day, until: now + 30 * day, hosts: [] });

  return {
    ca,
    issue(kind = 'good') {
      if (kind === 'unknown-issuer') return certificateAuthority('Somebody else').issue();
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const expired = kind === 'expired';
      const cert = certificate({
        subject: 'mail server',
        publicKey: own.publicKey,
        issuer: self,
        from: now - (expired ? 20 : 1) * day,
        until: now + (expired ? -10 : 10) * day,
        hosts: kind === 'wrong-host' ? ['elsewhere.example'] : ['localhost', '127.0.0.1'],
      });
      return { cert, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    },
  };
}

interface Wanted {
  subject: string;
  publicKey: KeyObject;
  issuer: { name: string; key: KeyObject };
  from: number;
  until: number;
  /** Names and addresses of the server; an authority has none. */
  hosts: readonly string[];
}

function certificate({ subject, publicKey, issuer, from, until, hosts }: Wanted): string {
  const authority = hosts.length === 0;
  const extensions = authority
    ? [extension(oids.basicConstraints, sequence(boolean(true))), extension(oids.keyUsage, der(0x03, Buffer.from([1, 0x06])))]
    : [extension(oids.subjectAltName, sequence(...hosts.map(generalName)))];
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  const body = sequence(
    der(0xa0, integer(2)), // version 3
    integer(Math.floor(Math.random() * 2 ** 31)),
    algorithm,
    distinguishedName(issuer.name),
    sequence(time(from), time(until)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, issuer.key);
  return new X509Certificate(sequence(body, algorithm, der(0x03, Buffer.from([0]), signature))).toString();
}

const oids = {
  commonName: [2, 5, 4, 3],
  keyUsage: [2, 5, 29, 15],
  subjectAltName: [2, 5, 29, 17],
  basicConstraints: [2, 5, 29, 19],
  ecdsaWithSha256: [1, 2, 840, 10045, 4, 3, 2],
} as const;

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]));
const distinguishedName = (name: string) => sequence(der(0x31, sequence(oid(oids.commonName), der(0x0c, Buffer.from(name)))));
const extension = (id: readonly number[], content: Buffer) => sequence(oid(id), boolean(true), der(0x04, content));

function generalName(host: string): Buffer {
  return isIP(host) === 4 ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));
}

/** GeneralizedTime; RFC 5280 wants UTCTime up to 2049, so the year loses its century. */
function time(at: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

function integer(value: number): Buffer {
  const octets = Buffer.alloc(5); // one octet more than the value needs: its highest bit would mean a negative number
  octets.writeUInt32BE(value, 1);
  const first = octets.findIndex((octet, i) => octet !== 0 || (octets[i + 1] ?? 0x80) >= 0x80);
  return der(0x02, octets.subarray(first));
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const octets = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    octets.push(...groups);
  }
  return der(0x06, Buffer.from(octets));
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
