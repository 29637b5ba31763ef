/** Large mails of all shapes, over SMTP and opened by a person: what the daemon takes for them, it gives back. */
import { expect, test } from 'vitest';
import { Arena } from './support/arena.ts';

const crlf = '\r\n';
const large = 23_000_000;

function bomb(name: string, headers: string, body: string, octets = large): Buffer {
  const head = `From: Mallory <mallory@evil.example>${crlf}Subject: ${name}${crlf}Message-ID: <${name}@evil.example>${crlf}MIME-Version: 1.0${crlf}`;
  return Buffer.concat([Buffer.from(head + headers), Buffer.alloc(octets, body), Buffer.from(`${crlf}--b--${crlf}`)]);
}

const type = (written: string): string => `Content-Type: ${written}${crlf}`;
const bombs: Buffer[] = [
  bomb('file', `${type('application/octet-stream; name=f')}Content-Transfer-Encoding: base64${crlf}${crlf}`, `${'QUJD'.repeat(19)}${crlf}`),
  bomb('text', `${type('text/plain; charset=utf-8')}${crlf}`, `Lorem ipsum dolor sit amet, consectetur.${crlf}`),
  bomb('html', `${type('text/html; charset=utf-8')}${crlf}`, `<p><b>x</b> <a href="http://a.example/">y</a></p>${crlf}`),
  bomb('parts', `${type('multipart/mixed; boundary=b')}${crlf}`, `--b${crlf}Content-Type: text/plain${crlf}${crlf}x${crlf}`),
  bomb('header', 'X-Long: ', `${'x'.repeat(70)}${crlf} `),
  bomb('cc', 'Cc: a@b.example', `, a@b.example${crlf} `, 10_000_000),
  bomb(
    'tables',
    `${type('text/html; charset=utf-8')}Content-Transfer-Encoding: base64${crlf}${crlf}`,
    `${Buffer.from('<table><tr><td>x</td></tr></table>').toString('base64').slice(0, 44)}${crlf}`,
  ),
  bomb(
    'shifts',
    `${type('text/plain; charset=iso-2022-jp')}Content-Transfer-Encoding: quoted-printable${crlf}${crlf}`,
    `=1B$B=46|=1B(B=20=${crlf}`,
  ),
];

test('after mail bombs the daemon is as small as it was, but for what one large mail takes', { timeout: 240_000 }, async () => {
  await using arena = await Arena.open();
  const { address, client } = await arena.mailbox('bombed');
  const open = async () => {
    const { rows } = await client.call('conversation.list', { mailbox: address, limit: 1 });
    await client.call('conversation.show', { conversation: rows[0]?.conversation ?? '' }, { timeoutMs: 60_000 });
  };
  const before = await arena.memory();
  const calm = await arena.threads();
  const ended: number[] = [];
  for (const octets of bombs) {
    await arena.deliver(address, [octets]);
    await open();
    ended.push(await arena.threads());
  }
  // Nor does the thread that opened a large one stay.
  const left = await arena.memory();
  console.log(
    `memory ${before.nowMb} MB before, ${left.nowMb} MB after, ${left.peakMb} MB at most; threads ${calm}, then ${ended.join(' ')}`,
  );
  expect(Math.max(...ended)).toBeLessThanOrEqual(calm);
  // 256 MB for the one that is opened, and a few large mails on their way through the others.
  expect(left.peakMb).toBeLessThan(before.nowMb + 256 + 6 * 24);
  expect(left.nowMb).toBeLessThan(before.nowMb + 300);
  expect(await arena.errors()).toEqual([]);
  expect(await arena.check()).toEqual([]);
});
