import { describe, expect, test } from 'vitest';
import { startDovecot } from './support/dovecot.ts';
import { mails, sha256, startSync } from './support/sync.ts';

const address = 'support@example.org';

/** Servers that lack what the engine likes to use. The story is always the same, and so is its end. */
describe('a server without', () => {
  for (const lacks of [
    'CONDSTORE QRESYNC',
    'QRESYNC',
    'ESEARCH',
    'MOVE',
    'LIST-STATUS LIST-EXTENDED',
    'SPECIAL-USE',
    'IDLE',
    'CONDSTORE QRESYNC ESEARCH MOVE LIST-STATUS LIST-EXTENDED SPECIAL-USE IDLE LITERAL+ ID ENABLE NAMESPACE',
  ]) {
    test(lacks, () => story(lacks.split(' ')));
  }

  async function story(hide: string[]): Promise<void> {
    await using dovecot = await startDovecot({ hide });
    await dovecot.addUser(address);
    await dovecot.createFolder(address, 'Kunden');
    const history = mails(90);
    await dovecot.fill(address, history);
    await dovecot.fill(address, mails(5, 'filed'), 'Kunden');
    await using it = await startSync(dovecot, { config: { pollMs: 1_000 } });
    await it.caughtUp();
    await it.equals(dovecot);
    expect(
      it
        .placed()
        .get('INBOX')
        ?.map(({ hash }) => hash),
    ).toEqual(history.map(sha256));
    expect((await it.folder('Sent')).role).toBe('sent');

    await dovecot.deliver(address, mails(1, 'fresh')[0] ?? '');
    await dovecot.setFlags(address, 'INBOX', 60, ['\\Seen', '$Forwarded']);
    await dovecot.expunge(address, 'INBOX', 1, 2, 40);
    await dovecot.moveMessage(address, 50, 'INBOX', 'Kunden');
    await it.until('all of it is here', () => it.isEqual(dovecot));

    const inbox = await it.folder('INBOX');
    const trash = await it.folder('Trash');
    expect(await it.sync.move('m_support', { folder: inbox.id, uidValidity: inbox.uidValidity ?? 0, uids: [61, 62] }, trash.id)).toBe(2);
    await it.caughtUp();
    expect(it.placed().get('Trash')).toHaveLength(2);

    await dovecot.resetUidValidity(address, 'INBOX');
    await it.caughtUp();
    await it.equals(dovecot);
  }

  test('UIDPLUS and MOVE no move is tried: it would take what others have marked', async () => {
    await using dovecot = await startDovecot({ hide: ['UIDPLUS', 'MOVE'] });
    await dovecot.addUser(address);
    await dovecot.fill(address, mails(2), 'INBOX', ['\\Deleted']);
    await using it = await startSync(dovecot);
    await it.caughtUp();
    const inbox = await it.folder('INBOX');
    const trash = await it.folder('Trash');
    const at = { folder: inbox.id, uidValidity: inbox.uidValidity ?? 0, uids: [1] };
    await expect(it.sync.move('m_support', at, trash.id)).rejects.toMatchObject({ code: 'invalid' });
    expect(await dovecot.messages(address)).toHaveLength(2);
  });
});
