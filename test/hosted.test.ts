import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../daemon/config.ts';
import { startHosted } from '../daemon/hosted/receive.ts';
import { silentLog } from '../daemon/log.ts';
import type { Store } from '../daemon/store/types.ts';
import { type HostedWorld, hostedAccount, hostedWorld, smtpSession } from './support/hosted.ts';
import { openWorld, type WorldOptions } from './support/outbox.ts';
import { startSubmission } from './support/submission.ts';
import { type TempDir, tempDir } from './support/tempdir.ts';

const mail =
  'From: Anna <anna@example.com>\r\nTo: support@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\n.A dot\r\n..Two';

interface Scene extends HostedWorld {
  home: TempDir;
}
async function scene(options?: Parameters<typeof hostedWorld>[1]): Promise<Scene> {
  const home = await tempDir();
  const world = await hostedWorld(home.path, options);
  return {
    ...world,
    home,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

test('a mail comes in whole, with its trace before it, and raises a conversation', async () => {
  await using on = await scene();
  using session = await smtpSession(on.hosted.port);
  const replies = await session.send('anna@example.com', ['support@example.org'], mail);
  expect(replies.map((reply) => reply.slice(0, 9))).toEqual(['250 Accep', '250 Accep', '354 End d', '250 2.0.0']);
  const [stored = ''] = await on.mails(on.support);
  expect(stored).toMatch(
    /^Return-Path: <anna@example\.com>\r\nReceived: from client\.example \(\[127\.0\.0\.1\]\)\r\n by postroom with ESMTP id [0-9a-f]{16};\r\n \w{3}, /,
  );
  expect(stored.endsWith(`\r\n${mail}\r\n`)).toBe(true);
  const seen = { mailbox: on.support.id, unreadSince: 0, outgoingInPanel: true, watch: 'all' as const };
  const { rows } = await on.store.list({ person: 'p_ben', mailbox: seen, folder: null, state: 'any', limit: 10, cursor: null });
  expect(rows.map(({ subject, state, from }) => [subject, state, from?.address])).toEqual([['Hello', 'open', 'anna@example.com']]);
  expect(await on.store.check()).toEqual([]);
});

test('what comes over SMTP with our From is work, unless it is the mail that lies in Sent', async () => {
  await using on = await scene();
  const from = (id: string, to: string): string =>
    `From: support@example.org\r\nTo: ${to}\r\nCc: support@example.org\r\nSubject: ${id}\r\nMessage-ID: <${id}@shop.example>\r\n\r\nMail: anna@example.com\r\n`;
  await on.hosted.deliver(on.support, 'sent', Buffer.from(from('Ours', 'anna@example.com')), Date.now());
  using session = await smtpSession(on.hosted.port);
  for (const mail of [from('Form', 'support@example.org'), from('Ours', 'anna@example.com')])
    expect((await session.send('support@example.org', ['support@example.org'], mail)).at(-1)).toMatch(/^250 /);
  const seen = { mailbox: on.support.id, unreadSince: 0, outgoingInPanel: true, watch: 'all' as const };
  const { rows } = await on.store.list({ person: 'p_ben', mailbox: seen, folder: null, state: 'any', limit: 10, cursor: null });
  expect(rows.map(({ subject, state, messages }) => [subject, state, messages]).toSorted()).toEqual([
    ['Form', 'open', 1],
    ['Ours', 'waiting', 1],
  ]);
  expect(await on.store.check()).toEqual([]);
});

test('a new hosted mailbox has its folders, once, beside those that people made', async () => {
  await using on = await scene();
  const roles = ['inbox', 'sent', 'drafts', 'junk', 'trash', 'archive'];
  expect((await on.store.folders(on.support.id)).map(({ role }) => role)).toEqual(roles);
  await on.hosted.prepare(on.support);
  const fresh = hostedAccount('m_new', 'new@example.org');
  await on.store.putFolders(fresh.id, [{ path: 'Own', name: 'Own', delimiter: '/', role: null, selectable: true }]);
  await on.hosted.prepare(fresh);
  expect((await on.store.folders(fresh.id)).map(({ role, parked }) => [role, parked])).toEqual(
    [null, ...roles].map((role) => [role, null]),
  );
});

test('a port that is taken is said with the key that changes it', async () => {
  await using on = await scene();
  const config = parseConfig({ hosted: { domains: ['example.org'], smtp: { port: on.hosted.port } } }, 'test').hosted;
  const second = startHosted({ store: on.store, config, log: silentLog(), now: Date.now, accountFor: () => null });
  await expect(second).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/EADDRINUSE.*hosted\.smtp/) });
});

describe('who is taken', () => {
  test('unknown and foreign addresses are refused at RCPT; the others get the mail', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    const replies = await session.send('anna@example.com', ['nobody@example.org', 'SUPPORT@example.org', 'anna@elsewhere.example'], mail);
    expect(replies.slice(1, 4).map((reply) => reply.slice(0, 9))).toEqual(['550 5.1.1', '250 Accep', '550 5.1.1']);
    expect([(await on.mails(on.support)).length, (await on.mails(on.sales)).length]).toEqual([1, 0]);
  });

  test('nobody left: no DATA', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    expect((await session.send('anna@example.com', ['nobody@example.org'], mail)).at(-1)).toMatch(/^503 /);
  });

  test('two mailboxes hold it each, two addresses of one hold it once, its octets are stored once', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    await session.send('anna@example.com', ['support@example.org', 'sales@example.org', 'help@example.org'], mail);
    const [[one], [two]] = [await on.mails(on.support), await on.mails(on.sales)];
    expect([one === two, (await on.mails(on.support)).length]).toEqual([true, 1]);
  });

  test('signing in and passing on are not offered', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    for (const command of ['AUTH PLAIN AGEAYg==', 'STARTTLS', 'ETRN x', 'VRFY support@example.org']) {
      expect((await session.say(command)).slice(0, 3), command).toMatch(/^(5\d\d|252)$/);
    }
  });

  test('the null sender stays null', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    await session.send('', ['support@example.org'], mail);
    expect((await on.mails(on.support))[0]).toMatch(/^Return-Path: <>\r\n/);
  });
});

describe('limits', () => {
  test('a size that is declared too large is refused before it is sent', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    expect(await session.say('MAIL FROM:<anna@example.com> SIZE=100001')).toMatch(/^552 /);
  });

  test('a mail that turns out too large is refused, and the next one goes', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    const large = `${mail}\r\n${'x'.repeat(70)}\r\n`.repeat(1_000);
    expect((await session.send('anna@example.com', ['support@example.org'], large)).at(-1)).toMatch(/^552 5\.3\.4 /);
    expect((await session.send('anna@example.com', ['support@example.org'], mail)).at(-1)).toMatch(/^250 /);
    expect((await on.mails(on.support)).length).toBe(1);
  });

  test('a mail that goes round in circles is refused', async () => {
    await using on = await scene();
    using session = await smtpSession(on.hosted.port);
    const hop = 'Received: from a by b;\r\n Sat, 21 Nov 2026 12:00:00 +0000\r\n';
    expect((await session.send('a@example.com', ['support@example.org'], hop.repeat(51) + mail)).at(-1)).toMatch(/^554 5\.4\.6 /);
    expect((await session.send('a@example.com', ['support@example.org'], hop.repeat(50) + mail + hop)).at(-1)).toMatch(/^250 /);
  });

  test('more connections than are served wait elsewhere', async () => {
    await using on = await scene();
    const sessions = await Promise.all(Array.from({ length: 50 }, () => smtpSession(on.hosted.port)));
    await expect(smtpSession(on.hosted.port)).rejects.toThrow();
    for (const session of sessions) session[Symbol.dispose]();
  });
});

describe('250 means durable', () => {
  test('nothing is said before the store has answered', async () => {
    const gate = Promise.withResolvers<void>();
    let asked = () => {};
    const ingesting = new Promise<void>((resolve) => {
      asked = resolve;
    });
    await using on = await scene({
      wrap: (store): Store => ({
        ...store,
        async ingest(batch) {
          asked();
          await gate.promise;
          return store.ingest(batch);
        },
      }),
    });
    using session = await smtpSession(on.hosted.port);
    let said = false;
    const sending = session.send('anna@example.com', ['support@example.org'], mail).then((replies) => {
      said = true;
      return replies;
    });
    await ingesting;
    expect(said).toBe(false);
    gate.resolve();
    expect((await sending).at(-1)).toMatch(/^250 /);
  });

  for (const [which, failing] of [
    ['the only', 'm_support'],
    ['the second', 'm_sales'],
  ] as const) {
    test(`${which} mailbox cannot store it: 451`, async () => {
      await using on = await scene({
        wrap: (store): Store => ({
          ...store,
          ingest: (batch) => (batch.mailbox === failing ? Promise.reject(new Error('ENOSPC')) : store.ingest(batch)),
        }),
      });
      using session = await smtpSession(on.hosted.port);
      const replies = await session.send('anna@example.com', ['support@example.org', 'sales@example.org'], mail);
      expect(replies.at(-1)).toBe('451 4.3.0 The mail could not be stored; try again');
      expect((await on.mails(on.sales)).length).toBe(0);
    });
  }

  test('a sender that goes away in mid-mail leaves nothing', async () => {
    await using on = await scene();
    const session = await smtpSession(on.hosted.port);
    for (const line of ['MAIL FROM:<a@example.com>', 'RCPT TO:<support@example.org>', 'DATA']) await session.say(line);
    await session.connection.write(mail);
    session[Symbol.dispose]();
    using next = await smtpSession(on.hosted.port);
    await next.send('b@example.com', ['support@example.org'], mail);
    expect((await on.mails(on.support)).map((octets) => octets.slice(0, 28))).toEqual(['Return-Path: <b@example.com>']);
  });

  test('kill -9 after 250: every mail that was taken is there', async () => {
    await using home = await tempDir();
    const child = fileURLToPath(new URL('./support/hosted-child.ts', import.meta.url));
    const daemon = spawn(process.execPath, [child, home.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(daemon, 'exit');
    const [port] = (await once(createInterface(daemon.stdout), 'line')) as [string];
    using session = await smtpSession(Number(port));
    for (let n = 0; n < 5; n++)
      await session.send(`a${n}@example.com`, ['support@example.org', 'sales@example.org'], mail.replace('<1@', `<${n}@`));
    daemon.kill('SIGKILL');
    await exited;
    await using on = await hostedWorld(home.path);
    expect([(await on.mails(on.support)).length, (await on.mails(on.sales)).length]).toEqual([5, 5]);
    expect(await on.store.check()).toEqual([]);
  });
});

describe('mail between hosted mailboxes', () => {
  /** An outbox whose one mailbox is hosted here; sales@ is too. */
  async function hostedOutbox(home: string, options: WorldOptions & { relay?: { host: string; port: number; tls: 'none' } } = {}) {
    const sales = hostedAccount('m_sales', 'sales@example.org', 'shop@example.org');
    const box: { hosted?: HostedWorld['hosted'] } = {};
    const world = await openWorld(home, null, {
      ...options,
      deps: {
        hostedConfig: { ...parseConfig({}, 'test').hosted, relay: options.relay ?? null },
        hostedAccountFor: (address) => (sales.policy.addresses.includes(address) ? sales : null),
        hosted: {
          port: 0,
          prepare: async () => {},
          close: async () => {},
          deliver: async (...args) => box.hosted?.deliver(...args),
        },
        ...options.deps,
      },
    });
    box.hosted = await startHosted({
      store: world.store,
      config: parseConfig({ hosted: { smtp: { port: 0 } } }, 'test').hosted,
      log: silentLog(),
      now: Date.now,
      accountFor: () => null,
    });
    const inbox = async (mailbox: string, role: 'inbox' | 'sent') => {
      const folder = (await world.store.folders(mailbox)).find((it) => it.role === role);
      return folder ? (await world.store.identities(folder.id)).map(({ hash }) => hash) : [];
    };
    return {
      world,
      inbox,
      async [Symbol.asyncDispose]() {
        await world.outbox.close();
        await box.hosted?.close();
        await world.store.close();
      },
    };
  }

  test('is delivered at once: the same octets in both, one copy in Sent', async () => {
    await using home = await tempDir();
    await using on = await hostedOutbox(home.path);
    const row = await on.world.send({ to: ['sales@example.org', 'shop@example.org'] });
    await on.world.until(row.id, ({ sentCopy }) => sentCopy === 'filed');
    expect([row.state, row.recipients[0]?.reply]).toEqual(['accepted', 'delivered here']);
    expect([await on.inbox('m_sales', 'inbox'), await on.inbox('m_support', 'sent')]).toEqual([[row.hash], [row.hash]]);
    expect(await on.world.store.check()).toEqual([]);
  });

  test('without a relay a foreign recipient fails in words, and the local one has it', async () => {
    await using home = await tempDir();
    await using on = await hostedOutbox(home.path);
    const row = await on.world.send({ to: ['anna@example.com', 'sales@example.org'] });
    expect([row.state, row.recipients.map(({ state }) => state)]).toEqual(['failed', ['failed', 'accepted']]);
    expect(row.lastError).toMatch(/hosted\.relay/);
    expect(await on.inbox('m_sales', 'inbox')).toEqual([row.hash]);
  });

  test('with a relay the foreign ones go there together, without credentials', async () => {
    await using home = await tempDir();
    await using server = await startSubmission({ security: 'plain', users: null, faults: [{ at: 'mail', reply: '451 4.3.0 Later' }] });
    await using on = await hostedOutbox(home.path, { relay: { host: '127.0.0.1', port: server.port, tls: 'none' } });
    const row = await on.world.send({ to: ['anna@example.com', 'sales@example.org', 'otto@example.com'] });
    expect([row.state, row.attempts, server.ledger.map(({ rcptTo }) => rcptTo)]).toEqual([
      'accepted',
      2,
      [['anna@example.com', 'otto@example.com']],
    ]);
    expect(await on.inbox('m_sales', 'inbox')).toEqual([row.hash]);
  });

  test('a crash between delivery and its record delivers nothing twice', async () => {
    await using home = await tempDir();
    let lost = true;
    await using on = await hostedOutbox(home.path, {
      config: { retryAfterMs: [15] },
      wrap: (store): Store => ({
        ...store,
        // The process would be gone here: what the row says afterwards is `sending`, `claimed`.
        outboxMove: (id, expected, patch) =>
          patch.state === 'accepted' && lost
            ? store.outboxMove(id, expected, { state: 'queued', phase: null })
            : store.outboxMove(id, expected, patch),
      }),
    });
    const row = await on.world.queue({ to: ['sales@example.org'] });
    on.world.outbox.poke();
    await on.world.until(row.id, ({ attempts }) => attempts >= 3);
    lost = false;
    expect((await on.world.outbox.settled(row.id)).state).toBe('accepted');
    expect(await on.inbox('m_sales', 'inbox')).toEqual([row.hash]);
  });
});
