import { isMalformed } from '../../core/base/malformed.ts';
import { decodeDhcpMessage, type DhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import type { Fault } from './fault.ts';
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, encodeDiscover, plugStranger, udpPayloadTo } from './stranger.ts';

/** IANA's list for option 93 ends far below. */
const UNKNOWN_ARCHITECTURE = 0x00fd;
const ARCHITECTURE_OPTION = 93;
const VENDOR_CLASS_OPTION = 60;
const BOOT_FILE_OPTION = 67;
const MAC = '52:54:00:fd:00:01';
/** As firmware that goes through its boot entries again and again. */
const ASK_EVERY_MS = 5_000;

export const unknownArchitecture: Fault = {
  name: 'unknown-architecture',
  part: 'machine',
  does: 'a machine whose processor architecture nobody knows asks for a network boot',
  expects: 'it gets no boot file, an event says why, and every other machine reaches its goal',
  async disturb({ rack, product, inject, problem }) {
    const stranger = await plugStranger(rack, MAC);
    const offers: DhcpMessage[] = [];
    stranger.onFrame((frame) => {
      const payload = udpPayloadTo(frame, DHCP_CLIENT_PORT);
      const message = payload && decodeDhcpMessage(payload);
      if (message && !isMalformed(message) && Buffer.from(message.chaddr).equals(Buffer.from(MAC.replaceAll(':', ''), 'hex')))
        offers.push(message);
    });
    const options = new Map([
      [VENDOR_CLASS_OPTION, Buffer.from('PXEClient:Arch:00253:UNDI:003016')],
      [ARCHITECTURE_OPTION, Buffer.from([UNKNOWN_ARCHITECTURE >> 8, UNKNOWN_ARCHITECTURE & 0xff])],
    ]);
    let asked = 0;
    const ask = () => {
      asked += 1;
      inject();
      const payload = encodeDiscover(MAC, 0x5eed0000 + asked, options);
      stranger.sendUdp({ to: '255.255.255.255', sourcePort: DHCP_CLIENT_PORT, destinationPort: DHCP_SERVER_PORT, payload });
    };
    ask();
    const timer = setInterval(ask, ASK_EVERY_MS);
    return {
      async stop() {
        clearInterval(timer);
        stranger.close();
        if (offers.some((offer) => offer.file !== '' || offer.options.has(BOOT_FILE_OPTION))) problem('it was offered a boot file');
        const told = await product.eventsSoFar();
        const event = told.find((each) => each['mac'] === MAC && each['kind'] === 'dhcp.unsupported-architecture');
        if (!event) problem('no event dhcp.unsupported-architecture names it');
        else if (!String(event['message']).includes(String(UNKNOWN_ARCHITECTURE)))
          problem(`the event does not name the architecture: ${String(event['message'])}`);
      },
    };
  },
};
