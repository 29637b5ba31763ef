/**
 * The work of those who are gone: removed persons and roles. The directory says who is, and what was to become of it; conversations and
 * outgoing mail are in the store. The two are not written together, so this is done after a removal and again at every start: it looks
 * at what is there, whatever happened before, and done twice it changes nothing.
 */
import type { DirectoryStore } from './directory/durable.ts';
import type { Snapshot } from './directory/snapshot.ts';
import { holdForRight } from './outbox/state.ts';
import type { Assignee, PersonId, Store } from './store/types.ts';

type Deps = {
  readonly directory: Pick<DirectoryStore, 'snapshot'>;
  readonly store: Pick<Store, 'assignees' | 'heldBy' | 'handOver' | 'unsent' | 'outboxMove' | 'usersNoted' | 'forgetUses'>;
  readonly now: () => number;
};

export async function settleDeparted(deps: Deps): Promise<void> {
  const { directory, store } = deps;
  const there = ({ kind, id }: Assignee): boolean => {
    const snapshot = directory.snapshot();
    return (kind === 'person' ? snapshot.person(id) : snapshot.role(id)) !== undefined;
  };
  for (const assignee of await store.assignees()) if (!there(assignee)) await handOver(deps, assignee);
  for (const id of await store.usersNoted()) if (!there({ kind: 'person', id })) await store.forgetUses(id);
  const snapshot = directory.snapshot();
  for (const { id, mail } of snapshot.directory.former) {
    const why = authorLeft(snapshot, id);
    for (const row of await store.unsent(id)) {
      if (mail === 'cancel') await store.outboxMove(row.id, row.state, { state: 'cancelled', heldFor: null });
      else if (row.heldFor !== 'right' && why !== null) await store.outboxMove(row.id, row.state, holdForRight(why));
    }
  }
}

/** Why mail of somebody who is gone does not go out; null while they are here. */
export function authorLeft({ directory }: Snapshot, author: PersonId): string | null {
  const former = directory.former.find(({ id }) => id === author);
  return former === undefined ? null : `its author, ${former.name}, left: take it back, or write it anew`;
}

/** To the heir where they may send: whoever has a conversation is the one to answer. */
async function handOver({ directory, store, now }: Deps, from: Assignee): Promise<void> {
  const snapshot = directory.snapshot();
  const heir = snapshot.directory.former.find(({ id }) => id === from.id)?.heir ?? null;
  if (heir === null) return store.handOver(from, null);
  const mailboxes = (await store.heldBy(from))
    .map(({ mailbox }) => mailbox)
    .filter((mailbox) => directory.snapshot().access.surfaces(heir, mailbox, now()).send);
  await store.handOver(from, { to: { kind: 'person', id: heir }, mailboxes });
}
