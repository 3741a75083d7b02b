/** Images that the BMC shows to the machine as a CD drive or a USB stick. */
export type MediaKind = 'cdrom' | 'disk' | 'floppy';

export interface MediaSlot {
  /** The BMC's name of the slot. */
  readonly id: string;
  readonly kinds: readonly MediaKind[];
  /** URL of the image; undefined: empty. */
  readonly image: string | undefined;
}

export interface VirtualMediaCalls {
  virtualMedia(signal: AbortSignal): Promise<readonly MediaSlot[]>;
  /** Whatever was in the slot is taken out first. */
  insertMedia(media: { readonly kind: MediaKind; readonly url: string }, signal: AbortSignal): Promise<void>;
  /** Empties every slot for this kind; an empty one is left as it is. */
  ejectMedia(kind: MediaKind, signal: AbortSignal): Promise<void>;
}
