import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/**
 * Runs a program that reads no stdin until it ends, or until our end of the pipe on stdin closes, however we
 * die: then SIGTERM, and SIGKILL after 8 s. `read` is a builtin, so nothing but the shell itself waits.
 */
const KEEPER = `
exec 3<&0
"$PROGRAM" "$@" </dev/null 3<&- & child=$!
(
  while read -r _; do :; done <&3
  kill -TERM "$child"
  n=0
  while kill -0 "$child" && [ "$n" -lt 80 ]; do sleep 0.1; n=$((n+1)); done
  kill -KILL "$child"
) 2>/dev/null & watch=$!
exec 3<&-
wait "$child"; code=$?
kill -KILL "$watch" 2>/dev/null
exit "$code"
`;

/** Debian keeps servers where only root's PATH looks. */
const SERVER_PATHS = '/usr/sbin:/sbin';

export type KeptChild = ChildProcessByStdio<Writable, null, Readable>;

/**
 * Starts a server under that shell, in a process group of its own: Ctrl-C must not end it before those who use
 * it. It ends in order when its stdin is ended. Its name is not in the shell's command line, so `ps` shows one.
 */
export function spawnKept(program: string, args: readonly string[]): KeptChild {
  const child = spawn('sh', ['-c', KEEPER, 'keeper', ...args], {
    detached: true,
    env: { PATH: `${process.env['PATH'] ?? ''}:${SERVER_PATHS}`, PROGRAM: program },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // EPIPE after the child's end says nothing new
  return child;
}

/** SIGKILL to the shell and the program. */
export function killKept({ pid }: KeptChild): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // the group is gone already
  }
}
