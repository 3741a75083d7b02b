/** What the methods of one login have proven together. */
export interface Proof {
  readonly userId: string;
  readonly methods: readonly string[];
  /** A token's end: what is made from it ends no later. */
  readonly expiresAtMs?: number;
  /** First of the chain, when made from a token. */
  readonly auditChainId?: string;
  readonly applicationCredentialId?: string;
  readonly projectId?: string;
  readonly accessTokenId?: string;
  readonly federated?: { readonly groupIds: readonly string[]; readonly providerId: string; readonly protocolId: string };
}
