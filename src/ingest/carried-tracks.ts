import type { NmsPacket } from 'node-media-server/src/session/rtmp_session.js';
import { NO_TRACKS, type Tracks } from '../domain/tracks.ts';
import { NMS_FLAGS } from './packets.ts';

/** Which tracks one publisher sends: by frames, for encoders announce tracks that stay empty. */
export class CarriedTracks {
  tracks: Tracks = NO_TRACKS;

  /** The packet, prepared to be distributed, is the first frame of its track; a picture begins with a key frame. */
  isNew({ flags }: NmsPacket): boolean {
    const { audio, video } = this.tracks;
    if (flags === NMS_FLAGS.audio && !audio) this.tracks = { audio: true, video };
    else if (flags === NMS_FLAGS.key && !video) this.tracks = { audio, video: true };
    else return false;
    return true;
  }
}
