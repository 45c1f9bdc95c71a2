import type { Section } from './section.js';

export const render: Section = { name: 'render', help: '', needsRoot: true, run: async () => [] };
