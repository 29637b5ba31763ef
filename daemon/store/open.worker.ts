/**
 * What runs when a person opens a mail: the same walk and the same decoding as for the index, with a real HTML parser behind it, in a
 * thread that may be killed. It answers twice: at once with the lean reading, so that there is something to show if the rest never
 * comes, then with the whole.
 *
 * Invariants: nothing is fetched, no link but http, https and mailto is named, the HTML parser never sees more than its caps.
 */
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { type Attachment, readMessage, readTexts } from '../mail/message.ts';
import { htmlToText } from './html-text.ts';
import { linksIn, maxLinks } from './links.ts';

/** `leanOnly`: the mail defeated the parsers before. */
export type OpenRequest = { id: number; octets: Uint8Array<ArrayBuffer>; leanOnly: boolean };
/**
 * `ready` comes once, when the parsers are loaded; `opened` null: the parser refused the mail or was spared it. `heapOctets`: what this
 * thread holds by now.
 */
export type OpenAnswer =
  | { stage: 'ready' }
  | { id: number; stage: 'lean'; text: string; attachments: Attachment[] }
  | { id: number; stage: 'whole'; opened: { text: string; html: boolean; links: string[] } | null; heapOctets: number };

/** Above this only the lean walk looks at a mail: thread limits do not count Buffers. */
const maxOctets = 25 * 1024 * 1024;
const maxText = 1_000_000;

function openWhole(octets: Uint8Array): { text: string; html: boolean; links: string[] } {
  const links = new Map<string, number>();
  const texts = readTexts(octets, (html) => htmlToText(html, links), maxText);
  // Links of plain parts are found in their text, so their numbers come after those that stand in a text.
  const inPlain = texts.filter(({ html }) => !html).flatMap(({ text }) => linksIn(text));
  return {
    text: texts
      .map(({ text }) => text)
      .join('\n')
      .slice(0, maxText),
    html: texts.some(({ html }) => html),
    links: [...new Set([...links.keys(), ...inPlain])].slice(0, maxLinks),
  };
}

const port = parentPort;
if (port === null) throw new Error('open.worker runs as a worker thread only');

port.on('message', ({ id, octets, leanOnly }: OpenRequest) => {
  const lean = readMessage(octets);
  port.postMessage({ id, stage: 'lean', text: lean.text, attachments: lean.attachments } satisfies OpenAnswer);
  // Where the walk was cut by its limits, the text it found is not all there is: it is shown as such.
  const opened = leanOnly || octets.length > maxOctets || !lean.complete ? null : whole(octets);
  port.postMessage({ id, stage: 'whole', opened, heapOctets: getHeapStatistics().total_heap_size } satisfies OpenAnswer);
  octets.buffer.transfer(0); // now, not when this thread next has reason to collect it
});

/** The HTML parser may refuse a mail by any error of its own; the mail is then shown by what the lean reading found. */
function whole(octets: Uint8Array): { text: string; html: boolean; links: string[] } | null {
  try {
    return openWhole(octets);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

port.postMessage({ stage: 'ready' } satisfies OpenAnswer);
