/** Where a command writes; a process's streams are such. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** What a command has of the process that it runs in. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Absent: nothing comes in. */
  readonly stdin?: AsyncIterable<string | Uint8Array>;
  /** Ends a command that would go on for ever, such as a watch, when nobody reads what it writes any more. */
  readonly signal?: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}
