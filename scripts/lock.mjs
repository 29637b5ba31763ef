import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/*
 * A lock between processes of one checkout, in plain files: Node has no flock. Lamport's bakery: who comes draws a ticket
 * one higher than all there are, and enters when no live process has a lower one. A ticket carries its process in its name,
 * so a dead one may be thrown away by anybody at any time; nothing is ever taken over, which is where pid files race.
 */

/** Waits for the lock; says so once, through `say`, when it has to. */
export async function acquire(directory, say) {
  await mkdir(directory, { recursive: true });
  const me = `${process.pid}-${await startedAt(process.pid)}`;
  const drawing = join(directory, `0-${me}`); // number 0 holds everybody back until the real number is drawn
  await writeFile(drawing, '');
  const number = 1 + Math.max(0, ...(await tickets(directory)).map((ticket) => ticket.number));
  const mine = join(directory, `${number}-${me}`);
  await rename(drawing, mine);

  for (let told = false; ; ) {
    const before = (await tickets(directory)).find(
      (ticket) => ticket.name !== `${number}-${me}` && (ticket.number < number || (ticket.number === number && ticket.pid < process.pid)),
    );
    if (!before) break;
    if (!told) say(`another process (${before.pid}) is at it in this directory; waiting for it to finish`);
    told = true;
    await pause(100);
  }
  return { release: () => rm(mine, { force: true }) };
}

/** The tickets of processes that live. */
async function tickets(directory) {
  const found = [];
  for (const name of await readdir(directory)) {
    const [number, pid, started] = name.split('-').map(Number);
    if ((await startedAt(pid)) === started) found.push({ name, number, pid });
    else await rm(join(directory, name), { force: true });
  }
  return found;
}

/** When a process began, in ticks since the machine did: a number that a later process with the same id does not have. -1: there is none. */
async function startedAt(pid) {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return alive(pid) ? 0 : -1; // no /proc here (macOS): the id alone has to do
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
