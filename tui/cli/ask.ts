/** A secret line from standard input: typed or pasted without an echo on a terminal, read whole from a pipe. Never from an argument. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { PostroomError } from '../../protocol/errors.ts';
import { fileText } from './values.ts';

export async function askSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return (await fileText('-')).trim();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  process.stderr.write(prompt); // only now: what is pasted at once would still be echoed by the terminal
  const ended = new AbortController();
  lines.on('close', () => ended.abort());
  try {
    return (await lines.question('', { signal: ended.signal })).trim();
  } catch (error) {
    throw new PostroomError('invalid', 'Nothing was entered, and nothing was done.', {}, { cause: error }); // Ctrl-C or Ctrl-D
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
