import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { absentOf } from '../core/database/absent-of.ts';
import type { Db } from './placement-provider-service.ts';

/** The processes of the control plane, which place servers and take them through their work, by their machine's name. */
export interface ControlProcess {
  readonly id: string;
  readonly seq: number;
  readonly host: string;
  readonly up: boolean;
  readonly updated_at: Date;
}

/** The same for ever, without a row of its own (RFC 9562, section 5.5: made of a name). */
function uuidOf(name: string): string {
  const hex = createHash('sha1').update(`compute process ${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Processes that work say so with a name that they hold (`Database.bePresent`). */
export async function listProcesses(db: Db): Promise<ControlProcess[]> {
  const { rows } = await sql<{ hostname: string; updated_at: Date }>`select hostname, updated_at from conductor order by hostname`.execute(
    db,
  );
  const absent = new Set(
    await absentOf(
      db,
      rows.map(({ hostname }) => `conductor:${hostname}`),
    ),
  );
  return rows.map(({ hostname, updated_at }, at) => {
    const up = !absent.has(`conductor:${hostname}`);
    return { id: uuidOf(hostname), seq: at + 1, host: hostname, up, updated_at: up ? new Date() : updated_at };
  });
}
