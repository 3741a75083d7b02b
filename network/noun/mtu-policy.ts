/** The largest packet of a network: what its wire takes less what its tunnel adds. */
export const MTU_MOST = 1500;
/** RFC 791, RFC 8200. */
export const MTU_LEAST = { 4: 68, 6: 1280 } as const;

/** Outer Ethernet, IPv4 and the tunnel's own header; Geneve with OVN's options. */
const OVERHEAD: Readonly<Record<string, number>> = { geneve: 58, vxlan: 50, gre: 42 };

/** 0 asks for the largest. */
export const mtuOf = (asked: number, networkType = ''): number => (asked === 0 ? MTU_MOST - (OVERHEAD[networkType] ?? 0) : asked);
