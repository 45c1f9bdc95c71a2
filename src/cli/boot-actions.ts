/** What `margay boot` can do. */
export const bootActions = ['enable', 'disable', 'show'] as const;

export type BootAction = (typeof bootActions)[number];
