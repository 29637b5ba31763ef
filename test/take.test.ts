/** Whose work it is: two who take at the same moment do not both get it, and whoever loses it is told. */
import { expect, test } from 'vitest';
import { eventually } from './support/eventually.ts';
import { outcome, startPostroom } from './support/postroom.ts';

test('of two who take at once one gets it, and the other learns who; taking over tells who had it', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { access: true, send: true });
  await postroom.deliver(support, { subject: 'Order' });
  const { conversation } = await postroom.newest(support);
  const [eva, ben] = [await postroom.as('eva'), await postroom.as('ben')];
  for (let round = 0; round < 20; round++) {
    const taken = await Promise.all([eva, ben].map((one) => outcome(one.call('conversation.take', { conversation, ifRevision: 1 }))));
    expect([round, taken.toSorted()]).toEqual([round, ['conflict', 'yes']]);
    const holder = (await eva.call('conversation.show', { conversation })).assignee?.name;
    expect(holder).toBe(taken[0] === 'yes' ? 'eva' : 'ben');
    await eva.call('conversation.release', { conversation });
  }

  const told: unknown[] = [];
  const watching = await postroom.connect('eva', (event) => {
    if (event.name === 'conversation.changed' && event.payload.what === 'assign') told.push([event.payload.by, event.payload.from]);
  });
  await watching.subscribe(['conversation.changed']);
  await eva.call('conversation.take', { conversation });
  await expect(ben.call('conversation.assign', { conversation, to: 'ben' })).rejects.toMatchObject({
    code: 'conflict',
    details: { held: { by: { kind: 'person', name: 'eva' }, since: expect.any(String) } },
  });
  await ben.call('conversation.take', { conversation, over: true });
  await eventually(() =>
    expect(told).toEqual([
      ['eva', null],
      ['ben', 'eva'],
    ]),
  );
  // A role is nobody in particular: its members take from it as they please.
  await postroom.role('agents', 'ben', 'eva');
  await postroom.grant('agents', support, { send: true });
  await ben.call('conversation.assign', { conversation, to: 'agents' });
  expect(await outcome(eva.call('conversation.take', { conversation }))).toBe('yes');
});
