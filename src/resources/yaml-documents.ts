import { Composer, type CST, type Document, type LineCounter, Parser } from 'yaml';

/** More than any resource has, and few enough for the recursive parts of the parser. */
export const mostNesting = 200;

export type YamlDocuments =
  | { readonly documents: readonly Document.Parsed[] }
  /** Where something is nested too deeply, as an offset. */
  | { readonly tooDeepAt: number };

/**
 * Parses the documents of a YAML stream, with the errors of each in it. What is nested too deeply is refused before nodes are
 * made: that part of yaml 2.9 is recursive, and near the end of the stack V8 may abort the process instead of throwing.
 */
export function yamlDocuments(text: string, lines: LineCounter): YamlDocuments {
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  for (const token of tokens) {
    const tooDeepAt = deepToken(token);
    if (tooDeepAt !== undefined) return { tooDeepAt };
  }
  const options = {
    version: '1.2',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  } as const;
  return { documents: [...new Composer(options).compose(tokens)] };
}

/** The offset of a token below too many others. */
function deepToken(root: CST.Token): number | undefined {
  const pending: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { token, depth } = next;
    if (depth > mostNesting) return token.offset;
    for (const child of children(token)) pending.push({ token: child, depth: depth + 1 });
  }
  return undefined;
}

function children(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value].filter((child) => child !== undefined && child !== null));
}
