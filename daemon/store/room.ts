/**
 * The last room on the disk, kept for what cannot wait. Mail that comes in can: it lies at its server, or with its sender, until there
 * is room again. So it leaves 16 MB; a mail that goes out may take of them, and leaves 4 MB; the rest is for what becomes of mails that
 * are on their way, for the journal, and for the rights, whose file lies on the same disk.
 *
 * Measured before each write instead of held by a file of that size: nothing has to be released in time, and it holds as well when
 * somebody else fills the disk.
 */
import { statfsSync } from 'node:fs';
import { PostroomError } from '../../protocol/errors.ts';

const kept = { incoming: 16 * 1024 * 1024, outgoing: 4 * 1024 * 1024 };

/** Below this nothing is taken in any more. */
export const keptOctets = kept.incoming;

/** Refuses what would take the room that is kept; `octets` are those of the mails themselves. */
export function claimRoom(folder: string, octets: number, direction: keyof typeof kept): void {
  if (hasRoom(folder, kept[direction] + octets)) return;
  const what = direction === 'incoming' ? 'No mail is taken in' : 'This mail was not queued';
  throw new PostroomError('unavailable', `The disk is full. ${what} until there is room: make some, then try again.`);
}

/** Whether more may be written that nobody waits for. */
export function hasRoom(folder: string, octets = kept.incoming): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize >= octets;
}
