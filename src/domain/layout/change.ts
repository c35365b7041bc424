import { GatewayError } from '../errors.ts';
import type { ProgrammeSpec } from '../programme.ts';
import type { LayoutSpec } from './spec.ts';

export type DynamicMode = 'grid' | 'floating' | 'share';

/** What a caller says about a layout: the whole of it, or only its mode or main user. */
export interface LayoutRequest {
  readonly layout: LayoutSpec | DynamicMode | undefined;
  readonly main: string | undefined;
}

/** The mode asked for with what the present layout says beyond its mode. */
function withMode(mode: DynamicMode, present: LayoutSpec): LayoutSpec {
  if (present.mode === 'custom') return { mode };
  const { renderMode, holdAudioOnly } = present;
  const kept = {
    ...(renderMode === undefined ? {} : { renderMode }),
    ...(holdAudioOnly === undefined ? {} : { holdAudioOnly }),
  };
  const main = present.mode === 'grid' ? undefined : present.main;
  return mode === 'grid' || main === undefined ? { mode, ...kept } : { mode, main, ...kept };
}

function withMain(layout: LayoutSpec, userId: string): LayoutSpec {
  if (layout.mode !== 'floating' && layout.mode !== 'share') {
    throw new GatewayError('bad-request', 'main is for the layouts floating and share');
  }
  return { ...layout, main: { userId } };
}

/** The programme with the layout asked for; throws `bad-request` for a main user where there is none. */
export function withLayout(programme: ProgrammeSpec, { layout, main }: LayoutRequest): ProgrammeSpec {
  const base = typeof layout === 'string' ? withMode(layout, programme.layout) : (layout ?? programme.layout);
  const next = main === undefined ? base : withMain(base, main);
  return { ...programme, layout: next };
}
