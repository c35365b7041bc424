import { type Changes, type ChangesSetting, Crowd, type CrowdSetting } from './crowd.ts';

/** What a crowd in a process of its own is told to do, one after another. */
export type CrowdOrder =
  | { readonly type: 'open'; readonly setting: CrowdSetting }
  | { readonly type: 'logIn' | 'enter' }
  | { readonly type: 'change'; readonly setting: ChangesSetting };

/** The answer to each. */
export interface CrowdReport {
  readonly error: string | null;
  readonly changes: Changes | null;
  readonly faults: readonly string[];
}

let crowd: Crowd | null = null;

async function carryOut(order: CrowdOrder): Promise<Changes | null> {
  if (order.type === 'open') crowd = new Crowd(order.setting);
  if (order.type === 'logIn') await crowd?.logIn();
  if (order.type === 'enter') await crowd?.enter();
  return order.type === 'change' ? ((await crowd?.change(order.setting)) ?? null) : null;
}

process.on('message', (order: CrowdOrder) => {
  carryOut(order).then(
    (changes) => process.send?.({ error: null, changes, faults: crowd?.faults ?? [] } satisfies CrowdReport),
    (error: Error) =>
      process.send?.({
        error: error.message,
        changes: null,
        faults: crowd?.faults ?? [],
      } satisfies CrowdReport),
  );
});
// Its connections go with it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
