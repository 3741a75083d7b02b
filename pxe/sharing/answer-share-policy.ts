import { type MacAddress, macAddressToBytes } from '../../core/base/mac-address.ts';

/* Which of a network's boot servers answers a client that has chosen none yet: RFC 3074 over its MAC. */

/** RFC 3074 §6. */
const MIXING_TABLE = Buffer.from(
  'fbaf77d7510e4fbf6731b58fba9d00e81f20373c983a11edae46a090dc5a39df3b03128c6fa6cbc486f37c5fdeb3c541' +
    'b430240f6b2ee982a51e7ba1d1176110285bdb3d640ad26dfa7f168a1d6cf443cf09b2cc4a627ef9a774224dc1c87905' +
    '14714723800db65e19e2e3c74b1b29f5e6e02be1b11a9b96d48eda73f149586927723effc0c991d6a89edd949a7a0c54' +
    '52a32c8be4eccdf2d90bbb929f4056efc32a6ac67670b8ac5702ad75b0e5f7fd89b963a466932d42e7348dd3c2cef6ee' +
    '386e4ef83ff0bd5d5c3335b713ab48322168654508fc53784c875536ca7dbcd560eb88d0a281be849c262f0107fe1804' +
    'd88359151c8525999550aa4406a9ea97',
  'hex',
);

/** A client that has asked for this long is not answered by whoever should. Firmware asks again after some 4 s. */
export const STAND_IN_SECONDS = 3;
/** The same for clients that say nothing in `secs`: so many requests of theirs were left to the other. */
export const STAND_IN_REQUESTS = 2;

export function clientHash(mac: MacAddress): number {
  const key = macAddressToBytes(mac);
  let hash = key.length;
  for (const byte of key.toReversed()) hash = MIXING_TABLE[hash ^ byte]!;
  return hash;
}

export interface AnswerWish {
  readonly mac: MacAddress;
  readonly members: readonly string[];
  readonly self: string;
  isAlive(member: string): boolean;
  /** What the client says for how long it has been asking. */
  readonly seconds: number;
  /** Its requests that were left to another server since it last chose one. */
  readonly leftBefore: number;
}

/** `by` answers; when it is this server, `inPlaceOf` names the one that should and does not. */
export interface AnswerShare {
  readonly by: string;
  readonly inPlaceOf?: string;
}

/** A dead server's clients are divided among the living; a living one's come to this one when they ask in vain. */
export function chooseAnswerer({ mac, members, self, isAlive, seconds, leftBefore }: AnswerWish): AnswerShare {
  const hash = clientHash(mac);
  const home = members[hash % members.length] ?? self;
  const living = members.filter((member) => member === self || isAlive(member));
  const by = living.includes(home) ? home : living[Math.floor(hash / members.length) % living.length]!;
  if (by === self) return home === self ? { by } : { by, inPlaceOf: home };
  return seconds >= STAND_IN_SECONDS || leftBefore >= STAND_IN_REQUESTS ? { by: self, inPlaceOf: by } : { by };
}
