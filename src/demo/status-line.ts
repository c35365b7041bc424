import type { DemoRelay } from './demo-control.ts';

/** Up one line and clear it: the next line takes its place. */
const REPLACE = '\x1b[1A\x1b[2K';

/** One line of what is on the air now. */
export function describeStatus(second: number, users: number, relay: DemoRelay): string {
  const targets = relay.targets.map(
    (target, index) => `target ${index + 1} ${target.state} ${(target.bytes / 1e6).toFixed(1)} MB`,
  );
  return [`${second} s on the air`, `${users} users`, `programme ${relay.state}`, ...targets].join(' · ');
}

/** Says lines that replace each other on a terminal, and appear now and then elsewhere. */
export function createStatusLine(
  say: (line: string) => void,
  isTerminal: boolean,
): (second: number, text: string) => void {
  const everySeconds = isTerminal ? 1 : 10;
  let saidBefore = false;
  return (second, text) => {
    if (second % everySeconds !== 0) return;
    say(isTerminal && saidBefore ? `${REPLACE}${text}` : text);
    saidBefore = true;
  };
}
