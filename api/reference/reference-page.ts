import { summaryOf, tagOf } from './openapi-document.ts';
import type { ApiOperation } from './operation-list.ts';

/** The API's reference as one page that needs nothing from elsewhere: every operation, grouped by noun, with a filter. */
export function referencePage(operations: readonly ApiOperation[], version: string): string {
  const groups = Map.groupBy(operations, tagOf);
  const sections = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([tag, members]) => section(tag, members));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rackwright API ${escape(version)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Rackwright API <small>${escape(version)}</small></h1>
<p>${operations.length} operations. Log in with <code>POST /v3/auth/tokens</code>; the token goes into <code>X-Auth-Token</code>.
The same as a document: <a href="/openapi.json">openapi.json</a>.</p>
<input type="search" id="filter" placeholder="Filter: nodes power, DELETE, projects …" aria-label="Filter the operations" autofocus>
</header>
<main>${sections.join('\n')}</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[mark]!);

const section = (tag: string, operations: readonly ApiOperation[]): string =>
  `<section><h2>${escape(tag)}</h2>\n${operations.map(row).join('\n')}</section>`;

function row(operation: ApiOperation): string {
  const { method, path, query, since, needsLogin } = operation;
  const notes = [
    summaryOf(operation),
    ...(since === undefined ? [] : [`since ${since}`]),
    ...(query.length === 0 ? [] : [`query: ${query.join(', ')}`]),
    ...(needsLogin ? [] : ['open to all']),
  ];
  const shownPath = escape(path).replace(/\{(\w+)\}/g, '<i>{$1}</i>');
  return `<article><b class="${method.toLowerCase()}">${method}</b> <code>${shownPath}</code><p>${escape(notes.join(' · '))}</p></article>`;
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8886; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 small { font-weight: normal; opacity: .6; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; border-bottom: 1px solid var(--line); }
header { position: sticky; top: 0; background: Canvas; padding-bottom: .6rem; }
input { width: 100%; padding: .5rem .7rem; font: inherit; border: 1px solid var(--soft); border-radius: .4rem; box-sizing: border-box; }
article { display: grid; grid-template-columns: 4.5rem 1fr; gap: 0 .6rem; padding: .25rem 0; }
article p { grid-column: 2; margin: 0; opacity: .75; font-size: .9em; }
article b { text-align: center; border-radius: .3rem; color: #fff; font-size: .75rem; line-height: 1.5rem; height: 1.5rem; }
.get, .head { background: #2b6cb0; } .post { background: #2f855a; } .put { background: #b7791f; } .patch { background: #6b46c1; } .delete { background: #c53030; }
code i { color: #b7791f; font-style: normal; }
code { overflow-wrap: anywhere; }
`;

const SCRIPT = `
const filter = document.getElementById('filter');
filter.addEventListener('input', () => {
  const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const section of document.querySelectorAll('section')) {
    let shown = 0;
    for (const article of section.querySelectorAll('article')) {
      const text = article.textContent.toLowerCase();
      article.hidden = !words.every((word) => text.includes(word));
      article.style.display = article.hidden ? 'none' : '';
      if (!article.hidden) shown += 1;
    }
    section.style.display = shown === 0 ? 'none' : '';
  }
});
`;
