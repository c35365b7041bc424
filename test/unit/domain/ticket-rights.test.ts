import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/domain/errors.ts';
import {
  ALL_RIGHTS,
  assertMayBeAnchor,
  assertMayEnter,
  assertMayPublish,
  assertMayReceive,
  assertUnexpired,
  FREE_PERMIT,
  mayCreate,
  type Permit,
  RIGHTS,
  sendableTracks,
} from '../../../src/domain/ticket-rights.ts';

const NOW = 1_700_000_000_000;

function permit(rights: number, expiresAt: number | null = null): Permit {
  return { rights, expiresAt };
}

function codeOf(run: () => void): string {
  try {
    run();
    return 'allowed';
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error);
  }
}

/** Everything that a permit decides, by name. */
function decisions(given: Permit): string[] {
  const allowed = {
    enter: codeOf(() => assertMayEnter(given)) === 'allowed',
    create: mayCreate(given),
    'publish main': codeOf(() => assertMayPublish(given, 'main', NOW)) === 'allowed',
    'publish aux': codeOf(() => assertMayPublish(given, 'aux', NOW)) === 'allowed',
    'send audio': sendableTracks(given, 'main').audio,
    'send video': sendableTracks(given, 'main').video,
    'send screen': sendableTracks(given, 'aux').video && sendableTracks(given, 'aux').audio,
    'be anchor': codeOf(() => assertMayBeAnchor(given, NOW)) === 'allowed',
    'play main': codeOf(() => assertMayReceive(given, 'main')) === 'allowed',
    'play aux': codeOf(() => assertMayReceive(given, 'aux')) === 'allowed',
  };
  return Object.entries(allowed).flatMap(([name, yes]) => (yes ? [name] : []));
}

describe('the rights of a room ticket', () => {
  it.each<[string, number, string[]]>([
    ['nothing', 0, []],
    ['create', RIGHTS.create, ['create']],
    ['enter', RIGHTS.enter, ['enter']],
    ['send audio', RIGHTS.sendAudio, ['publish main', 'send audio', 'be anchor']],
    ['receive audio', RIGHTS.receiveAudio, []],
    ['send video', RIGHTS.sendVideo, ['publish main', 'send video', 'be anchor']],
    ['receive video', RIGHTS.receiveVideo, []],
    ['receive both', RIGHTS.receiveAudio | RIGHTS.receiveVideo, ['play main']],
    ['send screen', RIGHTS.sendScreen, ['publish aux', 'send screen', 'be anchor']],
    ['receive screen', RIGHTS.receiveScreen, ['play aux']],
    ['an audience of 42', 42, ['enter', 'play main']],
    ['bits that have no meaning', 0xffff_ff00, []],
  ])('of %s allow that and nothing else', (_what, rights, allowed) => {
    expect(decisions(permit(rights)).sort()).toEqual([...allowed].sort());
  });

  it('allow everything with 255, and where the app asks for no ticket', () => {
    expect(decisions(permit(ALL_RIGHTS))).toHaveLength(10);
    expect(decisions(FREE_PERMIT)).toEqual(decisions(permit(ALL_RIGHTS)));
  });

  it('begin nothing after the end of the ticket, which is its last moment', () => {
    for (const begin of [
      (given: Permit) => assertMayPublish(given, 'main', NOW),
      (given: Permit) => assertMayBeAnchor(given, NOW),
      (given: Permit) => assertUnexpired(given, NOW),
    ]) {
      expect(codeOf(() => begin(permit(ALL_RIGHTS, NOW)))).toBe('allowed');
      expect(codeOf(() => begin(permit(ALL_RIGHTS, NOW - 1)))).toBe('ticket-expired');
    }
  });
});
