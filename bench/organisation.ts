/** An organisation as large as the directory is made for: always the same, with nested roles, cover for holidays and grants of every kind. */
import type { Operation } from '../daemon/access/reach.ts';
import { Directory, defaultSettings, type Grant, type Mailbox, type Person, type Role } from '../daemon/directory/document.ts';
import { operations } from '../protocol/rows.ts';

/** How many of each there are. */
export const sizes = { persons: 5_000, roles: 500, mailboxes: 1_000, grants: 20_000 } as const;
/** The moment at which all of it is looked at. */
export const today = Date.UTC(2026, 5, 15);

const dayMs = 86_400_000;
const digits = 'abcdefghijklmnopqrstuvwxyz234567';
/** The shape of an id, and in it the number that it stands for. */
export const idOf = (prefix: string, n: number): string => {
  let text = '';
  for (let rest = n; text.length < 26; rest = Math.floor(rest / 32)) text += digits[rest % 32];
  return `${prefix}_${text}`;
};
const keyOf = (n: number): string => `key${String(n).padStart(37, '0')}`;

/** Numbers from 0 up to 1 that are the same in each run (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The first person manages everything and owns the first mailbox. Role 0 holds everybody: it holds ten divisions, these hold the departments between them, and these
 * the teams, in which the persons are. `keys` are those of the first persons; the others get keys that nobody holds.
 */
export function organisation(keys: readonly string[] = []): Directory {
  const next = numbers(1);
  const below = (end: number): number => Math.floor(next() * end);
  const all = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
  const rare = (n: number): readonly Operation[] => (n === 0 ? operations : n % 97 === 0 ? ['audit.read'] : []);

  const persons = all(
    sizes.persons,
    (n): Person => ({
      id: idOf('p', n),
      name: `person ${n}`,
      email: `person${n}@example.org`,
      status: n % 50 === 49 ? 'disabled' : 'active',
      plan: n % 2 === 0 ? 'team' : null,
      addedAt: today - 400 * dayMs,
      keys: [{ id: idOf('k', n), public: keys[n] ?? keyOf(n), label: 'laptop', addedAt: today - 400 * dayMs, revokedAt: null }],
      operations: rare(n),
    }),
  );
  const member = (kind: 'person' | 'role', n: number) => ({
    kind,
    id: idOf(kind === 'person' ? 'p' : 'r', n),
    at: today - 300 * dayMs,
    by: idOf('p', 0),
  });
  const [firstDivision, firstDepartment, firstTeam] = [1, 11, 111];
  const teams = sizes.roles - firstTeam;
  const inRole: ReturnType<typeof member>[][] = all(sizes.roles, () => []);
  for (let n = 1; n < sizes.roles; n++) {
    const above = n < firstDepartment ? 0 : n < firstTeam ? firstDivision + (n % 10) : firstDepartment + (n % 100);
    inRole[above]?.push(member('role', n));
  }
  for (let n = 0; n < sizes.persons; n++) {
    const own = n % teams;
    inRole[firstTeam + own]?.push(member('person', n));
    if (n % 3 === 0) inRole[firstTeam + ((own + 1 + below(teams - 1)) % teams)]?.push(member('person', n));
  }
  const roles = inRole.map(
    (members, n): Role => ({ id: idOf('r', n), name: `role ${n}`, members, operations: n === firstTeam ? ['people.manage'] : [] }),
  );

  const mailboxes = all(
    sizes.mailboxes,
    (n): Mailbox => ({
      id: idOf('m', n),
      address: `box${n}@example.org`,
      addresses: [`box${n}@example.org`, ...(n % 4 === 0 ? [`also${n}@example.org`] : [])],
      owner: idOf('p', n === 0 ? 0 : below(sizes.persons / 50) * 50),
      shared: n % 20 !== 19,
      workFrom: today - 30 * dayMs,
      addedAt: today - 200 * dayMs,
      settings: { ...defaultSettings, name: `Box ${n}`, signature: 'With kind regards\nHarbour Books' },
      revision: 1,
      kind: 'hosted',
    }),
  );
  const given = new Set<string>();
  const grants = all(sizes.grants, (n): Grant => {
    const mailbox = idOf('m', n % sizes.mailboxes);
    // One in five hundred to a division or to everybody; else to teams, to departments, and a third to persons.
    const toRole = n % 500 === 0 ? below(firstDepartment) : firstDepartment + below(sizes.roles - firstDepartment);
    const grantee =
      n % 3 === 1 ? { kind: 'person' as const, id: idOf('p', below(sizes.persons)) } : { kind: 'role' as const, id: idOf('r', toRole) };
    const key = `${mailbox} ${grantee.id}`;
    const standing = n % 5 !== 0 && !given.has(key);
    if (standing) given.add(key);
    const from = below(2) === 0 ? null : today + (below(60) - 40) * dayMs;
    const at = today - 100 * dayMs;
    return {
      id: idOf('g', n),
      mailbox,
      grantee,
      access: n % 4 !== 0,
      send: n % 4 < 2,
      setup: n % 40 === 2,
      standing,
      from: standing ? null : from,
      until: standing ? null : (from ?? today) + (1 + below(60)) * dayMs,
      note: standing ? null : 'cover while somebody is away',
      by: idOf('p', 0),
      at,
      began: at,
    };
  });
  return Directory.parse({ schemaVersion: 1, revision: 1, persons, roles, mailboxes, grants, watches: [], invitations: [], former: [] });
}
