import { describe, expect, it } from 'vitest';
import { toGatewayError } from '../../../src/domain/errors.ts';
import { REQUEST_TYPES, type RequestType } from '../../../src/signalling/protocol-requests.ts';
import { assertMakesSense, type Phase, phaseOf } from '../../../src/signalling/session-state.ts';

function refusal(phase: Phase, type: RequestType): string | null {
  try {
    assertMakesSense(phase, type);
    return null;
  } catch (error) {
    return toGatewayError(error).code;
  }
}

describe('the state of a connection', () => {
  it.each([
    [{ login: null, room: null }, 'connected'],
    [{ login: {}, room: null }, 'logged-in'],
    [{ login: {}, room: {} }, 'in-room'],
  ] as const)('of %o is %s', (has, phase) => {
    expect(phaseOf(has)).toBe(phase);
  });

  it('lets nobody do anything but log in before the login', () => {
    const allowed = REQUEST_TYPES.filter((type) => refusal('connected', type as RequestType) === null);
    expect(allowed).toEqual(['login', 'ping']);
    expect(refusal('connected', 'enter')).toBe('unauthorized');
  });

  it('wants a room for what is done in one', () => {
    const refused = REQUEST_TYPES.filter((type) => refusal('logged-in', type as RequestType) === 'conflict');
    expect(refused).toEqual([
      ...['login', 'leave', 'switchRole', 'switchRoleName', 'publish', 'media', 'level'],
      ...['renewTicket', 'play', 'snapshot'],
    ]);
  });

  it('lets a member do all but log in again', () => {
    const refused = REQUEST_TYPES.filter((type) => refusal('in-room', type as RequestType) !== null);
    expect(refused).toEqual(['login']);
  });
});
