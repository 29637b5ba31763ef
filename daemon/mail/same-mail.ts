/**
 * Whether a mail is a mail of ours in another form: sent back by a list, delivered to ourselves in Cc, filed anew by a server. Pure.
 *
 * Our ids are known to everybody whom we wrote to, so they prove nothing: somebody outside could hide a mail behind ours by giving it
 * our ids. It is ours only if it says what ours says: From, date, subject and every part, octet for octet apart from line ends.
 * - A list may put its tag before the subject and a footer under the text or behind the parts; whoever forges a footer hides a footer.
 * - Where only we can put a mail (Sent), ids are enough: servers write parts anew there.
 */
import { readSubject } from './conversation.ts';
import { contentOf, type Message, readMessage } from './message.ts';

type Heading = Pick<Message, 'from' | 'date' | 'subject'>;
type Content = ReturnType<typeof contentOf>;
type Part = Content['parts'][number];

const maxFooter = { characters: 1_500, lines: 20 };

export function isSameMail(ours: Uint8Array, other: Uint8Array): boolean {
  const [mine, theirs] = [contentOf(ours), contentOf(other)];
  const heading = (octets: Uint8Array, { written }: Content): Heading => ({ ...readMessage(octets), date: written });
  return sameHeading(heading(ours, mine), heading(other, theirs)) && sameParts(mine, theirs);
}

/** Of two mails in Sent with one Message-ID; programs that give all their mails the same one exist. */
export function sameHeading(ours: Heading, other: Heading): boolean {
  return ours.date === other.date && addresses(ours) === addresses(other) && aboutOf(ours) === aboutOf(other);
}

const addresses = ({ from }: Heading): string => from.map(({ address }) => address.toLowerCase()).join(' ');

/** Lists put their tag before or behind `Re:`. */
const aboutOf = ({ subject }: Heading): string =>
  readSubject(subject)
    .base.replace(/^(?:\[[^\]]{1,40}\] ?)+/u, '')
    .toLowerCase();

function sameParts(ours: Content, other: Content): boolean {
  const extra = other.parts.slice(ours.parts.length);
  if (extra.length > 1 || ours.parts.length === 0) return false;
  if (extra.length === 1 && !(other.list && extra.every(isFooterPart))) return false;
  return ours.parts.every((part, at) => {
    const its = other.parts[at];
    if (its === undefined || its.type !== part.type || its.filename !== part.filename) return false;
    if (!part.type.startsWith('text/')) return its.bytes.equals(part.bytes);
    const [mine, theirs] = [linesOf(part), linesOf(its)];
    if (mine === theirs) return true;
    return (
      other.list && ours.parts.length === 1 && part.type === 'text/plain' && theirs.startsWith(mine) && isFooter(theirs.slice(mine.length))
    );
  });
}

/** Every line end alike, nothing blank at the ends of lines and of the text: relays change no more than that. */
const linesOf = ({ bytes }: Part): string =>
  bytes
    .toString('latin1')
    .split(/\r\n|\n|\r/)
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();

const isFooterPart = (part: Part): boolean => part.type === 'text/plain' && part.filename === null && isShort(linesOf(part));
const isFooter = (rest: string): boolean => /^\n+(?:[_=*-]{4,}|-- ?)(?:\n|$)/.test(rest) && isShort(rest);
const isShort = (text: string): boolean => text.length <= maxFooter.characters && text.split('\n').length <= maxFooter.lines;
