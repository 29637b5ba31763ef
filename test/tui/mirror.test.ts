/** The local picture against a real daemon. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Mirror, type View } from '../../tui/mirror.ts';
import { eventually } from '../support/eventually.ts';
import { type Postroom, startPostroom } from '../support/postroom.ts';

const support = 'support@harbour.example';
const team = { kind: 'panel', view: 'team', mailbox: null } as const;

async function furnish(): Promise<Postroom> {
  const postroom = await startPostroom();
  await postroom.person('anna');
  await postroom.mailbox('support');
  await postroom.grant('anna', support, { access: true, send: true });
  await postroom.deliver(support, { subject: 'one' });
  return postroom;
}

/** A mirror of anna's with a view kept alive; `pictures` are all that it ever showed. */
function watching<T>(postroom: Postroom, pick: (mirror: Mirror) => View<T>) {
  const mirror = new Mirror({ identity: postroom.identity('anna') });
  const view = pick(mirror);
  const pictures: View<T>['picture'][] = [];
  mirror.start();
  const stop = view.subscribe(() => pictures.push(view.picture));
  return {
    mirror,
    view,
    pictures,
    async [Symbol.asyncDispose]() {
      stop();
      await mirror.close();
    },
  };
}

describe('on one daemon', () => {
  let postroom: Postroom;
  beforeAll(async () => {
    postroom = await furnish();
  });
  afterAll(() => postroom[Symbol.asyncDispose]());

  test('a list follows events; unchanged rows and orders keep their identity', async () => {
    await using watched = watching(postroom, (mirror) => mirror.list(team));
    const { view } = watched;
    await eventually(() => expect(view.picture.data?.rows).toHaveLength(1));
    const before = view.picture.data;
    const eva = await postroom.as('eva');
    const [row] = before?.rows ?? [];
    if (row === undefined) throw new Error('the list is empty');
    await eva.call('conversation.take', { conversation: row.conversation });
    await eventually(() => expect(view.picture.data?.rows[0]?.assignee?.name).toBe('eva'));
    expect(view.picture.data?.ids).toBe(before?.ids);
    await postroom.deliver(support, { subject: 'two' });
    await eventually(() => expect(view.picture.data?.rows).toHaveLength(2));
    expect(view.picture.data?.rows[0]?.subject).toBe('one');
    await eva.call('conversation.release', { conversation: row.conversation });
  });

  test('many changes are few questions', async () => {
    await using watched = watching(postroom, (mirror) => mirror.list(team));
    await eventually(() => expect(watched.view.picture.data).not.toBeNull());
    const asked = watched.pictures.length;
    const eva = await postroom.as('eva');
    const { conversation } = await postroom.newest(support);
    const begun = performance.now();
    await Promise.all(Array.from({ length: 40 }, (_, i) => eva.call('conversation.note', { conversation, text: `note ${i}` })));
    await eventually(() => expect(watched.view.picture.data?.rows.some(({ revision }) => revision >= 40)).toBe(true));
    // Ten a second at most, however long it took.
    expect(watched.pictures.length - asked).toBeLessThanOrEqual(2 + (performance.now() - begun) / 100);
  });

  test("a verb's own event is an echo, somebody else's is not", async () => {
    await using watched = watching(postroom, (mirror) => mirror.list(team));
    const { mirror } = watched;
    await eventually(() => expect(watched.view.picture.data).not.toBeNull());
    const { conversation } = await postroom.newest(support);
    const heard: boolean[] = [];
    mirror.onEvent((event) => {
      if (event.name === 'conversation.changed' && event.payload.conversation === conversation) heard.push(mirror.isEcho(conversation));
    });
    await mirror.work('conversation.take', { conversation });
    await eventually(() => expect(heard).toEqual([true]));
    await eventually(() => expect(mirror.isEcho(conversation)).toBe(false));
    await (await postroom.as('eva')).call('conversation.release', { conversation });
    await eventually(() => expect(heard).toEqual([true, false]));
  });
});

test('a right that goes empties what is shown before anything is asked', async () => {
  await using postroom = await furnish();
  await using watched = watching(postroom, (mirror) => mirror.list({ kind: 'mailbox', mailbox: support, state: 'open' }));
  await eventually(() => expect(watched.view.picture.data?.rows).toHaveLength(1));
  const { pictures } = watched;
  pictures.length = 0;
  await (await postroom.as('eva')).call('grant.remove', { mailbox: support, grantee: 'anna' });
  await eventually(() => expect(watched.view.picture.error?.code).toBe('not-found'));
  expect(watched.view.picture.data).toBeNull();
  expect(pictures[0]?.data?.rows).toEqual([]);
});

test('without a daemon the picture stays, no verb is kept for later, and all is asked again when it is back', async () => {
  await using postroom = await furnish();
  await using watched = watching(postroom, (mirror) => mirror.list(team));
  const { mirror, view } = watched;
  await eventually(() => expect(view.picture.data?.rows).toHaveLength(1));
  const { conversation } = await postroom.newest(support);
  await postroom.stopDaemon();
  await eventually(() => expect(mirror.connection.state.state).toBe('offline'));
  expect(view.picture.data?.rows).toHaveLength(1);
  await expect(mirror.work('conversation.take', { conversation })).rejects.toMatchObject({ code: 'unavailable' });
  await postroom.startDaemon();
  await postroom.deliver(support, { subject: 'two' });
  await eventually(() => expect(view.picture.data?.rows).toHaveLength(2));
  expect(view.picture.data?.rows.find((row) => row.conversation === conversation)?.assignee).toBeNull();
});

test('who is not welcome any more keeps nothing', async () => {
  await using postroom = await furnish();
  await using watched = watching(postroom, (mirror) => mirror.list(team));
  await eventually(() => expect(watched.view.picture.data?.rows).toHaveLength(1));
  await (await postroom.as('eva')).call('person.disable', { name: 'anna' });
  await eventually(() => expect(watched.view.picture).toMatchObject({ data: null, error: { code: 'unauthenticated' } }));
});
