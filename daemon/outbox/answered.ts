/**
 * What was answered here is marked as answered where other clients look: `\Answered` on the mail that an accepted one answers. Best effort
 * beside the sending: a server that is away is asked again, one that refuses (read-only, no such flag) is left alone.
 */
import { PostroomError } from '../../protocol/errors.ts';
import type { OutboxDeps } from '../engines.ts';
import type { Millis, OutboxId, OutboxRow, Placement } from '../store/types.ts';
import { pause } from './state.ts';

const flag = '\\Answered';

type Deps = Pick<OutboxDeps, 'store' | 'sync' | 'account' | 'config' | 'log' | 'now'>;

/** `pauseFor`: false when the outbox closes meanwhile; the next start goes on. */
export async function markAnswered(deps: Deps, id: OutboxId, pauseFor: (delayMs: Millis) => Promise<boolean>): Promise<void> {
  const { store, config, log, now } = deps;
  for (let attempts = 1; ; attempts++) {
    const row = await store.outboxRow(id);
    if (row === null || row.answers === null || row.answered || row.state !== 'accepted') return;
    try {
      await mark(deps, row);
    } catch (error) {
      log.warn({ err: error, outbox: id }, 'outbox: what was answered could not be marked on the server');
      const again = error instanceof PostroomError && error.code === 'unavailable' && now() < row.sendAt + config.giveUpAfterMs;
      if (again && !(await pauseFor(pause(config.retryAfterMs, attempts, Math.random())))) return;
      if (again) continue;
    }
    await store.outboxMove(id, 'accepted', { answered: true });
    return;
  }
}

/** Where it lies now; a mailbox whose server we do not follow is left as it is. */
async function mark({ store, sync, account }: Deps, { mailbox, answers }: OutboxRow): Promise<void> {
  const place = account(mailbox);
  if (place?.kind !== 'imap' || !place.policy.followServer || answers === null) return;
  const placements = (await store.entry(answers))?.placements ?? [];
  const unmarked = placements.filter(
    ({ role, flags }) => role !== 'drafts' && !flags.some((one) => one.toLowerCase() === flag.toLowerCase()),
  );
  const byFolder = Map.groupBy(unmarked, ({ folder, uidValidity }: Placement) => `${folder}/${uidValidity}`);
  for (const [first, ...others] of byFolder.values()) {
    if (first === undefined) continue;
    const { folder, uidValidity, uid } = first;
    await sync.setFlags(mailbox, { folder, uidValidity, uids: [uid, ...others.map((one) => one.uid)] }, { add: [flag] });
  }
}
