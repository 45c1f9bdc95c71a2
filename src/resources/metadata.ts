import * as z from 'zod';
import { emptyIsAbsent, report, type TextCheck, text, within } from './field.js';
import { labelValueProblem, qualifiedNameProblem } from './name.js';

/** All keys and values of the annotations of one object together. */
const annotationBytes = 256 * 1024;

/** A map of labels; both keys and values follow Kubernetes. */
export const labels = z.record(z.string(), z.string()).superRefine((map, context) => {
  for (const [key, value] of Object.entries(map)) {
    const message = qualifiedNameProblem(key) ?? labelValueProblem(value);
    if (message !== undefined) report(context, 'V-LABEL', [key], message);
  }
});

/** A map of annotations: keys as of labels in lower case, any values, limited in total. */
export const annotations = z.record(z.string(), z.string()).superRefine((map, context) => {
  let bytes = 0;
  for (const [key, value] of Object.entries(map)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    const message = qualifiedNameProblem(key.toLowerCase());
    if (message !== undefined) report(context, 'V-ANNOTATION', [key], message);
  }
  if (bytes > annotationBytes)
    report(context, 'limit', [], `annotations have ${bytes} bytes, at most ${annotationBytes} are allowed`);
});

const common = {
  selfLink: emptyIsAbsent(z.string()),
  uid: emptyIsAbsent(z.string()),
  resourceVersion: emptyIsAbsent(z.string()),
  generation: z.number().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
  labels: labels.optional(),
  annotations: annotations.optional(),
  ownerReferences: z.array(z.unknown()).optional(),
  finalizers: z.array(z.string()).optional(),
  managedFields: z.array(z.unknown()).optional(),
};

const generateName = emptyIsAbsent(z.string());

const requiredName = (code: string, check: TextCheck) =>
  text(code, (name) => (name === '' ? 'a name is missing' : check(name)));

/** Metadata of a kind that belongs to the cluster. */
export function clusterMetadata(code: string, nameCheck: TextCheck) {
  return z.object({
    name: requiredName(code, nameCheck),
    generateName,
    namespace: emptyIsAbsent(text('namespace', () => 'a namespace must not be given for a kind without namespaces')),
    ...common,
  });
}

/** Metadata of a kind that belongs to a namespace. */
export function namespacedMetadata(code: string, nameCheck: TextCheck) {
  return z.object({
    name: requiredName(code, nameCheck),
    generateName,
    namespace: text(
      'namespace',
      within(253, (namespace) =>
        namespace === ''
          ? 'a namespace is missing'
          : namespace.includes('/')
            ? `namespace '${namespace}' must not contain '/'`
            : undefined,
      ),
    ),
    ...common,
  });
}
