import type { FelixConfiguration, FelixFailsafePort } from './felix-configuration.js';

export interface SourceOptions {
  /** The process's environment; names in any letter case. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly configurations: readonly FelixConfiguration[];
  readonly node: string;
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /** Whether a selector selects these labels; without it no configuration with a nodeSelector applies. */
  readonly selects?: (selector: string, labels: Readonly<Record<string, string>>) => boolean;
}

export interface FelixSource {
  /** For messages. */
  readonly name: string;
  /** The text of a parameter, as the environment would have it. */
  text(parameter: { readonly name: string; readonly field?: keyof FelixConfiguration['spec'] }): string | undefined;
}

const annotationPrefix = 'config.projectcalico.org/';
const environmentPrefix = 'felix_';

/** Where parameters come from, the strongest first. */
export function felixSources(options: SourceOptions): FelixSource[] {
  const named = (name: string) => options.configurations.find(({ metadata }) => metadata.name === name);
  const configurations = [named(`node.${options.node}`), selected(options), named('default')];
  return [
    environmentSource(options.environment),
    ...configurations.filter((configuration) => configuration !== undefined).map(configurationSource),
  ];
}

/** The oldest of those whose selector fits, then the first by name. */
function selected({ configurations, nodeLabels = {}, selects }: SourceOptions): FelixConfiguration | undefined {
  const fitting = configurations.filter(({ metadata: { name }, spec: { nodeSelector } }) => {
    if (name === 'default' || name.startsWith('node.') || nodeSelector === undefined) return false;
    return nodeSelector.trim() !== '' && selects?.(nodeSelector, nodeLabels);
  });
  const age = ({ metadata: { creationTimestamp, name } }: FelixConfiguration) =>
    `${creationTimestamp === undefined ? 'z' : new Date(creationTimestamp).getTime().toString().padStart(16, '0')} ${name}`;
  return fitting.toSorted((a, b) => (age(a) < age(b) ? -1 : 1))[0];
}

function environmentSource(environment: SourceOptions['environment']): FelixSource {
  const texts = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    const lower = name.toLowerCase();
    if (lower.startsWith(environmentPrefix) && value !== undefined)
      texts.set(lower.slice(environmentPrefix.length), value);
  }
  return { name: 'environment', text: ({ name }) => texts.get(name.toLowerCase()) };
}

function configurationSource({ metadata, spec }: FelixConfiguration): FelixSource {
  const annotations = new Map(
    Object.entries(metadata.annotations ?? {})
      .filter(([key]) => key.startsWith(annotationPrefix))
      .map(([key, value]) => [key.slice(annotationPrefix.length).toLowerCase(), value]),
  );
  return {
    name: `FelixConfiguration ${metadata.name}`,
    text({ name, field }) {
      const annotation = annotations.get(name.toLowerCase()) ?? '';
      return annotation !== '' || field === undefined ? annotation : fieldText(spec[field]);
    },
  };
}

/** The text form of a field; an empty list means none, a missing field that it is not set. */
function fieldText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return String(value);
  return value.length === 0 ? 'none' : value.map(itemText).join(',');
}

function itemText(item: Partial<FelixFailsafePort> & { readonly name?: string; readonly timeout?: string }): string {
  if (item.name !== undefined) return `${item.name}=${item.timeout ?? '0s'}`;
  const net = item.net === undefined ? '' : `[${item.net}]:`;
  return `${item.protocol ?? 'tcp'}:${net}${item.port}`;
}
