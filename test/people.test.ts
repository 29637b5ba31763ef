/** People on a whole daemon: keys that somebody else invited, open invitations, roles looked at before they change, and a person who leaves. */
import { describe, expect, test } from 'vitest';
import * as changes from '../daemon/directory/changes.ts';
import { openDirectory } from '../daemon/directory/durable.ts';
import { grantsFile } from '../daemon/home.ts';
import { connect } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { decodeInvitation, fingerprint, type Identity, newKeyPair } from '../protocol/keys.ts';
import type { Result } from '../protocol/methods.ts';
import { domain, outcome, type Postroom, startPostroom } from './support/postroom.ts';

/** Turns an invitation into a key, as `postroom join` does. */
async function join(invitation: string): Promise<{ identity: Identity; joined: Result<'person.join'> }> {
  const open = decodeInvitation(invitation);
  const keys = newKeyPair();
  const guest = await connect({ invitation: open });
  try {
    const joined = await guest.call('person.join', { publicKey: keys.publicKey, label: 'second' });
    return { joined, identity: { person: joined.person.name, endpoint: open.endpoint, daemonKey: open.daemonKey, ...keys } };
  } finally {
    await guest.close();
  }
}

/** Whether a key opens a session. */
const signsIn = (identity: Identity): Promise<string> => outcome(connect({ identity }).then((client) => client.close()));

const refusal = (request: Promise<unknown>): Promise<PostroomError> =>
  request.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => {
      if (error instanceof PostroomError) return error;
      throw error;
    },
  );

/** eva holds everything and owns support; ben works there; pat and quinn manage people and hold nothing there. */
async function office(config: Record<string, unknown> = {}): Promise<Postroom> {
  const postroom = await startPostroom({ config });
  await postroom.person('ben');
  await postroom.person('li');
  await postroom.person('pat', ['people.manage']);
  await postroom.person('quinn', ['people.manage']);
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { access: true, send: true });
  return postroom;
}
const support = `support@${domain}`;

/** What the owner's timeline of the mailbox says was done by somebody: some time after it was done. */
async function told(postroom: Postroom, actor: string): Promise<string[]> {
  const { rows } = await (await postroom.as('eva')).call('timeline.mailbox', { mailbox: support });
  return rows.filter((row) => row.actor === actor).map(({ summary }) => summary);
}

describe('a key that somebody else invited', () => {
  test('opens nothing until its person or another people manager says that it is theirs, and the owner is told', async () => {
    await using postroom = await office();
    const [pat, quinn, ben] = [await postroom.as('pat'), await postroom.as('quinn'), await postroom.as('ben')];
    const invited = await pat.call('person.invite', { name: 'ben' });
    expect(invited.confirm).toBe(true);
    const { joined, identity } = await join(invited.invitation);
    expect(joined).toMatchObject({ person: { name: 'ben' }, waits: true });
    expect(await signsIn(identity)).toBe('unauthenticated');
    await expect.poll(() => told(postroom, 'pat')).toContain('invited one more key for ben');
    await expect.poll(() => told(postroom, 'ben')).toContain('ben joined with a key that has to be confirmed');

    const key = fingerprint(identity.publicKey);
    expect((await ben.call('key.list', {})).rows.find((row) => row.fingerprint === key)).toMatchObject({ invitedBy: 'pat', waits: true });
    expect((await refusal(pat.call('key.confirm', { fingerprint: key }))).details).toMatchObject({ why: 'own-reach' });
    expect(await outcome((await postroom.as('li')).call('key.confirm', { fingerprint: key }))).toBe('not-found');
    expect(await signsIn(identity)).toBe('unauthenticated');
    await quinn.call('key.confirm', { fingerprint: key });
    expect(await signsIn(identity)).toBe('yes');
    await expect.poll(() => told(postroom, 'quinn')).toContain('confirmed a key of ben');

    const again = await join((await pat.call('person.invite', { name: 'ben' })).invitation);
    await ben.call('key.confirm', { fingerprint: fingerprint(again.identity.publicKey) });
    expect(await signsIn(again.identity)).toBe('yes');
  });

  test('needs nobody where it leads to nothing that the inviter does not reach: for oneself, for a newcomer, by the owner of it all', async () => {
    await using postroom = await office();
    const [eva, pat, ben] = [await postroom.as('eva'), await postroom.as('pat'), await postroom.as('ben')];
    for (const [client, name] of [
      [ben, 'ben'],
      [eva, 'ben'],
      [pat, 'li'],
    ] as const) {
      const { invitation, confirm } = await client.call('person.invite', { name });
      expect([name, confirm]).toEqual([name, false]);
      expect(await signsIn((await join(invitation)).identity)).toBe('yes');
    }
    const zoe = await pat.call('person.add', { name: 'zoe' });
    expect(zoe.confirm).toBe(false);
    expect(await signsIn((await join(zoe.invitation)).identity)).toBe('yes');
  });

  test('what counts is what the person reaches when the key is made, not when it was invited', async () => {
    await using postroom = await office();
    const invited = await (await postroom.as('pat')).call('person.invite', { name: 'li' });
    expect(invited.confirm).toBe(false);
    await postroom.role('desk', 'li');
    await (await postroom.as('eva')).call('role.allow', { name: 'desk', operation: 'audit.read' });
    const { joined, identity } = await join(invited.invitation);
    expect(joined.waits).toBe(true);
    expect(await signsIn(identity)).toBe('unauthenticated');
  });

  test('that was planted before its person had rights ends its session when they come, at once', async () => {
    await using postroom = await office();
    const [eva, pat, li] = [await postroom.as('eva'), await postroom.as('pat'), await postroom.as('li')];
    const { identity, joined } = await join((await pat.call('person.invite', { name: 'li' })).invitation);
    expect(joined.waits).toBe(false);
    const over = Promise.withResolvers<string>();
    const planted = await connect({ identity, onEvent: (event) => event.name === 'session.ended' && over.resolve(event.payload.why) });
    expect(await outcome(planted.call('person.invite', { name: 'li' }))).toBe('forbidden');
    await eva.call('grant.set', { mailbox: support, grantee: 'li', access: true });
    expect(await over.promise).toContain('confirmed');
    await planted.close();
    expect(await signsIn(identity)).toBe('unauthenticated');
    expect((await li.call('mailbox.list', {})).rows).toHaveLength(1);
    await li.call('key.confirm', { fingerprint: fingerprint(identity.publicKey) });
    expect(await signsIn(identity)).toBe('yes');
  });

  test('two devices, revoked one by one; fingerprints of both ends can be compared', async () => {
    await using postroom = await office();
    const ben = await postroom.as('ben');
    const second = await join((await ben.call('person.invite', { name: 'ben' })).invitation);
    const laptop = await connect({ identity: second.identity });
    const me = await laptop.call('session.whoami', {});
    expect(me.fingerprint).toBe(fingerprint(second.identity.publicKey));
    expect(me.daemon.fingerprint).toBe(fingerprint(second.identity.daemonKey));
    await ben.call('key.revoke', { fingerprint: me.fingerprint });
    await laptop.close();
    expect(await signsIn(second.identity)).toBe('unauthenticated');
    expect(await outcome(ben.call('session.whoami', {}))).toBe('yes');
    expect(await outcome(ben.call('key.confirm', { fingerprint: me.fingerprint }))).toBe('not-found');
  });
});

describe('invitations', () => {
  test('open ones are listed for whom they concern, and withdrawn', async () => {
    await using postroom = await office();
    const [pat, ben, li] = [await postroom.as('pat'), await postroom.as('ben'), await postroom.as('li')];
    const zoe = await pat.call('person.add', { name: 'zoe' });
    await ben.call('person.invite', { name: 'ben' });
    const { rows } = await pat.call('invitation.list', {});
    expect(rows.map(({ person, by, newcomer }) => [person, by, newcomer])).toEqual([
      ['zoe', 'pat', true],
      ['ben', 'ben', false],
    ]);
    expect((await ben.call('invitation.list', {})).rows.map(({ person }) => person)).toEqual(['ben']);
    expect((await li.call('invitation.list', {})).rows).toEqual([]);
    const [first, second] = rows.map(({ id }) => id);
    const foreign = await refusal(li.call('invitation.withdraw', { invitation: first ?? '' }));
    const missing = await refusal(li.call('invitation.withdraw', { invitation: 'i_none' }));
    expect([foreign.code, foreign.message, foreign.details]).toEqual([missing.code, missing.message, missing.details]);
    await pat.call('invitation.withdraw', { invitation: first ?? '' });
    await ben.call('invitation.withdraw', { invitation: second ?? '' });
    expect(await outcome(join(zoe.invitation))).toBe('unauthenticated');
    expect((await pat.call('invitation.list', {})).rows).toEqual([]);
  });

  test('one ends after 24 hours, is used once, and goes with whoever made it', async () => {
    let now = Date.now();
    await using postroom = await startPostroom({ now: () => now });
    await postroom.person('pat', ['people.manage']);
    const pat = await postroom.as('pat');
    const [late, used, orphan] = [
      await pat.call('person.add', { name: 'zoe' }),
      await pat.call('person.invite', { name: 'zoe' }),
      await pat.call('person.add', { name: 'max' }),
    ];
    await join(used.invitation);
    expect(await outcome(join(used.invitation))).toBe('unauthenticated');
    await (await postroom.as('eva')).call('person.disable', { name: 'pat' });
    expect((await refusal(join(orphan.invitation))).message).toContain('from somebody who is not here any more');
    await (await postroom.as('eva')).call('person.enable', { name: 'pat' });
    now += 24 * 3_600_000;
    expect(await outcome(join(late.invitation))).toBe('unauthenticated');
    expect((await (await postroom.as('eva')).call('invitation.list', {})).rows).toEqual([]);
  });
});

describe('a person whom somebody invented', () => {
  test('counts as whoever invited them until somebody else who manages people has confirmed them', async () => {
    await using postroom = await office();
    await postroom.role('agents', 'ben');
    await postroom.grant('agents', support, { access: true });
    const [pat, quinn] = [await postroom.as('pat'), await postroom.as('quinn')];
    const { identity } = await join((await pat.call('person.add', { name: 'zoe', operations: ['people.manage'] })).invitation);
    const zoe = await connect({ identity });
    const refused = await refusal(pat.call('role.member.add', { role: 'agents', member: 'zoe' }));
    expect(refused).toMatchObject({ code: 'forbidden', details: { why: 'own-reach', hidden: 1, mailboxes: [] } });
    expect(refused.message).toContain('postroom person confirm zoe');
    expect((await pat.call('role.preview', { role: 'agents', edit: 'join', member: 'zoe' })).refused).toMatchObject({ why: 'own-reach' });
    expect((await refusal(zoe.call('role.member.add', { role: 'agents', member: 'pat' }))).details).toMatchObject({ why: 'own-reach' });
    for (const [client, name] of [
      [pat, 'zoe'],
      [zoe, 'zoe'],
      [zoe, 'pat'],
    ] as const)
      expect((await refusal(client.call('person.confirm', { name }))).details).toMatchObject({ why: 'own-reach' });
    expect(await outcome((await postroom.as('li')).call('person.confirm', { name: 'zoe' }))).toBe('forbidden');
    expect((await quinn.call('person.show', { name: 'zoe' })).countsAs).toEqual(['pat', 'eva']);
    expect((await (await postroom.as('li')).call('person.show', { name: 'zoe' })).countsAs).toEqual([]);

    await quinn.call('person.confirm', { name: 'zoe' });
    expect((await quinn.call('person.show', { name: 'zoe' })).countsAs).toEqual(['eva']);
    await pat.call('role.member.add', { role: 'agents', member: 'zoe' });
    expect((await zoe.call('mailbox.list', {})).rows.map(({ address }) => address)).toEqual([support]);
    await zoe.close();
    await expect.poll(async () => (await (await postroom.as('eva')).call('audit.list', { action: 'person.confirm' })).rows.length).toBe(1);
  });
});

describe('roles', () => {
  test('show whom they come to through what; a change is looked at before', async () => {
    await using postroom = await office();
    const [eva, pat] = [await postroom.as('eva'), await postroom.as('pat')];
    await postroom.role('agents', 'ben', 'li');
    await postroom.role('staff', 'agents', 'quinn');
    await postroom.grant('staff', support, { access: true, send: true });
    await eva.call('role.allow', { name: 'staff', operation: 'audit.read' });

    const seen = await eva.call('role.show', { name: 'staff' });
    expect(seen.effective.map(({ person, via }) => [person, via])).toEqual([
      ['ben', ['agents']],
      ['li', ['agents']],
      ['quinn', []],
    ]);
    expect(seen.carries).toMatchObject([{ mailbox: support, access: true, send: true, setup: false }]);
    expect((await eva.call('role.show', { name: 'agents' })).within).toEqual(['staff']);
    const hidden = await pat.call('role.show', { name: 'staff' });
    expect([hidden.carries, hidden.carriesHidden]).toEqual([[], 1]);

    const gone = await eva.call('role.preview', { role: 'staff', edit: 'remove' });
    expect(gone.reach).toEqual([
      { person: 'li', mailbox: support, mailboxes: 1, gains: [], loses: ['panel', 'timeline', 'send'] },
      { person: 'quinn', mailbox: support, mailboxes: 1, gains: [], loses: ['panel', 'timeline', 'send'] },
    ]); // ben keeps what is his own
    expect(gone.operations.map(({ person, loses }) => [person, loses])).toEqual(
      ['ben', 'li', 'quinn'].map((name) => [name, ['audit.read']]),
    );
    expect(gone.grants).toBe(1);
    const out = await pat.call('role.preview', { role: 'agents', edit: 'leave', member: 'li' });
    expect(out.reach).toEqual([{ person: 'li', mailbox: null, mailboxes: 1, gains: [], loses: [] }]);
    const own = await pat.call('role.preview', { role: 'agents', edit: 'join', member: 'pat' });
    expect(own.refused?.why).toBe('own-reach');
    expect(JSON.stringify([out, own, hidden])).not.toContain(support);
    expect((await eva.call('role.preview', { role: 'agents', edit: 'join', member: 'staff' })).refused?.message).toContain(
      'is in staff already',
    );
    expect((await eva.call('role.show', { name: 'staff' })).people).toEqual(['ben', 'li', 'quinn']); // nothing was written
  });
});

describe('sharing', () => {
  test('setting up a shared mailbox takes both operations, from oneself or through roles, and the refusal names what is missing', async () => {
    await using postroom = await startPostroom();
    await postroom.person('ben');
    await postroom.role('sharers', 'ben');
    await postroom.role('setup', 'sharers');
    const [eva, ben] = [await postroom.as('eva'), await postroom.as('ben')];
    const box = await postroom.mailbox('support', { shared: false });
    await eva.call('mailbox.transfer', { mailbox: box, person: 'ben' });
    const missing = async () => (await refusal(ben.call('mailbox.share', { mailbox: box }))).details.operations;
    expect(await missing()).toEqual(['shared-mailbox.share', 'shared-mailbox.sync']);
    await eva.call('person.allow', { name: 'ben', operation: 'shared-mailbox.share' });
    expect(await missing()).toEqual(['shared-mailbox.sync']);
    await eva.call('person.deny', { name: 'ben', operation: 'shared-mailbox.share' });
    await eva.call('role.allow', { name: 'setup', operation: 'shared-mailbox.sync' });
    expect((await refusal(ben.call('mailbox.share', { mailbox: box }))).message).toMatch(/^This needs shared-mailbox.share\. /);
    await eva.call('role.allow', { name: 'sharers', operation: 'shared-mailbox.share' });
    await ben.call('mailbox.share', { mailbox: box });
    await ben.call('grant.set', { mailbox: box, grantee: 'eva', access: true });
    expect(await outcome(eva.call('mailbox.folders', { mailbox: box }))).toBe('yes');
    await ben.call('mailbox.unshare', { mailbox: box });
    expect(await outcome(eva.call('mailbox.folders', { mailbox: box }))).toBe('not-found');
    const kept = await ben.call('grant.list', { mailbox: box });
    expect([kept.shared, kept.rows.map(({ grantee }) => grantee.name)]).toEqual([false, ['eva']]);
    expect((await ben.call('grant.explain', { mailbox: box, person: 'eva' })).denied).toContainEqual({
      right: 'access',
      why: 'not-shared',
      through: [{ via: ['person eva'], from: null, until: null, grant: kept.rows[0]?.id }],
    });
    expect((await ben.call('grant.matrix', { mailbox: box })).shared).toBe(false);
  });

  test('a policy refuses in words that name the rule; what was given before counts and is shown with it', async () => {
    await using postroom = await startPostroom({ config: { sharing: { requireCommonRole: true, plans: ['team'] } } });
    const eva = await postroom.as('eva');
    await postroom.person('ben');
    await postroom.person('li');
    expect((await refusal(eva.call('mailbox.add', { address: support, shared: true }))).message).toContain('sharing.plans');
    await eva.call('person.set', { name: 'eva', plan: 'team' });
    await postroom.mailbox('support');
    const grant = () => eva.call('grant.set', { mailbox: support, grantee: 'ben', access: true, send: true });
    expect((await refusal(grant())).message).toContain('sharing.requireCommonRole');
    await postroom.role('desk', 'eva', 'ben');
    expect((await grant()).rows).toMatchObject([{ policy: null }]);

    await eva.call('role.member.remove', { role: 'desk', member: 'ben' });
    expect((await eva.call('grant.list', { mailbox: support })).rows[0]?.policy).toContain('sharing.requireCommonRole');
    expect(await outcome((await postroom.as('ben')).call('mailbox.folders', { mailbox: support }))).toBe('yes');
    const why = async () => (await eva.call('grant.explain', { mailbox: support, person: 'ben' })).because;
    expect((await why()).map(({ right, policy }) => [right, policy?.includes('sharing.requireCommonRole')])).toEqual([
      ['access', true],
      ['send', true],
    ]);
    await eva.call('mailbox.unshare', { mailbox: support });
    expect((await refusal(eva.call('mailbox.share', { mailbox: support }))).message).toContain('would be in none with ben');
    await eva.call('role.member.add', { role: 'desk', member: 'ben' });
    await eva.call('mailbox.share', { mailbox: support });
    expect((await why()).map(({ policy }) => policy)).toEqual([null, null]);
    // Whoever gets it has to be able to share it as it is.
    expect((await refusal(eva.call('mailbox.transfer', { mailbox: support, person: 'li' }))).message).toContain('li has none');
    await eva.call('person.set', { name: 'li', plan: 'team' });
    expect((await refusal(eva.call('mailbox.transfer', { mailbox: support, person: 'li' }))).message).toContain('in none with ben');
    await eva.call('role.member.add', { role: 'desk', member: 'li' });
    await eva.call('mailbox.transfer', { mailbox: support, person: 'li' });
    expect(await outcome(eva.call('mailbox.folders', { mailbox: support }))).toBe('not-found'); // what the owner had was ownership
  });

  test('a mailbox goes only from its owner, and only to somebody who has joined', async () => {
    await using postroom = await office();
    const eva = await postroom.as('eva');
    await eva.call('grant.set', { mailbox: support, grantee: 'li', access: true, send: true, setup: true });
    expect(await outcome((await postroom.as('li')).call('mailbox.transfer', { mailbox: support, person: 'li' }))).toBe('forbidden');
    await eva.call('person.add', { name: 'zoe' });
    expect((await refusal(eva.call('mailbox.transfer', { mailbox: support, person: 'zoe' }))).message).toContain('has not joined yet');
    await eva.call('grant.set', { mailbox: support, grantee: 'eva', access: true });
    await eva.call('mailbox.transfer', { mailbox: support, person: 'li' });
    expect((await eva.call('mailbox.show', { mailbox: support })).rights).toEqual({
      panel: false,
      timeline: true,
      send: false,
      settings: false,
    });
  });
});

describe('a person who leaves', () => {
  /** ben owns a box that pat cannot see, has two conversations in support and one in sales, and a mail that waits. */
  async function busy(postroom: Postroom): Promise<{ support: string; sales: string; outbox: string }> {
    const [eva, ben] = [await postroom.as('eva'), await postroom.as('ben')];
    const sales = await postroom.mailbox('sales');
    const bens = await postroom.mailbox('ben', { shared: false });
    await postroom.grant('ben', sales, { send: true });
    await eva.call('mailbox.transfer', { mailbox: bens, person: 'ben' });
    await postroom.grant('li', support, { send: true });
    await postroom.role('agents', 'ben');
    const conversations: string[] = [];
    for (const mailbox of [support, sales]) {
      await postroom.deliver(mailbox, {});
      const { conversation } = await postroom.newest(mailbox);
      await ben.call('conversation.take', { conversation });
      conversations.push(conversation);
    }
    const later = { from: support, to: sales, subject: 'Later', body: 'x', at: '2099-01-01T00:00:00.000Z' };
    const { outbox } = await ben.call('outbox.send', later);
    const [first = '', second = ''] = conversations;
    return { support: first, sales: second, outbox: outbox ?? '' };
  }

  test('everything that hangs on them is shown, what the asker cannot see as a number, and nothing is removed without a choice', async () => {
    await using postroom = await office();
    await busy(postroom);
    const pat = await postroom.as('pat');
    const leaving = await pat.call('person.leaving', { name: 'ben' });
    expect(leaving).toMatchObject({
      owns: [],
      ownsHidden: 1,
      assigned: 2,
      snoozed: 0,
      handed: 0,
      unsent: 1,
      roles: ['agents'],
      operations: [],
      keys: 1,
      grants: [],
      grantsHidden: 2,
      wants: ['mailboxes', 'work', 'mail'],
    });
    expect(JSON.stringify(leaving)).not.toContain(domain);
    const refused = await refusal(pat.call('person.remove', { name: 'ben' }));
    expect(refused.message).toMatch(/owns 1 mailbox: .*--successor.*2 conversations.*--release.*1 mail that/);
    expect(refused.details.leaving).toMatchObject({ wants: ['mailboxes', 'work', 'mail'] });
    expect(await outcome(pat.call('person.remove', { name: 'ben', release: true }))).toBe('invalid'); // a mailbox is never without an owner
    const own = await pat.call('person.leaving', { name: 'ben', successor: 'pat' });
    expect(own.refused).toMatchObject({ why: 'own-reach' });
    expect(await outcome(pat.call('person.remove', { name: 'ben', successor: 'pat' }))).toBe('forbidden');
    expect((await (await postroom.as('eva')).call('person.leaving', { name: 'ben' })).grants).toMatchObject([
      { mailbox: support, access: true, send: true },
      { mailbox: `sales@${domain}`, access: false, send: true },
    ]);
  });

  test('a successor gets the mailboxes and the conversations where they may send; mail is held and shown; the name stays', async () => {
    await using postroom = await office();
    const at = await busy(postroom);
    const [eva, pat, li] = [await postroom.as('eva'), await postroom.as('pat'), await postroom.as('li')];
    await (await postroom.as('ben')).call('conversation.note', { conversation: at.support, text: 'I called them' });
    expect(await pat.call('person.leaving', { name: 'ben', successor: 'li' })).toMatchObject({ handed: 1, wants: [], refused: null });
    await pat.call('person.remove', { name: 'ben', successor: 'li' });
    expect((await li.call('mailbox.list', {})).rows.map(({ address, owner }) => [address, owner])).toEqual([
      [`ben@${domain}`, 'li'],
      [support, 'eva'],
    ]);
    const shown = await eva.call('conversation.show', { conversation: at.support });
    expect([shown.assignee?.name, shown.notes[0]?.author]).toEqual(['li', 'ben']);
    expect((await eva.call('conversation.show', { conversation: at.sales })).assignee).toBeNull();
    expect(await eva.call('outbox.show', { outbox: at.outbox })).toMatchObject({
      state: 'held',
      heldFor: 'right',
      author: 'ben',
      lastError: expect.stringContaining('ben, left'),
    });
    expect((await refusal(eva.call('person.add', { name: 'Ben' }))).code).toBe('conflict');
    expect((await refusal(eva.call('role.add', { name: 'ben' }))).message).toContain('their name stays');
    expect(await outcome(eva.call('outbox.cancel', { outbox: at.outbox }))).toBe('yes');
  });

  test('work is given back to the team and mail taken back when that is chosen', async () => {
    await using postroom = await office();
    const at = await busy(postroom);
    const [eva, pat] = [await postroom.as('eva'), await postroom.as('pat')];
    await pat.call('person.remove', { name: 'ben', successor: 'li', release: true, mail: 'cancel' });
    expect((await eva.call('conversation.show', { conversation: at.support })).assignee).toBeNull();
    expect((await eva.call('outbox.show', { outbox: at.outbox })).state).toBe('cancelled');
  });

  test('a crash between the directory and the store leaves nothing undone', async () => {
    await using postroom = await office();
    const at = await busy(postroom);
    // As after a crash: the directory has forgotten ben, the store has not.
    await postroom.stopDaemon();
    const directory = await openDirectory(grantsFile(postroom.places));
    const id = (name: string) => directory.snapshot().personByName(name)?.id ?? '';
    const [ben, li, pat] = [id('ben'), id('li'), id('pat')];
    await directory.change((doc, now) =>
      changes.personRemove(doc, { person: ben, successor: li }, { actor: pat, now, policy: changes.openPolicy }),
    );
    await postroom.startDaemon();
    await postroom.daemon.world.rightsSettled();
    const again = await postroom.connect('eva');
    expect((await again.call('conversation.show', { conversation: at.support })).assignee?.name).toBe('li');
    expect((await again.call('conversation.show', { conversation: at.sales })).assignee).toBeNull();
    expect((await again.call('outbox.show', { outbox: at.outbox })).heldFor).toBe('right');
    await again.close();
  });
});
