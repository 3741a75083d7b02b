import { passwordEnd } from '../../identity/iso-time.ts';
import type { UserRecord } from '../../identity/user-record.ts';
import type { FederatedIdentity } from '../../identity/user-service.ts';

export const userView = (user: UserRecord, federated: readonly FederatedIdentity[] = []) => ({
  ...user.extra,
  id: user.id,
  name: user.name,
  domain_id: user.domain_id,
  enabled: user.enabled,
  ...(user.description === null ? {} : { description: user.description }),
  ...(user.default_project_id === null ? {} : { default_project_id: user.default_project_id }),
  options: user.options,
  password_expires_at: passwordEnd(user.password_expires_at),
  ...(federated.length === 0 ? {} : { federated }),
});
