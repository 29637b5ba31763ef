import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Who may import whom, types included: `tui → protocol ← daemon`, and each library in the one file that is named for it.
 * The longest key that fits a file rules it. A key or an entry that ends in `/` or `:` means all below it; another means that
 * file, or that package with everything in it.
 */
const daemon = ['daemon/', 'protocol/', 'node:', 'zod'];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'protocol/': ['protocol/', 'zod', 'zeromq', 'node:'],
  // What is said, apart from how it travels: nothing of the machine.
  'protocol/schema': ['protocol/', 'zod'],
  'protocol/rows': ['protocol/', 'zod'],
  'protocol/methods': ['protocol/', 'zod'],
  'protocol/events': ['protocol/', 'zod'],
  'protocol/errors': ['protocol/', 'zod'],
  'protocol/text': ['protocol/', 'zod'],

  'daemon/': daemon,
  // Pure: handed facts, and no way to a clock, a file or a random number.
  'daemon/access/': ['daemon/access/', 'protocol/'],
  'daemon/mail/file-types': ['daemon/mail/', 'protocol/', 'mime-types'],
  'daemon/mail/': ['daemon/mail/', 'protocol/'],
  'daemon/mail/html': ['daemon/mail/', 'protocol/', 'entities'],
  'daemon/mail/decoders': ['daemon/mail/', 'protocol/', 'iconv-lite'],
  'daemon/sync/plan': ['daemon/sync/plan', 'daemon/mail/', 'daemon/store/types', 'protocol/'],
  'daemon/outbox/state': ['daemon/outbox/state', 'daemon/mail/', 'daemon/store/types', 'protocol/'],
  // One importer for each library.
  'daemon/log': [...daemon, 'pino'],
  'daemon/directory/durable': [...daemon, 'lowdb'],
  'daemon/hosted/receive': [...daemon, 'smtp-server'],
  'daemon/outbox/compose': [...daemon, 'nodemailer'],
  'daemon/outbox/smtp': [...daemon, 'nodemailer'],
  'daemon/store/html-text': [...daemon, 'html-to-text'],
  'daemon/store/text-table': [...daemon, 'string-width'],
  'daemon/sync/imap': [...daemon, 'imapflow'],
  'daemon/sync/folder-role': [...daemon, 'imapflow/lib/special-use.js'],

  'tui/': ['tui/', 'protocol/', 'react', 'ink', 'node:'],
  'tui/text': ['tui/', 'protocol/', 'string-width'],
  'tui/cli': ['tui/', 'protocol/', 'node:', 'commander'],
  'tui/cli/': ['tui/', 'protocol/', 'node:', 'commander'],

  'demo/': ['demo/', 'protocol/', 'node:'],
  'bench/': ['bench/', 'daemon/', 'protocol/', 'test/support/', 'node:'],
  'scripts/': ['scripts/', 'node:', 'esbuild'],
  'scripts/screenshots': ['demo/', 'test/support/', 'node:'],
  'bin/': ['node:'],
};
/** Within what the table allows: where else a library or a module of Node may not be. */
const onlyIn: Readonly<Record<string, string>> = {
  'node:sqlite': 'daemon/store/',
};

interface Import {
  specifier: string;
  line: number;
}

/** Every module that the code names: static, dynamic, re-exported, and as a type. */
function importsOf(code: string): Import[] {
  // Comments become blanks of the same shape, so that lines still count. (Only where one begins a line or follows code and a blank:
  // `https://` stays.)
  const bare = code.replace(/(^|\s)(\/\*[\s\S]*?\*\/|\/\/[^\n]*)/g, (comment) => comment.replace(/[^\n]/g, ' '));
  const forms = [
    /^[ \t]*(?:import|export)\b[^'"`;=()]*?\bfrom\s*(['"])([^'"]+)\1/gm,
    /^[ \t]*import\s*(['"])([^'"]+)\1/gm,
    /\b(?:import|require)\s*\(\s*(['"`])([^'"`]+)\1/g,
  ];
  return forms
    .flatMap((form) => [...bare.matchAll(form)])
    .map(({ 2: specifier = '', index }) => ({
      specifier,
      line: bare.slice(0, index).split('\n').length + (/^\s*\n/.test(bare.slice(index)) ? 1 : 0),
    }))
    .sort((a, b) => a.line - b.line);
}

/** A path from the top of the repository for our own files; the specifier itself for everything else. */
function resolved(file: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier;
}

function covers(pattern: string, name: string): boolean {
  if (/[/:]$/.test(pattern)) return name.startsWith(pattern);
  return name.startsWith(pattern) && /^($|\/|\.(ts|tsx|mjs)$)/.test(name.slice(pattern.length));
}

/** The rules that `file` breaks, one line each. */
function violations(file: string, code: string): string[] {
  const rule = Object.keys(mayImport)
    .filter((key) => covers(key, file))
    .sort((a, b) => b.length - a.length)[0];
  if (rule === undefined) return [`${file}: no rule of the table fits this file`];
  return importsOf(code).flatMap(({ specifier, line }) => {
    const target = resolved(file, specifier);
    const home = Object.entries(onlyIn).find(([name]) => covers(name, target))?.[1];
    if (home !== undefined && !file.startsWith(home)) return [`${file}:${line}: imports ${specifier}, which only ${home} may`];
    const allowed = mayImport[rule] ?? [];
    if (allowed.some((pattern) => covers(pattern, target))) return [];
    return [`${file}:${line}: imports ${specifier}; ${rule} may import only ${allowed.join(', ')}`];
  });
}

const root = join(import.meta.dirname, '..');
const sources = ['protocol', 'daemon', 'tui', 'demo', 'bench', 'scripts', 'bin'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|tsx|mjs)$/.test(name))
    .map((name) => posix.join(folder, name)),
);

test('every file imports only what the table lets it', () => {
  expect(sources.flatMap((file) => violations(file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
});

test('the launcher and the bin run with nothing installed', () => {
  const early = ['scripts/run.mjs', 'scripts/lock.mjs', 'bin/postroom.mjs'];
  const imports = early.flatMap((file) => importsOf(readFileSync(join(root, file), 'utf8')).map(({ specifier }) => specifier));
  expect(imports.filter((specifier) => !specifier.startsWith('node:') && specifier !== './lock.mjs')).toEqual([]);
});

test('an import is found in whatever form it stands', () => {
  const code = [
    "import { a } from './static.ts';",
    'import {',
    '  b,',
    "} from 'many-lines';",
    "import type { C } from '../type.ts';",
    "import 'for-its-effect';",
    "export * from './again.ts';",
    "export type { D } from './again-type.ts';",
    "const e = await import('dynamic'); type F = import('./in-a-type.ts').F;",
    "// import { g } from 'comment';",
    "/** import('doc') */",
    "const h = 'https://from'; const text = \"and mail from 'nobody'\";",
    "export const i = () => 'from';",
  ].join('\n');
  expect(importsOf(code).map(({ specifier, line }) => `${line} ${specifier}`)).toEqual([
    '1 ./static.ts',
    '2 many-lines',
    '5 ../type.ts',
    '6 for-its-effect',
    '7 ./again.ts',
    '8 ./again-type.ts',
    '9 dynamic',
    '9 ./in-a-type.ts',
  ]);
});

test.each([
  ['tui/app.tsx', "import type { Row } from '../daemon/store/sqlite.ts';"],
  ['daemon/service.ts', "import { h } from '../tui/theme.ts';"],
  ['demo/main.ts', "import { open } from '../daemon/open.ts';"],
  ['daemon/sync/plan.ts', "import { now } from 'node:perf_hooks';"],
  ['daemon/sync/planner.ts', "import { ImapFlow } from 'imapflow';"],
  ['daemon/sync/bulk.worker.ts', "const { ImapFlow } = await import('imapflow');"],
  ['daemon/directory/people.ts', "import { DatabaseSync } from 'node:sqlite';"],
  ['daemon/outbox/deliver.ts', "import SMTPConnection from 'nodemailer/lib/smtp-connection';"],
  ['tui/screens/panel.tsx', "import stringWidth from 'string-width';"],
  ['tui/client.tsx', "import { Command } from 'commander';"],
  ['lib/new.ts', ''],
])('%s may not say: %s', (file, code) => {
  expect(violations(file, code)).toHaveLength(1);
});

test.each([
  ['daemon/sync/imap.ts', "import { ImapFlow } from 'imapflow';"],
  ['daemon/outbox/smtp.ts', "import SMTPConnection from 'nodemailer/lib/smtp-connection';"],
  ['daemon/store/sqlite.ts', "import { DatabaseSync } from 'node:sqlite';"],
  ['tui/cli/program.ts', "import { Command } from 'commander';"],
  ['tui/screens/panel.tsx', "import { jsx } from 'react/jsx-runtime';"],
])('%s may say: %s', (file, code) => {
  expect(violations(file, code)).toEqual([]);
});

test('JSON that reaches a terminal or a log is made by safeJson', () => {
  const doors = sources.filter((file) => /^(tui\/cli|daemon\/main\.ts|tui\/audit-export)/.test(file));
  expect(doors.filter((file) => readFileSync(join(root, file), 'utf8').includes('JSON.stringify'))).toEqual([]);
});
