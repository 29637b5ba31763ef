/** The files that people in the demo attach: made here, so that the repository holds no binary of unknown origin. */
import { crc32, deflateSync } from 'node:zlib';
import type { FileName } from './content/talk.ts';
import type { Attachment } from './mime.ts';

export function attachment(filename: FileName): Attachment {
  switch (filename) {
    case 'photo.png':
      return { filename, type: 'image/png', octets: harbourAtDusk(160, 96) };
    case 'invoice.pdf':
      return {
        filename,
        type: 'application/pdf',
        octets: onePagePdf(['Harbour Books', '4 Lower Quay', '', 'Please pay within 14 days, or in cake.']),
      };
    case 'order.csv':
      return table(filename, [
        ['isbn', 'title', 'ordered', 'received'],
        ['9780000000019', 'The Lighthouse Mice', '28', '26'],
        ['9780000000026', 'Know Your Turnip', '2', '2'],
        ['9780000000033', 'Crosswords for Convalescents 12', '12', '12'],
      ]);
    case 'list.csv':
      return table(filename, [
        ['title', 'author', 'copies'],
        ['Small Boats, Big Weather', 'N. Marlowe', '14'],
        ['A Field Guide to Clouds', 'A. Brennan', '6'],
        ['Der Leuchtturmwärter', 'J. Größmann', '3'],
        ['El faro que no quería', 'M. Ibáñez', '5'],
        ['灯台守の猫', '佐藤 美咲', '2'],
      ]);
  }
}

function table(filename: FileName, rows: readonly (readonly string[])[]): Attachment {
  const cell = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const octets = Buffer.from(rows.map((row) => `${row.map(cell).join(',')}\r\n`).join(''));
  return { filename, type: 'text/csv', octets };
}

/** A picture of two colours of sky, a sun, and water that repeats it. Truecolour, one IDAT (PNG, third edition). */
function harbourAtDusk(width: number, height: number): Buffer {
  const rows: Buffer[] = [];
  const horizon = height * 0.62;
  for (let y = 0; y < height; y++) {
    const row = Buffer.alloc(1 + width * 3); // filter type 0, then RGB
    for (let x = 0; x < width; x++) {
      const water = y > horizon;
      const depth = water ? (y - horizon) / (height - horizon) : y / horizon;
      const away = Math.hypot(x - width * 0.6, (water ? 2 * horizon - y : y) - horizon * 0.8);
      const glow = Math.max(0, 1 - away / (water && y % 3 === 0 ? 10 : 22));
      const [r, g, b] = water ? [30, 60 - 30 * depth, 90 - 40 * depth] : [70 + 150 * depth, 60 + 60 * depth, 120 - 30 * depth];
      for (const [i, value] of [r + 180 * glow, g + 130 * glow, b + 20 * glow].entries())
        row[1 + x * 3 + i] = Math.min(255, Math.round(value));
    }
    rows.push(row);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(Buffer.concat(rows))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, check]);
}

/** One page of Helvetica, with the table of offsets that PDF 1.4 wants; the lines are ASCII without parentheses. */
function onePagePdf(text: readonly string[]): Buffer {
  const shown = `BT /F1 18 Tf 72 760 Td 26 TL ${text.map((line) => `(${line}) Tj T*`).join(' ')} ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${shown.length} >>\nstream\n${shown}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let pdf = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const offset = pdf.length;
    pdf += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  return Buffer.from(
    `${pdf}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${pdf.length}\n%%EOF\n`,
  );
}
