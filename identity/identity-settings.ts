import { z } from 'zod';
import { federationSettingsShape } from './federation-settings.ts';

/** `identity:` of the configuration file. Names are Keystone's, so that an operator finds what they know. */
export const identitySettingsShape = z
  .strictObject({
    token_expiration_seconds: z
      .number()
      .int()
      .min(60)
      .max(7 * 86_400)
      .default(3600),
    /** How long after its end a service may still use a user's token for work that began in time. */
    allow_expired_window_seconds: z
      .number()
      .int()
      .min(0)
      .default(48 * 3600),
    /** Enough for a token that was signed just before a rotation to open until its window has passed. */
    token_keys_max: z.number().int().min(3).max(20).default(5),
    token_key_rotation_seconds: z.number().int().min(60).default(86_400),
    /** Two wrong passwords pause a user for five seconds: guessing slows to a crawl, and nobody is locked out for long. */
    lockout_failure_attempts: z.number().int().min(0).default(2),
    lockout_duration_seconds: z.number().min(0).default(5),
    unique_last_password_count: z.number().int().min(0).max(50).default(2),
    minimum_password_age_days: z.number().int().min(0).default(0),
    password_expires_days: z.number().int().min(0).default(0),
    disable_user_account_days_inactive: z.number().int().min(0).default(0),
    change_password_upon_first_use: z.boolean().default(false),
    password_regex: z.string().optional(),
    password_regex_description: z.string().optional(),
    limit_model: z.enum(['flat', 'strict_two_level']).default('flat'),
    max_project_tree_depth: z.number().int().min(1).default(5),
    max_trust_redelegation: z.number().int().min(0).default(3),
    /** A service that signs in browsers' users must be named here, or its `origin` is refused. */
    trusted_dashboards: z.array(z.string()).default([]),
    receipt_expiration_seconds: z.number().int().min(30).default(300),
    oauth1_request_token_seconds: z.number().int().min(60).default(28_800),
    oauth1_access_token_seconds: z.number().int().min(0).default(86_400),
    policy_file: z.string().optional(),
    federation: federationSettingsShape.default([]),
  })
  .prefault({});

export type IdentitySettings = z.infer<typeof identitySettingsShape>;
