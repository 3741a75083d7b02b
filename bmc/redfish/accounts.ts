import type { JsonObject } from '../../core/base/json.ts';
import { BmcError, type BmcConnection, type BmcUser } from '../capability.ts';
import { pathAt, textAt } from './json-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

const PRIVILEGES: Readonly<Record<string, BmcUser['privilege']>> = {
  Administrator: 'administrator',
  Operator: 'operator',
  ReadOnly: 'user',
};

const userOf = (account: JsonObject): BmcUser => ({
  id: Number.isInteger(Number(account['Id'])) ? Number(account['Id']) : 0,
  name: String(account['UserName']),
  enabled: account['Enabled'] !== false,
  privilege: PRIVILEGES[String(account['RoleId'])] ?? 'none',
});

export function redfishAccounts(tree: RedfishTree): Pick<BmcConnection, 'users' | 'putUser'> {
  const readAccounts = async (signal: AbortSignal) => {
    const service = await tree.follow(await tree.root(signal), 'AccountService', signal);
    return { accounts: await tree.members(service, 'Accounts', signal), path: pathAt(service, 'Accounts')! };
  };
  return {
    users: async (signal) => (await readAccounts(signal)).accounts.filter((account) => textAt(account, 'UserName')).map(userOf),
    async putUser(name, password, signal) {
      const { accounts, path } = await readAccounts(signal);
      const wanted = { UserName: name, Password: password.reveal(), RoleId: 'Administrator', Enabled: true };
      const known = accounts.find((account) => account['UserName'] === name);
      // BMCs with fixed slots (iDRAC) refuse POST; an account without a name is one of theirs.
      const slot = known ?? accounts.find((account) => account['UserName'] === '' && Number(account['Id']) > 2);
      const { UserName: _name, ...changes } = wanted;
      if (slot) await tree.http.patch(textAt(slot, '@odata.id')!, known ? changes : wanted, signal);
      else await tree.http.post(path, wanted, signal);
      const user = (await readAccounts(signal)).accounts.find((account) => account['UserName'] === name);
      if (!user)
        throw new BmcError(
          'protocol',
          `${tree.address.host}: the BMC accepted user ${name} but does not list it`,
          'Look at the accounts on the BMC.',
        );
      return userOf(user);
    },
  };
}
