import type { FelixConfiguration } from './felix-configuration.js';
import { felixParameterTable, type ParameterDefinition } from './felix-parameter-table.js';
import { type FelixSource, felixSources, type SourceOptions } from './felix-sources.js';
import type { Issue } from './resource.js';

export type { FailsafePort, InterfaceExclusion, RateLimit } from './felix-value.js';

type Table = typeof felixParameterTable;

/** The parameters in force on a node; times are in seconds. */
export type FelixParameters = {
  readonly [Key in keyof Table]: Table[Key] extends ParameterDefinition<infer Value> ? Value : never;
};

export interface ResolveOptions extends SourceOptions {
  /** What was in force before: parameters with an error keep it. */
  readonly previous?: FelixParameters;
}

export interface ResolvedParameters {
  readonly parameters: FelixParameters;
  /** Bad values that were replaced by the built-in default, and remarks. */
  readonly warnings: readonly Issue[];
  /** Bad values of parameters with which Calico's agent would refuse to start. */
  readonly errors: readonly Issue[];
}

interface Found<Value> {
  readonly value: Value;
  /** Nothing set it. */
  readonly builtIn: boolean;
}

/**
 * Resolves each parameter on its own: environment, then the FelixConfiguration of the node, the one whose selector fits, the
 * default one, the built-in value. An issue's path is `source: parameter`. Source: docs.tigera.io, "Configuring Felix".
 */
export function resolveFelixParameters({ previous, ...options }: ResolveOptions): ResolvedParameters {
  const sources = felixSources(options);
  const warnings: Issue[] = [];
  const errors: Issue[] = [];
  const resolve = <Value>(definition: ParameterDefinition<Value>, last: Value | undefined): Value => {
    const found = find(definition, last, sources, warnings, errors);
    if (!found.builtIn || definition.fallback === undefined) return found.value;
    const fallback = find({ ...definition, ...definition.fallback }, last, sources, warnings, errors);
    if (!fallback.builtIn) warnings.push(fallbackRemark(definition.name, definition.fallback.name));
    return fallback.value;
  };
  const entries = Object.entries(felixParameterTable).map(([key, definition]) => [
    key,
    resolve<unknown>(definition, previous?.[key as keyof Table]),
  ]);
  const parameters = Object.fromEntries(entries) as FelixParameters;
  return { parameters, warnings: [...warnings, ...remarks(parameters)], errors };
}

/** Every source is looked at: a bad value is told even where a better source overrides it. */
function find<Value>(
  definition: ParameterDefinition<Value>,
  last: Value | undefined,
  sources: readonly FelixSource[],
  warnings: Issue[],
  errors: Issue[],
): Found<Value> {
  const values = sources.flatMap((source) => {
    const text = source.text(definition)?.trim() ?? '';
    if (text === '') return [];
    const parsed = text.toLowerCase() === 'none' ? definition.none : definition.parse(text);
    if (parsed !== undefined) return [parsed.value];
    const issue = badValue(source, definition, text);
    (definition.dieOnFail ? errors : warnings).push(issue);
    return [definition.dieOnFail && last !== undefined ? last : definition.builtIn];
  });
  const [value] = values;
  return value === undefined && values.length === 0
    ? { value: definition.builtIn, builtIn: true }
    : { value: value as Value, builtIn: false };
}

function badValue(
  source: FelixSource,
  { name, dieOnFail }: ParameterDefinition<never> | ParameterDefinition<unknown>,
  text: string,
): Issue {
  const instead = dieOnFail
    ? 'the last good value stays in force, or else the built-in default'
    : 'the built-in default is used';
  const shown = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return {
    path: `${source.name}: ${name}`,
    code: 'felix-parameter',
    message: `'${shown}' is no value of ${name}; ${instead}`,
  };
}

function fallbackRemark(name: string, used: string): Issue {
  return { path: used, code: 'iptables-parameter', message: `${used} is used, because ${name} is not set` };
}

function remarks({ nftablesMode }: FelixParameters): Issue[] {
  if (nftablesMode !== 'Disabled') return [];
  return [
    {
      path: 'NFTablesMode',
      code: 'nftables-only',
      message: 'Margay works with nftables only; Disabled is taken as Enabled',
    },
  ];
}

export type { FelixConfiguration };
