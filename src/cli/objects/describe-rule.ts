import { isMap } from '../../resources/normalise.js';
import { fieldAt, textOf } from './object-fields.js';

/**
 * A rule of a policy or profile for people: what it does with which protocol in the first line, then where from, where
 * to, and what else has to match. As it is stored: what is not known is shown as it is.
 */
export function describeRule(rule: unknown): string[] {
  if (!isMap(rule)) return [textOf(rule)];
  const { action, ipVersion, protocol, notProtocol, source, destination, http, metadata, icmp, notICMP, ...rest } =
    rule;
  const head = [
    textOf(action) || '(no action)',
    ...(ipVersion === undefined ? [] : [`IPv${textOf(ipVersion)}`]),
    ...(protocol === undefined ? [] : [textOf(protocol)]),
    ...(notProtocol === undefined ? [] : [`not ${textOf(notProtocol)}`]),
    ...(icmp === undefined ? [] : [icmpText(icmp)]),
    ...(notICMP === undefined ? [] : [`not ${icmpText(notICMP)}`]),
  ];
  return [
    head.join(' '),
    ...indented('from  ', entityLines(source)),
    ...indented('to    ', entityLines(destination)),
    ...indented('http  ', httpLines(http)),
    ...Object.entries(rest).map(([field, value]) => `${field}  ${textOf(value)}`),
    ...indented('note  ', noteLines(metadata)),
  ];
}

function indented(word: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${index === 0 ? word : ' '.repeat(word.length)}${line}`);
}

function icmpText(icmp: unknown): string {
  const code = fieldAt(icmp, 'code');
  const text = `type ${textOf(fieldAt(icmp, 'type')) || 'any'}`;
  return code === undefined ? text : `${text} code ${textOf(code)}`;
}

const labelled: Readonly<Record<string, string>> = {
  nets: 'nets',
  notNets: 'not nets',
  selector: 'selector',
  notSelector: 'not selector',
  namespaceSelector: 'namespaces',
  ports: 'ports',
  notPorts: 'not ports',
};

function entityLines(entity: unknown): string[] {
  if (!isMap(entity)) return [];
  return Object.entries(entity).flatMap(([field, value]) => {
    if (field === 'services')
      return [`service ${[fieldAt(value, 'namespace'), fieldAt(value, 'name')].filter(Boolean).join('/')}`];
    if (field === 'serviceAccounts') return accountLines(value);
    return [`${labelled[field] ?? field} ${listText(value)}`];
  });
}

function accountLines(accounts: unknown): string[] {
  const names = fieldAt(accounts, 'names');
  const selector = fieldAt(accounts, 'selector');
  return [
    ...(names === undefined ? [] : [`service accounts ${listText(names)}`]),
    ...(selector === undefined ? [] : [`service accounts with ${textOf(selector)}`]),
  ];
}

function httpLines(http: unknown): string[] {
  const methods = fieldAt(http, 'methods');
  const paths = fieldAt(http, 'paths');
  const alternatives = Array.isArray(paths) ? paths.map((path) => textOf(path).replace('=', ' ')) : [];
  return [
    ...(methods === undefined ? [] : [`methods ${listText(methods)}`]),
    ...(alternatives.length === 0 ? [] : [`paths ${alternatives.join(', ')}`]),
  ];
}

function noteLines(metadata: unknown): string[] {
  const annotations = fieldAt(metadata, 'annotations');
  return isMap(annotations) ? Object.entries(annotations).map(([key, value]) => `${key}: ${textOf(value)}`) : [];
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.map(textOf).join(', ') : textOf(value);
}
