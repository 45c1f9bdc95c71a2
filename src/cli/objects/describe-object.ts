import { examineObject } from '../../client/examine-object.js';
import { belongsToTier } from '../../client/kinds-in-tiers.js';
import type { StoredObject } from '../../datastore/store.js';
import { isMap } from '../../resources/normalise.js';
import type { Issue } from '../../resources/resource.js';
import { columns } from '../columns.js';
import type { Color, Paint } from '../paint.js';
import { printable } from '../printable.js';
import { describeRule } from './describe-rule.js';
import { textOf } from './object-fields.js';
import { yamlText } from './print-objects.js';

const actionColors: Readonly<Record<string, Color>> = { Allow: 'green', Deny: 'red', Pass: 'yellow', Log: 'gray' };

/** An object for people: what it is, what it says, with rules in words, and what is wrong with it. */
export function describeObject(object: StoredObject, paint: Paint): string {
  const { kind, spec, status } = object;
  const fields = Object.entries(isMap(spec) ? spec : {});
  const hasRules = belongsToTier(kind) || kind === 'Profile';
  const isRules = ([field, value]: readonly [string, unknown]): boolean =>
    hasRules && (field === 'ingress' || field === 'egress') && Array.isArray(value);
  const sections = [
    headLines(object, paint),
    section('Spec', fieldLines(fields.filter((entry) => !isRules(entry))), paint),
    ...fields.filter(isRules).map(([field, value]) => ruleLines(field, Array.isArray(value) ? value : [], paint)),
    isMap(status) ? section('Status', fieldLines(Object.entries(status)), paint) : [],
    concernLines(object, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headLines({ kind, metadata }: StoredObject, paint: Paint): string[] {
  const { name, namespace, labels, annotations, creationTimestamp, resourceVersion } = metadata;
  const several = (value: unknown): string[] =>
    isMap(value) ? Object.entries(value).map(([key, text]) => `${key}=${textOf(text)}`) : [];
  const rows: [string, readonly string[]][] = [
    ['Name', [name]],
    ['Kind', [kind]],
    ['Namespace', namespace === undefined ? [] : [namespace]],
    ['Labels', several(labels)],
    ['Annotations', several(annotations)],
    ['Created', creationTimestamp === undefined ? [] : [textOf(creationTimestamp)]],
    ['Version', resourceVersion === undefined ? [] : [resourceVersion]],
  ];
  return columns(
    rows.flatMap(([title, values]) =>
      values.map((value, index) => [index === 0 ? paint('bold', `${title}:`) : '', printable(value)]),
    ),
  );
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [paint('bold', `${title}:`), ...lines.map((line) => `  ${line}`)];
}

/** Values of one line beside their fields; what has a structure below them, as YAML. */
function fieldLines(fields: readonly (readonly [string, unknown])[]): string[] {
  const plain = fields.filter(([, value]) => !isStructured(value));
  const structured = fields.filter(([, value]) => isStructured(value));
  return [
    ...columns(plain.map(([field, value]) => [printable(field), printable(plainText(value))])),
    ...structured.flatMap(([field, value]) => [
      printable(field),
      ...yamlText(value)
        .trimEnd()
        .split('\n')
        .map((line) => `  ${printable(line)}`),
    ]),
  ];
}

function isStructured(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => isMap(item) || Array.isArray(item));
  return isMap(value) && Object.keys(value).length > 0;
}

function plainText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.map(textOf).join(', ');
  return isMap(value) ? '{}' : textOf(value);
}

function ruleLines(direction: string, rules: readonly unknown[], paint: Paint): string[] {
  const title = direction === 'ingress' ? 'Ingress' : 'Egress';
  if (rules.length === 0) return [`${paint('bold', `${title}:`)} no rules`];
  const lines = rules.flatMap((rule, index) => {
    const [head = '', ...rest] = describeRule(rule).map(printable);
    const [action = '', ...words] = head.split(' ');
    const color = actionColors[action];
    const first = [color === undefined ? action : paint(color, action), ...words].join(' ');
    const number = `[${index}] `;
    return [`${number}${first}`, ...rest.map((line) => ' '.repeat(number.length) + line)];
  });
  return section(title, lines, paint);
}

function concernLines(object: StoredObject, paint: Paint): string[] {
  const { issues, warnings } = examineObject(object);
  const text = ({ path, message }: Issue): string => printable(path === '' ? message : `${path}: ${message}`);
  return [
    ...issues.map((issue) => `${paint('red', 'Invalid:')} ${text(issue)}`),
    ...warnings.map((issue) => `${paint('yellow', 'Warning:')} ${text(issue)}`),
  ];
}
