/** What `--type` can be, the default first. */
export const patchTypes = ['strategic', 'merge', 'json'] as const;

export type PatchType = (typeof patchTypes)[number];
