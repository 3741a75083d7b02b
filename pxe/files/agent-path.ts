import type { BootFiles } from '../boot-model.ts';

/** What of the deploy agent is asked for below `/boot/<token>/`. */
export const AGENT_FILES = ['kernel', 'ramdisk', 'kernel-arm64', 'ramdisk-arm64', 'agent.iso'] as const;
export type AgentFile = (typeof AGENT_FILES)[number];

export const isAgentFile = (name: string): name is AgentFile => (AGENT_FILES as readonly string[]).includes(name);

/** Where it is on the boot server's disk; undefined: this one has none. */
export const agentPath = (file: AgentFile, { agentKernel, agentRamdisk, arm64, agentIso }: BootFiles): string | undefined =>
  ({
    kernel: agentKernel,
    ramdisk: agentRamdisk,
    'kernel-arm64': arm64?.kernel,
    'ramdisk-arm64': arm64?.ramdisk,
    'agent.iso': agentIso?.path,
  })[file];
