/**
 * Where a worker thread's file is: as `NAME.ts` relative to its caller when run from source, flat in dist/ as `NAME.js` when bundled.
 * `here` is the caller's import.meta.url.
 */
export function workerFile(here: string, name: string): URL {
  return here.endsWith('.ts') ? new URL(`./${name}.ts`, here) : new URL(`./${name.slice(name.lastIndexOf('/') + 1)}.js`, here);
}
