import type { WholeAudioSpec } from '../../../domain/encoding.ts';
import type { VideoSpec } from '../../../domain/programme.ts';
import { scriptTag } from '../../flv/script.ts';
import type { FlvTag } from '../../flv/tag.ts';

const FLV_AVC = 7;
const FLV_AAC = 10;

/** onMetaData of a programme; without video it names none. */
export function metadataTag(video: VideoSpec | null, audio: WholeAudioSpec): FlvTag {
  const picture = video && {
    width: video.width,
    height: video.height,
    framerate: video.fps,
    videodatarate: video.bitrateKbps,
    videocodecid: FLV_AVC,
  };
  const sound = {
    audiosamplerate: audio.sampleRate,
    audiosamplesize: 16,
    stereo: audio.channels === 2,
    audiodatarate: audio.bitrateKbps,
    audiocodecid: FLV_AAC,
  };
  return scriptTag('onMetaData', [{ ...picture, ...sound, encoder: 'roomcast' }]);
}
