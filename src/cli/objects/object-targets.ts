import { type KindDefinition, kindNamed, kinds } from '../../resources/kinds.js';
import { otherCalicoKindNamed } from '../../resources/other-kinds.js';
import type { ObjectKey } from '../../resources/resource.js';
import { nearestName } from '../nearest-name.js';
import { SettingsError } from '../settings/settings-error.js';

/** Where the objects of a command belong. */
export interface Scope {
  readonly namespace?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

/** What a command line names: all objects of a kind, or some. */
export interface Target {
  readonly definition: KindDefinition;
  /** Undefined: all namespaces, or a kind without. */
  readonly namespace: string | undefined;
  /** Empty: all. */
  readonly names: readonly string[];
}

/**
 * `KIND[,KIND...] [NAME...]` or `KIND/NAME...`: kinds in any case, as plural or by calicoctl's short names. @throws
 * SettingsError for words that name nothing, Error for kinds that Margay has no use for
 */
export function targetsOf(words: readonly string[], scope: Scope): Target[] {
  const [first = '', ...names] = words;
  if (names.includes('') || words.includes('')) throw usage('NAME', 'must not be empty');
  if (!first.includes('/')) return first.split(',').map((kind) => target(kind, names, scope));
  return words.map((word) => {
    const [kind = '', name = '', ...rest] = word.split('/');
    if (name === '' || rest.length > 0) throw usage(word, 'must be KIND/NAME, as the first word is');
    return target(kind, [name], scope);
  });
}

/** The objects that a target with names stands for. */
export function keysOf({ definition: { kind }, namespace, names }: Target): ObjectKey[] {
  return names.map((name) => (namespace === undefined ? { kind, name } : { kind, namespace, name }));
}

function target(word: string, names: readonly string[], scope: Scope): Target {
  const definition = kindOfWord(word);
  return { definition, names, namespace: namespaceOf(definition, names, scope) };
}

function namespaceOf(
  { kind, namespaced }: KindDefinition,
  names: readonly string[],
  { namespace, allNamespaces = false }: Scope,
): string | undefined {
  if (allNamespaces && namespace !== undefined)
    throw usage('--namespace', 'cannot use both --namespace and --all-namespaces flags at the same time');
  if (!namespaced && (allNamespaces || namespace !== undefined))
    throw usage(allNamespaces ? '--all-namespaces' : '--namespace', `${kind} is not namespaced`);
  if (!namespaced) return undefined;
  if (!allNamespaces) return namespace ?? 'default';
  if (names.length > 0) throw usage('--all-namespaces', 'cannot be used for a single resource; name its namespace');
  return undefined;
}

function kindOfWord(word: string): KindDefinition {
  const definition = kindNamed(word);
  if (definition !== undefined) return definition;
  const other = otherCalicoKindNamed(word);
  if (other !== undefined)
    throw new Error(`${other} is a kind of Calico that Margay has no use for; manage it with calicoctl`);
  const known = Object.values(kinds).flatMap(({ kind, plural, shortNames }) => [kind, plural, ...shortNames]);
  const nearest = nearestName(word, known);
  const hint = nearest === undefined ? `known are ${Object.keys(kinds).join(', ')}` : `did you mean ${nearest}?`;
  throw usage('KIND', `resource type '${word}' is not supported; ${hint}`);
}

/** Of the command line; exit status 2. */
export function usage(source: string, message: string): SettingsError {
  return new SettingsError([{ source, message }]);
}
