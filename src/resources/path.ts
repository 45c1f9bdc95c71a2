import type { Path } from './resource.js';

const plainKey = /^[A-Za-z_][\w-]*$/;
const step = /\.?([^.[\]]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/gy;

/** `['spec', 'ingress', 0, 'action']` as `spec.ingress[0].action`; keys that are no plain words stand as `["a.b/c"]`. */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (plainKey.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** The steps of a text that `pathText` made. */
export function parsePath(text: string): Path {
  return [...text.matchAll(step)].map(([, key, index, quoted]) => {
    if (index !== undefined) return Number(index);
    return key ?? (JSON.parse(`"${quoted ?? ''}"`) as string);
  });
}
