import { stringify } from 'yaml';
import * as z from 'zod';
import { type Kind, kinds } from '../../src/resources/kinds.js';
import { type OpenApiSchema, openApiSchema } from './open-api-schema.js';

const group = 'crd.projectcalico.org';

/** Kinds that Kubernetes has itself, or makes of its own. */
const native: ReadonlySet<Kind> = new Set(['WorkloadEndpoint', 'Profile', 'Node']);
/** Parameters are many, and newer versions have more: what is not known here is kept for whoever knows it. */
const open: ReadonlySet<Kind> = new Set(['FelixConfiguration']);

const head = `# Calico's resources, as far as Margay uses them, in the group that Calico calls ${group}. A cluster with Calico has
# them already: do not replace those. Written by \`npm run crds\` from the schemas in src/resources.
`;

/** All CustomResourceDefinitions that Margay needs. */
export function customResourceDefinitions(): readonly unknown[] {
  return Object.values(kinds)
    .filter(({ kind }) => !native.has(kind))
    .sort((a, b) => (a.plural < b.plural ? -1 : 1))
    .map(({ kind, plural, namespaced, schema }) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
        scope: namespaced ? 'Namespaced' : 'Cluster',
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: rootSchema(kind, schema) } }],
      },
    }));
}

/** The file `docs/kubernetes/crds.yaml`. */
export function definitionsFile(): string {
  // Without this, what stands twice in a schema would be written once and referred to.
  const options = { aliasDuplicateObjects: false, lineWidth: 120 };
  return (
    head +
    customResourceDefinitions()
      .map((definition) => `---\n${stringify(definition, options)}`)
      .join('')
  );
}

function rootSchema(kind: Kind, schema: z.ZodType): OpenApiSchema {
  if (!(schema instanceof z.ZodObject)) throw new TypeError(`${kind} is no object`);
  const { spec, status } = schema.shape;
  const specSchema = openApiSchema(spec);
  return {
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: open.has(kind) ? { ...specSchema, 'x-kubernetes-preserve-unknown-fields': true } : specSchema,
      ...(status === undefined ? {} : { status: openApiSchema(status) }),
    },
  };
}
