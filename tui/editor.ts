/**
 * A text in the person's own editor. The file is theirs alone (0600 in a 0700 folder) and gone afterwards, whatever happens;
 * the editor gets its arguments as an array, so no shell ever reads a file name.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { safeText } from '../protocol/text.ts';
import { chrome, type Safe } from './text.ts';

export type Edited =
  | { readonly kind: 'edited'; readonly text: string }
  | { readonly kind: 'unchanged' }
  /** Neither $VISUAL nor $EDITOR is set: edit inline. */
  | { readonly kind: 'no-editor' }
  /** The editor could not be started, or ended with an error: the text is as it was. */
  | { readonly kind: 'failed'; readonly reason: Safe };

/** $VISUAL, else $EDITOR, as program and arguments (`code --wait`, `"/opt/my editor/ed" -n`); null when neither is set. */
export function editorCommand(env: NodeJS.ProcessEnv): readonly [string, ...string[]] | null {
  const value = env.VISUAL?.trim() || env.EDITOR?.trim();
  const words = (value ?? '').match(/"[^"]*"|'[^']*'|[^\s"']+/g)?.map((word) => word.replaceAll(/^["']|["']$/g, ''));
  const [program, ...args] = words ?? [];
  return program === undefined || program === '' ? null : [program, ...args];
}

/** Opens `text` in the editor and waits for its end. `handOver` gives the terminal away around the call. */
export async function editText(
  text: string,
  handOver: (run: () => Promise<void>) => Promise<void>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Edited> {
  const command = editorCommand(env);
  if (command === null) return { kind: 'no-editor' };
  const [program, ...args] = command;
  // mkdtemp makes it 0700.
  const folder = await mkdtemp(join(tmpdir(), 'postroom-'));
  try {
    const file = join(folder, 'message.txt');
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
    let failure: Safe | null = null;
    await handOver(async () => {
      failure = await run(program, [...args, file]);
    });
    if (failure !== null) return { kind: 'failed', reason: failure };
    const after = await readFile(file, 'utf8');
    return after === text ? { kind: 'unchanged' } : { kind: 'edited', text: after };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[]): Promise<Safe | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.once('error', (error) => resolve(chrome`your editor did not start: ${safeText(error.message)}`));
    child.once('exit', (code, signal) =>
      resolve(code === 0 ? null : chrome`your editor ended with ${safeText(signal ?? String(code))}; the text is as it was`),
    );
  });
}
