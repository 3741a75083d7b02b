import { deleteContainer } from '../../storage/object-container-service.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { deleteObject } from '../../storage/object-service.ts';
import type { Answer } from '../service-plugin.ts';
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
import { readText } from './static-large-object.ts';

/** `?bulk-delete`: names of objects and empty containers, one a line, percent-encoded. */
const LINE_BYTES_MAX = 3 * (OBJECT_LIMITS.containerNameBytesMax + OBJECT_LIMITS.objectNameBytesMax) + 3;

export async function bulkDelete(visit: Visit): Promise<Answer> {
  const format = formatOf(visit.call);
  const result: BulkResult = { done: 0, notFound: 0, errors: [] };
  const text = await readText(visit, OBJECT_LIMITS.bulkDeletesMax * LINE_BYTES_MAX);
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length > OBJECT_LIMITS.bulkDeletesMax) {
    result.refusal = { status: 413, message: `Maximum Bulk Deletes: ${OBJECT_LIMITS.bulkDeletesMax} per request` };
    return bulkAnswer(result, 'delete', format);
  }
  for (const name of names) {
    await deleteOne(visit, name, result);
    if (result.errors.length >= OBJECT_LIMITS.bulkFailuresMax) {
      result.refusal = { status: 400, message: 'Max delete failures exceeded' };
      break;
    }
  }
  return bulkAnswer(result, 'delete', format);
}

async function deleteOne(visit: Visit, line: string, result: BulkResult): Promise<void> {
  const target = targetOf(visit.target.account, line);
  if (target === undefined) return void result.errors.push([line, statusLine(412)]);
  try {
    const place = await visitElsewhere(visit, target);
    requireNames(target);
    requireThat(target.object === undefined ? isOwner(place) : mayWriteContainer(place, place.container), place);
    const container = mustHaveContainer(place);
    if (target.object === undefined) await deleteContainer(visit.storage, container);
    else await deleteObject(visit.storage, container, target.object);
    result.done += 1;
  } catch (error) {
    const status = statusOf(error);
    if (status === 404) result.notFound += 1;
    else result.errors.push([line, statusLine(status)]);
  }
}

function targetOf(account: string, line: string): Target | undefined {
  let name: string;
  try {
    name = decodeURIComponent(line);
  } catch {
    return undefined;
  }
  const match = /^\/?([^/]+)(?:\/(.*))?$/s.exec(name);
  if (match === null || name.includes('\0')) return undefined;
  const [, container = '', object = ''] = match;
  return { account, container, path: `/v1/${account}/${container}/${object}`, ...(object === '' ? {} : { object }) };
}
