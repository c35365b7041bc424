import { expect, it } from 'vitest';
import { assertAdmin } from '../../../../src/api/operator/admin-token.ts';
import { Secret } from '../../../../src/domain/secret.ts';

const TOKEN = new Secret('admin-token');

it('lets the token in, however the scheme is written', () => {
  expect(() => assertAdmin(TOKEN, 'Bearer admin-token')).not.toThrow();
  expect(() => assertAdmin(TOKEN, 'bearer  admin-token')).not.toThrow();
});

it.each([
  undefined,
  '',
  'Bearer ',
  'Bearer admin-toke',
  'Bearer admin-token2',
  'Basic admin-token',
  'admin-token',
])('refuses %s without telling it', (header) => {
  expect(() => assertAdmin(TOKEN, header)).toThrow(
    expect.objectContaining({ code: 'unauthorized', message: expect.not.stringContaining(TOKEN.reveal()) }),
  );
});
