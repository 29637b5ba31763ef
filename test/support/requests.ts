/**
 * One request for each row of the protocol that names a thing, made from the ids of a place: of the person's own mailbox, a foreign one, one
 * that never was, one that is gone. A row without a line here fails the type check and the tests.
 */
import type { Client } from '../../protocol/client.ts';
import { PostroomError } from '../../protocol/errors.ts';
import { type Method, methods, type Params } from '../../protocol/methods.ts';
import { mailboxSurfaces, type Need } from '../../protocol/rows.ts';

/** Everything of a mailbox that can be named. */
export type Place = {
  mailbox: string;
  /** Another mailbox with the same rights, to be removed. */
  spare: string;
  conversation: string;
  message: string;
  outbox: string;
  /** A second mail on its way out. */
  retry: string;
  grant: string;
  /** The fingerprint of somebody's key. */
  key: string;
  /** Somebody's open invitation. */
  invitation: string;
  /** Where a list of this mailbox goes on. */
  cursor: string;
  timelineCursor: string;
  /** Who may send from it, by name. */
  sender: string;
  alias: string;
};

/** What a person holds on a mailbox. */
export type Level = 'none' | 'access' | 'send' | 'setup' | 'owner';

type Ask<M extends Method> = (at: Place, own: Place) => Params<M>;
type Line<M extends Method> = {
  ask: Ask<M>;
  /** What it comes to on a mailbox of one's own, where that is not what the row's `needs` say. */
  own?: (level: Level) => string;
  /** Things of another place inside a request about one's own. */
  also?: readonly Ask<M>[];
  /** An address belongs to one mailbox: who asks for one learns that it is in use, not by whom. */
  tellsThatAddressIsInUse?: true;
};

const later = '2099-01-01T00:00:00.000Z';
const anybody = () => 'yes';
const inList = (level: Level): string => (level === 'none' ? 'not-found' : level === 'send' || level === 'owner' ? 'yes' : 'forbidden');

/** Asked in this order; what takes something away comes last. */
export const requests: { readonly [M in Method]: Line<M> } = {
  'session.whoami': { ask: () => ({}) },
  'daemon.status': { ask: () => ({}) },
  'daemon.doctor': { ask: () => ({}) },
  'person.join': { ask: () => ({ publicKey: '0'.repeat(40) }), own: () => 'forbidden' },
  'person.add': { ask: () => ({ name: 'zoe' }) },
  'person.invite': { ask: () => ({ name: 'eva' }), own: () => 'forbidden' },
  'person.list': { ask: () => ({}) },
  'person.show': { ask: () => ({ name: 'eva' }) },
  'person.set': { ask: () => ({ name: 'li', plan: 'team' }) },
  'person.disable': { ask: () => ({ name: 'li' }) },
  'person.confirm': { ask: () => ({ name: 'li' }) },
  'person.enable': { ask: () => ({ name: 'li' }) },
  'person.remove': { ask: () => ({ name: 'li' }) },
  'person.allow': { ask: () => ({ name: 'li', operation: 'audit.read' }) },
  'person.deny': { ask: () => ({ name: 'li', operation: 'audit.read' }) },
  'person.leaving': { ask: () => ({ name: 'li' }) },
  'key.list': { ask: () => ({}) },
  'key.confirm': { ask: (at) => ({ fingerprint: at.key }), own: () => 'not-found' },
  'invitation.list': { ask: () => ({}) },
  'invitation.withdraw': { ask: ({ invitation }) => ({ invitation }), own: () => 'not-found' },
  'key.revoke': { ask: (at) => ({ fingerprint: at.key }), own: () => 'not-found' },
  'role.add': { ask: () => ({ name: 'leads' }) },
  'role.list': { ask: () => ({}) },
  'role.show': { ask: () => ({ name: 'staff' }) },
  'role.preview': { ask: () => ({ role: 'staff', edit: 'remove' }) },
  'role.remove': { ask: () => ({ name: 'staff' }) },
  'role.allow': { ask: () => ({ name: 'staff', operation: 'audit.read' }) },
  'role.deny': { ask: () => ({ name: 'staff', operation: 'audit.read' }) },
  'role.member.add': { ask: () => ({ role: 'staff', member: 'li' }) },
  'role.member.remove': { ask: () => ({ role: 'staff', member: 'li' }) },
  'mailbox.add': {
    ask: (at) => ({ address: at.mailbox, imap: 'imaps://imap.example.net:993', smtp: 'smtps://smtp.example.net:465' }),
    own: () => 'invalid', // the domain is the daemon's own
    also: [(at) => ({ address: at.mailbox }), (at) => ({ address: at.mailbox, shared: true })],
  },
  'mailbox.list': { ask: () => ({}) },
  'mailbox.show': { ask: ({ mailbox }) => ({ mailbox }) },
  'mailbox.set': { ask: ({ mailbox }) => ({ mailbox, settings: { name: 'Support' } }) },
  'mailbox.history': {
    ask: ({ mailbox }) => ({ mailbox }),
    also: [(at, own) => ({ mailbox: own.mailbox, cursor: at.cursor }), (at) => ({ mailbox: at.mailbox, field: 'addresses' })],
  },
  'mailbox.test': { ask: ({ mailbox }) => ({ mailbox }) },
  'mailbox.share': { ask: ({ mailbox }) => ({ mailbox }) },
  'mailbox.unshare': { ask: ({ mailbox }) => ({ mailbox }) },
  'mailbox.address.add': {
    ask: ({ mailbox, alias }) => ({ mailbox, alias }),
    also: [(at, own) => ({ mailbox: own.mailbox, alias: at.mailbox })],
    tellsThatAddressIsInUse: true,
  },
  'mailbox.address.remove': {
    ask: ({ mailbox, alias }) => ({ mailbox, alias }),
    also: [(at, own) => ({ mailbox: own.mailbox, alias: at.mailbox })],
  },
  'mailbox.sync': { ask: ({ mailbox }) => ({ mailbox, wait: true }) },
  'mailbox.folders': { ask: ({ mailbox }) => ({ mailbox }) },
  'mailbox.watch': { ask: ({ mailbox }) => ({ mailbox, level: 'all' }) },
  'grant.set': { ask: ({ mailbox }) => ({ mailbox, grantee: 'li', access: true }) },
  'grant.add': { ask: ({ mailbox }) => ({ mailbox, grantee: 'li', send: true, until: later }) },
  'grant.list': { ask: ({ mailbox }) => ({ mailbox }) },
  'grant.matrix': { ask: ({ mailbox }) => ({ mailbox }) },
  'grant.preview': {
    ask: ({ mailbox }) => ({ mailbox, edits: [{ kind: 'remove', grantee: 'li' }], person: 'li' }),
    also: [
      (at, own) => ({ mailbox: own.mailbox, edits: [{ kind: 'change', grant: at.grant, access: true, send: false, setup: false }] }),
      (at, own) => ({ mailbox: own.mailbox, edits: [{ kind: 'remove', grantee: 'li', grant: at.grant }] }),
    ],
  },
  'grant.write': {
    ask: ({ mailbox }) => ({ mailbox, edits: [{ kind: 'set', grantee: 'li', access: true, send: true, setup: false }] }),
    also: [(at, own) => ({ mailbox: own.mailbox, edits: [{ kind: 'change', grant: at.grant, access: true, send: false, setup: false }] })],
  },
  'grant.explain': {
    ask: ({ mailbox }) => ({ mailbox, person: 'li' }),
    own: (level) => (level === 'none' ? 'not-found' : level === 'setup' || level === 'owner' ? 'yes' : 'forbidden'),
  },
  'grant.unused': {
    ask: ({ mailbox }) => ({ mailbox }),
    own: (level) => (level === 'none' ? 'not-found' : level === 'setup' || level === 'owner' ? 'yes' : 'forbidden'),
  },
  'grant.remove': {
    ask: ({ mailbox }) => ({ mailbox, grantee: 'li' }),
    also: [(at, own) => ({ mailbox: own.mailbox, grantee: 'li', grant: at.grant })],
  },
  'panel.list': {
    ask: ({ mailbox }) => ({ mailbox }),
    own: inList,
    also: [(at, own) => ({ mailbox: own.mailbox, cursor: at.cursor })],
  },
  'conversation.list': {
    ask: ({ mailbox }) => ({ mailbox }),
    also: [(at, own) => ({ mailbox: own.mailbox, cursor: at.cursor })],
  },
  'folder.list': {
    ask: ({ mailbox }) => ({ mailbox, folder: 'Inbox' }),
    also: [(at, own) => ({ mailbox: own.mailbox, folder: 'Inbox', cursor: at.cursor })],
  },
  'conversation.show': {
    ask: ({ conversation }) => ({ conversation, headers: true }),
    also: [
      (at, own) => ({ conversation: own.conversation, message: at.message }),
      (at, own) => ({ conversation: at.conversation, message: own.message }),
      (at) => ({ conversation: at.message }),
      (at) => ({ conversation: at.outbox }),
    ],
  },
  'message.raw': { ask: ({ message }) => ({ message }), also: [(at) => ({ message: at.conversation })] },
  'message.attachment': { ask: ({ message }) => ({ message, index: 0 }) },
  'conversation.mark': { ask: ({ conversation }) => ({ conversation, as: 'star' }) },
  'conversation.take': {
    ask: ({ conversation }) => ({ conversation }),
    // Whoever takes work must hold Send: an answer to take back would wait for them.
    own: (level) => ({ none: 'not-found', setup: 'not-found', access: 'invalid', send: 'yes', owner: 'yes' })[level],
  },
  'conversation.release': { ask: ({ conversation }) => ({ conversation }) },
  'conversation.assignees': { ask: ({ conversation }) => ({ conversation }) },
  'conversation.assign': { ask: ({ conversation, sender }) => ({ conversation, to: sender }) },
  'conversation.note': { ask: ({ conversation }) => ({ conversation, text: 'called them' }) },
  'timeline.mailbox': {
    ask: ({ mailbox }) => ({ mailbox }),
    also: [(at, own) => ({ mailbox: own.mailbox, cursor: at.timelineCursor })],
  },
  'timeline.conversation': {
    ask: ({ conversation }) => ({ conversation }),
    also: [(at, own) => ({ conversation: own.conversation, cursor: at.timelineCursor })],
  },
  'timeline.contact': {
    ask: ({ mailbox }) => ({ address: mailbox }),
    also: [(at) => ({ address: 'jane@example.org', cursor: at.timelineCursor })],
  },
  'audit.list': { ask: ({ mailbox }) => ({ mailbox }) },
  'audit.verify': { ask: () => ({}) },
  'search.run': {
    ask: ({ mailbox }) => ({ query: `in:${mailbox}` }),
    also: [
      ({ mailbox }) => ({ query: `-in:${mailbox} label` }),
      ({ mailbox }) => ({ query: mailbox }),
      ({ mailbox }) => ({ query: `in:${mailbox.split('@')[0] ?? ''}`, typing: true }),
      (at) => ({ query: '', cursor: at.cursor }),
    ],
  },
  'compose.from': { ask: () => ({}) },
  'compose.reply': {
    ask: ({ conversation }) => ({ conversation, kind: 'reply-all' }),
    also: [(at, own) => ({ conversation: own.conversation, message: at.message, kind: 'forward' })],
  },
  'compose.again': { ask: ({ outbox }) => ({ outbox }), also: [(at) => ({ outbox: at.message })] },
  'outbox.send': {
    ask: ({ mailbox }) => ({ from: mailbox, to: mailbox, subject: 'Hello', body: 'Hello', at: later }),
    also: [
      (at, own) => ({ from: own.mailbox, in: at.conversation, to: own.mailbox, body: 'x', dryRun: true }),
      (at, own) => ({ in: own.conversation, message: at.message, kind: 'forward', to: own.mailbox, body: 'x', dryRun: true }),
      (at) => ({ in: at.conversation, kind: 'reply', body: 'x' }),
      (at) => ({ from: at.mailbox, in: at.conversation, kind: 'reply', body: 'x' }),
      (at, own) => ({ from: own.mailbox, to: own.mailbox, body: null, instead: { outbox: at.outbox, attachments: null }, dryRun: true }),
      (at, own) => ({ to: own.mailbox, body: null, instead: { outbox: at.outbox, attachments: null }, dryRun: true }),
    ],
  },
  'outbox.list': { ask: ({ mailbox }) => ({ mailbox }), own: inList },
  'outbox.show': { ask: ({ outbox }) => ({ outbox }), also: [(at) => ({ outbox: at.message })] },
  'outbox.cancel': { ask: ({ outbox }) => ({ outbox }) },
  'outbox.retry': { ask: ({ retry }) => ({ outbox: retry }) },
  'outbox.settle': {
    ask: ({ outbox }) => ({ outbox }),
    own: (level) => (level === 'send' || level === 'owner' ? 'conflict' : 'not-found'), // its fate is known
  },
  'conversation.move': { ask: ({ conversation }) => ({ conversation, to: { role: 'trash' } }) },
  'mailbox.remove': { ask: ({ spare }) => ({ mailbox: spare }) },
  'mailbox.transfer': { ask: ({ mailbox }) => ({ mailbox, person: 'li' }) },
};

export const methodNames = Object.keys(methods) as Method[];

/** What the tables of the product say that a row comes to for somebody without system operations. */
export function expected(method: Method, level: Level): string {
  const { own } = requests[method];
  if (own !== undefined) return own(level);
  const { needs, names } = methods[method];
  const holds = holdings(level);
  const isSurface = (need: Need): boolean => (mailboxSurfaces as readonly string[]).includes(need);
  if (names !== undefined) {
    const inside =
      (method.startsWith('outbox.') && method !== 'outbox.send') || method === 'compose.again'
        ? 'send'
        : /^(conversation|message)\.|^compose\.reply$|^timeline\.conversation$/.test(method) && method !== 'conversation.list'
          ? 'open'
          : 'any';
    if (!holds.has(inside)) return 'not-found';
    if (needs.some((need) => isSurface(need) && !holds.has(need))) return 'forbidden';
  }
  return needs.every((need) => need === 'session' || isSurface(need)) ? anybody() : 'forbidden';
}

/** The first table of the product, one right at a time. */
function holdings(level: Level): ReadonlySet<string> {
  const surfaces: Record<Level, readonly string[]> = {
    none: [],
    access: ['any', 'timeline', 'open'],
    send: ['any', 'panel', 'open', 'send'],
    setup: ['any', 'settings'],
    owner: mailboxSurfaces,
  };
  return new Set(surfaces[level]);
}

/** A call whose params the compiler cannot know: rows are walked through by name. */
export function ask(client: Client, method: Method, params: unknown): Promise<unknown> {
  const call = client.call as (method: Method, params: unknown, options: { onChunk: () => void }) => Promise<unknown>;
  return call(method, params, { onChunk: () => undefined });
}

export type Answer = { code: string /** Without what the client itself sent. */; text: string /** As it came. */; raw: string };

/** The whole answer: a result, or the whole error. The number of the last event is nobody's secret. */
export async function answerOf(client: Client, method: Method, params: object): Promise<Answer> {
  const { code, body } = await ask(client, method, params).then(
    (result) => ({ code: 'yes', body: result }),
    (error: unknown) => {
      if (!(error instanceof PostroomError)) throw error;
      const { code, message, details } = error;
      return { code, body: { code, message, details } };
    },
  );
  const raw = JSON.stringify(body, (key, value: unknown) => (key === 'seq' ? 0 : value));
  let text = raw;
  for (const sent of Object.values(params)) if (typeof sent === 'string' && sent.length > 4) text = text.replaceAll(sent, '<sent>');
  return { code, text, raw };
}
