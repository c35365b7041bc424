import type { z } from 'zod';
import type { startRelaySchema } from '../api/operator/schemas.ts';
import { UsageError } from './command.ts';
import { parseUserOption } from './options.ts';

export const LAYOUT_OPTIONS = { layout: { type: 'string' }, main: { type: 'string' } } as const;

const LAYOUTS = ['grid', 'floating', 'share'] as const;
type Layout = (typeof LAYOUTS)[number];

function isLayout(text: string): text is Layout {
  return LAYOUTS.some((layout) => layout === text);
}

interface LayoutValues {
  readonly layout?: string | undefined;
  readonly main?: string | undefined;
}

/** What `--layout` and `--main` ask for; throws UsageError. */
export function parseLayoutOptions({
  layout,
  main,
}: LayoutValues): Pick<z.input<typeof startRelaySchema>, 'layout' | 'main'> {
  if (layout !== undefined && !isLayout(layout)) throw new UsageError('--layout is grid, floating or share');
  if (layout === 'grid' && main !== undefined) {
    throw new UsageError('--main is for the layouts floating and share');
  }
  return { layout, main: main === undefined ? undefined : parseUserOption('--main', main) };
}
