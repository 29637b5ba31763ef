/** The configuration as the directory's changes need it. */
import type { Config } from '../config.ts';
import type { Act, Policy } from '../directory/changes.ts';
import type { World } from './world.ts';

export function policyOf(config: Config): Policy {
  return {
    requireCommonRole: config.sharing.requireCommonRole,
    plans: config.sharing.plans,
    hostedDomains: config.hosted.domains,
    commands: Object.fromEntries(Object.entries(config.secretCommands).map(([name, command]) => [name, { hosts: command.hosts }])),
  };
}

export const actOf = (world: Pick<World, 'config'>, actor: string, now: number): Act => ({ actor, now, policy: policyOf(world.config) });
