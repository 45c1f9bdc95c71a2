import { within } from './field.js';
import type { ReadableKind } from './kinds.js';
import type { Issue } from './resource.js';
import { selectorLimit } from './rule.js';

/**
 * Rules that only Calico's client checks: objects that break them get into datastores by other ways (kubectl, old versions),
 * and Calico's agent enforces them all the same. To quarantine such an endpoint or policy would open what it protects.
 */
const clientOnly: ReadonlySet<string> = new Set([
  'V-NAME',
  'V-NAME-NP',
  'V-NAME-GNP',
  'V-NAME-SKNP',
  'V-NAME-TIER',
  'V-LABEL',
  'V-ANNOTATION',
  'V-HEP-5',
  'V-WEP-NAME',
  'V-WEP-1',
  'V-CID',
  'V-PORTNAME',
  'V-EP-1',
  'V-RULE-5',
  'V-RULE-6',
  'V-RULE-7',
  'V-RULE-8',
  'V-RULE-9',
  'V-RULE-16',
  'V-NS-1',
  'V-NODE-1',
  'V-TIER-1',
  'V-TIER-2',
  'V-TIER-3',
  'limit',
]);

/** Kubernetes has no such limit, and Calico's agent takes a selector of any length. */
const longSelector = within(selectorLimit)('a'.repeat(selectorLimit + 1));

/** Whether an object from a datastore is used in spite of the issue. */
export function toleratedInDatastore({ code, message }: Issue, kind: ReadableKind['kind']): boolean {
  // Each parameter is resolved on its own, with its own way to treat a bad value.
  if (kind === 'FelixConfiguration' && code.startsWith('V-FC')) return true;
  if (code === 'V-NAME' && message === 'a name is missing') return false;
  if (code === 'V-SELECTOR') return message === longSelector;
  // The other addresses and ports of a slice are used.
  if (kind === 'EndpointSlice' && code.startsWith('endpoint-')) return true;
  return clientOnly.has(code);
}
