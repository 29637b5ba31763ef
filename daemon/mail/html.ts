/**
 * HTML -> rough text for the index and the snippet: one pass, no tree. What a person reads when they open a mail is made from the same
 * pass by a real parser (store/html-text.ts).
 */
import { decodeHTML } from 'entities';
import { scanHtml } from './html-scan.ts';
import { attributeOf } from './html-style.ts';
import { isBlank } from './versions.ts';

const block = new Set(
  'address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol option p pre section summary table tr ul'.split(
    ' ',
  ),
);
const cell = new Set(['td', 'th']);
/** Characters of one that may stand for a single one. */
const longestEntity = 10;
export const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const picture = new Set(['img', 'area', 'input']);

/** At most `room` characters of text. */
export function htmlToRoughText(html: string, room: number): string {
  const shown = roughText(html, room, true);
  // A mail that hides everything it says was meant to be read all the same.
  return isBlank(shown) ? roughText(html, room, false) : shown;
}

function roughText(html: string, room: number, hiding: boolean): string {
  const runs: Run[] = [{ depth: 0, pieces: [] }];
  let length = 0;
  const put = (text: string): void => {
    if (text === '') return;
    runs.at(-1)?.pieces.push(text);
    length += text.length;
  };
  const quote = (by: 1 | -1): void => {
    runs.push({ depth: Math.max(0, (runs.at(-1)?.depth ?? 0) + by), pieces: [] });
  };
  let raised = false; // "19<sup>99</sup>" is not 1999
  scanHtml(
    html,
    {
      text(all, pre) {
        const raw = all.slice(0, longestEntity * (room - length));
        const text = pre ? raw : raw.replace(/\s+/g, ' ');
        put(
          raised && /^\s*\d{1,6}\s*$/.test(raw) ? text.replace(/\d/g, (digit) => superscripts[Number(digit)] ?? digit) : decodeHTML(text),
        );
      },
      open(name, tag) {
        raised = name === 'sup';
        if (name === 'blockquote') quote(1);
        else if (block.has(name)) put('\n');
        else if (cell.has(name)) put('  ');
        else if (picture.has(name)) {
          const named = attributeOf(tag, 'alt') ?? '';
          const alternative = named.trim() === '' ? (attributeOf(tag, 'title') ?? '') : named;
          if (alternative.trim() !== '') put(` ${decodeHTML(alternative.slice(0, 200).replace(/\s+/g, ' '))} `);
        }
      },
      close(name) {
        raised = false;
        if (name === 'blockquote') quote(-1);
        else if (block.has(name)) put('\n');
      },
      goOn: () => length < room,
    },
    hiding,
  );
  return runs
    .map(linesOf)
    .filter((text) => text !== '')
    .join('\n')
    .slice(0, room)
    .trim();
}

/** Text of one depth of quotes. */
type Run = { depth: number; pieces: string[] };

function linesOf({ depth, pieces }: Run): string {
  const text = pieces
    .join('')
    .replace(/\u034F|[\u00AD\u200B\u200C\u2060\uFEFF]/g, '')
    .replace(/[ \u00A0\u2007]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  if (depth === 0 || text === '') return text;
  const marks = '>'.repeat(Math.min(depth, 9));
  return text.replace(/^.*$/gm, (line) => `${marks} ${line}`.trimEnd());
}
