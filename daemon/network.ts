/**
 * Where mailboxes may have their servers (`network.allow`), and what is told of what answers there. The daemon stands where the people who
 * use it do not: what it can reach, and what it hears there, is not for everybody who can name a host and a port.
 *
 * - A name is resolved once, each address is looked at, and the connection goes to one of those addresses and to no other.
 * - What is not allowed is not connected to. To those who may not know it looks like a port where nothing listens, or where something
 *   else does: no words of what answered, before a verified certificate has shown whose they are.
 */
import { type LookupAddress, type LookupAllOptions, lookup as resolve } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import type { Config } from './config.ts';

/** What one mailbox may reach; plain data, for it goes to threads. `told`: its people may know what answers. Null: the operator's own server. */
export type Reach = {
  readonly rules: readonly { hosts: readonly string[]; ports: readonly number[] | 'any' }[];
  readonly told: boolean;
} | null;

/** `trusted`: whoever set its servers up holds `shared-mailbox.sync`. */
export const reachOf = ({ allow }: Config['network'], trusted: boolean): Reach => ({
  rules: allow.filter((rule) => trusted || rule.for === 'anybody').map(({ hosts, ports }) => ({ hosts, ports })),
  told: trusted,
});

const ranges = (...written: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const one of written) {
    const [address = '', bits = ''] = one.split('/');
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
};

/** RFC 6890 and its registry. What is in `special` is nobody's server: it takes a range of its own in the configuration. */
const loopback = ranges('127.0.0.0/8', '::1/128');
const local = ranges('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7');
const special = ranges(
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
  ...['::/128', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
);

/** IPv4 inside IPv6 is what the system connects to, or hands on to: mapped, compatible, NAT64, 6to4 (RFC 4291, 6052, 3056). */
function embedded(address: string): string | null {
  if (!isIPv6(address)) return null;
  // The parser of URLs writes every form of an address as one.
  const [head = '', tail = ''] = new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname.slice(1, -1).split('::');
  const [before, after] = [head, tail].map((half) => (half === '' ? [] : half.split(':')));
  const gap = Array.from({ length: 8 - (before?.length ?? 0) - (after?.length ?? 0) }, () => '0');
  const words = [...(before ?? []), ...gap, ...(after ?? [])].map((word) => Number.parseInt(word, 16));
  const [first, second, third, , , sixth, high = 0, low = 0] = words;
  const zeros = (from: number, to: number) => words.slice(from, to).every((word) => word === 0);
  const four = (a: number, b: number) => [a >> 8, a & 255, b >> 8, b & 255].join('.');
  if (zeros(0, 5) && (sixth === 0xffff || sixth === 0) && (high !== 0 || low > 1)) return four(high, low);
  if (first === 0x64 && second === 0xff9b && zeros(2, 6)) return four(high, low);
  if (first === 0x2002) return four(second ?? 0, third ?? 0);
  return null;
}

export type Region = 'loopback' | 'private' | 'special' | 'public';

export function regionOf(address: string): Region {
  const inner = embedded(address);
  if (inner !== null) return regionOf(inner);
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const plain = address.replace(/%.*$/, '');
  if (loopback.check(plain, family)) return 'loopback';
  if (local.check(plain, family)) return 'private';
  return special.check(plain, family) ? 'special' : 'public';
}

/** A region; a name, `*.` before it for all below; an address or a range of them. */
export const isHostRule = (written: string): boolean => {
  const [address = '', bits, ...rest] = written.split('/');
  const family = isIP(address);
  if (family !== 0)
    return rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32)));
  return /^(loopback|private|public|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/i.test(written);
};

function fits(rule: string, name: string, address: string): boolean {
  if (rule === 'loopback' || rule === 'private' || rule === 'public') return regionOf(address) === rule;
  const [base = '', bits = isIPv6(rule) ? '128' : '32'] = rule.split('/');
  if (isIP(base) !== 0)
    return ranges(`${base}/${bits}`).check(embedded(address) ?? address, isIPv6(embedded(address) ?? address) ? 'ipv6' : 'ipv4');
  const [named, wanted] = [name, rule].map((one) => one.toLowerCase().replace(/\.$/, ''));
  return wanted?.startsWith('*.') ? (named?.endsWith(wanted.slice(1)) ?? false) : named === wanted;
}

/** Whether a mailbox may have a server of that name at that address and port. */
export function mayReach(reach: Reach, name: string, address: string, port: number): boolean {
  if (reach === null) return true;
  return reach.rules.some(
    ({ hosts, ports }) => (ports === 'any' || ports.includes(port)) && hosts.some((rule) => fits(rule, name, address)),
  );
}

/** Thrown instead of connecting. */
export class NotAllowed extends Error {
  override name = 'NotAllowed';

  constructor({ host, port }: { host: string; port: number }) {
    super(`${serverOf(host, port)} is not among the servers that network.allow in the daemon's configuration lets mailboxes have`);
  }
}

const serverOf = (host: string, port: number) => (isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`);

/** Why an address that was written as one is not connected to; a name is looked at when it is resolved. */
export const barred = (reach: Reach, { host, port }: { host: string; port: number }): NotAllowed | null =>
  isIP(host) !== 0 && !mayReach(reach, host, host, port) ? new NotAllowed({ host, port }) : null;

type Ask = (name: string, options: LookupAllOptions, done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void) => void;

/** For `connect` of node:net and node:tls: gives of a name's addresses those that may be connected to, and fails when there are none. */
export function lookupWithin(reach: Reach, port: number, ask: Ask = resolve): LookupFunction {
  return (name, options, done) => {
    ask(name, { ...options, all: true }, (error, found) => {
      const allowed = error ? [] : found.filter(({ address }) => mayReach(reach, name, address, port));
      const [first] = allowed;
      if (first === undefined) done(error ?? new NotAllowed({ host: name, port }), '');
      else if (options.all) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}

/** Whether no address of the server may be connected to. A name that nobody knows is another matter. */
export async function isBarred(reach: Reach, server: { host: string; port: number }): Promise<boolean> {
  if (isIP(server.host) !== 0) return barred(reach, server) !== null;
  const { promise, resolve: settle } = Promise.withResolvers<boolean>();
  lookupWithin(reach, server.port)(server.host, { all: true }, (error) => settle(error instanceof NotAllowed));
  return promise;
}

/** The same for a port where nothing listens, where something else answers, and where nobody is let. */
export const silent = (host: string, port: number, protocol: 'IMAP' | 'SMTP'): string =>
  `${serverOf(host, port)} did not answer as ${protocol}. Look whether name, port and encryption are right, and ask an administrator what network.allow lets in.`;
