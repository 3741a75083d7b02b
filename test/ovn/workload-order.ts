/** What machines in namespaces answer on, and what they can be told (`workload.ts`). */
export const PORTS = { ssh: 22, http: 80 } as const;
/** Where a machine gives so many bytes to whoever connects. */
export const BULK_PORT = 9000;
export const BULK_BYTES = 750_000;

export type Order =
  | {
      readonly do: 'connect';
      readonly host: string;
      readonly port: number;
      readonly from?: string | undefined;
      readonly timeoutMs: number;
    }
  | { readonly do: 'pull'; readonly host: string }
  | { readonly do: 'resolve'; readonly name: string; readonly server: string };
/** Null: nobody answered. */
export type Said = { readonly id: number; readonly answer: string | null };
