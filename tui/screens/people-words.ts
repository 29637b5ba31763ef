/** Dates and states of keys and invitations, in words. */
import type { Key } from '../../protocol/schema.ts';
import { safeText } from '../../protocol/text.ts';
import { chrome, type Safe } from '../text.ts';

/** The minute, in UTC: an invitation is talked about between people who may be far apart. */
export const untilWords = (iso: string): Safe => safeText(iso.slice(0, 16).replace('T', ' '));

/** What a key is good for. */
export function keyWords({ waits, invitedBy, current }: Key): Safe {
  if (waits) return chrome`waits: Enter decides`;
  if (current) return chrome`this session`;
  return invitedBy === null ? chrome`` : chrome`invited by ${invitedBy}`;
}
