import type { Comparison } from './comparison.ts';
import { agentBench } from './agent-bench.ts';
import { bmcBench } from './bmc-bench.ts';
import { dhcpBench } from './dhcp-bench.ts';
import { flowBench } from './flow-bench.ts';
import { httpBench } from './http-bench.ts';
import { networkBench } from './network-bench.ts';
import { spreadBench } from './spread-bench.ts';
import { syncBench } from './sync-bench.ts';
import { tftpBench } from './tftp-bench.ts';

/** Every bench that `bench all` runs, in order; each is a subcommand of its own too. */
export const COMPARISONS: readonly Comparison[] = [
  dhcpBench,
  tftpBench,
  httpBench,
  bmcBench,
  agentBench,
  spreadBench,
  syncBench,
  flowBench,
  networkBench,
];
