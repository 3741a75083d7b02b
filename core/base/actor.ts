/**
 * Who asks. Every verb of a service takes one, so that a tenant's call can only see what is the tenant's. Made by the
 * login of the API, from a token or from the administrator's password; never read from the request's body.
 */
export interface Actor {
  readonly userId: string;
  readonly userName: string;
  readonly userDomainId: string;
  /** At most one of the three scopes is set; none: unscoped. */
  readonly projectId: string | null;
  readonly projectDomainId: string | null;
  readonly domainId: string | null;
  readonly systemScope: boolean;
  /** Effective role names, implied ones included: `admin`, `manager`, `member`, `reader`, `service`, others. */
  readonly roles: readonly string[];
}

/** The installation's own administrator, logged in by HTTP basic authentication: no token, no project, every right. */
export const systemAdministrator = (userName: string): Actor => ({
  userId: userName,
  userName,
  userDomainId: 'default',
  projectId: null,
  projectDomainId: null,
  domainId: null,
  systemScope: true,
  roles: ['admin', 'manager', 'member', 'reader'],
});
