import { describe, expect, it, vi } from 'vitest';
import { parseSendQueues, sharedReading } from '../../../../src/media/push/send-queues.ts';

const TABLES = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1163 1 0000000067a00edc 100 0 0 10 0
  11: 0100007F:C8A8 0100007F:078F 01 003B4E66:00000000 01:0000001E 00000004     0        0 99 3 00000000d63c8cb0 20 4 30 10 -1
  12: 0100007F:078F 0100007F:C8A8 01 00000000:0001F3E5 00:00000000 00000000     0        0 98 3 00000000d63c8cb1 20 4 30 10 -1
  13: 0A00020F:9C40 0A000001:078F 01 00000010:00000000 00:00000000 00000000     0        0 97 1 00000000d63c8cb2 20 4 30 10 -1
  14: 0A00020F:9C40 0A000002:078F 01 00000020:00000000 00:00000000 00000000     0        0 96 1 00000000d63c8cb3 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt
   0: 00000000000000000000000001000000:A001 00000000000000000000000001000000:01BB 01 000001F4:00000000 00:00000000 00000000     0        0 55 1 0
`;

describe('the tables of sockets', () => {
  const queues = parseSendQueues(TABLES);

  it('tell what waits for a peer to confirm it, by the ports of both ends', () => {
    expect(queues.waitingBytes({ local: 0xc8a8, remote: 1935 })).toBe(0x3b4e66);
    expect(queues.waitingBytes({ local: 1935, remote: 0xc8a8 })).toBe(0);
    expect(queues.waitingBytes({ local: 0xa001, remote: 443 })).toBe(500);
  });

  it('tell nothing of a connection that is not there, nor of two that look alike', () => {
    expect(queues.waitingBytes({ local: 0xc8a8, remote: 1936 })).toBeNull();
    expect(queues.waitingBytes({ local: 40_000, remote: 1935 })).toBeNull();
  });
});

describe('a shared reading', () => {
  it('is one at a time, and what is asked meanwhile is answered by the one after it', async () => {
    const ends: (() => void)[] = [];
    let begun = 0;
    const read = sharedReading(async () => {
      begun += 1;
      const mine = begun;
      await new Promise<void>((resolve) => {
        ends.push(resolve);
      });
      return mine;
    });
    const first = read();
    const others = [read(), read(), read()];
    expect(begun).toBe(1);
    ends[0]?.();
    expect(await first).toBe(1);
    await vi.waitFor(() => expect(ends).toHaveLength(2));
    ends[1]?.();
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    expect(begun).toBe(2);
  });

  it('goes on after one that failed', async () => {
    let begun = 0;
    const read = sharedReading(async () => {
      begun += 1;
      if (begun === 1) throw new Error('once');
      return begun;
    });
    const [first, second] = await Promise.allSettled([read(), read()]);
    expect(first.status).toBe('rejected');
    expect(second).toEqual({ status: 'fulfilled', value: 2 });
  });
});
