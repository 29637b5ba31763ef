/** What a mail calls a file: where mailers put the name, best first, and in what they encode it though it does not belong there. */
import { decodePercent } from './charset.ts';
import { decodeWords } from './encoded-words.ts';
import { first, type Header, type Structured } from './header.ts';

/** Null: nowhere. `isText`: only what is meant as a name counts, since a text is one without a name. */
export function fileNameIn(header: Header, content: Structured, disposition: Structured, isText: boolean): string | null {
  const own = disposition.parameters.get('filename') ?? content.parameters.get('name') ?? null;
  const said =
    own ||
    disposition.parameters.get('name') ||
    content.parameters.get('filename') ||
    withoutSemicolon(first(header, 'content-disposition'));
  const found = said || (isText ? null : (inLocation(header) ?? inDescription(header)));
  return found ? repaired(found) : own;
}

/** `filename="a.pdf"` with no disposition, or none of the semicolons. */
function withoutSemicolon(field: string | null): string | null {
  const found = /^[\s\w-]*?\bfilename=(?:"([^"]{1,1000})"|([^\s;"]{1,1000}))/i.exec(field ?? '');
  return found === null ? null : decodeWords(found[1] ?? found[2] ?? '');
}

/** The last piece of the address that a part says to be at (RFC 2557). */
function inLocation(header: Header): string | null {
  const piece = /([^/\\?#]{1,300}\.\w{1,10})(?:[?#].*)?$/.exec(decodeWords(first(header, 'content-location') ?? '').trim());
  return piece?.[1] ?? null;
}

function inDescription(header: Header): string | null {
  const text = decodeWords(first(header, 'content-description') ?? '').trim();
  return /^[^/\\\r\n]{1,200}\.[A-Za-z0-9]{2,5}$/.test(text) ? text : null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Percent and numeric entities where they hold what no name has in ASCII, and quotes of the wrong kind. */
function repaired(name: string): string {
  const bare = /^'[^']+'$/.test(name) ? name.slice(1, -1) : name;
  const plain = bare.replace(/&#(?:x([0-9a-f]{2,6})|(\d{3,7}));/gi, (entity, hex?: string, decimal?: string) => {
    const code = Number.parseInt(hex ?? decimal ?? '', hex === undefined ? 10 : 16);
    return code >= 0xa0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity;
  });
  if (!/%[c-f][0-9a-f]%[89ab][0-9a-f]/i.test(plain) || /[^\x20-\x7e]/.test(plain)) return plain;
  try {
    return utf8.decode(decodePercent(plain));
  } catch (error) {
    if (error instanceof TypeError) return plain; // percent signs that encode no UTF-8
    throw error;
  }
}
