/** One command's connection: which identity, which daemon, typed calls. */
import { type Client, connect } from '../../protocol/client.ts';
import { PostroomError } from '../../protocol/errors.ts';
import { type Identity, readIdentity } from '../../protocol/keys.ts';
import type { Method, Params, Result } from '../../protocol/methods.ts';
import { places } from '../../protocol/places.ts';
import type { Globals } from './program.ts';

export type CallOptions = { timeoutMs?: number; upload?: AsyncIterable<Uint8Array>; onChunk?: (chunk: Uint8Array) => void | Promise<void> };

export type Session = {
  readonly client: Client;
  call<M extends Method>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>>;
  close(): Promise<void>;
};

/** How long a command waits for a daemon to answer its greeting before it says that there is none. */
const greetingMs = 3_000;

export function identityPath(globals: Pick<Globals, 'home' | 'identity'>): string {
  return globals.identity ?? places(globals.home).identity;
}

/** The identity a command runs as; a missing one is `unauthenticated` (exit 7) and says how to get one. */
export function loadIdentity(globals: Pick<Globals, 'home' | 'identity' | 'connect'>): Identity {
  const path = identityPath(globals);
  const identity = readIdentity(path);
  if (identity === null) {
    throw new PostroomError(
      'unauthenticated',
      `There is no identity at ${path}. Begin with "postroom init" on a new home, or "postroom join INVITATION" with an invitation of your administrator.`,
    );
  }
  return globals.connect === undefined ? identity : { ...identity, endpoint: globals.connect };
}

export async function openSession(globals: Globals): Promise<Session> {
  const client = await connect({ identity: loadIdentity(globals), connectTimeoutMs: greetingMs });
  return {
    client,
    call: (method, params, options) => client.call(method, params, options),
    close: () => client.close(),
  };
}
