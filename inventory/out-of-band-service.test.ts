import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertiesOutOfBand } from './out-of-band-service.ts';

test('what a BMC tells, in the words of schedulers; what it does not tell is absent', () => {
  const drive = (sizeBytes: number) => ({ id: '1', name: 'd', sizeBytes });
  const storage = [{ id: '1', name: 'c', raidTypes: [], drives: [drive(480e9), drive(960e9)], volumes: [], managesVolumes: false }];
  const identity = { processors: { sockets: 2, threads: 64, architecture: 'x86_64' }, memoryBytes: 256 * 2 ** 30 } as const;
  assert.deepEqual(propertiesOutOfBand({ identity, storage, firmwareMode: 'uefi' }), {
    cpus: 64,
    cpu_arch: 'x86_64',
    memory_mb: 262_144,
    local_gb: 447,
    capabilities: 'boot_mode:uefi',
  });
  assert.deepEqual(propertiesOutOfBand({ identity: {}, storage: [], firmwareMode: undefined }), {});
});
