import {
  degradedReasons,
  type EndpointStatus,
  notReadyReasons,
  policyStates,
  type QuarantinedObject,
  type Status,
} from '../observe/status.js';
import { columns } from './columns.js';
import type { Color, Paint } from './paint.js';
import { printable } from './printable.js';

/** Longer lists are cut: a node may have thousands of endpoints, and `--json` has all. */
const longestList = 20;
const stateColors: Readonly<Record<EndpointStatus['state'], Color>> = { up: 'green', down: 'yellow', error: 'red' };

/** A status for people: how it is first, then what is enforced, then what is wrong. */
export function statusText(status: Status, paint: Paint): string {
  const sections = [
    headline(status, paint),
    overview(status, paint),
    endpoints(status.endpoints, paint),
    policies(status, paint),
    quarantined(status.quarantined, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headline(status: Status, paint: Paint): string[] {
  const notReady = notReadyReasons(status);
  const degraded = degradedReasons(status);
  const state = status.ready
    ? degraded.length > 0
      ? paint('yellow', 'ready, degraded')
      : paint('green', 'ready')
    : paint('red', 'not ready');
  return [
    `${paint('bold', printable(status.node))}: ${state}`,
    ...[...notReady, ...degraded].map((reason) => `  ${printable(reason)}`),
  ];
}

function overview(status: Status, paint: Paint): string[] {
  const { datastore, ruleset, lastApply, drift, state } = status;
  const connected = paintedConnection(datastore, paint);
  const changed = datastore.lastChange === null ? '' : `, last change ${datastore.lastChange}`;
  const size = ['chains', 'rules', 'sets', 'elements'] as const;
  const rows = [
    ['Datastore', `${printable(datastore.url)}, ${connected} since ${datastore.since}${changed}`],
    ['Input', `generation ${status.enforced} of ${status.input} is in force`],
    [
      'Ruleset',
      ruleset.hash === null
        ? `none (${ruleset.driver})`
        : `${size.map((what) => counted(ruleset[what], what)).join(', ')} (${ruleset.driver}, ${ruleset.hash.slice(0, 12)})`,
    ],
    [
      'Last apply',
      lastApply === null
        ? 'none yet'
        : `${lastApply.at}, ${counted(lastApply.changes, 'changes')} in ${lastApply.ms.toFixed(1)} ms${
            lastApply.error === null ? '' : `, ${paint('red', `refused: ${printable(lastApply.error)}`)}`
          }`,
    ],
    ['Drift', drift.repairs === 0 ? 'none' : `${counted(drift.repairs, 'repairs')}, the last ${drift.last ?? ''}`],
    // A daemon of an earlier version does not tell.
    ...(state?.problem ? [['State', paint('red', `not written: ${printable(state.problem)}`)]] : []),
    ['Version', printable(status.version)],
  ];
  return columns(rows);
}

function paintedConnection({ connected, reason }: Status['datastore'], paint: Paint): string {
  if (!connected) return paint('red', 'not connected');
  return reason === null ? 'connected' : `connected, ${paint('red', 'not ready')}`;
}

function endpoints(all: readonly EndpointStatus[], paint: Paint): string[] {
  if (all.length === 0) return ['No endpoints on this node.'];
  const header = ['ENDPOINT', 'KIND', 'INTERFACES', 'STATE', 'POLICIES', 'PROFILES'];
  const rows = all
    .slice(0, longestList)
    .map((endpoint) => [
      objectName(endpoint),
      endpoint.kind,
      list(endpoint.interfaces),
      paint(stateColors[endpoint.state], endpoint.state),
      list(endpoint.policies),
      list(endpoint.profiles),
    ]);
  return [...columns([header.map((word) => paint('bold', word)), ...rows]), ...more(all.length, 'endpoints')];
}

function policies(status: Status, paint: Paint): string[] {
  const counts = policyStates
    .map((state) => ({ state, count: status.policies.filter((policy) => policy.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  const told = status.policies.filter(({ state }) => state !== 'enforced');
  const rows = told
    .slice(0, longestList)
    .map((policy) => [
      `  ${policy.state === 'unsupported' ? paint('yellow', policy.state) : policy.state}`,
      policy.kind,
      objectName(policy),
      printable(policy.reason ?? ''),
    ]);
  const summary = counts.length > 0 ? counts.join(', ') : 'none';
  return [`${paint('bold', 'Policies')}  ${summary}`, ...columns(rows), ...more(told.length, 'policies')];
}

function quarantined(all: readonly QuarantinedObject[], paint: Paint): string[] {
  if (all.length === 0) return [];
  const lines = all.slice(0, longestList).flatMap((object) => {
    const place =
      object.file === null ? '' : `  ${printable(object.file)}${object.line === null ? '' : `:${object.line}`}`;
    const path = object.path === '' ? '' : `${printable(object.path)}: `;
    const inForce = object.inForce === 'absent' ? 'it is as if absent' : 'its last valid version is in force';
    return [
      `  ${printable(object.kind)} ${objectName(object)}${place}`,
      `    ${path}${printable(object.message)} (${inForce})`,
    ];
  });
  return [paint('yellow', `Quarantined  ${all.length}`), ...lines, ...more(all.length, 'objects')];
}

function objectName({ namespace, name }: { readonly namespace?: string | undefined; readonly name: string }): string {
  return printable(namespace === undefined ? name : `${namespace}/${name}`);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? '-' : printable(cut(names, 5).join(','));
}

function cut(names: readonly string[], longest: number): readonly string[] {
  return names.length <= longest ? names : [...names.slice(0, longest - 1), `+${names.length - longest + 1}`];
}

function more(total: number, what: string): string[] {
  return total > longestList ? [`  and ${total - longestList} more ${what}: see --json`] : [];
}

/** 1 of `rules` is `1 rule`. */
function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what.replace(/s$/, '') : what}`;
}
