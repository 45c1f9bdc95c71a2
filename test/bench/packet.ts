import type { Section } from './section.js';

export const packet: Section = { name: 'packet', help: '', needsRoot: true, run: async () => [] };
