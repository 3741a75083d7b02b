import { isMalformed } from '../../../core/base/malformed.ts';
import type { Inventory } from '../../protocol.ts';
import { bootOptionName, decodeBootOption, decodeBootOrder } from '../firmware/boot-option-codec.ts';
import type { Firmware } from '../firmware/firmware.ts';

export function describeBoot(firmware: Firmware): Inventory['boot'] {
  if (firmware.mode === 'bios') return { firmwareMode: 'bios', order: [] };
  const nameOf = (number: number) => {
    const name = bootOptionName(number);
    const option = decodeBootOption(firmware.read(name) ?? Buffer.alloc(0));
    return isMalformed(option) ? name : `${name} ${option.description}`;
  };
  const [current] = decodeBootOrder(firmware.read('BootCurrent'));
  const secureBoot = firmware.read('SecureBoot');
  return {
    firmwareMode: 'uefi',
    ...(secureBoot ? { secureBoot: secureBoot[0] === 1 } : {}),
    order: decodeBootOrder(firmware.read('BootOrder')).map(nameOf),
    ...(current === undefined ? {} : { currentEntry: nameOf(current) }),
  };
}
