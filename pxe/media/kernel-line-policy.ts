/*
 * The line that makes the one boot image a machine's own: it is written over a comment of fixed size in its grub.cfg while the
 * image is sent, so nothing is built or stored for a machine.
 */
/** In GRUB's single quotes nothing has a meaning but the quote itself. */
const quoted = (word: string): string => `'${word.replaceAll("'", '')}'`;

/** Exactly as many bytes as there is room; undefined when it does not fit. */
export function kernelLine(args: string, lineBytes: number): Buffer | undefined {
  const line = `linux /boot/kernel ${args.split(' ').filter(Boolean).map(quoted).join(' ')}`;
  const bytes = Buffer.from(line.replace(/[^\x20-\x7e]/g, '?'), 'latin1');
  return bytes.length > lineBytes ? undefined : Buffer.concat([bytes, Buffer.alloc(lineBytes - bytes.length, ' ')]);
}
