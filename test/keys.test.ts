import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { PostroomError } from '../protocol/errors.ts';
import {
  decodeInvitation,
  decodeZ85,
  encodeInvitation,
  encodeZ85,
  fingerprint,
  newKeyPair,
  privateKeyOf,
  readIdentity,
  writeIdentity,
} from '../protocol/keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof PostroomError) return error.code;
    throw error;
  }
  return 'ok';
};

describe('a key', () => {
  test('is spelled as ZeroMQ spells it', () => {
    // The example of RFC 32.
    expect(encodeZ85(Buffer.from('864fd26fb559f75b', 'hex'))).toBe('HelloWorld');
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (octets) => {
        expect(decodeZ85(encodeZ85(octets))).toEqual(Buffer.from(octets));
      }),
    );
    for (const text of ['#####', 'Hell', 'He\u00e4lo', 'He lo', '"ello']) expect(decodeZ85(text)).toBeUndefined();
  });

  test('has halves that belong together', () => {
    for (let i = 0; i < 20; i++) privateKeyOf(newKeyPair());
    expect(codeOf(() => privateKeyOf({ ...newKeyPair(), publicKey: newKeyPair().publicKey }))).toBe('invalid');
  });

  test('has a fingerprint that people can read out', () => {
    expect(fingerprint('Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID')).toMatch(/^([A-Z2-7]{5}-){3}[A-Z2-7]{5}$/);
    expect(fingerprint('Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID')).toBe(fingerprint('Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'));
    expect(new Set(Array.from({ length: 100 }, () => fingerprint(newKeyPair().publicKey))).size).toBe(100);
  });
});

describe('an identity file', () => {
  const identity = () => ({ person: 'ada', endpoint: 'ipc:///run/d.sock', daemonKey: newKeyPair().publicKey, ...newKeyPair() });

  test('is its owner alone, whole, and never overwritten unasked', () => {
    const path = join(folder, 'new', 'identity.json');
    const mine = identity();
    writeIdentity(path, mine);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readIdentity(path)).toEqual(mine);
    expect(codeOf(() => writeIdentity(path, identity()))).toBe('conflict');
    expect(readIdentity(path)).toEqual(mine);
    const other = identity();
    writeIdentity(path, other, { replace: true });
    expect(readIdentity(path)).toEqual(other);
    expect(readdirSync(join(folder, 'new'))).toEqual(['identity.json']);
  });

  test('is refused when others can read it, when it is a link, or is something else', () => {
    const path = join(folder, 'identity.json');
    expect(readIdentity(path)).toBeNull();
    writeIdentity(path, identity());
    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      chmodSync(path, mode);
      expect(codeOf(() => readIdentity(path))).toBe('invalid');
    }
    chmodSync(path, 0o600);
    symlinkSync(path, join(folder, 'link.json'));
    expect(codeOf(() => readIdentity(join(folder, 'link.json')))).toBe('invalid');
    const swapped = { ...identity(), publicKey: newKeyPair().publicKey };
    for (const text of [
      '',
      '{}',
      'null',
      readFileSync(path, 'utf8').slice(0, -10),
      JSON.stringify(swapped),
      JSON.stringify({ ...identity(), more: 1 }),
    ]) {
      writeFileSync(path, text);
      expect(codeOf(() => readIdentity(path))).toBe('invalid');
    }
  });
});

describe('an invitation', () => {
  const invitation = () => ({ endpoint: 'tcp://mail.example.org:4120', daemonKey: newKeyPair().publicKey, ...newKeyPair() });

  test('is one token that survives being copied', () => {
    for (let i = 0; i < 20; i++) {
      const one = invitation();
      const text = encodeInvitation(one);
      expect(text).toMatch(/^postroom1\.[\w-]{100,200}$/);
      expect(decodeInvitation(`  ${text}\n`)).toEqual(one);
    }
  });

  test('that was cut or mistyped says so', () => {
    const text = encodeInvitation(invitation());
    for (let i = 0; i < text.length; i++) expect(codeOf(() => decodeInvitation(text.slice(0, i)))).toBe('invalid');
    for (let i = 0; i < text.length - 1; i++) {
      const wrong = `${text.slice(0, i)}${text[i] === 'x' ? 'y' : 'x'}${text.slice(i + 1)}`;
      expect(codeOf(() => decodeInvitation(wrong))).toBe('invalid');
    }
  });
});
