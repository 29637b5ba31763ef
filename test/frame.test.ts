import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ClientFrame,
  conform,
  DaemonFrame,
  Malformed,
  pack,
  packText,
  readEnvelope,
  readJson,
  readParts,
  sizes,
  unpackRaw,
  writeEnvelope,
} from '../protocol/frame.ts';

describe('an envelope', () => {
  test('reads as it was written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('hello', 'welcome', 'refused', 'sealed'),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.maxSafeNat(),
        (kind, session, counter) => {
          expect(readEnvelope(writeEnvelope(kind, Buffer.from(session), counter))).toEqual({
            version: 1,
            kind,
            session: Buffer.from(session),
            counter,
          });
        },
      ),
    );
  });

  test('of anything else is malformed and nothing worse', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }), (parts) => {
        expect(() =>
          readParts(
            parts.map((part) => Buffer.from(part)),
            sizes.toDaemon,
          ),
        ).toThrow(Malformed);
      }),
      { numRuns: 1_000 },
    );
  });

  test('carries one body, of bounded length', () => {
    const envelope = writeEnvelope('sealed');
    expect(readParts([envelope, Buffer.alloc(100)], 100).body).toHaveLength(100);
    expect(() => readParts([envelope, Buffer.alloc(100 + sizes.seal + 1)], 100)).toThrow(Malformed);
    expect(() => readParts(Array(100_000).fill(envelope), 100)).toThrow(Malformed);
  });
});

describe('a body', () => {
  test('unpacks as it was packed', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.uint8Array(), (params, chunk) => {
        fc.pre(!JSON.stringify(params).includes('__proto__'));
        const { frame, chunk: got } = unpackRaw(pack({ t: 'ask', id: 1, method: 'm', params }, chunk));
        // Through JSON, which knows no -0.
        expect(conform(ClientFrame, frame)).toEqual({ t: 'ask', id: 1, method: 'm', params: JSON.parse(JSON.stringify(params)) });
        expect(got).toEqual(Buffer.from(chunk));
      }),
    );
  });

  test('of random octets is malformed and nothing worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        expect(() => conform(ClientFrame, unpackRaw(Buffer.from(octets)).frame)).toThrow(Malformed);
        expect(() =>
          conform(DaemonFrame, unpackRaw(Buffer.concat([Buffer.from([0, 0, 0, octets.length]), Buffer.from(octets)])).frame),
        ).toThrow(Malformed);
      }),
      { numRuns: 1_000 },
    );
  });

  const refused: Record<string, string> = {
    'nested too deep': `${'['.repeat(33)}${']'.repeat(33)}`,
    'nested far too deep': '{"a":'.repeat(100_000),
    'a prototype key': '{"params":{"__proto__":{"x":1}}}',
    'an escaped prototype key': '{"params":[{"\\u005F_proto\\u005f_":1}]}',
    'cut off': '{"t":"ping"',
    'two values': '{} {}',
    nothing: '  ',
  };
  for (const [name, text] of Object.entries(refused)) {
    test(`with a header that is ${name} is malformed`, () => expect(() => unpackRaw(packText(text))).toThrow(Malformed));
  }

  test('of bad UTF-8 is malformed', () => expect(() => readJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toThrow(Malformed));

  test('may speak of prototypes and brackets', () => {
    for (const text of ['__proto__', '\\u005f', '[[[['.repeat(50), '\\"[', '"]'])
      expect(readJson(Buffer.from(JSON.stringify({ text })))).toEqual({ text });
  });

  test('with an unknown field is refused by the daemon, ignored by a client', () => {
    expect(() => conform(ClientFrame, { t: 'ping', extra: 1 })).toThrow(Malformed);
    expect(conform(DaemonFrame, { t: 'alive', extra: 1 })).toEqual({ t: 'alive' });
  });
});
