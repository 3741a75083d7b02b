import type { RoleRecord } from '../../identity/role-record.ts';

export const roleView = ({ extra, ...role }: RoleRecord) => ({ ...extra, ...role });
