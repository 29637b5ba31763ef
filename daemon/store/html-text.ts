/** HTML as a person reads it: text with numbered links, by a real parser. Nothing is fetched, and only http, https and mailto are named. */
import { compile, type FormatCallback } from 'html-to-text';
import { superscripts } from '../mail/html.ts';
import { isBlank } from '../mail/versions.ts';
import { boundHtml } from './bound-html.ts';
import { type Links, linkOf, mismatch, placeOf } from './links.ts';
import { tableText } from './text-table.ts';

type Element = Parameters<FormatCallback>[0];
type Walk = Parameters<FormatCallback>[1];
type BlockTextBuilder = Parameters<FormatCallback>[2];

const maxDepth = 120;

export function htmlToText(html: string, links: Links): string {
  const convert = converter(links, baseOf(html));
  // Without a tag it is plain text that was sent under a wrong name.
  const source = /<[a-z!/?]/i.test(html) ? html : `<div style="white-space:pre-wrap">${html}</div>`;
  const text = tidy(convert(boundHtml(source)));
  // A mail that hides everything it says was meant to be read all the same.
  return isBlank(text) ? tidy(convert(boundHtml(source, false))) : text;
}

/** No-break spaces are blanks on a screen, and what has no width there is gone before lines are counted. */
const tidy = (text: string): string =>
  text
    .replace(/\u034F|[\u00AD\u200B\u2060\uFEFF]/g, '')
    .replace(/[\u00A0\u2007\u202F]/g, ' ')
    .replace(/ \[\d{1,3}\](?=[\p{L}\p{N}[(])/gu, '$& ') // the next word is not part of a link's number
    .replace(/[ \t\u2000-\u200D]+(?=\n|$)/g, '')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+|\s+$/g, '');

/** Where relative links begin (`<base href>`). */
const baseOf = (html: string): string | null =>
  /<base\b[^>]{0,500}\bhref\s*=\s*["']?(https?:\/\/[^\s"'>]{1,2000})/i.exec(html.slice(0, 20_000))?.[1] ?? null;

const converter = (links: Links, base: string | null) =>
  compile({
    wordwrap: false,
    // What stands before or behind the body, such as the footer of a mailing list, is text as well.
    baseElements: { selectors: ['no-such-element'], returnDomByDefault: true },
    limits: { maxDepth, maxChildNodes: 20_000, maxInputLength: 8_000_000, ellipsis: '…' },
    whitespaceCharacters: ' \t\r\n\f',
    formatters: { ...formatters, ...linking(links, base) },
    selectors: [
      { selector: 'br', format: 'break' },
      { selector: 'a', format: 'numberedLink' },
      { selector: 'area', format: 'numberedArea' },
      { selector: 'img', format: 'picture' },
      { selector: 'input', format: 'field' },
      { selector: 'button', format: 'button' },
      { selector: 'table', format: 'cells' },
      ...['td', 'th', 'caption'].map((selector) => ({ selector, format: 'strayCell' })),
      { selector: 'li', format: 'strayItem' },
      { selector: 'dl', format: 'terms' },
      { selector: 'dt', format: 'line' },
      { selector: 'dd', format: 'meaning' },
      { selector: 'blockquote', format: 'quoted' },
      { selector: 'sup', format: 'raised' },
      { selector: 'sub', format: 'lowered' },
      { selector: 'q', format: 'inlineSurround', options: { prefix: '“', suffix: '”' } },
      { selector: 'hr', options: { length: 20 } },
      ...['menu', 'dir'].map((selector) => ({ selector, format: 'unorderedList' })),
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false, leadingLineBreaks: 2 } })),
      ...lines.map((selector) => ({ selector, format: 'line' })),
    ],
  });

/** Elements that begin and end a line, beside those that the library knows. */
const lines =
  'address center details dialog fieldset figcaption figure hgroup legend listing optgroup option search summary tbody tfoot thead tr'.split(
    ' ',
  );

// --- links and pictures --------------------------------------------------------------------------------------------

/** Link numbers stand behind what is linked. A link without a text of its own is named by where it leads. */
function linking(links: Links, base: string | null): Record<string, FormatCallback> {
  const mark = (element: Element, builder: BlockTextBuilder, text: string): void => {
    const link = linkOf(element.attribs?.href, base, links);
    if (link === null) return;
    const { target, number } = link;
    const label = number === null ? '' : `[${number}]`;
    if (isBlank(text)) builder.addInline(` ${placeOf(target)} ${label}`, { noWordTransform: true });
    else {
      const elsewhere = mismatch(text, target);
      builder.addInline(` ${elsewhere === null ? '' : `(goes to ${elsewhere}) `}${label}`, { noWordTransform: true });
    }
  };
  return {
    numberedLink(element, walk, builder) {
      walk(element.children, builder);
      mark(element, builder, textIn(element));
    },
    numberedArea(element, _walk, builder) {
      const text = alternativeOf(element);
      builder.openBlock({ leadingLineBreaks: 1 });
      builder.addInline(text);
      mark(element, builder, text);
      builder.closeBlock({ trailingLineBreaks: 1 });
    },
  };
}

const alternativeOf = ({ attribs }: Element): string => {
  const text = (attribs?.alt ?? '').trim() === '' ? (attribs?.title ?? '') : (attribs?.alt ?? '');
  return text.replace(/\s+/g, ' ').trim().slice(0, 500);
};

/** What a reader sees of an element, at most 2,000 characters. */
function textIn(element: Element): string {
  let text = '';
  const pending: Element[] = [element];
  for (let next = pending.pop(); next !== undefined && text.length < 2_000; next = pending.pop()) {
    if (next.type === 'text') text += next.data ?? '';
    else if (next.name === 'img') text += alternativeOf(next);
    if (next.type === 'tag') pending.push(...next.children.slice(0, 500).reverse());
  }
  return text;
}

/** One picture of an emoji, as some programs send them. */
const emoji = /^(?:\p{RGI_Emoji}|\p{Extended_Pictographic}\uFE0F?){1,2}$/v;

const formatters: Record<string, FormatCallback> = {
  picture(element, _walk, builder) {
    const text = alternativeOf(element);
    if (text !== '') builder.addInline(emoji.test(text) ? text : `[${text}]`, { noWordTransform: true });
  },
  field(element, _walk, builder) {
    const kind = element.attribs?.type?.toLowerCase() ?? 'text';
    const text = kind === 'image' ? alternativeOf(element) : kind === 'hidden' || kind === 'password' ? '' : (element.attribs?.value ?? '');
    if (text.trim() !== '') builder.addInline(`[${text.trim().slice(0, 200)}]`);
  },
  button(element, walk, builder) {
    builder.addLiteral('[');
    walk(element.children, builder);
    builder.addLiteral(']');
  },

  // --- figures ------------------------------------------------------------------------------------------------------

  raised: (element, walk, builder) => shifted(element, walk, builder, superscripts),
  lowered: (element, walk, builder) => shifted(element, walk, builder, subscripts),

  // --- blocks -------------------------------------------------------------------------------------------------------

  break(element, _walk, builder) {
    if (!endsItsBlock(element)) builder.addLineBreak();
  },
  line(element, walk, builder) {
    builder.openBlock({ leadingLineBreaks: 1 });
    walk(element.children, builder);
    builder.closeBlock({ trailingLineBreaks: 1 });
  },
  terms(element, walk, builder) {
    builder.openBlock({ leadingLineBreaks: 2 });
    walk(element.children, builder);
    builder.closeBlock({ trailingLineBreaks: 2 });
  },
  meaning: (element, walk, builder) => indented(element, walk, builder, '  '),
  strayItem(element, walk, builder) {
    if (/^(?:ul|ol|menu|dir)$/.test(element.parent?.name ?? '')) walk(element.children, builder);
    else indented(element, walk, builder, ' * ');
  },
  strayCell(element, walk, builder) {
    builder.openBlock({ leadingLineBreaks: 1 });
    walk(element.children, builder);
    builder.closeBlock({ trailingLineBreaks: 1 });
  },
  /** Programs indent with the same element; only those say so. */
  quoted(element, walk, builder) {
    const { style = '', class: kind = '', type = '' } = element.attribs ?? {};
    const lined = /border-left[^:;]{0,20}:[^;]{0,60}(?:solid|[1-9])/i.test(style);
    const indents = !lined && (/\bindent/i.test(kind) || (/border(?:-left)?:\s*(?:none|0)/i.test(style) && /margin/i.test(style)));
    if (indents && type !== 'cite' && !/quote/i.test(kind.replace('webkit-indent-blockquote', ''))) {
      indented(element, walk, builder, '    ');
      return;
    }
    builder.openBlock({ leadingLineBreaks: 2, reservedLineLength: 2 });
    walk(element.children, builder);
    builder.closeBlock({ trailingLineBreaks: 2, blockTransform: quotedLines });
  },

  // --- tables -------------------------------------------------------------------------------------------------------

  cells(element, walk, builder) {
    const captions = element.children.filter(({ name }) => name === 'caption');
    if (captions.length > 0) walk(captions, builder);
    builder.openTable();
    rowsOf(element, walk, builder, 0);
    builder.closeTable({ tableToString: tableText, leadingLineBreaks: 2, trailingLineBreaks: 2 });
  },
};

type Linked = Element & { next?: Linked | null; prev?: Linked | null; parent?: Linked };
const inline = /^(?:a|abbr|b|big|cite|code|em|font|i|ins|label|mark|q|s|small|span|strong|sub|sup|tt|u)$/;

/** A line break behind the last words of a block begins no line. */
function endsItsBlock(element: Element): boolean {
  const along = (side: 'next' | 'prev'): Linked | null => {
    for (let node: Linked | null = element; node !== null; ) {
      let beside: Linked | null = node[side] ?? null;
      while (beside !== null && beside.type === 'text' && !/\S/.test(beside.data ?? '')) beside = beside[side] ?? null;
      if (beside !== null) return beside;
      node = node.parent !== undefined && inline.test(node.parent.name ?? '') ? node.parent : null;
    }
    return null;
  };
  if (along('next') !== null) return false;
  const before = along('prev');
  return before !== null && (before.type === 'text' || (before.name !== 'br' && (inline.test(before.name ?? '') || before.name === 'img')));
}

const quotedLines = (text: string): string =>
  text
    .replace(/^\n+|\s+$/g, '')
    .replace(/\n{3,}/g, '\n\n')
    .split('\n')
    .map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`.trimEnd()))
    .join('\n');

function indented(element: Element, walk: Walk, builder: BlockTextBuilder, prefix: string): void {
  builder.openList({ interRowLineBreaks: 1, leadingLineBreaks: 1, maxPrefixLength: prefix.length, prefixAlign: 'left' });
  builder.openListItem({ prefix });
  walk(element.children, builder);
  builder.closeListItem();
  builder.closeList({ trailingLineBreaks: 1 });
}

const subscripts = '₀₁₂₃₄₅₆₇₈₉';

function shifted(element: Element, walk: Walk, builder: BlockTextBuilder, figures: string): void {
  const text = textIn(element).trim();
  if (/^\d{1,6}$/.test(text)) builder.addInline(text.replace(/\d/g, (digit) => figures[Number(digit)] ?? digit));
  else walk(element.children, builder);
}

/** Rows wherever they stand in a table; cells without a row are one, and so is text where HTML allows none. */
function rowsOf(element: Element, walk: Walk, builder: BlockTextBuilder, depth: number): void {
  let open = false;
  const endRow = (): void => {
    if (open) builder.closeTableRow();
    open = false;
  };
  for (const child of element.children) {
    if (child.name === 'tr') {
      endRow();
      builder.openTableRow();
      cellsOf(child, walk, builder, 0);
      builder.closeTableRow();
    } else if (/^(?:thead|tbody|tfoot|center|form|font|span)$/.test(child.name ?? '') && depth < 20) {
      endRow();
      rowsOf(child, walk, builder, depth + 1);
    } else if (child.name === 'td' || child.name === 'th' || isText(child)) {
      if (!open) builder.openTableRow();
      open = true;
      oneCell(child, walk, builder);
    }
  }
  endRow();
}

function cellsOf(row: Element, walk: Walk, builder: BlockTextBuilder, depth: number): void {
  for (const child of row.children) {
    if (/^(?:form|center|font|span)$/.test(child.name ?? '') && depth < 20) cellsOf(child, walk, builder, depth + 1);
    else if (isText(child)) oneCell(child, walk, builder);
  }
}

const isText = ({ type, name, data }: Element): boolean =>
  type === 'text' ? !isBlank(data ?? '') : type === 'tag' && name !== 'caption' && name !== 'colgroup' && name !== 'col';

function oneCell(cell: Element, walk: Walk, builder: BlockTextBuilder): void {
  const isCell = cell.name === 'td' || cell.name === 'th';
  builder.openTableCell();
  walk(isCell ? cell.children : [cell], builder);
  builder.closeTableCell({
    colspan: isCell ? Number(cell.attribs?.colspan) || 1 : 1,
    rowspan: isCell ? Number(cell.attribs?.rowspan) || 1 : 1,
  });
}
