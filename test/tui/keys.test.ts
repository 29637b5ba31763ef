import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CommandId, commandIds, commandRow, disabledReason, noFacts, relevance } from '../../tui/commands.ts';
import { keymapOf, press, showKeys } from '../../tui/keys.ts';

/** What a row of presses does, one result for each. */
function walk(available: readonly CommandId[], ...names: string[]): string[] {
  const keymap = keymapOf(available);
  let prefix: string | null = null;
  return names.map((name) => {
    const pressed = press(keymap, prefix, name);
    prefix = pressed.kind === 'chord' ? pressed.prefix : null;
    return pressed.kind === 'command' ? pressed.id : pressed.kind === 'chord' ? `${pressed.prefix}…${pressed.next.length}` : pressed.kind;
  });
}

test('single keys and chords', () => {
  const view: CommandId[] = ['move.first', 'go.panel', 'go.open', 'move.down', 'layer.close'];
  expect(walk(view, 'j', 'down', 'g', 'p', 'g', 'g', 'g', 'a')).toEqual([
    'move.down',
    'move.down',
    'g…3',
    'go.panel',
    'g…3',
    'move.first',
    'g…3',
    'go.open',
  ]);
  expect(walk(view, 'g', 'esc', 'esc')).toEqual(['g…3', 'cancelled', 'layer.close']);
  expect(walk(view, 'g', 'x', 'x', 'J')).toEqual(['g…3', 'unbound', 'unbound', 'unbound']);
});

test('the narrower scope has the key', () => {
  expect(walk(['work.take', 'review.to'], 't')).toEqual(['review.to']);
  expect(walk(['review.to', 'work.take'], 't')).toEqual(['review.to']);
  expect(walk(['view.back', 'review.keep'], 'q')).toEqual(['review.keep']);
});

describe('the table', () => {
  test('every command has a handler somewhere: no key is listed that nothing answers', () => {
    const sources = readdirSync('tui', { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && name !== 'commands.ts')
      .map((name) => readFileSync(join('tui', name), 'utf8'))
      .join('\n');
    expect(commandIds.filter((id) => !sources.includes(`'${id}'`))).toEqual([]);
  });
  const sequences = commandIds.flatMap((id) => commandRow(id).keys.map((keys) => ({ id, keys, scope: commandRow(id).scope })));

  test('no two commands of one scope share a key', () => {
    const seen = new Map<string, string>();
    for (const { id, keys, scope } of sequences) {
      expect(seen.get(`${scope} ${keys}`), `${keys} of ${id}`).toBeUndefined();
      seen.set(`${scope} ${keys}`, id);
    }
  });
  test('no key is the beginning of a chord', () => {
    const outside = sequences.filter(({ scope }) => scope !== 'field' && scope !== 'modal');
    for (const { keys } of outside) expect(outside.filter((other) => other.keys.startsWith(`${keys} `))).toEqual([]);
  });
  test('nothing is bound to keys of multiplexers, to bytes of other keys, to F-keys, or to letters kept for users', () => {
    for (const { keys } of sequences) expect(keys).not.toMatch(/^(ctrl-[abimjh[]|f\d+|[OBRC])$/);
  });
  test('every key can be shown', () => {
    for (const { keys } of sequences) expect(showKeys(keys)).not.toContain('?'.repeat(keys === '?' ? 2 : 1));
  });
  test('sending, trash and spam are never repeated by `.`', () => {
    for (const id of ['review.send', 'review.send-done', 'mail.trash', 'mail.spam'] as const)
      expect(commandRow(id).repeatable).toBeUndefined();
  });
});

test('a command says why it is disabled', () => {
  const conversation = { send: false, state: 'open', assigned: 'nobody', attachments: 0 } as const;
  expect(disabledReason('mail.reply', noFacts)).toBe('no conversation is selected');
  expect(disabledReason('mail.reply', { ...noFacts, conversation })).toBe('you do not hold Send here');
  expect(disabledReason('mail.reply', { ...noFacts, conversation: { ...conversation, send: true } })).toBeNull();
  expect(disabledReason('mail.files', { ...noFacts, conversation })).toBe('it has no attachments');
});

describe('the palette finds', () => {
  const best = (typed: string): CommandId | undefined =>
    commandIds
      .map((id) => ({ id, points: relevance(typed, id) ?? -1 }))
      .toSorted((a, b) => b.points - a.points)
      .find(({ points }) => points >= 0)?.id;
  const wanted: [string, CommandId][] = [
    ['done', 'work.done'],
    ['resolve', 'work.done'],
    ['reply', 'mail.reply'],
    ['rta', 'mail.reply-all'],
    ['quit', 'app.quit'],
    ['go all', 'go.open'],
  ];
  for (const [typed, id] of wanted) test(typed, () => expect(best(typed)).toBe(id));
  test('nothing for what is nowhere', () => expect(best('zzqx')).toBeUndefined());
});
