import type { Secret } from '../domain/secret.ts';
import { signCallback } from '../identity/callback-sign.ts';

/** Where an app wants to be told. */
export interface CallbackAddress {
  readonly appId: number;
  readonly url: Secret;
  readonly key: Secret;
}

/** Answers of more than this are not read to their end. */
const MAX_ANSWER_BYTES = 2000;

/** Reads a short answer, so that its connection can be used again. */
async function finish(answer: Response): Promise<void> {
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    // Leaving the loop closes the connection.
    if (bytes > MAX_ANSWER_BYTES) return;
  }
}

/** Why a request got no answer, without its URL. */
function reasonOf(error: unknown, timeout: AbortSignal): string {
  if (timeout.aborted) return 'no answer in time';
  const cause = error instanceof Error ? (error.cause as { readonly code?: unknown } | undefined) : undefined;
  return typeof cause?.code === 'string' ? cause.code : 'the connection failed';
}

/** Sends one callback; null when it was taken: answered with 200 in time. Redirects are not followed. Never throws. */
export async function postCallback(
  { appId, url, key }: CallbackAddress,
  body: Buffer,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<string | null> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url.reveal(), {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        sign: signCallback(key, body),
        sdkappid: String(appId),
      },
      signal: AbortSignal.any([timeout, signal]),
    });
    await finish(answer).catch(() => undefined); // what counts has come
    return answer.status === 200 ? null : `answered ${answer.status}`;
  } catch (error) {
    return reasonOf(error, timeout);
  }
}
