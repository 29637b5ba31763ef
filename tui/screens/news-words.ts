/** What came into a conversation that moved on, in the room of a toast. */
import type { PostroomError } from '../../protocol/errors.ts';
import { safeText } from '../../protocol/text.ts';
import { chrome, type Safe } from '../text.ts';

/** `a mail by jane@example.net`: the newest of it. */
export function newsIn({ details: { latest } }: PostroomError): Safe {
  const known = typeof latest === 'object' && latest !== null ? latest : {};
  const news = 'kind' in known && known.kind === 'note' ? chrome`a note` : chrome`a mail`;
  const by = 'who' in known && typeof known.who === 'string' ? chrome` by ${safeText(known.who)}` : chrome``;
  return chrome`${news}${by}`;
}
