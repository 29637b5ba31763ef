/**
 * Who hears that the directory changed. An event tells by when it comes: so it comes only to those who could see the difference by asking.
 *
 * - Persons and roles, as everybody sees them: everybody. Their keys, operations, plans and invitations: themselves, those who made the
 *   invitation, and those who manage people.
 * - A mailbox and its grants: those for whom it exists, before or after. Whoever manages people counts mailboxes and grants that they
 *   cannot see.
 */
import { changed } from './access/changed.ts';
import type { Person } from './directory/document.ts';
import type { Snapshot } from './directory/snapshot.ts';

export function hearers(before: Snapshot, after: Snapshot, now: number): (person: string) => boolean {
  const [old, next] = [before.directory, after.directory];
  const persons = changed(old.persons, next.persons);
  if (old.roles !== next.roles || !sameFaces(persons.gone, persons.come)) return () => true;

  const watching = both(changed(old.watches, next.watches));
  const themselves = new Set([
    ...persons.come.map(({ id }) => id),
    ...both(changed(old.invitations, next.invitations)).flatMap(({ person, by }) => [person, by]),
    ...watching.map(({ person }) => person),
  ]);
  const mailboxes = new Set([
    ...both(changed(old.mailboxes, next.mailboxes)).map(({ id }) => id),
    ...both(changed(old.grants, next.grants)).map(({ mailbox }) => mailbox),
  ]);
  const forManagers = mailboxes.size > 0 || watching.length === 0;
  return (person) =>
    themselves.has(person) ||
    (forManagers && after.access.holds(person, 'people.manage')) ||
    [...mailboxes].some((id) => before.access.surfaces(person, id, now).any || after.access.surfaces(person, id, now).any);
}

const both = <T>({ gone, come }: { readonly gone: readonly T[]; readonly come: readonly T[] }): readonly T[] => [...gone, ...come];

/** Whether everybody is who they were to those who do not manage people: `person.list`. */
function sameFaces(gone: readonly Person[], come: readonly Person[]): boolean {
  const face = ({ id, name, email, status }: Person): string => JSON.stringify([id, name, email, status]);
  const before = new Set(gone.map(face));
  return gone.length === come.length && come.every((person) => before.has(face(person)));
}
