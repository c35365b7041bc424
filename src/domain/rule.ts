import { GatewayError } from './errors.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function refuse(message: string): never {
  throw new GatewayError('bad-request', message);
}

export function assertWhole(what: string, value: number, { min, max }: Range): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    refuse(`${what} is a whole number from ${min} to ${max}`);
  }
}

export function assertNumber(what: string, value: number, { min, max }: Range): void {
  if (!(value >= min && value <= max)) refuse(`${what} is a number from ${min} to ${max}`);
}

export function assertOneOf<T>(what: string, value: T, values: readonly T[]): void {
  if (!values.includes(value)) refuse(`${what} is one of ${values.join(', ')}`);
}

export function assertText(what: string, text: string, maxChars: number): void {
  if (text.length === 0 || text.length > maxChars) refuse(`${what} has 1 to ${maxChars} characters`);
}
