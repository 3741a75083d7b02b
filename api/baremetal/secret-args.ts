import type { JsonObject } from '../../core/base/json.ts';

/** Secrets by the names of their keys, as oslo's masking has them. */
export const MASK = '******';
const SECRET_KEY = /pass(word|phrase)?$|admin_?pass|secret|auth_token|private_key|sslkey|fernetkey/i;

export const maskArgs = (value: object): JsonObject =>
  Object.fromEntries(Object.entries(value as JsonObject).map(([key, each]) => [key, SECRET_KEY.test(key) ? MASK : each]));
