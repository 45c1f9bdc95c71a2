import type { Section } from './section.js';

export const kernel: Section = { name: 'kernel', help: '', needsRoot: true, run: async () => [] };
