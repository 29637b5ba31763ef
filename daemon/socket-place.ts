/** The directory of a socket that a group shares: made with the group's ownership, so that the socket in it belongs to the group too. */
import { execFile } from 'node:child_process';
import { chmod, chown, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { PostroomError } from '../protocol/errors.ts';
import { makeFolder } from '../protocol/places.ts';

/** rwx for the daemon's account, enter for the group, nothing for others; setgid hands the group on to the socket. */
const sharedMode = 0o2750;

export async function prepareRunDirectory(endpoint: string, group: string | null): Promise<void> {
  if (group === null || !endpoint.startsWith('ipc://')) return;
  const directory = dirname(endpoint.slice('ipc://'.length));
  const gid = await groupId(group);
  const byRoot = `Make it once as root: install -d -m 2750 -o DAEMON-ACCOUNT -g ${group} ${directory}`;
  try {
    makeFolder(directory, byRoot);
    const found = await stat(directory);
    if ((found.mode & 0o002) !== 0)
      throw new PostroomError('invalid', `Everybody may write in ${directory}. Give the daemon a directory of its own.`);
    if (found.gid !== gid) await chown(directory, -1, gid);
    if ((found.mode & 0o7777) !== sharedMode) await chmod(directory, sharedMode);
  } catch (error) {
    if (error instanceof PostroomError) throw error;
    throw new PostroomError(
      'invalid',
      `${directory} cannot be made ready for the group ${group}: ${(error as Error).message}. ${byRoot}`,
      {},
      { cause: error },
    );
  }
}

async function groupId(group: string): Promise<number> {
  try {
    const { stdout } = await promisify(execFile)('getent', ['group', '--', group]);
    const gid = Number(stdout.split(':')[2]);
    if (Number.isInteger(gid)) return gid;
  } catch (error) {
    throw new PostroomError('invalid', `There is no group ${group} on this machine (listen.ipc.group).`, {}, { cause: error });
  }
  throw new PostroomError('invalid', `The group ${group} has no number (listen.ipc.group).`);
}
