import { existsSync, readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

/** Whose certificates are believed. */
export interface Trust {
  /** Made at the first call and shared by all connections: it holds well over a hundred certificates. */
  context(): SecureContext;
}

/** Where systems keep the certificates they trust: Debian and Alpine, Red Hat, SUSE, macOS and the BSDs. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

function systemRoots(): readonly string[] {
  const bundle = SYSTEM_BUNDLES.find((path) => existsSync(path));
  return bundle === undefined ? rootCertificates : [readFileSync(bundle, 'utf8')];
}

/** The system's certificates (without any: those that Node knows) and those of a PEM file, which is read now. */
export function createTrust(caFile: string | null = null): Trust {
  const own = caFile === null ? [] : [readFileSync(caFile, 'utf8')];
  let context: SecureContext | null = null;
  return {
    context() {
      context ??= createSecureContext({ ca: [...systemRoots(), ...own] });
      return context;
    },
  };
}
