import type { MachineScript } from './machine-script-codec.ts';

/** What an agent runs at once: more would measure each other. */
export const BATCH_MAX = 16;

/** Commissioning before testing, each by name; neighbours that bear any company are one batch. */
export function batchScripts(scripts: readonly MachineScript[]): MachineScript[][] {
  const ordered = scripts.toSorted((a, b) => (a.type === b.type ? (a.name < b.name ? -1 : 1) : a.type < b.type ? -1 : 1));
  const batches: MachineScript[][] = [];
  for (const script of ordered) {
    const last = batches.at(-1);
    const joins = last !== undefined && last.length < BATCH_MAX && [script, last[0]!].every(bearsCompany) && last[0]!.type === script.type;
    if (joins) last.push(script);
    else batches.push([script]);
  }
  return batches;
}

const bearsCompany = (script: MachineScript) => script.parallel === 'any' && !script.mayReboot;
