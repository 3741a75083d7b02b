import type { Actor } from '../core/base/actor.ts';
import type { ApplicationCredentialRecord } from './application-credential-record.ts';
import type { Scope } from './assignment-service.ts';
import type { ProjectRecord } from './project-record.ts';
import type { RoleRecord } from './role-record.ts';
import type { TrustRecord } from './trust-record.ts';
import type { TokenPayload } from './token/token-payload-codec.ts';
import type { UserRecord } from './user-record.ts';

/** Whom a token stands for, looked up: the rows behind its payload. */
export interface TokenSubject {
  readonly user: UserRecord;
  readonly userDomain: ProjectRecord;
  readonly scope: Scope;
  readonly roles: readonly RoleRecord[];
  readonly trust?: TrustRecord;
  readonly applicationCredential?: ApplicationCredentialRecord;
  readonly accessToken?: { readonly id: string; readonly consumer_id: string };
}

/** A token that was checked. Its bodies are made once and sent many times. */
export interface ValidToken {
  readonly text: string;
  readonly payload: TokenPayload;
  readonly issuedAtMs: number;
  readonly subject: TokenSubject;
  readonly actor: Actor;
  body(withCatalog: boolean): Promise<string>;
}
