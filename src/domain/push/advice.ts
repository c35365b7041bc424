import type { ErrorCode } from '../errors.ts';

const NO_ANSWER = 'Check host and port in the URL, and that no firewall on the way holds them back.';
const AS_SHOWN = "Copy server and stream key once more from the platform's page, as they are shown there.";

/** What to do about a destination that cannot be published to, by why it cannot. */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  'bad-request':
    'Write the URL as rtmp://HOST[:PORT]/APPLICATION/KEY, or with rtmps:// where the platform says so.',
  'name-not-found': "Check the spelling of the host, and whether this machine's name servers work.",
  'connection-refused':
    'Check the port, 1935 for rtmp and 443 for rtmps without one, and that the server runs.',
  unreachable: NO_ANSWER,
  timeout: NO_ANSWER,
  'tls-failed': 'Use rtmp:// where the server has no TLS, or the port that it has TLS on, most often 443.',
  'certificate-refused':
    "Use the name the certificate was made for, let the server's owner renew it, or name a private authority's certificate in ROOMCAST_CA_FILE.",
  'handshake-failed':
    'Check that the port is one for RTMP: web pages and SRT have others, and with TLS the URL begins with rtmps://.',
  'app-refused': `Check the part of the URL between host and key. ${AS_SHOWN}`,
  'login-refused':
    'Write user and password into the URL, rtmp://USER:PASSWORD@HOST/...; @ : / and % in them as %40 %3A %2F and %25.',
  'key-refused': `${AS_SHOWN} Where a stream with that key is on the air already, end it first.`,
  'closed-by-peer': "Look at the platform's page: it ended the stream, or says why it does not begin.",
};

/** One sentence or two for people. */
export function destinationAdvice(code: string): string {
  const known: Readonly<Record<string, string>> = ADVICE;
  return known[code] ?? 'Try again; the log of roomcast may tell more.';
}
