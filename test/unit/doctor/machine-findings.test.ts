import { describe, expect, it } from 'vitest';
import { nodeFinding } from '../../../src/doctor/machine-findings.ts';

describe('doctor', () => {
  it.each([
    ['20.18.3', false],
    ['20.19.0', true],
    ['22.0.0', true],
    ['18.20.0', false],
  ])('judges Node %s', (version, ok) => {
    expect(nodeFinding(version).ok).toBe(ok);
  });
});
