import { malformed, type Malformed } from '../../core/base/malformed.ts';

/** VLANs as switches write them: `1,5-7`. */
export const VLAN_MAX = 4094;
const PART = /^(\d{1,4})(?:-(\d{1,4}))?$/;

export function decodeVlanRange(text: string): number[] | Malformed {
  const vlans = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last = first] = PART.exec(part.trim()) ?? [];
    if (first === undefined) return malformed(`${JSON.stringify(part)} is no VLAN and no range of VLANs`, 0);
    if (Number(first) < 1 || Number(last) > VLAN_MAX || Number(first) > Number(last))
      return malformed(`${part} is not within 1-${VLAN_MAX}`, 0);
    for (let vlan = Number(first); vlan <= Number(last); vlan += 1) vlans.add(vlan);
  }
  return [...vlans].toSorted((one, other) => one - other);
}

export function encodeVlanRange(vlans: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const vlan of vlans.toSorted((one, other) => one - other)) {
    const last = runs.at(-1);
    if (last !== undefined && vlan <= last[1] + 1) last[1] = vlan;
    else runs.push([vlan, vlan]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}
