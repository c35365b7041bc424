import { HubRig } from './hub-rig.ts';

// A hub in a process of its own, so that its memory can be measured; it ends with its stdin.
const rig = await HubRig.open();
process.stdout.write(`${JSON.stringify({ rtmpPort: rig.hub.port, httpPort: rig.httpPort })}\n`);
setInterval(() => {
  rig.logLines.splice(0);
  const viewers = rig.hub.streams().reduce((sum, stream) => sum + stream.viewers, 0);
  process.stdout.write(`${JSON.stringify({ viewers })}\n`);
}, 250).unref();
process.stdin.on('end', () => void rig.close()).resume();
