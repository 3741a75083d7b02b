/** What happened and what to do about it, as one text: clients show errors on one line, and messages end without a full stop. */
export const sentences = (...parts: readonly string[]): string =>
  parts
    .filter((part) => part !== '')
    .map((part, at, all) => (at === all.length - 1 || /[.!?:…]$/.test(part) ? part : `${part}.`))
    .join(' ');
