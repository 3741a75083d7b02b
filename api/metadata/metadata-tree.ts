import type { ShownServer } from '../../compute/server-record.ts';
import type { InstanceDocuments } from '../../flows/instance-documents.ts';
import { readEc2 } from './ec2-tree.ts';
import { readOpenstack } from './openstack-tree.ts';

export interface Leaf {
  readonly type: string;
  readonly body: Buffer;
}

export interface Instance {
  readonly server: ShownServer;
  readonly documents: InstanceDocuments;
}

/** What is at a path, for an instance; undefined: nothing. Slashes at the end, or several, mean nothing, as in Nova. */
export function readMetadata(path: string, { server, documents }: Instance): Leaf | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  const found = parts[0] === 'openstack' ? readOpenstack(parts.slice(1), documents) : readEc2(parts, server, documents.userData);
  return isNames(found) ? { type: 'text/plain', body: Buffer.from(found.join('\n')) } : found;
}

const isNames = (found: readonly string[] | Leaf | undefined): found is readonly string[] => Array.isArray(found);
