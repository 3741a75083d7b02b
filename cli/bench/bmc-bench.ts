import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { endedChildrenCpuMs } from './process-cost.ts';
import { startBmcs } from './bmc-fleet-process.ts';
import { compare, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';

/** The power of 200 emulated BMCs over IPMI 2.0, beside FreeIPMI's ipmipower, which reads all of them from one process too. */
export const bmcBench: Comparison = { name: 'bmc', summary: 'the power of 200 BMCs, beside FreeIPMI', run };

const BMCS = 200;
/** 127.9.0.2 … 127.9.0.201: a range that ipmipower takes as one name. */
const FIRST = '127.9.0.2';
const LAST_OCTET = BMCS + 1;
const PORT = 623;
const PASSWORD = 'bench-of-bmcs';
const ROUNDS_IN_STEADY_STATE = 10;
const IPMIPOWER = '/usr/sbin/ipmipower';
const GOALS = { kept: 0.4, session: 0.8 } as const;
/** Emulated BMCs that have just started are slow to their first client. */
const PATIENCE = ['--session-timeout=60000', '--retransmission-timeout=5000'];
const execute = promisify(execFile);

async function pollOurs(file: string, mode: keyof typeof GOALS): Promise<number> {
  const args = [
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, 'bmc-poller.ts'),
    file,
    mode,
    String(ROUNDS_IN_STEADY_STATE),
  ];
  const { stdout } = await execute(process.execPath, args);
  return (JSON.parse(stdout) as { cpuUsPerPoll: number }).cpuUsPerPoll;
}

async function pollPeer(): Promise<number> {
  const before = endedChildrenCpuMs();
  const range = `127.9.0.[2-${LAST_OCTET}]`;
  const args = ['-h', range, '-u', 'admin', '-p', PASSWORD, '-D', 'LAN_2_0', '-I', '3', '-l', 'ADMIN', ...PATIENCE, '--stat'];
  for (let round = 0; round < ROUNDS_IN_STEADY_STATE; round += 1) {
    const { stdout } = await execute(IPMIPOWER, args).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new CommandError('ipmipower is missing: apt-get install freeipmi-tools', EXIT_CODE.failed);
      throw error;
    });
    const answered = stdout.split('\n').filter((line) => /: (on|off)$/.test(line)).length;
    if (answered !== BMCS) throw new CommandError(`ipmipower heard from ${answered} of ${BMCS} BMCs`, EXIT_CODE.failed);
  }
  return ((endedChildrenCpuMs() - before) * 1000) / (BMCS * ROUNDS_IN_STEADY_STATE);
}

async function run({ directory, rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  const file = join(directory, 'bmcs.json');
  const fleet = await startBmcs({ count: BMCS, first: FIRST, port: PORT, password: PASSWORD, file });
  const figures = { kept: [] as number[], session: [] as number[], peer: [] as number[] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      onStep(`bmc: ipmipower, round ${round + 1}`);
      figures.peer.push(await pollPeer());
      for (const mode of ['kept', 'session'] as const) {
        onStep(`bmc: ours, ${mode}, round ${round + 1}`);
        figures[mode].push(await pollOurs(file, mode));
      }
    }
  } finally {
    fleet.kill('SIGTERM');
    await once(fleet, 'exit');
  }
  const frame = { unit: 'us', peerName: 'ipmipower' };
  return [
    compare({ ...frame, figure: 'power poll, kept session, client CPU', goal: GOALS.kept }, figures.kept, figures.peer),
    compare({ ...frame, figure: 'power poll, a session each, client CPU', goal: GOALS.session }, figures.session, figures.peer),
  ];
}
