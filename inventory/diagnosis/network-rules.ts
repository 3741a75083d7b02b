import { LINK_HELD_EVENT } from '../held-link-policy.ts';
import {
  evidenceOf,
  exchangesOf,
  findings,
  ofKind,
  secondsBetween,
  told,
  unheard,
  type DiagnosisFacts,
  type DiagnosisRule,
  type SeenEvent,
} from './diagnosis-facts.ts';

/** A copy made on the way comes within this time; iPXE asks again after a second, of which a slow network may take half. */
const COPY_SECONDS = 0.35;
/** One may be two requests that met by chance. */
const COPIES_MIN = 2;
/** Firmware asks again after a second at the soonest. */
const AGAIN_SECONDS = 0.9;
/** Between the answers to DISCOVER and REQUEST a network with its machine takes some milliseconds; firmware that lost a packet, four seconds. */
const DELAY_SECONDS = [0.9, 3.9] as const;
/** Whole seconds on one side, and a packet's way on the other. */
const CLOCK_SECONDS = 2.5;
/** TFTP repeats a block now and then on any network. */
const RETRANSMITS_MIN = 4;

const isFirmware = (event: SeenEvent): boolean => {
  const { vendorClass, userClasses } = evidenceOf(event);
  return /^PXEClient|^HTTPClient/.test(String(vendorClass)) && !(Array.isArray(userClasses) && userClasses.includes('iPXE'));
};

/** Answers of one kind to one client's attempt that follow each other by so much. */
const repeats = (events: readonly SeenEvent[], isIt: (seconds: number) => boolean): string[] =>
  exchangesOf(events).flatMap((exchange) =>
    ['dhcp.offer', 'dhcp.ack'].flatMap((kind) => {
      const answers = ofKind(exchange, kind);
      return answers.flatMap((event, at) => {
        const next = answers[at + 1];
        return next !== undefined && isIt(secondsBetween(event, next))
          ? [`${told(event)}; asked for again ${shown(event, next)} later`]
          : [];
      });
    }),
  );
const shown = (from: SeenEvent, to: SeenEvent) => `${secondsBetween(from, to).toFixed(1)} s`;

function lost({ events }: DiagnosisFacts): string[] {
  const late = exchangesOf(events)
    .filter(hasTrueClock)
    .flatMap((exchange) => ofKind(exchange, 'dhcp.offer', 'dhcp.ack'))
    .filter((event) => secsOf(event) >= 3)
    .map((event) => `${told(event)}; it had asked for ${String(evidenceOf(event)['secs'])} s`);
  const slow = ofKind(events, 'tftp.read', 'tftp.failed')
    .filter((event) => Number(evidenceOf(event)['retransmits']) >= RETRANSMITS_MIN)
    .map((event) => `${told(event)}, ${String(evidenceOf(event)['retransmits'])} blocks sent again`);
  return [...repeats(events, (seconds) => seconds >= AGAIN_SECONDS), ...late, ...slow];
}

const overtaken = ({ events }: DiagnosisFacts): string[] =>
  exchangesOf(events).flatMap((exchange) => {
    const ack = exchange.find(({ kind }) => kind === 'dhcp.ack');
    const late = ack && ofKind(exchange, 'dhcp.offer').find((offer) => secondsBetween(ack, offer) >= 1);
    if (late && ack) return [`${told(ack)}; the DISCOVER before it came ${shown(ack, late)} later`];
    const at = exchange.findIndex((event, index) => index > 0 && secsOf(event) < secsOf(exchange[index - 1]!));
    return at < 0
      ? []
      : [`${told(exchange[at]!)}; it was sent ${secsOf(exchange[at - 1]!) - secsOf(exchange[at]!)} s before the one that came first`];
  });

/** For how long the client had been asking when it sent the packet. */
const secsOf = (event: SeenEvent): number => Number(evidenceOf(event)['secs'] ?? 0);

/** A BIOS counts its ticks late and then many at once: what it says of its waiting is right when it agrees with our clock. */
const hasTrueClock = (exchange: readonly SeenEvent[]): boolean =>
  exchange.every((event, at) => {
    const before = exchange[at - 1];
    return before === undefined || Math.abs(secsOf(event) - secsOf(before) - secondsBetween(before, event)) < CLOCK_SECONDS;
  });

const delayed = ({ events }: DiagnosisFacts): string[] =>
  exchangesOf(events).flatMap((exchange) => {
    const [offer, ack] = ['dhcp.offer', 'dhcp.ack'].map((wanted) => exchange.find(({ kind }) => kind === wanted));
    if (!offer || !ack || !isFirmware(offer)) return [];
    const seconds = secondsBetween(offer, ack);
    return seconds >= DELAY_SECONDS[0] && seconds <= DELAY_SECONDS[1] ? [`${told(offer)}; taken ${shown(offer, ack)} later`] : [];
  });

const silent = (facts: DiagnosisFacts, reason: string): string[] =>
  facts.events.filter((event) => event.kind === 'dhcp.silence' && evidenceOf(event)['reason'] === reason).map(told);

export const NETWORK_RULES: readonly DiagnosisRule[] = [
  {
    name: 'rogue-dhcp',
    cause: 'A second DHCP server is on the machine’s network, and answers first.',
    wants: 'a REQUEST for the offer of another server',
    advice: 'Find the server by the address that the event names, and switch it off; or run this boot server beside it (`proxy`).',
    find: (facts) => silent(facts, 'other-server-chosen'),
  },
  {
    name: 'nic-no-link',
    cause: 'The boot NIC has no link.',
    wants: 'PXE-E61 on the console',
    advice: 'Look at the cable and at the switch port.',
    find: (facts) => findings(facts, 'pxe-e61').map(told),
  },
  {
    name: 'nic-wrong-network',
    cause: 'The machine is on a network that this boot server has no subnet for.',
    wants: 'a DHCP packet that came by an interface or a relay without a subnet',
    advice: 'Put the NIC on the right switch port or VLAN, or give the boot server a network for that interface or relay.',
    find: (facts) => silent(facts, 'no-subnet'),
  },
  {
    name: 'nic-wrong-vlan',
    cause: 'The machine asks for an address, and nothing of it reaches the boot server: wrong VLAN, wrong port, or no relay.',
    wants: 'PXE-E51, E16 or E18, or iPXE’s words for it, on the console, in a boot without any DHCP packet here',
    advice: 'Compare the VLAN of the switch port with the boot network’s, and look for the relay.',
    unless: ['boot-server-silent', 'boot-server-restarted', 'rogue-dhcp'],
    find: unheard,
  },
  {
    name: 'nic-wrong-port',
    cause: 'The cable is in another switch port than at the inspection before, or than an operator wrote.',
    wants: 'an inspection whose LLDP names another port',
    advice: 'Put the cable back, or correct the records of the network (local_link_connection of the port).',
    find: ({ events }) => [
      ...ofKind(events, LINK_HELD_EVENT).map(told),
      ...ofKind(events, 'agent.inspected').flatMap((event) =>
        ((evidenceOf(event)['changes'] ?? []) as { path: string; before?: unknown; after?: unknown }[])
          .filter(({ path }) => /^nics.*\.lldp\.(portId|chassisId)$/.test(path))
          .map(({ path, before, after }) => `${told(event)}: ${path} was ${String(before)} and is ${String(after)}`),
      ),
    ],
  },
  {
    name: 'unknown-architecture',
    cause: 'The firmware is of an architecture that there is no boot file for.',
    wants: 'a boot request whose option 93 is not served',
    advice: 'Only what the message lists can boot; look whether the firmware has another boot mode.',
    find: ({ events }) => ofKind(events, 'dhcp.unsupported-architecture').map(told),
  },
  {
    name: 'malformed-packets',
    cause: 'Damaged packets are on the boot network.',
    wants: 'packets that could not be read',
    advice: 'Look for a broken NIC, cable or switch; the counters of the switch ports tell where.',
    find: ({ events, beside }) => ofKind([...events, ...beside], 'dhcp.malformed', 'tftp.malformed').map(told),
  },
  {
    name: 'network-duplicates',
    cause: 'The network delivers packets twice.',
    wants: `two answers of a kind to one DHCP attempt within ${COPY_SECONDS} s, ${COPIES_MIN} times or more`,
    advice: 'Look for a loop between switches, a mirrored port, or two relays on one network.',
    unless: ['network-reorder'],
    find({ events }) {
      const copies = repeats(events, (seconds) => seconds < COPY_SECONDS);
      return copies.length >= COPIES_MIN ? copies : [];
    },
  },
  {
    name: 'network-reorder',
    cause: 'Packets overtake each other by seconds on the machine’s network.',
    wants: 'a DISCOVER that came after the ACK of its own attempt, or packets that came in another order than they were sent',
    advice: 'Look for a path with deep queues, or two paths of different length.',
    find: overtaken,
  },
  {
    name: 'network-delay',
    cause: 'The machine’s network is slow: packets take a second and more.',
    wants: `a REQUEST that followed its OFFER after ${DELAY_SECONDS.join(' to ')} s`,
    advice: 'Look for an overloaded link or relay between machine and boot server.',
    unless: ['network-reorder'],
    find: delayed,
  },
  {
    name: 'network-loss',
    cause: 'The network between machine and boot server loses packets.',
    wants: 'DHCP requests that were repeated although they were answered, or TFTP blocks that were sent again',
    advice: 'Look at cable, switch port and relay, and their error counters.',
    unless: ['network-delay', 'network-reorder', 'boot-server-restarted', 'boot-server-disk-full'],
    find: lost,
  },
  {
    name: 'http-cut',
    cause: 'Downloads from the boot server break off.',
    wants: 'a transfer whose client went away',
    advice: 'Look for a firewall or proxy that ends long connections, and at the machine’s link.',
    find: ({ events }) => ofKind(events, 'http.aborted').map(told),
  },
];
