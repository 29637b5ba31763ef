/** The identity on this machine: one's own key and the daemon's, as people compare them. Needs no daemon. */
import { PostroomError } from '../../protocol/errors.ts';
import { fingerprint, publicKeyOfWord, readIdentity, trustDaemonKey } from '../../protocol/keys.ts';
import { facts } from './print.ts';
import type { CommandRow } from './program.ts';
import { identityPath, loadIdentity } from './session.ts';

export const identityCommands: readonly CommandRow[] = [
  {
    usage: 'identity show',
    doc: 'my key and the key of the daemon that I trust, to compare by eye or voice',
    run: async (context) => {
      const { person, endpoint, publicKey, daemonKey, nextDaemonKey } = loadIdentity(context);
      const data = {
        identity: identityPath(context),
        person,
        endpoint,
        fingerprint: fingerprint(publicKey),
        daemonFingerprint: fingerprint(daemonKey),
        nextDaemonFingerprint: nextDaemonKey === undefined ? null : fingerprint(nextDaemonKey),
      };
      return {
        data,
        text: facts([
          ['identity', data.identity],
          ['person', person],
          ['endpoint', endpoint],
          ['my key', data.fingerprint],
          ["the daemon's key", data.daemonFingerprint],
          ['its next key', data.nextDaemonFingerprint],
        ]),
      };
    },
  },
  {
    usage: 'identity trust <key>',
    doc: 'trust another key of the daemon; compare its fingerprint with whoever runs the daemon before (there: postroom daemon key)',
    run: async (context, [word = '']) => {
      const daemonKey = publicKeyOfWord(word);
      const path = identityPath(context);
      const identity = readIdentity(path);
      if (identity === null) throw new PostroomError('unauthenticated', `There is no identity at ${path}.`);
      const [before, after] = [fingerprint(identity.daemonKey), fingerprint(daemonKey)];
      trustDaemonKey(path, identity, daemonKey);
      return {
        data: { identity: path, before, daemonFingerprint: after },
        text: before === after ? `${after} is trusted already.` : `The daemon is ${after} for you now; it was ${before}.`,
      };
    },
  },
];
