import type { Issue, ObjectKey } from '../resources/resource.js';

/** An object breaks rules of Calico's validation, and was not written. */
export class InvalidObjectError extends Error {
  /** As far as can be told. */
  readonly key: ObjectKey | undefined;
  readonly issues: readonly Issue[];

  constructor(key: ObjectKey | undefined, issues: readonly Issue[]) {
    super(issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '));
    this.name = 'InvalidObjectError';
    this.key = key;
    this.issues = issues;
  }
}
