/**
 * What a mail server says of itself reaches people by the daemon's words: the connection test, the state of a mailbox, the outbox,
 * `doctor`, the log, the settings on the screen. A server that lies with orders to the terminal in each of its
 * replies gets none through, and its words are still there to read.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { Client } from '../protocol/client.ts';
import { isSafe } from '../protocol/text.ts';
import { cli } from './support/cli.ts';
import { inWords, Judge, judgePlain } from './support/judge.ts';
import { ConnectionEnded, lineReader } from './support/lines.ts';
import { DaemonProcess } from './support/process.ts';
import { openScreen } from './support/screen.ts';
import { startSubmission } from './support/submission.ts';

const address = 'support@example.org';
const password = 'correct horse';

/** Words with every kind of order between them, on one line as replies are. UTF-8 is what servers of today write. */
const lie = (what: string): string =>
  `${what} \u001b]0;HOSTILE_${what}\u0007\u001b[2J\u001b]52;c;ZXZpbA==\u001b\\\u009b31m\u009d0;x\u009c\u0008\u007f\u202edesrever\u200b\u0000 said ${what}`;

type Lying = 'greeting' | 'login' | 'select';

/** An IMAP server that speaks just enough to be lied to by, in clear and on loopback. */
class LyingImap implements AsyncDisposable {
  /** Where it lies; up to there it is honest. */
  at: Lying = 'login';
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.#talk(socket).catch((error) => {
        if (!(error instanceof ConnectionEnded)) throw error;
      });
    });
  }

  static async start(): Promise<LyingImap> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new LyingImap(server);
  }

  async #talk(socket: Socket): Promise<void> {
    const reader = lineReader(socket);
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    if (this.at === 'greeting') {
      say(`* BYE ${lie('greeting')}`);
      socket.end();
      return;
    }
    say(`* OK ${lie('hello')}`);
    for (;;) {
      const [tag = '*', command = '', ...rest] = (await reader.line()).split(' ');
      switch (command.toUpperCase()) {
        case 'CAPABILITY':
          say('* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR');
          say(`${tag} OK ${lie('capability')}`);
          break;
        case 'LOGIN':
        case 'AUTHENTICATE':
          if (rest.length === 1) {
            say('+ ');
            await reader.line();
          }
          say(this.at === 'login' ? `${tag} NO [ALERT] ${lie('login')}` : `${tag} OK ${lie('welcome')}`);
          break;
        case 'LIST':
        case 'LSUB':
          say(String.raw`* LIST (\HasNoChildren) "/" INBOX`);
          say(`${tag} OK ${lie('list')}`);
          break;
        case 'LOGOUT':
          say(`* BYE ${lie('goodbye')}`);
          say(`${tag} OK done`);
          socket.end();
          return;
        case 'SELECT':
        case 'EXAMINE':
        case 'STATUS':
          say(`${tag} NO ${lie('select')}`);
          break;
        case 'NOOP':
        case 'ID':
        case 'NAMESPACE':
        case 'ENABLE':
          say(`${tag} OK ${lie('fine')}`);
          break;
        default:
          say(`${tag} BAD ${lie('bad')}`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
}

/** Every text in an answer. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function expectClean(answer: unknown, ...says: string[]): void {
  const texts = textsIn(answer);
  expect(texts.filter((text) => !isSafe(text))).toEqual([]);
  for (const words of says) expect(texts.join('\n')).toContain(words);
}

async function send(client: Client, subject: string): Promise<string> {
  const { outbox } = await client.call('outbox.send', { from: address, to: 'jane@example.net', subject, body: 'Hi.' });
  if (outbox === null) throw new Error('nothing was queued');
  return outbox;
}

test('the words of a lying server are words', async () => {
  await using imap = await LyingImap.start();
  await using submission = await startSubmission({ security: 'plain', users: { [address]: password } });
  await using daemon = await DaemonProcess.start({
    sync: { retryMinMs: 50 },
    outbox: { retryAfterMs: [600_000] },
    log: { level: 'trace' },
  });
  const eva = await daemon.connect();
  const postroom = cli(daemon.places.data);
  const plain = async (code: number, ...argv: string[]): Promise<string> => {
    const { out, err, code: ended } = await postroom(...argv);
    expect([argv, ended, err]).toEqual([argv, code, expect.any(String)]);
    expect(judgePlain(Buffer.from(out + err), argv.join(' ')).map(inWords)).toEqual([]);
    return out + err;
  };
  await eva.call('mailbox.add', {
    address,
    imap: `imap://localhost:${imap.port}?tls=no`,
    smtp: submission.url,
    user: address,
    secret: { kind: 'password', password },
    shared: true,
    workFrom: null,
  });

  // The connection test and the state, wherever the IMAP server lies.
  for (const [at, words] of [
    ['greeting', 'said greeting'],
    ['select', 'said select'],
    ['login', 'said login'], // the last one: who is not let in does not ask again by itself
  ] as const) {
    imap.at = at;
    const tested = await eva.call('mailbox.test', { mailbox: address }, { timeoutMs: 60_000 });
    expectClean(tested);
    if (at === 'greeting' || at === 'login') expectClean(tested, words);
    if (at === 'login') await plain(1, 'mailbox', 'test', address);
    await eva.call('mailbox.sync', { mailbox: address, wait: false });
    await expect.poll(async () => textsIn(await eva.call('mailbox.show', { mailbox: address })).join('\n')).toContain(words);
    expectClean(await eva.call('mailbox.show', { mailbox: address }));
    expectClean(await eva.call('daemon.doctor', {}, { timeoutMs: 60_000 }), words);
    if (at === 'login') expect(await plain(1, 'doctor')).toContain(words);
  }

  // The outbox: refused, to be tried again, and a server that does not even greet.
  for (const [step, reply] of [
    ['rcpt', `550 5.1.1 ${lie('nobody')}`],
    ['dot', `554 5.6.0 ${lie('content')}`],
    ['mail', `451 4.3.0 ${lie('later')}`],
    ['auth', `535 5.7.8 ${lie('password')}`],
  ] as const) {
    const words = `said ${/said (\w+)$/.exec(reply)?.[1]}`;
    submission.fail({ at: step, reply });
    const outbox = await send(eva, step);
    await expect.poll(async () => textsIn(await eva.call('outbox.show', { outbox })).join('\n')).toContain(words);
    expectClean(await eva.call('outbox.show', { outbox }));
    if (step === 'rcpt') expect(await plain(0, 'outbox', 'show', outbox)).toContain(words);
    if (step === 'dot') expectClean(await eva.call('daemon.doctor', {}, { timeoutMs: 60_000 }), words);
  }
  expectClean(await eva.call('outbox.list', {}));
  await plain(0, 'outbox', 'list');

  // The settings and the outbox on the screen.
  imap.at = 'login';
  submission.fail({ at: 'auth', reply: `535 5.7.8 ${lie('smtp')}` }, { at: 'auth', reply: `535 5.7.8 ${lie('smtp')}` });
  const judge = new Judge();
  await using screen = openScreen({
    command: process.execPath,
    args: [resolve('dist/tui.js'), '--home', daemon.places.data],
    env: { HOME: daemon.places.data },
    cols: 160,
    rows: 45,
  });
  await screen.waitFor((s) => s.line(0).includes('POSTROOM') && s.text().includes('not sent') && s.text().includes('you: Access'));
  screen.type('go');
  await screen.waitFor((s) => s.line(0).includes('OUTBOX') && s.text().includes('▌'));
  await screen.waitFor('said ');
  screen.type('g,');
  await screen.waitFor((s) => s.line(0).includes('SETTINGS') && /▌ Incoming/.test(s.text()));
  screen.type('T');
  await screen.waitFor((s) => s.text().includes('said login'));
  screen.press('<c-c>');
  expect((await screen.exitCode).code).toBe(0);
  judge.read(screen.bytes(), 'settings and outbox');
  expect(judge.end().map(inWords)).toEqual([]);
  expect(screen.title()).toMatch(/^Postroom( \(\d+\))?$/);

  // The log, for whoever looks at it with `tail`: lines of JSON, and nothing that a terminal obeys.
  const log = await readFile(join(daemon.places.logs, 'daemon.log'));
  expect(judgePlain(log, 'the log').map(inWords)).toEqual([]);
  for (const line of log.toString().trimEnd().split('\n')) JSON.parse(line);
  expect(log.includes('said login')).toBe(true);
  await eva.close();
});
