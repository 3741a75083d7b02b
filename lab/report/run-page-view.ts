import { drawLanes, eventId, type TimeSpan } from './machine-lanes-view.ts';
import { escapeMarkup, formatBytes, formatSeconds } from './markup.ts';
import { drawRun } from './run-picture-view.ts';
import type { CaptureRecord, EventRecord, MachineRecord, RunRecord } from './run-record.ts';
import { PAGE_STYLE } from './run-style.ts';

/**
 * A run of the lab as one HTML page that needs nothing else: no network, no other file. Links lead to the run's files for
 * those who have its folder. The only script opens the table row of an event that was clicked in a picture.
 */
const OPEN_CLICKED = `addEventListener('click',function(e){var a=e.target.closest&&e.target.closest('svg a');if(!a)return;
var r=document.getElementById(decodeURIComponent(a.getAttribute('href').slice(1)));if(!r)return;e.preventDefault();
for(var d=r.closest('details');d;d=d.parentElement.closest('details'))d.open=true;
document.querySelectorAll('tr.shown').forEach(function(t){t.classList.remove('shown')});r.classList.add('shown');
r.scrollIntoView({block:'center',behavior:'smooth'})})`;

/** What a machine's way from power to its system is made of. */
const BOOT_SOURCES = new Set(['dhcp', 'tftp', 'http', 'router-advertisement']);
const BOOT_KINDS = new Set(['bmc.power', 'bmc.boot', 'agent.discovered', 'agent.inspected']);

type Column<Row> = { readonly title: string; readonly html: (row: Row) => string; readonly number?: true; readonly wide?: true };

function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const classes = ({ number, wide }: Column<Row>) => {
    const names = [...(number ? ['number'] : []), ...(wide ? ['wide'] : [])];
    return names.length === 0 ? '' : ` class="${names.join(' ')}"`;
  };
  const head = columns.map((column) => `<th${classes(column)}>${column.title}</th>`).join('');
  const body = rows.map((row) => `<tr>${columns.map((column) => `<td${classes(column)}>${column.html(row)}</td>`).join('')}</tr>`);
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
}

const chip = (text: string, kind: 'goal' | 'failed' | '') => `<span class="chip ${kind}">${escapeMarkup(text)}</span>`;

const totalMs = ({ report }: MachineRecord) => report.phases.reduce((sum, phase) => sum + phase.seconds, 0) * 1000;

const summary = (run: RunRecord): string =>
  table(run.machines, [
    { title: 'machine', html: ({ report }) => `<a href="#${escapeMarkup(report.name)}">${escapeMarkup(report.name)}</a>` },
    { title: 'firmware', html: ({ report }) => escapeMarkup(report.firmware), wide: true },
    { title: 'BMC', html: ({ report }) => escapeMarkup(report.bmc), wide: true },
    { title: 'driver', html: ({ report }) => escapeMarkup(report.driver ?? '–'), wide: true },
    {
      title: 'state',
      html: ({ report }) =>
        `${chip(report.state, report.error === undefined ? 'goal' : 'failed')}${report.error === undefined ? '' : ` ${escapeMarkup(report.error)}`}`,
    },
    { title: 'address', html: ({ report }) => `<span class="mono">${escapeMarkup(report.address ?? '–')}</span>`, wide: true },
    { title: 'SSH', html: ({ report }) => (report.ssh ? 'yes' : '–') },
    { title: 'took', html: (machine) => formatSeconds(totalMs(machine)), number: true },
  ]);

const faults = (run: RunRecord): string =>
  run.faults.length === 0
    ? ''
    : `<h2>What went wrong on purpose</h2><div class="card">${table(run.faults, [
        { title: 'fault', html: ({ name }) => `<span class="mono">${escapeMarkup(name)}</span>` },
        { title: 'times', html: ({ injected }) => String(injected), number: true },
        { title: 'owed', html: ({ expected, problems }) => escapeMarkup([expected, ...problems].join(' — ')) },
        { title: 'met', html: ({ met }) => chip(met ? 'yes' : 'no', met ? 'goal' : 'failed') },
      ])}</div>`;

function eventRows(machine: MachineRecord, span: TimeSpan, wanted: (event: EventRecord) => boolean, withIds: boolean): string {
  const rows = machine.events.flatMap((event, index) => {
    if (!wanted(event)) return [];
    const id = withIds ? ` id="${escapeMarkup(eventId(machine.report.name, index))}"` : '';
    const evidence =
      Object.keys(event.evidence).length === 0 ? '' : `<div class="evidence">${escapeMarkup(JSON.stringify(event.evidence))}</div>`;
    return [
      `<tr${id} class="${escapeMarkup(event.severity)}"><td>${formatSeconds(event.atMs - span.startedAtMs)}</td><td class="mono wide">${escapeMarkup(event.kind)}</td><td class="message">${escapeMarkup(event.message)}${withIds ? evidence : ''}</td></tr>`,
    ];
  });
  return `<table class="events"><tbody>${rows.join('\n')}</tbody></table>`;
}

const folded = (title: string, note: string, body: string): string =>
  `<details><summary>${title} <span class="quiet">${escapeMarkup(note)}</span></summary>${body}</details>`;

function machineSection(machine: MachineRecord, span: TimeSpan, run: RunRecord): string {
  const { report } = machine;
  const isBoot = (event: EventRecord) => event.severity !== 'debug' && (BOOT_SOURCES.has(event.source) || BOOT_KINDS.has(event.kind));
  const consoleText = machine.console.map(escapeMarkup).join('\n');
  return `<section id="${escapeMarkup(report.name)}"><h2>${escapeMarkup(report.name)} <span class="quiet">${escapeMarkup(`${report.firmware}, ${report.bmc}`)}</span></h2>
<div class="card"><div class="scroll">${drawLanes(machine, span, run.faults)}</div>
${folded('Boot trace', `${machine.events.filter(isBoot).length} events from power to system`, eventRows(machine, span, isBoot, false))}
${folded(
  'All events',
  `${machine.events.length}, with their evidence`,
  eventRows(machine, span, () => true, true),
)}
${folded('Console', `${machine.console.length} lines of the serial port`, `<pre>${consoleText}</pre>`)}
</div></section>`;
}

const captureSection = (run: RunRecord): string =>
  `<h2>Packets</h2><div class="card">${run.captures
    .map((capture) =>
      folded(`<a href="${escapeMarkup(capture.file)}">${escapeMarkup(capture.file)}</a>`, captureNote(capture), packets(capture, run)),
    )
    .join('\n')}</div>`;

const captureNote = ({ frames, bytes, packets: shown, packetsLeftOut }: CaptureRecord): string =>
  `${frames} frames, ${formatBytes(bytes)}; ${shown.length}${packetsLeftOut > 0 ? ` of ${shown.length + packetsLeftOut}` : ''} decoded below`;

const packets = (capture: CaptureRecord, run: RunRecord): string =>
  `<table class="events"><tbody>${capture.packets
    .map(
      ({ atMs, protocol, text }) =>
        `<tr><td>${formatSeconds(atMs - run.startedAtMs)}</td><td class="mono">${protocol}</td><td class="message">${escapeMarkup(text)}</td></tr>`,
    )
    .join('\n')}</tbody></table>`;

const HOW_TO_OPEN = `<h2>How to look deeper</h2><div class="card"><p>In the folder of this page:</p><pre>wireshark captures/uplink1.pcap           # everything that passed the control plane's interface
tcpdump -nr captures/ethernet1-1.pcap     # one machine's cable (full-size frames keep 128 bytes)
less -R machines/machine-1/console.log    # the serial port as it was
jq -r '.events[] | [.at, .source, .message] | @tsv' machine-1-timeline.json
less serve.log                            # the control plane's own log</pre></div>`;

export function viewRunPage(run: RunRecord): string {
  const span: TimeSpan = { startedAtMs: run.startedAtMs, endedAtMs: run.endedAtMs };
  const when = new Date(run.startedAtMs).toISOString().replace('T', ' ').slice(0, 19);
  const title = `${run.machines.length} machine${run.machines.length === 1 ? '' : 's'}, seed ${run.seed}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Rackwright: a run of ${escapeMarkup(title)}</title><style>${PAGE_STYLE}</style></head>
<body><main>
<h1>A rack from power button to login ${chip(run.ok ? 'as it should be' : 'not as it should be', run.ok ? 'goal' : 'failed')}</h1>
<p class="quiet">${escapeMarkup(title)} · ${when} UTC · ${formatSeconds(run.endedAtMs - run.startedAtMs)} · <code>rackwright lab ${escapeMarkup(run.command)}</code></p>
<div class="card"><div class="scroll">${drawRun(run, 'inline')}</div></div>
<div class="card">${summary(run)}</div>
${faults(run)}
${run.machines.map((machine) => machineSection(machine, span, run)).join('\n')}
${captureSection(run)}
${HOW_TO_OPEN}
</main><script>${OPEN_CLICKED}</script></body></html>\n`;
}
