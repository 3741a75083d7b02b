import { forbidden } from './identity-error.ts';

/** Attributes of a caller's own go to `extra`; a null there takes one away. */
export function mergeExtra(before: object, request: Readonly<Record<string, unknown>>, own: readonly string[]): object {
  const given = Object.entries(request).filter(([name, value]) => !own.includes(name) && value !== undefined);
  return Object.fromEntries(Object.entries({ ...before, ...Object.fromEntries(given) }).filter(([, value]) => value !== null));
}

/** `options.immutable` protects from change and deletion, except from the call that takes it away. */
export function refuseImmutable(
  noun: string,
  record: { readonly id: string; readonly options: object },
  options?: Readonly<Record<string, unknown>> | undefined,
): void {
  const immutable = (record.options as { immutable?: boolean }).immutable === true;
  if (!immutable || (options !== undefined && 'immutable' in options && options['immutable'] !== true)) return;
  throw forbidden(
    `Unable to ${options === undefined ? 'delete' : 'update'} immutable ${noun} resource: ${record.id}. Set resource option "immutable" to false first.`,
  );
}
