import { listIn, type Native, textIn, textListIn, textsIn } from './native.js';

/** A selector in Calico's language, or why there is none that says the same. */
export type Translated =
  | { readonly selector: string; readonly problem?: undefined }
  | { readonly selector?: undefined; readonly problem: string };

const orchestratorClause = "projectcalico.org/orchestrator == 'k8s'";
/** What Kubernetes allows in keys and values of labels; in a selector nothing of it has to be quoted. */
const plainKey = /^[A-Za-z0-9_./-]+$/;
const plainValue = /^[A-Za-z0-9_.-]*$/;

/** A label selector about pods. Without terms it is about all pods, which are told from hosts by their orchestrator. */
export function podSelector(labelSelector: Native): Translated {
  return joined([orchestratorClause], labelSelector);
}

/** A label selector about namespaces; without terms it is about all. */
export function namespaceSelector(labelSelector: Native): Translated {
  const translated = joined([], labelSelector);
  return translated.selector === '' ? { selector: 'all()' } : translated;
}

function joined(clauses: readonly string[], labelSelector: Native): Translated {
  const translated = [...labelClauses(labelSelector), ...expressionClauses(labelSelector)];
  const bad = translated.find(({ problem }) => problem !== undefined);
  if (bad?.problem !== undefined) return { problem: bad.problem };
  return { selector: [...clauses, ...translated.map(({ selector = '' }) => selector)].join(' && ') };
}

function labelClauses(labelSelector: Native): Translated[] {
  const labels = Object.entries(textsIn(labelSelector, 'matchLabels'));
  return labels
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => checked(key, [value]) ?? { selector: `${key} == '${value}'` });
}

function expressionClauses(labelSelector: Native): Translated[] {
  return listIn(labelSelector, 'matchExpressions').map((expression) => {
    const key = textIn(expression, 'key') ?? '';
    const operator = textIn(expression, 'operator');
    const values = textListIn(expression, 'values');
    const problem = checked(key, values);
    if (problem !== undefined) return problem;
    const list = `{ ${values.map((value) => `'${value}'`).join(', ')} }`;
    switch (operator) {
      case 'In':
        return values.length > 0 ? { selector: `${key} in ${list}` } : { problem: `In needs values (key '${key}')` };
      case 'NotIn':
        return values.length > 0
          ? { selector: `${key} not in ${list}` }
          : { problem: `NotIn needs values (key '${key}')` };
      case 'Exists':
        return { selector: `has(${key})` };
      case 'DoesNotExist':
        return { selector: `! has(${key})` };
      default:
        return { problem: `operator '${operator}' is not known` };
    }
  });
}

function checked(key: string, values: readonly string[]): Translated | undefined {
  if (!plainKey.test(key)) return { problem: `'${key}' is no key of a label` };
  const bad = values.find((value) => !plainValue.test(value));
  return bad === undefined ? undefined : { problem: `'${bad}' is no value of a label` };
}
