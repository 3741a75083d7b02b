import type { RakpExchange } from './rakp-codec.ts';
import { USERNAME_BYTES_MAX } from './rakp-codec.ts';

/**
 * What BMCs put into the codes of RAKP 2 to 4 in place of what the standard says (IPMI 2.0 §13.31). The console tries them on the code of RAKP 2: the one that fits is the
 * BMC's way for the whole session. Each still proves that the BMC knows the password.
 */
export interface RakpVariant {
  readonly name: 'standard' | 'plain-role' | 'padded-name' | 'swapped-ids';
  readonly because: string;
  shape(exchange: RakpExchange): RakpExchange;
}

const swapped = (id: number): number => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(id);
  return bytes.readUInt32BE();
};

export const RAKP_VARIANTS: readonly RakpVariant[] = [
  { name: 'standard', because: 'IPMI 2.0', shape: (exchange) => exchange },
  {
    name: 'plain-role',
    because: 'some hash the level alone, without the bit "by name alone" that RAKP 1 has beside it',
    shape: (exchange) => ({ ...exchange, role: exchange.role & 0x0f }),
  },
  {
    name: 'padded-name',
    because: 'Intel SE7520 takes the user name as it stores it, 16 bytes with zeros at the end',
    shape: (exchange) => ({ ...exchange, username: exchange.username.padEnd(USERNAME_BYTES_MAX, '\0') }),
  },
  {
    name: 'swapped-ids',
    because: 'controllers whose processor is big-endian hash the session ids as they lie in memory',
    shape: (exchange) => ({
      ...exchange,
      consoleSessionId: swapped(exchange.consoleSessionId),
      managedSessionId: swapped(exchange.managedSessionId),
    }),
  },
];

/** Before IPMI 2.0 a password had 16 bytes, and some BMCs keep no more of one with 20. */
export const SHORT_PASSWORD_BYTES = 16;
export const passwordsToTry = (password: Buffer): readonly Buffer[] =>
  password.length > SHORT_PASSWORD_BYTES ? [password, password.subarray(0, SHORT_PASSWORD_BYTES)] : [password];
