/** How large a mail may be, and the words for one that is larger. What travels counts: files are in base64 then, a third larger than on disk. */
import { PostroomError } from '../../protocol/errors.ts';
import { typeFor } from '../mail/file-types.ts';

/** `server`: the one that named the figure (SIZE, RFC 1870); null: our own. */
export type SizeLimit = { readonly octets: number; readonly server: string | null };

/** Most servers take 25 to 36 MB. Ours holds beside a server that takes more: a mail is in memory while it is composed and sent. */
export const ownLimit: SizeLimit = { octets: 36_000_000, server: null };

/** Octets of base64 in lines of 76, each with its CRLF. */
const base64Octets = (size: number): number => {
  const characters = 4 * Math.ceil(size / 3);
  return characters + 2 * Math.ceil(characters / 76);
};

/** What a file takes in a mail, at least: some messages are attached as they are (RFC 2045, 6.4). */
export const octetsAttached = ({ filename, type, size }: { filename: string; type: string; size: number }): number =>
  /^message\//i.test(typeFor(filename, type)) ? size : base64Octets(size);

/** Throws PostroomError('invalid') with both figures. */
export function needFit(sizeOctets: number, limit: SizeLimit): void {
  if (sizeOctets <= limit.octets) return;
  throw new PostroomError('invalid', tooLarge(sizeOctets, limit), { sizeOctets, limitOctets: limit.octets, server: limit.server });
}

export function tooLarge(sizeOctets: number, { octets, server }: SizeLimit): string {
  const has = sizeWords(sizeOctets, Math.ceil, octets);
  return `The mail has ${has} as it is sent, with its files encoded; ${server ?? 'Postroom'} takes at most ${sizeWords(octets)}. Send fewer or smaller files.`;
}

/** In the unit of `beside`. A limit is rounded down and what breaks it up, so that the one never reads as if it fitted the other. */
export function sizeWords(octets: number, round = Math.floor, beside = octets): string {
  if (beside < 1_000) return `${octets} B`;
  const [name, unit] = beside < 1_000_000 ? ['kB', 1_000] : ['MB', 1_000_000];
  return `${(round((octets * 10) / unit) / 10).toFixed(1)} ${name}`;
}
