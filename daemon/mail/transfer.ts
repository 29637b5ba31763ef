/** Content-Transfer-Encoding, as it is and as it is claimed: text that is no base64, a list's footer behind base64, uuencode as an encoding. */
import { decodeBase64, decodeQuotedPrintable } from './charset.ts';
import { uuFilesIn } from './uuencode.ts';

export const isUu = (encoding: string): boolean => /^(?:x-)?(?:uuencode|uue|uu)$/.test(encoding);

/** A file is decoded as declared. */
export function decodeTransfer(encoding: string, body: Buffer): Uint8Array {
  if (encoding === 'base64') return decodeBase64(body.toString('latin1'));
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(body);
  if (isUu(encoding)) return uuFilesIn(body.toString('latin1').replace(/\r\n?/g, '\n'))?.files[0]?.bytes ?? body;
  return body; // 7bit, 8bit, binary, and names that nobody knows
}

/** Text is decoded as far as it is encoded. `charset` as it is declared. */
export function decodeTextTransfer(encoding: string, body: Buffer, charset: string | null): Uint8Array {
  return encoding === 'base64' ? textInBase64(body, charset) : decodeTransfer(encoding, body);
}

/** No line of base64: another character, or a rule. */
const isForeign = (line: string): boolean => /[^A-Za-z0-9+/=_\s-]/.test(line) || /^\s*(?:-{2,}|_{2,}|={3,})\s*$/.test(line);
/** Data goes on behind it: what stood there was damaged on its way, and is no footer. */
const isFullLine = (line: string): boolean => /^[A-Za-z0-9+/]{60,}={0,2}\s*$/.test(line);

function textInBase64(body: Buffer, charset: string | null): Uint8Array {
  const text = body.toString('latin1');
  const lines = text.split(/\r\n?|\n/);
  const foreign = lines.findIndex(isForeign);
  if (foreign >= 0 && lines.slice(foreign + 1).some(isFullLine)) return decodeBase64(text);
  const end = foreign < 0 ? lines.length : endOfData(lines, foreign);
  const head = lines.slice(0, end).join('\n');
  const data = Buffer.from(decodeBase64(head));
  if (!isPlausible(head, data, charset)) return body;
  const tail = lines.slice(end).join('\n');
  return tail.trim() === '' ? data : Buffer.concat([data, Buffer.from(`\n${tail}`, 'latin1')]);
}

/** Where padding ended the data, or a blank line did; the footer may begin with words that could be base64. */
function endOfData(lines: readonly string[], foreign: number): number {
  const before = lines.slice(0, foreign);
  const padded = before.findLastIndex((line) => /=\s*$/.test(line));
  if (padded >= 0) return padded + 1;
  const blank = before.findLastIndex((line, at) => line.trim() === '' && before.slice(0, at).some((it) => it.trim() !== ''));
  return blank >= 0 ? blank : foreign;
}

/** A length that base64 has not, or words that happen to be letters alone and decode to nonsense. */
function isPlausible(head: string, data: Buffer, charset: string | null): boolean {
  const characters = head.replace(/[=\s]+/g, '').length;
  if (characters >= 400 || /16|32|ucs|unicode/i.test(charset ?? '')) return true;
  if (characters === 0 || characters % 4 === 1) return false;
  const isWords = head.split('\n').every((line) => /^\s*(?:[A-Z]?[a-z]*|[A-Z]+|\d+)\s*$/.test(line));
  return !isWords || !/[\x00-\x08\x10-\x1A\x1C-\x1F\x7F-\xFF]/.test(data.toString('latin1'));
}
