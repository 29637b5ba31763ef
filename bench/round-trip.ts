/** A request and its answer: the protocol (CURVE, sealed session, schemas at both ends) beside JSON lines over a plain Unix socket. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, connect } from '../protocol/client.ts';
import { decodeInvitation, newKeyPair } from '../protocol/keys.ts';
import { DaemonProcess } from '../test/support/process.ts';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, quantiles, ratio, timed } from './figures.ts';

/** Fewer than a person may make at once before the daemon slows them down (`requestsAtOnce`). */
const calls = 800;
const sessions = 50;

export async function roundTrip(): Promise<void> {
  const plain = await plainSocket();
  await using daemon = await DaemonProcess.start();
  const client = await daemon.connect();
  for (let n = 0; n < 200; n++) await client.call('session.whoami', {}); // warm
  const one = quantiles(await timed(calls, () => client.call('session.whoami', {})));
  await client.close();
  const many: Client[] = [];
  for (let n = 0; n < sessions; n++) many.push(await somebody(daemon, `person ${n}`));
  const began = performance.now();
  const all = await Promise.all(many.map((each) => timed(calls / 4, () => each.call('session.whoami', {}))));
  const rate = (sessions * calls) / 4 / ((performance.now() - began) / 1_000);
  const busy = quantiles(all.flat());
  for (const each of many) await each.close();

  print('plain Unix socket, JSON lines, p50 / p99', `${ms(plain.p50)} / ${ms(plain.p99)}`);
  print('one session, p50 / p99', `${ms(one.p50)} / ${ms(one.p99)}  (${ratio(one.p50, plain.p50)} the socket's p50)`);
  print(`${sessions} sessions at once, p50 / p99`, `${ms(busy.p50)} / ${ms(busy.p99)}, ${Math.round(rate)} calls/s together`);
}

/** A session of a person of its own: limits are each person's. */
async function somebody(daemon: DaemonProcess, name: string): Promise<Client> {
  const eva = await daemon.connect();
  const { invitation } = await eva.call('person.add', { name });
  await eva.close();
  const open = decodeInvitation(invitation);
  const keys = newKeyPair();
  const guest = await connect({ invitation: open });
  await guest.call('person.join', { publicKey: keys.publicKey, label: '' });
  await guest.close();
  return connect({ identity: { endpoint: open.endpoint, daemonKey: open.daemonKey, ...keys } });
}

/** The peer: another process that answers each line with a line. */
async function plainSocket() {
  await using directory = await tempDir();
  const path = join(directory.path, 'plain');
  const server = fork(fileURLToPath(import.meta.url), ['serve', path]);
  await once(server, 'message');
  const socket = connectSocket(path);
  await once(socket, 'connect');
  const answers = lines(socket);
  const call = async (): Promise<unknown> => {
    socket.write(`${JSON.stringify({ id: 1, method: 'session.whoami', params: {} })}\n`);
    return JSON.parse((await answers.next()).value ?? '');
  };
  await timed(200, call);
  const found = quantiles(await timed(calls, call));
  socket.destroy();
  server.kill();
  return found;
}

async function* lines(socket: Socket): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of socket) {
    rest += String(chunk);
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
  return undefined;
}

if (process.argv[2] === 'serve' && process.argv[3] !== undefined) {
  const path = process.argv[3];
  await rm(path, { force: true });
  const answer = `${JSON.stringify({ id: 1, result: { person: { id: 'p', name: 'eva' }, operations: [], daemon: { name: 'x', version: '1' } } })}\n`;
  createServer(async (socket) => {
    for await (const line of lines(socket)) if (JSON.parse(line)) socket.write(answer);
  }).listen(path, () => process.send?.('ready'));
}
