import type { Clock } from '../../core/base/clock.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { BootModel } from '../boot-model.ts';

/** Who asks why a boot failed wants to know that nobody was there to answer it. */
export function tellStart({ clock, recordEvent, model }: { clock: Clock; recordEvent: RecordEvent; model: BootModel }): void {
  const address = model.subnets[0]?.serverAddress ?? 'without a network';
  recordEvent({
    atMs: clock.nowMs(),
    source: 'boot',
    kind: 'boot.started',
    severity: 'info',
    machine: { ipAddress: address },
    message: `the boot server ${address} has started`,
  });
}
