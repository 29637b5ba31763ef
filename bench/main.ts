/** `npm run bench [-- NAME...]`: each benchmark beside the peer it names, in one run, with the ratio. Figures depend on the machine; ratios less. */
import { cpus, loadavg } from 'node:os';
import { existence } from './existence.ts';
import { firstFrame } from './first-frame.ts';
import { keys } from './keys.ts';
import { installPeers } from './peers.ts';
import { revocation } from './revocation.ts';
import { rightsBench } from './rights.ts';
import { roundTrip } from './round-trip.ts';
import { search } from './search.ts';
import { sync } from './sync.ts';
import { timeline } from './timeline.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = {
  'round-trip': roundTrip,
  sync,
  search,
  timeline,
  'first-frame': firstFrame,
  keys,
  existence,
  rights: rightsBench,
  revocation,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}. They are: ${Object.keys(benches).join(', ')}.\n`);
  process.exit(2);
}
installPeers();
for (const [name, run] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stdout.write(`\n${name} (load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} processors)\n`);
  await run();
}
// Servers and workers are closed by then; a library's idle socket must not keep a benchmark open.
process.exit(0);
