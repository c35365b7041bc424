export { type NginxRtmp, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
