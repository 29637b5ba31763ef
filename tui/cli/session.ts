/** One command's connection: which identity, which daemon, typed calls. */
import { type CallOptions, type ClientState, connect, type DaemonEvent } from '../../protocol/client.ts';
import { PostroomError } from '../../protocol/errors.ts';
import type { EventName } from '../../protocol/events.ts';
import { daemonKeyKeeper, fingerprint, type Identity, readIdentity } from '../../protocol/keys.ts';
import type { Method, Params, Result } from '../../protocol/methods.ts';
import { places } from '../../protocol/places.ts';
import { version } from '../../protocol/version.ts';
import type { Globals, Surroundings } from './program.ts';

export type Session = {
  call<M extends Method>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>>;
  /** Events of these names from now on, until the session closes; null when the connection was lost: whoever asks then learns more. */
  follow(names: readonly EventName[], listener: (event: DaemonEvent | null) => void): Promise<void>;
  /** The connection from now on: it mends itself, or is refused for good. */
  onState(listener: (state: ClientState) => void): void;
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
      `There is no identity at ${path}. Begin with "postroom init" on a new home, or "postroom join" with an invitation from your administrator.`,
    );
  }
  return globals.connect === undefined ? identity : { ...identity, endpoint: globals.connect };
}

export async function openSession(globals: Surroundings): Promise<Session> {
  let listener: (event: DaemonEvent | null) => void = () => undefined;
  let onlooker: (state: ClientState) => void = () => undefined;
  const identity = loadIdentity(globals);
  const keep = daemonKeyKeeper(identityPath(globals), identity);
  const client = await connect({
    identity,
    onDaemonKey: (news) => {
      try {
        if (keep(news) && news.kind === 'followed')
          globals.warn(`The daemon's key changed as announced; it is ${fingerprint(news.key)} now.`);
      } catch (error) {
        globals.warn(
          `The daemon's new key could not be kept in ${identityPath(globals)}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    },
    connectTimeoutMs: greetingMs,
    release: version,
    onEvent: (event) => listener(event),
    onState: (state) => {
      onlooker(state);
      if (state.state === 'offline' || state.state === 'refused') listener(null);
    },
  }).catch((error: unknown) => {
    if (!(error instanceof PostroomError) || error.code !== 'unauthenticated') throw error;
    throw new PostroomError(
      'unauthenticated',
      `${error.message} If you still belong here, ask somebody who manages people for a new invitation.`,
      { ...error.details },
      { cause: error },
    );
  });
  return {
    call: (method, params, options) => client.call(method, params, options),
    follow: async (names, take) => {
      listener = take;
      await client.subscribe(names);
    },
    onState: (take) => {
      onlooker = take;
    },
    close: () => client.close(),
  };
}
