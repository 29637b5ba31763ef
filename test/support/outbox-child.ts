/** A daemon's outbox in a process of its own, which kills itself (SIGKILL) at a named moment. Arguments: home, address, moment; `many`: thirty mails, and somebody else kills it. */
import type { ServerAddress } from '../../daemon/engines.ts';
import type { Store } from '../../daemon/store/types.ts';
import { openWorld } from './outbox.ts';

const [, , home = '', smtp = '{}', moment = ''] = process.argv;
const reached = (name: string) => {
  if (name === moment) process.kill(process.pid, 'SIGKILL');
};

const world = await openWorld(home, JSON.parse(smtp) as ServerAddress, {
  wrap: (store): Store => ({
    ...store,
    async outboxMove(id, expected, patch) {
      const name = patch.phase ?? patch.state ?? patch.sentCopy ?? '';
      reached(`before ${name}`);
      const moved = await store.outboxMove(id, expected, patch);
      reached(`after ${name}`);
      return moved;
    },
  }),
});
const { append } = world.sent.sync;
world.sent.sync.append = async (...args) => {
  reached('before append');
  await append(...args);
  reached('after append');
};
for (let n = 0; n < (moment === 'many' ? 30 : 1); n++) {
  const row = await world.queue({ body: `Mail ${n}\n` });
  process.stdout.write(`${JSON.stringify({ id: row.id, messageId: row.messageId })}\n`);
  reached('queued');
  world.outbox.poke();
}
