/**
 * What a person may not see does not exist for them. Generated from the rows of the protocol: every row, asked by persons with one right each
 * and by an owner, about things of their own mailbox, a foreign one, one that never was, and one that is gone.
 */
import { expect, test } from 'vitest';
import { fingerprint, newKeyPair } from '../protocol/keys.ts';
import { domain, type Postroom, startPostroom } from './support/postroom.ts';
import { type Answer, answerOf, expected, type Level, methodNames, type Place, requests } from './support/requests.ts';

const levels: readonly Level[] = ['none', 'access', 'send', 'setup', 'owner'];
const later = '2099-01-01T00:00:00.000Z';

/** A mailbox of eva's with something of every kind in it. Asked about as she sees it, before it is given away. */
async function furnished(postroom: Postroom, name: string): Promise<Place> {
  const eva = await postroom.as('eva');
  const [mailbox, spare] = [await postroom.mailbox(name), await postroom.mailbox(`${name}-spare`)];
  for (const subject of ['Where is my order?', 'Another one'])
    await postroom.deliver(mailbox, { subject, attachments: [{ filename: 'label.txt', content: 'x' }] });
  const page = await eva.call('conversation.list', { mailbox, limit: 1 });
  const conversation = page.rows[0]?.conversation ?? '';
  const shown = await eva.call('conversation.show', { conversation });
  const held = async () => (await eva.call('outbox.send', { from: mailbox, to: mailbox, subject: 'Later', body: 'x', at: later })).outbox;
  await eva.call('grant.add', { mailbox, grantee: 'li', access: true, until: later });
  const { rows } = await eva.call('grant.list', { mailbox });
  await eva.call('person.invite', { name: 'li' });
  return {
    mailbox,
    spare,
    conversation,
    message: shown.messages[0]?.id ?? '',
    outbox: (await held()) ?? '',
    retry: (await held()) ?? '',
    grant: rows[0]?.id ?? '',
    key: fingerprint(postroom.identity('li').publicKey),
    invitation: (await eva.call('invitation.list', {})).rows.at(-1)?.id ?? '',
    cursor: page.next ?? '',
    timelineCursor: (await eva.call('timeline.mailbox', { mailbox, limit: 1 })).next ?? '',
    sender: 'eva',
    alias: `help-${name}@${domain}`,
  };
}

async function give(postroom: Postroom, place: Place, level: Level): Promise<void> {
  const eva = await postroom.as('eva');
  for (const mailbox of [place.mailbox, place.spare]) {
    if (level === 'owner') await eva.call('mailbox.transfer', { mailbox, person: level });
    else if (level !== 'none') await postroom.grant(level, mailbox, { [level]: true });
  }
  if (level === 'owner') place.sender = 'owner';
}

/** Ids as long and made of the same letters as those that are. */
const neverWas = (like: Place): Place => ({
  ...like,
  mailbox: `nowhere@${domain}`,
  spare: `nowhere-spare@${domain}`,
  conversation: 'c'.repeat(like.conversation.length),
  message: 'm'.repeat(like.message.length),
  outbox: 'o'.repeat(like.outbox.length),
  retry: 'r'.repeat(like.retry.length),
  grant: 'g'.repeat(like.grant.length),
  key: fingerprint(newKeyPair().publicKey),
  invitation: 'i'.repeat(like.invitation.length),
  alias: `help-nowhere@${domain}`,
});

test(`${methodNames.length} rows by five persons: as the tables say, and foreign, gone and missing are alike byte for byte`, async () => {
  await using postroom = await startPostroom();
  for (const name of [...levels, 'li']) await postroom.person(name);
  await postroom.role('staff', 'li');
  const foreign = await furnished(postroom, 'foreign');
  const missing = neverWas(foreign);
  const wrong: string[] = [];
  let asked = 0;
  for (const level of levels) {
    const own = await furnished(postroom, `own-${level}`);
    // A cursor is a position, not a thing: all begin at the same one.
    const gone = { ...(await furnished(postroom, `gone-${level}`)), cursor: foreign.cursor, timelineCursor: foreign.timelineCursor };
    const secrets = [foreign, gone].flatMap((at) => [at.mailbox, at.spare, at.conversation, at.message, at.outbox, at.retry, at.grant]);
    for (const place of [own, gone]) await give(postroom, place, level);
    const remover = await postroom.as(level === 'owner' ? 'owner' : 'eva');
    for (const mailbox of [gone.mailbox, gone.spare]) await remover.call('mailbox.remove', { mailbox });

    const client = await postroom.as(level);
    const alike = async (method: (typeof methodNames)[number], make: (at: Place, own: Place) => object): Promise<string> => {
      const answers: Answer[] = [];
      for (const at of [missing, foreign, gone]) {
        const params = make(at, own);
        const answer = await answerOf(client, method, params);
        answers.push(answer);
        asked++;
        // Nothing of there but what was sent.
        const told = secrets.find((id) => answer.raw.includes(id) && !JSON.stringify(params).includes(id));
        if (told !== undefined) wrong.push(`${level} ${method}: tells ${told}`);
      }
      const [wanted, ...others] = answers;
      for (const answer of others)
        if (answer.text !== wanted?.text) wrong.push(`${level} ${method}: ${answer.text} is not ${wanted?.text}`);
      return wanted?.code ?? '';
    };
    for (const method of methodNames) {
      const { ask, also = [], tellsThatAddressIsInUse } = requests[method];
      const make = ask as (at: Place, own: Place) => object;
      if (JSON.stringify(make(foreign, own)) !== JSON.stringify(make(missing, own))) {
        const code = await alike(method, make);
        const wanted = expected(method, 'none');
        if (code !== wanted) wrong.push(`${level} ${method} of nothing: ${code}, not ${wanted}`);
      }
      for (const other of also) if (tellsThatAddressIsInUse !== true) await alike(method, other as (at: Place, own: Place) => object);
    }
    for (const method of Object.keys(requests) as typeof methodNames) {
      const { code, text } = await answerOf(client, method, (requests[method].ask as (at: Place, own: Place) => object)(own, own));
      asked++;
      const wanted = expected(method, level);
      if (code !== wanted) wrong.push(`${level} ${method} of their own: ${code}, not ${wanted}: ${text}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(new Set(Object.keys(requests))).toEqual(new Set(methodNames));
  expect(asked).toBeGreaterThan(levels.length * methodNames.length * 2);
});
