/** Every row of the protocol: a round trip with its own result checked, malformed requests, a guessed id. A row without a sample here fails. */
import { describe, expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { events } from '../protocol/events.ts';
import { type Method, methods, type Params } from '../protocol/methods.ts';
import { mailboxSurfaces } from '../protocol/rows.ts';
import { domain, outcome, type Postroom, startPostroom } from './support/postroom.ts';

type At = {
  mailbox: string;
  spare: string;
  conversation: string;
  message: string;
  outbox: string;
  failed: string;
  key: string;
  invitation: string;
};
/** One good request for each row, asked by eva in this order on one daemon; null: the row has a test of its own, named beside it. */
const samples: { [M in Method]: ((at: At) => Params<M>) | null } = {
  'session.whoami': () => ({}),
  'daemon.status': () => ({}),
  'daemon.doctor': () => ({}),
  'person.join': null, // every person of every test joins; see also cli tests
  'person.add': () => ({ name: 'zoe' }),
  'person.invite': () => ({ name: 'zoe' }),
  'person.list': () => ({}),
  'person.show': () => ({ name: 'zoe' }),
  'person.set': () => ({ name: 'zoe', plan: 'team' }),
  'person.disable': () => ({ name: 'zoe' }),
  'person.enable': () => ({ name: 'zoe' }),
  'person.confirm': () => ({ name: 'eva' }), // nobody invited her: there is nothing to confirm
  'person.allow': () => ({ name: 'zoe', operation: 'audit.read' }),
  'person.deny': () => ({ name: 'zoe', operation: 'audit.read' }),
  'person.leaving': () => ({ name: 'zoe' }),
  'person.remove': () => ({ name: 'zoe' }),
  'key.list': () => ({}),
  'key.confirm': (at) => ({ fingerprint: at.key }),
  'invitation.list': () => ({}),
  'invitation.withdraw': (at) => ({ invitation: at.invitation }),
  'key.revoke': (at) => ({ fingerprint: at.key }),
  'role.add': () => ({ name: 'leads' }),
  'role.list': () => ({}),
  'role.show': () => ({ name: 'leads' }),
  'role.member.add': () => ({ role: 'leads', member: 'ben' }),
  'role.member.remove': () => ({ role: 'leads', member: 'ben' }),
  'role.allow': () => ({ name: 'leads', operation: 'audit.read' }),
  'role.deny': () => ({ name: 'leads', operation: 'audit.read' }),
  'role.preview': () => ({ role: 'leads', edit: 'remove' }),
  'role.remove': () => ({ name: 'leads' }),
  'mailbox.add': () => ({ address: `orders@${domain}`, shared: true }),
  'mailbox.list': () => ({}),
  'mailbox.show': (at) => ({ mailbox: at.mailbox }),
  'mailbox.set': (at) => ({ mailbox: at.mailbox, settings: { name: 'Support' } }),
  'mailbox.history': (at) => ({ mailbox: at.mailbox, field: 'name' }),
  'mailbox.test': (at) => ({ mailbox: at.mailbox }),
  'mailbox.unshare': (at) => ({ mailbox: at.spare }),
  'mailbox.share': (at) => ({ mailbox: at.spare }),
  'mailbox.address.add': (at) => ({ mailbox: at.mailbox, alias: `help@${domain}` }),
  'mailbox.address.remove': (at) => ({ mailbox: at.mailbox, alias: `help@${domain}` }),
  'mailbox.sync': (at) => ({ mailbox: at.mailbox, wait: true }),
  'mailbox.folders': (at) => ({ mailbox: at.mailbox }),
  'mailbox.watch': (at) => ({ mailbox: at.mailbox, level: 'all' }),
  'grant.set': (at) => ({ mailbox: at.mailbox, grantee: 'ben', access: true }),
  'grant.add': (at) => ({ mailbox: at.mailbox, grantee: 'ben', send: true, until: '2099-01-01T00:00:00.000Z' }),
  'grant.list': (at) => ({ mailbox: at.mailbox }),
  'grant.matrix': (at) => ({ mailbox: at.mailbox }),
  'grant.preview': (at) => ({ mailbox: at.mailbox, edits: [{ kind: 'remove', grantee: 'ben' }], person: 'ben' }),
  'grant.write': (at) => ({ mailbox: at.mailbox, edits: [{ kind: 'set', grantee: 'ben', access: true, send: true, setup: false }] }),
  'grant.unused': (at) => ({ mailbox: at.mailbox, days: 30 }),
  'grant.explain': (at) => ({ mailbox: at.mailbox, person: 'ben' }),
  'grant.remove': (at) => ({ mailbox: at.mailbox, grantee: 'ben' }),
  'panel.list': () => ({}),
  'conversation.list': (at) => ({ mailbox: at.mailbox, state: 'open' }),
  'folder.list': (at) => ({ mailbox: at.mailbox, folder: 'INBOX' }),
  'conversation.show': (at) => ({ conversation: at.conversation, headers: true }),
  'message.raw': (at) => ({ message: at.message }),
  'message.attachment': (at) => ({ message: at.message, index: 0 }),
  'conversation.mark': (at) => ({ conversation: at.conversation, as: 'star' }),
  'conversation.take': (at) => ({ conversation: at.conversation }),
  'conversation.release': (at) => ({ conversation: at.conversation }),
  'conversation.assignees': (at) => ({ conversation: at.conversation }),
  'conversation.assign': (at) => ({ conversation: at.conversation, to: 'eva' }),
  'conversation.note': (at) => ({ conversation: at.conversation, text: 'called them' }),
  'timeline.mailbox': (at) => ({ mailbox: at.mailbox, kinds: ['note', 'mail-in'], since: '2020-01-01T00:00:00.000Z' }),
  'timeline.conversation': (at) => ({ conversation: at.conversation }),
  'timeline.contact': () => ({ address: 'jane@example.org' }),
  'audit.list': (at) => ({ mailbox: at.mailbox, person: 'ben', since: '2020-01-01T00:00:00.000Z', action: 'grant' }),
  'audit.verify': () => ({}),
  'search.run': (at) => ({ query: `"Where is" in:${at.mailbox}` }),
  'compose.from': () => ({}),
  'compose.reply': (at) => ({ conversation: at.conversation, kind: 'reply-all' }),
  'outbox.send': (at) => ({ from: at.mailbox, to: at.spare, subject: 'Hello', body: 'Hello' }),
  'outbox.list': () => ({}),
  'outbox.show': (at) => ({ outbox: at.outbox }),
  'compose.again': (at) => ({ outbox: at.outbox }),
  'outbox.cancel': (at) => ({ outbox: at.outbox }),
  'outbox.retry': null, // takes a failed mail: outbox tests
  'outbox.settle': null, // takes a mail of unknown fate: outbox tests
  'conversation.move': (at) => ({ conversation: at.conversation, to: { role: 'trash' } }),
  'mailbox.transfer': (at) => ({ mailbox: at.spare, person: 'ben' }),
  'mailbox.remove': (at) => ({ mailbox: at.mailbox }),
};
const names = Object.keys(methods) as Method[];

async function prepared(): Promise<{ postroom: Postroom; at: At }> {
  const postroom = await startPostroom();
  await postroom.person('ben');
  await postroom.person('nobody');
  const mailbox = await postroom.mailbox('support');
  const spare = await postroom.mailbox('sales');
  await postroom.deliver(mailbox, { attachments: [{ filename: 'label.txt', content: 'x' }] });
  const { conversation } = await postroom.newest(mailbox);
  const eva = await postroom.as('eva');
  const shown = await eva.call('conversation.show', { conversation });
  const held = await eva.call('outbox.send', { from: mailbox, to: spare, subject: 'Later', body: 'x', at: '2099-01-01T00:00:00.000Z' });
  await eva.call('person.invite', { name: 'ben' });
  const invitation = (await eva.call('invitation.list', {})).rows[0]?.id ?? '';
  const key = (await eva.call('key.list', {})).rows.find((row) => row.person === 'ben')?.fingerprint ?? '';
  return {
    postroom,
    at: { mailbox, spare, conversation, message: shown.messages[0]?.id ?? '', outbox: held.outbox ?? '', failed: '', key, invitation },
  };
}

/** A call whose params the compiler cannot know: rows are walked through by name. */
function ask(client: Client, method: Method, params: unknown): Promise<unknown> {
  const call = client.call as (method: Method, params: unknown, options: { onChunk: () => void }) => Promise<unknown>;
  return call(method, params, { onChunk: () => undefined });
}

describe('every row', () => {
  test('needs a mailbox exactly where it says how to find one', () => {
    const surfaces: readonly string[] = mailboxSurfaces;
    for (const name of names) {
      const { needs, names: named, doc } = methods[name];
      expect([name, needs.some((need) => surfaces.includes(need))]).toEqual([name, named !== undefined]);
      expect(needs.length).toBeGreaterThan(0);
      expect(doc).toMatch(/\.$/);
    }
    for (const { doc } of Object.values(events)) expect(doc).toMatch(/\.$/);
  });

  test('answers a good request with what it promises', async () => {
    const { postroom, at } = await prepared();
    await using _ = postroom;
    const eva = await postroom.as('eva');
    for (const [name, sample] of Object.entries(samples) as [Method, ((at: At) => unknown) | null][]) {
      if (sample !== null) expect([name, await outcome(ask(eva, name, sample(at)))]).toEqual([name, 'yes']);
    }
  });

  test('refuses a request that does not fit, and says where', async () => {
    const { postroom, at } = await prepared();
    await using _ = postroom;
    const eva = await postroom.as('eva');
    for (const name of names.filter((one) => one !== 'person.join')) {
      const good = (samples[name] as ((at: At) => object) | null)?.(at) ?? {};
      const bad: unknown[] = [null, [], 'x', 7, { ...good, surplus: true }];
      for (const key of Object.keys(good)) bad.push({ ...good, [key]: { nested: true } }, { ...good, [key]: [[]] });
      for (const params of bad) {
        const error = await ask(eva, name, params).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        expect([name, JSON.stringify(params), error instanceof PostroomError ? error.code : error]).toEqual([
          name,
          JSON.stringify(params),
          'invalid',
        ]);
      }
    }
  });

  test('answers a foreign id like one that never was', async () => {
    const { postroom, at } = await prepared();
    await using _ = postroom;
    const nobody = await postroom.as('nobody');
    const nowhere: At = {
      mailbox: `x@${domain}`,
      spare: `y@${domain}`,
      conversation: 'x'.repeat(24),
      message: 'y'.repeat(24),
      outbox: 'z'.repeat(24),
      failed: '',
      key: '',
      invitation: '',
    };
    for (const name of names) {
      const sample = samples[name] as ((at: At) => unknown) | null;
      if (sample === null || methods[name].names === undefined) continue;
      const answers = [];
      for (const place of [at, nowhere]) {
        answers.push(
          await ask(nobody, name, sample(place)).then(
            () => 'done',
            (error: PostroomError) => JSON.stringify([error.code, error.message, error.details]),
          ),
        );
      }
      expect([name, answers[0]]).toEqual([name, answers[1]]);
      expect(answers[0]).toContain('not-found');
    }
  });
});
