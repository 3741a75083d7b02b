/** What object storage takes, as `/info` publishes it: Swift's own defaults, since clients cut their uploads by them. */
export const OBJECT_LIMITS = {
  /** 5 GiB and the two bytes by which clients see that a whole 5 GiB fits. */
  objectBytesMax: 5 * 2 ** 30 + 2,
  accountNameBytesMax: 256,
  containerNameBytesMax: 256,
  objectNameBytesMax: 1024,
  metadataNameBytesMax: 128,
  metadataValueBytesMax: 256,
  metadataCountMax: 90,
  metadataBytesMax: 4096,
  listingMax: 10_000,
  /** A bulk request is one transaction a name: more would outlive any client's patience. */
  bulkDeletesMax: 10_000,
  bulkContainersMax: 10_000,
  bulkFailuresMax: 1000,
  segmentsMax: 1000,
  manifestBytesMax: 8 * 2 ** 20,
  /** A manifest whose segments are manifests, and so on: each level multiplies the segments. */
  manifestDepthMax: 10,
  /** Ranges of one request; more, or many that overlap, is an attack (RFC 9110, section 14.2). */
  rangesMax: 50,
} as const;

/** An upload that sends nothing for so long is given up: its client is gone. */
export const UPLOAD_SILENCE_MS_MAX = 60_000;
