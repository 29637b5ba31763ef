/** From, replies, sending, and the outbox. What leaves is composed once here; `outbox/` hands it over. */
import { randomBytes, randomUUID } from 'node:crypto';
import { notFound, PostroomError } from '../../protocol/errors.ts';
import { displaySender as displaySenderOf, type SafeText, safeBlock, safeText } from '../../protocol/text.ts';
import type { Mailbox } from '../directory/document.ts';
import { parseAddressList } from '../mail/address.ts';
import { addressKey } from '../mail/address-list.ts';
import { forwardSubject, quoteForReply, replySubject } from '../mail/conversation.ts';
import { type Answer, answerTo } from '../mail/correspondent.ts';
import { type Address, attachmentBytes, composedText, readMessage } from '../mail/message.ts';
import { type Attached, compose } from '../outbox/compose.ts';
import { needFit, octetsAttached } from '../outbox/size.ts';
import { givenUp, replaceable, shownState, worst } from '../outbox/state.ts';
import type { EntryRow, OutboxPatch, OutboxRow, OutboxState, Recipient } from '../store/types.ts';
import { filesPassedOn, forwardedText } from './forwarding.ts';
import { conversationFor, markSeen, moved } from './mail.ts';
import { originOf } from './origin.ts';
import { sizeLimitFor } from './size-limit.ts';
import { attachmentOf, outboxOf, reportOf, safeOrNull } from './wire.ts';
import { type Caller, type Handlers, type Io, mailboxesWith, mailboxNamed, type World } from './world.ts';

/** References grow with a thread; RFC 5322 sets no limit, other programs do. */
const maxReferences = 100;
/** Reports that fit nothing are told for so long, and so many. */
const strayMs = 30 * 86_400_000;
const mostStray = 50;

type Conversation = Awaited<ReturnType<typeof conversationFor>>;
type Kind = 'new' | 'reply' | 'reply-all' | 'forward';

/** The mail that is answered: the one named, else the last from outside, else the last of all. */
async function answered(world: World, { detail }: Conversation, message: string | null): Promise<EntryRow> {
  if (message !== null) {
    const named = await world.store.entry(message);
    if (named?.conversation !== detail.row.id) throw notFound();
    return named;
  }
  const last = await world.store.answerable(detail.row.id);
  if (last === null) throw new PostroomError('invalid', 'There is no mail in this conversation to answer.');
  return last;
}

const folded = addressKey;

/** Addresses of the other mailboxes that the person knows of: they got a mail to them themselves, and an answer to all need not go there. */
const othersOf = (world: World, caller: Caller, mailbox: Mailbox): string[] => {
  const snapshot = world.directory.snapshot();
  return [...snapshot.access.mailboxes(caller.person, world.now()).keys()].flatMap((id) =>
    id === mailbox.id ? [] : (snapshot.mailbox(id)?.addresses ?? []),
  );
};

/** Who an answer goes to; the mail itself is read only when its head names nobody. */
async function recipientsFor(world: World, caller: Caller, kind: Kind, entry: EntryRow, mailbox: Mailbox): Promise<Answer> {
  if (kind === 'forward' || kind === 'new') return { to: [], cc: [], offered: null };
  const rules = { all: kind === 'reply-all', own: mailbox.addresses, others: othersOf(world, caller, mailbox) };
  // Not asked of an answer to all: that the mail had others as readers does not tell who wrote it.
  if (answerTo(entry, { ...rules, all: false, text: '' }).to.length > 0) return answerTo(entry, { ...rules, text: '' });
  return answerTo(entry, { ...rules, text: readMessage(await world.store.octets(entry.hash)).text });
}

/** As many characters as `mail/address.ts` takes: what is shown in To must be sendable as it stands there. */
const mostOfAName = 200;

const asText = (address: Address): SafeText =>
  safeText(
    address.name === null || address.name === ''
      ? address.address
      : `"${address.name.replace(/["\\]/g, '').slice(0, mostOfAName)}" <${address.address}>`,
  );

/** A reply leaves from the address that was written to; the primary one otherwise. */
function fromFor(mailbox: Mailbox, entry: EntryRow | null): string {
  const written = entry === null || entry.direction === 'out' ? entry?.from : [...entry.to, ...entry.cc];
  const match = written?.find((one) => mailbox.addresses.some((address) => folded(address) === folded(one.address)));
  return mailbox.addresses.find((address) => match !== undefined && folded(address) === folded(match.address)) ?? mailbox.address;
}

type Manifest = readonly { filename: string; type: string; sizeOctets: number }[];

/** The files that come beside the request. Of a mail that is only tried none comes: their sizes are enough. */
async function uploaded(world: World, { upload }: Io, manifest: Manifest, isTried: boolean): Promise<Attached[]> {
  const total = manifest.reduce((sum, one) => sum + one.sizeOctets, 0);
  const all = Buffer.alloc(total);
  if (total > 0 && !isTried) {
    let at = 0;
    for await (const chunk of world.uploads.read(upload)) {
      if (at + chunk.byteLength > total) throw new PostroomError('invalid', 'More octets came than the attachments were said to hold.');
      all.set(chunk, at);
      at += chunk.byteLength;
    }
    if (at !== total) throw new PostroomError('invalid', `Of the attachments ${at} of ${total} octets came.`);
  }
  let start = 0;
  return manifest.map(({ filename, type, sizeOctets }) => {
    const bytes = all.subarray(start, start + sizeOctets);
    start += sizeOctets;
    return { filename, type, bytes };
  });
}

/** Files of a mail that go along with the one that takes its place. */
function keptOf({ octets, attachments }: Awaited<ReturnType<typeof replaced>>, wanted: readonly number[] | null): Attached[] {
  return (wanted ?? attachments.map(({ index }) => index)).map((index) => {
    const file = attachmentBytes(octets, index);
    if (file === null) throw new PostroomError('invalid', `The mail that this one takes the place of has no attachment ${index}.`);
    return { ...file, filename: file.name };
  });
}

function ownSends(world: World, caller: Caller): Mailbox[] {
  return mailboxesWith(world.directory.snapshot(), caller.person, 'send', world.now());
}

async function rowFor(world: World, id: string): Promise<OutboxRow> {
  const row = await world.store.outboxRow(id);
  if (row === null) throw notFound();
  return row;
}

const withReports = async (world: World, row: OutboxRow) =>
  outboxOf(world.directory.snapshot(), row, await world.store.reportsAbout([row.entry]));

/** Whoever acts, as the audit journal keeps them. */
const byOf = (world: World, caller: Caller) => ({ name: world.directory.snapshot().nameOf(caller.person), origin: originOf(caller) });

/** Moves a row that a person decided about; `from` are the states in which the decision makes sense. */
async function settle(
  world: World,
  caller: Caller,
  id: string,
  from: readonly OutboxState[],
  patch: (row: OutboxRow) => OutboxPatch,
  refusal: string,
): Promise<OutboxRow> {
  const row = await rowFor(world, id);
  const done = from.includes(row.state) && (await world.store.outboxMove(id, row.state, patch(row), caller.person, byOf(world, caller)));
  const now = await rowFor(world, id);
  if (!done) throw new PostroomError('conflict', `${refusal} It is ${now.state}.`, { state: now.state });
  world.outbox.poke();
  return now;
}

/** A mail of the outbox as what another one begins with: to those whom it did not reach, and answering what it answered. */
async function replaced(world: World, row: OutboxRow) {
  const octets = await world.store.octets(row.hash);
  const { to, cc, subject, attachments, inReplyTo, references } = readMessage(octets);
  const reached = new Set(row.recipients.flatMap(({ state, address }) => (state === 'accepted' ? [folded(address)] : [])));
  const missing = (addresses: readonly Address[]): Address[] => addresses.filter(({ address }) => !reached.has(folded(address)));
  const named = new Set([...to, ...cc].map(({ address }) => folded(address)));
  return {
    row,
    octets,
    to: missing(to),
    cc: missing(cc),
    // Nothing names them but the envelope.
    bcc: missing(row.recipients.map(({ address }) => ({ name: null, address }))).filter(({ address }) => !named.has(folded(address))),
    subject,
    attachments,
    inReplyTo: inReplyTo[0] ?? null,
    references,
  };
}

/** A guess is a person's to take: who it is stands in the message, and is not written to. */
function onlyOffered({ to, offered }: Answer): PostroomError {
  const [address = ''] = to.map((one) => safeText(one.address));
  const where = offered === 'name' ? 'Its sender’s name holds' : 'It comes from an address of ours, and its text names';
  return new PostroomError(
    'invalid',
    `This mail names nobody to answer. ${where} ${address}: to answer there, give it as the recipient (--to ${address}).`,
    {
      offered: to.map((one) => safeText(one.address)),
    },
  );
}

/** What has left, or may have, is not sent in another form. */
const leftAlready = (state: OutboxState | null): PostroomError =>
  new PostroomError('conflict', `It cannot be changed any more: it is ${state ?? 'gone'}.`, { state });

type SendingMethods =
  | 'compose.from'
  | 'compose.reply'
  | 'compose.again'
  | 'outbox.send'
  | 'outbox.list'
  | 'outbox.show'
  | 'outbox.cancel'
  | 'outbox.retry'
  | 'outbox.settle';

export const sendingHandlers: Handlers<SendingMethods> = {
  'compose.from': async (world, _asked, caller) => ({
    rows: ownSends(world, caller).flatMap((mailbox) =>
      mailbox.addresses.map((address) => ({
        mailbox: safeText(mailbox.address),
        address: safeText(address),
        name: safeOrNull(mailbox.settings.name),
        signature: mailbox.settings.signature === null ? null : safeBlock(mailbox.settings.signature),
      })),
    ),
  }),

  'compose.reply': async (world, asked, caller) => {
    const found = await conversationFor(world, asked.conversation, caller);
    const entry = await answered(world, found, asked.message);
    const octets = await world.store.octets(entry.hash);
    const { text } = await world.opener.open(octets);
    const { to, cc, offered } = await recipientsFor(world, caller, asked.kind, entry, found.mailbox);
    const forward = asked.kind === 'forward';
    const { signature } = found.mailbox.settings;
    return {
      mailbox: safeText(found.mailbox.address),
      from: safeText(fromFor(found.mailbox, entry)),
      to: to.map(asText),
      cc: cc.map(asText),
      offered,
      subject: safeText(forward ? forwardSubject(entry.subject) : replySubject(entry.subject)),
      quote: safeBlock(forward ? forwardedText(entry, text) : quoteForReply(text, entry.from.map(displaySenderOf).join(', '), entry.date)),
      signature: signature === null ? null : safeBlock(signature),
      attachments: forward ? filesPassedOn(entry, octets).map((one) => safeText(one.filename)) : [],
      revision: found.detail.row.revision,
      message: entry.id,
    };
  },

  'compose.again': async (world, asked, caller) => {
    const row = await rowFor(world, asked.outbox);
    if (!replaceable.includes(row.state)) throw leftAlready(row.state);
    const mailbox = mailboxNamed(world.directory.snapshot(), row.mailbox);
    const { to, cc, bcc, subject, octets, attachments } = await replaced(world, row);
    const { detail } = await conversationFor(world, row.conversation, caller);
    // The newest of it is all there is.
    const alone = detail.entries.every(({ outbox }) => outbox === row.id) && detail.notes.length === 0 && detail.earlier === null;
    return {
      mailbox: safeText(mailbox.address),
      from: safeText(row.from),
      to: to.map(asText),
      cc: cc.map(asText),
      bcc: bcc.map(asText),
      subject: safeText(subject),
      body: safeBlock(composedText(octets)),
      attachments: attachments.map(attachmentOf),
      conversation: alone ? null : detail.row.id,
      revision: alone ? null : detail.row.revision,
    };
  },

  'outbox.send': async (world, asked, caller, io) => {
    const snapshot = world.directory.snapshot();
    const found = asked.in === null ? null : await conversationFor(world, asked.in, caller);
    const old = asked.instead === null ? null : await replaced(world, await rowFor(world, asked.instead.outbox));
    const mailbox = asked.from !== null ? mailboxNamed(snapshot, asked.from) : (found?.mailbox ?? snapshot.mailbox(old?.row.mailbox ?? ''));
    if (mailbox === undefined)
      throw new PostroomError('invalid', 'Say which address it leaves from (`from`), or which conversation it belongs to (`in`).');
    if (found !== null && found.mailbox.id !== mailbox.id) {
      // The right to send from one mailbox is no right to see a conversation of another.
      if (!snapshot.access.surfaces(caller.person, found.mailbox.id, world.now()).open) throw notFound();
      throw new PostroomError(
        'invalid',
        `That conversation belongs to ${found.mailbox.address}; a mail of it leaves from one of its addresses.`,
      );
    }
    if (found === null && asked.kind !== 'new') throw new PostroomError('invalid', 'A reply or a forward names its conversation (`in`).');
    if (old !== null) {
      if (old.row.mailbox !== mailbox.id) throw notFound();
      if (found !== null && found.detail.row.id !== old.row.conversation)
        throw new PostroomError('invalid', 'The mail that this one takes the place of belongs to another conversation.');
    }
    if (asked.body === null && old === null) throw new PostroomError('invalid', 'A mail has a text (`body`), be it an empty one.');
    const entry = found === null || old !== null ? null : await answered(world, found, asked.message);
    const from =
      mailbox.addresses.find((address) => folded(address) === folded(asked.from ?? old?.row.from ?? '')) ??
      (entry === null ? mailbox.address : fromFor(mailbox, entry));

    const given = {
      to: asked.to === null ? null : parseAddressList(asked.to),
      cc: asked.cc === null ? null : parseAddressList(asked.cc),
      bcc: asked.bcc === null ? (old?.bcc ?? []) : parseAddressList(asked.bcc),
    };
    // `--in` without recipients is an answer as well.
    const kind: Kind = asked.kind === 'new' && entry !== null ? 'reply' : asked.kind;
    const proposed: Answer = entry === null ? { to: [], cc: [], offered: null } : await recipientsFor(world, caller, kind, entry, mailbox);
    if (proposed.offered !== null && given.to === null && old === null) throw onlyOffered(proposed);
    const to = given.to ?? old?.to ?? proposed.to;
    const cc = given.cc ?? old?.cc ?? (given.to === null ? proposed.cc : []);
    const recipients = [...to, ...cc, ...given.bcc];
    const forward = kind === 'forward' && entry !== null;
    const original = forward ? await world.store.octets(entry.hash) : null;
    const passedOn = original === null || entry === null ? [] : filesPassedOn(entry, original);
    const kept = old === null ? [] : keptOf(old, asked.instead?.attachments ?? null);
    // Before a file comes, and before anything else is said of the mail: a file is refused when it is attached, whatever is still missing.
    const files = [
      ...[...passedOn, ...kept].map(({ filename, type, bytes }) => ({ filename, type, size: bytes.byteLength })),
      ...asked.attachments.map(({ filename, type, sizeOctets }) => ({ filename, type, size: sizeOctets })),
    ];
    const atLeast = files.reduce((sum, file) => sum + octetsAttached(file), Buffer.byteLength(asked.body ?? ''));
    const limit = await sizeLimitFor(world, mailbox, recipients, atLeast);
    needFit(atLeast, limit);
    if (recipients.length === 0) throw new PostroomError('invalid', 'Nobody to send to: give at least one address.');
    refuseUnreachable(world, mailbox, recipients);

    const subject =
      asked.subject ?? old?.subject ?? (entry === null ? '' : forward ? forwardSubject(entry.subject) : replySubject(entry.subject));
    const written = asked.body ?? (old === null ? '' : composedText(old.octets));
    const body =
      forward && asked.quote && original !== null
        ? `${written}\n\n${forwardedText(entry, (await world.opener.open(original)).text)}`
        : written;
    // The room is held until the mail is in the store: its octets are in memory until then.
    using _room = await world.uploads.take(
      caller.person,
      asked.attachments.reduce((sum, one) => sum + one.sizeOctets, 0),
    );
    const attachments = [...passedOn, ...kept, ...(await uploaded(world, io, asked.attachments, asked.dryRun))];
    const answers = entry !== null && !forward && entry.direction === 'in' ? entry.id : null;
    // Whoever is proposed is the one who waits, also where only the text names them; others are told by who wrote in the conversation.
    const waiting = new Set(
      entry === null || forward ? [] : (await recipientsFor(world, caller, 'reply', entry, mailbox)).to.map((one) => folded(one.address)),
    );
    const answersThem = forward ? false : [...to, ...cc, ...given.bcc].some((one) => waiting.has(folded(one.address))) ? true : null;
    const threaded = entry !== null && !forward && entry.messageId !== null;
    const now = world.now();
    const composed = compose(
      {
        from: { name: mailbox.settings.name, address: from },
        to,
        cc,
        bcc: given.bcc,
        subject,
        body,
        attachments,
        inReplyTo: old?.inReplyTo ?? (threaded ? entry.messageId : null),
        references:
          old?.references ??
          (threaded && entry.messageId !== null ? [...entry.references.slice(-(maxReferences - 1)), entry.messageId] : []),
        date: now,
        messageId: `<${randomUUID()}@${from.slice(from.lastIndexOf('@') + 1)}>`,
        postroomId: randomBytes(16).toString('hex'),
      },
      limit,
    );
    const answer = {
      messageId: safeText(composed.messageId),
      recipients: composed.recipients.map((one) => safeText(one)),
      sizeOctets: composed.octets.byteLength,
    };
    const ifRevision = asked.ifRevision;
    const givesWay = old === null || old.row.state === 'cancelled' || replaceable.includes(old.row.state);
    if (asked.dryRun) {
      if (!givesWay) throw leftAlready(old?.row.state ?? null);
      if (found !== null && ifRevision !== null && ifRevision !== found.detail.row.revision) throw moved(found.detail, snapshot);
      return { outbox: null, state: null, conversation: found?.detail.row.id ?? null, ...answer };
    }
    const sendAt = Math.max(now + asked.holdMs, asked.at === null ? 0 : Date.parse(asked.at));
    const queued = await world.store.queue({
      mailbox: mailbox.id,
      policy: world.accountOf(mailbox).policy,
      author: caller.person,
      from,
      conversation: old?.row.conversation ?? found?.detail.row.id ?? null,
      ifRevision,
      octets: composed.octets,
      messageId: composed.messageId,
      postroomId: composed.postroomId,
      subject,
      recipients: composed.recipients,
      now,
      sendAt,
      idempotencyKey: asked.idempotencyKey,
      afterwards: asked.afterwards,
      answers: old === null ? answers : old.row.answers,
      answersThem: old === null ? answersThem : null,
      session: caller.key,
      // What was taken back before is out of the way. What has left is refused there: a request that is repeated has moved it itself.
      instead:
        old === null || old.row.state === 'cancelled'
          ? null
          : { id: old.row.id, expected: old.row.state, patch: givesWay ? givenUp(old.row) : null },
      by: byOf(world, caller),
    });
    if (!queued.ok) {
      if ('instead' in queued) throw leftAlready(queued.instead);
      if (asked.in === null)
        throw new PostroomError('conflict', 'The conversation moved on. Look at it, then repeat.', { revision: queued.revision });
      throw moved((await conversationFor(world, asked.in, caller)).detail, snapshot);
    }
    const { row, repeated } = queued;
    if (row.mailbox !== mailbox.id) throw new PostroomError('invalid', 'This idempotency key is that of another mail. Choose another key.');
    if (!repeated) {
      world.outbox.poke();
      if (found !== null) {
        await world.store.markRead(found.detail.row.id, caller.person, true);
        await markSeen(world, found, 'reply-or-done', caller);
      }
    }
    return { outbox: row.id, state: row.state, conversation: row.conversation, ...answer, messageId: safeText(row.messageId) };
  },

  'outbox.list': async (world, asked, caller) => {
    const seq = caller.seq();
    const snapshot = world.directory.snapshot();
    let mailboxes = ownSends(world, caller);
    if (asked.mailbox !== null) {
      const named = snapshot.mailboxByAddress(asked.mailbox) ?? snapshot.mailbox(asked.mailbox);
      if (named === undefined || !snapshot.access.surfaces(caller.person, named.id, world.now()).any) throw notFound();
      mailboxes = mailboxes.filter((mailbox) => mailbox.id === named.id);
      if (mailboxes.length === 0)
        throw new PostroomError('forbidden', `The outbox of ${named.address} is for those who may send from it.`, { why: 'no-grant' });
    }
    // What came back for one and still waits for another is shown as come back.
    const wanted = asked.states;
    const states = wanted?.includes('bounced') === true ? [...new Set([...wanted, 'queued' as const])] : wanted;
    const found = await world.store.outbox({
      mailboxes: mailboxes.map((mailbox) => mailbox.id),
      ...(states === null ? {} : { states }),
      limit: asked.limit,
    });
    const rows = found.filter((row) => wanted === null || wanted.includes(shownState(row)) || wanted.includes(row.state));
    const own = new Set(mailboxes.map(({ id }) => id));
    const lost = asked.mailbox !== null ? [] : await world.store.unsent(caller.person);
    const outOfReach = lost.filter(({ heldFor, mailbox }) => heldFor === 'right' && !own.has(mailbox)).length;
    const reports = await world.store.reportsAbout(rows.map(({ entry }) => entry));
    const about = Map.groupBy(reports, ({ outbox }) => outbox);
    const stray = await world.store.strayReports([...own], world.now() - strayMs, mostStray);
    return {
      rows: rows.map((row) => outboxOf(snapshot, row, about.get(row.id) ?? [])),
      outOfReach,
      reports: stray.map((report) => reportOf(snapshot, report)),
      seq,
    };
  },

  'outbox.show': async (world, asked) => withReports(world, await rowFor(world, asked.outbox)),

  'outbox.cancel': async (world, asked, caller) => {
    const row = await settle(
      world,
      caller,
      asked.outbox,
      ['held', 'waiting-approval', 'queued', 'failed'],
      givenUp,
      'It cannot be taken back any more.',
    );
    return withReports(world, row);
  },

  'outbox.retry': async (world, asked, caller) => {
    const again = (row: OutboxRow): OutboxPatch => ({
      state: 'queued',
      phase: null,
      heldFor: null,
      attempts: 0,
      sendAt: world.now(), // giving up counts from here
      nextAttemptAt: null,
      lastError: null,
      // Those who got it do not get it twice, nor those who may have, unless a person says of the mail that they have not.
      recipients: row.recipients.map((one) =>
        one.state === 'accepted' || (one.state === 'unknown' && row.state !== 'unknown') ? one : { ...one, state: 'pending', reply: null },
      ),
    });
    const row = await settle(
      world,
      caller,
      asked.outbox,
      ['failed', 'unknown', 'held', 'queued', 'bounced'],
      again,
      'Only what failed, waits, is held, or is of unknown fate can be sent again.',
    );
    // Whoever asks for a try means a connection too.
    await world.outbox.tryNow(row.mailbox);
    return withReports(world, row);
  },

  'outbox.settle': async (world, asked, caller) => {
    const arrived = (row: OutboxRow): OutboxPatch => {
      const recipients = row.recipients.map((one): Recipient => (one.state === 'unknown' ? { ...one, state: 'accepted' } : one));
      return { state: row.state === 'unknown' ? 'accepted' : worst(recipients), phase: null, recipients };
    };
    const ofUnknownFate = (await rowFor(world, asked.outbox)).recipients.some(({ state }) => state === 'unknown');
    const row =
      asked.as === 'arrived'
        ? await settle(
            world,
            caller,
            asked.outbox,
            ofUnknownFate ? ['unknown', 'bounced'] : ['unknown'],
            arrived,
            'Only a mail of unknown fate is settled by hand.',
          )
        : await settle(
            world,
            caller,
            asked.outbox,
            ['unknown', 'failed', 'bounced'],
            givenUp,
            'Only what failed, came back, or is of unknown fate is given up.',
          );
    await world.outbox.arrived(row.id);
    return withReports(world, row);
  },
};

/** A hosted mailbox without a relay reaches its own kind only; that is said now, not by a bounce. */
function refuseUnreachable(world: World, mailbox: Mailbox, recipients: readonly Address[]): void {
  if (mailbox.kind !== 'hosted' || world.config.hosted.relay !== null) return;
  const snapshot = world.directory.snapshot();
  const foreign = recipients.filter((one) => snapshot.mailboxByAddress(one.address)?.kind !== 'hosted');
  if (foreign.length === 0) return;
  throw new PostroomError(
    'invalid',
    `${mailbox.address} is hosted here and no relay is configured (hosted.relay), so mail cannot leave for ${foreign.map((one) => safeText(one.address)).join(', ')}.`,
  );
}
