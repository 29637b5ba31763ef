/** The store of a home whose daemon does not run, opened to look: no writer, no migration, nothing swept. Take the home's lock first. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PostroomError } from '../../protocol/errors.ts';
import { check } from './check.ts';
import { packEnds } from './detail.ts';
import { foldersOf, unfetchableOf } from './folders.ts';
import { migrations } from './migrations/index.ts';
import { outboxTroubled } from './outbox.ts';
import { probePacks } from './packs.ts';
import { openReading } from './sqlite.ts';
import type { StoreExamined } from './types.ts';

/** Null: there is no store yet, no daemon has run. Throws when the file is no database of this release. */
export function openExamined(home: string): StoreExamined | null {
  const file = join(home, 'mail.db');
  if (!existsSync(file)) return null;
  const db = openReading(file);
  const packs = join(home, 'packs');
  try {
    const version = db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
    if (version !== migrations.length) {
      const which =
        version > migrations.length ? 'a newer Postroom: run that one' : 'an older Postroom: the next start brings it up to date';
      throw new PostroomError('unavailable', `${file} was written by ${which}.`);
    }
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    folders: async (mailbox) => foldersOf(db, mailbox),
    unfetchable: async (mailbox) => unfetchableOf(db, mailbox),
    outboxTroubled: async (mailbox, limit) => outboxTroubled(db, mailbox, limit),
    check: async () => {
      const steps = check(db, packs);
      for (;;) {
        const step = steps.next();
        if (step.done) return step.value;
      }
    },
    checkPacks: () => probePacks(packs, packEnds(db)),
    close: async () => db.close(),
  };
}
