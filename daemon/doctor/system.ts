/** The daemon as a whole: whether others reach it, and whether its clock runs true. */
import { lookup } from 'node:dns/promises';
import type { Places } from '../../protocol/places.ts';
import type { Config } from '../config.ts';
import { endpointsOf } from '../home.ts';
import { type Finding, info, warning, wordsOf } from './finding.ts';

const loopback = /^(127\.|::1$|localhost$)/;

/** `people`: how many may sign in. One alone needs no way in from outside. */
export async function examineEndpoints(config: Config, where: Places, people: number): Promise<Finding[]> {
  const [widest] = endpointsOf(config, where);
  if (people < 2) return [];
  const count = `${people} people may sign in`;
  switch (widest.for) {
    case 'account':
      return [
        warning(
          'endpoint-account',
          `${count}, and only programs of this account reach the daemon.`,
          'Set listen.ipc to a directory and a group for accounts of this machine, or listen.tcp for other machines.',
        ),
      ];
    case 'host':
      return [info('endpoint-host', `${count}, from this machine only.`, 'Set listen.tcp if somebody works from another machine.')];
    case 'network':
      return examineNetwork(config);
    default:
      return widest.for satisfies never;
  }
}

async function examineNetwork({ listen: { tcp } }: Config): Promise<Finding[]> {
  if (tcp === null) return [];
  const reached = tcp.publicName ?? tcp.address;
  if (tcp.publicName === undefined && loopback.test(tcp.address))
    return [
      warning(
        'endpoint-loopback',
        `listen.tcp is ${tcp.address}: no other machine reaches it.`,
        'Set listen.tcp.address to an address of this machine in its network, or publicName to the one that leads to it.',
      ),
    ];
  try {
    await lookup(reached);
    return [];
  } catch (problem) {
    return [
      warning(
        'endpoint-name',
        `Invitations name ${reached}, which this machine cannot resolve: ${wordsOf(problem)}.`,
        'Mend listen.tcp.publicName, or the name service.',
      ),
    ];
  }
}

/** A daemon's time by the wall clock beside the same time by a clock that nobody can set. */
export function examineClock(byWallMs: number, byMonotonicMs: number): Finding[] {
  const moved = Math.round((byWallMs - byMonotonicMs) / 1_000);
  if (Math.abs(moved) < 60) return [];
  const way = moved > 0 ? 'forward' : 'back';
  return [
    warning(
      'clock-moved',
      `The clock was set ${way} by ${Math.abs(moved)} s while the daemon ran.`,
      'Let the machine keep its clock (timedatectl set-ntp true). Look at what was due meanwhile: postroom outbox list',
    ),
  ];
}
