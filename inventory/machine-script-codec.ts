import { parse } from 'yaml';
import { z } from 'zod';
import { malformed, type Malformed } from '../core/base/malformed.ts';

/*
 * A commissioning or test script: a text with its metadata in its head, in the form that MAAS gave to it ("Script metadata"):
 *
 *   #!/bin/sh
 *   # --- Start RACKWRIGHT 1.0 script metadata ---
 *   # name: 30-gateway
 *   # type: testing
 *   # --- End RACKWRIGHT 1.0 script metadata ---
 *
 * `MAAS` in place of `RACKWRIGHT` is read too. What of MAAS's metadata does not work here is refused by name.
 */
export const SCRIPT_TYPES = ['commissioning', 'testing'] as const;
export const SCRIPT_HARDWARE = ['node', 'cpu', 'memory', 'storage', 'network'] as const;

export interface MachineScript {
  readonly name: string;
  readonly title: string;
  readonly type: (typeof SCRIPT_TYPES)[number];
  readonly hardware: (typeof SCRIPT_HARDWARE)[number];
  /** `any`: beside others that are so; `instance`: beside its own instances; else alone. */
  readonly parallel: 'disabled' | 'instance' | 'any';
  /** The machine may start anew while it runs; then it is run again. */
  readonly mayReboot: boolean;
  /** Runs when nothing else is asked for. */
  readonly byDefault: boolean;
  readonly timeoutSeconds: number;
  /** Runs once for each disk, told by `--storage=/dev/…`. */
  readonly perDisk: boolean;
  /** A step of the agent in place of the text. */
  readonly step?: { readonly name: string; readonly args: Readonly<Record<string, unknown>> };
  readonly content: string;
}

/** A text of this size is a program that belongs into an image. */
export const SCRIPT_BYTES_MAX = 256 * 1024;
const TIMEOUT_SECONDS_DEFAULT = 600;
const TIMEOUT_SECONDS_MAX = 86_400;
const NAME_FORM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Burn-in as the agent has it; other steps of the agent write images and are no tests. */
const STEPS = ['burnin_cpu', 'burnin_memory', 'burnin_disk', 'burnin_network', 'check_disks'] as const;

const typeWord = z.union([
  z.enum(SCRIPT_TYPES),
  z.literal(0).transform(() => 'commissioning' as const),
  z.literal(2).transform(() => 'testing' as const),
]);
const metadata = z.strictObject({
  name: z.string().regex(NAME_FORM, `is not a name of the form ${NAME_FORM.source}`),
  title: z.string().max(255).default(''),
  description: z.string().max(255).default(''),
  type: typeWord.default('testing'),
  hardware: z.enum(SCRIPT_HARDWARE).default('node'),
  parallel: z.enum(['disabled', 'instance', 'any']).default('disabled'),
  may_reboot: z.boolean().default(false),
  default: z.boolean().default(false),
  timeout: z.union([z.number().int(), z.string()]).default(TIMEOUT_SECONDS_DEFAULT),
  parameters: z.strictObject({ storage: z.strictObject({ type: z.literal('storage') }) }).optional(),
  step: z.enum(STEPS).optional(),
  arguments: z.record(z.string(), z.json()).optional(),
});

/** `HH:MM:SS`, `MM:SS` or seconds. */
function toSeconds(text: string | number): number {
  const parts = String(text).split(':');
  if (parts.length > 3 || parts.some((part) => !/^\d{1,6}$/.test(part))) return NaN;
  return parts.map(Number).reduce((sum, part) => sum * 60 + part, 0);
}

const refuse = (reason: string): Malformed => malformed(reason, 0);

export function decodeScript(content: string): MachineScript | Malformed {
  if (Buffer.byteLength(content) > SCRIPT_BYTES_MAX) return refuse(`the script has more than ${SCRIPT_BYTES_MAX} bytes`);
  const lines = content.split('\n');
  const start = lines.findIndex((line) => /^# --- Start (RACKWRIGHT|MAAS) 1\.0 script metadata ---\s*$/.test(line));
  const end = lines.findIndex((line, at) => at > start && /^# --- End (RACKWRIGHT|MAAS) 1\.0 script metadata ---\s*$/.test(line));
  if (start < 0 || end < 0) return refuse('there is no metadata between "# --- Start RACKWRIGHT 1.0 script metadata ---" and its End');
  const yaml = lines.slice(start + 1, end).map((line) => line.replace(/^#\s?/, ''));
  let given: unknown;
  try {
    given = parse(yaml.join('\n'));
  } catch (error) {
    return refuse(`the metadata is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const parsed = metadata.safeParse(given);
  if (!parsed.success)
    return refuse(`metadata: ${parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`).join('; ')}`);
  return toScript(parsed.data, lines, content);
}

function toScript(data: z.infer<typeof metadata>, lines: readonly string[], content: string): MachineScript | Malformed {
  const timeoutSeconds = toSeconds(data.timeout);
  if (!(timeoutSeconds >= 1 && timeoutSeconds <= TIMEOUT_SECONDS_MAX))
    return refuse(`timeout is not HH:MM:SS or seconds, at most ${TIMEOUT_SECONDS_MAX} s`);
  if (data.step === undefined && data.arguments !== undefined) return refuse('arguments are for a step');
  if (data.step === undefined && !/^#!.*\b(sh|node)\s*$/.test(lines[0]!))
    return refuse('its first line is not "#!/bin/sh" or "#!/usr/bin/env node": the ramdisk has no other interpreters');
  if (data.step !== undefined && data.parameters !== undefined) return refuse('a step finds its disks itself: it takes no parameters');
  return {
    name: data.name,
    title: data.title || data.description,
    type: data.type,
    hardware: data.hardware,
    parallel: data.parallel,
    mayReboot: data.may_reboot,
    byDefault: data.default,
    timeoutSeconds,
    perDisk: data.parameters !== undefined,
    ...(data.step === undefined ? {} : { step: { name: data.step, args: data.arguments ?? {} } }),
    content,
  };
}
