/** Turns an invitation into an identity on this machine: for the command line and for the first screen. */
import { unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { connect } from '../protocol/client.ts';
import { PostroomError } from '../protocol/errors.ts';
import { decodeInvitation, fingerprint, newKeyPair, writeIdentity } from '../protocol/keys.ts';
import type { Result } from '../protocol/methods.ts';

type Joined = Result<'person.join'> & { readonly identity: string; readonly fingerprint: string; readonly daemonFingerprint: string };

/** `endpoint` in place of the invitation's own; `release` is that of this program. */
export async function join(given: { invitation: string; path: string; endpoint?: string | undefined; release?: string }): Promise<Joined> {
  const { path } = given;
  const invitation = decodeInvitation(given.invitation);
  const endpoint = given.endpoint ?? invitation.endpoint;
  const keys = newKeyPair();
  let nextDaemonKey: string | null = null;
  const client = await connect({
    invitation: { ...invitation, endpoint },
    onDaemonKey: ({ key }) => {
      nextDaemonKey = key;
    },
    connectTimeoutMs: 5_000,
    ...(given.release === undefined ? {} : { release: given.release }),
  }).catch((error: unknown) => {
    if (!(error instanceof PostroomError) || error.code !== 'unauthenticated') throw error;
    throw new PostroomError(
      'unauthenticated',
      'This invitation was used already, or its time is over. Ask for a new one.',
      {},
      { cause: error },
    );
  });
  try {
    // Reserved before the invitation is used up: a file that cannot be written must not cost the only try.
    const identity = { person: '', endpoint, daemonKey: invitation.daemonKey, ...keys };
    writeIdentity(path, identity);
    const joined = await client
      .call('person.join', { publicKey: keys.publicKey, label: hostname().slice(0, 100) })
      .catch((error: unknown) => {
        unlinkSync(path);
        throw error;
      });
    const heard = nextDaemonKey === null ? {} : { nextDaemonKey };
    writeIdentity(path, { ...identity, ...heard, person: joined.person.name }, { replace: true });
    return { ...joined, identity: path, fingerprint: fingerprint(keys.publicKey), daemonFingerprint: fingerprint(invitation.daemonKey) };
  } finally {
    await client.close();
  }
}
