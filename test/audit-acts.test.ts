/** What the audit journal has of everything that can be asked of a daemon: who, from where, what; once, whatever is killed; and no secret. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Client, connect } from '../protocol/client.ts';
import type { PostroomError } from '../protocol/errors.ts';
import { decodeInvitation, fingerprint, newKeyPair } from '../protocol/keys.ts';
import { type Method, methods, type Params, type Result } from '../protocol/methods.ts';
import { eventually } from './support/eventually.ts';
import { domain, outcome, type Postroom, startPostroom } from './support/postroom.ts';
import { DaemonProcess } from './support/process.ts';

type At = {
  mailbox: string;
  spare: string;
  conversation: string;
  held: string;
  again: string;
  lost: string;
  key: string;
  waiting: string;
  invitation: string;
};
type Expected<M extends Method> = { asks: (at: At) => Params<M>; acts: readonly string[] };

/** A method that changes nothing anybody must answer for is null; asked by eva in this order. A new row of the protocol must say which it is. */
const expected: { [M in Method]: Expected<M> | null } = {
  'session.whoami': null,
  'daemon.status': null,
  'daemon.doctor': null,
  'person.join': null, // below: it is done by whoever joins
  'person.add': { asks: () => ({ name: 'zoe', email: `zoe@${domain}` }), acts: ['person.add zoe'] },
  'person.invite': { asks: () => ({ name: 'zoe' }), acts: ['person.invite zoe'] },
  'person.list': null,
  'person.show': null,
  'person.set': { asks: () => ({ name: 'zoe', plan: 'team' }), acts: ['person.set zoe'] },
  'person.disable': { asks: () => ({ name: 'zoe' }), acts: ['person.disable zoe'] },
  'person.confirm': { asks: () => ({ name: 'max' }), acts: ['person.confirm max'] }, // ben invited max,
  'person.enable': { asks: () => ({ name: 'zoe' }), acts: ['person.enable zoe'] },
  'person.allow': { asks: () => ({ name: 'zoe', operation: 'audit.read' }), acts: ['person.allow zoe'] },
  'person.deny': { asks: () => ({ name: 'zoe', operation: 'audit.read' }), acts: ['person.deny zoe'] },
  'person.remove': { asks: () => ({ name: 'zoe' }), acts: ['person.remove zoe'] },
  'person.leaving': null,
  'key.list': null,
  'key.confirm': { asks: (at) => ({ fingerprint: at.waiting }), acts: ['key.confirm li'] },
  'key.revoke': { asks: (at) => ({ fingerprint: at.key }), acts: ['key.revoke li'] },
  'invitation.list': null,
  'invitation.withdraw': { asks: (at) => ({ invitation: at.invitation }), acts: ['invitation.withdraw ben'] },
  'role.add': { asks: () => ({ name: 'leads' }), acts: ['role.add leads'] },
  'role.list': null,
  'role.show': null,
  'role.preview': null,
  'role.member.add': { asks: () => ({ role: 'leads', member: 'ben' }), acts: ['role.member.add leads'] },
  'role.member.remove': { asks: () => ({ role: 'leads', member: 'ben' }), acts: ['role.member.remove leads'] },
  'role.allow': { asks: () => ({ name: 'leads', operation: 'audit.read' }), acts: ['role.allow leads'] },
  'role.deny': { asks: () => ({ name: 'leads', operation: 'audit.read' }), acts: ['role.deny leads'] },
  'role.remove': { asks: () => ({ name: 'leads' }), acts: ['role.remove leads'] },
  'mailbox.add': { asks: () => ({ address: `orders@${domain}`, shared: true }), acts: [`mailbox.add orders@${domain}`] },
  'mailbox.list': null,
  'mailbox.show': null,
  'mailbox.set': { asks: (at) => ({ mailbox: at.mailbox, settings: { name: 'Support' } }), acts: [`mailbox.set support@${domain}`] },
  'mailbox.history': null, // what holders of Setup may know anyway: no look at the journal
  'mailbox.test': null,
  'mailbox.unshare': { asks: (at) => ({ mailbox: at.spare }), acts: [`mailbox.unshare sales@${domain}`] },
  'mailbox.share': { asks: (at) => ({ mailbox: at.spare }), acts: [`mailbox.share sales@${domain}`] },
  'mailbox.address.add': {
    asks: (at) => ({ mailbox: at.mailbox, alias: `help@${domain}` }),
    acts: [`mailbox.address.add support@${domain}`],
  },
  'mailbox.address.remove': {
    asks: (at) => ({ mailbox: at.mailbox, alias: `help@${domain}` }),
    acts: [`mailbox.address.remove support@${domain}`],
  },
  'mailbox.sync': null,
  'mailbox.folders': null,
  'mailbox.watch': null, // one's own counts; nobody's rights
  'grant.set': { asks: (at) => ({ mailbox: at.mailbox, grantee: 'ben', access: true }), acts: ['grant.set ben'] },
  'grant.add': {
    asks: (at) => ({ mailbox: at.mailbox, grantee: 'ben', send: true, until: '2099-01-01T00:00:00.000Z' }),
    acts: ['grant.add ben'],
  },
  'grant.list': null,
  'grant.matrix': null,
  'grant.preview': null,
  'grant.write': {
    asks: (at) => ({
      mailbox: at.mailbox,
      edits: [
        { kind: 'set', grantee: 'ben', access: true, send: true, setup: false },
        { kind: 'set', grantee: 'li', access: true, send: false, setup: false },
      ],
    }),
    acts: ['grant.set ben', 'grant.set li'],
  },
  'grant.explain': null,
  'grant.unused': null,
  'grant.remove': { asks: (at) => ({ mailbox: at.mailbox, grantee: 'ben' }), acts: ['grant.remove ben'] },
  'panel.list': null,
  'conversation.list': null,
  'folder.list': null,
  'conversation.show': null,
  'message.raw': null,
  'message.attachment': null,
  // The team's work is told by timelines.
  'conversation.mark': null,
  'conversation.take': null,
  'conversation.release': null,
  'conversation.assignees': null,
  'conversation.assign': null,
  'conversation.note': null,
  'conversation.move': null,
  'timeline.mailbox': null,
  'timeline.conversation': null,
  'timeline.contact': null,
  'audit.list': { asks: () => ({ action: 'role' }), acts: ['audit.open audit'] },
  'audit.verify': { asks: () => ({}), acts: ['audit.verify audit'] },
  'search.run': null,
  'compose.from': null,
  'compose.again': null,
  'compose.reply': null,
  'outbox.send': {
    asks: (at) => ({ from: at.mailbox, to: at.spare, subject: 'canary subject', body: 'canary body' }),
    acts: ['outbox.send <>'],
  },
  'outbox.list': null,
  'outbox.show': null,
  'outbox.cancel': { asks: (at) => ({ outbox: at.held }), acts: ['outbox.cancel <>'] },
  'outbox.retry': { asks: (at) => ({ outbox: at.again }), acts: ['outbox.retry <>'] },
  'outbox.settle': { asks: (at) => ({ outbox: at.lost }), acts: ['outbox.settle <>'] },
  'mailbox.transfer': { asks: (at) => ({ mailbox: at.spare, person: 'ben' }), acts: [`mailbox.transfer sales@${domain}`] },
  'mailbox.remove': { asks: (at) => ({ mailbox: at.mailbox }), acts: [`mailbox.remove support@${domain}`] },
};

/** Everything, oldest first; looks by the store, so that looking leaves no line. */
const journal = (postroom: Postroom) => {
  const filter = { mailbox: null, persons: null, since: null, until: null, action: null };
  return postroom.daemon.world.store.audit({ filter, before: null, after: null, oldestFirst: true, limit: 10_000 });
};
const actOf = ({ action, subject }: Record<'action' | 'subject', string>): string =>
  `${action} ${action.startsWith('outbox.') ? subject.replace(/[^<>]/g, '') : subject}`;

/** A call whose params the compiler cannot know: rows are walked through by name. */
const ask = (client: Client, method: Method, params: unknown): Promise<unknown> =>
  (client.call as (method: Method, params: unknown) => Promise<unknown>)(method, params);

/** What the invited person does with an invitation; gives what was in it. */
async function join(invitation: string, publicKey: string) {
  const open = decodeInvitation(invitation);
  const guest = await connect({ invitation: open, connectTimeoutMs: 30_000 });
  await guest.call('person.join', { publicKey, label: 'laptop' });
  await guest.close();
  return open;
}

test('every act is one line: by whom, in which session, from where', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  await postroom.person('li');
  const [mailbox, spare] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  await postroom.deliver(mailbox, {});
  const { conversation } = await postroom.newest(mailbox);
  const eva = await postroom.as('eva');
  const later = async (): Promise<string> => {
    const mail = { from: mailbox, to: spare, subject: 'Later', body: Math.random().toString(), at: '2099-01-01T00:00:00.000Z' };
    return (await eva.call('outbox.send', mail)).outbox ?? '';
  };
  const key = (await eva.call('key.list', {})).rows.find((row) => row.person === 'li')?.fingerprint ?? '';
  // One more key for li, which ben invited: it waits, since li reaches what ben does not.
  await eva.call('grant.set', { mailbox: spare, grantee: 'li', access: true });
  await eva.call('person.allow', { name: 'ben', operation: 'people.manage' });
  const waiting = newKeyPair().publicKey;
  await join((await (await postroom.as('ben')).call('person.invite', { name: 'li' })).invitation, waiting);
  await (await postroom.as('ben')).call('person.add', { name: 'max' });
  await eva.call('person.invite', { name: 'ben' });
  const open = (await eva.call('invitation.list', {})).rows;
  const given = { waiting: fingerprint(waiting), invitation: open.find(({ person }) => person === 'ben')?.id ?? '' };
  const at: At = { mailbox, spare, conversation, held: await later(), again: await later(), lost: await later(), key, ...given };
  const { store } = postroom.daemon.world;
  await store.outboxMove(at.lost, 'held', { state: 'unknown', heldFor: null });

  for (const method of Object.keys(methods) as Method[]) expect([method, method in expected]).toEqual([method, true]);
  const sessions = new Set<string | null>();
  for (const [method, row] of Object.entries(expected) as [Method, Expected<Method> | null][]) {
    if (row === null) continue;
    const before = (await journal(postroom)).length;
    expect([method, await outcome(ask(eva, method, row.asks(at)))]).toEqual([method, 'yes']);
    const acted = async () => (await journal(postroom)).slice(before).filter(({ actor }) => actor !== null);
    await expect.poll(async () => (await acted()).length).toBeGreaterThanOrEqual(row.acts.length);
    const rows = await acted();
    expect([method, rows.map(actOf)]).toEqual([method, [...row.acts]]);
    for (const one of rows) {
      expect(one).toMatchObject({ actor: 'eva', key: fingerprint(postroom.identity('eva').publicKey) });
      expect(one.from).toBe(`ipc uid ${process.getuid?.()}`);
      sessions.add(one.session);
    }
  }
  expect(sessions.size).toBe(1);
  expect([...sessions][0]).toMatch(/^[0-9a-f]{32}$/);

  const rows = await journal(postroom);
  const found = (action: string) => rows.filter((row) => row.action === action);
  // Old and new value; whom it is about; what an act gave to whom.
  expect(found('mailbox.set')[0]?.details).toMatchObject({ changed: { name: { before: null, after: 'Support' } } });
  expect(found('person.set')[0]?.details).toMatchObject({ changed: { plan: { before: null, after: 'team' } } });
  expect(found('mailbox.transfer')[0]?.details).toMatchObject({ changed: { owner: { before: 'eva', after: 'ben' } } });
  const toBen = found('grant.set').find(({ subject }) => subject === 'ben');
  expect(toBen).toMatchObject({ subject: 'ben', mailbox, summary: 'gave ben Access' });
  expect(toBen?.personId).toBe(found('role.member.add')[0]?.personId);
  // The newcomer joins in a session of their own; what became of a mail is the daemon's word.
  expect(found('person.join').map(({ actor, subject }) => [actor, subject])).toEqual([
    ['ben', 'ben'],
    ['li', 'li'],
    ['li', 'li'],
  ]);
  await expect.poll(async () => (await journal(postroom)).filter((row) => row.action === 'outbox.accepted').length).toBeGreaterThan(0);
  const accepted = (await journal(postroom)).find((row) => row.action === 'outbox.accepted');
  expect(accepted).toMatchObject({ actor: null, session: null, mailbox, details: { recipients: 1, accepted: 1, failed: 0 } });
  expect(JSON.stringify(rows)).not.toContain('canary');
  expect((await eva.call('audit.verify', {})).ok).toBe(true);
});

test('nothing in it is a secret or the content of a mail', async () => {
  await using postroom = await startPostroom();
  const eva = await postroom.as('eva');
  const server = { imap: 'imaps://localhost:9', smtp: 'smtps://localhost:9' };
  const address = 'box@elsewhere.example';
  await eva.call('mailbox.add', { address, ...server, secret: { kind: 'password', password: 'canary-one' } });
  await eva.call('mailbox.set', { mailbox: address, secret: { kind: 'password', password: 'canary-two' } });
  await eva.call('mailbox.set', { mailbox: address, imap: 'imaps://localhost:8', user: 'other' });
  const { invitation } = await eva.call('person.add', { name: 'ben' });
  const mailbox = await postroom.mailbox('support');
  await postroom.deliver(mailbox, { subject: 'canary-three', text: 'canary-four' });
  const { conversation } = await postroom.newest(mailbox);
  await eva.call('conversation.note', { conversation, text: 'canary-five' });
  await eva.call('outbox.send', { in: conversation, kind: 'reply', to: mailbox, body: 'canary-six' });
  const rows = await journal(postroom);
  const text = JSON.stringify(rows);
  expect(text).not.toContain('canary');
  expect(text).not.toContain(invitation);
  expect(text).not.toContain(decodeInvitation(invitation).secretKey);
  const changes = rows.filter(({ action }) => action === 'mailbox.set').map(({ details }) => details.changed);
  expect(changes).toEqual([
    { secret: { before: 'sealed', after: 'another one' } },
    {
      imap: { before: expect.objectContaining({ port: 9 }), after: expect.objectContaining({ port: 8, user: 'other' }) },
      smtp: { before: expect.anything(), after: expect.objectContaining({ user: 'other' }) },
      secret: { before: 'sealed', after: 'none' },
    },
  ]);
});

test('only audit.read opens it; a query is one line, its pages and its tail none; a cursor is of its question and its person', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  await postroom.person('kim', ['audit.read']);
  const mailbox = await postroom.mailbox('support');
  for (let n = 0; n < 7; n++) await postroom.grant('ben', mailbox, n % 2 === 0 ? { access: true } : { send: true });
  const [ben, kim] = [await postroom.as('ben'), await postroom.as('kim')];
  const refused = await ben.call('audit.list', {}).catch((error: PostroomError) => error);
  expect(refused).toMatchObject({ code: 'forbidden', details: { operations: ['audit.read'] } });
  expect(refused).toHaveProperty('message', expect.stringContaining('audit.read'));
  expect(await outcome(ben.call('audit.verify', {}))).toBe('forbidden');

  const opened = async () => (await journal(postroom)).filter(({ action }) => action === 'audit.open').length;
  // Addresses are shown to holders of audit.read, of mailboxes that do not exist for them too.
  const question = { mailbox, action: 'grant.set', limit: 3 };
  const first = await kim.call('audit.list', question);
  expect(first.rows.map((row) => [row.actor, row.mailbox])).toEqual(Array(3).fill(['eva', mailbox]));
  const second = await kim.call('audit.list', { ...question, cursor: first.next });
  const third = await kim.call('audit.list', { ...question, cursor: second.next });
  const seqs = [first, second, third].flatMap(({ rows }) => rows.map(({ seq }) => seq));
  expect(seqs).toEqual([...seqs].sort((a, b) => b - a));
  expect([seqs.length, third.next, await opened()]).toEqual([7, null, 1]);

  await postroom.grant('ben', mailbox, { access: true, send: true });
  const tail = await kim.call('audit.list', { ...question, cursor: first.newer });
  expect([tail.rows.map(({ summary }) => summary), tail.next, await opened()]).toEqual([['gave ben Access + Send'], null, 1]);
  expect((await kim.call('audit.list', { ...question, cursor: tail.newer })).rows).toEqual([]);

  const eva = await postroom.as('eva');
  const foreign = [
    kim.call('audit.list', { limit: 3, cursor: first.next }), // of another question
    eva.call('audit.list', { ...question, cursor: first.next }), // of another person
    kim.call('audit.list', { ...question, cursor: '<999.' }),
    kim.call('audit.list', { ...question, cursor: `<9${first.next?.slice(1)}` }),
  ];
  expect(await Promise.all(foreign.map(outcome))).toEqual(foreign.map(() => 'invalid'));
  expect(await outcome(kim.call('audit.list', { person: 'nobody at all' }))).toBe('not-found');

  // A removed person keeps their name, and is found by it.
  await eva.call('person.remove', { name: 'ben' });
  const about = await kim.call('audit.list', { person: 'ben', action: 'grant', limit: 200 });
  expect(about.rows.map(({ subject }) => subject)).toEqual(Array(8).fill('ben'));
  const by = await kim.call('audit.list', { person: 'ben', action: 'refused' });
  expect(by.rows.map(({ actor, subject }) => [actor, subject])).toEqual([
    ['ben', 'audit.verify'],
    ['ben', 'audit.list'],
  ]);

  const whole = await kim.call('audit.list', { for: 'export', limit: 5 });
  expect(whole.rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect((await kim.call('audit.list', { for: 'export', limit: 5, cursor: whole.next })).rows[0]?.seq).toBe(6);
});

test('a refused change is written down once, a mailbox that does not exist for somebody not at all', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const [mailbox, foreign] = [await postroom.mailbox('support'), await postroom.mailbox('sales')];
  await postroom.grant('ben', mailbox, { access: true });
  const ben = await postroom.as('ben');
  for (const _ of [1, 2, 3]) expect(await outcome(ben.call('person.add', { name: 'eve' }))).toBe('forbidden');
  expect(await outcome(ben.call('grant.set', { mailbox, grantee: 'ben', send: true }))).toBe('forbidden');
  expect(await outcome(ben.call('grant.set', { mailbox: foreign, grantee: 'ben', send: true }))).toBe('not-found');
  const eva = await postroom.as('eva');
  await postroom.person('kim', ['people.manage']);
  const kim = await postroom.as('kim');
  expect(await outcome(kim.call('person.allow', { name: 'kim', operation: 'audit.read' }))).toBe('forbidden');
  const refused = async () =>
    (await eva.call('audit.list', { action: 'refused' })).rows.map((row) => [row.actor, row.subject, row.mailbox]);
  await expect.poll(refused).toEqual([
    ['kim', 'person.allow', null],
    ['ben', 'grant.set', mailbox],
    ['ben', 'person.add', null],
  ]);
});

test('a dated grant begins and ends in the journal by itself, once, also when the daemon was stopped then', async () => {
  let ahead = 0;
  await using postroom = await startPostroom({ now: () => Date.now() + ahead });
  await postroom.person('ben');
  const mailbox = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  const inMs = (ms: number) => new Date(Date.now() + ahead + ms).toISOString();
  await eva.call('grant.add', { mailbox, grantee: 'ben', access: true, from: inMs(2_000), until: inMs(2_500) });
  await eva.call('grant.add', { mailbox, grantee: 'ben', send: true, until: inMs(3_600_000) });
  const dates = async () =>
    (await journal(postroom)).filter(({ action }) => action === 'grant.begin' || action === 'grant.end').map(({ summary }) => summary);
  await expect.poll(dates).toEqual(['Access of ben began by its date', 'Access of ben ended by its date']);
  await postroom.stopDaemon();
  ahead = 7_200_000;
  await postroom.startDaemon();
  expect((await dates()).slice(2)).toEqual(['Send of ben ended by its date']);
  await postroom.stopDaemon();
  await postroom.startDaemon();
  expect(await dates()).toHaveLength(3);
  const end = (await journal(postroom)).find(({ summary }) => summary.startsWith('Send of ben'));
  expect(end).toMatchObject({ actor: null, mailbox, subject: 'ben' });
  expect(Date.parse(end?.at ?? '')).toBeLessThan(Date.now() + ahead - 3_000_000); // when it ended, not when it was noticed
});

test('the end of a grant is told once, of people who are disabled or removed as well', async () => {
  let ahead = 0;
  await using postroom = await startPostroom({ now: () => Date.now() + ahead });
  const mailbox = await postroom.mailbox('support');
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const names = ['disabled', 'removed', 'taken'];
  for (const name of names) {
    await postroom.person(name);
    await (await postroom.as('eva')).call('grant.add', { mailbox, grantee: name, access: true, until });
  }
  await (await postroom.as('eva')).call('person.disable', { name: 'disabled' });
  await eventually(async () => expect((await journal(postroom)).some(({ action }) => action === 'person.disable')).toBe(true));
  // The date comes, and before anybody looks at it the grant goes.
  ahead = 7_200_000;
  const eva = await postroom.as('eva');
  await eva.call('person.remove', { name: 'removed' });
  await eva.call('grant.remove', { mailbox, grantee: 'taken' });
  const ends = async () => (await journal(postroom)).filter(({ action }) => action === 'grant.end').map(({ subject }) => subject);
  await eventually(async () => expect((await ends()).toSorted()).toEqual(names.toSorted()));
  // It ended before it went.
  const told = async () => (await journal(postroom)).map(({ action, subject }) => `${action} ${subject}`);
  await eventually(async () => expect(await told()).toContain('person.remove removed'));
  const lines = await told();
  expect(lines.indexOf('grant.end removed')).toBeLessThan(lines.indexOf('person.remove removed'));
  await postroom.stopDaemon();
  await postroom.startDaemon();
  expect(await ends()).toHaveLength(names.length);
});

test('what the configuration allows is in the journal, and what of it was changed', async () => {
  await using daemon = await DaemonProcess.start({ sharing: { plans: ['team'] } });
  await daemon.stop();
  const config = JSON.parse(await readFile(daemon.places.config, 'utf8')) as Record<string, unknown>;
  await writeFile(daemon.places.config, JSON.stringify({ ...config, sharing: { requireCommonRole: true, plans: ['team'] } }));
  await daemon.run();
  const eva = await daemon.connect();
  const { rows } = await eva.call('audit.list', {});
  await eva.close();
  expect(rows.map(({ action }) => action)).toEqual(['audit.open', 'daemon.start', 'policy.change', 'daemon.start']);
  expect(rows[2]?.details).toEqual({ changed: { 'sharing.requireCommonRole': { before: false, after: true } } });
});

/** `POSTROOM_KILLS=500` for the long form. */
const kills = Number(process.env.POSTROOM_KILLS ?? 3);

test('killed in the middle of changes: every change that stands has its one line, and the chain is whole', {
  timeout: 60_000 * kills,
}, async () => {
  await using daemon = await DaemonProcess.start();
  const answered: string[] = [];
  for (let round = 0; round < kills; round++) {
    const eva = await daemon.connect();
    const struck = Promise.withResolvers<void>();
    const asked = Array.from({ length: 12 }, (_, n) => `r${round}n${n}`).map((name, n) =>
      eva.call('role.add', { name }).then(
        () => {
          answered.push(name);
          if (n === round % 6) struck.resolve();
        },
        () => undefined, // it was killed before it answered
      ),
    );
    await struck.promise;
    await daemon.kill();
    await eva.close();
    await Promise.all(asked);
    await daemon.run();
  }
  const eva = await daemon.connect();
  const standing = (await eva.call('role.list', {})).rows.map(({ name }) => name).sort();
  const lines: string[] = [];
  for (let cursor: string | null = null, more = true; more; ) {
    const page: Result<'audit.list'> = await eva.call('audit.list', { action: 'role.add', for: 'export', limit: 200, cursor });
    lines.push(...page.rows.map(({ subject }) => subject));
    cursor = page.next;
    more = cursor !== null;
  }
  expect(lines.sort()).toEqual(standing);
  for (const name of answered) expect(lines).toContain(name);
  expect(await eva.call('audit.verify', {})).toMatchObject({ ok: true, findings: [] });
  await eva.close();
});

test('somebody who joins is named with the key and the place they joined from', async () => {
  await using postroom = await startPostroom();
  const { invitation } = await (await postroom.as('eva')).call('person.add', { name: 'ben' });
  const open = await join(invitation, newKeyPair().publicKey);
  await expect
    .poll(async () => (await journal(postroom)).find(({ action }) => action === 'person.join'))
    .toMatchObject({ actor: 'ben', key: fingerprint(open.publicKey), from: expect.stringContaining('uid') });
});
