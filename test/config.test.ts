import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { Config, parseConfig } from '../daemon/config.ts';

const example: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'config.example.json'), 'utf8'));

type Schema = { properties?: Record<string, Schema>; additionalProperties?: Schema | boolean; anyOf?: Schema[]; oneOf?: Schema[] };

/** Every key of the schema as a path; `*` is a name that people choose. */
function keysOfSchema(schema: Schema, path: string): string[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
    `${path}${key}`,
    ...keysOfSchema(value, `${path}${key}.`),
  ]);
  const chosen = typeof schema.additionalProperties === 'object' ? keysOfSchema(schema.additionalProperties, `${path}*.`) : [];
  return [...below, ...chosen, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((form) => keysOfSchema(form, path))];
}

function keysOf(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = path === 'secretCommands.' ? '*' : key;
    return name === '*' ? keysOf(inner, `${path}*.`) : [`${path}${name}`, ...keysOf(inner, `${path}${name}.`)];
  });
}

test('config.example.json is a configuration and shows every key there is', () => {
  expect(() => parseConfig(example, 'config.example.json')).not.toThrow();
  const schema = z.toJSONSchema(Config, { io: 'input', unrepresentable: 'any' }) as Schema;
  expect(keysOf(example, '').sort()).toEqual([...new Set(keysOfSchema(schema, ''))].sort());
});

test('an empty object is a whole configuration, and a key that does not exist is named', () => {
  expect(parseConfig({}, 'config.json').log.level).toBe('info');
  expect(() => parseConfig({ sync: { pollMS: 1 } }, 'config.json')).toThrow(/sync.*pollMS/);
});

test('hosts of a secret command are HOST or HOST:PORT', () => {
  const with_ = (host: string) => () => parseConfig({ secretCommands: { a: { run: ['/bin/true'], hosts: [host] } } }, 'config.json');
  for (const host of ['mail.example.org', 'mail.example.org:993', '192.0.2.1:143', '::1', '[::1]', '[2001:db8::1]:993'])
    expect(with_(host), host).not.toThrow();
  for (const host of [
    '',
    'imaps://mail.example.org',
    'mail.example.org:',
    'mail.example.org:0',
    'mail.example.org:65536',
    '[x]:1',
    'a b',
    '2001:db8::1:99999',
  ])
    expect(with_(host), host).toThrow(/secretCommands\.a\.hosts/);
});
