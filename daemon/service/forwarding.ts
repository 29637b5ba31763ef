/** What a forward carries: the text of the mail under a few lines of its head, its files, and the mail itself where that says more. */
import { displaySender as displaySenderOf, safeFileName, safeText } from '../../protocol/text.ts';
import { attachmentBytes, saysMoreWhole } from '../mail/message.ts';
import type { Attached } from '../outbox/compose.ts';
import type { EntryRow } from '../store/types.ts';

/** Up to this size the files go beside the mail that holds them as well: whoever gets it has them at hand. */
const twiceUpToOctets = 5_000_000;

export function forwardedText(entry: EntryRow, text: string): string {
  const line = (name: string, value: string) => (value === '' ? [] : [`${name}: ${value}`]);
  return [
    '---------- Forwarded message ----------',
    ...line('From', entry.from.map(displaySenderOf).join(', ')),
    ...line('Date', new Date(entry.date).toUTCString()),
    ...line('Subject', safeText(entry.subject)),
    ...line('To', entry.to.map(displaySenderOf).join(', ')),
    ...line('Cc', entry.cc.map(displaySenderOf).join(', ')),
    '',
    text,
  ].join('\n');
}

/** Files under the names that the mail gave them, not those that a disk would take. The mail goes as it came: with its HTML, and what is sealed in it. */
export function filesPassedOn(entry: EntryRow, original: Uint8Array): Attached[] {
  const files = entry.attachments.flatMap(({ index }) => {
    const file = attachmentBytes(original, index);
    return file === null ? [] : [{ ...file, filename: file.name }];
  });
  if (!saysMoreWhole(original)) return files;
  const whole = {
    filename: safeFileName(`${entry.subject.trim().slice(0, 80) || 'Forwarded mail'}.eml`, 'forwarded.eml'),
    type: 'message/rfc822',
    bytes: original,
  };
  return original.byteLength > twiceUpToOctets ? [whole] : [whole, ...files];
}
