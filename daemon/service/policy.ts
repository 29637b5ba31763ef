/** The configuration as the directory's changes need it. */
import type { Config } from '../config.ts';
import type { Act, Policy } from '../directory/changes.ts';
import type { Caller, World } from './world.ts';

export function policyOf(config: Config): Policy {
  return {
    requireCommonRole: config.sharing.requireCommonRole,
    plans: config.sharing.plans,
    hostedDomains: config.hosted.domains,
    commands: Object.fromEntries(Object.entries(config.secretCommands).map(([name, command]) => [name, { hosts: command.hosts }])),
  };
}

export const actOf = (world: Pick<World, 'config'>, { person, key }: Pick<Caller, 'person' | 'key'>, now: number): Act => ({
  actor: person,
  key,
  now,
  policy: policyOf(world.config),
});
