import type { EntityRule } from '../resources/kinds.js';
import { parseSelector } from '../selector/parse-selector.js';
import { prefixLabels, replaceAll, replaceGlobal } from '../selector/rewrite-selector.js';
import { all, and, equals, has, isIn, not, type Selector } from '../selector/selector.js';
import type { Policy } from './policy-facts.js';

export const NAMESPACE_LABEL = 'projectcalico.org/namespace';
export const ORCHESTRATOR_LABEL = 'projectcalico.org/orchestrator';
export const SERVICE_ACCOUNT_LABEL = 'projectcalico.org/serviceaccount';
/** Labels of namespaces and service accounts reach endpoints through their profiles, under these prefixes. */
export const NAMESPACE_PREFIX = 'pcns.';
export const SERVICE_ACCOUNT_PREFIX = 'pcsa.';

/**
 * What a policy selects, with its namespace and the selectors of namespaces and service accounts worked in, on the syntax tree
 * (Calico does it on the text, where a label value that holds `all()` would be damaged).
 */
export function policySelector(policy: Policy): Selector {
  const { selector = '', serviceAccountSelector = '' } = policy.spec;
  const own = selector.trim() === '' ? undefined : parsed(selector);
  if (policy.kind !== 'GlobalNetworkPolicy') {
    const base = conjunction(own, equals(NAMESPACE_LABEL, policy.metadata.namespace));
    return serviceAccountSelector === ''
      ? base
      : and(base, prefixLabels(parsed(serviceAccountSelector), SERVICE_ACCOUNT_PREFIX));
  }
  const { namespaceSelector = '' } = policy.spec;
  const inNamespaces = withClause(own, namespaceSelector, NAMESPACE_PREFIX, NAMESPACE_LABEL);
  return withClause(inNamespaces, serviceAccountSelector, SERVICE_ACCOUNT_PREFIX, SERVICE_ACCOUNT_LABEL) ?? all();
}

/** `all()` in such a clause means every namespace, or service account: in the whole selector, for so Calico replaces it. */
function withClause(
  selector: Selector | undefined,
  clause: string,
  prefix: string,
  label: string,
): Selector | undefined {
  if (clause === '') return selector;
  return replaceAll(conjunction(selector, prefixLabels(parsed(clause), prefix)), has(label));
}

/** What one side of a rule selects. */
export interface RuleSelectors {
  readonly positive?: Selector;
  readonly negative?: Selector;
}

/**
 * The selectors of one side of a rule. `namespace` is that of the policy; a rule with any selector stays within it, one without
 * matches any address. A positive and a negative one become one, so that a rule needs one set only.
 */
export function ruleSelectors(entity: EntityRule, namespace: string | undefined): RuleSelectors {
  const own = optional(entity.selector);
  const negative = optional(entity.notSelector);
  const account = serviceAccountClause(entity);
  const given = own ?? negative ?? account ?? optional(entity.namespaceSelector);
  if (given === undefined) return {};
  const positive = conjunctionOf(namespaceClause(entity, namespace), conjunctionOf(account, own));
  if (positive === undefined) return negative === undefined ? {} : { negative };
  return { positive: negative === undefined ? positive : and(positive, not(negative)) };
}

function namespaceClause(entity: EntityRule, namespace: string | undefined): Selector | undefined {
  const clause = optional(entity.namespaceSelector);
  if (clause === undefined) return namespace === undefined ? undefined : equals(NAMESPACE_LABEL, namespace);
  const prefixed = prefixLabels(clause, NAMESPACE_PREFIX);
  return replaceGlobal(replaceAll(prefixed, has(NAMESPACE_LABEL)), not(has(NAMESPACE_LABEL)));
}

function serviceAccountClause({ serviceAccounts }: EntityRule): Selector | undefined {
  if (!serviceAccounts) return undefined;
  const selector = optional(serviceAccounts.selector);
  const names = serviceAccounts.names ?? [];
  return conjunctionOf(
    selector && prefixLabels(selector, SERVICE_ACCOUNT_PREFIX),
    names.length > 0 ? isIn(SERVICE_ACCOUNT_LABEL, names) : undefined,
  );
}

function optional(text: string | undefined): Selector | undefined {
  return text === undefined || text === '' ? undefined : parsed(text);
}

function conjunction(first: Selector | undefined, second: Selector): Selector {
  return first === undefined ? second : and(first, second);
}

function conjunctionOf(first: Selector | undefined, second: Selector | undefined): Selector | undefined {
  return second === undefined ? first : conjunction(first, second);
}

/** Few texts stand in many rules: each is parsed once, and what is worked out from the selector is remembered with it. */
const known = new Map<string, Selector>();
const MOST_KNOWN = 10_000;

/** Resources are validated before they get here: a selector that does not parse is a mistake of the program. */
function parsed(text: string): Selector {
  const before = known.get(text);
  if (before) return before;
  const result = parseSelector(text);
  if (!result.ok) throw new Error(`selector ${JSON.stringify(text)} was not validated: ${result.message}`);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(text, result.selector);
  return result.selector;
}
