/**
 * A disk that runs full: first by mail, then by somebody else. Reads go on, what goes out and rights have their kept room, and then say
 * why not; when there is room everything goes on by itself. Only root can mount a small disk: elsewhere this is skipped, and its name
 * says why.
 */
import { execFile } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PostroomError } from '../../protocol/errors.ts';
import { mail } from '../support/message.ts';
import { startPostroom } from '../support/postroom.ts';
import { type TempDir, tempDir } from '../support/tempdir.ts';

const run = promisify(execFile);
const MB = 1024 * 1024;

/** A disk of its own for one test; null where this account may mount none. */
async function smallDisk(megabytes: number): Promise<TempDir | null> {
  const dir = await tempDir();
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', dir.path]);
  } catch {
    await dir[Symbol.asyncDispose]();
    return null;
  }
  return {
    path: dir.path,
    async [Symbol.asyncDispose]() {
      await run('umount', [dir.path]);
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function canMount(): Promise<boolean> {
  const disk = await smallDisk(1);
  await disk?.[Symbol.asyncDispose]();
  return disk !== null;
}

const freeOctets = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
};

/** Takes every octet that is left. */
function fill(file: string): void {
  const fd = openSync(file, 'w');
  try {
    for (const size of [MB, 4_096, 1]) {
      const block = Buffer.alloc(size, 1);
      try {
        for (;;) writeSync(fd, block);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Octets that no compression makes smaller. */
const picture = (size: number): Buffer => {
  const octets = Buffer.alloc(size);
  let state = 1;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    octets[at] = state >>> 24;
  }
  return octets;
};

/** `done`, or the code and the words of the refusal. */
async function said(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'done';
  } catch (error) {
    if (error instanceof PostroomError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

test.skipIf(!(await canMount()))(
  'a full disk: reads go on, the rest says why not, and all goes on when there is room [needs root: it mounts a small disk]',
  async () => {
    const directory = await smallDisk(40);
    if (directory === null) throw new Error('a small disk could be mounted before, and cannot now');
    await using postroom = await startPostroom({ directory });
    const support = await postroom.mailbox('support');
    await postroom.person('ben');
    const eva = await postroom.as('eva');
    const send = (subject: string, octets = 0) => {
      const attached = octets === 0 ? [] : [{ filename: 'a.bin', sizeOctets: octets }];
      return eva.call(
        'outbox.send',
        { from: support, to: support, subject, body: 'Yes.', attachments: attached, at: '2099-01-01T00:00:00Z' },
        octets === 0 ? {} : { upload: [picture(octets)] },
      );
    };
    let maySend = false;
    /** Another content each time: what is the same is not written. */
    const grant = () => {
      maySend = !maySend;
      return eva.call('grant.set', { mailbox: support, grantee: 'ben', access: true, send: maySend, setup: false });
    };
    const read = async (): Promise<string[]> => {
      const { rows } = await eva.call('conversation.list', { mailbox: support, limit: 50 });
      const [row] = rows;
      if (row !== undefined) await eva.call('conversation.show', { conversation: row.conversation });
      return rows.map(({ subject }) => subject);
    };

    // Mail with attachments comes in until no more is taken; its senders keep it.
    const attachment = picture(3 * MB)
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n');
    let taken = 0;
    const refusal = await (async () => {
      for (; ; taken++) {
        const more = mail({
          from: 'jane@customer.example',
          to: support,
          subject: `mail ${taken}`,
          messageId: `m${taken}@customer.example`,
          text: `${taken}\r\n${attachment}`,
        });
        try {
          await postroom.deliver(support, more);
        } catch (error) {
          return String(error);
        }
      }
    })();
    expect(refusal).toContain('452');
    expect(taken).toBeGreaterThan(2);
    expect(await freeOctets(directory.path)).toBeGreaterThan(12 * MB);
    expect((await read()).length).toBe(taken);
    const findings = (await eva.call('daemon.doctor', {})).findings.filter(({ code }) => code === 'disk-full');
    expect(findings.length).toBe(1);

    // What goes out and rights have the room that was kept.
    expect([await said(send('small')), await said(send('with a picture', MB)), await said(grant())]).toEqual(['done', 'done', 'done']);
    expect(await said(send('too large now', 12 * MB))).toMatch(/^unavailable: The disk is full\. This mail was not queued.*make some/);

    // Somebody else takes the rest.
    const filler = join(directory.path, 'filler');
    fill(filler);
    expect(await freeOctets(directory.path)).toBe(0);
    const known = await read();
    expect(known.length).toBe(taken + 2);
    expect(await said(send('no room'))).toMatch(/^unavailable: The disk is full/);
    expect(await said(grant())).toMatch(/^unavailable: The change could not be written \(ENOSPC\); see to the disk, then repeat\./);
    expect(await read()).toEqual(known);

    await rm(filler);
    expect([await said(grant()), await said(send('room again'))]).toEqual(['done', 'done']);
    expect((await read()).length).toBe(known.length + 1);
    const { rows } = await eva.call('outbox.list', { limit: 50 });
    expect(rows.map(({ subject }) => subject)).toEqual(['room again', 'with a picture', 'small']);

    // And after a restart: what was promised is there, nothing else.
    await postroom.stopDaemon();
    await postroom.startDaemon();
    expect(await postroom.daemon.world.store.checkPacks()).toEqual([]);
    expect(
      postroom.daemon.world.directory.snapshot().directory.grants.filter(({ grantee }) => grantee.kind === 'person').length,
    ).toBeGreaterThan(0);
  },
);
