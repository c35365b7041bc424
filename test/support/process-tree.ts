import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Arguments joined by spaces. */
  readonly command: string;
  readonly state: string;
}

function readProcess(pid: number): ProcessInfo | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), command, state };
  } catch {
    return null; // it ended while we looked
  }
}

function allProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((info) => info !== null);
}

/** Every living process below `root`, parents before their children. */
export function descendants(root: number): ProcessInfo[] {
  const all = allProcesses().filter((info) => info.state !== 'Z');
  const found: ProcessInfo[] = [];
  let parents = new Set([root]);
  while (parents.size > 0) {
    const children = all.filter((info) => parents.has(info.parent));
    found.push(...children);
    parents = new Set(children.map((info) => info.pid));
  }
  return found;
}

/** The one descendant whose command line matches; throws when there is none. */
export function findDescendant(root: number, command: RegExp): ProcessInfo {
  const found = descendants(root).find((info) => command.test(info.command));
  if (!found) throw new Error(`no process ${command} below ${root}`);
  return found;
}

/** Those of the given processes that still live (same pid and same command). */
export function survivors(processes: readonly ProcessInfo[]): ProcessInfo[] {
  return processes.filter((info) => {
    const now = readProcess(info.pid);
    return now !== null && now.state !== 'Z' && now.command === info.command;
  });
}
