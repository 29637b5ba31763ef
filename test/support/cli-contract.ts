/**
 * What programs rely on in the command line's JSON: the page of the contract, written down a second time on purpose. A field that leaves
 * the protocol's schema would leave the command line with it, and only this notices. Further fields may come.
 */
import * as z from 'zod';

const text = z.string();
const maybe = <T extends z.ZodType>(type: T) => type.nullable();
const count = z.int().min(0);
const yes = z.boolean();
const date = z.iso.datetime();
const address = z.object({ name: maybe(text), address: text });
const named = z.object({ kind: z.enum(['person', 'role']), name: text });
const rows = <T extends z.ZodType>(row: T) => z.object({ rows: z.array(row) });
const state = z.enum(['open', 'waiting', 'snoozed', 'done']);
const outboxState = z.enum(['held', 'waiting-approval', 'queued', 'sending', 'accepted', 'unknown', 'failed', 'bounced', 'cancelled']);
const surfaces = z.object({ panel: yes, timeline: yes, send: yes, settings: yes });
const person = z.object({ id: text, name: text, email: maybe(text), status: z.enum(['invited', 'active', 'disabled']) });
const operation = z.enum(['shared-mailbox.share', 'shared-mailbox.sync', 'people.manage', 'audit.read']);

export const Invited = z.object({ person, invitation: z.string().regex(/^postroom1\.[\w-]+$/) });
export const Whoami = z.object({
  person: z.object({ id: text, name: text }),
  operations: z.array(operation),
  daemon: z.object({ name: text, version: text, fingerprint: text }),
  fingerprint: text,
});
export const Invitations = rows(z.object({ id: text, person: text, by: text, expiresAt: date, newcomer: yes }));
export const RolePreview = z.object({
  role: text,
  reach: z.array(
    z.object({ person: text, mailbox: maybe(text), mailboxes: count, gains: z.array(z.string()), loses: z.array(z.string()) }),
  ),
  operations: z.array(z.object({ person: text, gains: z.array(operation), loses: z.array(operation) })),
  grants: count,
});
export const Leaving = z.object({
  person,
  successor: maybe(text),
  owns: z.array(text),
  ownsHidden: count,
  assigned: count,
  snoozed: count,
  handed: count,
  unsent: count,
  roles: z.array(text),
  operations: z.array(operation),
  keys: count,
  invitations: z.object({ own: count, made: count }),
  grants: z.array(z.object({ mailbox: text, access: yes, send: yes, setup: yes })),
  grantsHidden: count,
  gave: count,
  wants: z.array(z.enum(['mailboxes', 'work', 'mail'])),
});
export const Mailbox = z.object({
  id: text,
  address: text,
  addresses: z.array(text),
  name: maybe(text),
  owner: text,
  shared: yes,
  workFrom: maybe(date),
  state: z.enum(['connecting', 'syncing', 'idle', 'offline', 'auth-failed', 'error']),
  rights: surfaces,
  settings: maybe(z.looseObject({ name: maybe(text) })),
  revision: count,
  folders: count,
  messages: count,
});
export const Mailboxes = rows(Mailbox);
export const Grants = rows(
  z.object({
    id: text,
    grantee: named,
    access: yes,
    send: yes,
    setup: yes,
    from: maybe(date),
    until: maybe(date),
    note: maybe(text),
    by: text,
    at: date,
  }),
).extend({ revision: count, shared: yes });
export const Explained = z.object({
  mailbox: text,
  person: text,
  rights: surfaces,
  because: z.array(
    z.object({ right: text, via: z.array(text), from: maybe(date), until: maybe(date), grant: maybe(text), policy: maybe(text) }),
  ),
  denied: z.array(
    z.object({
      right: text,
      why: text,
      through: z.array(z.object({ via: z.array(text), from: maybe(date), until: maybe(date), grant: maybe(text) })),
    }),
  ),
});
export const Unused = rows(
  z.object({
    mailbox: text,
    grant: text,
    grantee: named,
    right: z.enum(['access', 'send', 'setup']),
    since: date,
    lastUsed: maybe(date),
    people: count,
  }),
).extend({ days: count, watchedSince: date, total: count });
/** `present` and `effective`: before and after. */
export const WhatIf = z.object({ mailbox: text, present: Explained, effective: Explained, refused: z.null() });
export const Conversations = rows(
  z.object({
    conversation: text,
    mailbox: text,
    subject: text,
    from: maybe(address),
    addressedTo: maybe(text),
    lastAt: date,
    waitingSince: maybe(date),
    direction: z.enum(['in', 'out']),
    unread: count,
    messages: count,
    assignee: maybe(named),
    state,
    revision: count,
    snippet: text,
    attachments: count,
  }),
).extend({ next: maybe(text), unread: count });
export const Shown = z.object({
  conversation: text,
  mailbox: text,
  subject: text,
  state,
  assignee: maybe(named),
  revision: count,
  notes: z.array(z.object({ id: text, at: date, author: text, text })),
  messages: z.array(
    z.object({
      id: text,
      messageId: maybe(text),
      date,
      from: z.array(address),
      to: z.array(address),
      cc: z.array(address),
      subject: text,
      text,
      direction: z.enum(['in', 'out']),
      author: maybe(text),
      attachments: z.array(z.object({ index: count, filename: text, type: text, size: count })),
    }),
  ),
});
export const Timeline = rows(
  z.object({
    id: text,
    at: date,
    kind: z.enum(['mail-in', 'mail-out', 'note', 'assign', 'state', 'grant', 'delivery', 'system']),
    mailbox: text,
    conversation: maybe(text),
    actor: maybe(text),
    from: maybe(address),
    to: z.array(address),
    subject: text,
    summary: text,
  }),
).extend({ next: maybe(text) });
export const Found = rows(
  z.object({ conversation: text, message: maybe(text), mailbox: text, subject: text, from: maybe(address), date, snippet: text }),
).extend({ next: maybe(text), total: count });
export const From = rows(z.object({ mailbox: text, address: text, name: maybe(text), signature: maybe(text) }));
export const Sent = z.object({ outbox: maybe(text), state: maybe(outboxState), messageId: text });
const outboxEntry = z.object({
  id: text,
  mailbox: text,
  state: outboxState,
  to: z.array(text),
  subject: text,
  createdAt: date,
  sendAt: maybe(date),
  attempts: count,
  lastError: maybe(text),
  messageId: text,
});
export const OutboxEntry = outboxEntry;
export const Outbox = rows(outboxEntry);
export const Folders = rows(
  z.object({ path: text, role: maybe(text), selectable: z.boolean(), uidvalidity: maybe(count), server: maybe(count), stored: count }),
);
export const Doctor = z.object({
  ok: yes,
  findings: z.array(z.object({ level: z.enum(['error', 'warning', 'info']), code: text, message: text, mend: text })),
});
export const Failure = z.strictObject({
  error: z.strictObject({
    code: z.enum(['invalid', 'unauthenticated', 'forbidden', 'not-found', 'conflict', 'unavailable', 'rate-limited', 'internal']),
    message: z.string().min(10),
    details: z.record(z.string(), z.unknown()),
  }),
});
