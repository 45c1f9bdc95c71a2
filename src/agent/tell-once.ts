import type { Origin } from '../datastore/source.js';
import type { Log } from '../observe/log.js';
import type { QuarantinedObject } from '../observe/status.js';
import type { Calculation } from '../policy/calculator.js';
import type { Issue, ObjectKey } from '../resources/resource.js';

type Warning = { readonly key: ObjectKey; readonly origin: Origin; readonly issue: Issue };

/** Logs what is wrong with objects and configuration when it appears and when it is mended, not each time that it is seen. */
export function tellOnce(
  log: Log,
): (quarantined: readonly QuarantinedObject[], warnings: readonly Warning[], calculation: Calculation) => void {
  let told = new Set<string>();
  return (quarantined, warnings, { notices, parameterIssues }) => {
    const now = new Map<string, Readonly<Record<string, unknown>>>();
    for (const object of quarantined) {
      const place = object.file === null ? '' : `${object.file}${object.line === null ? '' : `:${object.line}`}: `;
      const text = `${place}${object.kind} ${object.name}: ${pathText(object.path)}${object.message} (in force: ${object.inForce})`;
      now.set(text, { code: object.code });
    }
    for (const { key, origin, issue } of warnings) {
      const line = issue.line ?? origin.line;
      const place = origin.file === undefined ? '' : `${origin.file}${line === undefined ? '' : `:${line}`}: `;
      now.set(`${place}${key.kind} ${key.name}: ${pathText(issue.path)}${issue.message}`, { code: issue.code });
    }
    for (const { key, issue } of notices) {
      now.set(`${key.kind} ${key.name}: ${pathText(issue.path)}${issue.message}`, { code: issue.code });
    }
    for (const { path, code, message } of parameterIssues)
      now.set(`FelixConfiguration: ${pathText(path)}${message}`, { code });
    for (const [text, fields] of now) if (!told.has(text)) log.warn(fields, text);
    for (const text of told) if (!now.has(text)) log.info(`no longer: ${text}`);
    told = new Set(now.keys());
  };
}

function pathText(path: string): string {
  return path === '' ? '' : `${path}: `;
}
