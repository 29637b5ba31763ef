/** Octets of uploads in memory: bounded for each person and for all, first come first served, and an upload that stops gives its room back. */
import { expect, test } from 'vitest';
import { UploadRoom } from '../daemon/service/upload-room.ts';
import { eventually } from './support/eventually.ts';
import { outcome, startPostroom } from './support/postroom.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Asks for room, and notes the name when it is given. */
function asking(room: UploadRoom) {
  const admitted: string[] = [];
  const held = new Map<string, Disposable>();
  return {
    admitted,
    ask: (name: string, person: string, octets: number) =>
      void room.take(person, octets).then((given) => {
        admitted.push(name);
        held.set(name, given);
      }),
    end: (name: string) => held.get(name)?.[Symbol.dispose](),
  };
}

test('a person waits for their own uploads, and keeps nobody else waiting', async () => {
  const room = new UploadRoom({ perPersonOctets: 10, totalOctets: 25, stallMs: 1_000 });
  const { ask, end, admitted } = asking(room);
  ask('ben 1', 'ben', 6);
  ask('ben 2', 'ben', 6);
  ask('li 1', 'li', 9);
  ask('kim 1', 'kim', 9); // all together there is room for 25
  ask('eva 1', 'eva', 9);
  ask('without files', 'ben', 0);
  await tick();
  expect(admitted).toEqual(['without files', 'ben 1', 'li 1', 'kim 1']);
  end('li 1');
  await tick();
  expect(admitted.slice(4)).toEqual(['eva 1']);
  end('ben 1');
  await tick();
  expect(admitted.slice(5)).toEqual(['ben 2']);
});

test('what is larger than the room goes alone, and is not overtaken for ever', async () => {
  const room = new UploadRoom({ perPersonOctets: 10, totalOctets: 20, stallMs: 1_000 });
  const { ask, end, admitted } = asking(room);
  ask('small', 'ben', 5);
  ask('huge', 'li', 30);
  ask('late', 'kim', 5);
  await tick();
  expect(admitted).toEqual(['small']);
  end('small');
  await tick();
  expect(admitted).toEqual(['small', 'huge']);
  end('huge');
  await tick();
  expect(admitted).toEqual(['small', 'huge', 'late']);
});

test('an upload that stops is ended with the reason', async () => {
  const room = new UploadRoom({ perPersonOctets: 10, totalOctets: 20, stallMs: 20 });
  async function* stops() {
    yield new Uint8Array(3);
    await new Promise(() => {});
  }
  const read: number[] = [];
  const reading = (async () => {
    for await (const chunk of room.read(stops())) read.push(chunk.byteLength);
  })();
  await expect(reading).rejects.toThrow('The upload stopped');
  expect(read).toEqual([3]);
});

test('through the protocol: what does not fit beside the uploads of its person is not asked for, and others send meanwhile', async () => {
  await using postroom = await startPostroom();
  await postroom.person('ben');
  const support = await postroom.mailbox('support');
  await postroom.grant('ben', support, { send: true });
  const size = 25_000_000;
  const what = (name: string) => ({
    from: support,
    to: support,
    subject: name,
    body: 'x',
    attachments: [{ filename: 'a.bin', sizeOctets: size }],
    holdMs: 600_000,
  });
  const started: string[] = [];
  const gate = Promise.withResolvers<void>();
  async function* held(name: string) {
    started.push(name);
    yield Buffer.alloc(size - 1);
    await gate.promise;
    yield Buffer.alloc(1);
  }
  const ben = await postroom.as('ben');
  const uploads = ['1', '2', '3'].map((name) => outcome(ben.call('outbox.send', what(name), { upload: held(name), timeoutMs: 60_000 })));
  await eventually(() => expect(started).toEqual(['1', '2']));
  const eva = await postroom.as('eva');
  expect(await outcome(eva.call('outbox.send', what('eva'), { upload: [Buffer.alloc(size)], timeoutMs: 60_000 }))).toBe('yes');
  expect(started).toEqual(['1', '2']);
  gate.resolve();
  expect(await Promise.all(uploads)).toEqual(['yes', 'yes', 'yes']);
  expect(started).toEqual(['1', '2', '3']);
});
