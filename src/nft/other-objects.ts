/** Kinds of objects that Margay never makes: whatever is there is somebody else's. */
export const OTHER_KINDS = [
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'synproxy',
  'flowtable',
] as const;
export type OtherKind = (typeof OTHER_KINDS)[number];

export interface OtherObject {
  readonly kind: OtherKind;
  readonly name: string;
}
