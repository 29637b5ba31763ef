/** Changes of roles. Each is a function of the document; act.ts says what all of them obey. */
import { type Grantee, type Operation, rolesOf } from '../access/reach.ts';
import { rightsIndex } from '../access/rights.ts';
import { type Act, absent, type Change, conclude, invalid, needOperation, personOf, replace, roleOf, unchanged } from './act.ts';
import { type Directory, newId, type Role } from './document.ts';
import { freeName, noSelfAllow, withoutGrantee } from './people.ts';

export function roleAdd(doc: Directory, asked: { name: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role: Role = { id: newId('r'), name: freeName(doc, asked.name), members: [], operations: [] };
  const after = { ...doc, roles: [...doc.roles, role] };
  const told = {
    kind: 'system',
    action: 'role.add',
    mailbox: null,
    summary: `added the role ${role.name}`,
    details: { role: role.name },
  } as const;
  return conclude(doc, after, act, told, role.id);
}

/** With the grants that were given to it. */
export function roleRemove(doc: Directory, asked: { role: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role = roleOf(doc, asked.role);
  const held = withoutGrantee(doc, role.id);
  const after = { ...held, roles: held.roles.filter(({ id }) => id !== role.id) };
  const details = { role: role.name };
  return conclude(doc, after, act, {
    kind: 'system',
    action: 'role.remove',
    mailbox: null,
    summary: `removed the role ${role.name}`,
    details,
  });
}

export function roleAllow(doc: Directory, asked: { role: string; operation: Operation }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const { operation } = asked;
  const role = roleOf(doc, asked.role);
  if (rightsIndex(doc).who(act.actor)?.roles.has(role.id)) throw noSelfAllow();
  if (role.operations.includes(operation)) return unchanged(doc);
  const after = { ...doc, roles: replace(doc.roles, { ...role, operations: [...role.operations, operation] }) };
  const details = { role: role.name, operation };
  const summary = `allowed ${operation} to the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'role.allow', mailbox: null, summary, details });
}

export function roleDeny(doc: Directory, asked: { role: string; operation: Operation }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const { operation } = asked;
  const role = roleOf(doc, asked.role);
  if (!role.operations.includes(operation)) return unchanged(doc);
  const after = { ...doc, roles: replace(doc.roles, { ...role, operations: role.operations.filter((one) => one !== operation) }) };
  const details = { role: role.name, operation };
  const summary = `took ${operation} from the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'system', action: 'role.deny', mailbox: null, summary, details });
}

/** Joining a role is a grant change: the owners of the mailboxes that it opens are told. */
export function roleMemberAdd(doc: Directory, asked: { role: string; member: Grantee }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role = roleOf(doc, asked.role);
  const { kind, id } = asked.member;
  const { name } = kind === 'person' ? personOf(doc, id) : roleOf(doc, id);
  if (role.members.some((member) => member.id === id)) return unchanged(doc);
  if (id === role.id) throw invalid(`${role.name} cannot be a member of itself.`);
  const chain = rolesOf(doc.roles, { kind: 'role', id: role.id }).get(id)?.via;
  if (chain) {
    const way = [...chain.map((one) => one.name), role.name].join(' > ');
    throw invalid(`${role.name} is in ${name} already (${way}), so ${name} cannot be in ${role.name}. Take one of them out first.`);
  }
  const members = [...role.members, { kind, id, at: act.now, by: act.actor }];
  const after = { ...doc, roles: replace(doc.roles, { ...role, members }) };
  const details = { role: role.name, member: name };
  const summary = `added ${name} to the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'grant', action: 'role.member.add', mailbox: null, summary, details });
}

export function roleMemberRemove(doc: Directory, asked: { role: string; member: string }, act: Act): Change {
  needOperation(doc, act, 'people.manage');
  const role = roleOf(doc, asked.role);
  const { name } = [...doc.persons, ...doc.roles].find(({ id }) => id === asked.member) ?? { name: 'This member' };
  const members = role.members.filter(({ id }) => id !== asked.member);
  if (members.length === role.members.length) throw absent(`${name} is not in ${role.name}. Look at: postroom role show ${role.name}`);
  const after = { ...doc, roles: replace(doc.roles, { ...role, members }) };
  const details = { role: role.name, member: name };
  const summary = `took ${name} out of the role ${role.name}`;
  return conclude(doc, after, act, { kind: 'grant', action: 'role.member.remove', mailbox: null, summary, details });
}
