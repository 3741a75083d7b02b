import { encodeGpt, GPT_TYPE_EFI_SYSTEM, GPT_TYPE_LINUX, type GptTable } from '../../deploy-agent/gpt-codec.ts';

const MIB = 2 ** 20;

/** A GPT disk image with some content, holes and an EFI system partition; 20 MiB. */
export function makeGptImage(): Buffer {
  const image = Buffer.alloc(20 * MIB);
  const table: GptTable = {
    diskGuid: '11111111-2222-4333-8444-555555555555',
    blockBytes: 512,
    diskBlocks: image.length / 512,
    entryCount: 128,
    partitions: [
      {
        number: 1,
        type: GPT_TYPE_EFI_SYSTEM,
        guid: '11111111-2222-4333-8444-000000000001',
        firstLba: 2048,
        lastLba: 10239,
        attributes: 0n,
        name: 'esp',
      },
      {
        number: 2,
        type: GPT_TYPE_LINUX,
        guid: '11111111-2222-4333-8444-000000000002',
        firstLba: 10240,
        lastLba: 36863,
        attributes: 0n,
        name: 'root',
      },
    ],
  };
  const gpt = encodeGpt(table, Buffer.alloc(512, 0x90));
  gpt.primary.copy(image, 0);
  gpt.backup.copy(image, gpt.backupOffset);
  for (let at = 6 * MIB; at < 9 * MIB; at += 4) image.writeUInt32LE((at * 2654435761) >>> 0, at);
  image.write('the end of the root', 18 * MIB - 100);
  return image;
}
