import { writeFile } from 'node:fs/promises';
import { definitionsFile } from './custom-resource-definitions.js';

await writeFile(new URL('../../docs/kubernetes/crds.yaml', import.meta.url), definitionsFile());
