import type { Inventory } from '../deploy-agent/protocol.ts';

/*
 * Which node is this machine? Never by one MAC: boards are swapped, NICs move, vendors ship serial "0123456789". Each
 * fact that two machines rarely share adds weight; one match needs more than a single NIC.
 */
export interface KnownIdentity {
  readonly nodeId: string;
  readonly systemUuid: string | null;
  readonly serials: readonly string[];
  readonly macs: readonly string[];
  readonly bmcAddress: string | null;
}

export interface SeenIdentity {
  readonly systemUuid?: string;
  readonly serials: readonly string[];
  readonly macs: readonly string[];
  readonly bmcAddress?: string;
}

export type Recognition =
  | { readonly kind: 'known'; readonly nodeId: string; readonly evidence: readonly string[] }
  | { readonly kind: 'stranger'; readonly evidence: readonly string[] }
  | { readonly kind: 'ambiguous'; readonly nodeIds: readonly string[]; readonly evidence: readonly string[] };

const WEIGHT = { systemUuid: 4, serial: 3, bmc: 3, mac: 1 } as const;
/** A system UUID or a serial plus anything, or most NICs: a single MAC is never enough unless the node has but one and nothing contradicts. */
const ENOUGH = 3;
/** Values that vendors leave in place of an identity. */
const PLACEHOLDER =
  /^(0+|f+|not specified|none|default string|to be filled by o\.?e\.?m\.?|system serial number|0123456789|unknown|n\/a)$/i;
const PLACEHOLDER_UUID = /^(0{8}|f{8}|03000200-0400-0500)/i;

export const isUsableSerial = (serial: string | undefined): serial is string =>
  serial !== undefined && serial.trim().length >= 3 && !PLACEHOLDER.test(serial.trim());

export function identityOf(inventory: Inventory): SeenIdentity {
  const { uuid, serial, boardSerial, chassisSerial } = inventory.system;
  return {
    ...(uuid !== undefined && !PLACEHOLDER_UUID.test(uuid) ? { systemUuid: uuid.toLowerCase() } : {}),
    serials: [...new Set([serial, boardSerial, chassisSerial].filter(isUsableSerial))],
    macs: inventory.nics.map((nic) => nic.mac),
    ...(inventory.bmc?.ipAddress === undefined ? {} : { bmcAddress: inventory.bmc.ipAddress }),
  };
}

function compare(seen: SeenIdentity, known: KnownIdentity): { score: number; evidence: string[] } {
  const evidence: string[] = [];
  let score = 0;
  if (seen.systemUuid !== undefined && seen.systemUuid === known.systemUuid) {
    score += WEIGHT.systemUuid;
    evidence.push(`same system UUID ${seen.systemUuid}`);
  }
  for (const serial of seen.serials.filter((s) => known.serials.includes(s))) {
    score += WEIGHT.serial;
    evidence.push(`same serial ${serial}`);
  }
  if (seen.bmcAddress !== undefined && seen.bmcAddress === known.bmcAddress) {
    score += WEIGHT.bmc;
    evidence.push(`same BMC ${seen.bmcAddress}`);
  }
  const shared = seen.macs.filter((mac) => known.macs.includes(mac));
  if (shared.length > 0) {
    // A node that was enrolled by hand has nothing but its MACs: all of them present and nothing against it is a match.
    const onlyMacs = known.systemUuid === null && known.serials.length === 0;
    score += onlyMacs && shared.length === known.macs.length ? ENOUGH : WEIGHT.mac * shared.length;
    evidence.push(`same NIC ${shared.join(', ')}`);
  }
  return { score, evidence };
}

export function recognise(seen: SeenIdentity, known: readonly KnownIdentity[]): Recognition {
  const scored = known.map((candidate) => ({ nodeId: candidate.nodeId, ...compare(seen, candidate) })).sort((a, b) => b.score - a.score);
  const [best, second] = scored;
  if (best === undefined || best.score < ENOUGH) return { kind: 'stranger', evidence: best?.evidence ?? [] };
  if (second !== undefined && second.score === best.score) {
    return { kind: 'ambiguous', nodeIds: [best.nodeId, second.nodeId], evidence: [...best.evidence, ...second.evidence] };
  }
  return { kind: 'known', nodeId: best.nodeId, evidence: best.evidence };
}
