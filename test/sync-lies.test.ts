/**
 * IMAP servers that say no, stop in the middle, or lie. A real Dovecot does not, so the
 * server here is scripted. Each story ends alike: the server comes to its senses, and the store is equal to it, nothing was marked as read.
 */
import { describe, expect, test } from 'vitest';
import { type Asked, type FakeFolder, type FakeImap, startFakeImap } from './support/imap.ts';
import { mails, type RunningSync, type SyncOptions, sha256, startSync } from './support/sync.ts';

const full = process.env.POSTROOM_HOSTILE === 'full';

/** Fast failures: a pass each 300 ms, a dead line is noticed after 375 ms. */
const quick = { pollMs: 300, maxIdleMs: 300, connectTimeoutMs: 375, retryMinMs: 20, retryMaxMs: 200 };

async function syncWith(server: FakeImap, options: SyncOptions = {}): Promise<RunningSync> {
  const nowhere = { ports: { imap: server.port, imaps: server.port, lmtp: 0 }, ca: '' };
  return startSync(nowhere, { ...options, imap: { port: server.port, tls: 'none', ca: null }, config: { ...quick, ...options.config } });
}

function fill(folder: FakeFolder, count: number, name = folder.name): FakeFolder {
  for (const octets of mails(count, name)) folder.add(octets);
  return folder;
}

const inboxOf = (server: FakeImap): FakeFolder => server.folder('INBOX');

function isEqual(it: RunningSync, server: FakeImap): boolean {
  const ours = it.placed();
  return [...server.folders.values()].every(({ name, attributes, mails: theirs }) => {
    if (attributes.includes('\\Noselect')) return true;
    const there = [...theirs].map(([uid, { octets, flags }]) => ({ uid, hash: sha256(octets), flags: [...flags].sort() }));
    return JSON.stringify((ours.get(name) ?? []).map(({ uid, hash, flags }) => ({ uid, hash, flags }))) === JSON.stringify(there);
  });
}

/** The end of every story; nothing was written, but for the SELECTs of folders that would not keep a UIDVALIDITY. */
async function settles(it: RunningSync, server: FakeImap, selected: RegExp | null = null): Promise<void> {
  await it.until('store = server', () => it.sync.status('m_support')?.state === 'idle' && isEqual(it, server), 60_000);
  expect(await it.store.check()).toEqual([]);
  expect(server.unexpected).toEqual([]);
  expect(
    server.heard
      .filter((line) => /^(SELECT|UID STORE|UID MOVE|APPEND|UID EXPUNGE|UID COPY|EXPUNGE|DELETE|CREATE)\b/.test(line))
      .filter((line) => !selected?.test(line)),
  ).toEqual([]);
}

const stateOf = (it: RunningSync) => it.sync.status('m_support');
const unfetchable = (it: RunningSync) => it.store.unfetchable(it.account.id);

describe('a server that says no', () => {
  const no = (words: string) => (asked: Asked) => asked.say(`${asked.tag} ${words}\r\n`);
  const bye = (words: string) => async (asked: Asked) => {
    await asked.say(`* BYE ${words}\r\n`);
    asked.drop();
  };
  const rows: { about: RegExp; script: (asked: Asked) => Promise<void>; words: RegExp; state: string }[] = [
    { about: /^LIST/, script: (asked) => asked.say(`${asked.tag} OK done\r\n`), words: /lists no folder/, state: 'error' },
    { about: /^LIST/, script: no('NO [LIMIT] not now'), words: /not now/, state: 'offline' },
    { about: /^LIST/, script: no('NO I have lost them'), words: /lost them/, state: 'error' },
    { about: /^EXAMINE "INBOX/, script: no('NO [NOPERM] not for you'), words: /INBOX.*not for you/, state: 'error' },
    { about: /^EXAMINE "INBOX/, script: no('NO [UNAVAILABLE] the store is away'), words: /the store is away/, state: 'offline' },
    { about: /^LOGIN/, script: no('NO [UNAVAILABLE] directory away'), words: /directory away/, state: 'offline' },
    { about: /^LOGIN/, script: no('NO Too many simultaneous connections'), words: /Too many/, state: 'offline' },
    { about: /^UID SEARCH/, script: no('NO [INUSE] busy'), words: /searching.*INUSE/, state: 'offline' },
    { about: /^UID FETCH/, script: no('NO [THROTTLED] slow down'), words: /slow down/, state: 'offline' },
    {
      about: /^UID FETCH/,
      script: no('NO [OVERQUOTA] Account exceeded command or bandwidth limits'),
      words: /bandwidth/,
      state: 'offline',
    },
    { about: /^UID FETCH/, script: no('NO Please try again later'), words: /try again later/, state: 'offline' },
    {
      about: /^UID FETCH/,
      script: no('BAD Request is throttled. Suggested Backoff Time: 99999999999 milliseconds'),
      words: /wants a pause/,
      state: 'offline',
    },
    { about: /^greeting/, script: bye('[UNAVAILABLE] closed for today'), words: /closed for today/, state: 'offline' },
    { about: /^LOGIN/, script: bye('too many of you'), words: /too many of you/, state: 'offline' },
    { about: /^EXAMINE/, script: bye('I am restarted'), words: /I am restarted/, state: 'offline' },
    { about: /^UID FETCH/, script: bye('enough'), words: /enough/, state: 'offline' },
    { about: /^IDLE/, script: bye('no waiting here'), words: /no waiting here/, state: 'offline' },
  ];
  test.each(rows)('$about: $words', async ({ about, script, words, state }) => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 60);
    fill(server.folder('Kunden'), 3);
    const mended = server.lie(about, script);
    await using it = await syncWith(server);
    await it.until('it says so twice', () => it.reported.filter((one) => one.state === state && words.test(one.error ?? '')).length >= 2);
    // With a pause: a server that is asked again and again is not helped.
    const last = it.reported.findLast((one) => one.state === state);
    expect(last?.retryAt ?? 0).toBeGreaterThan(0);
    expect(last?.retryAt ?? 0).toBeLessThan(Date.now() + 3_700_000);
    expect(await unfetchable(it)).toEqual([]);
    mended();
    await settles(it, server);
  });

  test('to a second connection: what is new comes all the same, history later', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 90);
    // One at a time, as such servers do: on a busy machine the first may have to sign in again.
    const mended = server.lie(/^LOGIN/, async (asked) => {
      if (server.open === 1) await asked.say(...asked.honest());
      else await asked.say(`${asked.tag} NO [LIMIT] Maximum number of connections from user+IP exceeded\r\n`);
    });
    await using it = await syncWith(server);
    await it.until('it says so', () => stateOf(it)?.state === 'offline' && /Maximum number/.test(stateOf(it)?.error ?? ''));
    await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });
    const fresh = inboxOf(server).add(mails(1, 'fresh')[0] ?? '');
    await it.until(
      'the fresh one is here',
      () =>
        it
          .placed()
          .get('INBOX')
          ?.some(({ uid }) => uid === fresh) ?? false,
    );
    mended();
    await settles(it, server);
  });

  test('to one folder: it is an error with the reason until it ends, the others come', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    fill(server.folder('Shared/Chef'), 2);
    fill(server.folder('Zuletzt'), 2);
    server.folder('Shared', '\\Noselect', '\\HasChildren');
    const mended = server.lie(/^EXAMINE "Shared\/Chef/, no('NO [NOPERM] Permission denied'));
    await using it = await syncWith(server);
    await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/Shared\/Chef.*denied/) });
    await it.until('it rests', () => stateOf(it)?.state === 'error');
    expect(stateOf(it)).toMatchObject({ folder: 'Shared/Chef', error: expect.stringMatching(/Permission denied/) });
    expect(stateOf(it)?.retryAt).toBeGreaterThan(Date.now());
    expect((await it.folder('Shared/Chef')).parked).toMatch(/Permission denied/);
    expect((await it.folder('Shared')).parked).toMatch(/only other folders/);
    expect(it.placed().get('Zuletzt')).toHaveLength(2);
    // Passes go by without a try; somebody who asks has one at once.
    const tries = () => server.heard.filter((line) => /^EXAMINE "Shared/.test(line)).length;
    const [before, passes] = [tries(), server.heard.filter((line) => line.startsWith('LIST')).length];
    await it.until('two passes', () => server.heard.filter((line) => line.startsWith('LIST')).length > passes + 1);
    expect(tries()).toBe(before);
    fill(server.folder('Shared/Chef'), 1);
    mended();
    await it.caughtUp();
    await settles(it, server);
    expect((await it.folder('Shared/Chef')).parked).toBeNull();
    expect(stateOf(it)).toMatchObject({ error: null });
  });

  test('to one folder for now: the others go on, it is said, and it comes later', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    fill(server.folder('Archiv'), 2);
    fill(server.folder('Zuletzt'), 2);
    const mended = server.lie(/^EXAMINE "Archiv/, no('NO [INUSE] locked by somebody'));
    await using it = await syncWith(server);
    await it.until('it is said', () => stateOf(it)?.state === 'error' && /Archiv: .*locked by somebody/.test(stateOf(it)?.error ?? ''));
    expect(stateOf(it)?.folder).toBe('Archiv');
    expect(it.placed().get('Zuletzt')).toHaveLength(2);
    expect(server.accepted).toBe(1);
    mended();
    await settles(it, server);
  });
});

describe('a server that falls silent', () => {
  const half = (lines: readonly string[]) => lines.join('').slice(0, Math.floor(lines.join('').length / 2));
  const rows: { about: RegExp; where: string; said: (asked: Asked) => string }[] = [
    { about: /^greeting/, where: 'before its greeting', said: () => '' },
    { about: /^LOGIN/, where: 'at the login', said: () => '' },
    { about: /^LIST/, where: 'within a line', said: (asked) => half(asked.honest()) },
    { about: /^EXAMINE/, where: 'before the tagged line', said: (asked) => asked.honest().slice(0, -1).join('') },
    { about: /^UID SEARCH/, where: 'within a set', said: (asked) => half(asked.honest()) },
    { about: /^UID FETCH.*BODY/, where: 'within a literal', said: (asked) => half(asked.honest()) },
    { about: /^UID FETCH.*BODY/, where: 'within the length of a literal', said: (asked) => asked.honest()[0]?.split('}')[0] ?? '' },
    { about: /^IDLE/, where: 'before it waits', said: () => '' },
  ];
  test.each(rows)('$where', async ({ about, said }) => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 60);
    const mended = server.lie(about, async (asked) => {
      await asked.say(said(asked));
      await asked.silence();
    });
    await using it = await syncWith(server);
    await it.until('it is offline', () => it.reported.some(({ state, error }) => state === 'offline' && error !== null));
    mended();
    await settles(it, server);
  });

  test('and one that says an octet now and then is waited for', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 2);
    server.lie(/^UID FETCH.*BODY/, (asked) => asked.drip(asked.honest().join(''), 1), 1);
    await using it = await syncWith(server);
    await settles(it, server);
    expect(server.accepted).toBe(1);
  });
});

describe('a server that lies', () => {
  /** `alter` changes an honest answer; `after` is done to the server once the first round is stored. */
  type Told = { what: string; about: RegExp; alter: (line: string, asked: Asked) => string; after?: (server: FakeImap) => void };
  const always: Told[] = [
    { what: 'about sizes: none', about: /^UID FETCH/, alter: (line) => line.replace(/RFC822\.SIZE \d+/, 'RFC822.SIZE 0') },
    { what: 'about sizes: huge', about: /^UID FETCH/, alter: (line) => line.replace(/RFC822\.SIZE \d+/, 'RFC822.SIZE 4294967295') },
    {
      what: 'about what is large',
      about: /^UID SEARCH.*LARGER/,
      alter: (line, { folder }) =>
        line.replace(/ UID$/m, ` UID ALL ${[...(folder?.mails.keys() ?? [])].slice(0, 5).join(',')}`).replace(/ UID\r/, ' UID ALL 1:5\r'),
    },
    {
      what: 'by telling what nobody asked for',
      about: /./,
      alter: (line) =>
        `* 2 FETCH (FLAGS (\\Seen))\r\n* 7 FETCH (UID 4000000000 FLAGS (\\Deleted) BODY[] {5}\r\nghost)\r\n* 3 RECENT\r\n* OK [ALERT] look here\r\n* X-NONSENSE 1 2 (3)\r\n${line}`,
    },
    { what: 'by rows in any order', about: /^UID FETCH/, alter: (line) => line },
    {
      what: 'by one message in two answers',
      about: /^UID FETCH.*FLAGS.*BODY\.PEEK\[\]/,
      alter: (line) => line.replace(/^(\* \d+ FETCH \()(UID \d+) (FLAGS \([^)]*\)) (INTERNALDATE "[^"]*")/, '$1$2 $3 $4)\r\n$1$2'),
    },
    { what: 'by leaving UIDNEXT out', about: /^EXAMINE/, alter: (line) => line.replace(/\* OK \[UIDNEXT \d+\] next\r\n/, '') },
    {
      what: 'by a MODSEQ that grows by looking',
      about: /^EXAMINE/,
      alter: (line, { folder }) => {
        if (folder) folder.modSeq += 7;
        return line;
      },
    },
  ];
  test.each(always)('$what', async ({ what, about, alter }) => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 70);
    inbox.flag(3, '\\Answered');
    fill(server.folder('Kunden'), 3);
    server.lie(about, (asked) => {
      const lines = asked.honest();
      const tagged = lines.pop() ?? '';
      const told = lines.map((line) => alter(line, asked));
      return asked.say(
        ...(what.includes('order') ? told.reverse() : told),
        asked.verb === 'greeting' || asked.verb === 'IDLE' ? tagged : alter(tagged, asked),
      );
    });
    await using it = await syncWith(server);
    await it.until('the first round is here', () => isEqual(it, server), 60_000);
    inbox.add(mails(1, 'fresh')[0] ?? '');
    inbox.remove(5);
    inbox.flag(9, '\\Flagged');
    await settles(it, server);
    expect(await unfetchable(it)).toEqual([]);
  });

  test('by a MODSEQ that goes back, while flags change', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 5);
    await using it = await syncWith(server);
    await settles(it, server);
    inbox.modSeq = 2;
    for (const mail of inbox.mails.values()) mail.modSeq = 1;
    inbox.flag(4, '\\Flagged');
    await settles(it, server);
  });

  test('by giving UIDs out twice: a copy restored from a backup', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 8);
    fill(server.folder('Kunden'), 2);
    await using it = await syncWith(server);
    await settles(it, server);
    for (const uid of [6, 7, 8]) inbox.mails.delete(uid);
    inbox.uidNext = 6;
    fill(inbox, 2, 'after the backup');
    await settles(it, server);
    expect(it.placed().get('Kunden')).toHaveLength(2);
  });

  test.each([0, null, 4_294_967_296])('by a UIDVALIDITY that is none (%s): that folder waits, the others come', async (none) => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    const folder = fill(server.folder('Kunden'), 3);
    folder.uidValidity = none;
    await using it = await syncWith(server);
    await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/Kunden/) });
    expect(it.placed().get('INBOX')).toHaveLength(3);
    expect(it.placed().get('Kunden')).toBeUndefined();
    expect((await it.folder('Kunden')).parked).toMatch(/UIDVALIDITY/);
    folder.uidValidity = 5;
    await using again = await syncWith(server, { home: it.home });
    await it.sync.close();
    await settles(again, server);
  });

  test('by another UIDVALIDITY each time: after a few it is left alone, and nothing is lost', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    const folder = fill(server.folder('Kunden'), 3);
    await using it = await syncWith(server);
    await settles(it, server);
    const mended = server.lie(/^((EXAMINE|SELECT) "Kunden|LIST)/, (asked) => {
      folder.uidValidity = (folder.uidValidity ?? 0) + 1;
      return asked.say(...asked.honest());
    });
    await it.until('it is left alone', async () => /made it anew/.test((await it.folder('Kunden')).parked ?? ''), 60_000);
    await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/Kunden.*made it anew/) });
    // Started anew it counts anew, and drops nothing of what it could not compare.
    await using later = await syncWith(server, { home: it.home });
    await it.sync.close();
    await later.until('it is left alone again', async () => /made it anew/.test(stateOf(later)?.error ?? ''), 60_000);
    await expect(later.caughtUp()).rejects.toMatchObject({ code: 'unavailable' });
    expect((await later.store.identities((await later.folder('Kunden')).id)).length).toBeGreaterThanOrEqual(3);
    await later.sync.close();
    mended();
    await using again = await syncWith(server, { home: it.home });
    await it.sync.close();
    await settles(again, server, /^SELECT "Kunden/);
    expect(new Set([...(again.placed().get('Kunden') ?? [])].map(({ hash }) => hash)).size).toBe(3);
  });

  test('by another UIDVALIDITY at each EXAMINE until somebody selects: it is selected once, and all comes', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 3);
    let selected = false;
    server.lie(/^EXAMINE "INBOX/, (asked) => {
      if (!selected) inbox.uidValidity = (inbox.uidValidity ?? 0) + 1;
      return asked.say(...asked.honest());
    });
    server.lie(/^SELECT "INBOX/, (asked) => {
      selected = true;
      return asked.say(...asked.honest());
    });
    await using it = await syncWith(server);
    await it.until('somebody selects', () => selected);
    await settles(it, server, /^SELECT "INBOX/);
    expect(it.placed().get('INBOX')).toHaveLength(3);
    expect(server.heard.filter((line) => line.startsWith('SELECT'))).toHaveLength(1);
  });

  test('by expunging what it is asked for', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 90);
    server.lie(
      /^UID FETCH.*BODY/,
      async (asked) => {
        for (const uid of [2, 30, 88]) inbox.remove(uid);
        await asked.say('* 2 EXPUNGE\r\n', ...asked.honest());
      },
      2,
    );
    await using it = await syncWith(server);
    await settles(it, server);
    expect(await unfetchable(it)).toEqual([]);
  });

  test('by announcing without end: it is looked at now and then, not all the time', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    await using it = await syncWith(server, { config: { pollMs: 60_000 } });
    await settles(it, server);
    let count = 4;
    const stop = server.lie(/^IDLE/, async (asked) => {
      await asked.say(...asked.honest(), ...Array.from({ length: 50 }, () => `* ${count++} EXISTS\r\n`));
    });
    server.inject('* 3 EXISTS\r\n* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n');
    const asked = () => server.heard.filter((line) => line.startsWith('EXAMINE')).length;
    const burst = 46; // twenty looks at once, two questions each, and those of the beginning
    await it.until('it looked as often as it may at once', () => asked() >= burst, 30_000);
    const begun = performance.now();
    await it.until('and goes on looking', () => asked() >= burst + 4, 30_000);
    expect(performance.now() - begun).toBeGreaterThan(1_000); // then one look a second
    stop();
    await settles(it, server);
  });

  test('by one message that no literal can hold: it is named, the others are here', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 60);
    const mended = server.lie(/^UID FETCH.*BODY\.PEEK\[\]/, (asked) => {
      const lines = asked.honest();
      return asked.say(...lines.map((line) => (line.includes('(UID 7 ') ? line.replace(/\{\d+\}/, '{2147483647}') : line)));
    });
    await using it = await syncWith(server);
    await it.until('all but one are here', () => it.placed().get('INBOX')?.length === inbox.mails.size - 1, 60_000);
    await it.until('it is at rest', () => stateOf(it)?.state === 'idle');
    expect(await unfetchable(it)).toMatchObject([{ uid: 7, why: expect.stringContaining('2147483647') }]);
    mended();
    await using again = await syncWith(server, { home: it.home });
    await it.sync.close();
    await settles(again, server);
  });
});

describe('a message that the server does not give', () => {
  const keepsBack = (server: FakeImap) =>
    server.lie(/^UID FETCH.*BODY\.PEEK\[\]/, (asked) => asked.say(...asked.honest().filter((line) => !line.includes('(UID 7 '))));

  test('is named no longer when it is expunged', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 10);
    keepsBack(server);
    await using it = await syncWith(server);
    await it.until('it is named', async () => (await unfetchable(it)).length === 1);
    inbox.remove(7);
    await it.until('it is named no longer', async () => (await unfetchable(it)).length === 0);
    await settles(it, server);
  });

  test('nor when that was while the daemon was down', async () => {
    await using server = await startFakeImap();
    const inbox = fill(inboxOf(server), 10);
    keepsBack(server);
    await using it = await syncWith(server);
    await it.until('it is named', async () => (await unfetchable(it)).length === 1);
    await it.until('it is at rest', () => stateOf(it)?.state === 'idle');
    await it.sync.close();
    inbox.remove(7);
    await using again = await syncWith(server, { home: it.home });
    await again.until('it is named no longer', async () => (await unfetchable(again)).length === 0);
    await settles(again, server);
  });
});

/** `IMAP cut`: after so many octets of all that the server says, then the same with a socket that stays open and is silent. */
describe('cut behind any octet', () => {
  async function story(after: number, how: 'cut' | 'stall'): Promise<number> {
    await using server = await startFakeImap();
    const inbox = inboxOf(server);
    inbox.add('Subject: one\r\n\r\nfirst\r\n');
    inbox.add('Subject: two\r\n\r\nsecond\r\n');
    let left = after;
    server.lie(/./, async (asked) => {
      const answer = asked.honest().join('');
      if (left < 0) return asked.say(answer);
      if (answer.length <= left) {
        left -= answer.length;
        return asked.say(answer);
      }
      await asked.say(answer.slice(0, left));
      left = -1;
      if (how === 'stall') await asked.silence();
      else asked.drop(after % 2 === 0 ? 'reset' : 'finish');
    });
    await using it = await syncWith(server, { config: { pollMs: 60_000 } });
    await settles(it, server);
    return after - left;
  }

  test('of a whole session', { timeout: 3_600_000 }, async () => {
    const whole = await story(1_000_000, 'cut');
    expect(whole).toBeGreaterThan(1_000);
    const every = full ? 1 : Math.ceil(whole / 16);
    // A prime number of octets apart in the short form, so that no two runs of lines are cut alike.
    for (let after = 3; after < whole; after += every) await story(after, 'cut');
    for (let after = 11; after < whole; after += full ? 7 : every * 4) await story(after, 'stall');
  });
});

describe('a line that is dead and says nothing', () => {
  const dead = async (asked: Asked) => {
    if (asked.verb === 'IDLE') await asked.say('+ idling\r\n');
    await asked.silence();
  };
  const patient = { pollMs: 60_000, maxIdleMs: 60_000, connectTimeoutMs: 5_000, replyMs: 400, proveMs: 60_000 };

  test('in IDLE: who asks for a sync gets it over another connection', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    const idling = Promise.withResolvers<void>();
    server.lie(
      /^IDLE/,
      (asked) => {
        idling.resolve();
        return dead(asked);
      },
      1,
    );
    await using it = await syncWith(server, { config: patient });
    await idling.promise;
    fill(inboxOf(server), 1);
    await it.caughtUp();
    expect(it.placed().get('INBOX')).toHaveLength(4);
  });

  test('in IDLE, and nobody asks: it is noticed long before the next pass', async () => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    server.lie(/^IDLE/, dead, 1);
    await using it = await syncWith(server, { config: { ...patient, proveMs: 300 } });
    await it.until('the first three', () => it.placed().get('INBOX')?.length === 3);
    fill(inboxOf(server), 1);
    await it.until('it is noticed', () => it.reported.some(({ error }) => /said nothing/.test(error ?? '')));
    await settles(it, server);
  });

  test.each([/^EXAMINE/, /^UID FETCH/, /^LIST/])('at every %s: it is said, and who waits hears of it', async (about) => {
    await using server = await startFakeImap();
    fill(inboxOf(server), 3);
    const mended = server.lie(about, dead);
    await using it = await syncWith(server, { config: patient });
    await expect(it.caughtUp()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(/said nothing/) });
    await it.until('it is offline', () => stateOf(it)?.state === 'offline');
    mended();
    await settles(it, server);
  });
});
