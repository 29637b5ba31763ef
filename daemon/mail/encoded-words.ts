/** Encoded-words (RFC 2047), as programs write them: cut within a character, padded in the middle, in raw octets beside them. */
import { decodeBase64, decodeBinary, decodeQuotedPrintable, decodeText, octetsOf } from './charset.ts';
import { decoderFor } from './decoders.ts';

/** With a language (RFC 2231 5), with blanks inside, and with a question mark that was not encoded: many programs leave them there. */
const encodedWord = /=\?([^\s?]{1,60})\?([BbQq])\?([^?\r\n]*(?:\?(?!=)[^?\r\n]*){0,8})\?=/g;

/**
 * Text with encoded-words -> text. Adjacent words of one charset are joined before they are decoded: programs cut them within a
 * character. Runs once over the value: what a word decodes to is never decoded again.
 */
export function decodeWords(binary: string): string {
  if (!binary.includes('=?')) return decodeBinary(binary);
  let text = '';
  let end = 0;
  let run: Run | null = null;
  for (const match of binary.matchAll(encodedWord)) {
    const between = binary.slice(end, match.index);
    const charset = (match[1] ?? '').replace(/\*.*$/, '').toLowerCase();
    const name = decoderFor(charset)?.name ?? charset;
    const adjacent = run !== null && /^[\t-\r ]*$/.test(between);
    if (run !== null && (!adjacent || run.name !== name)) {
      text += decodeRun(run);
      run = null;
    }
    if (!adjacent) text += decodeBinary(between);
    run ??= { name, charset, octets: [], base64: '' };
    addWord(run, (match[2] ?? '').toLowerCase() === 'b', match[3] ?? '');
    end = match.index + match[0].length;
  }
  if (run !== null) text += decodeRun(run);
  return text + decodeBinary(binary.slice(end));
}

/** Adjacent words. `base64`: what is left of a word that ended within four letters, for the next one. */
type Run = { name: string; charset: string; octets: Uint8Array[]; base64: string };

function addWord(run: Run, base64: boolean, encoded: string): void {
  if (!base64) {
    endBase64(run);
    addOctets(run, decodeQuotedPrintable(octetsOf(encoded.replaceAll('_', ' '))));
    return;
  }
  const letters = run.base64 + encoded.replace(/[^A-Za-z0-9+/=_-]/g, '');
  const whole = letters.endsWith('=') ? letters.length : letters.length - (letters.length % 4);
  addOctets(run, decodeBase64(letters.slice(0, whole)));
  run.base64 = letters.slice(whole);
}

function endBase64(run: Run): void {
  if (run.base64 !== '') run.octets.push(decodeBase64(run.base64));
  run.base64 = '';
}

function decodeRun(run: Run): string {
  endBase64(run);
  return decodeText(Buffer.concat(run.octets), run.charset);
}

/** Every word of ISO-2022-JP begins in ASCII (RFC 1468); one that was cut by octets goes on in the set of the word before. */
function addOctets(run: Run, octets: Uint8Array): void {
  if (run.name === 'iso-2022-jp' && run.octets.length > 0) {
    const before = Buffer.concat(run.octets).toString('latin1');
    const [state = '(B', tail = ''] = /\x1B([$(]\(?[@-Z])([^\x1B]*)$/.exec(before)?.slice(1) ?? [];
    const next = Buffer.from(octets).toString('latin1');
    const goesOn = tail.length % 2 === 1 || /^[!-~]+\x1B\([BJ]/.test(next);
    if (state.startsWith('$') && !next.startsWith('\x1B') && !goesOn) run.octets.push(octetsOf('\x1B(B'));
  }
  run.octets.push(octets);
}
