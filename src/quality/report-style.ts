/** The report's only style sheet: light and dark, from a 375 px phone to paper. */
export const reportStyle = `
:root { color-scheme: light dark;
  --paper: #f7f7f4; --card: #ffffff; --ink: #1d2328; --soft: #5d676e; --line: #e2e4df; --fill: #eef0ec;
  --accent: #33708f; --past: #c3cbc9; --against: #b4552d; --good: #22703f; --good-fill: #e3f1e7; --warn: #8a5300; --warn-fill: #fbefd9; --bad: #a62b20; --bad-fill: #fae5e2; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --card: #1c2024; --ink: #e4e7e9; --soft: #9ba5ac; --line: #2e3439; --fill: #262b30;
  --accent: #6caecb; --past: #4d575f; --against: #d98a5f; --good: #7bcb9a; --good-fill: #1c3326; --warn: #e6b15c; --warn-fill: #382b14; --bad: #f28b7e; --bad-fill: #3d201d; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1, h2, h3, h4, p, dl, dd, ul, figure { margin: 0; padding: 0; }
h1 { font-size: 28px; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; font-weight: 650; margin: 44px 0 14px; }
h3 { font-size: 16px; font-weight: 650; margin: 34px 0 12px; }
h2 small, h3 small, .soft { color: var(--soft); font-weight: 400; font-size: 14px; }
a { color: var(--accent); }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.92em; overflow-wrap: anywhere; }
code, td, dd, h1, h2, h4, .value, .index a { unicode-bidi: isolate; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
:target { scroll-margin-top: 16px; } .card:target, tr:target { outline: 2px solid var(--accent); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; }
.kicker { color: var(--soft); font-size: 13px; margin-bottom: 6px; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 22px; margin-top: 12px; color: var(--soft); font-size: 14px; overflow-wrap: anywhere; }
.facts b { color: var(--ink); font-weight: 500; }
.pill { display: inline-block; border-radius: 999px; padding: 2px 11px; font-size: 13px; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); background: var(--good-fill); } .warn { color: var(--warn); background: var(--warn-fill); } .bad { color: var(--bad); background: var(--bad-fill); }
.none { color: var(--soft); background: var(--fill); }
.flow { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 1px; margin-top: 26px; background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.flow div { background: var(--card); padding: 13px 16px; }
.flow dt { color: var(--soft); font-size: 13px; }
.flow dd { font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.flow dd.zero { color: var(--soft); font-weight: 400; }
.flow small { display: block; font-size: 12px; font-weight: 400; color: var(--soft); line-height: 1.4; overflow-wrap: anywhere; }
.alert { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--soft); border-radius: 8px; padding: 12px 16px; margin-bottom: 10px; }
.alert.is-bad { border-left-color: var(--bad); } .alert.is-warn { border-left-color: var(--warn); }
.alert a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: 3px; } .alert .of { font-weight: 600; }
.view { border-top: 1px solid var(--line); margin-top: 52px; padding-top: 28px; }
.view > .title h2 { margin: 0; font-size: 22px; overflow-wrap: anywhere; min-width: 0; } .view .flow { margin-top: 18px; }
.jump { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 12px; font-size: 14px; }
.recovered { margin-top: 12px; }
.alert p { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: baseline; overflow-wrap: anywhere; }
.alert p > span:last-child { min-width: 0; }
details { margin-top: 8px; } summary { cursor: pointer; color: var(--soft); font-size: 13px; }
.scroll { overflow-x: auto; margin-top: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
.rows { width: auto; min-width: 100%; }
.rows th, .rows td { padding: 4px 18px 4px 0; font-size: 13px; max-width: 230px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.rows .own { color: var(--bad); font-weight: 600; } .rows .null, .heat .null { color: var(--soft); font-style: italic; }
.drift td { vertical-align: middle; max-width: 320px; } .drift .soft { display: block; white-space: normal; } .rows .number { padding-left: 8px; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 18px; font-size: 14px; padding: 8px 0 2px; }
.key { display: inline-block; width: 12px; height: 12px; margin-right: 8px; border-radius: 3px; vertical-align: -1px; } .key.current { background: var(--accent); } .key.reference { background: var(--past); }
.panel + .cards, .others .cards { margin-top: 16px; } .others summary { font-size: 14px; }
.heat { width: auto; font-size: 12px; } .heat th, .heat td { border: 0; padding: 0; height: 30px; }
.heat thead th { text-align: center; font-size: 12px; } .heat tbody th { padding-right: 12px; max-width: 220px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--ink); vertical-align: middle; }
.heat tbody td { min-width: 40px; text-align: center; vertical-align: middle; border: 1px solid var(--card); border-radius: 4px; }
.heat .p1 { background: color-mix(in srgb, var(--accent) 10%, transparent); } .heat .p2 { background: color-mix(in srgb, var(--accent) 20%, transparent); }
.heat .p3 { background: color-mix(in srgb, var(--accent) 30%, transparent); } .heat .p4 { background: color-mix(in srgb, var(--accent) 42%, transparent); } .heat .p5 { background: color-mix(in srgb, var(--accent) 50%, transparent); }
.heat .n1 { background: color-mix(in srgb, var(--against) 10%, transparent); } .heat .n2 { background: color-mix(in srgb, var(--against) 20%, transparent); }
.heat .n3 { background: color-mix(in srgb, var(--against) 30%, transparent); } .heat .n4 { background: color-mix(in srgb, var(--against) 42%, transparent); } .heat .n5 { background: color-mix(in srgb, var(--against) 50%, transparent); }
.sets th:nth-child(-n+2), .sets td:nth-child(-n+2) { width: 1%; white-space: nowrap; padding-right: 22px; }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 6px 18px; }
.number { text-align: right; }
.index { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 16px; max-height: 236px; overflow-y: auto; padding: 2px; }
.index .odd { border-color: var(--warn); color: var(--warn); }
.index a { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 2px 9px; text-decoration: none; color: var(--ink); font-size: 13px; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px 14px; min-width: 0; break-inside: avoid; }
.card header { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; justify-content: space-between; }
.card h4 { font-size: 15px; font-weight: 650; overflow-wrap: anywhere; min-width: 0; }
.card header .mono { color: var(--soft); font-size: 12px; }
.meta { display: flex; flex-wrap: wrap; gap: 0 16px; font-size: 13px; color: var(--soft); margin-top: 4px; }
.meta b { color: var(--ink); font-weight: 600; } .meta .bad, .meta .warn { background: none; } .meta .bad b, .meta .warn b { color: inherit; }
.missing { display: block; width: 100%; height: 4px; border-radius: 2px; margin-top: 8px; background: var(--fill); }
.missing rect { fill: var(--warn); }
.histogram { display: block; width: 100%; height: auto; margin-top: 12px; }
.histogram text { fill: var(--soft); font-size: 11px; font-family: inherit; font-variant-numeric: tabular-nums; }
.histogram .middle { text-anchor: middle; } .histogram .end { text-anchor: end; }
.histogram .bar, .current { fill: var(--accent); } .reference { fill: var(--past); } .histogram .bar:hover { fill: var(--ink); }
.histogram .axis { stroke: var(--soft); } .histogram .grid { stroke: var(--line); stroke-dasharray: 2 3; }
.quantiles line { stroke: var(--soft); } .quantiles rect { fill: var(--soft); opacity: 0.45; } .quantiles .median { stroke: var(--ink); stroke-width: 2; }
.figures { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 6px 12px; margin-top: 12px; font-size: 13px; }
.figures.many { gap: 2px 8px; grid-template-columns: repeat(auto-fill, minmax(60px, 1fr)); border-top: 1px solid var(--line); padding-top: 8px; margin-top: 8px; }
.figures.two { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.figures dt { color: var(--soft); font-size: 12px; }
.figures dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; max-height: 4.5em; overflow: hidden; }
.pairs { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 2px 12px; font-size: 13px; margin-top: 10px; font-variant-numeric: tabular-nums; }
.pairs dt { color: var(--soft); } .pairs dd { overflow-wrap: anywhere; }
.top { margin-top: 12px; font-size: 13px; }
.top li { display: grid; grid-template-columns: minmax(0, 1fr) 68px 72px; gap: 10px; align-items: center; list-style: none; padding: 2px 0; }
.top .value { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .top .count { text-align: right; font-variant-numeric: tabular-nums; }
.top svg { display: block; width: 100%; height: 6px; border-radius: 3px; background: var(--fill); } .top rect { fill: var(--accent); }
.pairs-of li { grid-template-columns: minmax(0, 1fr) 76px 96px; } .top.pairs-of svg { height: 14px; background: none; border-radius: 0; } .top.pairs-of .current { fill: var(--accent); } .top.pairs-of .reference { fill: var(--past); }
.pairs-of small { display: block; color: var(--soft); font-size: 12px; }
.top .caption, .empty { color: var(--soft); font-size: 13px; } .empty { margin-top: 10px; overflow-wrap: anywhere; }
.source th { width: 110px; padding-right: 18px; }
.source td { overflow-wrap: anywhere; }
.notes { list-style: none; } .notes li { padding: 7px 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; } .notes li:last-child { border: 0; }
footer { margin-top: 44px; color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  main { padding: 24px 16px 48px; } h1 { font-size: 23px; } h2 { margin-top: 34px; } .view { margin-top: 40px; padding-top: 22px; }
  .flow { grid-template-columns: repeat(2, minmax(0, 1fr)); } .flow div:last-child:nth-child(odd) { grid-column: span 2; }
  .panel { padding: 2px 14px; }
  .rules thead { position: absolute; display: block; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .rules tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--line); } .rules tr:last-child { border: 0; }
  .rules td { display: block; border: 0; padding: 1px 0; text-align: left; } .rules td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  .source tr, .source th, .source td { display: block; width: auto; } .source th { border: 0; padding: 8px 0 0; } .source td { padding: 0 0 8px; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --fill: #eee; --accent: #456; --past: #ccc; --against: #a64;
    --good: #22703f; --good-fill: #e3f1e7; --warn: #8a5300; --warn-fill: #fbefd9; --bad: #a62b20; --bad-fill: #fae5e2; }
  main { max-width: none; padding: 0; } body { font-size: 11pt; } .index, .jump { display: none; } h2, h3 { break-after: avoid; }
  .cards { grid-template-columns: 1fr 1fr; } .alert, .flow, tr { break-inside: avoid; } .scroll { overflow: hidden; } .rows td, .rows th { white-space: normal; overflow-wrap: break-word; } .rows code { overflow-wrap: break-word; } a { color: inherit; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
