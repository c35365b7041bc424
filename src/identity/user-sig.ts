import type { Secret } from '../domain/secret.ts';
import { openToken, signToken, type TokenRequest } from './sig-token.ts';

export interface UserSigCheck {
  readonly secretKey: Secret;
  readonly sdkAppId: number;
  readonly userId: string;
  readonly userSig: string;
  readonly nowMs: number;
}

/** A UserSig (v2, HMAC) as Tencent's own libraries make it. */
export function signUserSig(request: TokenRequest): string {
  return signToken(request, null);
}

/** Throws `sig-malformed`, `sig-mismatch` (key, app or user) or `sig-expired`, and nothing else. */
export function verifyUserSig({ userSig, ...check }: UserSigCheck): void {
  openToken({ ...check, name: 'UserSig', text: userSig });
}
