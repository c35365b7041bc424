export { type RunningNginx, startNginxRtmp } from '../../src/demo/nginx-rtmp.ts';
