import type { JsonObject } from '../../core/base/json.ts';
import { objectAt, textAt } from './json-codec.ts';

/*
 * What BMCs of a vendor do in their own way, as data. Only what the client cannot find out by asking stands here: an ETag
 * that is refused, a missing session service, a redirect or a value that is not allowed are met as they come.
 */
export interface VendorHabits {
  readonly vendor: string;
  /** A boot override is lost or refused unless the firmware mode goes with it. */
  readonly bootNeedsMode?: true;
  /** Words for a boot from virtual media, best first, in place of `Cd`. */
  readonly cdTargets?: readonly string[];
  /** Pending BIOS settings stay where they are unless the request says when to apply them. */
  readonly biosApplyTime?: 'OnReset';
  /** Properties that the insert action wants beside the image. */
  readonly insertWith?: JsonObject;
  /** The slot keeps the URL of an image that is gone: only `Inserted` counts. */
  readonly staleImage?: true;
  /** A pushed image needs OemParameters that say what it is of. */
  readonly oemImageType?: true;
  /** Slots for which an insert is answered with success and shows nothing to the machine. */
  readonly deadSlots?: RegExp;
}

interface VendorRow extends VendorHabits {
  /** Words in `Vendor` or `Product` of the service root, or the key under its `Oem`. */
  readonly told: RegExp;
  readonly because: string;
}

const ROWS: readonly VendorRow[] = [
  {
    vendor: 'Dell',
    told: /dell/i,
    biosApplyTime: 'OnReset',
    because: 'iDRAC keeps BIOS settings as pending without a job until @Redfish.SettingsApplyTime asks for one',
  },
  {
    vendor: 'HPE',
    told: /hpe?\b|hewlett/i,
    because: 'iLO ends its paths with a slash and names its actions by @Redfish.ActionInfo; both are followed as they come',
  },
  {
    vendor: 'Lenovo',
    told: /lenovo/i,
    deadSlots: /^(RDOC|Remote)/i,
    because: 'XCC has slots for files uploaded to it (RDOC…) beside those for URLs (EXT…), and older ones insert by PATCH',
  },
  {
    vendor: 'Supermicro',
    told: /supermicro/i,
    bootNeedsMode: true,
    cdTargets: ['UsbCd', 'Cd'],
    insertWith: { TransferProtocolType: 'HTTP' },
    staleImage: true,
    oemImageType: true,
    because: 'boots virtual CDs as UsbCd, forgets an override without its mode, never clears Image, and wants OemParameters with an image',
  },
  {
    vendor: 'OpenBMC',
    told: /openbmc/i,
    insertWith: { TransferMethod: 'Stream' },
    bootNeedsMode: true,
    because: 'takes BootSourceOverrideMode from the same request, and streams only when told so',
  },
  { vendor: 'Fujitsu', told: /fujitsu|fsas|ts_fujitsu/i, because: 'iRMC answers 428 to a change without If-Match' },
  {
    vendor: 'AMI',
    told: /ami\b|megarac|american megatrends/i,
    bootNeedsMode: true,
    because: 'MegaRAC takes boot overrides at the system’s @Redfish.Settings resource, with If-Match',
  },
  { vendor: 'Huawei', told: /huawei|xfusion/i, because: 'iBMC refuses a change without If-Match, and inserts by an action under Oem' },
];

const GENERIC: VendorHabits = { vendor: 'generic' };

export function habitsOf(root: JsonObject): VendorHabits {
  const words = [textAt(root, 'Vendor'), textAt(root, 'Product'), ...Object.keys(objectAt(root, 'Oem'))].join(' ');
  return ROWS.find(({ told }) => told.test(words)) ?? GENERIC;
}
