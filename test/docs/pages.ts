import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** A fenced block. */
export interface Block {
  readonly language: string;
  readonly text: string;
  readonly line: number;
  /** Of a comment `<!-- example: NAME -->` in the line before. */
  readonly example: string | undefined;
}

/** README, CHANGELOG and everything in docs/. */
export function pages(): Page[] {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CHANGELOG.md', ...docs.sort().map((name) => `docs/${name}`)].map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return { path, text, blocks: blocksOf(text) };
  });
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf({ text }: Page): ReadonlySet<string> {
  const headings = proseOf(text).matchAll(/^#+ (.*)$/gm);
  return new Set(
    Array.from(headings, ([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The text without fenced blocks. */
export function proseOf(text: string): string {
  return text.replace(/^```.*?^```$/gms, '');
}

function blocksOf(text: string): Block[] {
  const fences = text.matchAll(/^(?:<!-- example: (?<example>[^\n]*) -->\n)?```(?<language>\S*)\n(?<body>.*?)^```$/gms);
  return Array.from(fences, ({ index, groups }) => ({
    language: groups?.language ?? '',
    text: groups?.body ?? '',
    line: text.slice(0, index).split('\n').length + (groups?.example === undefined ? 0 : 1),
    example: groups?.example,
  }));
}
