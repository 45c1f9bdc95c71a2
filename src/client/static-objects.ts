import { asStoredObject } from '../datastore/as-stored-object.js';
import type { StoredObject } from '../datastore/store.js';
import { asCalicoPrints } from '../resources/as-calico-prints.js';
import { type Kind, kinds } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import { defaultAllowProfile } from '../resources/packaged-rules.js';
import type { ObjectKey } from '../resources/resource.js';
import { defaultTierOrder, initialTiers } from '../resources/tier.js';
import { belongsToTier } from './kinds-in-tiers.js';

/** Objects that are there without being stored. */
export interface StaticObjects {
  ofKind(kind: Kind): readonly StoredObject[];
  ofKey(key: ObjectKey): StoredObject | undefined;
}

/**
 * The built-in profile; with `impliedTiers` also the tiers that the calculation of policy adds where a datastore need
 * not hold them.
 */
export function staticObjects({ impliedTiers }: { readonly impliedTiers: boolean }): StaticObjects {
  const profiles = [defaultAllowProfile].flatMap((profile) => asStatic(profile));
  const tiers = impliedTiers ? initialTiers.flatMap((tier) => asStatic(tier)) : [];
  const all = [...profiles, ...tiers];
  return {
    ofKind: (wanted) => all.filter(({ kind }) => kind === wanted),
    ofKey: (key) => all.find(({ kind, metadata }) => kind === key.kind && metadata.name === key.name),
  };
}

/** Calico's client gives them this version. */
function asStatic(value: unknown): StoredObject[] {
  const object = asStoredObject(value);
  return object === undefined ? [] : [{ ...object, metadata: { ...object.metadata, resourceVersion: '1' } }];
}

const tierLabel = 'projectcalico.org/tier';

/** An object as Calico's client shows it: policies with the label of their tier, tiers with order and action. */
export function asRead(stored: StoredObject): StoredObject {
  const object = asStoredObject(asCalicoPrints(stored, kinds[stored.kind])) ?? stored;
  if (belongsToTier(object.kind)) return withTierLabel(object);
  if (object.kind !== 'Tier') return object;
  const spec = isMap(object.spec) ? object.spec : {};
  return { ...object, spec: { order: defaultTierOrder, defaultAction: 'Deny', ...spec } };
}

function withTierLabel(object: StoredObject): StoredObject {
  const { metadata } = object;
  const labels = isMap(metadata.labels) ? metadata.labels : {};
  if (Object.hasOwn(labels, tierLabel)) return object;
  return { ...object, metadata: { ...metadata, labels: { ...labels, [tierLabel]: 'default' } } };
}
