/*
 * What the same calls cost Debian 12's OpenStack (Zed: Keystone 22, Ironic 21.4, Placement 8, Neutron 21, Glance 25.1; MariaDB, RabbitMQ, memcached; two workers
 * a service) on two cores of the same kind: CPU of all its server processes, milliseconds a call, eight at once. And what share of it is our goal.
 */
export interface PeerFigure {
  readonly cpuMs: number;
  /** Ours ÷ theirs, at most. */
  readonly goal: number;
}

const FIGURES: Readonly<Record<string, PeerFigure>> = {
  'token issue, password': { cpuMs: 220, goal: 0.25 },
  'token issue, token to token': { cpuMs: 11.7, goal: 0.1 },
  'token validate': { cpuMs: 14.1, goal: 0.05 },
  'enroll a node': { cpuMs: 25.6, goal: 0.1 },
  'GET one node': { cpuMs: 9.8, goal: 0.1 },
  'GET nodes?detail': { cpuMs: 512, goal: 0.1 },
  'PATCH a node': { cpuMs: 79, goal: 0.05 },
  manage: { cpuMs: 74.6, goal: 0.05 },
  provide: { cpuMs: 85.7, goal: 0.05 },
  'provider with inventories': { cpuMs: 21.6, goal: 0.1 },
  'allocation candidates, limit 10': { cpuMs: 88.9, goal: 0.05 },
  'allocation candidates, limit 1000': { cpuMs: 101.9, goal: 0.05 },
  claim: { cpuMs: 27.5, goal: 0.1 },
  'list 1000 providers': { cpuMs: 34.2, goal: 0.2 },
  'create an image record': { cpuMs: 27, goal: 0.1 },
  'upload 1 GiB': { cpuMs: 4226.8, goal: 0.6 },
  'download 1 GiB': { cpuMs: 638.2, goal: 0.6 },
  'create a port': { cpuMs: 217.3, goal: 0.03 },
  // A hundred ports were listed there.
  'list ports': { cpuMs: 75.8 * 5, goal: 0.1 },
};

/** By the load's name, or what stands before its comma or colon. */
export const figureOf = (load: string): PeerFigure | undefined => FIGURES[load] ?? FIGURES[load.split(/[:,]/)[0]!];
