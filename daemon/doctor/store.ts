/** The mail store and the room it has. */
import { statfs } from 'node:fs/promises';
import { keptOctets } from '../store/room.ts';
import type { StoreExamined } from '../store/types.ts';
import { error, type Finding, info, warning, wordsOf } from './finding.ts';

export const wayBack =
  'Stop the daemon and restore mail.db and packs/ from a backup. Without one, move both aside: mail of IMAP servers comes again; notes, states, hosted mail, the outbox and the journal do not (docs/headless.md).';

/** The rows of a broken invariant may name mail that the asker may not see: `details` is for the daemon's log. */
export async function examineStore(
  store: Pick<StoreExamined, 'check' | 'checkPacks'>,
  details: (lines: readonly string[]) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    const broken = await store.check();
    if (broken.length > 0) details(broken);
    for (const line of broken)
      findings.push(error('store', `mail.db: ${line.replace(/: [[{].*$/s, '')}.`, `${wayBack} The rows are in the log.`));
  } catch (problem) {
    findings.push(error('store', `mail.db cannot be checked: ${wordsOf(problem)}.`, wayBack));
  }
  try {
    for (const line of await store.checkPacks()) findings.push(error('pack', line, wayBack));
  } catch (problem) {
    findings.push(error('pack', `The packs cannot be read: ${wordsOf(problem)}.`, wayBack));
  }
  return findings;
}

export type DiskRoom = { freeOctets: number; freeFiles: number; files: number };

export async function roomAt(path: string): Promise<DiskRoom> {
  const { bavail, bsize, ffree, files } = await statfs(path);
  return { freeOctets: bavail * bsize, freeFiles: ffree, files };
}

/** A file system that counts no files (btrfs) answers 0 of 0. */
export function examineRoom(path: string, { freeOctets, freeFiles, files }: DiskRoom): Finding[] {
  const left = `${path} has ${Math.floor(freeOctets / 1e6)} MB left`;
  const mend = 'Make room on that disk: with none left no mail comes in and none can be queued.';
  if (freeOctets < keptOctets)
    return [
      error(
        'disk-full',
        `${left}: no mail is taken in.`,
        'Make room on that disk; mail then comes by itself. What is left is kept for mail that goes out and for rights.',
      ),
    ];
  if (freeOctets < 100e6) return [error('disk-full', `${left}.`, mend)];
  if (files > 0 && freeFiles < 1_000) return [error('disk-full', `${path} has room for ${freeFiles} more files.`, mend)];
  if (freeOctets < 1e9) return [warning('disk-low', `${left}.`, mend)];
  return [];
}

/** Pauses of the daemon's one thread, as everybody's waiting time. */
export function examineDelay(p99Ms: number): Finding[] {
  const message = `One in a hundred turns of the daemon takes longer than ${p99Ms.toFixed(0)} ms.`;
  const mend = 'Look at what else the machine does (top); if it is idle, the log at level debug shows what the daemon does.';
  if (p99Ms > 250) return [warning('slow', message, mend)];
  if (p99Ms > 50) return [info('slow', message, mend)];
  return [];
}
