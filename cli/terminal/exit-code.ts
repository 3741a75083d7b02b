/** What a script can rely on. */
export const EXIT_CODE = {
  ok: 0,
  /** The work was tried and failed. */
  failed: 1,
  /** The command line was wrong; nothing was tried. */
  usage: 2,
  /** The control plane or a device did not answer. */
  unreachable: 3,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** An expected end with a cause for a person: printed without a stack, the program ends with `exitCode`. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it, printed on its own line. */
  readonly nextAction: string | undefined;
  constructor(message: string, exitCode: ExitCode, nextAction?: string) {
    super(message);
    this.exitCode = exitCode;
    this.nextAction = nextAction;
  }
}
