import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { signTicket, type TicketClaims, verifyTicket } from '../../../src/identity/tickets.ts';

const SECRET = new Secret('cluster');
const CLAIMS: TicketClaims = { use: 'read', stream: '1_2_a_main', task: 'push-x', epoch: 5, expires: 1000 };
const CHECK = { use: 'read', stream: '1_2_a_main', nowMs: 999_000 } as const;

describe('tickets', () => {
  it('give back their claims until they expire', () => {
    const ticket = signTicket(SECRET, CLAIMS);
    expect(verifyTicket(SECRET, ticket, CHECK)).toEqual(CLAIMS);
    expect(() => verifyTicket(SECRET, ticket, { ...CHECK, nowMs: 1_000_001 })).toThrowError(
      expect.objectContaining({ code: 'ticket-expired' }),
    );
  });

  it('are refused for another use, another stream and under another secret', () => {
    const ticket = signTicket(SECRET, CLAIMS);
    expect(() => verifyTicket(SECRET, ticket, { ...CHECK, use: 'publish' })).toThrowError(/not publish/);
    expect(() => verifyTicket(SECRET, ticket, { ...CHECK, stream: '1_2_b_main' })).toThrowError(
      /another stream/,
    );
    expect(() => verifyTicket(new Secret('x'), ticket, CHECK)).toThrowError(/not ours/);
  });

  it('are refused with any character changed, added or cut off', () => {
    const ticket = signTicket(SECRET, CLAIMS);
    const refused = expect.objectContaining({ code: 'ticket-invalid' });
    for (let at = 0; at < ticket.length; at += 1) {
      for (const char of ['', 'A', 'B', 'x', '.', '_', '%', `${ticket[at]}${ticket[at]}`]) {
        const other = ticket.slice(0, at) + char + ticket.slice(at + 1);
        if (other !== ticket) expect(() => verifyTicket(SECRET, other, CHECK), other).toThrow(refused);
      }
    }
    for (const more of ['.', '=', '.x', `.${ticket}`]) {
      expect(() => verifyTicket(SECRET, ticket + more, CHECK), more).toThrow(refused);
    }
  });

  it.each(['', '.', 'a.b', 'a'.repeat(5000), '{}'])('are refused with one error when they are %j', (text) => {
    expect(() => verifyTicket(SECRET, text, CHECK)).toThrowError(
      expect.objectContaining({ code: 'ticket-invalid' }),
    );
  });
});
