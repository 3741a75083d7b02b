import { grubWords } from '../script/grub-script-policy.ts';

/*
 * The line that makes the one boot image a machine's own: it is written over a comment of fixed size in its grub.cfg while the
 * image is sent, so nothing is built or stored for a machine.
 */
/** Exactly as many bytes as there is room; undefined when it does not fit. */
export function kernelLine(args: string, lineBytes: number): Buffer | undefined {
  const line = `linux /boot/kernel ${grubWords(args)}`;
  const bytes = Buffer.from(line, 'latin1');
  return bytes.length > lineBytes ? undefined : Buffer.concat([bytes, Buffer.alloc(lineBytes - bytes.length, ' ')]);
}
