/** Nouns of the wire for tests of screens. */
import type { Conversation, Mailbox, OutboxEntry, SearchHit, TimelineRow } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';

export function conversation(id: string, given: Partial<Conversation> = {}): Conversation {
  return {
    conversation: id,
    mailbox: safeText('support@x.example'),
    subject: safeText(`subject ${id}`),
    from: { name: safeText('Jane Cooper'), address: safeText('jane@example.org') },
    addressedTo: safeText('support@x.example'),
    lastAt: '2026-11-21T11:00:00Z',
    waitingSince: '2026-11-21T11:00:00Z',
    direction: 'in',
    unread: 0,
    messages: 1,
    assignee: null,
    state: 'open',
    revision: 1,
    snippet: safeText(''),
    attachments: 0,
    starred: false,
    ...given,
  };
}

export function mailbox(address: string, given: Partial<Mailbox> = {}): Mailbox {
  return {
    id: `id of ${address}`,
    address: safeText(address),
    addresses: [safeText(address)],
    name: null,
    owner: safeText('eva'),
    kind: 'hosted',
    shared: true,
    workFrom: null,
    state: 'idle',
    sync: { done: 0, total: null, folder: null, error: null, syncedAt: null, retryAt: null },
    rights: { panel: true, timeline: true, send: true, settings: false },
    settings: null,
    server: null,
    revision: 1,
    folders: 6,
    messages: 10,
    watch: 'all',
    ...given,
  };
}

export function outboxEntry(id: string, given: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    id,
    mailbox: safeText('support@x.example'),
    conversation: `c of ${id}`,
    author: safeText('eva'),
    state: 'queued',
    heldFor: null,
    to: [safeText('jane@example.org')],
    subject: safeText(`subject ${id}`),
    createdAt: '2026-11-21T11:00:00Z',
    sendAt: '2026-11-21T11:00:00Z',
    attempts: 0,
    lastError: null,
    messageId: safeText(`<${id}@x.example>`),
    recipients: [],
    sentCopy: 'pending',
    nextAttemptAt: null,
    ...given,
  };
}

export function event(id: string, at: string, given: Partial<TimelineRow> = {}): TimelineRow {
  return {
    id,
    at,
    kind: 'mail-in',
    mailbox: safeText('support@x.example'),
    conversation: `c-${id}`,
    revision: 1,
    actor: null,
    from: { name: safeText('Jane Cooper'), address: safeText('jane@example.org') },
    to: [{ name: null, address: safeText('support@x.example') }],
    subject: safeText(`subject ${id}`),
    summary: safeText(`text of ${id}`),
    message: `m-${id}`,
    outbox: null,
    assignee: null,
    state: null,
    ...given,
  };
}

export function hit(id: string, given: Partial<SearchHit> = {}): SearchHit {
  return {
    kind: 'mail',
    conversation: `c-${id}`,
    revision: 1,
    message: `m-${id}`,
    note: null,
    author: null,
    mailbox: safeText('support@x.example'),
    subject: safeText(`subject ${id}`),
    from: { name: safeText('Jane Cooper'), address: safeText('jane@example.org') },
    date: '2026-11-20T11:00:00Z',
    snippet: safeText(`found in ${id}`),
    hits: [],
    ...given,
  };
}
