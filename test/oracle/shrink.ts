import type { World } from './world.js';
import type { Fields } from './world-rules.js';

/** A part of a JSON value that may go: an element of a list or a field of a map. */
type Part = readonly (string | number)[];

/** Leaves resources, then fields and list elements out, as long as the world still shows what it showed. */
export function shrink(world: World, stillShows: (world: World) => boolean): World {
  let smallest = world;
  for (let changed = true; changed; ) {
    changed = false;
    // The largest parts first, and each list from its end, so that the paths of what is left stay the same.
    for (const part of partsOf(smallest.resources)) {
      const resources = without(smallest.resources, part);
      if (resources === undefined) continue;
      const candidate = { ...smallest, resources };
      if (!stillShows(candidate)) continue;
      smallest = candidate;
      changed = true;
    }
  }
  return smallest;
}

function partsOf(value: unknown): Part[] {
  const children = entriesOf(value).reverse();
  const own = children.map(([key]) => [key]);
  return [...own, ...children.flatMap(([key, child]) => partsOf(child).map((part) => [key, ...part]))];
}

function entriesOf(value: unknown): (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((child, index) => [index, child] as const);
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** Undefined if there is no such part any more. */
function without(resources: readonly Fields[], part: Part): readonly Fields[] | undefined {
  const copy = structuredClone(resources) as Fields[];
  let target: unknown = copy;
  for (const key of part.slice(0, -1)) target = (target as Record<string | number, unknown> | undefined)?.[key];
  const last = part.at(-1) ?? '';
  if (Array.isArray(target) && typeof last === 'number') {
    if (last >= target.length) return undefined;
    target.splice(last, 1);
    return copy;
  }
  if (typeof target !== 'object' || target === null || !Object.hasOwn(target, last)) return undefined;
  delete (target as Record<string | number, unknown>)[last];
  return copy;
}
