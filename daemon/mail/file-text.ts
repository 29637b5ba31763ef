/** What a mail shows that has no text of its own: the words of its files where they are text, and else their names. */
import { decodeHtml, decodeText } from './charset.ts';
import { extensionOf, typeFor } from './file-types.ts';
import { rtfToText } from './rtf.ts';
import { isTnef } from './sealed.ts';
import { readTnef } from './tnef.ts';
import { decodeTextTransfer, decodeTransfer } from './transfer.ts';
import { isText, type Leaf } from './tree.ts';
import { isBlank } from './versions.ts';

type Text = { html: boolean; text: string };
type HtmlReader = (html: string, room: number) => string;

/** Written for programs: its letters are no words. */
const code = /^text\/(?:css|(?:x-)?javascript|ecmascript|x-sql|calendar)$/;
const words = /^(?:text\/.*|application\/(?:rtf|xml|json|csv|xhtml\+xml)|message\/(?:delivery-status|disposition-notification))$/;
const rich = /^(?:text|application)\/rtf$/;
const maxFiles = 20;

/** `names`: of the files, as they are listed. `cap`: so many octets of a file are read. */
export function textsOfFiles(leaves: readonly Leaf[], names: readonly string[], toText: HtmlReader, cap: number, room: number): Text[] {
  const found = leaves
    .filter((leaf) => !isText(leaf))
    .slice(0, maxFiles)
    .flatMap((leaf) => {
      const text = textOf(leaf, toText, cap, room);
      return text === null || isBlank(text.text) ? [] : [{ ...text, name: leaf.filename }];
    });
  if (found.length > 0)
    return found.map(({ html, text, name }) => ({ html, text: found.length > 1 && name ? `[${name}]\n${text}\n` : text }));
  if (names.length > 0) {
    const more = names.length > maxFiles ? ` and ${names.length - maxFiles} more` : '';
    const listed = names.slice(0, maxFiles).join(', ') + more;
    return [{ html: false, text: `[This mail has no text of its own. Its ${names.length === 1 ? 'file' : 'files'}: ${listed}]` }];
  }
  const pictures = leaves.some((leaf) => leaf.type === 'text/html' && /<img\b/i.test(htmlOf(leaf, cap)));
  return pictures ? [{ html: false, text: '[This mail consists of pictures that lie on a server. They are not fetched.]' }] : [];
}

const htmlOf = (leaf: Leaf, cap: number): string => {
  const charset = leaf.parameters.get('charset') ?? null;
  return decodeHtml(decodeTextTransfer(leaf.encoding, leaf.body.subarray(0, cap), charset), charset, null);
};

function textOf(leaf: Leaf, toText: HtmlReader, cap: number, room: number): Text | null {
  if (isTnef(leaf)) {
    const tnef = readTnef(decodeTransfer(leaf.encoding, leaf.body));
    if (tnef?.html != null && (tnef.text === null || isBlank(tnef.text)))
      return { html: true, text: toText(decodeHtml(tnef.html.subarray(0, cap), null, null), room) };
    return tnef?.text == null ? null : { html: false, text: tnef.text.replace(/\r\n?/g, '\n') };
  }
  const type = typeFor(leaf.filename ?? '', leaf.type);
  // A type that nobody knows, or none: what it holds tells.
  const isUnknown = extensionOf(type) === 'bin';
  if (code.test(type) || !(words.test(type) || isUnknown)) return null;
  if (type === 'text/html' || type === 'application/xhtml+xml') return { html: true, text: toText(htmlOf(leaf, cap), room) };
  const charset = leaf.parameters.get('charset') ?? null;
  const octets = decodeTextTransfer(leaf.encoding, leaf.body.subarray(0, cap), charset);
  const text = (rich.test(type) ? rtfToText(octets, room) : null) ?? decodeText(octets, charset);
  // A label proves nothing: what is no text is a file.
  const odd = text.slice(0, 4_000).match(/[\0-\x08\x0E-\x1A\x1C-\x1F\uFFFD]/g)?.length ?? 0;
  return odd > (isUnknown ? 0 : Math.min(4_000, text.length) / 20) ? null : { html: false, text: text.replace(/\r\n?/g, '\n') };
}
