import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { levels } from '../daemon/access/decide.ts';
import { difference } from '../daemon/access/explain.ts';
import { rightsIndex } from '../daemon/access/rights.ts';
import { conclude } from '../daemon/directory/act.ts';
import * as changes from '../daemon/directory/changes.ts';
import { Directory, type Mailbox, type Server } from '../daemon/directory/document.ts';
import { PostroomError } from '../protocol/errors.ts';
import { grant, idOf, keyOf, mailbox, organisation, person, role } from './support/arbitraries.ts';
import { codeOf, messageOf } from './support/failure.ts';

const now = 1_750_000_000_000;
const dayMs = 86_400_000;

const anna = person(0, { name: 'anna', operations: ['people.manage', 'audit.read', 'shared-mailbox.share', 'shared-mailbox.sync'] });
const ben = person(1, { name: 'ben', operations: ['people.manage'] });
const carl = person(2, { name: 'carl' });
const dora = person(3, { name: 'dora' });
const leads = role(0, [carl], { name: 'leads' });
const agents = role(1, [leads], { name: 'agents' });
const auditors = role(2, [], { name: 'auditors', operations: ['audit.read'] });
const support = mailbox(0, anna);
const sales = mailbox(1, carl, { shared: false });
const team = organisation({
  persons: [anna, ben, carl, dora],
  roles: [leads, agents, auditors],
  mailboxes: [support, sales],
  grants: [
    grant(0, support, carl, { access: false, setup: true }),
    grant(1, support, role(3, []), { send: true, grantee: { kind: 'role', id: auditors.id } }),
  ],
});
const of = (who: { id: string }): { kind: 'person' | 'role'; id: string } => ({
  kind: who.id.startsWith('p_') ? 'person' : 'role',
  id: who.id,
});
const by = (actor: { id: string }, policy: Partial<changes.Policy> = {}): changes.Act => ({
  actor: actor.id,
  now,
  policy: { ...changes.openPolicy, hostedDomains: ['example.org'], ...policy },
});
const full = { ...levels.full, note: null };
const inviting = { publicKey: keyOf(800), expiresAt: now + dayMs };

describe('nobody widens their own reach', () => {
  const ways: [string, () => changes.Change][] = [
    ['a grant to oneself', () => changes.grantSet(team, { mailbox: support.id, grantee: of(carl), ...full }, by(carl))],
    ['a grant to a role one is in', () => changes.grantSet(team, { mailbox: support.id, grantee: of(leads), ...full }, by(carl))],
    [
      'a grant to a role that holds one deeper',
      () => changes.grantSet(team, { mailbox: support.id, grantee: of(agents), ...full }, by(carl)),
    ],
    [
      'a grant for later',
      () =>
        changes.grantAdd(team, { mailbox: support.id, grantee: of(carl), ...full, from: now + dayMs, until: now + 2 * dayMs }, by(carl)),
    ],
    [
      'a second way to what one has',
      () =>
        changes.grantAdd(
          team,
          {
            mailbox: support.id,
            grantee: of(carl),
            ...levels.observe,
            access: false,
            setup: true,
            note: null,
            from: null,
            until: now + dayMs,
          },
          by(carl),
        ),
    ],
    ['joining a role that carries grants', () => changes.roleMemberAdd(team, { role: auditors.id, member: of(ben) }, by(ben))],
    [
      'joining a role that carries operations',
      () => changes.roleMemberAdd({ ...team, grants: [] }, { role: auditors.id, member: of(ben) }, by(ben)),
    ],
    [
      'putting a role one is in into one that carries grants',
      () =>
        changes.roleMemberAdd({ ...team, roles: [role(0, [ben]), agents, auditors] }, { role: auditors.id, member: of(leads) }, by(ben)),
    ],
    [
      'joining a role whose grants wait on a mailbox that is not shared yet',
      () => {
        const waiting = { ...team, grants: [grant(2, sales, agents, { send: true })] };
        return changes.roleMemberAdd(waiting, { role: agents.id, member: of(ben) }, by(ben));
      },
    ],
    ['allowing oneself an operation', () => changes.personAllow(team, { person: ben.id, operation: 'audit.read' }, by(ben))],
    [
      'allowing it to a role that holds one',
      () =>
        changes.roleAllow({ ...team, roles: [role(0, [ben]), agents, auditors] }, { role: agents.id, operation: 'audit.read' }, by(ben)),
    ],
    ['naming oneself successor', () => changes.personRemove(team, { person: carl.id, successor: ben.id }, by(ben))],
    [
      'confirming the key that came of an invitation of one’s own for somebody who reaches more',
      () => {
        const { doc } = changes.personInvite(team, { person: carl.id, inviting }, by(ben));
        const joined = changes.personJoin(
          doc,
          { oneTimeKey: inviting.publicKey, publicKey: keyOf(801), label: '' },
          { now, policy: changes.openPolicy },
        );
        return changes.keyConfirm(joined.doc, { key: joined.doc.persons[2]?.keys[1]?.id ?? '' }, by(ben));
      },
    ],
  ];
  test.each(ways)('%s', async (_way, run) => {
    expect(await codeOf(run)).toBe('forbidden');
    expect(await messageOf(run)).toMatch(/^Nobody (widens|allows)/);
  });

  test('a grant that reaches one keeps its rights and dates, whatever changed them', async () => {
    const dated = grant(0, support, carl, { setup: true, from: now - dayMs, until: now + dayMs });
    const before = { ...team, grants: [dated] };
    const told = { kind: 'grant', action: 'test', mailbox: support.id, summary: '', details: {} } as const;
    const edited = (fields: Partial<typeof dated>) => () =>
      conclude(before, { ...before, grants: [{ ...dated, ...fields }] }, by(carl), told);
    expect(await codeOf(edited({ until: now + 2 * dayMs }))).toBe('forbidden');
    expect(await codeOf(edited({ from: null }))).toBe('forbidden');
    expect(await codeOf(edited({ send: true }))).toBe('forbidden');
    expect(await codeOf(edited({ until: now + 1, from: now, setup: false }))).toBe('done');
  });

  test('the refusal names no mailbox that one cannot see', async () => {
    const message = await messageOf(() => changes.roleMemberAdd(team, { role: auditors.id, member: of(ben) }, by(ben)));
    expect(message).toContain('1 mailbox you cannot see');
    expect(message).not.toContain(support.address);
  });

  test('by somebody else it works, the owner is told who gained what', () => {
    const { doc, activities } = changes.roleMemberAdd(team, { role: auditors.id, member: of(dora) }, by(ben));
    expect(rightsIndex(doc).surfaces(dora.id, support.id, now)).toMatchObject({ send: true, panel: true });
    expect(activities.map(({ mailbox: at }) => at)).toEqual([null, support.id]);
    expect(activities[1]).toMatchObject({
      kind: 'grant',
      actor: ben.id,
      details: { member: 'dora', reach: [{ person: 'dora', gains: ['panel', 'timeline', 'open', 'send', 'any'], loses: [] }] },
    });
    expect(activities[0]?.details).not.toHaveProperty('reach');
  });

  test('owners, narrowing, and roles that carry nothing are free', async () => {
    expect(await codeOf(() => changes.grantSet(team, { mailbox: support.id, grantee: of(anna), ...full }, by(anna)))).toBe('done');
    const both = { ...team, grants: [grant(0, support, carl, levels.manage)] };
    const less = changes.grantSet(
      both,
      { mailbox: support.id, grantee: of(carl), access: true, send: false, setup: true, note: null },
      by(carl),
    );
    expect(rightsIndex(less.doc).surfaces(carl.id, support.id, now)).toMatchObject({ send: false, settings: true });
    expect(await codeOf(() => changes.roleMemberAdd(team, { role: agents.id, member: of(ben) }, by(ben)))).toBe('done');
    expect(await codeOf(() => changes.roleMemberAdd(team, { role: auditors.id, member: of(anna) }, by(anna)))).toBe('done');
  });

  test('a new key for somebody else is told to the owners of what they reach; one for oneself is not', () => {
    const others = changes.personInvite(team, { person: carl.id, inviting }, by(ben)).activities;
    expect(others.map(({ mailbox: at }) => at)).toEqual([null, sales.id, support.id]);
    expect(changes.personInvite(team, { person: carl.id, inviting }, by(carl)).activities).toHaveLength(1);
  });

  test('in any order of any changes', () => {
    const id = <T extends { readonly id: string }>(list: readonly T[], n: number): string =>
      list[n % Math.max(1, list.length)]?.id ?? 'none';
    const step = fc.record({ verb: fc.nat(12), actor: fc.nat(9), a: fc.nat(9), b: fc.nat(9), bits: fc.integer({ min: 1, max: 7 }) });
    const run = (doc: Directory, { verb, actor, a, b, bits }: typeof step extends fc.Arbitrary<infer S> ? S : never): changes.Change => {
      const act = by({ id: id(doc.persons, actor) });
      const [box, who, group] = [id(doc.mailboxes, a), id(doc.persons, b), id(doc.roles, b)];
      const grantee = { id: bits % 2 ? who : group, kind: bits % 2 ? ('person' as const) : ('role' as const) };
      const operation = (['people.manage', 'audit.read', 'shared-mailbox.share', 'shared-mailbox.sync'] as const)[bits % 4] ?? 'audit.read';
      const given = { access: (bits & 1) > 0, send: (bits & 2) > 0, setup: (bits & 4) > 0, note: null };
      const verbs: (() => changes.Change)[] = [
        () => changes.grantSet(doc, { mailbox: box, grantee, ...given }, act),
        () => changes.grantAdd(doc, { mailbox: box, grantee, ...given, from: now + bits, until: now + 20 }, act),
        () => changes.grantRemove(doc, { mailbox: box, grantee, grant: null }, act),
        () => changes.roleMemberAdd(doc, { role: id(doc.roles, a), member: grantee }, act),
        () => changes.roleMemberRemove(doc, { role: id(doc.roles, a), member: grantee.id }, act),
        () => changes.personAllow(doc, { person: who, operation }, act),
        () => changes.personDeny(doc, { person: who, operation }, act),
        () => changes.roleAllow(doc, { role: group, operation }, act),
        () => changes.personDisable(doc, { person: who }, act),
        () => changes.personEnable(doc, { person: who }, act),
        () => changes.personRemove(doc, { person: who, successor: id(doc.persons, a) }, act),
        () => changes.mailboxShare(doc, { mailbox: box }, act),
        () => changes.mailboxTransfer(doc, { mailbox: box, person: who }, act),
      ];
      return verbs[verb]?.() ?? { doc, activities: [], id: null };
    };
    const asIfShared = (doc: Directory): Directory => ({ ...doc, mailboxes: doc.mailboxes.map((one) => ({ ...one, shared: true })) });
    let applied = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        let doc = team;
        for (const one of steps) {
          let change: changes.Change;
          try {
            change = run(doc, one);
          } catch (error) {
            if (error instanceof PostroomError) continue;
            throw error;
          }
          const actor = id(doc.persons, one.actor);
          expect(Directory.safeParse(change.doc).error).toBeUndefined();
          expect(difference(asIfShared(doc), asIfShared(change.doc), now, actor).filter(({ gains }) => gains.length > 0)).toEqual([]);
          const held = rightsIndex(doc).who(actor)?.operations ?? new Set();
          for (const operation of rightsIndex(change.doc).who(actor)?.operations ?? []) expect(held).toContain(operation);
          expect(change.doc.persons.some(({ id: who }) => rightsIndex(change.doc).holds(who, 'people.manage'))).toBe(true);
          // Whoever gained or lost something: that mailbox's owner is told.
          const told = new Set(change.activities.map(({ mailbox: at }) => at));
          for (const { mailbox: at } of difference(doc, change.doc, now)) expect(told).toContain(at);
          if (change.doc !== doc) applied++;
          doc = change.doc;
        }
      }),
      { numRuns: 300 },
    );
    expect(applied).toBeGreaterThan(300);
  });
});

describe('persons', () => {
  test('an invitation becomes a key once', async () => {
    const added = changes.personAdd(team, { name: 'emil', email: null, operations: ['audit.read'], inviting }, by(anna));
    const join = (doc: Directory, at: number, publicKey = keyOf(801)) =>
      changes.personJoin(doc, { oneTimeKey: inviting.publicKey, publicKey, label: 'laptop' }, { now: at, policy: changes.openPolicy });
    const joined = join(added.doc, now);
    expect(joined.doc.persons.at(-1)).toMatchObject({ name: 'emil', status: 'active', keys: [{ public: keyOf(801), revokedAt: null }] });
    expect(await messageOf(() => join(joined.doc, now))).toContain('used already');
    expect(await messageOf(() => join(added.doc, now + dayMs))).toContain('expired');
    expect(await messageOf(() => join(team, now))).toContain('not known');
    const disabled = changes.personDisable(added.doc, { person: added.id ?? '' }, by(ben));
    expect(await codeOf(() => join(disabled.doc, now))).toBe('unauthenticated');
    expect(await codeOf(() => join(added.doc, now, keyOf(0)))).toBe('invalid');
    expect(await codeOf(() => join(added.doc, now, inviting.publicKey))).toBe('invalid');
  });

  test('what a key of somebody else’s invitation leads to decides whether it waits', () => {
    const joined = (doc: Directory, inviter: { id: string }, whom: { id: string }) => {
      const invited = changes.personInvite(doc, { person: whom.id, inviting }, by(inviter)).doc;
      const asked = { oneTimeKey: inviting.publicKey, publicKey: keyOf(801), label: '' };
      const after = changes.personJoin(invited, asked, { now, policy: changes.openPolicy }).doc;
      return after.persons.find(({ id }) => id === whom.id)?.keys.at(-1)?.unconfirmed ?? false;
    };
    expect(joined(team, ben, dora)).toBe(false); // dora reaches nothing
    expect(joined(team, ben, carl)).toBe(true); // carl owns a mailbox and sets up another
    expect(joined(team, carl, carl)).toBe(false);
    expect(joined(team, ben, anna)).toBe(true); // operations count
    const given = (fields: Parameters<typeof grant>[3]): Directory => ({ ...team, grants: [grant(0, support, dora, fields)] });
    expect(joined(given({ until: now }), ben, dora)).toBe(false); // over
    expect(joined(given({ from: now + dayMs, until: now + 2 * dayMs }), ben, dora)).toBe(true); // to come
    expect(joined(given({ send: true }), anna, dora)).toBe(false); // anna owns it
    const both = { ...team, grants: [grant(0, support, dora, { send: true }), grant(1, support, ben, { send: true })] };
    expect(joined(both, ben, dora)).toBe(false);
    const less = { ...team, grants: [grant(0, support, dora, { send: true }), grant(1, support, ben, { send: true, until: now + dayMs })] };
    expect(joined(less, ben, dora)).toBe(true);
    const newcomer = (invitedBy: { id: string }) => ({ ...dora, keys: [], status: 'invited' as const, invitedBy: invitedBy.id });
    const come = (invitedBy: { id: string }) => ({ ...given({ send: true }), persons: [anna, ben, carl, newcomer(invitedBy)] });
    expect(joined(come(ben), ben, dora)).toBe(false); // a newcomer, who counts as ben
    expect(joined(come(carl), ben, dora)).toBe(true); // who does not
  });

  test('the last who manages people does not count with a key that waits', async () => {
    const waiting = { ...anna, keys: anna.keys.map((key) => ({ ...key, unconfirmed: true as const })) };
    const only = { ...team, persons: [waiting, ben, carl, dora] };
    expect(await codeOf(() => changes.personDisable(only, { person: ben.id }, by(ben)))).toBe('forbidden');
  });

  test('only people managers change people', async () => {
    expect(await codeOf(() => changes.personAdd(team, { name: 'emil', email: null, inviting }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.personInvite(team, { person: ben.id, inviting }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.keyRevoke(team, { key: idOf('k', 1) }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.keyRevoke(team, { key: idOf('k', 3) }, by(dora)))).toBe('done');
    expect(await codeOf(() => changes.keyRevoke(team, { key: idOf('k', 9) }, by(ben)))).toBe('not-found');
    expect(await codeOf(() => changes.roleAdd(team, { name: 'x' }, by({ id: idOf('p', 99) })))).toBe('unauthenticated');
  });

  test('names are one namespace, case apart', async () => {
    expect(await codeOf(() => changes.personAdd(team, { name: 'Agents', email: null, inviting }, by(ben)))).toBe('conflict');
    expect(await codeOf(() => changes.roleAdd(team, { name: 'ANNA' }, by(ben)))).toBe('conflict');
    expect(await codeOf(() => changes.roleAdd(team, { name: 'a\u001bb' }, by(ben)))).toBe('invalid');
  });

  test('the last who can manage people stays', async () => {
    const alone = changes.personDeny(team, { person: ben.id, operation: 'people.manage' }, by(anna)).doc;
    expect(await codeOf(() => changes.personDeny(alone, { person: anna.id, operation: 'people.manage' }, by(anna)))).toBe('forbidden');
    expect(await codeOf(() => changes.personDisable(alone, { person: anna.id }, by(anna)))).toBe('forbidden');
    expect(await codeOf(() => changes.personRemove(alone, { person: anna.id, successor: carl.id }, by(anna)))).toBe('forbidden');
    expect(await codeOf(() => changes.keyRevoke(alone, { key: idOf('k', 0) }, by(anna)))).toBe('forbidden');
    expect(await codeOf(() => changes.personDisable(team, { person: anna.id }, by(anna)))).toBe('done');
  });

  test('an owner goes only with a successor, and their name stays on what they did', async () => {
    const given = changes.grantSet(team, { mailbox: support.id, grantee: of(dora), ...full }, by(carl)).doc;
    expect(await codeOf(() => changes.personRemove(given, { person: carl.id, successor: null }, by(ben)))).toBe('invalid');
    const { doc, activities } = changes.personRemove(given, { person: carl.id, successor: dora.id }, by(ben));
    expect(doc.mailboxes.find(({ id }) => id === sales.id)?.owner).toBe(dora.id);
    expect(doc.former).toEqual([{ id: carl.id, name: 'carl', removedAt: now, heir: dora.id, mail: 'hold' }]);
    expect(doc.grants.some(({ by: giver }) => giver === carl.id)).toBe(true);
    expect(doc.roles.flatMap(({ members }) => members).some(({ id }) => id === carl.id)).toBe(false);
    expect(new Set(activities.map(({ mailbox: at }) => at))).toEqual(new Set([null, sales.id, support.id]));
    expect(Directory.safeParse(doc).success).toBe(true);
  });

  test('a cycle of roles is refused with the way round', async () => {
    expect(await messageOf(() => changes.roleMemberAdd(team, { role: leads.id, member: of(agents) }, by(ben)))).toContain('agents > leads');
    expect(await codeOf(() => changes.roleMemberAdd(team, { role: leads.id, member: of(leads) }, by(ben)))).toBe('invalid');
  });
});

describe('mailboxes', () => {
  const server: Server = { host: 'mail.example.net', port: 993, tls: 'implicit', user: 'dora', ca: null };
  const imap = { kind: 'imap', imap: server, smtp: { ...server, port: 465 }, secret: { kind: 'sealed', id: idOf('s', 0) } } as const;
  const asked = { address: 'dora@example.net', shared: false, ...imap };
  const boxIn = (change: changes.Change): Mailbox | undefined => change.doc.mailboxes.find(({ id }) => id === change.id);

  test('anybody adds a personal one and owns it; shared and hosted ones take operations', async () => {
    expect(boxIn(changes.mailboxAdd(team, asked, by(dora)))).toMatchObject({ owner: dora.id, shared: false, workFrom: now - 14 * dayMs });
    expect(await codeOf(() => changes.mailboxAdd(team, { ...asked, shared: true }, by(dora)))).toBe('forbidden');
    const hosted = { kind: 'hosted', address: 'info@example.org', shared: true } as const;
    expect(await codeOf(() => changes.mailboxAdd(team, { ...hosted, shared: false }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.mailboxAdd(team, hosted, by(anna)))).toBe('done');
    expect(await codeOf(() => changes.mailboxAdd(team, { ...hosted, address: 'info@elsewhere.net' }, by(anna)))).toBe('invalid');
  });

  test('an address belongs to one mailbox, and one of a hosted domain to a hosted one', async () => {
    expect(await codeOf(() => changes.mailboxAdd(team, { ...asked, aliases: ['DORA@example.net'] }, by(dora)))).toBe('invalid');
    expect(await codeOf(() => changes.mailboxAdd(team, { ...asked, address: 'BOX0@example.org' }, by(dora)))).toBe('invalid');
    expect(await codeOf(() => changes.mailboxAdd(team, { ...asked, address: 'ceo@example.org' }, by(dora)))).toBe('invalid');
    expect(await codeOf(() => changes.mailboxAdd(team, { ...asked, address: 'a@b\r\nRCPT TO:<c@d>' }, by(dora)))).toBe('invalid');
    const more = changes.addressAdd(team, { mailbox: support.id, alias: 'help@example.org' }, by(carl));
    expect(boxIn(more)?.addresses).toEqual([support.address, 'help@example.org']);
    expect(await codeOf(() => changes.addressRemove(more.doc, { mailbox: support.id, alias: support.address }, by(carl)))).toBe('invalid');
    expect(boxIn(changes.addressRemove(more.doc, { mailbox: support.id, alias: 'HELP@example.org' }, by(carl)))?.addresses).toEqual([
      support.address,
    ]);
  });

  test.each(Object.entries({ host: 'evil.example.net', port: 994, tls: 'starttls', user: 'other' }))(
    'another %s loses the secret, until it is entered again',
    (field, value) => {
      const added = changes.mailboxAdd(team, asked, by(dora));
      const edit = { mailbox: added.id ?? '', imap: { ...server, [field]: value } };
      expect(boxIn(changes.mailboxSet(added.doc, edit, by(dora)))).toMatchObject({ secret: null });
      expect(boxIn(changes.mailboxSet(added.doc, { mailbox: edit.mailbox, smtp: edit.imap }, by(dora)))).toMatchObject({ secret: null });
      const secret = { kind: 'sealed', id: idOf('s', 1) } as const;
      expect(boxIn(changes.mailboxSet(added.doc, { ...edit, secret }, by(dora)))).toMatchObject({ secret });
      const settings = { signature: 'Dora\nExample' };
      expect(boxIn(changes.mailboxSet(added.doc, { mailbox: edit.mailbox, settings, imap: server }, by(dora)))).toMatchObject({
        secret: asked.secret,
        settings: { signature: 'Dora\nExample', readState: 'on-reply-or-done' },
      });
    },
  );

  test('a trusted CA alone keeps the secret: the password goes where it went', () => {
    const added = changes.mailboxAdd(team, asked, by(dora));
    const edit = { mailbox: added.id ?? '', imap: { ...asked.imap, ca: 'PEM' }, smtp: { ...asked.smtp, ca: 'PEM' } };
    expect(boxIn(changes.mailboxSet(added.doc, edit, by(dora)))).toMatchObject({ secret: asked.secret, imap: { ca: 'PEM' } });
    const both = { ...edit, smtp: { ...edit.smtp, host: 'evil.example.net' } };
    expect(boxIn(changes.mailboxSet(added.doc, both, by(dora)))).toMatchObject({ secret: null });
  });

  test('the server of a shared mailbox takes an operation beside Setup', async () => {
    const added = changes.mailboxAdd(team, { ...asked, shared: true }, by(anna));
    const id = added.id ?? '';
    const { doc } = changes.grantSet(added.doc, { mailbox: id, grantee: of(dora), ...levels.manage, note: null }, by(anna));
    expect(await codeOf(() => changes.mailboxSet(doc, { mailbox: id, imap: { ...server, port: 1 } }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.mailboxSet(doc, { mailbox: id, secret: { kind: 'sealed', id: idOf('s', 2) } }, by(dora)))).toBe(
      'forbidden',
    );
    expect(await codeOf(() => changes.mailboxSet(doc, { mailbox: id, settings: { name: 'Help' } }, by(dora)))).toBe('done');
    expect(await codeOf(() => changes.mailboxShare(doc, { mailbox: id }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.mailboxUnshare(doc, { mailbox: id }, by(dora)))).toBe('forbidden');
    expect(await codeOf(() => changes.mailboxTransfer(doc, { mailbox: id, person: dora.id }, by(dora)))).toBe('forbidden');
  });

  describe('a secret command', () => {
    const secret = { kind: 'command', name: 'vault' } as const;
    const for_ = (who: { id: string }, ...hosts: string[]) => by(who, { commands: { vault: { hosts } } });
    const only = (...hosts: string[]) => for_(anna, ...hosts);
    const add = (more: object, act: changes.Act) => () => changes.mailboxAdd(team, { ...asked, secret, ...more }, act);
    const at = (host: string, more: object = {}) => ({ imap: { ...server, host, ...more }, smtp: { ...server, host, ...more } });

    test('goes only where the administrator says, over verified TLS or on this machine', async () => {
      expect(await codeOf(add({}, only('MAIL.example.net')))).toBe('done');
      const elsewhere = await messageOf(add({}, only('mail.example.com')));
      expect(elsewhere).toContain('mail.example.net');
      expect(elsewhere).not.toContain('vault');
      expect(await messageOf(add({}, only()))).toBe(elsewhere);
      expect(await messageOf(add({}, by(anna)))).toBe(elsewhere); // no command of the name: in the same words
      for (const half of ['imap', 'smtp'] as const)
        expect(await codeOf(add({ [half]: { ...server, host: 'evil.example' } }, only('mail.example.net')))).toBe('invalid');
      const other = { ...secret, name: '__proto__' };
      expect(await codeOf(add({ secret: other }, only('mail.example.net')))).toBe('invalid');

      const clear = (host: string) => at(host, { tls: 'none' });
      for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) expect(await codeOf(add(clear(host), only(host)))).toBe('done');
      for (const host of ['mail.example.net', '127.example.net', '::2', '10.0.0.1', '128.0.0.1'])
        expect(await messageOf(add(clear(host), only(host)))).toContain('over TLS');

      const added = changes.mailboxAdd(team, { ...asked, secret }, only('mail.example.net'));
      const moved = { mailbox: added.id ?? '', imap: { ...server, host: 'evil.example' }, secret };
      expect(await codeOf(() => changes.mailboxSet(added.doc, moved, only('mail.example.net')))).toBe('invalid');
    });

    test.each([
      ['mail.example.net:993', 'mail.example.net', 993, 'done'],
      ['mail.example.net:993', 'MAIL.example.net', 993, 'done'],
      ['mail.example.net:993', 'mail.example.net', 9930, 'invalid'],
      ['mail.example.net:993', 'mail.example.net.evil.example', 993, 'invalid'],
      ['127.0.0.1:993', '127.0.0.1', 4993, 'invalid'],
      ['127.0.0.1', '127.0.0.1', 4993, 'done'],
      ['[::1]:993', '::1', 993, 'done'],
      ['[::1]:993', '::1', 994, 'invalid'],
      ['[::1]', '::1', 994, 'done'],
      ['::1', '::1', 994, 'done'],
    ])('listed for %s, asked by a mailbox at %s port %i: %s', async (entry, host, port, code) => {
      expect(await codeOf(add(at(host, { port }), only(entry)))).toBe(code);
    });

    test('is for holders of shared-mailbox.sync, and nobody else learns whether there is one', async () => {
      const there = await messageOf(add({}, for_(dora, 'mail.example.net')));
      expect(await codeOf(add({}, for_(dora, 'mail.example.net')))).toBe('forbidden');
      expect(await messageOf(add({}, by(dora)))).toBe(there);
      expect(await messageOf(add({ secret: { ...secret, name: 'other' } }, for_(dora, 'mail.example.net')))).toBe(there);

      // Of a mailbox that has one, who may not choose it changes neither it nor the CA that its servers are trusted by.
      const act = only('mail.example.net');
      const mine = changes.mailboxAdd(team, { ...asked, secret }, act);
      const given = changes.mailboxTransfer(mine.doc, { mailbox: mine.id ?? '', person: dora.id }, act).doc;
      const dorasAct = for_(dora, 'mail.example.net');
      const set = (more: object) => codeOf(() => changes.mailboxSet(given, { mailbox: mine.id ?? '', ...more }, dorasAct));
      expect(await set({ imap: { ...server, ca: 'PEM' } })).toBe('forbidden');
      expect(await set({ secret: { ...secret, name: 'other' } })).toBe('forbidden');
      expect(await set({ secret: { kind: 'sealed', id: idOf('s', 4) } })).toBe('done');
      expect(await set({ imap: { ...server, host: 'evil.example' } })).toBe('done'); // without the password
      expect(await set({ settings: { name: 'Dora' } })).toBe('done');
    });
  });

  test('whoever has no right there is told what they would be told of a mailbox that never was', async () => {
    const there = await messageOf(() => changes.mailboxSet(team, { mailbox: sales.id, settings: {} }, by(anna)));
    expect(there).toBe(await messageOf(() => changes.mailboxSet(team, { mailbox: idOf('m', 99), settings: {} }, by(anna))));
    expect(await codeOf(() => changes.mailboxRemove(team, { mailbox: sales.id }, by(anna)))).toBe('not-found');
    expect(await codeOf(() => changes.mailboxRemove(team, { mailbox: support.id }, by(carl)))).toBe('forbidden');
    expect(await codeOf(() => changes.watchSet(team, { mailbox: support.id, level: 'all' }, by(carl)))).toBe('forbidden');
    expect(changes.watchSet(team, { mailbox: support.id, level: 'all' }, by(anna)).doc.watches).toHaveLength(1);
  });

  test('a transfer is the owner’s, and unshared grants stop counting', () => {
    const moved = changes.mailboxTransfer(team, { mailbox: support.id, person: ben.id }, by(anna)).doc;
    expect(rightsIndex(moved).surfaces(anna.id, support.id, now).any).toBe(false);
    expect(rightsIndex(moved).surfaces(ben.id, support.id, now).owner).toBe(true);
    const personal = changes.mailboxUnshare(team, { mailbox: support.id }, by(anna)).doc;
    expect(rightsIndex(personal).decide(carl.id, 'setup', support.id, now)).toEqual({ allow: false, why: 'not-shared' });
    expect(personal.grants).toHaveLength(2);
  });
});

describe('grants', () => {
  test('the standing one is set, dated ones stand beside it', async () => {
    const one = changes.grantSet(team, { mailbox: support.id, grantee: of(dora), ...full }, by(carl));
    const two = changes.grantSet(one.doc, { mailbox: support.id, grantee: of(dora), ...full, send: false }, { ...by(carl), now: now + 5 });
    expect(two.id).toBe(one.id);
    expect(two.doc.grants.at(-1)).toMatchObject({ access: true, send: false, at: now + 5, began: now });
    const three = changes.grantSet(two.doc, { mailbox: support.id, grantee: of(dora), ...full }, { ...by(carl), now: now + 9 });
    expect(three.doc.grants.at(-1)).toMatchObject({ send: true, began: now + 9 }); // unread begins when the panel opens
    const four = changes.grantAdd(three.doc, { mailbox: support.id, grantee: of(dora), ...full, from: null, until: now + dayMs }, by(carl));
    expect(four.activities[0]?.summary).toBe('gave dora Access + Send until 2025-06-16T15:06:40.000Z');
    const gone = changes.grantRemove(four.doc, { mailbox: support.id, grantee: of(dora), grant: four.id }, by(carl)).doc;
    expect(gone.grants).toHaveLength(3);
    expect(changes.grantRemove(four.doc, { mailbox: support.id, grantee: of(dora), grant: null }, by(carl)).doc.grants).toHaveLength(2);
    expect(await codeOf(() => changes.grantRemove(team, { mailbox: support.id, grantee: of(dora), grant: null }, by(carl)))).toBe(
      'not-found',
    );
  });

  test('nothing, and what has ended, is no grant', async () => {
    const nothing = { mailbox: support.id, grantee: of(dora), access: false, send: false, setup: false, note: null };
    expect(await codeOf(() => changes.grantSet(team, nothing, by(carl)))).toBe('invalid');
    const dated = { mailbox: support.id, grantee: of(dora), ...full };
    expect(await codeOf(() => changes.grantAdd(team, { ...dated, from: null, until: now }, by(carl)))).toBe('invalid');
    expect(await codeOf(() => changes.grantAdd(team, { ...dated, from: now + 9, until: now + 9 }, by(carl)))).toBe('invalid');
    expect(await codeOf(() => changes.grantSet(team, dated, by(dora)))).toBe('not-found');
  });

  test('two at once: the second gets the revision and what is there now', () => {
    const asked = { mailbox: support.id, grantee: of(dora), ...full, ifRevision: 1 };
    const { doc } = changes.grantSet(team, asked, by(carl));
    expect(() => changes.grantSet(doc, asked, by(anna))).toThrow(
      expect.objectContaining({
        code: 'conflict',
        details: expect.objectContaining({
          revision: 2,
          current: expect.objectContaining({
            grants: expect.arrayContaining([expect.objectContaining({ grantee: { kind: 'person', name: 'dora' } })]),
          }),
        }),
      }),
    );
  });

  test('sharing policy refuses with a reason', async () => {
    const asked = { mailbox: support.id, grantee: of(dora), ...full };
    const common = by(carl, { requireCommonRole: true });
    expect(await messageOf(() => changes.grantSet(team, asked, common))).toContain('in none together');
    const together = { ...team, roles: [...team.roles, role(4, [anna, dora]), role(5, [agents, anna])] };
    expect(await codeOf(() => changes.grantSet(together, asked, common))).toBe('done');
    expect(await codeOf(() => changes.grantSet(together, { ...asked, grantee: of(auditors) }, common))).toBe('forbidden');
    expect(await codeOf(() => changes.grantSet(together, { ...asked, grantee: of(agents) }, { ...common, actor: anna.id }))).toBe('done');
    const plans = by(anna, { plans: ['team'] });
    expect(await messageOf(() => changes.grantSet(team, asked, plans))).toContain('anna has none');
    const paid = changes.personSet(team, { person: anna.id, plan: 'team' }, by(ben)).doc;
    expect(await codeOf(() => changes.grantSet(paid, asked, plans))).toBe('done');
  });
});
