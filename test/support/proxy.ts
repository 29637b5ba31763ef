import { once } from 'node:events';
import { connect, createServer, type Socket, type AddressInfo as TcpAddress } from 'node:net';

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down';

/** A TCP proxy on loopback, between a client and a real server, that does to the connections what networks do. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Connections that were ever accepted. */
  readonly accepted: number;
  /** Octets that have passed so far, over all connections. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** When so many more octets have gone this way, over all connections, cuts the connection they went over, right behind the last of them. */
  cutAfter(octets: number, direction?: Direction, how?: Cut): void;
  /** Cuts every open connection. */
  cut(how?: Cut): void;
  /** Nothing passes, nothing ends: a network that has gone silent. */
  stall(): void;
  /** Ends a stall. */
  resume(): void;
  /** New connections are reset at once, or accepted again. */
  refuse(refused?: boolean): void;
  /** Each piece of data waits so long. */
  delay(delayMs: number): void;
  /** So many octets a second, each way and each connection; Infinity lifts it. */
  throttle(octetsPerSecond: number): void;
  /** As soon as `count` connections have been accepted since the start. */
  connected(count: number, timeoutMs?: number): Promise<void>;
}

/** `reset` is seen as ECONNRESET, `finish` as the other side hanging up in order. */
export type Cut = 'reset' | 'finish';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startProxy(target: { port: number; host?: string }): Promise<Proxy> {
  const pairs = new Set<Pair>();
  const passed: Record<Direction, number> = { up: 0, down: 0 };
  const waiting: { count: number; resolve: () => void }[] = [];
  let planned: { octets: number; direction: Direction; how: Cut } | undefined;
  let stalled: PromiseWithResolvers<void> | undefined;
  let refused = false;
  let delayMs = 0;
  let rate = Number.POSITIVE_INFINITY;
  let accepted = 0;

  // Each side may end its half first and still be answered: that passes as it came.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    accepted++;
    for (const { count, resolve } of waiting) if (accepted >= count) resolve();
    if (refused) {
      client.resetAndDestroy();
      return;
    }
    const pair = { client, server: connect({ port: target.port, host: target.host ?? '127.0.0.1', allowHalfOpen: true }) };
    pairs.add(pair);
    for (const socket of [pair.client, pair.server]) {
      socket.on('error', () => end(pair, 'reset')); // an error on one side is a cut for the other
      socket.on('close', () => {
        if (pair.client.destroyed && pair.server.destroyed) pairs.delete(pair);
      });
    }
    pass(pair, 'up');
    pass(pair, 'down');
  });

  /** Carries one direction of one connection, a piece at a time, so that what is set in the meantime holds from the next piece on. */
  function pass(pair: Pair, direction: Direction): void {
    const [from, to] = direction === 'up' ? [pair.client, pair.server] : [pair.server, pair.client];
    const carry = async () => {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (delayMs > 0) await pause(delayMs);
        if (stalled) await stalled.promise;
        for (const piece of pieces(chunk)) {
          if (rate !== Number.POSITIVE_INFINITY) await pause((piece.length / rate) * 1000);
          if (to.destroyed) return;
          const cut = planned?.direction === direction && planned.octets <= piece.length ? planned : undefined;
          if (planned?.direction === direction) planned.octets -= piece.length;
          const allowed = cut ? piece.subarray(0, piece.length + cut.octets) : piece;
          passed[direction] += allowed.length;
          if (cut) {
            planned = undefined;
            await new Promise((resolve) => to.write(allowed, resolve));
            end(pair, cut.how);
            return;
          }
          if (!to.write(allowed)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        }
      }
      to.end();
    };
    carry().catch(() => end(pair, 'reset'));
  }

  const pieces = function* (chunk: Buffer): Generator<Buffer> {
    const size = rate === Number.POSITIVE_INFINITY ? chunk.length : Math.max(1, Math.ceil(rate / 20));
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
  };

  function end({ client, server: origin }: Pair, how: Cut): void {
    if (how === 'reset') client.resetAndDestroy();
    else client.end(() => client.destroy());
    origin.destroy();
  }

  const cut = (how: Cut = 'reset') => {
    for (const pair of pairs) end(pair, how);
  };

  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as TcpAddress).port,
    get open() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    passed,
    cutAfter(octets, direction = 'down', how = 'reset') {
      planned = { octets, direction, how };
    },
    cut,
    stall() {
      stalled ??= Promise.withResolvers();
    },
    resume() {
      stalled?.resolve();
      stalled = undefined;
    },
    refuse(on = true) {
      refused = on;
    },
    delay(ms) {
      delayMs = ms;
    },
    throttle(octetsPerSecond) {
      rate = octetsPerSecond;
    },
    async connected(count, timeoutMs = 10_000) {
      if (accepted >= count) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      const timer = setTimeout(() => reject(new Error(`Waited ${timeoutMs} ms for connection ${count}; ${accepted} came`)), timeoutMs);
      await promise.finally(() => clearTimeout(timer));
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close');
      stalled?.resolve();
      cut();
      await closed;
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
