import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate with its key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A certificate of that authority for a server. */
  issue(wish: CertificateWish): Certificate;
}

interface CertificateWish {
  /** DNS names and IPv4 addresses. */
  readonly names: readonly string[];
  /** Days from now; valid from yesterday for a month by default. */
  readonly fromDays?: number;
  readonly untilDays?: number;
}

interface Party {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const DAY_MS = 86_400_000;
const ECDSA_SHA256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const ALT_NAMES = Buffer.from('0603551d11', 'hex');
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');
const TRUE = Buffer.from('0101ff', 'hex');

/** One value of DER (X.690). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const head = [tag, ...(length < 0x80 ? [length] : long)];
  return Buffer.concat([Buffer.from(head), body]);
}

function distinguishedName(name: string): Buffer {
  return der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from(name)))));
}

function time(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(0x17, Buffer.from(text.slice(2)));
}

function altName(name: string): Buffer {
  return isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name));
}

function newParty(name: string): Party {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

function certify(
  issuer: Party,
  subject: Party,
  wish: CertificateWish & { readonly isAuthority: boolean },
): string {
  const extensions = [
    ...(wish.names.length > 0
      ? [der(0x30, ALT_NAMES, der(0x04, der(0x30, ...wish.names.map(altName))))]
      : []),
    der(0x30, BASIC_CONSTRAINTS, TRUE, der(0x04, der(0x30, ...(wish.isAuthority ? [TRUE] : [])))),
  ];
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    distinguishedName(issuer.name),
    der(0x30, time(wish.fromDays ?? -1), time(wish.untilDays ?? 30)),
    distinguishedName(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, issuer.privateKey));
  const base64 = der(0x30, body, ECDSA_SHA256, signature).toString('base64');
  // An empty line at the end, where the last line is full, would not be PEM.
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

function keyOf(party: Party): string {
  return party.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A certificate that its server signed itself. */
export function selfSigned(wish: CertificateWish): Certificate {
  const party = newParty('self');
  return { cert: certify(party, party, { ...wish, isAuthority: false }), key: keyOf(party) };
}

/** An authority of the test's own. */
export function makeAuthority(name: string): Authority {
  const party = newParty(name);
  return {
    cert: certify(party, party, { names: [], isAuthority: true }),
    key: keyOf(party),
    issue(wish) {
      const server = newParty('server');
      return { cert: certify(party, server, { ...wish, isAuthority: false }), key: keyOf(server) };
    },
  };
}
