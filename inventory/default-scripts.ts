import { isMalformed } from '../core/base/malformed.ts';
import { decodeScript, type MachineScript } from './machine-script-codec.ts';

/** The scripts that every installation has. Those with `default: true` run when nothing else is asked for. */
const head = (lines: readonly string[]) =>
  [
    '# --- Start RACKWRIGHT 1.0 script metadata ---',
    ...lines.map((line) => `# ${line}`),
    '# --- End RACKWRIGHT 1.0 script metadata ---',
  ].join('\n');
const shell = (metadata: readonly string[], body: string) => `#!/bin/sh\n${head(metadata)}\n${body}\n`;
const ofStep = (metadata: readonly string[]) => `${head(metadata)}\n`;

const TEXTS = [
  shell(
    [
      'name: 10-facts',
      'title: What the kernel knows of the hardware',
      'type: commissioning',
      'parallel: any',
      'timeout: 60',
      'default: true',
    ],
    `echo "kernel: $(uname -sr)"
echo "--- cpu"; grep -m 1 'model name' /proc/cpuinfo; grep -c '^processor' /proc/cpuinfo
echo "--- memory"; head -n 3 /proc/meminfo
echo "--- block devices"; cat /proc/partitions
echo "--- network"; ip addr
echo "--- pci"; for device in /sys/bus/pci/devices/*; do
  echo "$(basename "$device") $(cat "$device/class" "$device/vendor" "$device/device" | tr '\\n' ' ')"
done
echo "--- kernel messages"; dmesg | tail -n 40
{ echo "results:"; echo "  processors: $(grep -c '^processor' /proc/cpuinfo)"; echo "  memory_kib: $(awk '/MemTotal/ {print $2}' /proc/meminfo)"; } >"$RESULT_PATH"`,
  ),
  shell(
    [
      'name: 20-gateway',
      'title: The gateway and the boot server answer',
      'type: testing',
      'hardware: network',
      'parallel: any',
      'timeout: 60',
      'default: true',
    ],
    `gateway=$(ip route | awk '/^default/ {print $3; exit}')
if [ -z "$gateway" ]; then echo "no default route: only the boot network is there"; else ping -c 3 -W 2 "$gateway" || exit 1; fi
server=$(sed -n 's/.*rackwright\\.boot=http:\\/\\/\\([^: ]*\\).*/\\1/p' /proc/cmdline)
[ -z "$server" ] || ping -c 3 -W 2 "$server"`,
  ),
  shell(
    [
      'name: 25-internet',
      'title: An HTTP server beyond the gateway answers',
      'type: testing',
      'hardware: network',
      'parallel: any',
      'timeout: 120',
    ],
    'wget -q -T 20 -O /dev/null http://example.org/ && echo "example.org answers"',
  ),
  ofStep([
    'name: 30-disk-health',
    'title: No disk foretells its failure (SMART)',
    'type: testing',
    'hardware: storage',
    'timeout: 300',
    'default: true',
    'step: check_disks',
  ]),
  ofStep([
    'name: 40-cpu',
    'title: Every core computes the same for a minute',
    'type: testing',
    'hardware: cpu',
    'timeout: 300',
    'step: burnin_cpu',
    'arguments: {seconds: 60}',
  ]),
  ofStep([
    'name: 50-memory',
    'title: Free memory keeps patterns for a minute',
    'type: testing',
    'hardware: memory',
    'timeout: 1800',
    'step: burnin_memory',
    'arguments: {seconds: 60}',
  ]),
  ofStep([
    'name: 60-disk-noise',
    'title: Disks keep noise for a minute each; what is on them is lost',
    'type: testing',
    'hardware: storage',
    'timeout: 14400',
    'step: burnin_disk',
    'arguments: {seconds: 60}',
  ]),
  ofStep([
    'name: 70-network-pair',
    'title: Two machines send to each other for a minute (driver_info/agent_burnin_fio_network_config)',
    'type: testing',
    'hardware: network',
    'timeout: 3600',
    'step: burnin_network',
    'arguments: {seconds: 60}',
  ]),
];

export const DEFAULT_SCRIPTS: readonly MachineScript[] = TEXTS.map((content) => {
  const script = decodeScript(content);
  if (isMalformed(script)) throw new Error(`a script of ours: ${script.reason}`);
  return script;
});
