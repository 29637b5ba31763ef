/** Timelines: what happened in a mailbox, a conversation, with a contact. A contact's is put together from mailboxes that let the person in. */
import type { Asked } from '../../protocol/methods.ts';
import { ActivityKind } from '../../protocol/schema.ts';
import type { TimelineScope } from '../store/types.ts';
import { timelineOf } from './wire.ts';
import { type Caller, type Handlers, mailboxesWith, mailboxNamed, type World } from './world.ts';

type Page = Pick<Asked<'timeline.mailbox'>, 'kinds' | 'since' | 'limit' | 'cursor'>;

async function told(world: World, scope: TimelineScope, { kinds, since, limit, cursor }: Page, caller: Caller) {
  const seq = caller.seq();
  const { rows, next } = await world.store.timeline({
    scope,
    kinds: kinds ?? ActivityKind.options,
    since: since === null ? null : Date.parse(since),
    limit,
    cursor,
  });
  const snapshot = world.directory.snapshot();
  return { rows: rows.map((row) => timelineOf(snapshot, row)), next, seq };
}

export const timelineHandlers: Handlers<'timeline.mailbox' | 'timeline.conversation' | 'timeline.contact'> = {
  'timeline.mailbox': (world, asked, caller) => {
    const mailbox = mailboxNamed(world.directory.snapshot(), asked.mailbox);
    return told(world, { kind: 'mailbox', mailbox: mailbox.id }, asked, caller);
  },

  'timeline.conversation': (world, asked, caller) => told(world, { kind: 'conversation', conversation: asked.conversation }, asked, caller),

  'timeline.contact': (world, asked, caller) => {
    const mailboxes = mailboxesWith(world.directory.snapshot(), caller.person, 'timeline', world.now()).map(({ id }) => id);
    return told(world, { kind: 'contact', address: asked.address, mailboxes }, asked, caller);
  },
};
