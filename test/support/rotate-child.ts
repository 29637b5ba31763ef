/** Announces and switches, over and over, until it is killed. The home's own identity follows as a client of it would. */
import { join } from 'node:path';
import { announceDaemonKey, makeDaemonKey, readDaemonKey, readNextDaemonKey, switchDaemonKey } from '../../daemon/daemon-key.ts';
import { daemonKeyKeeper, newKeyPair, readIdentity, writeIdentity } from '../../protocol/keys.ts';

const home = process.argv[2] ?? '';
const identity = join(home, 'identity.json');
const where = { data: home, run: join(home, 'run'), logs: home, config: home, identity };

if (readIdentity(identity) === null) {
  const { publicKey } = await makeDaemonKey(where);
  writeIdentity(identity, { person: 'eva', endpoint: 'ipc:///run/d.sock', daemonKey: publicKey, ...newKeyPair() });
}
for (;;) {
  // What a client does when it connects: it follows a key that it heard of and that is the daemon's now.
  const own = readIdentity(identity);
  const { publicKey } = await readDaemonKey(where);
  if (own !== null && own.nextDaemonKey === publicKey) daemonKeyKeeper(identity, own)({ kind: 'followed', key: publicKey });
  if ((await readNextDaemonKey(where)) === null) await announceDaemonKey(where, Date.now());
  await switchDaemonKey(where, { unannounced: false });
  process.stdout.write('.');
}
