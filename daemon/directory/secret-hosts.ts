/** Where the password of a named command may go: the entries of `hosts` in the configuration. */
import { isIPv4, isIPv6 } from 'node:net';

interface Entry {
  readonly name: string;
  /** null: whatever port. */
  readonly port: number | null;
}

/** `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS]` or `[ADDRESS]:PORT` (RFC 3986, 3.2.2); null: none of them. */
export function readHost(entry: string): Entry | null {
  if (isIPv6(entry)) return { name: entry, port: null };
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/.exec(entry);
  if (found === null) return null;
  const [, bracketed, name = bracketed ?? '', digits] = found;
  const port = digits === undefined ? null : Number(digits);
  if ((bracketed !== undefined && !isIPv6(bracketed)) || (port !== null && (port < 1 || port > 65_535))) return null;
  return { name, port };
}

/** Whether `entry` means the server. Names are compared without case (RFC 4343). */
export function servesHost(entry: string, { host, port }: { readonly host: string; readonly port: number }): boolean {
  const read = readHost(entry);
  return read !== null && read.name.toLowerCase() === host.toLowerCase() && (read.port === null || read.port === port);
}

/** This machine by its usual name, or by an address of its own (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). A name may lie; these cannot. */
export const isLoopback = (host: string): boolean =>
  host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** Whether the entry means whatever port of this machine, where anybody who has an account can answer at one. */
export function isOpenLoopback(entry: string): boolean {
  const read = readHost(entry);
  return read !== null && read.port === null && isLoopback(read.name);
}
