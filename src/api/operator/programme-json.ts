import type { z } from 'zod';
import { parseIntegerRoom, parseStringRoom, type RoomId } from '../../domain/ids.ts';
import type { CustomCell, LayoutSpec } from '../../domain/layout/spec.ts';
import type { ProgrammeSpec, SoundRules } from '../../domain/programme.ts';
import type { ProgrammeChange } from '../../domain/programme-change.ts';
import type { RoomUser } from '../../domain/room-user.ts';
import type { wholeLayoutSchema } from './layout-schema.ts';
import { PROGRAMME_FIELDS, type ProgrammeFields, type ProgrammeJson } from './programme-schema.ts';

type LayoutJson = z.output<typeof wholeLayoutSchema>;
type SoundJson = NonNullable<ProgrammeJson['sound']>;

/** A room as JSON names it: a number is an integer room, a text a string room. */
export function roomOfJson(room: number | string): RoomId {
  return typeof room === 'number' ? parseIntegerRoom(String(room)) : parseStringRoom(room);
}

function userOfJson<T extends { readonly room?: number | string }>(user: T) {
  const { room, ...rest } = user;
  return room === undefined ? rest : { ...rest, room: roomOfJson(room) };
}

function userJson<T extends RoomUser>(user: T) {
  const { room, ...rest } = user;
  return room === undefined ? rest : { ...rest, room: room.value };
}

function layoutOfJson(layout: LayoutJson): LayoutSpec {
  if (layout.mode !== 'custom') return layout;
  const cells = layout.cells.map(
    ({ source, ...cell }): CustomCell => (source ? { ...cell, source: userOfJson(source) } : cell),
  );
  return { ...layout, cells };
}

function layoutJson(layout: LayoutSpec): LayoutJson {
  if (layout.mode !== 'custom') return layout;
  const cells = layout.cells.map(({ source, ...cell }) =>
    source ? { ...cell, source: userJson(source) } : cell,
  );
  return { mode: 'custom', cells };
}

function soundOfJson({ allow, block, levels }: SoundJson): SoundRules {
  return {
    ...(allow && { allow: allow.map(userOfJson) }),
    ...(block && { block: block.map(userOfJson) }),
    ...(levels && { levels: levels.map(userOfJson) }),
  };
}

function soundJson({ allow, block, levels }: SoundRules): SoundJson {
  return {
    ...(allow && { allow: allow.map(userJson) }),
    ...(block && { block: block.map(userJson) }),
    ...(levels && { levels: levels.map(userJson) }),
  };
}

/** What a request says about the programme. */
export function programmeChange(fields: ProgrammeFields): ProgrammeChange {
  const { layout, video, sound } = fields;
  return {
    layout: typeof layout === 'object' ? layoutOfJson(layout) : layout,
    main: fields.main,
    video: video === 'none' ? null : video,
    audio: fields.audio,
    background: fields.background,
    backgroundPicture: fields.backgroundPicture,
    placeholder: fields.placeholder,
    watermarks: fields.watermarks,
    sound: sound && soundOfJson(sound),
    sei: fields.sei,
    maxInputs: fields.maxInputs,
  };
}

/** Whether a request says anything about the programme. */
export function changesProgramme(fields: ProgrammeFields): boolean {
  return PROGRAMME_FIELDS.some((field) => fields[field] !== undefined);
}

/** A programme as callers see it, and can give it to another start. */
export function programmeJson(programme: ProgrammeSpec) {
  const { layout, sound, ...rest } = programme;
  return { ...rest, layout: layoutJson(layout), ...(sound && { sound: soundJson(sound) }) };
}
