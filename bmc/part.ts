/** What the BMC's records tell that the machine is made of, beside what is measured. */
export interface HardwarePart {
  /** `record`: one that tells nothing more than that it is there. */
  readonly kind: 'fru' | 'controller' | 'device' | 'event sensor' | 'container' | 'channel' | 'record';
  readonly name: string;
  /** What it is of, or is: `power supply 1`. */
  readonly entity?: string;
  /** One line. */
  readonly detail?: string;
  /** Of a container. */
  readonly contains?: readonly string[];
}

export interface PartCalls {
  parts(signal: AbortSignal): Promise<readonly HardwarePart[]>;
}
