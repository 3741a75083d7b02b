/** BIOS settings as the BMC keeps them. What is set takes effect at the machine's next start. */
export type BiosValue = string | number | boolean | null;
export type BiosValues = Readonly<Record<string, BiosValue>>;

/** Everything but name and value comes from the attribute registry, which not every BMC has. */
export interface BiosAttribute {
  readonly name: string;
  readonly value: BiosValue;
  readonly type?: 'Enumeration' | 'String' | 'Integer' | 'Boolean' | 'Password';
  readonly allowableValues?: readonly string[];
  readonly lowerBound?: number;
  readonly upperBound?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly readOnly?: boolean;
  readonly resetRequired?: boolean;
  readonly unique?: boolean;
}

export interface BiosCalls {
  biosAttributes(signal: AbortSignal): Promise<readonly BiosAttribute[]>;
  /** Set, and waiting for the next start. */
  pendingBios(signal: AbortSignal): Promise<BiosValues>;
  setBios(values: BiosValues, signal: AbortSignal): Promise<void>;
  /** Back to the maker's defaults at the next start. */
  resetBios(signal: AbortSignal): Promise<void>;
}
