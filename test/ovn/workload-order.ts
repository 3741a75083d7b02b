/** What machines in namespaces answer on, and what they can be told (`workload.ts`). */
export const PORTS = { ssh: 22, http: 80 } as const;

export type Order =
  | {
      readonly do: 'connect';
      readonly host: string;
      readonly port: number;
      readonly from?: string | undefined;
      readonly timeoutMs: number;
    }
  | { readonly do: 'resolve'; readonly name: string; readonly server: string };
/** Null: nobody answered. */
export type Said = { readonly id: number; readonly answer: string | null };
