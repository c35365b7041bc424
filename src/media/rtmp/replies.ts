import { type ErrorCode, GatewayError } from '../../domain/errors.ts';
import { type AmfValue, amfFields } from '../flv/amf.ts';

/** A server's no to `connect`, which may be the way to a login or to another server. Its texts are the server's. */
export interface ConnectRefusal {
  readonly status: string;
  readonly description: string;
  readonly redirect: string | null;
}

/** Descriptions and redirects are short; whatever is longer is not read. */
const MAX_TEXT_CHARS = 2048;

/** An error of the destination's, with nothing of its answer but the status. */
export function refusal(code: ErrorCode, message: string, status: string): GatewayError {
  return new GatewayError(code, message, { blame: 'destination', retry: 'never', context: { status } });
}

/** The information object of a reply or status: its fourth value. */
export function infoOf(values: readonly AmfValue[]): Readonly<Record<string, AmfValue>> {
  return amfFields(values[3]);
}

/** A status code is a dotted word; whatever else a server writes there might echo the key. */
export function statusOf(values: readonly AmfValue[]): string {
  const { code } = infoOf(values);
  return typeof code === 'string' && /^[A-Za-z]{1,16}(\.[A-Za-z]{1,24}){1,3}$/.test(code) ? code : 'none';
}

function boundedText(value: AmfValue): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT_CHARS) : '';
}

export function connectRefusal(values: readonly AmfValue[]): ConnectRefusal {
  const info = infoOf(values);
  const ex = amfFields(info['ex']);
  const redirect = Number(ex['code']) === 302 ? boundedText(ex['redirect']) : '';
  return {
    status: statusOf(values),
    description: boundedText(info['description']),
    redirect: redirect === '' ? null : redirect,
  };
}
