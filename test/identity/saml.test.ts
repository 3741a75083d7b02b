import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { startCloud, type Cloud } from './identity-rig.ts';

/** Signing in by SAML 2.0; the identity provider is Debian's pysaml2, which signs with xmlsec1. */
const run = promisify(execFile);
const DASHBOARD = 'https://dashboard.example/auth/websso/';
const PROVIDER = 'https://idp.example/metadata';
const OURS = 'https://cloud.example/saml';
const folder = mkdtempSync(join(tmpdir(), 'rw-saml-'));
let cloud: Cloud;

/** Answers the request of a redirect: the response in base64. Arguments: folder, key's name, request, account, our entity id. */
const PROVIDER_PROGRAM = `
import sys, base64
from saml2 import BINDING_HTTP_REDIRECT, BINDING_HTTP_POST, saml
from saml2.config import IdPConfig
from saml2.server import Server
folder, key, request, account, ours = sys.argv[1:6]
metadata = f'''<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ours}"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="CALLBACK" index="0" isDefault="true"/></md:SPSSODescriptor></md:EntityDescriptor>'''
config = IdPConfig().load({
    'entityid': '${PROVIDER}', 'key_file': f'{folder}/{key}.key', 'cert_file': f'{folder}/{key}.pem', 'xmlsec_binary': '/usr/bin/xmlsec1',
    'service': {'idp': {'endpoints': {'single_sign_on_service': [('https://idp.example/sso', BINDING_HTTP_REDIRECT)]}, 'want_authn_requests_signed': False,
                        'policy': {'default': {'attribute_restrictions': None, 'name_form': 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic'}}}},
    'metadata': {'inline': [metadata]},
})
server = Server(config=config)
asked = server.parse_authn_request(request, BINDING_HTTP_REDIRECT).message
name = saml.NameID(format=saml.NAMEID_FORMAT_PERSISTENT, text=account)
groups = ['operators', 'staff'] if account == 'lea' else ['staff']
answer = server.create_authn_response({'displayName': ['Person ' + account], 'groups': groups}, asked.id, asked.assertion_consumer_service_url, ours,
                                      name_id=name, authn={'class_ref': saml.AUTHN_PASSWORD, 'authn_auth': 'x'}, sign_assertion=True, sign_response=False)
print(base64.b64encode(str(answer).encode()).decode())
`;

const makeKey = (name: string) =>
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=idp',
      '-keyout',
      join(folder, `${name}.key`),
      '-out',
      join(folder, `${name}.pem`),
    ],
    { stdio: 'ignore' },
  );

before(async () => {
  makeKey('provider');
  makeKey('impostor');
  const file = join(folder, 'rackwright.yaml');
  const saml = {
    entry_point: 'https://idp.example/sso',
    provider_entity_id: PROVIDER,
    certificate: readFileSync(join(folder, 'provider.pem'), 'utf8'),
    entity_id: OURS,
  };
  const identity = { trusted_dashboards: [DASHBOARD], federation: [{ identity_provider: 'corp', protocol: 'saml2', saml }] };
  writeFileSync(file, JSON.stringify({ identity }));
  cloud = await startCloud({ args: ['--config', file] });
  const rules = [
    {
      local: [{ user: { name: '{0}' } }, { groups: '{1}', domain: { id: 'default' } }],
      remote: [{ type: 'urn:mace:dir:attribute-def:displayName' }, { type: 'groups', whitelist: ['operators'] }],
    },
  ];
  await cloud.call(cloud.admin, 'POST', '/groups', { group: { name: 'operators' } });
  await cloud.call(cloud.admin, 'PUT', '/OS-FEDERATION/mappings/corp', { mapping: { rules } });
  await cloud.call(cloud.admin, 'PUT', '/OS-FEDERATION/identity_providers/corp', { identity_provider: { enabled: true } });
  const made = await cloud.call(cloud.admin, 'PUT', '/OS-FEDERATION/identity_providers/corp/protocols/saml2', {
    protocol: { mapping_id: 'corp' },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
});
after(async () => {
  await cloud?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Begun {
  readonly request: string;
  readonly state: string;
  readonly cookie: string;
  readonly callback: string;
}

async function begin(): Promise<Begun> {
  const path = '/v3/auth/OS-FEDERATION/identity_providers/corp/protocols/saml2/websso';
  const response = await fetch(`${cloud.serve.endpoint}${path}?origin=${encodeURIComponent(DASHBOARD)}`, { redirect: 'manual' });
  assert.equal(response.status, 302);
  const location = new URL(response.headers.get('location')!);
  assert.equal(location.origin + location.pathname, 'https://idp.example/sso');
  const cookie = response.headers.getSetCookie()[0]!.split(';')[0]!;
  return {
    request: location.searchParams.get('SAMLRequest')!,
    state: location.searchParams.get('RelayState')!,
    cookie,
    callback: `${cloud.serve.endpoint}${path}/callback`,
  };
}

async function answer(begun: Begun, account: string, options: { key?: string; audience?: string } = {}): Promise<string> {
  const audience = options.audience ?? OURS;
  const program = PROVIDER_PROGRAM.replace('CALLBACK', begun.callback);
  const { stdout } = await run('/usr/bin/python3', [
    '-W',
    'ignore',
    '-c',
    program,
    folder,
    options.key ?? 'provider',
    begun.request,
    account,
    audience,
  ]);
  return stdout.trim();
}

const post = (begun: Begun, form: Record<string, string>, cookie = begun.cookie) =>
  fetch(begun.callback, { method: 'POST', headers: { cookie }, body: new URLSearchParams(form) });

test('a signed assertion of the provider becomes a token for the dashboard, with the groups of the mapping', async () => {
  const begun = await begin();
  const response = await post(begun, { SAMLResponse: await answer(begun, 'lea'), RelayState: begun.state });
  const page = await response.text();
  assert.equal(response.status, 200, page);
  assert.ok(page.includes(`action="${DASHBOARD}"`));
  const token = /name="token" value="([^"]+)"/.exec(page)![1]!;
  const seen = (await cloud.call(cloud.admin, 'GET', '/auth/tokens', undefined, { 'x-subject-token': token })).body['token']!;
  assert.equal(seen['user']!['name'], 'Person lea');
  assert.equal((seen['user']!['OS-FEDERATION']!['groups'] as unknown as object[]).length, 1);
  assert.equal(seen['user']!['OS-FEDERATION']!['protocol']!['id'], 'saml2');
});

test('an impostor’s signature, a changed name, another audience, another browser, an old answer: no token', async () => {
  const begun = await begin();
  const other = await begin();
  const right = await answer(begun, 'kim');
  const altered = Buffer.from(Buffer.from(right, 'base64').toString().replaceAll('Person kim', 'Person lea')).toString('base64');
  const unsigned = Buffer.from(
    Buffer.from(right, 'base64')
      .toString()
      .replace(/<[a-z0-9]+:Signature[ >].*?<\/[a-z0-9]+:Signature>/s, ''),
  ).toString('base64');
  const state = begun.state;
  for (const [what, form, cookie] of [
    ['impostor', { SAMLResponse: await answer(begun, 'kim', { key: 'impostor' }), RelayState: state }, begun.cookie],
    ['altered', { SAMLResponse: altered, RelayState: state }, begun.cookie],
    ['unsigned', { SAMLResponse: unsigned, RelayState: state }, begun.cookie],
    ['audience', { SAMLResponse: await answer(begun, 'kim', { audience: 'https://other.example' }), RelayState: state }, begun.cookie],
    ['no cookie', { SAMLResponse: right, RelayState: state }, ''],
    ['another browser', { SAMLResponse: right, RelayState: other.state }, other.cookie],
    ['no state', { SAMLResponse: right }, begun.cookie],
    ['nonsense', { SAMLResponse: 'AAAA', RelayState: state }, begun.cookie],
  ] as const) {
    assert.equal((await post(begun, { ...form }, cookie)).status, 401, what);
  }
  assert.equal((await post(begun, { SAMLResponse: right, RelayState: state })).status, 200);
});
