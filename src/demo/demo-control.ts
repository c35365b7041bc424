import type { z } from 'zod';
import { roomsAnswer } from '../api/operator/room-schemas.ts';
import {
  shownRecordingAnswer,
  shownRelayAnswer,
  startedAnswer,
  taskAnswer,
} from '../api/operator/schemas.ts';
import { type ApiClient, apiPath } from '../cli/api-client.ts';

export type DemoRelay = z.output<typeof shownRelayAnswer>;
export type DemoRecording = z.output<typeof shownRecordingAnswer>;

/** What the demo asks of the running roomcast, as any operator would. */
export interface DemoControl {
  usersOnAir(): Promise<number>;
  startRelay(room: number, targets: readonly string[]): Promise<{ taskId: string; streamId: string }>;
  startRecording(room: number): Promise<string>;
  relay(taskId: string): Promise<DemoRelay>;
  recording(taskId: string): Promise<DemoRecording>;
  stopRelay(taskId: string): Promise<void>;
  stopRecording(taskId: string): Promise<void>;
}

export function createDemoControl(api: ApiClient): DemoControl {
  return {
    usersOnAir: async () => {
      const rooms = await api.call({ method: 'GET', path: '/rooms', answer: roomsAnswer });
      return rooms.flatMap((room) => room.users).filter((user) => user.streams.length > 0).length;
    },
    startRelay: (room, targets) =>
      api.call({ method: 'POST', path: '/relays', body: { room, targets }, answer: startedAnswer }),
    startRecording: async (room) => {
      const request = { method: 'POST', path: '/recordings', body: { room }, answer: startedAnswer } as const;
      return (await api.call(request)).taskId;
    },
    relay: (taskId) => api.call({ method: 'GET', path: apiPath('relays', taskId), answer: shownRelayAnswer }),
    recording: (taskId) =>
      api.call({ method: 'GET', path: apiPath('recordings', taskId), answer: shownRecordingAnswer }),
    stopRelay: async (taskId) => {
      await api.call({ method: 'DELETE', path: apiPath('relays', taskId), answer: taskAnswer });
    },
    stopRecording: async (taskId) => {
      await api.call({ method: 'DELETE', path: apiPath('recordings', taskId), answer: taskAnswer });
    },
  };
}
