/** The newest 50 and the count, over the protocol, beside `notmuch search --limit=50` on the same mails. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '../test/support/tempdir.ts';
import { ms, print, quantiles, ratio, timed } from './figures.ts';
import { filledHome } from './home.ts';
import { address, only, order, words } from './mails.ts';
import { missing, notmuch } from './peers.ts';

const count = 2_000;
const runs = 40;
const peerRuns = 10;

/** Both programs understand each of them alike. */
const queries = {
  'in one mail': only(17),
  'in every twentieth': words.some,
  'in every mail': words.every,
  'two words': `${words.some} ${words.few}`,
  'from one of 500': 'from:c42',
  'a beginning': 'ref*',
} as const;

export async function search(): Promise<void> {
  const { daemon, ms: seeding } = await filledHome(count, order);
  await using _ = daemon;
  print('mails', `${count}, put into the store in ${ms(seeding)}`);
  const peer = await indexed();
  if ('without' in peer) print('left out', `notmuch: not installed (${peer.without})`);
  await using directory = 'without' in peer ? null : peer.directory;
  if (!('without' in peer)) {
    print('notmuch new of the same mails', `${ms(peer.indexing)}  (ours: ${ratio(seeding, peer.indexing)})`);
    print('notmuch --version: the start of a process', ms(peer.start));
  }

  const client = await daemon.connect();
  for (const [name, query] of Object.entries(queries)) {
    const ask = () => client.call('search.run', { query });
    const { total, exact, rows } = await ask();
    const ours = quantiles(await timed(runs, ask));
    const found = `${rows.length} of ${total}${exact ? '' : '+'}`;
    let beside = '';
    if (!('without' in peer)) {
      const theirs = quantiles(await timed(peerRuns, () => peer.run('search', '--limit=50', '--', query))).p50;
      const fits = Number(await peer.run('count', '--', query));
      if (exact && fits !== total) throw new Error(`${query}: ${total} mails here, ${fits} for notmuch`);
      beside = `; notmuch ${ms(theirs)}  (${ratio(ours.p50, theirs)})`;
    }
    print(`${name}: ${query}`, `${found}: p50 / p95 ${ms(ours.p50)} / ${ms(ours.p95)}${beside}`);
  }
  await client.close();
  await directory?.[Symbol.asyncDispose]();
}

/** A maildir of the same mails, indexed. */
async function indexed() {
  const [without] = missing('notmuch');
  if (without !== undefined) return { without };
  const directory = await tempDir();
  const mails = join(directory.path, 'mail', 'cur');
  for (const folder of ['cur', 'new', 'tmp']) await mkdir(join(directory.path, 'mail', folder), { recursive: true });
  for (let n = 0; n < count; n++) await writeFile(join(mails, `${n}.bench:2,`), order(n));
  const run = await notmuch(directory.path, address);
  const [indexing = 0] = await timed(1, () => run('new', '--quiet'));
  const start = quantiles(await timed(peerRuns, () => run('--version'))).p50;
  return { directory, run, indexing, start };
}
