import { wrongInstanceInfo, type Fault } from './fault.ts';

export const badChecksum: Fault = {
  name: 'bad-checksum',
  part: 'operator',
  does: 'the image is registered with the checksum of another file',
  expects: 'deploy failed, the cause names the checksum; with the right one the machine becomes active',
  needsDeployment: true,
  mistake: wrongInstanceInfo(({ instanceInfo }) => ({ image_os_hash_value: reversed(String(instanceInfo['image_os_hash_value'])) }), {
    cause: /the image has the sha256 [0-9a-f]{64}, expected [0-9a-f]{64}/,
    advice: /compare the checksum/,
  }),
};

const reversed = (text: string): string => [...text].toReversed().join('');
