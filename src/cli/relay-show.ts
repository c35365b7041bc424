import type { z } from 'zod';
import type { ProgrammeJson } from '../api/operator/programme-schema.ts';
import type { shownMixAnswer } from '../api/operator/schemas.ts';
import { eventLine, type ShownEvent, showStream } from './event-lines.ts';
import { alignTable } from './table.ts';

type Mix = z.output<typeof shownMixAnswer>;

const SHOWN_EVENTS = 10;

function layoutText({ layout }: ProgrammeJson): string {
  if (layout.mode === 'custom') return `custom, ${layout.cells.length} cells`;
  const main = layout.mode === 'grid' ? undefined : layout.main?.userId;
  return main === undefined ? layout.mode : `${layout.mode}, main ${main}`;
}

/** What is made: layout, picture and sound, in a line. */
export function programmeLine(programme: ProgrammeJson): string {
  const { video, audio, watermarks = [] } = programme;
  const picture = video
    ? `${video.width}x${video.height}, ${video.fps} fps, ${video.bitrateKbps} kbps`
    : 'sound only';
  const marks =
    watermarks.length === 0 ? '' : `; watermarks: ${watermarks.map(({ type }) => type).join(', ')}`;
  return `layout ${layoutText(programme)}; ${picture}; ${audio.codec ?? 'aac-lc'} ${audio.bitrateKbps} kbps${marks}`;
}

function inputRow(input: Mix['inputs'][number]): string[] {
  const size = input.width > 0 ? `${input.width}x${input.height}` : '';
  return [
    showStream(input.streamId),
    input.state,
    size,
    input.hasAudio ? String(Math.round(input.volume)) : '',
  ];
}

/** Inputs, encoder and overload of a mix. */
export function mixLines({ inputs, encoder, overloaded, process }: Mix): string[] {
  const lines =
    inputs.length === 0
      ? []
      : ['', ...alignTable(['INPUT', 'STATE', 'SHOWN', 'VOLUME'], inputs.map(inputRow))];
  if (encoder && process) {
    const frames = `${encoder.framesOut} pictures, ${encoder.framesDropped} dropped, ${encoder.lateTicks} late`;
    const cost = `${process.cpuSeconds.toFixed(1)} s CPU, ${Math.round(process.rssBytes / 1e6)} MB`;
    lines.push('', `encoder: ${frames}, ${encoder.starts} starts; ${cost}`);
  }
  if (overloaded) {
    const share = `${Math.round(overloaded.droppedShare * 100)} % of the pictures left out`;
    lines.push(
      `overloaded: ${share}, ${Math.round(overloaded.behindMs)} ms behind, ${overloaded.lateTicks} late`,
    );
  }
  return lines;
}

/** The last of these events, by time. */
export function lastEventLines(events: readonly ShownEvent[]): string[] {
  const last = events.toSorted((a, b) => a.at - b.at).slice(-SHOWN_EVENTS);
  return last.length === 0 ? [] : ['', 'last events:', ...last.map((event) => `  ${eventLine(event)}`)];
}
