import { contentName, type InstanceDocuments } from '../../flows/instance-documents.ts';
import type { Leaf } from './metadata-tree.ts';

/** Paths below `/openstack` (nova, "Metadata API": OpenStack format). A version is a date from which files are there. */
const VERSIONS = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
];

const json = (value: object): Leaf => ({ type: 'application/json', body: Buffer.from(JSON.stringify(value)) });
const bytes = (body: Buffer): Leaf => ({ type: 'application/octet-stream', body });

function filesOf(version: string, documents: InstanceDocuments): Map<string, Leaf> {
  const { metaData, userData, vendorData, vendorData2, networkData, files } = documents;
  const named = files.map(({ path }, at) => ({ path, content_path: `/content/${contentName(at)}` }));
  const all: [name: string, since: string, leaf: Leaf | undefined][] = [
    ['meta_data.json', '2012-08-10', json(named.length === 0 ? metaData : { ...metaData, files: named })],
    ['user_data', '2012-08-10', userData === undefined ? undefined : bytes(userData)],
    ['vendor_data.json', '2013-10-17', json(vendorData)],
    ['network_data.json', '2015-10-15', json(networkData)],
    ['vendor_data2.json', '2016-10-06', json(vendorData2)],
  ];
  return new Map(
    all.flatMap(([name, since, leaf]): [string, Leaf][] =>
      leaf !== undefined && (version === 'latest' || version >= since) ? [[name, leaf]] : [],
    ),
  );
}

/** @returns names of what is there, a leaf, or undefined for what is not */
export function readOpenstack(path: readonly string[], documents: InstanceDocuments): readonly string[] | Leaf | undefined {
  const [version, name, ...more] = path;
  if (version === undefined) return VERSIONS;
  if (more.length > 0) return undefined;
  if (version === 'content') {
    const file = documents.files.find((_file, at) => contentName(at) === name);
    return file === undefined ? undefined : bytes(file.contents);
  }
  if (!VERSIONS.includes(version)) return undefined;
  const files = filesOf(version, documents);
  return name === undefined ? [...files.keys()] : files.get(name);
}
