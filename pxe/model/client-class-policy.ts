import type { ClientClass } from '../boot-model.ts';
import type { FirmwareFacts } from '../script/boot-file-policy.ts';

export interface IndexedClass {
  readonly settings: ClientClass;
  readonly options: ReadonlyMap<number, Buffer>;
}

const fits = (pattern: string, text: string): boolean => (pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern);

function isMember({ vendorClass, userClass, architectures, subnetIds }: ClientClass, facts: FirmwareFacts, subnetId: string): boolean {
  if (vendorClass !== undefined && !fits(vendorClass, facts.vendorClass ?? '')) return false;
  if (userClass !== undefined && !facts.userClasses.some((one) => fits(userClass, one))) return false;
  if (architectures !== undefined && !architectures.some((one) => one === facts.architecture)) return false;
  return subnetIds === undefined || subnetIds.includes(subnetId);
}

const NONE: readonly IndexedClass[] = [];

/** All classes that a client is in, in the model's order: what a later one says goes before an earlier one's. */
export const classesOf = (classes: readonly IndexedClass[], facts: FirmwareFacts, subnetId: string): readonly IndexedClass[] =>
  classes.length === 0 ? NONE : classes.filter(({ settings }) => isMember(settings, facts, subnetId));
