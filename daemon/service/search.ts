/** Search over everything that the person may open, at this moment. */
import type { Asked } from '../../protocol/methods.ts';
import { safeText } from '../../protocol/text.ts';
import type { Mailbox } from '../directory/document.ts';
import type { Snapshot } from '../directory/snapshot.ts';
import { findIn } from '../mail/fold.ts';
import { parseQuery, type Query, soughtIn, valuesOf } from '../mail/query.ts';
import type { Assignee, SearchHit } from '../store/types.ts';
import { addressOf, iso } from './wire.ts';
import { type Caller, type Handlers, mailboxesWith, rolesOf, seenBy, type World } from './world.ts';

async function run(world: World, asked: Asked<'search.run'>, query: Query, caller: Caller) {
  for (;;) {
    const now = world.now();
    const snapshot = world.directory.snapshot();
    const mailboxes = mailboxesWith(snapshot, caller.person, 'open', now);
    const found = await world.store.search({
      session: caller.session,
      typing: asked.typing,
      person: caller.person,
      roles: rolesOf(snapshot, caller.person),
      reach: mailboxes.map((mailbox) => ({
        mailbox: mailbox.id,
        unreadSince: seenBy(snapshot, caller.person, mailbox, now).unreadSince,
        // What lies in which folder is the record of the mailbox, as in `folder.list`.
        folders: snapshot.access.surfaces(caller.person, mailbox.id, now).timeline,
      })),
      query,
      named: {
        mailboxes: new Map(valuesOf(query, 'in').map((name) => [name, mailboxesNamed(mailboxes, name).map(({ id }) => id)])),
        assignees: new Map(valuesOf(query, 'assigned').map((name) => [name, assigneesNamed(snapshot, caller, name)])),
      },
      limit: asked.limit,
      cursor: asked.cursor,
      now,
    });
    // A right that went while it ran: asked again with what is left, so that not even the count tells of more.
    const still = world.directory.snapshot().access.mailboxes(caller.person, world.now());
    if (mailboxes.every(({ id }) => still.get(id)?.open === true)) return { found, snapshot };
  }
}

/** Of the mailboxes that the person may open: by any address, its local part or the name; else those that begin so. */
function mailboxesNamed(mailboxes: readonly Mailbox[], named: string): Mailbox[] {
  const wanted = named.trim().toLowerCase();
  const names = ({ id, addresses, settings }: Mailbox): string[] => {
    const all = addresses.map((address) => address.toLowerCase());
    return [
      id,
      ...all,
      ...all.map((address) => address.split('@')[0] ?? ''),
      ...(settings.name === null ? [] : [settings.name.toLowerCase()]),
    ];
  };
  const exact = mailboxes.filter((mailbox) => names(mailbox).includes(wanted));
  return exact.length > 0 ? exact : mailboxes.filter((mailbox) => names(mailbox).some((name) => name.startsWith(wanted)));
}

/** A person, a role, `me` (and the roles that are mine), or `none`. */
function assigneesNamed(snapshot: Snapshot, caller: Caller, named: string): (Assignee | null)[] {
  const grantee = snapshot.granteeByName(named);
  if (grantee !== undefined) return [{ kind: grantee.kind, id: grantee.id }];
  const word = named.toLowerCase();
  if (word === 'none') return [null];
  if (word !== 'me') return [];
  return [{ kind: 'person', id: caller.person }, ...rolesOf(snapshot, caller.person).map((id) => ({ kind: 'role' as const, id }))];
}

export const searchHandlers: Handlers<'search.run'> = {
  'search.run': async (world, asked, caller) => {
    const seq = caller.seq();
    const query = parseQuery(asked.query, { typing: asked.typing });
    const { found, snapshot } = await run(world, asked, query, caller);
    const sought = soughtIn(query, ['body', 'note']);
    const row = ({ kind, conversation, revision, message, note, author, mailbox, subject, from, date, snippet }: SearchHit) => {
      const shown = safeText(snippet);
      return {
        kind,
        conversation,
        revision,
        message,
        note,
        author: author === null ? null : safeText(snapshot.nameOf(author)),
        mailbox: safeText(snapshot.mailbox(mailbox)?.address ?? ''),
        subject: safeText(subject),
        from: from === null ? null : addressOf(from),
        date: iso(date),
        snippet: shown,
        hits: findIn(shown, sought),
      };
    };
    const { next, total, exact, complete } = found;
    return { rows: found.rows.map(row), next, total, exact, complete, seq };
  },
};
