import type { GatewayFacts } from '../domain/room.ts';
import type { Config } from './config.ts';

const EVERY_ADDRESS = '0.0.0.0';

export interface AddressOptions {
  readonly config: Config;
  /** The ports it got. */
  readonly httpPort: number;
  readonly rtmpPort: number;
  readonly hostName: string;
  /** Nobody but this machine's own worker comes for streams. */
  readonly onlyLocalWorkers: boolean;
}

export type Addresses = Omit<GatewayFacts, 'gatewayId'> & {
  /** How commands on this machine reach it. */
  readonly localHttp: string;
};

/** Where a gateway is for viewers and publishers, for workers, and for commands on its own machine. */
export function addressesOf(options: AddressOptions): Addresses {
  const { config, httpPort, rtmpPort } = options;
  const everywhere = config.bind === EVERY_ADDRESS;
  const local = everywhere ? '127.0.0.1' : config.bind;
  const reachable = everywhere && !options.onlyLocalWorkers ? options.hostName : local;
  const internal = config.internalHost ?? reachable;
  return {
    internalHttp: `http://${internal}:${httpPort}`,
    internalRtmp: `rtmp://${internal}:${rtmpPort}`,
    publicHttp: config.publicUrl ?? `http://${local}:${httpPort}`,
    publicRtmp: config.publicRtmpUrl ?? `rtmp://${local}:${rtmpPort}`,
    localHttp: `http://${local}:${httpPort}`,
  };
}
