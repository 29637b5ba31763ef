/** How large a mail may be that leaves a mailbox. */
import type { Mailbox } from '../directory/document.ts';
import type { Address } from '../mail/message.ts';
import { ownLimit, type SizeLimit } from '../outbox/size.ts';
import type { World } from './world.ts';

/** Below this every server takes a mail, and none is asked for it. */
const surelyTaken = 500_000;

/** What the server said last, or our own limit where that is smaller. Of a larger mail it is asked once. Mail that stays here passes no server. */
export async function sizeLimitFor(world: World, mailbox: Mailbox, recipients: readonly Address[], sizeOctets: number): Promise<SizeLimit> {
  const snapshot = world.directory.snapshot();
  const staysHere = recipients.every(({ address }) => snapshot.mailboxByAddress(address)?.kind === 'hosted');
  const server = mailbox.kind === 'imap' ? mailbox.smtp : staysHere ? null : world.config.hosted.relay;
  if (server === null) return ownLimit;
  const known = await world.store.sizeLimit(mailbox.id);
  if (known?.server !== server.host && sizeOctets > surelyTaken) await world.outbox.askSize(world.accountOf(mailbox));
  const learnt = await world.store.sizeLimit(mailbox.id);
  const octets = learnt?.server === server.host ? learnt.octets : null;
  return octets !== null && octets < ownLimit.octets ? { octets, server: server.host } : ownLimit;
}
