/** A page of fifty of each kind of timeline among 100,000 mails, beside a scan of them: what an index that is not used would cost. */
import { openStore } from '../daemon/store/store.ts';
import type { ActivityKind, TimelineScope } from '../daemon/store/types.ts';
import { fillTimelines } from '../test/support/many-mails.ts';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, quantiles, ratio, timed } from './figures.ts';

const everyKind: readonly ActivityKind[] = ['mail-in', 'mail-out', 'note', 'assign', 'state', 'grant', 'delivery', 'system'];
const support: TimelineScope = { kind: 'mailbox', mailbox: 'support' };

export async function timeline(): Promise<void> {
  await using dir = await tempDir();
  const home = `${dir.path}/home`;
  const rows = await fillTimelines(home);
  const scan = quantiles(await timed(10, async () => rows.scan())).p50;
  rows.close();
  const store = await openStore({ home });
  try {
    const scopes: Record<string, { scope: TimelineScope; kinds?: readonly ActivityKind[] }> = {
      'the mailbox': { scope: support },
      'its grants alone, of which there are none': { scope: support, kinds: ['grant'] },
      'a conversation': { scope: { kind: 'conversation', conversation: 'c7' } },
      'a contact': { scope: { kind: 'contact', address: 'c7@customer.example', mailboxes: ['support'] } },
      'grants with a contact with 20,000 mails, of which there are none': {
        scope: { kind: 'contact', address: 'list@customer.example', mailboxes: ['support'] },
        kinds: ['grant', 'note'],
      },
      'what was assigned to a contact with 20,000 mails': {
        scope: { kind: 'contact', address: 'list@customer.example', mailboxes: ['support'] },
        kinds: ['assign'],
      },
      'a contact with 20,000 mails': { scope: { kind: 'contact', address: 'list@customer.example', mailboxes: ['support'] } },
    };
    for (const [name, { scope, kinds = everyKind }] of Object.entries(scopes)) {
      let cursor: string | null = null;
      const took = await timed(40, async () => {
        const page: { next: string | null } = await store.timeline({ scope, kinds, since: null, limit: 50, cursor });
        cursor = page.next;
      });
      const { p50, p95 } = quantiles(took);
      print(name, `p50 / p95 ${ms(p50)} / ${ms(p95)}  (a scan of all mails: ${ratio(p50, scan)})`);
    }
  } finally {
    await store.close();
  }
}
