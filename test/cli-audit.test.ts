/** `postroom audit`: the contract, the exit codes, the files; verified as somebody outside would. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { at, cli, identityFile } from './support/cli.ts';
import { Failure } from './support/cli-contract.ts';
import { domain, startPostroom } from './support/postroom.ts';

/** The page of the contract, written down a second time. */
const row = z.object({
  seq: z.int().min(1),
  at: z.iso.datetime(),
  actor: z.string().nullable(),
  action: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
const Journal = z.object({ rows: z.array(row), next: z.string().nullable() });

test('audit: pages, filters, exports, verify; forbidden without audit.read', async () => {
  await using world = await startPostroom();
  await world.person('ben');
  const mailbox = await world.mailbox('support');
  await world.grant('ben', mailbox, { access: true });
  await world.grant('ben', mailbox, { access: true, send: true });
  await writeFile(identityFile(world.home, 'ben'), JSON.stringify(world.identity('ben')), { mode: 0o600 });
  const postroom = cli(world.home);

  const first = await postroom('audit', '--mailbox', mailbox, '--action', 'grant', '--limit', '1', '--json');
  const { rows, next } = Journal.parse(first.json);
  expect(rows.map(({ actor, action, subject }) => [actor, action, subject])).toEqual([['eva', 'grant.set', 'ben']]);
  const more = await postroom('audit', '--mailbox', mailbox, '--action', 'grant', '--limit', '1', '--cursor', next ?? '', '--json');
  expect(Journal.parse(more.json).rows[0]?.seq).toBeLessThan(rows[0]?.seq ?? 0);
  const inWords = await postroom('audit', '--person', 'ben', '--since', '2020-01-01', '--until', '2099-01-01');
  expect([inWords.code, inWords.err]).toEqual([0, '']);
  expect(inWords.out).toMatch(/eva +grant\.set +support@\S+ +gave ben Access \+ Send\n/);

  const refused = await postroom.as('ben')('audit', '--json');
  expect([refused.code, at(Failure.parse(refused.json), 'error', 'code')]).toEqual([3, 'forbidden']);
  expect(at(refused.json, 'error', 'message')).toContain('audit.read');
  expect((await postroom.as('ben')('audit', 'verify')).code).toBe(3);
  const wrong = await postroom('audit', '--limit', '5', '--export', 'csv');
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('--limit')]);
  expect((await postroom('audit', '--export', 'xml')).code).toBe(2);
  expect((await postroom('audit', '--export', 'jsonl', '--json')).code).toBe(2);
  expect((await postroom('audit', '--since', 'yesterday')).code).toBe(2);
  expect((await postroom('audit', '--person', 'nobody')).code).toBe(4);

  const streamed = await postroom('audit', '--export', 'jsonl');
  const lines = streamed.out
    .trimEnd()
    .split('\n')
    .map((line) => row.parse(JSON.parse(line)));
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, n) => n + 1));
  const file = join(world.home, 'journal.csv');
  const saved = await postroom('audit', '--export', 'csv', '--output', file, '--json');
  expect(saved.json).toMatchObject({ path: file, format: 'csv' });
  expect((await readFile(file, 'utf8')).split('\r\n')).toHaveLength(Number(at(saved.json, 'rows')) + 2);
  expect((await postroom('audit', '--export', 'csv', '--output', file)).code).toBe(2); // nothing is overwritten

  const whole = await postroom('audit', 'verify', '--json');
  expect([whole.code, at(whole.json, 'ok')]).toEqual([0, 'true']);
  const head = `${at(whole.json, 'head', 'seq')}:${at(whole.json, 'head', 'hash')}`;
  expect((await postroom('audit', 'verify', '--head', head)).out).toContain('whole');

  const db = new DatabaseSync(join(world.home, 'mail.db'), { timeout: 5_000 });
  db.exec(`DROP TRIGGER audit_fixed; UPDATE audit SET mailbox = 'sales@${domain}' WHERE seq = ${rows[0]?.seq ?? 0}`);
  db.close();
  const broken = await postroom('audit', 'verify');
  expect([broken.code, broken.out]).toEqual([1, expect.stringContaining(`Line ${rows[0]?.seq} does not say what was written`)]);
  const asJson = await postroom('audit', 'verify', '--json');
  expect([asJson.code, at(asJson.json, 'findings', 0, 'seq'), at(asJson.json, 'findings', 0, 'kind')]).toEqual([
    1,
    String(rows[0]?.seq),
    'changed',
  ]);
});
