/**
 * Where a session comes from, for the audit journal. ZeroMQ tells it at the gate, when a key connects, and not with the messages: a
 * session is taken to come from where its key connected last before it was first heard.
 */
import { fingerprint } from '../../protocol/keys.ts';
import type { Peer, Session } from '../../protocol/server.ts';
import type { AuditOrigin } from '../store/types.ts';
import type { Caller } from './world.ts';

const maxKeys = 10_000;

export class Origins {
  readonly #peers = new Map<string, string>();
  readonly #sessions = new WeakMap<Session, string>();

  /** A key was let in at the gate. */
  admitted(key: string, { address, uid }: Peer): void {
    this.#peers.delete(key); // to the end: the one that was not seen for longest goes first
    this.#peers.set(key, uid === null ? `tcp ${address}` : `ipc uid ${uid}`);
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > maxKeys && oldest !== undefined) this.#peers.delete(oldest);
  }

  of(session: Session): string {
    const known = this.#sessions.get(session);
    if (known !== undefined) return known;
    const from = this.#peers.get(session.publicKey) ?? 'unknown';
    this.#sessions.set(session, from);
    return from;
  }
}

export const originOf = ({ session, key, from }: Pick<Caller, 'session' | 'key' | 'from'>): AuditOrigin => ({
  session,
  key: fingerprint(key),
  from,
});
