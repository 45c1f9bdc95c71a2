/** What `-o` can be, the default first. */
export const outputFormats = ['table', 'wide', 'yaml', 'json', 'name'] as const;

export type OutputFormat = (typeof outputFormats)[number];
