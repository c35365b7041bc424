import { type IncomingMessage, request } from 'node:http';
import { createFlvParser } from '../../src/media/flv/parser.ts';
import type { FlvTag } from '../../src/media/flv/tag.ts';

/** A viewer that keeps what it got: status, tags, and whether the server ended it. */
export interface FlvWatch {
  readonly status: () => number;
  readonly tags: FlvTag[];
  readonly isOver: () => boolean;
  /** Stops reading without closing, as a viewer whose window is full. */
  pause(): void;
  resume(): void;
  close(): void;
}

export function watchFlv(url: string): FlvWatch {
  const tags: FlvTag[] = [];
  let status = 0;
  let over = false;
  let response: IncomingMessage | null = null;
  const parser = createFlvParser({ onTag: (tag) => tags.push(tag) });
  const req = request(url, { agent: false }, (got) => {
    response = got;
    status = got.statusCode ?? 0;
    if (status === 200) got.on('data', (data: Buffer) => parser.push(data));
    else got.resume();
  });
  const end = () => {
    over = true;
  };
  req.on('error', end).on('close', end);
  req.end();
  return {
    status: () => status,
    tags,
    isOver: () => over,
    pause: () => void response?.pause(),
    resume: () => void response?.resume(),
    close: () => void req.destroy(),
  };
}
