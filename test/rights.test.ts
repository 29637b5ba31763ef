/** Both rights tables of the product, through the protocol: every combination, given in every way, against every surface and verb that exists. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import { domain, outcome, type Postroom, type Rights, startPostroom } from './support/postroom.ts';
import { table } from './support/table.ts';

type Row = { rights: string; panel: boolean; timeline: boolean; send: boolean; settings: boolean };

const surfaces = table<Row>(`
  rights             panel  timeline  send  settings
  access send setup  yes    yes       yes   yes
  access send        yes    yes       yes   no
  access setup       no     yes       no    yes
  send setup         yes    no        yes   yes
  access             no     yes       no    no
  send               yes    no        yes   no
  setup              no     no        no    yes
  -                  no     no        no    no
`);

const rightsOf = (text: string): Rights =>
  Object.fromEntries(
    text
      .split(' ')
      .filter(Boolean)
      .map((right) => [right, true]),
  );

/** Gives ben the rights: to himself, to a role he is in, or to a role that holds that role. */
const ways: Record<string, (postroom: Postroom, mailbox: string, rights: Rights) => Promise<void>> = {
  'to the person': (postroom, mailbox, rights) => postroom.grant('ben', mailbox, rights),
  'through a role': async (postroom, mailbox, rights) => {
    await postroom.role('agents', 'ben');
    await postroom.grant('agents', mailbox, rights);
  },
  'through a nested role': async (postroom, mailbox, rights) => {
    await postroom.role('agents', 'ben');
    await postroom.role('staff', 'agents');
    await postroom.grant('staff', mailbox, rights);
  },
};

/** One request for each verb of the second table; `seen` says how its refusal looks to somebody with other rights on the mailbox. */
type Verb = {
  needs: 'open' | 'send' | 'timeline' | 'settings' | 'owner';
  inside: boolean;
  ask: (client: Client, at: { mailbox: string; conversation: string; message: string }) => Promise<unknown>;
};

const verbs: Record<string, Verb> = {
  show: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.show', { conversation: at.conversation }) },
  raw: { needs: 'open', inside: true, ask: (c, at) => c.call('message.raw', { message: at.message }, { onChunk: () => undefined }) },
  attachment: {
    needs: 'open',
    inside: true,
    ask: (c, at) => c.call('message.attachment', { message: at.message, index: 0 }, { onChunk: () => undefined }),
  },
  list: { needs: 'open', inside: false, ask: (c, at) => c.call('conversation.list', { mailbox: at.mailbox }) },
  sync: { needs: 'open', inside: false, ask: (c, at) => c.call('mailbox.sync', { mailbox: at.mailbox }) },
  note: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.note', { conversation: at.conversation, text: 'x' }) },
  release: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.release', { conversation: at.conversation }) },
  assign: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.assign', { conversation: at.conversation, to: 'eva' }) },
  assignees: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.assignees', { conversation: at.conversation }) },
  star: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.mark', { conversation: at.conversation, as: 'star' }) },
  read: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.mark', { conversation: at.conversation, as: 'read' }) },
  done: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.mark', { conversation: at.conversation, as: 'done' }) },
  reopen: { needs: 'open', inside: true, ask: (c, at) => c.call('conversation.mark', { conversation: at.conversation, as: 'open' }) },
  folders: { needs: 'timeline', inside: false, ask: (c, at) => c.call('mailbox.folders', { mailbox: at.mailbox }) },
  'list of a folder': { needs: 'timeline', inside: false, ask: (c, at) => c.call('folder.list', { mailbox: at.mailbox, folder: 'Inbox' }) },
  timeline: { needs: 'timeline', inside: false, ask: (c, at) => c.call('timeline.mailbox', { mailbox: at.mailbox }) },
  history: { needs: 'timeline', inside: true, ask: (c, at) => c.call('timeline.conversation', { conversation: at.conversation }) },
  'dry run': {
    needs: 'send',
    inside: false,
    ask: (c, at) => c.call('outbox.send', { from: at.mailbox, to: `eva@${domain}`, subject: 's', body: 'b', dryRun: true }),
  },
  send: {
    needs: 'send',
    inside: false,
    ask: (c, at) => c.call('outbox.send', { from: at.mailbox, to: `eva@${domain}`, subject: 's', body: 'b' }),
  },
  reply: {
    needs: 'send',
    inside: true,
    ask: (c, at) => c.call('outbox.send', { in: at.conversation, kind: 'reply', to: `eva@${domain}`, body: 'b' }),
  },
  'begin a reply': {
    needs: 'send',
    inside: true,
    ask: (c, at) => c.call('compose.reply', { conversation: at.conversation, kind: 'reply' }),
  },
  watch: { needs: 'send', inside: false, ask: (c, at) => c.call('mailbox.watch', { mailbox: at.mailbox, level: 'all' }) },
  trash: {
    needs: 'send',
    inside: true,
    ask: (c, at) => c.call('conversation.move', { conversation: at.conversation, to: { role: 'trash' } }),
  },
  grants: { needs: 'settings', inside: false, ask: (c, at) => c.call('grant.list', { mailbox: at.mailbox }) },
  'the matrix of grants': { needs: 'settings', inside: false, ask: (c, at) => c.call('grant.matrix', { mailbox: at.mailbox }) },
  'report of unused rights': { needs: 'settings', inside: false, ask: (c, at) => c.call('grant.unused', { mailbox: at.mailbox }) },
  'preview of grants': {
    needs: 'settings',
    inside: false,
    ask: (c, at) => c.call('grant.preview', { mailbox: at.mailbox, edits: [{ kind: 'remove', grantee: 'li' }], person: 'li' }),
  },
  'write of grants': {
    needs: 'settings',
    inside: false,
    ask: (c, at) =>
      c.call('grant.write', {
        mailbox: at.mailbox,
        edits: [{ kind: 'set', grantee: 'li', access: true, send: false, setup: false }],
      }),
  },
  'history of settings': { needs: 'settings', inside: false, ask: (c, at) => c.call('mailbox.history', { mailbox: at.mailbox }) },
  'set a name': {
    needs: 'settings',
    inside: false,
    ask: (c, at) => c.call('mailbox.set', { mailbox: at.mailbox, settings: { name: 'Support' } }),
  },
  'add an alias': {
    needs: 'settings',
    inside: false,
    ask: (c, at) => c.call('mailbox.address.add', { mailbox: at.mailbox, alias: `help@${domain}` }),
  },
  test: { needs: 'settings', inside: false, ask: (c, at) => c.call('mailbox.test', { mailbox: at.mailbox }) },
  'grant to somebody': {
    needs: 'settings',
    inside: false,
    ask: (c, at) => c.call('grant.set', { mailbox: at.mailbox, grantee: 'li', access: true }),
  },
  transfer: { needs: 'owner', inside: false, ask: (c, at) => c.call('mailbox.transfer', { mailbox: at.mailbox, person: 'li' }) },
  remove: { needs: 'owner', inside: false, ask: (c, at) => c.call('mailbox.remove', { mailbox: at.mailbox }) },
};

/** What the row of the first table says about a verb: done, forbidden (the mailbox is seen), or nothing there. */
function expected({ rights, timeline, send, settings }: Row, { needs, inside }: Verb): string {
  const open = timeline || send;
  const holds = { open, timeline, send, settings, owner: false }[needs];
  if (holds) return 'yes';
  const seen = inside ? open : rights !== '';
  return seen ? 'forbidden' : 'not-found';
}

async function prepared(): Promise<{ postroom: Postroom; at: { mailbox: string; conversation: string; message: string } }> {
  const postroom = await startPostroom();
  for (const name of ['ben', 'li']) await postroom.person(name);
  const mailbox = await postroom.mailbox('support');
  await postroom.mailbox('eva', { shared: false });
  await postroom.deliver(mailbox, { attachments: [{ filename: 'label.txt', content: 'x' }] });
  const { conversation } = await postroom.newest(mailbox);
  const shown = await (await postroom.as('eva')).call('conversation.show', { conversation });
  return { postroom, at: { mailbox, conversation, message: shown.messages[0]?.id ?? '' } };
}

for (const [way, give] of Object.entries(ways)) {
  describe(`rights given ${way}`, () => {
    for (const row of surfaces) {
      test(`${row.rights || 'nothing'} opens exactly its surfaces and verbs`, async () => {
        const { postroom, at } = await prepared();
        await using _ = postroom;
        if (row.rights !== '') await give(postroom, at.mailbox, rightsOf(row.rights));
        const ben = await postroom.as('ben');

        const panel = await ben.call('panel.list', {});
        expect(panel.rows.map((shown) => shown.conversation)).toEqual(row.panel ? [at.conversation] : []);
        const from = await ben.call('compose.from', {});
        expect(from.rows.map((shown) => shown.address)).toEqual(row.send ? [at.mailbox] : []);
        const [listed] = (await ben.call('mailbox.list', {})).rows;
        const { panel: p, timeline, send, settings } = row;
        expect(listed?.rights).toEqual(row.rights === '' ? undefined : { panel: p, timeline, send, settings });
        expect(listed?.settings === null || listed === undefined).toBe(!settings);

        const contact = await ben.call('timeline.contact', { address: 'JANE@example.org' });
        expect(contact.rows.map((told) => told.conversation)).toEqual(row.timeline ? [at.conversation] : []);

        const found: Record<string, string> = {};
        const wanted: Record<string, string> = {};
        for (const [name, verb] of Object.entries(verbs)) {
          found[name] = await outcome(verb.ask(ben, at));
          wanted[name] = expected(row, verb);
        }
        expect(found).toEqual(wanted);
      });
    }
  });
}

test('the owner opens everything', async () => {
  const { postroom, at } = await prepared();
  await using _ = postroom;
  const eva = await postroom.as('eva');
  for (const [name, verb] of Object.entries(verbs)) {
    if (verb.needs !== 'owner') expect([name, await outcome(verb.ask(eva, at))]).toEqual([name, 'yes']);
  }
});

test('grants of a mailbox that is not shared are kept and do not count', async () => {
  const { postroom, at } = await prepared();
  await using _ = postroom;
  await postroom.grant('ben', at.mailbox, { access: true, send: true, setup: true });
  const [eva, ben] = [await postroom.as('eva'), await postroom.as('ben')];
  await eva.call('mailbox.unshare', { mailbox: at.mailbox });
  expect(await outcome(ben.call('conversation.show', { conversation: at.conversation }))).toBe('not-found');
  expect((await eva.call('grant.list', { mailbox: at.mailbox })).rows).toHaveLength(1);
  await eva.call('mailbox.share', { mailbox: at.mailbox });
  expect(await outcome(ben.call('conversation.show', { conversation: at.conversation }))).toBe('yes');
});

test('mail that comes is unread for holders of Send, and for nobody by Access alone', async () => {
  const { postroom, at } = await prepared();
  await using _ = postroom;
  await postroom.grant('ben', at.mailbox, { send: true });
  await postroom.grant('li', at.mailbox, { access: true });
  await postroom.deliver(at.mailbox, { subject: 'A new one' });
  const unread = async (name: string): Promise<number[]> => {
    const listed = await (await postroom.as(name)).call('conversation.list', { mailbox: at.mailbox });
    const [row] = listed.rows;
    const shown = await (await postroom.as(name)).call('conversation.show', { conversation: row?.conversation ?? '' });
    return [Math.min(listed.unread, 1), row?.unread ?? -1, shown.unread];
  };
  expect(await unread('ben')).toEqual([1, 1, 1]);
  expect(await unread('li')).toEqual([0, 0, 0]);
});

test('a grant that goes takes effect in live sessions at once', async () => {
  const { postroom, at } = await prepared();
  await using _ = postroom;
  await postroom.grant('ben', at.mailbox, { access: true, send: true });
  const told = Promise.withResolvers<readonly string[]>();
  const ben = await postroom.connect('ben', (event) => {
    if (event.name === 'rights.changed') told.resolve(event.payload.lost);
  });
  await ben.subscribe(['rights.changed', 'conversation.changed']);
  expect((await ben.call('panel.list', {})).rows).toHaveLength(1);

  await (await postroom.as('eva')).call('grant.remove', { mailbox: at.mailbox, grantee: 'ben' });
  expect(await told.promise).toEqual([at.mailbox]);
  expect((await ben.call('panel.list', {})).rows).toEqual([]);
  expect(await outcome(ben.call('conversation.show', { conversation: at.conversation }))).toBe('not-found');
  await ben.close();
});

test('a grant ends by itself, in a live session too', async () => {
  const { postroom, at } = await prepared();
  await using _ = postroom;
  const until = new Date(Date.now() + 4_000).toISOString();
  const ended = Promise.withResolvers<void>();
  const ben = await postroom.connect('ben', (event) => {
    if (event.name === 'rights.changed' && event.payload.lost.length > 0) ended.resolve();
  });
  await ben.subscribe(['rights.changed']);
  await (await postroom.as('eva')).call('grant.add', { mailbox: at.mailbox, grantee: 'ben', send: true, until });
  expect(await outcome(ben.call('conversation.show', { conversation: at.conversation }))).toBe('yes');
  await ended.promise;
  expect(await outcome(ben.call('conversation.show', { conversation: at.conversation }))).toBe('not-found');
  await ben.close();
});

test('a foreign id and one that never was answer alike, byte for byte', async () => {
  const { postroom, at } = await prepared();
  await using _ = postroom;
  const ben = await postroom.as('ben');
  for (const verb of Object.values(verbs)) {
    const answers = await Promise.all(
      [at, { mailbox: `nobody@${domain}`, conversation: 'x'.repeat(24), message: 'x'.repeat(24) }].map((place) =>
        verb.ask(ben, place).then(
          () => null,
          (error: { code: string; message: string; details: unknown }) => ({
            code: error.code,
            message: error.message,
            details: error.details,
          }),
        ),
      ),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.code).toBe('not-found');
  }
});
