#!/usr/bin/env node
/*
 * The door: looks at the version of Node, then hands over to the bundle that the words ask for. No import may stand here:
 * on an old Node a static import is loaded, and may fail, before the first line could say what is wrong.
 */
const wanted = 24;
const here = (path) => new URL(`../${path}`, import.meta.url);

if (Number(process.versions.node.split('.')[0]) >= wanted) await open(process.argv.slice(2));
else await openWithNewerNode();

/** In this very process: one start-up, and signals and exit codes are the program's own. */
async function open(args) {
  const { existsSync } = await import('node:fs');
  const bundle = bundleFor(args);
  const file = here(`dist/${bundle}.js`);
  if (!existsSync(file)) {
    fail('dist/ is not built. In a checkout, run: npm run build');
    return;
  }
  if (bundle === 'demo') process.argv.splice(process.argv.indexOf('demo'), 1); // as `npm run demo` starts it
  await import(file.href);
}

/** The daemon for `init`, `daemon run` and `daemon key`, the demo for `demo`, the screens when nothing is named, the command line for all else. */
function bundleFor(args) {
  const [noun, verb] = words(args);
  if (noun === 'init' || (noun === 'daemon' && (verb === 'run' || verb === 'key'))) return 'daemon';
  if (noun === 'demo') return 'demo';
  const asksAbout = args.some((arg) => ['--help', '-h', '--version', '-V'].includes(arg));
  return noun === undefined && !asksAbout ? 'tui' : 'cli';
}

/** The arguments that are neither options nor the values of those that may stand before the noun. */
function words(args) {
  const withValue = ['--home', '--connect', '--identity'];
  return args.filter((arg, i) => !arg.startsWith('-') && !withValue.includes(args[i - 1]));
}

/** A checkout has the right Node among its packages; an installed Postroom needs its user to bring one. */
async function openWithNewerNode() {
  const { existsSync } = await import('node:fs');
  const { fileURLToPath } = await import('node:url');
  const node = fileURLToPath(here('node_modules/node/bin/node'));
  if (!existsSync(node)) {
    fail(
      `Postroom needs Node ${wanted} or newer, this is ${process.versions.node}. Get it from https://nodejs.org, or run: npx -p node@${wanted} postroom`,
    );
    return;
  }
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {}); // a terminal sends it to both
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

function fail(message) {
  process.stderr.write(`postroom: ${message}\n`);
  process.exitCode = 1;
}
