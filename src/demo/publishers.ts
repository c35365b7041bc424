import type { Logger } from 'pino';
import { type FfmpegProcess, startFfmpeg } from '../media/ffmpeg/process.ts';

/** A user of the demo's room: a picture of its own, and a tone of one chord. */
export interface DemoUser {
  readonly userId: string;
  /** FFmpeg source of the picture, 640x360 at 30 frames a second. */
  readonly picture: string;
  readonly toneHz: number;
}

export const DEMO_USERS: readonly DemoUser[] = [
  { userId: 'anna', picture: 'testsrc2=size=640x360:rate=30', toneHz: 330 },
  {
    userId: 'bruno',
    picture: 'gradients=size=640x360:rate=30:speed=0.02:n=3:c0=#0b3d91:c1=#1f9e89:c2=#f4a259:seed=7',
    toneHz: 415,
  },
  {
    userId: 'carla',
    picture:
      'life=size=160x90:rate=30:mold=12:ratio=0.12:death_color=#6a1b9a:life_color=#ffd54f:seed=4,scale=640:360:flags=neighbor',
    toneHz: 494,
  },
];

const BOX = 'fontcolor=white:box=1:boxcolor=black@0.55:boxborderw=10';

/** Arguments of a live synthetic camera with name and clock in its picture. The URL shows in the process list. */
export function demoPublisherArgs(user: DemoUser, url: string): string[] {
  const filters = [
    `drawtext=text='${user.userId}':fontsize=40:x=24:y=h-th-28:${BOX}`,
    `drawtext=text='%{localtime\\:%T}':fontsize=28:x=w-tw-24:y=28:${BOX}`,
    'format=yuv420p',
  ];
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'error', '-nostdin'],
    ...['-re', '-f', 'lavfi', '-i', user.picture],
    ...['-re', '-f', 'lavfi', '-i', `sine=frequency=${user.toneHz}:sample_rate=48000`],
    ...['-map', '0:v:0', '-map', '1:a:0', '-filter:v', filters.join(',')],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-bf', '0'],
    ...['-g', '30', '-sc_threshold', '0', '-b:v', '900k', '-maxrate', '900k', '-bufsize', '1800k'],
    ...['-c:a', 'aac', '-b:a', '96k', '-ac', '2'],
    ...['-f', 'flv', url],
  ];
}

export function startDemoPublisher(user: DemoUser, url: string, log: Logger): FfmpegProcess {
  return startFfmpeg({
    args: demoPublisherArgs(user, url),
    log,
    name: `publisher ${user.userId}`,
    stdin: 'ignore',
    stdout: 'ignore',
  });
}
