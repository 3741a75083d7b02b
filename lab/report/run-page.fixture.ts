import type { RunRecord } from './run-record.ts';

/** A short run with something of everything, and text that would break a careless page. */
const AT = Date.UTC(2026, 0, 15, 12, 0, 0);
const iso = (seconds: number) => new Date(AT + seconds * 1000).toISOString();

export const RUN: RunRecord = {
  ok: false,
  seed: 7,
  command: '--machines 2 --fault bad-checksum',
  startedAtMs: AT,
  endedAtMs: AT + 90_000,
  machines: [
    {
      report: {
        name: 'machine-1',
        firmware: 'bios',
        bmc: 'ipmi',
        node: 'a-uuid',
        driver: 'ipmi',
        state: 'active',
        address: '10.77.0.20',
        ssh: true,
        phases: [
          { name: 'discover', seconds: 20, startedAt: iso(0) },
          { name: 'bad-checksum', seconds: 30, startedAt: iso(20) },
          { name: 'deploy', seconds: 30, startedAt: iso(50) },
          { name: 'login', seconds: 10, startedAt: iso(80) },
        ],
      },
      events: [
        {
          atMs: AT + 2_000,
          source: 'dhcp',
          kind: 'dhcp.offer',
          severity: 'info',
          message: 'OFFER to <img src=x onerror=alert(1)>',
          evidence: { xid: 7 },
        },
        {
          atMs: AT + 9_000,
          source: 'http',
          kind: 'http.get',
          severity: 'info',
          message: 'read the ramdisk',
          evidence: { milliseconds: 4_000 },
        },
        {
          atMs: AT + 20_000,
          source: 'node',
          kind: 'node.state',
          severity: 'info',
          message: 'available → deploying',
          evidence: { to: 'deploying' },
        },
        {
          atMs: AT + 45_000,
          source: 'node',
          kind: 'node.state',
          severity: 'error',
          message: 'deploying → deploy failed',
          evidence: { to: 'deploy failed' },
        },
        {
          atMs: AT + 75_000,
          source: 'node',
          kind: 'node.state',
          severity: 'info',
          message: 'deploying → active',
          evidence: { to: 'active' },
        },
      ],
      power: [
        { atMs: AT, state: 'on' },
        { atMs: AT + 76_000, state: 'off' },
        { atMs: AT + 77_000, state: 'on' },
      ],
      console: ['SeaBIOS', '</pre><script>alert(2)</script>', 'machine-1 login:\u0007'],
    },
    {
      report: {
        name: 'machine-2',
        firmware: 'uefi',
        bmc: 'redfish',
        node: null,
        driver: null,
        state: 'off',
        address: null,
        ssh: false,
        error: 'waited 65 minutes for machine-2 to appear',
        phases: [],
      },
      events: [],
      power: [],
      console: [],
    },
  ],
  faults: [
    {
      name: 'bad-checksum',
      injected: 1,
      expected: 'deploy failed, then active',
      met: false,
      moments: [{ at: iso(46), what: 'machine-1: deploy failed' }],
      problems: ['not every machine reached its goal'],
    },
  ],
  captures: [
    {
      file: 'captures/uplink1.pcap',
      bytes: 2_048,
      frames: 3,
      packets: [{ atMs: AT + 1_500, protocol: 'DHCP', text: 'DISCOVER from 52:54:00:00:01:01' }],
      packetsLeftOut: 2,
    },
  ],
};
