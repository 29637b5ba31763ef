/** Fills a new demo home as its people would: invitations, grants and verbs through the protocol, customers' mail over SMTP. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, connect } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { decodeInvitation, newKeyPair, writeIdentity } from '../protocol/keys.ts';
import type { Result } from '../protocol/methods.ts';
import { safeText } from '../protocol/text.ts';
import { attachment } from './attachments.ts';
import type { BoxName, FileName, PersonName, Talk } from './content/talk.ts';
import { identityFile, type Ports, reach } from './home.ts';
import { after, type Before, boxes, datesOf, deliveryOf, domain, isLive, nothingBefore, said, talks } from './mails.ts';
import { Senders } from './smtp.ts';

/** How many conversations go on at once. The daemon has one writer; more would only wait there. */
const atOnce = 8;
const role = 'agents';

type Team = Readonly<Record<PersonName, Client>>;
/** A conversation so far: which turn comes next, what was said, and its id once there is one. */
type Going = { talk: Talk; next: number; before: Before; id: string };

export async function furnish({ root, ports }: { root: string; ports: Ports }, say: (text: string) => void): Promise<void> {
  const eva = await reach(root, 'eva');
  const clients = [eva];
  const post = new Senders(ports.smtp);
  try {
    say('people, mailboxes and grants');
    const team = { eva, ben: await invite(root, eva, 'ben'), li: await invite(root, eva, 'li') };
    clients.push(team.ben, team.li);
    await openForBusiness(team);

    const total = talks.reduce((sum, talk) => sum + talk.turns.length, 0);
    let written = 0;
    const count = (): void => say(`mail ${++written} of ${total}`);
    const begun = await together(talks, (talk) => past(talk, post, count));
    await fileOwn(eva);
    const ids = await conversationIds(eva);
    const going = begun.map((it) => ({ ...it, id: idIn(ids, it.talk) }));
    await together(going, (it) => present(it, team, post, count));
    say('who has what');
    await together(going, (it) => work(it, team));
    await handedOver(eva);
    await post.close();
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function together<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) results[i] = await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

// --- the organisation ----------------------------------------------------------------------------------------------

/** Adds a person and joins in their place, as they would with `postroom join`. */
async function invite(root: string, eva: Client, name: PersonName): Promise<Client> {
  const { invitation: text } = await eva.call('person.add', { name, email: `${name}@${domain}` });
  const invitation = decodeInvitation(text);
  const keys = newKeyPair();
  const newcomer = await connect({ invitation });
  try {
    await newcomer.call('person.join', { publicKey: keys.publicKey, label: 'demo' });
  } finally {
    await newcomer.close();
  }
  writeIdentity(identityFile(root, name), { person: name, endpoint: invitation.endpoint, daemonKey: invitation.daemonKey, ...keys });
  return reach(root, name);
}

/** One after the other: each is a change of one document. */
async function openForBusiness({ eva, ben }: Team): Promise<void> {
  await eva.call('role.add', { name: role });
  await eva.call('role.member.add', { role, member: 'ben' });
  for (const [name, { address, name: shown, aliases, signature }] of Object.entries(boxes) as [BoxName, (typeof boxes)[BoxName]][]) {
    const shared = name !== 'eva';
    await eva.call('mailbox.add', { address, shared, name: shown });
    for (const alias of aliases) await eva.call('mailbox.address.add', { mailbox: address, alias });
    await eva.call('mailbox.set', { mailbox: address, settings: { signature } });
    if (!shared) continue;
    await eva.call('grant.set', { mailbox: address, grantee: role, access: true, send: true, note: 'answers customers' });
    await eva.call('grant.set', { mailbox: address, grantee: 'li', access: true, note: 'reads along for the reports' });
    for (const client of [eva, ben]) await client.call('mailbox.watch', { mailbox: address, level: 'all' });
  }
}

// --- conversations -------------------------------------------------------------------------------------------------

/** Delivers what was written before the first answer through Postroom. */
async function past(talk: Talk, post: Senders, count: () => void): Promise<Omit<Going, 'id'>> {
  const dates = datesOf(talk, new Date());
  let before = nothingBefore;
  let next = 0;
  for (; next < talk.turns.length && !isLive(said(talk.turns[next] ?? '')); next++) {
    before = await deliver(talk, next, dates[next] ?? new Date(), before, post);
    count();
  }
  return { talk, next, before };
}

/** The rest: answers through Postroom, and what customers say to them. */
async function present({ talk, next, before, id }: Going, team: Team, post: Senders, count: () => void): Promise<void> {
  let current = before;
  for (let i = next; i < talk.turns.length; i++) {
    const turn = said(talk.turns[i] ?? '');
    if (turn.by === 'eva' || turn.by === 'ben') {
      const { messageId, text } = await answer(team[turn.by], id, turn.text, turn.files ?? []);
      current = after(current, messageId.replace(/^<|>$/g, ''), boxes[talk.box].name, new Date(), text);
    } else {
      current = await deliver(talk, i, new Date(), current, post);
    }
    count();
  }
}

async function deliver(talk: Talk, index: number, at: Date, before: Before, post: Senders): Promise<Before> {
  const { envelope, mail, octets } = deliveryOf(talk, index, at, before);
  await post.send(envelope, octets);
  const { text } = said(talk.turns[index] ?? '');
  return after(before, mail.id, mail.from.name ?? mail.from.address, at, text);
}

async function answer(
  client: Client,
  conversation: string,
  text: string,
  files: readonly FileName[],
): Promise<{ messageId: string; text: string }> {
  const begun = await client.call('compose.reply', { conversation, kind: 'reply' });
  const attachments = files.map(attachment);
  const signed = begun.signature === null ? text : `${text}\n\n-- \n${begun.signature}`;
  const { messageId } = await client.call(
    'outbox.send',
    {
      in: conversation,
      kind: 'reply',
      body: `${signed}\n\n${begun.quote}`,
      ifRevision: begun.revision,
      attachments: attachments.map(({ filename, type, octets }) => ({ filename, type, sizeOctets: octets.length })),
    },
    { upload: attachments.map(({ octets }) => octets) },
  );
  return { messageId, text };
}

/** What the shop wrote before the first answer through Postroom came like other mail: it belongs into Sent. Only there it is the shop's own. */
async function fileOwn(eva: Client): Promise<void> {
  for (const { address } of Object.values(boxes)) {
    const { rows: folders } = await eva.call('mailbox.folders', { mailbox: address });
    const [inbox, sent] = (['inbox', 'sent'] as const).map((role) => folders.find((one) => one.role === role)?.key ?? '');
    if (inbox === undefined || sent === undefined) throw new PostroomError('internal', `${address} has no inbox or no Sent folder`);
    for (const conversation of (await conversationIds(eva)).values()) {
      const { mailbox, messages } = await eva.call('conversation.show', { conversation });
      const own = messages.filter(({ marks }) => marks?.some((mark) => mark === 'claims-ours') === true).map(({ id }) => id);
      if (mailbox !== address || own.length === 0) continue;
      await eva.call('conversation.move', { conversation, to: { back: { out: inbox, to: [{ folder: sent, messages: own }] } } });
    }
  }
}

/** Every conversation by mailbox, first subject, and whom it is with. */
async function conversationIds(eva: Client): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { address } of Object.values(boxes)) {
    for (let cursor: string | null = null; ; ) {
      const page: Result<'conversation.list'> = await eva.call('conversation.list', { mailbox: address, limit: 200, cursor });
      for (const { conversation, mailbox, subject, from } of page.rows)
        found.set(keyOf(mailbox, subject, from?.address ?? ''), conversation);
      cursor = page.next;
      if (cursor === null) break;
    }
  }
  return found;
}

const keyOf = (mailbox: string, subject: string, address: string): string => `${mailbox}\n${subject}\n${address.toLowerCase()}`;

function idIn(ids: ReadonlyMap<string, string>, { box, subject, who }: Talk): string {
  const id = ids.get(keyOf(boxes[box].address, safeText(subject), who[1]));
  if (id === undefined) throw new PostroomError('internal', `The daemon took "${safeText(subject)}" and does not list it.`);
  return id;
}

/** Who has it, what they noted, whether it is over, and who has read it. */
async function work({ talk, id: conversation }: Going, team: Team): Promise<void> {
  const { assignee, notes = [], box, done, starred, unread } = talk;
  if (assignee === 'eva' || assignee === 'ben') await team[assignee].call('conversation.take', { conversation });
  else if (assignee !== undefined) await team.eva.call('conversation.assign', { conversation, to: assignee });
  for (const [author, text] of notes) await team[author].call('conversation.note', { conversation, text });
  if (starred === true) await team.eva.call('conversation.mark', { conversation, as: 'star' });
  if (done === true) await (box === 'eva' ? team.eva : team.ben).call('conversation.mark', { conversation, as: 'done' });
  if (unread === true) return;
  for (const client of box === 'eva' ? [team.eva] : [team.eva, team.ben])
    await client.call('conversation.mark', { conversation, as: 'read' });
}

/** Returns when every answer has reached the customers: the daemon that made this home stops after it. */
async function handedOver(eva: Client): Promise<void> {
  for (;;) {
    const { rows } = await eva.call('outbox.list', { limit: 200 });
    const failed = rows.find(({ state }) => state !== 'queued' && state !== 'sending' && state !== 'accepted');
    if (failed !== undefined)
      throw new PostroomError('internal', `"${failed.subject}" did not go out: ${failed.lastError ?? failed.state}`);
    if (rows.every(({ state, sentCopy }) => state === 'accepted' && sentCopy !== 'pending')) return;
    await pause(50);
  }
}
