import type { Assertion } from './apply-mapping-policy.ts';

/** What a browser must carry, sealed, from the moment it is sent to a provider until it comes back. */
export type BrowserSecrets = Readonly<Record<string, string>>;

/** One way to sign somebody in through their browser. */
export interface BrowserClient {
  begin(redirectUri: string): Promise<{ readonly url: string; readonly secrets: BrowserSecrets }>;
  /** @throws IdentityError 401 */
  finish(
    answer: { readonly url: URL; readonly form: Readonly<Record<string, string>> },
    secrets: BrowserSecrets,
    redirectUri: string,
  ): Promise<Assertion>;
}
