/** Rights that nobody uses: which request uses which right, how that is kept, and what is told of it to whom. */
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { type Surfaces, surfaces } from '../daemon/access/decide.ts';
import { dayOf, type Use, unused } from '../daemon/access/unused.ts';
import { silentLog } from '../daemon/log.ts';
import { rightUsed, Uses } from '../daemon/service/use.ts';
import type { RightUse } from '../daemon/store/types.ts';
import { type Method, methods } from '../protocol/methods.ts';
import type { MethodRow } from '../protocol/rows.ts';
import { eventually } from './support/eventually.ts';
import { outcome, type Postroom, startPostroom } from './support/postroom.ts';
import { storeStory } from './support/store.ts';

const day = 86_400_000;

describe('which right a request uses', () => {
  const box = { id: 'm', address: 'support@', owner: 'eva', shared: true, addedAt: 0 };
  const holding = (rights: string, person = 'ben'): Surfaces => {
    const grantee = { kind: 'person', id: person } as const;
    const given = { access: rights.includes('a'), send: rights.includes('s'), setup: rights.includes('u') };
    const grant = { id: 'g', mailbox: 'm', grantee, ...given, from: null, until: null, began: 0 };
    return surfaces({ person, disabled: false, roles: new Map(), operations: new Set() }, box, [grant], 1);
  };
  const used = (method: Method, rights: string): string => {
    const row: MethodRow = methods[method];
    return rightUsed(method, row.needs, holding(rights)) ?? '-';
  };

  test.each([
    ['conversation.list', 'as', 'access'],
    ['conversation.show', 'a', 'access'],
    ['conversation.show', 's', 'send'], // Send alone let them in
    ['conversation.show', 'asu', 'access'],
    ['timeline.mailbox', 'as', 'access'],
    ['mailbox.folders', 'as', 'access'],
    ['mailbox.watch', 'as', 'send'],
    ['outbox.send', 'as', 'send'],
    ['conversation.move', 's', 'send'],
    ['mailbox.set', 'asu', 'setup'],
    ['grant.set', 'u', 'setup'],
    ['mailbox.test', 'u', 'setup'],
    ['grant.matrix', 'asu', '-'], // only looked
    ['grant.preview', 'u', '-'],
    ['mailbox.show', 'asu', '-'], // any right does
    ['grant.explain', 'asu', '-'],
    ['panel.list', 'as', '-'], // over all mailboxes; one that is named is noted by its handler
  ] as const)('%s by a holder of %s: %s', (method, rights, wanted) => {
    expect(used(method, rights)).toBe(wanted);
  });

  test('an owner uses no grant; a right that is used is one that is held', () => {
    for (const method of Object.keys(methods) as Method[]) {
      const row: MethodRow = methods[method];
      expect(rightUsed(method, row.needs, holding('asu', 'eva'))).toBeNull();
      for (const rights of ['a', 's', 'u', 'as', 'au', 'su', 'asu']) {
        const held = holding(rights);
        if (row.needs.some((need) => need in held && !held[need as keyof Surfaces])) continue; // it would have been refused
        const letters = { access: 'a', send: 's', setup: 'u', '-': '' };
        expect(rights).toContain(letters[used(method, rights) as keyof typeof letters]);
      }
    }
  });
});

describe('what is unused', () => {
  const person = (id: string, status: 'active' | 'disabled' = 'active') => ({ id, name: id, status, operations: [] });
  const role = (id: string, ...members: (readonly [id: string, at: number])[]) => ({
    id,
    name: id,
    operations: [],
    members: members.map(([who, at]) => ({ kind: 'person' as const, id: who, at: at * day })),
  });
  const box = { id: 'm', address: 'support@', owner: 'eva', shared: true, addedAt: 0 };
  type Given = { at?: number; began?: number; from?: number; until?: number };
  const grant = (id: string, kind: 'person' | 'role', to: string, rights: string, given: Given = {}) => ({
    id,
    mailbox: 'm',
    grantee: { kind, id: to },
    access: rights.includes('a'),
    send: rights.includes('s'),
    setup: rights.includes('u'),
    from: given.from === undefined ? null : given.from * day,
    until: given.until === undefined ? null : given.until * day,
    at: (given.at ?? 0) * day,
    began: (given.began ?? given.at ?? 0) * day,
  });
  const use = (who: string, right: Use['right'], at: number): Use => ({ person: who, mailbox: 'm', right, at: at * day });
  /** On day 100, of 90 days, unless it says otherwise. */
  const found = (
    grants: readonly ReturnType<typeof grant>[],
    uses: readonly Use[],
    given: { roles?: ReturnType<typeof role>[]; watched?: number; shared?: boolean; persons?: ReturnType<typeof person>[] } = {},
  ) => {
    const { roles = [], watched = 0, shared = true, persons = ['eva', 'ben', 'li'].map((id) => person(id)) } = given;
    const facts = { persons, roles, mailboxes: [{ ...box, shared }], grants };
    const asked = { grants, uses, now: 100 * day, before: 10 * day, watchedSince: watched * day };
    return unused(facts, { ...box, shared }, asked).map(
      ({ grant: { id }, right, since, lastUsed, people }) =>
        `${id} ${right} since ${since / day} last ${lastUsed === null ? '-' : lastUsed / day} of ${people}`,
    );
  };

  test('a right on its own; used rights of the same grant are not told', () => {
    expect(found([grant('g', 'person', 'ben', 'asu')], [use('ben', 'access', 10), use('ben', 'setup', 9)])).toEqual([
      'g send since 0 last - of 1',
      'g setup since 0 last 9 of 1',
    ]);
  });

  test('one member who uses it is enough for a role, and for every grant that gave it to them', () => {
    const roles = [role('agents', ['ben', 0], ['li', 0])];
    const grants = [grant('r', 'role', 'agents', 'a'), grant('b', 'person', 'ben', 'a'), grant('l', 'person', 'li', 'a')];
    expect(found(grants, [use('ben', 'access', 50)], { roles })).toEqual(['l access since 0 last - of 1']);
    expect(found(grants, [], { roles })).toHaveLength(3);
  });

  test('what was used before somebody came in by a grant is no use of it', () => {
    const roles = [role('agents', ['ben', 60], ['li', 0])];
    const grants = [grant('r', 'role', 'agents', 'a')];
    expect(found(grants, [use('ben', 'access', 50)], { roles })).toEqual(['r access since 0 last - of 2']);
    expect(found(grants, [use('ben', 'access', 60)], { roles })).toEqual([]);
  });

  test('nothing younger is told: a grant, its last edit, its begin, a role whose members all came since, the watch itself', () => {
    expect(found([grant('g', 'person', 'ben', 'a', { at: 11 })], [])).toEqual([]);
    expect(found([grant('g', 'person', 'ben', 'a', { at: 10 })], [])).toHaveLength(1);
    expect(found([grant('g', 'person', 'ben', 'a', { at: 11, began: 0 })], [])).toEqual([]);
    expect(found([grant('g', 'person', 'ben', 'a', { from: 11, until: 200 })], [])).toEqual([]);
    expect(found([grant('g', 'role', 'agents', 'a')], [], { roles: [role('agents', ['ben', 11], ['li', 12])] })).toEqual([]);
    expect(found([grant('g', 'role', 'agents', 'a')], [], { roles: [role('agents', ['ben', 5], ['li', 12])] })).toHaveLength(1);
    expect(found([grant('g', 'person', 'ben', 'a')], [], { watched: 11 })).toEqual([]);
    expect(found([grant('g', 'person', 'ben', 'a')], [], { watched: 7 })).toEqual(['g access since 7 last - of 1']);
  });

  test('what gives nothing now is no grant to take away; an empty role is one that nobody uses', () => {
    expect(found([grant('g', 'person', 'ben', 'a', { until: 99 })], [])).toEqual([]);
    expect(found([grant('g', 'person', 'ben', 'a', { from: 101, until: 200 })], [])).toEqual([]);
    expect(found([grant('g', 'person', 'ben', 'a')], [], { shared: false })).toEqual([]);
    expect(found([grant('g', 'role', 'agents', 'a')], [], { roles: [role('agents')] })).toEqual(['g access since 0 last - of 0']);
  });

  test('the owner and the disabled hold nothing through a grant', () => {
    const roles = [role('agents', ['eva', 0], ['ben', 0])];
    const persons = [person('eva'), person('ben', 'disabled'), person('li')];
    const uses = [use('eva', 'access', 50), use('ben', 'access', 50)];
    expect(found([grant('g', 'role', 'agents', 'a')], uses, { roles, persons })).toEqual(['g access since 0 last - of 0']);
  });
});

describe('how uses are kept', () => {
  test('the last one stands; they go with the person and with the mailbox, and a mailbox that goes takes no more', async () => {
    await using story = await storeStory();
    const { store } = story;
    const note = (person: string, mailbox: string, at: number): RightUse => ({ person, mailbox, right: 'send', at });
    await store.noteUses([note('ann', 'support', 5), note('ben', 'support', 5), note('ann', 'sales', 5)]);
    await store.noteUses([note('ann', 'support', 3)]); // the clock went back
    const kept = async () => (await store.uses(['support', 'sales'])).map(({ person, mailbox, at }) => `${person} ${mailbox} ${at}`);
    expect(await kept()).toEqual(['ann sales 5', 'ann support 3', 'ben support 5']);
    expect(await store.uses(['sales'])).toEqual([note('ann', 'sales', 5)]);
    expect((await store.usersNoted()).sort()).toEqual(['ann', 'ben']);
    await store.forgetUses('ann');
    expect(await kept()).toEqual(['ben support 5']);
    await store.forgetMailbox('support');
    expect(await kept()).toEqual([]);
    const since = await store.watchedSince();
    expect(Math.abs(Date.now() - since)).toBeLessThan(600_000);
    expect(await store.check()).toEqual([]);
  });

  test('check names a watch without a begin, and uses of a mailbox that is being forgotten', async () => {
    await using story = await storeStory();
    const { store } = story;
    await store.noteUses([{ person: 'ann', mailbox: 'support', right: 'send', at: 5 }]);
    const since = await store.watchedSince();
    const db = new DatabaseSync(`${story.home}/mail.db`);
    try {
      db.exec("DELETE FROM right_watch; INSERT INTO forgetting (mailbox) VALUES ('support')");
      const broken = (await store.check()).join('\n');
      expect(broken).toContain('watched from one moment on');
      expect(broken).toContain('has no uses of its rights');
      await store.noteUses([{ person: 'ben', mailbox: 'support', right: 'send', at: 5 }]);
      expect((await store.uses(['support'])).map(({ person }) => person)).toEqual(['ann']); // none comes in any more
      db.prepare('INSERT INTO right_watch (since) VALUES (?)').run(since);
      db.exec('DELETE FROM forgetting');
    } finally {
      db.close();
    }
    expect(await store.check()).toEqual([]);
  });

  function uses() {
    const written: RightUse[][] = [];
    const on = { now: 10 * day, fails: false, gone: new Set<string>() };
    const there = (id: string) => (on.gone.has(id) ? undefined : { id });
    const log = new Uses({
      store: {
        noteUses: async (rows) => {
          if (on.fails) throw new Error('the disk is full');
          written.push([...rows]);
        },
      },
      directory: { snapshot: () => ({ person: there, mailbox: there }) } as never,
      now: () => on.now,
      log: silentLog(),
      waitMs: 5,
    });
    return { on, log, written, rows: () => written.flat().map(({ person, right, at }) => `${person} ${right} ${dayOf(at)}`) };
  }

  test('once for each person, right and day, together, without anybody asking for it', async () => {
    const { on, log, written, rows } = uses();
    for (let n = 0; n < 1_000; n++) {
      log.note('ben', 'm', 'access');
      log.note('li', 'm', 'send');
    }
    await eventually(() => expect(rows()).toEqual(['ben access 10', 'li send 10']));
    expect(written).toHaveLength(1);
    on.now += day / 2;
    log.note('ben', 'm', 'access');
    on.now += day / 2;
    log.note('ben', 'm', 'access');
    await log.close();
    expect(rows()).toEqual(['ben access 10', 'li send 10', 'ben access 11']);
  });

  test('what could not be written is written later; what went meanwhile is not', async () => {
    const { on, log, rows } = uses();
    on.fails = true;
    log.note('ben', 'm', 'access');
    log.note('li', 'm', 'access');
    await log.flush();
    expect(rows()).toEqual([]);
    on.fails = false;
    on.gone.add('li');
    await eventually(() => expect(rows()).toEqual(['ben access 10']));
    await log.close();
  });
});

describe('the report', () => {
  async function office() {
    const clock = { ahead: 0 };
    const postroom = await startPostroom({ now: () => Date.now() + clock.ahead });
    for (const name of ['ben', 'li', 'dora']) await postroom.person(name);
    await postroom.role('agents', 'ben', 'li');
    const mailbox = await postroom.mailbox('support');
    await postroom.grant('agents', mailbox, { access: true, send: true });
    await postroom.grant('dora', mailbox, { access: true, setup: true });
    await postroom.deliver(mailbox, {});
    return { postroom, mailbox, clock };
  }
  const report = async (postroom: Postroom, asked: { mailbox?: string; days?: number } = {}, who = 'dora') =>
    (await (await postroom.as(who)).call('grant.unused', asked)).rows.map(
      ({ grantee, right, lastUsed, people }) => `${grantee.name} ${right} ${lastUsed === null ? 'never' : 'once'} of ${people}`,
    );

  test('what nobody asked for through the protocol is unused, once it was watched and given for so long', async () => {
    const { postroom, mailbox, clock } = await office();
    await using _ = postroom;
    const [ben, dora] = [await postroom.as('ben'), await postroom.as('dora')];
    expect(await report(postroom, { mailbox })).toEqual([]);
    await ben.call('conversation.list', { mailbox });
    clock.ahead = 40 * day;
    expect(await report(postroom, { mailbox, days: 30 })).toEqual([
      'agents access once of 2',
      'agents send never of 2',
      'dora access never of 1',
      'dora setup never of 1',
    ]);
    expect(await report(postroom, { mailbox, days: 41 })).toEqual([]); // longer than it was watched
    const { rows, watchedSince, days } = await dora.call('grant.unused', { mailbox, days: 30 });
    expect(days).toBe(30);
    expect(rows.every(({ since }) => since >= watchedSince)).toBe(true);
    const cut = await dora.call('grant.unused', { mailbox, days: 30, limit: 3 });
    expect([cut.rows, cut.total]).toEqual([rows.slice(0, 3), 4]);
    expect(rows[0]).toMatchObject({ mailbox, grantee: { kind: 'role', name: 'agents' }, right: 'access', people: 2 });

    // Each of these uses one right; looking at the matrix and at the report uses none.
    await dora.call('grant.matrix', { mailbox });
    await ben.call('conversation.list', { mailbox });
    expect(await report(postroom, { days: 30 })).toEqual(['agents send never of 2', 'dora access never of 1', 'dora setup never of 1']);
    const li = await postroom.as('li');
    await li.call('panel.list', { mailbox, limit: 1 }); // for the counts beside its name
    await li.call('panel.list', {});
    expect(await report(postroom, { days: 30 })).toContain('agents send never of 2');
    await li.call('panel.list', { mailbox });
    expect(await report(postroom, { days: 30 })).toEqual(['dora access never of 1', 'dora setup never of 1']);
    await dora.call('mailbox.set', { mailbox, settings: { name: 'Support' } });
    await dora.call('timeline.mailbox', { mailbox });
    expect(await report(postroom, { days: 30 })).toEqual([]);
  });

  test('a refused request uses nothing; work from the panel uses Send; the owner uses no grant', async () => {
    const { postroom, mailbox, clock } = await office();
    await using _ = postroom;
    clock.ahead = 100 * day;
    const [eva, li] = [await postroom.as('eva'), await postroom.as('li')];
    const { conversation } = await postroom.newest(mailbox);
    await eva.call('mailbox.set', { mailbox, settings: { name: 'Support' } });
    expect(await outcome(li.call('mailbox.set', { mailbox, settings: { name: 'x' } }))).toBe('forbidden');
    expect(await outcome((await postroom.as('dora')).call('conversation.move', { conversation, to: { role: 'trash' } }))).toBe('forbidden');
    expect(await report(postroom)).toHaveLength(4);
    await li.call('conversation.mark', { conversation, as: 'done' });
    expect(await report(postroom)).toEqual(['dora access never of 1', 'dora setup never of 1']);
  });

  test('it outlives a restart, and goes with a person and with a mailbox', async () => {
    const { postroom, mailbox } = await office();
    await using _ = postroom;
    const sales = await postroom.mailbox('sales');
    await postroom.grant('ben', sales, { access: true });
    for (const name of ['ben', 'li']) await (await postroom.as(name)).call('timeline.mailbox', { mailbox });
    await (await postroom.as('ben')).call('timeline.mailbox', { mailbox: sales });
    await postroom.stopDaemon(); // what waits is written
    await postroom.startDaemon();
    const ids = postroom.daemon.world.directory.snapshot().directory.mailboxes.map(({ id }) => id);
    const nameOf = (id: string) => postroom.daemon.world.directory.snapshot().nameOf(id);
    const kept = async () => (await postroom.daemon.world.store.uses(ids)).map(({ person, right }) => `${nameOf(person)} ${right}`).sort();
    expect(await kept()).toEqual(['ben access', 'ben access', 'li access']);
    const eva = await postroom.as('eva');
    await eva.call('person.remove', { name: 'li' });
    await eventually(async () => expect(await kept()).toEqual(['ben access', 'ben access']));
    await eva.call('mailbox.remove', { mailbox });
    await eventually(async () => expect(await kept()).toEqual(['ben access']));
  });

  test('it tells of mailboxes whose Setup one holds, and of no other', async () => {
    const { postroom, mailbox, clock } = await office();
    await using _ = postroom;
    const sales = await postroom.mailbox('sales');
    await postroom.grant('ben', sales, { access: true });
    clock.ahead = 100 * day;
    expect(new Set((await (await postroom.as('eva')).call('grant.unused', {})).rows.map((row) => row.mailbox))).toEqual(
      new Set([mailbox, sales]),
    );
    expect(new Set((await (await postroom.as('dora')).call('grant.unused', {})).rows.map((row) => row.mailbox))).toEqual(
      new Set([mailbox]),
    );
    expect((await (await postroom.as('ben')).call('grant.unused', {})).rows).toEqual([]);
    expect(await outcome((await postroom.as('ben')).call('grant.unused', { mailbox }))).toBe('forbidden');
    expect(await outcome((await postroom.as('dora')).call('grant.unused', { mailbox: sales }))).toBe('not-found');
    for (const days of [0, 3_651, 1.5]) expect(await outcome((await postroom.as('eva')).call('grant.unused', { days }))).toBe('invalid');
  });
});
