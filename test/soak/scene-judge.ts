import { layOut } from '../../src/domain/layout/layout.ts';
import type { LayoutSpec } from '../../src/domain/layout/spec.ts';
import type { Picture, Rgb } from '../support/media-checks.ts';
import { differences, type Patch } from '../support/pictures.ts';

/** What was asked for at a moment. */
export interface Wanted {
  /** Monotonic ms. */
  readonly atMs: number;
  readonly users: readonly string[];
  readonly layout: LayoutSpec;
  /** Who came with this change: until its camera gives a picture its cell shows the placeholder. */
  readonly joined: string | null;
}

export interface JudgeOptions {
  readonly canvas: { readonly width: number; readonly height: number };
  readonly background: Rgb;
  readonly colours: Readonly<Record<string, Rgb>>;
}

/** Sees every picture of a programme and knows which of the scenes asked for each one shows. */
export interface SceneJudge {
  want(wanted: Wanted): void;
  see(picture: Picture, nowMs: number): void;
  /** Pictures that show no scene that was asked for, or one that was left already. */
  readonly wrong: readonly string[];
  readonly pictures: number;
  /** The longest time from asking to the first picture of a scene, seen by the viewer. */
  readonly slowestMs: number;
  /** The last picture shows the scene asked for last. */
  readonly isCurrent: boolean;
}

/** Pictures are judged at half the canvas' size. */
export const JUDGED_SCALE = 2;
/** Lies between the two greys of the placeholder. */
const PLACEHOLDER: Rgb = [60, 60, 60];
const PLACEHOLDER_FOR_MS = 4000;
const KEPT_WRONG = 20;

function patchesOf(
  { users, layout }: Wanted,
  { canvas, colours }: JudgeOptions,
): (Patch & { user: string })[] {
  const inputs = users.map((userId) => ({
    ...{ streamId: userId, userId },
    ...{ stream: 'main' as const, audioOnly: false },
  }));
  return layOut(layout, inputs, canvas)
    .toSorted((a, b) => a.zOrder - b.zOrder)
    .map((box) => ({
      user: box.streamId ?? '',
      colour: colours[box.streamId ?? ''] ?? PLACEHOLDER,
      ...{ x: box.x / JUDGED_SCALE, y: box.y / JUDGED_SCALE },
      ...{ width: box.width / JUDGED_SCALE, height: box.height / JUDGED_SCALE },
    }));
}

export function createSceneJudge(options: JudgeOptions): SceneJudge {
  const scenes: { readonly wanted: Wanted; readonly patches: readonly (Patch & { user: string })[] }[] = [];
  const arrivals = new Map<string, number>();
  const wrong: string[] = [];
  let [shown, pictures, slowestMs] = [0, 0, 0];
  let isCurrent = false;

  /** The cells of those who have just come may still show the placeholder, each for itself. */
  function variants(patches: readonly (Patch & { user: string })[], nowMs: number): (readonly Patch[])[] {
    const fresh = patches.filter(({ user }) => nowMs - (arrivals.get(user) ?? 0) < PLACEHOLDER_FOR_MS);
    return Array.from({ length: 2 ** fresh.length }, (_, bits) =>
      patches.map((patch) => {
        const at = fresh.indexOf(patch);
        return at >= 0 && (bits >> at) & 1 ? { ...patch, colour: PLACEHOLDER } : patch;
      }),
    );
  }

  function mistakes(index: number, picture: Picture, nowMs: number): string[] {
    const scene = scenes[index];
    if (!scene) return ['no scene'];
    const all = variants(scene.patches, nowMs).map((patches) =>
      differences(picture, patches, options.background),
    );
    return all.reduce((least, one) => (one.length < least.length ? one : least));
  }

  return {
    want(wanted) {
      if (wanted.joined !== null) arrivals.set(wanted.joined, wanted.atMs);
      scenes.push({ wanted, patches: patchesOf(wanted, options) });
    },
    see(picture, nowMs) {
      pictures += 1;
      isCurrent = mistakes(scenes.length - 1, picture, nowMs).length === 0;
      const first = mistakes(shown, picture, nowMs);
      if (first.length === 0) return;
      // A change that came before the one ahead of it was shown may have replaced that.
      const later = scenes.findIndex((_, at) => at > shown && mistakes(at, picture, nowMs).length === 0);
      if (later > 0) {
        shown = later;
        slowestMs = Math.max(slowestMs, nowMs - (scenes[later]?.wanted.atMs ?? nowMs));
      } else if (wrong.length < KEPT_WRONG) {
        wrong.push(`picture ${pictures}, scene ${shown}: ${first[0]}`);
      }
    },
    wrong,
    get pictures() {
      return pictures;
    },
    get slowestMs() {
      return slowestMs;
    },
    get isCurrent() {
      return isCurrent;
    },
  };
}
