import type { RenderOptions } from '../ruleset/render.js';
import type { Settings } from './settings/settings-table.js';

/** What the settings say about the form of the ruleset. */
export function renderOptions({ lists }: Pick<Settings, 'lists'>): RenderOptions {
  return lists === 'plain' ? { lookupFrom: Number.POSITIVE_INFINITY } : {};
}
