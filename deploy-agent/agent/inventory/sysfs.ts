import { readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';

/** sysfs answers one value a file; what is not there or cannot be read is undefined. */
export const readText = (path: string): string | undefined => {
  try {
    const text = readFileSync(path, 'latin1').replace(/\0+$/, '').trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
};

export const readBytes = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
};

export const readNumber = (path: string): number | undefined => {
  const text = readText(path);
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
};

export const listFolder = (path: string): string[] => {
  try {
    return readdirSync(path).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
};

/** Last part of where a link leads. */
export const linkName = (path: string): string | undefined => {
  try {
    return readlinkSync(path).split('/').at(-1);
  } catch {
    return undefined;
  }
};

export const realPath = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/** Leaves out the keys that have no value, as `exactOptionalPropertyTypes` wants it. */
export const present = <T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
