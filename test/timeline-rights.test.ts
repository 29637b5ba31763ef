/** Timelines through the protocol: who is told what, live and looking back. The eight combinations are in rights.test.ts. */
import { expect, test } from 'vitest';
import type { DaemonEvent } from '../protocol/client.ts';
import type { Payload } from '../protocol/events.ts';
import { domain, outcome, startPostroom } from './support/postroom.ts';

test("a contact's timeline shows no mailbox without Access, and follows the right at once", async () => {
  await using postroom = await startPostroom();
  for (const name of ['ben', 'li']) await postroom.person(name);
  const [support, secret] = [await postroom.mailbox('support'), await postroom.mailbox('secret')];
  await postroom.grant('ben', support, { access: true });
  await postroom.grant('ben', secret, { send: true, setup: true });
  await postroom.deliver(support, { subject: 'Where is my order?' });
  await postroom.deliver(secret, { subject: 'canary', text: 'canary\n' });
  const [eva, ben, li] = [await postroom.as('eva'), await postroom.as('ben'), await postroom.as('li')];
  const { conversation } = await postroom.newest(secret);
  await eva.call('conversation.note', { conversation, text: 'canary' });

  const contact = { address: 'jane@example.org' };
  const whole = await eva.call('timeline.contact', contact);
  expect(new Set(whole.rows.map(({ mailbox }) => mailbox))).toEqual(new Set([support, secret]));
  const seen = await ben.call('timeline.contact', contact);
  expect(seen.rows.map(({ kind, mailbox }) => [kind, mailbox])).toEqual([['mail-in', support]]);
  expect((await li.call('timeline.contact', contact)).rows).toEqual([]);

  // Pages begun with a right end with it.
  await postroom.grant('ben', secret, { access: true });
  const page = await ben.call('timeline.contact', { ...contact, limit: 1 });
  expect(page.rows.map(({ summary }) => summary)).toEqual(['canary']);
  await eva.call('grant.remove', { mailbox: secret, grantee: 'ben' });
  const rest = await ben.call('timeline.contact', { ...contact, cursor: page.next });
  expect(JSON.stringify(rest)).not.toContain('canary');
  expect(await outcome(ben.call('timeline.conversation', { conversation }))).toBe('not-found');
});

test('names are those of the directory, of the removed as well; grants and moves are told in words', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { access: true, send: true });
  await postroom.deliver(support, {});
  const { conversation } = await postroom.newest(support);
  const [eva, ben] = [await postroom.as('eva'), await postroom.as('ben')];
  await ben.call('conversation.take', { conversation });
  await eva.call('conversation.take', { conversation, over: true });
  await eva.call('conversation.assign', { conversation, to: 'ben', over: true });
  await ben.call('conversation.move', { conversation, to: { role: 'archive' } });
  await eva.call('person.remove', { name: 'ben' });
  await postroom.daemon.world.rightsSettled();

  const { rows } = await eva.call('timeline.mailbox', { mailbox: support, limit: 200 });
  expect(rows.filter(({ kind }) => kind === 'assign').map(({ actor, summary, assignee }) => [actor, summary, assignee?.name])).toEqual([
    [null, 'nobody’s again: ben had it, and may not answer here any more', undefined],
    ['eva', 'to ben, was eva', 'ben'],
    ['eva', 'took it, was ben', 'eva'],
    ['ben', 'took it', 'ben'],
  ]);
  expect(rows.find(({ summary }) => summary === 'moved a mail to Archive')).toMatchObject({ kind: 'system', actor: 'ben', conversation });
  const grants = rows.filter(({ kind }) => kind === 'grant');
  expect(grants.length).toBeGreaterThan(0);
  expect(grants.every(({ actor, conversation: none }) => actor === 'eva' && none === null)).toBe(true);
  const history = await eva.call('timeline.conversation', { conversation });
  expect(history.rows.map(({ kind }) => kind)).not.toContain('grant');
});

test('what happens is told live to those with Access, to nobody else, by the ids of the rows', async () => {
  await using postroom = await startPostroom();
  for (const name of ['ben', 'li']) await postroom.person(name);
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { access: true });
  await postroom.grant('li', support, { send: true, setup: true });
  const heard: Record<string, Payload<'activity'>[]> = { ben: [], li: [] };
  const noted = Promise.withResolvers<void>();
  const follow = async (name: 'ben' | 'li') => {
    const client = await postroom.connect(name, (event: DaemonEvent) => {
      // The grant may be in the journal a moment after it is answered.
      if (event.name !== 'activity' || event.payload.kind === 'grant') return;
      heard[name]?.push(event.payload);
      if (event.payload.kind === 'note') noted.resolve();
    });
    await client.subscribe(['activity']);
    return client;
  };
  const [ben, li] = [await follow('ben'), await follow('li')];
  await postroom.deliver(support, {});
  const { conversation } = await postroom.newest(support);
  await li.call('outbox.send', { in: conversation, kind: 'reply', to: `support@${domain}`, body: 'Soon.', at: '2099-01-01T00:00:00.000Z' });
  await li.call('conversation.note', { conversation, text: 'Told them.' });
  await noted.promise;
  expect(heard.li).toEqual([]);
  // It goes to others only, so the customer waits as before.
  expect(heard.ben?.map(({ kind }) => kind)).toEqual(['mail-in', 'mail-out', 'note']);
  const { rows } = await ben.call('timeline.conversation', { conversation });
  expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(heard.ben?.map(({ id }) => id)));
  expect(rows.find(({ kind }) => kind === 'mail-out')).toMatchObject({ actor: 'li', outbox: { state: 'held' } });
  await Promise.all([ben.close(), li.close()]);
});
