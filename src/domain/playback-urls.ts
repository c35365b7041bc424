/** The addresses that viewers know of a gateway, no slash at the end. */
export interface PublicUrls {
  readonly http: string;
  readonly rtmp: string;
}

export interface PlaybackUrls {
  readonly rtmp: string;
  readonly flv: string;
  readonly webSocketFlv: string;
  readonly hls: string;
}

/** Where a stream is watched with that ticket. */
export function playbackUrls({ http, rtmp }: PublicUrls, streamId: string, ticket: string): PlaybackUrls {
  const flv = `${http}/live/${streamId}.flv?ticket=${ticket}`;
  return {
    rtmp: `${rtmp}/live/${streamId}?ticket=${ticket}`,
    flv,
    webSocketFlv: flv.replace(/^http/, 'ws'),
    hls: `${http}/hls/${streamId}/index.m3u8?ticket=${ticket}`,
  };
}
