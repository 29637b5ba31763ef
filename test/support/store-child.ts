/**
 * A daemon's store in a process of its own, to be killed: takes mail in without end and prints the hash of each once it was told
 * that it is stored. `node store-child.ts HOME FIRST`.
 */
import { createHash } from 'node:crypto';
import { openStore } from '../../daemon/store/store.ts';

const [home = '', first = '0'] = process.argv.slice(2);
const store = await openStore({ home });
const mailbox = 'support';
const [inbox] = await store.putFolders(mailbox, [{ path: 'INBOX', name: 'Inbox', delimiter: '/', role: 'inbox', selectable: true }]);
const policy = { addresses: ['support@example.com'], workFrom: null, followServer: true, seenBy: null };

for (let uid = Number(first); ; uid += 150) {
  const mails = Array.from({ length: 150 }, (_, n) =>
    Buffer.from(
      `From: jane@customer.example\r\nTo: support@example.com\r\nSubject: Order ${uid + n}\r\nMessage-ID: <m${uid + n}@example.test>\r\n` +
        `In-Reply-To: <m${Math.floor((uid + n) / 3)}@example.test>\r\n\r\n${`Where is order ${uid + n}?\r\n`.repeat(1 + ((uid + n) % 90))}`,
    ),
  );
  const whole = Buffer.concat(mails);
  const buffer = new ArrayBuffer(whole.length);
  new Uint8Array(buffer).set(whole);
  let offset = 0;
  const items = mails.map((octets, n) => {
    offset += octets.length;
    return {
      offset: offset - octets.length,
      length: octets.length,
      receivedAt: Date.UTC(2026, 0, 1) + (uid + n) * 1_000,
      flags: [],
      modSeq: null,
      uid: uid + n,
    };
  });
  await store.ingest({
    mailbox,
    policy,
    folder: inbox?.id ?? 0,
    uidValidity: 1,
    origin: 'import',
    buffer,
    items,
    checkpoint: { uidNext: uid + 150 },
  });
  process.stdout.write(mails.map((octets) => `${createHash('sha256').update(octets).digest('hex')}\n`).join(''));
}
