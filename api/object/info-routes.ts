import { OBJECT_LIMITS as LIMITS } from '../../storage/object-limits.ts';
import { TEMP_URL_DIGESTS, TEMP_URL_METHODS } from '../../storage/temp-url-policy.ts';
import { ok, type ServiceRoute } from '../service-plugin.ts';
import { STORAGE_POLICY } from './object-headers.ts';
import type { ObjectContext } from './object-visit.ts';

/** What is there and how much of it, told to everybody: clients cut their uploads by it. Names are those of Swift's `/info`. */
const INFO = {
  swift: {
    version: '2.30.0',
    max_file_size: LIMITS.objectBytesMax,
    max_meta_name_length: LIMITS.metadataNameBytesMax,
    max_meta_value_length: LIMITS.metadataValueBytesMax,
    max_meta_count: LIMITS.metadataCountMax,
    max_meta_overall_size: LIMITS.metadataBytesMax,
    max_object_name_length: LIMITS.objectNameBytesMax,
    max_container_name_length: LIMITS.containerNameBytesMax,
    max_account_name_length: LIMITS.accountNameBytesMax,
    container_listing_limit: LIMITS.listingMax,
    account_listing_limit: LIMITS.listingMax,
    strict_cors_mode: true,
    allow_account_management: false,
    account_autocreate: true,
    policies: [{ name: STORAGE_POLICY, aliases: STORAGE_POLICY, default: true }],
  },
  account_quotas: {},
  bulk_delete: { max_deletes_per_request: LIMITS.bulkDeletesMax, max_failed_deletes: LIMITS.bulkFailuresMax },
  bulk_upload: { max_containers_per_extraction: LIMITS.bulkContainersMax, max_failed_extractions: LIMITS.bulkFailuresMax },
  container_quotas: {},
  crossdomain: {},
  dlo: { max_segments: LIMITS.listingMax },
  formpost: { allowed_digests: TEMP_URL_DIGESTS },
  slo: {
    max_manifest_segments: LIMITS.segmentsMax,
    max_manifest_size: LIMITS.manifestBytesMax,
    min_segment_size: 1,
    allow_async_delete: false,
  },
  staticweb: {},
  tempurl: {
    methods: TEMP_URL_METHODS,
    allowed_digests: TEMP_URL_DIGESTS,
    incoming_remove_headers: [],
    incoming_allow_headers: [],
    outgoing_remove_headers: [],
    outgoing_allow_headers: [],
  },
  versioned_writes: { allowed_flags: ['x-versions-location', 'x-history-location'] },
};

const CROSSDOMAIN = `<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >
<cross-domain-policy>
<allow-access-from domain="*" secure="false" />
</cross-domain-policy>`;

export const infoRoutes: readonly ServiceRoute<ObjectContext>[] = [
  { method: 'GET', path: '/info', open: true, handle: async () => ok(INFO) },
  {
    method: 'GET',
    path: '/healthcheck',
    open: true,
    handle: async () => ({ status: 200, body: 'OK', headers: { 'content-type': 'text/plain; charset=UTF-8' } }),
  },
  {
    method: 'GET',
    path: '/crossdomain.xml',
    open: true,
    handle: async () => ({ status: 200, body: CROSSDOMAIN, headers: { 'content-type': 'application/xml' } }),
  },
];
