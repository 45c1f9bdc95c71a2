import { type Calculation, policyCalculator } from '../../src/policy/calculator.js';
import type { HostInterface } from '../../src/policy/resolve-interfaces.js';
import type { DerivedKind, Kind, Resource } from '../../src/resources/kinds.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { type ParseOptions, parseResource } from '../../src/resources/parse-resource.js';
import { readDocuments } from '../../src/resources/read-documents.js';
import { initialTiers } from '../../src/resources/tier.js';
import { checkSelector } from '../../src/selector/check-selector.js';

/** A value as a resource, as a user would give it to calicoctl, or as a datastore holds it. It must be valid. */
export function toResource(value: unknown, defaults: ParseOptions['defaults'] = 'client'): Resource {
  const { parsed } = parseResource(value, { unknownFields: 'error', defaults, checkSelector });
  if (parsed.valid) return parsed.resource;
  throw new Error(`${JSON.stringify(value)}: ${JSON.stringify(parsed.issues)}`);
}

/** The resources of YAML documents; `apiVersion` is filled in. */
export function fromYaml(text: string, defaults: ParseOptions['defaults'] = 'client'): Resource[] {
  return readDocuments(text, 'yaml').map(({ value, issues }) => {
    if (typeof value !== 'object' || value === null) throw new Error(JSON.stringify(issues));
    return toResource({ apiVersion: 'projectcalico.org/v3', ...value }, defaults);
  });
}

/** The only resource of the text, of the given kind. */
export function oneFromYaml<K extends Kind | DerivedKind>(
  kind: K,
  text: string,
  defaults: ParseOptions['defaults'] = 'client',
) {
  const [resource] = fromYaml(`kind: ${kind}\n${text}`, defaults);
  if (resource?.kind !== kind) throw new Error(`not one ${kind}: ${text}`);
  return resource as Extract<Resource, { kind: K }>;
}

export const NODE = 'n1';

export function newCalculator(environment: Readonly<Record<string, string>> = {}) {
  return policyCalculator({ node: NODE, environment, builtinProfiles: [defaultAllowProfile], initialTiers });
}

/** Interfaces by name, each with its addresses; one whose name starts with `!` is down. */
export function interfaces(given: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, HostInterface> {
  const all = Object.entries(given).map(([text, addresses]): HostInterface => {
    const up = !text.startsWith('!');
    return { name: up ? text : text.slice(1), up, addresses };
  });
  return new Map(all.map((one) => [one.name, one]));
}

export const SOME_INTERFACES = interfaces({
  lo: ['127.0.0.1', '::1'],
  eth0: ['192.0.2.1', '2001:db8::1'],
  eth1: ['198.51.100.1'],
  cali1: ['fe80::1'],
});

/** What the resources mean for node n1. */
export function calculate(
  resources: string | readonly Resource[],
  {
    environment = {},
    on = SOME_INTERFACES,
  }: { environment?: Record<string, string>; on?: typeof SOME_INTERFACES } = {},
): Calculation {
  const calculator = newCalculator(environment);
  calculator.setInterfaces(on);
  for (const resource of typeof resources === 'string' ? fromYaml(resources) : resources) calculator.upsert(resource);
  return calculator.calculate();
}
