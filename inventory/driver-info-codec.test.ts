import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createSealer } from '../core/base/sealer-codec.ts';
import { bmcAddresses, checkDriverInfo, MASK, splitDriverInfo } from './driver-info-codec.ts';

const sealer = createSealer(randomBytes(32));

test('passwords are taken out, shown as a mask, and come back only as an address', () => {
  const split = splitDriverInfo({ ipmi_address: '10.0.0.9', ipmi_username: 'u', ipmi_password: 'secret-1' }, null, sealer);
  assert.equal(split.shown['ipmi_password'], MASK);
  assert.ok(!JSON.stringify(split).includes('secret-1'));
  const [address] = bmcAddresses({ driver: 'ipmi', driver_info: split.shown, driver_secrets: split.sealed }, sealer);
  assert.equal(address?.password.reveal(), 'secret-1');
  assert.ok(!JSON.stringify(address).includes('secret-1'));
});

test('a client that sends back what it read does not lose the password', () => {
  const first = splitDriverInfo({ redfish_address: 'https://b', redfish_username: 'u', redfish_password: 'p' }, null, sealer);
  const second = splitDriverInfo({ ...first.shown, redfish_username: 'v' }, first.sealed, sealer);
  const [address] = bmcAddresses({ driver: 'redfish', driver_info: second.shown, driver_secrets: second.sealed }, sealer);
  assert.deepEqual([address?.username, address?.password.reveal(), address?.port], ['v', 'p', 443]);
});

test("the driver's own protocol is tried first", () => {
  const both = {
    ipmi_address: 'b',
    ipmi_username: 'u',
    ipmi_password: MASK,
    redfish_address: 'http://b:8000',
    redfish_username: 'u',
    redfish_password: MASK,
  };
  const protocols = (driver: string) =>
    bmcAddresses({ driver, driver_info: both, driver_secrets: null }, sealer).map(({ protocol }) => protocol);
  assert.deepEqual(protocols('ipmi'), ['ipmi', 'redfish']);
  assert.deepEqual(protocols('redfish'), ['redfish', 'ipmi']);
});

test('what is missing is named', () => {
  assert.deepEqual(checkDriverInfo('ipmi', { ipmi_address: 'x' }), [
    'driver_info/ipmi_username is missing',
    'driver_info/ipmi_password is missing',
  ]);
  assert.match(checkDriverInfo('redfish', { redfish_address: 'http://[', redfish_username: 'u', redfish_password: 'p' })[0]!, /not a URL/);
  assert.match(checkDriverInfo('snmp', {})[0]!, /unknown/);
});

test('a secret sealed with another key says so', () => {
  assert.throws(() => createSealer(randomBytes(32)).open(sealer.seal('x')), /another secret key/);
});
