import type { GroupRecord } from '../../identity/group-service.ts';

export const groupView = ({ extra, ...group }: GroupRecord) => ({ ...extra, ...group });
