import { describe, expect, it } from 'vitest';
import { destinationAdvice } from '../../../../src/domain/push/advice.ts';
import { retryClass } from '../../../../src/domain/push/retry-policy.ts';
import { type LinkStage, linkEnd, linkError } from '../../../../src/media/rtmp/connection-errors.ts';

const SECRET = 'stream-key-1';
const TCP: LinkStage = { step: 'tcp', phase: 'handshake', isSecure: false };
const TLS: LinkStage = { step: 'tls', phase: 'handshake', isSecure: true };

function at(phase: LinkStage['phase'], isSecure = false): LinkStage {
  return { step: 'session', phase, isSecure };
}

function cause(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code} of ${SECRET}`), { code });
}

function several(...codes: string[]): NodeJS.ErrnoException {
  return Object.assign(new AggregateError(codes.map(cause)), { code: codes[0] });
}

describe('an error of a connection', () => {
  for (const [error, stage, code, kind] of [
    [cause('ENOTFOUND'), TCP, 'name-not-found', 'network'],
    [cause('EAI_AGAIN'), TCP, 'name-not-found', 'network'],
    [cause('ECONNREFUSED'), TCP, 'connection-refused', 'network'],
    [cause('ETIMEDOUT'), TCP, 'timeout', 'network'],
    [cause('EHOSTUNREACH'), TCP, 'unreachable', 'network'],
    [several('ENETUNREACH', 'ECONNREFUSED'), TCP, 'connection-refused', 'network'],
    [several('ENETUNREACH', 'ETIMEDOUT'), TCP, 'timeout', 'network'],
    [cause('ERR_SSL_WRONG_VERSION_NUMBER'), TLS, 'tls-failed', 'network'],
    [cause('ECONNRESET'), TLS, 'tls-failed', 'network'],
    [cause('CERT_HAS_EXPIRED'), TLS, 'certificate-refused', 'refused'],
    [cause('ERR_TLS_CERT_ALTNAME_INVALID'), TLS, 'certificate-refused', 'refused'],
    [cause('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), at('handshake', true), 'tls-failed', 'network'],
    [cause('ECONNRESET'), at('handshake'), 'handshake-failed', 'network'],
    [cause('ECONNRESET'), at('connect'), 'app-refused', 'refused'],
    [cause('EPIPE'), at('publish'), 'key-refused', 'refused'],
    [cause('ETIMEDOUT'), at('publish'), 'timeout', 'network'],
    [cause('ECONNRESET'), at('live', true), 'closed-by-peer', 'network'],
  ] as const) {
    it(`at ${stage.step}, ${stage.phase}: ${error.code} is ${code}, and nothing of its text is repeated`, () => {
      const told = linkError(error, stage);
      expect([told.code, retryClass(told.code)]).toEqual([code, kind]);
      expect(told.message).not.toContain(SECRET);
    });
  }
});

describe('the end of a connection', () => {
  for (const [stage, code] of [
    [TLS, 'tls-failed'],
    [at('handshake'), 'handshake-failed'],
    [at('connect'), 'app-refused'],
    [at('publish'), 'key-refused'],
  ] as const) {
    it(`before the stream was accepted at ${stage.step}, ${stage.phase} is ${code}`, () => {
      expect(linkEnd(stage).code).toBe(code);
    });
  }
});

describe('the advice for a destination', () => {
  it('is one of its own for each way that it can fail', () => {
    const codes = [
      'bad-request',
      'name-not-found',
      'connection-refused',
      'tls-failed',
      'certificate-refused',
      'handshake-failed',
      'app-refused',
      'login-refused',
      'key-refused',
      'closed-by-peer',
      'timeout',
    ];
    expect(new Set(codes.map(destinationAdvice)).size).toBe(codes.length);
    expect(destinationAdvice('unreachable')).toBe(destinationAdvice('timeout'));
    expect(codes.map(destinationAdvice)).not.toContain(destinationAdvice('internal'));
  });
});
