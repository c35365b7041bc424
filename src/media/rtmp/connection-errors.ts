import { type ErrorCode, GatewayError } from '../../domain/errors.ts';
import type { SessionPhase } from './session.ts';

/** Where the way to an accepted stream stands, in order; `tls` only for rtmps. */
export type OpenStep = 'name' | 'tcp' | 'tls' | 'handshake' | 'connect' | 'publish';

export function destinationError(code: ErrorCode, message: string, cause?: unknown): GatewayError {
  return new GatewayError(code, message, { blame: 'destination', retry: 'later', cause });
}

function refusedError(code: ErrorCode, message: string, reason = 'none'): GatewayError {
  return new GatewayError(code, message, { blame: 'destination', retry: 'never', context: { reason } });
}

/** Where several addresses were tried the most telling failure counts: one that listens nowhere says so. */
function tellingCode(cause: NodeJS.ErrnoException): string {
  const each = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = each.map((error) => (error as NodeJS.ErrnoException).code ?? 'error');
  return ['ECONNREFUSED', 'ETIMEDOUT'].find((code) => codes.includes(code)) ?? codes[0] ?? 'error';
}

/** What the system said on the way to a TCP connection; addresses stay out of the text. */
function networkError(cause: NodeJS.ErrnoException): GatewayError {
  const code = tellingCode(cause);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'ENODATA':
      return destinationError('name-not-found', 'the host name cannot be resolved', cause);
    case 'ECONNREFUSED':
      return destinationError('connection-refused', 'nothing listens on that port', cause);
    case 'ETIMEDOUT':
      return destinationError('timeout', 'the server does not answer', cause);
    default:
      return destinationError('unreachable', `the server cannot be reached (${code})`, cause);
  }
}

/** What is wrong with a certificate, by the code OpenSSL or Node gives it. */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate comes from an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT: "the server's certificate comes from an authority that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the server's certificate comes from an authority that is not trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the server's certificate comes from an authority that is not trusted here",
  CERT_UNTRUSTED: "the server's certificate comes from an authority that is not trusted here",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name than the URL's",
  CERT_REVOKED: "the server's certificate was revoked",
  CERT_SIGNATURE_FAILURE: "the server's certificate is damaged",
  CERT_CHAIN_TOO_LONG: "the server's certificate has too long a chain of authorities",
  PATH_LENGTH_EXCEEDED: "the server's certificate has too long a chain of authorities",
  INVALID_CA: "the server's certificate was signed by one that is no authority",
  INVALID_PURPOSE: "the server's certificate is not meant for servers",
};

/** Why TLS could not be set up over a TCP connection; Node's error quotes the peer's certificate, so it stays out. */
function tlsError({ code = 'error' }: NodeJS.ErrnoException): GatewayError {
  const fault = Object.hasOwn(CERTIFICATE_FAULTS, code) ? CERTIFICATE_FAULTS[code] : undefined;
  if (fault !== undefined) return refusedError('certificate-refused', fault, code);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return destinationError('tls-failed', 'the server does not speak TLS on that port');
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return tlsClosed();
  return destinationError('tls-failed', `TLS with the server failed (${code})`);
}

/** The server ended the connection instead of answering in TLS. */
function tlsClosed(): GatewayError {
  return destinationError('tls-failed', 'the server closed the connection instead of speaking TLS');
}

/** What it means that the server closed the connection before the stream was accepted. */
function earlyClose(phase: SessionPhase): GatewayError {
  if (phase === 'handshake') {
    return destinationError('handshake-failed', 'the server closed during the handshake');
  }
  if (phase === 'connect') return refusedError('app-refused', 'the server closed on the application');
  return refusedError('key-refused', 'the server closed on the stream key');
}

/** How far a connection has come. */
export interface LinkStage {
  readonly step: 'tcp' | 'tls' | 'session';
  readonly phase: SessionPhase;
  readonly isSecure: boolean;
}

/** What an error of the socket means at that stage. */
export function linkError(cause: NodeJS.ErrnoException, { step, phase, isSecure }: LinkStage): GatewayError {
  const code = cause.code ?? 'error';
  if (step === 'tcp') return networkError(cause);
  if (step === 'tls') return tlsError(cause);
  if (phase === 'live') {
    return destinationError('closed-by-peer', `the connection was lost (${code})`, cause);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return earlyClose(phase);
  // TLS 1.3 refuses after its handshake: what comes then is still an answer to it.
  return isSecure && code.startsWith('ERR_SSL_') ? tlsError(cause) : networkError(cause);
}

/** What it means that the server ended the connection at that stage, before the stream was accepted. */
export function linkEnd({ step, phase }: LinkStage): GatewayError {
  return step === 'tls' ? tlsClosed() : earlyClose(phase);
}
