import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { seal, unseal } from '../../../src/identity/seal.ts';

const CLUSTER = new Secret('cluster');

describe('sealed secrets', () => {
  it('open under the cluster secret that sealed them, and differ each time', () => {
    const plain = new Secret('rtmp://host/app/key?x=1');
    const first = seal(CLUSTER, plain);
    expect(unseal(CLUSTER, first).reveal()).toBe(plain.reveal());
    expect(seal(CLUSTER, plain)).not.toBe(first);
    expect(first).not.toContain('key');
  });

  it('do not open under another cluster secret or when one character changed', () => {
    const sealed = seal(CLUSTER, new Secret('hello'));
    expect(() => unseal(new Secret('other'), sealed)).toThrowError(/cannot be opened/);
    for (let i = 0; i < sealed.length; i += 1) {
      const other = sealed[i] === 'A' ? 'B' : 'A';
      const damaged = sealed.slice(0, i) + other + sealed.slice(i + 1);
      let opened: string | null = null;
      try {
        opened = unseal(CLUSTER, damaged).reveal();
      } catch (error) {
        expect(error).toMatchObject({ code: 'internal' });
      }
      // The last base64 character carries unused bits: it may change without changing a byte.
      if (opened !== null) expect(i).toBe(sealed.length - 1);
    }
  });

  it('never print themselves', () => {
    const secret = new Secret('visible?');
    expect(`${secret} ${JSON.stringify({ secret })}`).not.toContain('visible');
  });
});
