/** What should be known of who wrote a mail, in words for the screens and the command line. Pure. */
import { type Chrome, chrome } from './text.ts';
import type { Tone } from './theme.ts';

const words: Readonly<Record<string, { text: Chrome; tone: Tone }>> = {
  'claims-ours': { text: chrome`! claims to be from us: only its From line says so`, tone: 'warning' },
  'outside-postroom': { text: chrome`sent outside Postroom`, tone: 'muted' },
  'new-sender': { text: chrome`new sender: the first mail from this address here`, tone: 'muted' },
  'by-subject': { text: chrome`here by sender and subject alone: it names no mail of this conversation`, tone: 'warning' },
};

/** A mark of a later daemon that has no words here is left out. */
export const markLines = (marks: readonly string[] = []): { text: Chrome; tone: Tone }[] =>
  marks.flatMap((mark) => (Object.hasOwn(words, mark) ? (words[mark] ?? []) : []));
