import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { putContainer } from '../../storage/object-container-service.ts';
import { ObjectError } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { guessContentType } from '../../storage/object-metadata-policy.ts';
import { putObject, receiveObject, unlessSilent } from '../../storage/object-service.ts';
import { findContainer } from '../../storage/object-store.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { bulkAnswer, statusLine, type BulkResult } from './bulk-result.ts';
import { formatOf } from './listing-view.ts';
import {
  isOwner,
  mayWriteContainer,
  mustHaveContainer,
  requireNames,
  requireThat,
  visitElsewhere,
  type Target,
  type Visit,
} from './object-visit.ts';
import { statusOf } from './object-write.ts';
import { BadTar, readTar, type TarFile } from './tar-reader.ts';

/** `PUT ?extract-archive=tar` or `tar.gz`: each file of the archive becomes an object below the path that was asked for. */
export async function extractArchive(visit: Visit): Promise<Answer> {
  const { call } = visit;
  const format = formatOf(call);
  const kind = call.query.get('extract-archive');
  if (kind !== 'tar' && kind !== 'tar.gz') throw new Refusal(400, 'Unsupported archive format: tar and tar.gz are supported.');
  const result: BulkResult = { done: 0, notFound: 0, errors: [] };
  const containers = new Set<string>();
  try {
    for await (const file of readTar(kind === 'tar' ? unlessSilent(call.stream as AsyncIterable<Buffer>) : unzipped(call.stream))) {
      await extract(visit, file, result, containers);
      if (result.errors.length < OBJECT_LIMITS.bulkFailuresMax) continue;
      result.refusal = { status: 400, message: 'Too many failures' };
      break;
    }
  } catch (error) {
    if (!(error instanceof BadTar) && !isZlibError(error)) throw error;
    result.refusal = { status: 400, message: error instanceof BadTar ? error.message : 'Invalid Tar File: not in gzip format' };
  }
  return bulkAnswer(result, 'extract', format);
}

const isZlibError = (error: unknown): boolean => (error as { code?: string }).code?.startsWith('Z_') === true;

function unzipped(stream: Readable): AsyncIterable<Buffer> {
  const source = Readable.from(unlessSilent(stream));
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

async function extract(visit: Visit, file: TarFile, result: BulkResult, containers: Set<string>): Promise<void> {
  const name = file.name.replace(/^(\.?\/)+/, '');
  const target = targetOf(visit.target, name);
  // A file right in an account has no container to lie in.
  if (target === undefined) return;
  try {
    requireNames(target);
    await ensureContainer(visit, target, containers);
    const place = await visitElsewhere(visit, target);
    requireThat(mayWriteContainer(place, place.container), place);
    if (file.sizeBytes > OBJECT_LIMITS.objectBytesMax) throw new ObjectError(413, 'Your request is too large.');
    const received = await receiveObject(visit.storage, file.bytes, OBJECT_LIMITS.objectBytesMax);
    await putObject(visit.storage, received, {
      container: mustHaveContainer(place),
      name: target.object!,
      contentType: guessContentType(name),
      headers: {},
      deleteAt: null,
    });
    result.done += 1;
  } catch (error) {
    if (error instanceof BadTar || isZlibError(error)) throw error;
    result.errors.push([target.path.replace(/^\/v1\/[^/]+/, ''), statusLine(statusOf(error))]);
  }
}

function targetOf({ account, container, object }: Target, name: string): Target | undefined {
  const path = [container, object, name]
    .filter((part) => part !== undefined && part !== '')
    .join('/')
    .replaceAll('//', '/');
  const match = /^([^/]+)\/(.+)$/s.exec(path);
  return match === null ? undefined : { account, container: match[1]!, object: match[2]!, path: `/v1/${account}/${path}` };
}

async function ensureContainer(visit: Visit, { account, container = '' }: Target, containers: Set<string>): Promise<void> {
  if (containers.has(container) || !isOwner(visit)) return;
  if (containers.size >= OBJECT_LIMITS.bulkContainersMax) throw new Refusal(400, 'More than the containers that one archive may make.');
  if ((await findContainer(visit.storage.db, account, container)) === undefined)
    await putContainer(visit.storage, account, container, {}, () => undefined);
  containers.add(container);
}
