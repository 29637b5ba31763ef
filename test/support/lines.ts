import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** The connection ended where the protocol wanted more. */
export class ConnectionEnded extends Error {
  override name = 'ConnectionEnded';
}

/** Reads a protocol of lines (IMAP, LMTP, SMTP) from either end of a connection. Everything rejects with ConnectionEnded at its end. */
export interface LineReader {
  /** The next line without its line end. */
  line(): Promise<string>;
  /** Reads up to the first line that fits, and answers with it. */
  lineThat(fits: (line: string) => boolean): Promise<string>;
  /** Exactly so many octets. */
  octets(count: number): Promise<Buffer>;
  /** Everything up to this mark; the mark is read too. */
  upTo(mark: string): Promise<Buffer>;
  /** Waits until so many octets have come, and leaves them unread. */
  atLeast(count: number): Promise<void>;
  /** Reads no more, and leaves the connection to its next reader (STARTTLS). */
  detach(): void;
}

export function lineReader(socket: Socket): LineReader {
  let store = Buffer.allocUnsafe(4096);
  let start = 0;
  let end = 0;
  let over: ConnectionEnded | undefined;
  let wake = Promise.withResolvers<void>();

  const arrived = (chunk: Buffer) => {
    if (end + chunk.length > store.length) {
      const larger = Buffer.allocUnsafe(2 * (end - start + chunk.length)); // doubled: a mail of many megabytes stays linear
      end = store.copy(larger, 0, start, end);
      start = 0;
      store = larger;
    }
    end += chunk.copy(store, end);
    wake.resolve();
  };
  const ended = (cause?: unknown) => {
    over ??= new ConnectionEnded(`The connection ended; unread: ${JSON.stringify(store.toString('utf8', start, end))}`, { cause });
    wake.resolve();
  };
  socket.on('data', arrived);
  socket.on('error', ended);
  socket.on('end', () => ended());
  socket.on('close', () => ended());

  const more = async () => {
    if (over) throw over;
    wake = Promise.withResolvers();
    await wake.promise;
  };
  const find = async (mark: string) => {
    for (let from = start; ; ) {
      const at = store.subarray(0, end).indexOf(mark, from);
      if (at >= 0) return at - start;
      const searched = end - start;
      await more();
      from = start + Math.max(0, searched - mark.length + 1);
    }
  };
  const take = (count: number) => {
    start += count;
    return Buffer.from(store.subarray(start - count, start));
  };
  const upTo = async (mark: string) => take((await find(mark)) + mark.length);
  const atLeast = async (count: number) => {
    while (end - start < count) await more();
  };
  const line = async () => (await upTo('\n')).toString().replace(/\r?\n$/, '');

  return {
    line,
    upTo,
    atLeast,
    async lineThat(fits) {
      for (;;) {
        const next = await line();
        if (fits(next)) return next;
      }
    },
    async octets(count) {
      await atLeast(count);
      return take(count);
    },
    detach: () => void socket.off('data', arrived),
  };
}

/** The client end, over loopback, for tests that want to see the octets themselves. */
export interface LineConnection extends LineReader, Disposable {
  write(octets: Uint8Array | string): Promise<void>;
}

export async function lineConnection(port: number): Promise<LineConnection> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return {
    ...lineReader(socket),
    async write(octets) {
      if (!socket.write(octets)) await once(socket, 'drain');
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
