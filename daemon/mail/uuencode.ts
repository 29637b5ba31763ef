/** Files that stand in a text as uuencode (POSIX.1, uuencode): `begin 644 name`, lines of data, `end`. Linear and bounded. */

export type UuFile = { name: string; bytes: Buffer };

const maxFiles = 50;

/** The text without its files, and the files; null when there is none. `text` is a binary string. */
export function uuFilesIn(text: string): { rest: string; files: UuFile[] } | null {
  if (!/^begin [0-7]{3,4} \S/m.test(text)) return null;
  const lines = text.split('\n');
  const kept: string[] = [];
  const files: UuFile[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const begin = /^begin [0-7]{3,4} (\S.{0,200}?)\s*$/.exec(line);
    const read = begin === null || files.length >= maxFiles ? null : readData(lines, at + 1);
    if (begin === null || read === null) kept.push(line);
    else {
      files.push({ name: begin[1] ?? '', bytes: read.bytes });
      at = read.end;
    }
  }
  return files.length === 0 ? null : { rest: kept.join('\n'), files };
}

/** `end` is the line that says so. Null when what follows is no such data, or nothing ends it. */
function readData(lines: readonly string[], from: number): { bytes: Buffer; end: number } | null {
  const chunks: Buffer[] = [];
  for (let at = from; at < lines.length; at++) {
    const line = (lines[at] ?? '').replace(/\s+$/, '');
    if (line === 'end') return { bytes: Buffer.concat(chunks), end: at };
    if (line === '' || line === '`') continue;
    const bytes = decoded(line);
    if (bytes === null) return null;
    chunks.push(bytes);
  }
  return null;
}

/** The first character is the number of octets, each four of the rest are three of them; blanks at the end may have been cut. */
function decoded(line: string): Buffer | null {
  const count = (line.charCodeAt(0) - 32) & 63;
  if (!/^[ -`]+$/.test(line) || count > 45 || line.length - 1 > Math.ceil(count / 3) * 4 + 1) return null;
  const bytes = Buffer.alloc(Math.ceil(count / 3) * 3);
  for (let group = 0; group * 3 < count; group++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((n) => {
      const code = line.charCodeAt(1 + group * 4 + n);
      return Number.isNaN(code) ? 0 : (code - 32) & 63;
    });
    bytes.writeUIntBE((((a ?? 0) << 18) | ((b ?? 0) << 12) | ((c ?? 0) << 6) | (d ?? 0)) >>> 0, group * 3, 3);
  }
  return bytes.subarray(0, count);
}
