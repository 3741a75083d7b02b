import { readFile } from 'node:fs/promises';
import type { OvsdbOptions } from '../../../network/ovsdb/ovsdb-client.ts';
import type { Configuration } from '../configuration.ts';

/** Where OVN's databases are, with the keys that open them. */
export interface OvnPlaces {
  readonly northbound: Pick<OvsdbOptions, 'remotes' | 'tls'>;
  readonly southbound: Pick<OvsdbOptions, 'remotes' | 'tls'>;
}

/** @throws when a file of a key or certificate can not be read */
export async function ovnPlaces({ network: { ovn } }: Configuration): Promise<OvnPlaces | undefined> {
  if (ovn === undefined) return undefined;
  const pem = (path: string) => readFile(path, 'utf8');
  const tls =
    ovn.tls === undefined ? {} : { tls: { key: await pem(ovn.tls.key), cert: await pem(ovn.tls.certificate), ca: await pem(ovn.tls.ca) } };
  return { northbound: { remotes: ovn.northbound, ...tls }, southbound: { remotes: ovn.southbound, ...tls } };
}
