import { Composer, type CST, type Document, type LineCounter, Parser } from 'yaml';

/** More than any resource has, and few enough for the recursive parts of the parser. */
export const mostNesting = 200;

/** A document, or the offset of something in it that is nested too deeply. */
export type YamlDocument = Document.Parsed | { readonly tooDeepAt: number };

/**
 * Parses the documents of a YAML stream one after the other, with the errors of each in it: what was made of one is garbage when
 * the next is asked for. What is nested too deeply ends the stream, before nodes are made: that part of yaml 2.9 is
 * recursive, and near the end of the stack V8 may abort the process instead of throwing.
 */
export function* yamlDocuments(text: string, lines: LineCounter): Iterable<YamlDocument> {
  const composer = new Composer({
    version: '1.2',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  });
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    const tooDeepAt = deepToken(token);
    if (tooDeepAt !== undefined) {
      yield { tooDeepAt };
      return;
    }
    yield* composer.next(token);
  }
  yield* composer.end(false, text.length);
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
