/**
 * Work of those who may not answer any more: a grant was removed or ended, a person disabled, a role left. Rights are in the directory,
 * conversations in the store, and the two are not written together; so this is done after a change of rights and at every start, and looks
 * at what is there. Nobody's again it stays, also when the right comes back: somebody else may have begun to answer. It says whose it was.
 */
import type { DirectoryStore } from './directory/durable.ts';
import type { Snapshot } from './directory/snapshot.ts';
import type { Assignee, MailboxId, Millis, Store } from './store/types.ts';

type Deps = {
  readonly directory: Pick<DirectoryStore, 'snapshot'>;
  readonly store: Pick<Store, 'assignees' | 'heldBy' | 'loseHolder'>;
  readonly now: () => Millis;
};

export async function settleLostWork({ directory, store, now }: Deps): Promise<void> {
  for (const assignee of await store.assignees()) {
    const held = await store.heldBy(assignee);
    const snapshot = directory.snapshot();
    const lost = held.map(({ mailbox }) => mailbox).filter((mailbox) => !mayHold(snapshot, assignee, mailbox, now()));
    if (lost.length > 0) await store.loseHolder(assignee, lost);
  }
}

/** Those who are gone from the directory, and mailboxes that are, are settled elsewhere. */
function mayHold(snapshot: Snapshot, { kind, id }: Assignee, mailbox: MailboxId, now: Millis): boolean {
  const { access } = snapshot;
  if (snapshot.mailbox(mailbox) === undefined) return true;
  if (kind === 'person') return snapshot.person(id) === undefined || access.surfaces(id, mailbox, now).send;
  if (snapshot.role(id) === undefined) return true;
  const isThere = ([person, { send }]: readonly [string, { send: boolean }]): boolean => send && access.who(person)?.roles.has(id) === true;
  return access.roleMaySend(id, mailbox, now) && [...access.persons(mailbox, now)].some(isThere);
}
