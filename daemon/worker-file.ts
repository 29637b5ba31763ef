/**
 * Where a worker thread's file is: beside its caller as `NAME.ts` when run from source, flat in dist/ as `NAME.js` when bundled.
 * `here` is the caller's import.meta.url.
 */
export function workerFile(here: string, name: string): URL {
  return new URL(`./${name}${here.endsWith('.ts') ? '.ts' : '.js'}`, here);
}
