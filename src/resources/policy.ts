import * as z from 'zod';
import { emptyIsAbsent, oneOf, type RefinementContext, report, text, within } from './field.js';
import { clusterMetadata, namespacedMetadata } from './metadata.js';
import { globalPolicyNameProblem, nameProblem, policyNameProblem, resourceNameProblem } from './name.js';
import { resource } from './resource-schema.js';
import { rules, selector } from './rule.js';

const types = z.array(oneOf('V-POL-6', 'Ingress', 'Egress')).superRefine((items, context) => {
  if (new Set(items).size < items.length) report(context, 'V-POL-6', [], 'a type is listed twice');
});

const performanceHints = z.array(oneOf('V-POL-8', 'AssumeNeededOnEveryNode')).superRefine((items, context) => {
  if (new Set(items).size < items.length) report(context, 'V-POL-8', [], 'a performance hint is listed twice');
});

/** What staged policies can say about the policy of the same name. */
export const stagedAction = oneOf('V-STG-1', 'Set', 'Delete', 'Learn', 'Ignore');

/** A finite number; lower comes first. */
export const order = z.number();

const placeFields = { tier: emptyIsAbsent(text('V-NAME', within(253, nameProblem))), order: order.optional() };
const selectionFields = { selector: emptyIsAbsent(selector), types: types.optional() };
const hintFields = { performanceHints: performanceHints.optional() };

const namespacedFields = {
  ...placeFields,
  ingress: rules({ direction: 'ingress', owner: 'namespaced policy' }).optional(),
  egress: rules({ direction: 'egress', owner: 'namespaced policy' }).optional(),
  ...selectionFields,
  serviceAccountSelector: emptyIsAbsent(selector),
  ...hintFields,
};

const globalFields = {
  ...placeFields,
  ingress: rules({ direction: 'ingress', owner: 'global policy' }).optional(),
  egress: rules({ direction: 'egress', owner: 'global policy' }).optional(),
  ...selectionFields,
  doNotTrack: emptyIsAbsent(z.boolean()),
  preDNAT: emptyIsAbsent(z.boolean()),
  applyOnForward: emptyIsAbsent(z.boolean()),
  serviceAccountSelector: emptyIsAbsent(selector),
  namespaceSelector: emptyIsAbsent(selector),
  ...hintFields,
};

const staged = { stagedAction: emptyIsAbsent(stagedAction) };
const namespacedSpec = z.object(namespacedFields).superRefine(checkSelectors);
const globalSpec = z.object(globalFields).superRefine(checkGlobalSpec);
const stagedSpec = z.object({ ...staged, ...namespacedFields }).superRefine((spec, context) => {
  checkSelectors(spec, context);
  checkStaged(spec, context);
});
const stagedGlobalSpec = z.object({ ...staged, ...globalFields }).superRefine((spec, context) => {
  checkGlobalSpec(spec, context);
  checkStaged(spec, context);
});

const namespaced = namespacedMetadata('V-NAME-NP', policyNameProblem);
const global = clusterMetadata('V-NAME-GNP', globalPolicyNameProblem);

export const networkPolicy = resource('NetworkPolicy', namespaced, namespacedSpec);
export const globalNetworkPolicy = resource('GlobalNetworkPolicy', global, globalSpec);
export const stagedNetworkPolicy = resource('StagedNetworkPolicy', namespaced, stagedSpec);
export const stagedGlobalNetworkPolicy = resource('StagedGlobalNetworkPolicy', global, stagedGlobalSpec);

/** What a NetworkPolicy of Kubernetes means, as a policy of its namespace. Nobody writes it: a datastore makes it. */
export const kubernetesNetworkPolicy = resource(
  'KubernetesNetworkPolicy',
  namespacedMetadata('V-NAME', resourceNameProblem),
  namespacedSpec,
);

export type NetworkPolicy = z.infer<typeof networkPolicy>;
export type GlobalNetworkPolicy = z.infer<typeof globalNetworkPolicy>;
export type StagedNetworkPolicy = z.infer<typeof stagedNetworkPolicy>;
export type StagedGlobalNetworkPolicy = z.infer<typeof stagedGlobalNetworkPolicy>;
export type KubernetesNetworkPolicy = z.infer<typeof kubernetesNetworkPolicy>;

interface Selectors {
  readonly selector?: string | undefined;
  readonly serviceAccountSelector?: string | undefined;
  readonly namespaceSelector?: string | undefined;
}

function checkSelectors(spec: Selectors, context: RefinementContext): void {
  for (const field of ['selector', 'serviceAccountSelector', 'namespaceSelector'] as const) {
    if (spec[field]?.includes('global('))
      report(
        context,
        'V-POL-1',
        [field],
        "global() can only be used in the namespaceSelector of a rule's source or destination",
      );
  }
}

function checkGlobalSpec(spec: z.infer<z.ZodObject<typeof globalFields>>, context: RefinementContext): void {
  checkSelectors(spec, context);
  const { preDNAT = false, doNotTrack = false, applyOnForward = false } = spec;
  if (preDNAT && doNotTrack) report(context, 'V-POL-2', ['preDNAT'], 'preDNAT and doNotTrack cannot both be true');
  if (preDNAT && (spec.egress ?? []).length > 0)
    report(context, 'V-POL-3', ['egress'], 'a preDNAT policy cannot have any egress rules');
  if (preDNAT && spec.types?.includes('Egress'))
    report(context, 'V-POL-4', ['types'], "a preDNAT policy cannot have type 'Egress'");
  if ((preDNAT || doNotTrack) && !applyOnForward)
    report(context, 'V-POL-5', ['applyOnForward'], 'applyOnForward must be true for a preDNAT or doNotTrack policy');
}

/** V-STG-1; an empty list counts as set, except types, which the client drops before it looks. */
function checkStaged(spec: Readonly<Record<string, unknown>>, context: RefinementContext): void {
  if (spec.stagedAction !== 'Delete') return;
  for (const [field, value] of Object.entries(spec)) {
    if (field === 'stagedAction' || field === 'tier' || field === 'types' || value === undefined || value === false)
      continue;
    report(context, 'V-STG-1', [field], `${field} must not be set when stagedAction is Delete`);
  }
}
