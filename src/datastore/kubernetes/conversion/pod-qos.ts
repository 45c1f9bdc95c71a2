import type { Issue } from '../../../resources/resource.js';
import { conversionIssue } from './conversion.js';
import { parseQuantity } from './quantity.js';

type Controls = Record<string, number | string>;
type Direction = 'ingress' | 'egress';

/** By the end of a control's name; limits as of Calico's conversion. */
const limits: Readonly<Record<string, { readonly least: bigint; readonly most: bigint }>> = {
  Bandwidth: { least: 1000n, most: 10n ** 15n },
  Burst: { least: 1000n, most: 34_359_738_360n },
  Peakrate: { least: 1010n, most: 1_010_000_000_000_000n },
  Minburst: { least: 1000n, most: 100_000_000n },
  PacketRate: { least: 1n, most: 10_000n },
  PacketBurst: { least: 1n, most: 10_000n },
  MaxConnections: { least: 1n, most: 4_294_967_295n },
};
const defaultBurst = 4 * 1024 ** 3;
const defaultPacketBurst = 5;
const directions: readonly Direction[] = ['ingress', 'egress'];

/** The classes of differentiated services that Calico knows by name. */
const dscpNames: ReadonlySet<string> = new Set(
  'DF EF CS0 CS1 CS2 CS3 CS4 CS5 CS6 AF11 AF12 AF13 AF21 AF22 AF23 AF31 AF32 AF33 AF41 AF42 AF43'.split(' '),
);

/** The limits of traffic that annotations of a pod ask for; undefined if there are none. */
export function podQos(annotations: Readonly<Record<string, string>>): {
  readonly controls: Readonly<Controls> | undefined;
  readonly warnings: readonly Issue[];
} {
  const controls: Controls = {};
  const warnings: Issue[] = [];
  for (const direction of directions) {
    for (const name of Object.keys(limits)) readControl(direction, name, annotations, controls, warnings);
    complete(direction, controls, warnings);
  }
  readDscp(annotations, controls, warnings);
  return { controls: Object.keys(controls).length > 0 ? controls : undefined, warnings };
}

function readControl(
  direction: Direction,
  name: string,
  annotations: Readonly<Record<string, string>>,
  controls: Controls,
  warnings: Issue[],
): void {
  const keys = [`qos.projectcalico.org/${direction}${name}`];
  // Calico's own annotation counts before the one of Kubernetes.
  if (name === 'Bandwidth') keys.push(`kubernetes.io/${direction}-bandwidth`);
  const key = keys.find((key) => annotations[key] !== undefined);
  const { least = 0n, most = 0n } = limits[name] ?? {};
  if (key === undefined) return;
  const asked = parseQuantity(annotations[key] ?? '');
  if (asked === undefined) {
    warn(warnings, key, `'${annotations[key]}' is no quantity; there is no such limit`);
    return;
  }
  const value = asked < least ? least : asked > most ? most : asked;
  if (value !== asked) warn(warnings, key, `must be from ${least} to ${most}, not ${asked}; ${value} counts`);
  controls[direction + name] = Number(value);
}

/** What makes no sense without another limit is left out, and what is missing beside one is filled in, as Calico does. */
function complete(direction: Direction, controls: Controls, warnings: Issue[]): void {
  const value = (name: string) => Number(controls[direction + name] ?? 0);
  const drop = (name: string, need: string) => {
    delete controls[direction + name];
    warn(warnings, `qos.projectcalico.org/${direction}${name}`, `is ignored: ${need}`);
  };
  if (value('Burst') > 0 && value('Bandwidth') === 0) drop('Burst', 'there is no bandwidth to go with it');
  if (value('Peakrate') > 0 && (value('Bandwidth') === 0 || value('Bandwidth') >= value('Peakrate')))
    drop('Peakrate', 'it must be more than the bandwidth');
  if (value('Minburst') > 0 && value('Peakrate') === 0) drop('Minburst', 'there is no peakrate to go with it');
  if (value('PacketBurst') > 0 && value('PacketRate') === 0)
    drop('PacketBurst', 'there is no packet rate to go with it');
  if (value('Bandwidth') > 0 && value('Burst') === 0) controls[`${direction}Burst`] = defaultBurst;
  if (value('PacketRate') > 0 && value('PacketBurst') === 0) controls[`${direction}PacketBurst`] = defaultPacketBurst;
}

function readDscp(annotations: Readonly<Record<string, string>>, controls: Controls, warnings: Issue[]): void {
  const key = 'qos.projectcalico.org/dscp';
  const text = annotations[key];
  if (text === undefined) return;
  const name = text.toUpperCase();
  if (dscpNames.has(name)) controls.dscp = name;
  else if (/^\d{1,3}$/.test(text) && Number(text) <= 63) controls.dscp = Number(text);
  else warn(warnings, key, `'${text}' is neither a name of a DSCP nor a number from 0 to 63`);
}

function warn(warnings: Issue[], annotation: string, message: string): void {
  warnings.push(conversionIssue(['metadata', 'annotations', annotation], message));
}
