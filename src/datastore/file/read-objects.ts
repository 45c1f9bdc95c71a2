import { isOtherCalicoKind } from '../../resources/other-kinds.js';
import { parseResource } from '../../resources/parse-resource.js';
import { eachDocument, type RawDocument } from '../../resources/read-documents.js';
import type { Issue, Parsed } from '../../resources/resource.js';
import type { Problem } from '../source.js';
import type { FileObject, Reader } from './reader.js';

/** Says what is wrong with the syntax of a selector, if anything is. */
export type CheckSelector = (text: string) => string | undefined;

/**
 * The reader of files with Calico resources, as a user would give them to `calicoctl apply`: what Calico's client fills in is
 * filled in. One document that can't be parsed makes the file unreadable, because what else is in it may be a part of that.
 */
export function objectReader(checkSelector: CheckSelector): Reader {
  return (text, format) => {
    const objects: FileObject[] = [];
    const problems: Problem[] = [];
    const broken: Problem[] = [];
    for (const document of eachDocument(text, format)) {
      const { issues, line, value } = document;
      broken.push(...issues.map((issue) => ({ line: issue.line ?? line, issue })));
      if (broken.length > 0 || isOtherCalicoKind(value)) continue;
      const { key, parsed } = parseResource(value, { unknownFields: 'warning', defaults: 'client', checkSelector });
      const located = withLines(parsed, document);
      if (key !== undefined) objects.push({ key, line, parsed: located });
      else problems.push(...unidentified(located, value, line));
    }
    return broken.length > 0
      ? { unreadable: true, objects: [], problems: broken }
      : { unreadable: false, objects, problems };
  };
}

function unidentified(parsed: Parsed, value: unknown, line: number): Problem[] {
  const name = nameIn(value);
  const about = name === undefined ? { line } : { line, name };
  return parsed.valid ? [] : parsed.issues.map((issue) => ({ ...about, issue }));
}

function nameIn(value: unknown): string | undefined {
  const metadata = fieldOf(value, 'metadata');
  const name = fieldOf(metadata, 'name');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? Reflect.get(value, field)
    : undefined;
}

function withLines(parsed: Parsed, document: RawDocument): Parsed {
  const locate = (issue: Issue): Issue => {
    const line = issue.line ?? document.lineOf(issue.path) ?? document.line;
    return { ...issue, line };
  };
  const warnings = [...document.warnings, ...parsed.warnings].map(locate);
  return parsed.valid ? { ...parsed, warnings } : { ...parsed, issues: parsed.issues.map(locate), warnings };
}
