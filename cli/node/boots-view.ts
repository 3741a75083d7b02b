/** Boots as the API tells them, for a terminal and as a picture. */
export interface ShownBoot {
  readonly started_at: string;
  readonly started_by: 'bmc' | 'machine';
  readonly outcome: string;
  readonly seconds: number;
  readonly waits_for: string | null;
  readonly phases: readonly { readonly name: string; readonly started_at: string; readonly seconds: number }[];
}

const OUTCOMES: Readonly<Record<string, string>> = {
  agent: 'the agent answered',
  disk: 'started from its disk',
  image: 'sent on to its network image',
  volume: 'sent on to its volume',
  held: 'held at the prompt',
  off: 'switched off on its way',
  unfinished: 'not there yet',
};
const BEGINNINGS = { bmc: 'powered on by its BMC', machine: 'began by itself' } as const;
const BAR_COLUMNS = 40;

const headline = (boot: ShownBoot): string =>
  `${boot.started_at.slice(0, 19).replace('T', ' ')}  ${BEGINNINGS[boot.started_by]}, ${OUTCOMES[boot.outcome] ?? boot.outcome}${boot.phases.length === 0 ? '' : ` after ${boot.seconds.toFixed(1)} s`}`;

const longest = (boots: readonly ShownBoot[]): number => Math.max(1, ...boots.map(({ seconds }) => seconds));

export function bootText(boots: readonly ShownBoot[]): string {
  if (boots.length === 0) return 'no boot has been seen yet';
  const scale = BAR_COLUMNS / longest(boots);
  return boots
    .map((boot) =>
      [
        headline(boot),
        ...boot.phases.map(({ name, started_at, seconds }) => {
          const before = (Date.parse(started_at) - Date.parse(boot.started_at)) / 1000;
          const bar = ' '.repeat(Math.round(before * scale)) + '█'.repeat(Math.max(1, Math.round(seconds * scale)));
          return `  ${name.padEnd(9)}${`${seconds.toFixed(1)} s`.padStart(9)}  ${bar}`;
        }),
        ...(boot.waits_for === null ? [] : [`  waits for ${boot.waits_for}`]),
      ].join('\n'),
    )
    .join('\n\n');
}

const COLOURS: Readonly<Record<string, string>> = {
  firmware: '#6b7280',
  loader: '#b45309',
  download: '#0369a1',
  kernel: '#7c3aed',
  agent: '#15803d',
};
const WIDTH = 900;
const LABEL = 16;
const BAR = 22;
const GAP = 18;
const MARGIN = 20;

const escapeXml = (text: string): string =>
  text.replace(/[^\P{Cc}\t]/gu, '\ufffd').replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);

/** One bar a boot, on one scale; each part says its seconds when pointed at. */
export function bootPicture(name: string, boots: readonly ShownBoot[]): string {
  const row = LABEL + BAR + GAP;
  const height = MARGIN * 3 + boots.length * row;
  const scale = (WIDTH - MARGIN * 2) / longest(boots);
  const lines = boots.flatMap((boot, index) => {
    const top = MARGIN * 2 + index * row;
    const bars = boot.phases.map(({ name: phase, started_at, seconds }) => {
      const x = MARGIN + ((Date.parse(started_at) - Date.parse(boot.started_at)) / 1000) * scale;
      const title = `<title>${phase}: ${seconds.toFixed(1)} s</title>`;
      return `<rect x="${x.toFixed(1)}" y="${top + LABEL}" width="${Math.max(1, seconds * scale).toFixed(1)}" height="${BAR}" fill="${COLOURS[phase] ?? '#111827'}">${title}</rect>`;
    });
    const waits = boot.waits_for === null ? '' : `; waits for ${boot.waits_for}`;
    return [`<text x="${MARGIN}" y="${top + LABEL - 4}">${escapeXml(headline(boot) + waits)}</text>`, ...bars];
  });
  const legend = Object.entries(COLOURS).map(
    ([phase, colour], index) =>
      `<rect x="${MARGIN + index * 110}" y="${height - 16}" width="10" height="10" fill="${colour}"/><text x="${MARGIN + 15 + index * 110}" y="${height - 7}">${phase}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="${MARGIN}" y="${MARGIN}" font-size="15" font-weight="bold">Boots of ${escapeXml(name)}</text>`,
    ...lines,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}
