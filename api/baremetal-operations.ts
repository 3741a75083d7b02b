import { baremetalRoutes } from './baremetal/baremetal-server.ts';

/** Every operation of the Bare Metal API: for its document, and for tests that go over all of them. */
export interface Operation {
  readonly method: string;
  /** Below `/v1`, with `:name` for parameters. */
  readonly path: string;
  /** The first minor version that has it. */
  readonly since: number;
  readonly query: readonly string[];
}

export const BAREMETAL_OPERATIONS: readonly Operation[] = baremetalRoutes.map(({ method, path, since = 1, query = [] }) => ({
  method,
  path,
  since,
  query,
}));
