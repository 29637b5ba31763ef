/**
 * The rights as the product page says them, slow and obvious: every question walks through everything, nothing is kept, nothing is shared
 * with the code that decides. What both say must be the same.
 */
import type { Directory, Grant, Mailbox } from '../../daemon/directory/document.ts';
import { operations } from '../../protocol/rows.ts';

export type Right = 'access' | 'send' | 'setup';
export const allRights: readonly Right[] = ['access', 'send', 'setup'];

/** Whether the role holds the person, directly or in a role within it. Roles hold no cycle. */
export function isIn(doc: Directory, person: string, role: string): boolean {
  for (const one of doc.roles) {
    if (one.id !== role) continue;
    for (const member of one.members) {
      if (member.kind === 'person' && member.id === person) return true;
      if (member.kind === 'role' && isIn(doc, person, member.id)) return true;
    }
  }
  return false;
}

const isOff = (doc: Directory, person: string): boolean => doc.persons.some(({ id, status }) => id === person && status === 'disabled');
const exists = (doc: Directory, person: string): boolean => doc.persons.some(({ id }) => id === person);

/** Every grant on the mailbox that is for the person or for a role that holds them, whatever the date. */
export const grantsFor = (doc: Directory, person: string, mailbox: string): readonly Grant[] =>
  doc.grants.filter(
    (grant) =>
      grant.mailbox === mailbox && (grant.grantee.kind === 'person' ? grant.grantee.id === person : isIn(doc, person, grant.grantee.id)),
  );

const isNow = ({ from, until }: Grant, now: number): boolean => !(from !== null && now < from) && !(until !== null && until <= now);

/** Why the person may or may not: `owner`, the ids of the grants that give it, or the word for what is missing. */
export function verdict(doc: Directory, person: string, right: Right, mailbox: Mailbox, now: number): 'owner' | readonly string[] | string {
  if (!exists(doc, person)) return 'no-grant';
  if (isOff(doc, person)) return 'disabled';
  if (mailbox.owner === person) return 'owner';
  const giving = grantsFor(doc, person, mailbox.id).filter((grant) => grant[right]);
  if (giving.length === 0) return 'no-grant';
  const counting = giving.filter((grant) => isNow(grant, now));
  if (counting.length === 0) return giving.some(({ from }) => from !== null && now < from) ? 'not-yet' : 'ended';
  if (!mailbox.shared) return 'not-shared';
  return counting.map(({ id }) => id).sort();
}

export function may(doc: Directory, person: string, right: Right, mailbox: Mailbox, now: number): boolean {
  const said = verdict(doc, person, right, mailbox, now);
  return said === 'owner' || Array.isArray(said);
}

/** The rights that the person has on the mailbox, in the order of the page. */
export const rightsOf = (doc: Directory, person: string, mailbox: Mailbox, now: number): readonly Right[] =>
  allRights.filter((right) => may(doc, person, right, mailbox, now));

/** The table of the page: what three rights open, and ownership. */
export function opened(doc: Directory, person: string, mailbox: Mailbox, now: number) {
  const has = rightsOf(doc, person, mailbox, now);
  return {
    panel: has.includes('send'),
    timeline: has.includes('access'),
    open: has.includes('access') || has.includes('send'),
    send: has.includes('send'),
    settings: has.includes('setup'),
    owner: mailbox.owner === person && exists(doc, person) && !isOff(doc, person),
    any: has.length > 0,
  };
}

/** The system operations that somebody holds, by themselves or through a role. */
export function operationsOf(doc: Directory, person: string): readonly string[] {
  if (!exists(doc, person) || isOff(doc, person)) return [];
  return operations.filter(
    (operation) =>
      doc.persons.some((one) => one.id === person && one.operations.includes(operation)) ||
      doc.roles.some((role) => role.operations.includes(operation) && isIn(doc, person, role.id)),
  );
}

/** Whether somebody can sign in and manage people. */
export const isManaged = (doc: Directory): boolean =>
  doc.persons.some(
    ({ id, status, keys }) =>
      status === 'active' && keys.some(({ revokedAt }) => revokedAt === null) && operationsOf(doc, id).includes('people.manage'),
  );

/** The rows of a grants matrix: each grant, and everybody whom rights reach without one. `name: rights, through which roles`. */
export function matrixRows(doc: Directory, mailbox: Mailbox, now: number): readonly string[] {
  const rows: string[] = [];
  const through = (holds: (grant: Grant) => boolean): readonly string[] => {
    const counting = doc.grants.filter(
      (grant) => grant.mailbox === mailbox.id && isNow(grant, now) && grant.grantee.kind === 'role' && holds(grant),
    );
    const roles = (right: Right) =>
      [...new Set(counting.filter((grant) => grant[right]).map(({ grantee }) => grantee.id))].sort().join('+');
    return allRights.map((right) => `${right}:${roles(right)}`);
  };
  const row = (id: string, grant: string | null, inherited: readonly string[]) => {
    const own = mailbox.owner === id ? ' owner' : '';
    return `${id}${own} ${grant ?? '-'} ${inherited.join(' ')}`;
  };
  for (const { id } of doc.persons) {
    const inherited = through(({ grantee }) => isIn(doc, id, grantee.id));
    const given = doc.grants.filter(({ mailbox: on, grantee }) => on === mailbox.id && grantee.id === id);
    for (const grant of given) rows.push(row(id, grant.id, inherited));
    if (given.length === 0 && (mailbox.owner === id || inherited.some((one) => !one.endsWith(':')))) rows.push(row(id, null, inherited));
  }
  const holdsRole = (outer: string, inner: string): boolean =>
    doc.roles.some(
      ({ id, members }) => id === outer && members.some((one) => one.kind === 'role' && (one.id === inner || holdsRole(one.id, inner))),
    );
  for (const { id } of doc.roles) {
    const inherited = through(({ grantee }) => holdsRole(grantee.id, id));
    for (const grant of doc.grants.filter(({ mailbox: on, grantee }) => on === mailbox.id && grantee.id === id))
      rows.push(row(id, grant.id, inherited));
  }
  return rows.sort();
}

/**
 * In what a change gave its author what they did not have: a mailbox of somebody else on which they may ever do more, at whatever date
 * and as if it were shared, or a system operation. The law: never anything.
 */
export function ownGains(before: Directory, after: Directory, actor: string, now: number): readonly string[] {
  const gains: string[] = operationsOf(after, actor).filter((operation) => !operationsOf(before, actor).includes(operation));
  const shared = (doc: Directory): Directory => ({ ...doc, mailboxes: doc.mailboxes.map((one) => ({ ...one, shared: true })) });
  const [old, next] = [shared(before), shared(after)];
  for (const mailbox of next.mailboxes) {
    const was = old.mailboxes.find(({ id }) => id === mailbox.id);
    if (!was || was.owner === actor) continue; // their own new mailbox; on their own they do as they like
    const dates = [...old.grants, ...next.grants].flatMap(({ from, until }) => [from ?? now, until ?? now]);
    for (const at of new Set([now, ...dates.filter((date) => date > now)])) {
      for (const right of rightsOf(next, actor, mailbox, at)) {
        if (!may(old, actor, right, was, at)) gains.push(`${right} on ${mailbox.id} at ${at}`);
      }
    }
  }
  return gains;
}
