import { pino } from 'pino';
import { raiseOwnPriority } from './priority.ts';
import { type Programme, startProgramme } from './programme.ts';
import type { FromProgramme, ToProgramme } from './protocol.ts';

const STATUS_EVERY_MS = 1000;
/** Everything is closed well before; whatever hangs then is cut off with the process. */
const STOP_DEADLINE_MS = 4000;

/** The child's life: started by the first message, ended by `stop`, SIGTERM or the end of the channel. */
function runProgrammeProcess(): void {
  const log = pino({ level: 'info' }, pino.destination({ fd: 2, sync: true }));
  let programme: Programme | null = null;
  let statusTimer: NodeJS.Timeout | undefined;
  let ending = false;

  function tell(message: FromProgramme): void {
    // The channel may be gone already; `disconnect` then ends us.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  }

  function end(code: number): void {
    if (ending) return;
    ending = true;
    clearInterval(statusTimer);
    setTimeout(() => process.exit(code), STOP_DEADLINE_MS).unref();
    Promise.resolve(programme?.stop())
      .catch((error: unknown) => log.error({ err: error }, 'programme did not stop cleanly'))
      .finally(() => process.exit(code));
  }

  function start(message: ToProgramme & { type: 'start' }): void {
    log.level = message.logLevel;
    programme = startProgramme({
      timelineStartedAt: message.timelineStartedAt,
      sources: message.sources,
      pictureNetworks: message.pictureNetworks,
      encoders: message.encoders,
      priorities: raiseOwnPriority(),
      log,
      onEvent: (event) => tell({ type: 'event', event: { ...event, at: Date.now() } }),
      onFenced() {
        tell({ type: 'fenced' });
        end(0);
      },
    });
    statusTimer = setInterval(() => {
      if (programme) tell({ type: 'status', status: programme.status() });
    }, STATUS_EVERY_MS);
  }

  process.on('message', (message: ToProgramme) => {
    if (ending) return;
    if (message.type === 'stop') end(0);
    else if (message.type === 'sources') programme?.update(message.sources);
    else if (!programme) start(message);
  });
  process.on('disconnect', () => end(0));
  process.on('SIGTERM', () => end(0));
  // The terminal sends Ctrl-C to all; the parent decides when we end.
  process.on('SIGINT', () => undefined);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'programme failed');
    end(1);
  });
}

runProgrammeProcess();
