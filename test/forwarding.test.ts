/** What a forward carries: the mail as it came where it says more than its text, its files at hand, and right types on everything. */
import { expect, test } from 'vitest';
import { typeFor } from '../daemon/mail/file-types.ts';
import { attachmentBytes, readMessage } from '../daemon/mail/message.ts';
import { startPostroom } from './support/postroom.ts';
import { startSubmission } from './support/submission.ts';
import { table } from './support/table.ts';

test.each(
  table<{ name: string; said: string; leaves: string }>(`
    name          said                                leaves
    a.pdf         application/octet-stream            application/pdf
    a.PDF         application/x-download              application/pdf
    a.pdf         image/jpeg                          application/pdf
    a.docx        text/plain                          application/vnd.openxmlformats-officedocument.wordprocessingml.document
    a.pptx        application/force-download          application/vnd.openxmlformats-officedocument.presentationml.presentation
    it's [x].doc  application/pdf                     application/msword
    a.jpeg        image/jpg                           image/jpeg
    a.ics         application/octet-stream            text/calendar
    a.eml         text/plain                          message/rfc822
    key.asc       application/pgp-keys                application/pgp-keys
    sig.asc       application/pgp-signature           application/pgp-signature
    a.xml         text/xml                            text/xml
    a.mht         multipart/related                   multipart/related
    a.unknown     application/x-thing                 application/x-thing
    README        text/markdown                       text/markdown
    .pdf          image/png                           application/pdf
  `),
)('$name, said to be $said, leaves as $leaves', ({ name, said, leaves }) => expect(typeFor(name, said)).toBe(leaves));

const crlf = (text: string): string => text.replace(/\r?\n/g, '\r\n');
const from = 'From: Jane <jane@x.example>\nMIME-Version: 1.0\n';
const html = '<table><tr><td>Sea map</td><td>2</td><td>19<sup>00</sup></td></tr></table>';
const pdf = 'Content-Type: image/jpeg; name="R&D.pdf"\nContent-Transfer-Encoding: base64\n\nJVBERi0x\n';
const mails: Record<string, string> = {
  plain: `Subject: plain\n${from}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nSee it.\n--b\n${pdf}--b\nContent-Type: text/plain; charset=koi8-r; name=a.txt\nContent-Transfer-Encoding: base64\n\n8NLJ18XU\n--b--\n`,
  // Blanks at line ends, a dot, a From and a shift escape are no reason to change a message.
  html: `Subject: Prices [2026]\n${from}Content-Type: multipart/mixed; boundary=b\n\nFrom here \n.\n\u001b(B\n--b\nContent-Type: text/html\n\n${html}\n--b\n${pdf}--b--\n`,
  eightBit: `Subject: eight\n${from}Content-Type: text/html; charset=utf-8\n\n<p>Gr\u00fc\u00dfe ${html}</p>\n`,
  sealed: `Subject: sealed\n${from}Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIAG\n`,
  large: `Subject: large\n${from}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n${html}\n--b\n${pdf}${'QUJD\n'.repeat(900_000)}--b--\n`,
  alternative: `Subject:\n${from}Content-Type: multipart/alternative; boundary=b\n\n--b\n\nIn words.\n--b\nContent-Type: text/html\n\n${html}\n--b--\n`,
};

test('a mail with HTML, or that cannot be opened here, goes as it came; files lie beside it; other mail goes as text and files', async () => {
  await using submission = await startSubmission({ security: 'plain', users: null });
  await using postroom = await startPostroom({
    config: {
      hosted: { domains: ['harbour.example'], smtp: { port: 0 }, relay: { host: 'localhost', port: submission.port, tls: 'none' } },
    },
  });
  const support = await postroom.mailbox('support');
  const eva = await postroom.as('eva');
  const forwarded = async (name: string) => {
    await postroom.deliver(support, Buffer.from(crlf(mails[name] ?? ''), 'utf8'));
    const { conversation } = await postroom.newest(support);
    const message = (await eva.call('conversation.show', { conversation })).messages[0]?.id ?? '';
    const chunks: Uint8Array[] = [];
    await eva.call('message.raw', { message }, { onChunk: (chunk) => void chunks.push(chunk) });
    const octets = Buffer.concat(chunks);
    const begun = await eva.call('compose.reply', { conversation, kind: 'forward' });
    const before = submission.ledger.length;
    await eva.call('outbox.send', { in: conversation, kind: 'forward', to: 'sam@y.example', body: 'For you.' }, { timeoutMs: 60_000 });
    const sent = (await submission.accepted(before + 1)).at(-1)?.octets ?? Buffer.alloc(0);
    const { attachments, text } = readMessage(sent);
    expect(begun.attachments).toHaveLength(attachments.length);
    const files = attachments.map(({ index }) => attachmentBytes(sent, index));
    return {
      text,
      asItCame: files.filter((file) => file !== null && Buffer.from(file.bytes).equals(octets)).length,
      files: files.map((file) => [file?.name, file?.type, ...(file?.charset == null ? [] : [file.charset])].join(' ')),
    };
  };
  expect(await forwarded('plain')).toMatchObject({ asItCame: 0, files: ['R&D.pdf application/pdf', 'a.txt text/plain koi8-r'] });
  const withHtml = await forwarded('html');
  expect(withHtml).toMatchObject({ asItCame: 1, files: ['Prices _2026_.eml message/rfc822', 'R&D.pdf application/pdf'] });
  expect(withHtml.text).toContain('Sea map  2  19⁰⁰');
  expect(await forwarded('eightBit')).toMatchObject({ asItCame: 1, files: ['eight.eml application/octet-stream'] });
  expect(await forwarded('sealed')).toMatchObject({
    asItCame: 1,
    files: ['sealed.eml message/rfc822', 'smime.p7m application/pkcs7-mime'],
  });
  expect(await forwarded('large')).toMatchObject({ asItCame: 1, files: ['large.eml message/rfc822'] });
  expect(await forwarded('alternative')).toMatchObject({ asItCame: 1, files: ['Forwarded mail.eml message/rfc822'] });
});
