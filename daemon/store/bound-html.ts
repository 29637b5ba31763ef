import { scanHtml } from '../mail/html-scan.ts';

/** Each becomes a tag for the parser. */
const maxLines = 20_000;

/** HTML that a recursive parser survives, and without what is hidden from people (mail/html-scan.ts); `hiding` false keeps that. */
export function boundHtml(html: string, hiding = true): string {
  const out: string[] = [];
  let lines = 0;
  /** Lines and blanks of text that is styled to keep them, for a parser that knows no styles. */
  const keepLines = (raw: string): string =>
    raw
      .replace(/\r\n?|\n/g, (end) => (++lines > maxLines ? end : '<br>'))
      .replace(/(^|>| ) +/g, (blanks, before: string) => before + '&nbsp;'.repeat(Math.min(blanks.length - before.length, 200)));
  scanHtml(
    html,
    {
      text: (raw, pre) => out.push(pre ? keepLines(escaped(raw)) : escaped(raw)),
      open: (name, tag) => out.push(name === 'br' ? '<br>' : tag),
      close: (name) => out.push(`</${name}>`),
      goOn: () => true,
    },
    hiding,
  );
  return out.join('');
}

const escaped = (raw: string): string => raw.replaceAll('<', '&lt;');
