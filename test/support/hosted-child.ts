/** A daemon's hosted receiver in a process of its own. Argument: home. Prints its port. */
import { hostedWorld } from './hosted.ts';

const [, , home = ''] = process.argv;
const { hosted } = await hostedWorld(home);
process.stdout.write(`${hosted.port}\n`);
