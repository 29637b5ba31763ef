/** How large a mail may be that leaves a mailbox. */
import type { Mailbox } from '../directory/document.ts';
import type { Address } from '../mail/message.ts';
import { ownLimit, type SizeLimit } from '../outbox/size.ts';
import type { World } from './world.ts';

/** What the server said last, or our own limit where that is smaller. Mail that stays here passes no server. */
export async function sizeLimitFor(world: World, mailbox: Mailbox, recipients: readonly Address[]): Promise<SizeLimit> {
  const snapshot = world.directory.snapshot();
  const staysHere = recipients.every(({ address }) => snapshot.mailboxByAddress(address)?.kind === 'hosted');
  const server = mailbox.kind === 'imap' ? mailbox.smtp : staysHere ? null : world.config.hosted.relay;
  const learnt = server === null ? null : await world.store.sizeLimit(mailbox.id);
  return learnt !== null && learnt.server === server?.host && learnt.octets < ownLimit.octets ? learnt : ownLimit;
}
