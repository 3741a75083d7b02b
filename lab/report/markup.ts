/** Text and numbers for HTML and SVG. */
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Control characters are no characters in XML; a console has them all. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character]!);

export const formatSeconds = (ms: number): string => {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${String(Math.round(seconds - minutes * 60)).padStart(2, '0')} s`;
};

/** For the marks of an axis: `45 s`, `2:15`. */
export const formatTick = (ms: number): string => {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

export const formatBytes = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(0)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
};

/** Coordinates need no more than a tenth of a unit. */
export const number = (value: number): string => String(Math.round(value * 10) / 10);

/** Marks of a time axis: at least `room` units apart, at round seconds. */
export function axisTicks(durationMs: number, width: number, room: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400].map((seconds) => seconds * 1000);
  const step = steps.find((each) => (each / durationMs) * width >= room) ?? steps.at(-1)!;
  return Array.from({ length: Math.floor(durationMs / step) + 1 }, (_each, index) => index * step);
}
