import { argon2, pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { IdentityError } from './identity-error.ts';
import { compare as compareBcrypt } from 'bcryptjs';

/*
 * Passwords at rest: argon2id in the thread pool; hashes of an import from Keystone (bcrypt, scrypt,
 * PBKDF2) verify too. RFC 9106 for argon2; parameters are OWASP's: 19 MiB, two passes, one lane.
 */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** A hash of an import must not make one login take the machine. */
const IMPORTED_MEMORY_KIB_MAX = 2 ** 18;
const IMPORTED_ROUNDS_MAX = 2_000_000;

const deriveArgon2 = promisify(argon2);
const derivePbkdf2 = promisify(pbkdf2);
const deriveScrypt = (password: Buffer, salt: Buffer, length: number, cost: { N: number; r: number; p: number }) =>
  new Promise<Buffer>((resolve, reject) =>
    scrypt(password, salt, length, { ...cost, maxmem: IMPORTED_MEMORY_KIB_MAX * 1024 }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  );

/**
 * Files and names are looked up in the same four threads: a crowd of logins leaves one of them free, and one that is longer
 * than a client waits is told so.
 */
const AT_ONCE_MAX = Math.min(3, availableParallelism());
const WAITING_MAX = 500;
let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE_MAX) {
    if (waiting.length >= WAITING_MAX)
      throw new IdentityError(503, 'Too many logins at once; try again in some seconds.', { 'retry-after': '5' });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    return await work();
  } finally {
    // The place is handed on, not given back, to whoever waits.
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
/** passlib writes `.` for `+`. */
const fromPasslib = (text: string) => Buffer.from(text.replaceAll('.', '+'), 'base64');

export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(password));

async function hash(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await deriveArgon2('argon2id', {
    message: Buffer.from(password),
    nonce: salt,
    parallelism: LANES,
    tagLength: TAG_BYTES,
    memory: MEMORY_KIB,
    passes: PASSES,
  });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** False also for a hash of a form that is not known here: nobody gets in by what can not be checked. */
export const verifyPassword = (password: string, hashed: string): Promise<boolean> => inTurn(() => verify(password, hashed));

async function verify(password: string, hashed: string): Promise<boolean> {
  const [, scheme = '', ...parts] = hashed.split('$');
  const given = Buffer.from(password);
  if (scheme === 'argon2id') return verifyArgon2(given, parts);
  if (/^2[abxy]$/.test(scheme)) return compareBcrypt(password, hashed);
  if (scheme === 'scrypt') return verifyScrypt(given, parts);
  if (scheme === 'pbkdf2-sha512' || scheme === 'pbkdf2-sha256') return verifyPbkdf2(given, scheme.slice('pbkdf2-'.length), parts);
  return false;
}

const same = (derived: Buffer, wanted: Buffer) => wanted.length > 0 && derived.length === wanted.length && timingSafeEqual(derived, wanted);

const numbers = (text: string): Record<string, number> =>
  Object.fromEntries(text.split(',').map((pair) => [pair.split('=')[0]!, Number(pair.split('=')[1])]));

async function verifyArgon2(given: Buffer, [version, cost = '', salt = '', tag = '']: readonly string[]): Promise<boolean> {
  const { m = 0, t = 0, p = 0 } = numbers(cost);
  if (version !== 'v=19' || !(m > 0 && m <= IMPORTED_MEMORY_KIB_MAX && t > 0 && t <= 16 && p > 0 && p <= 16)) return false;
  const wanted = Buffer.from(tag, 'base64');
  if (wanted.length < 4) return false;
  const derived = await deriveArgon2('argon2id', {
    message: given,
    nonce: Buffer.from(salt, 'base64'),
    parallelism: p,
    tagLength: wanted.length,
    memory: m,
    passes: t,
  });
  return same(derived, wanted);
}

async function verifyScrypt(given: Buffer, [cost = '', salt = '', tag = '']: readonly string[]): Promise<boolean> {
  const { ln = 0, r = 0, p = 0 } = numbers(cost);
  if (!(ln > 0 && ln <= 20 && r > 0 && p > 0 && p <= 16) || (2 ** ln * r * 128) / 1024 > IMPORTED_MEMORY_KIB_MAX) return false;
  const wanted = fromPasslib(tag);
  return same(await deriveScrypt(given, fromPasslib(salt), wanted.length, { N: 2 ** ln, r, p }), wanted);
}

async function verifyPbkdf2(given: Buffer, digest: string, [rounds = '', salt = '', tag = '']: readonly string[]): Promise<boolean> {
  const count = Number(rounds);
  if (!Number.isInteger(count) || count < 1 || count > IMPORTED_ROUNDS_MAX) return false;
  const wanted = fromPasslib(tag);
  return same(await derivePbkdf2(given, fromPasslib(salt), count, wanted.length, digest), wanted);
}
