/** Colours have meaning: blue is work, green is a goal, amber is waiting, red is a failure. The rest is grey. */
const LIGHT = `--paper:#fbfbf9;--card:#fff;--ink:#1c2127;--faint:#69727d;--line:#e3e5e2;--mark:#8a94a0;
--link:#2b62b8;--discover:#6d97c9;--enroll:#628dc2;--verify:#5884bb;--inspect:#4f7ab2;--clean:#456fa8;--deploy:#3a629c;--login:#2f9e6e;
--work:#4a78b8;--wait:#dfb64f;--rest:#b9c3cd;--goal:#2f9e6e;--failed:#d0453b;--fault:#b06ac1;--power:#cfd5da`;
const DARK = `--link:#7fb0ee;--paper:#14171b;--card:#1b2025;--ink:#e4e7ea;--faint:#8e99a5;--line:#2c333a;--mark:#66717d;
--discover:#3d5f86;--enroll:#44699a;--verify:#4b73a9;--inspect:#527db8;--clean:#5b88c6;--deploy:#6a97d6;--login:#3fb883;
--work:#5b8fd4;--wait:#c99f3a;--rest:#47515b;--goal:#3fb883;--failed:#e8675c;--fault:#c08ad0;--power:#39424a`;

const SYSTEM_FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif';

/** What pictures need, in the page and as a file of their own. */
export const PICTURE_STYLE = `
text{font:11px ${SYSTEM_FONT};fill:var(--ink)}
.faint{fill:var(--faint)}.inside{fill:#fff;font-weight:600;font-size:10.5px}.inside.wait{fill:#3a2c05}.name{font-weight:600;font-size:12.5px}
.axis{stroke:var(--line);stroke-width:1}
.discover{fill:var(--discover)}.enroll{fill:var(--enroll)}.verify{fill:var(--verify)}.inspect{fill:var(--inspect)}
.clean{fill:var(--clean)}.deploy{fill:var(--deploy)}.login{fill:var(--login)}
.work{fill:var(--work)}.wait{fill:var(--wait)}.rest{fill:var(--rest)}.goal{fill:var(--goal)}.failed{fill:var(--failed)}
.fault{fill:var(--fault)}.power{fill:var(--power)}`;

export const PALETTE = `:root,svg{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root,svg{${DARK}}}`;

export const PAGE_STYLE = `${PALETTE}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 ${SYSTEM_FONT}}
main{max-width:1120px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:18px;margin:40px 0 10px}h3{font-size:14px;margin:18px 0 6px;color:var(--faint);font-weight:600}
p{margin:6px 0}a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}.quiet{color:var(--faint)}
code,pre,.mono{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin:12px 0}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}
.scroll svg{display:block;width:100%;min-width:680px;height:auto}
table{border-collapse:collapse;width:100%}
th{font-size:12px;font-weight:600;color:var(--faint);text-align:left;padding:4px 12px 6px 0;white-space:nowrap}
td{padding:5px 12px 5px 0;border-top:1px solid var(--line);vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td:first-child{white-space:nowrap}
.chip{display:inline-block;border-radius:20px;padding:1px 10px;font-size:12.5px;font-weight:600;color:#fff;background:var(--rest);white-space:nowrap}
.chip.goal{background:var(--goal)}.chip.failed{background:var(--failed)}
details{border-top:1px solid var(--line);padding:7px 0}details:first-of-type{border-top:0}.scroll+details{border-top:1px solid var(--line);margin-top:10px}
summary{cursor:pointer;font-weight:600}summary .quiet{font-weight:400}
pre{margin:8px 0;padding:12px 14px;background:#14171b;color:#d7dce1;border-radius:8px;overflow:auto;max-height:70vh;white-space:pre-wrap;overflow-wrap:anywhere}
.events td{font-size:13px}.events td:first-child{white-space:nowrap;font-variant-numeric:tabular-nums;color:var(--faint)}
.events .message{overflow-wrap:anywhere}.events .warning .message{color:var(--wait)}.events .error .message{color:var(--failed);font-weight:600}
.events tr:target,.events tr.shown{background:color-mix(in srgb,var(--wait) 22%,transparent)}
.evidence{color:var(--faint);font:12px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
svg a{cursor:pointer}svg a:hover *{stroke:var(--ink);stroke-width:1.5}
${PICTURE_STYLE}
.dot{fill:var(--mark)}.dot.warning{fill:var(--wait)}.dot.error{fill:var(--failed)}.bar{fill:var(--mark);opacity:.75}
@media (max-width:640px){main{padding:18px 12px 48px}h1{font-size:21px}.wide{display:none}.card{padding:10px 12px}}
@media print{details{display:block}.scroll svg{min-width:0}}`;
