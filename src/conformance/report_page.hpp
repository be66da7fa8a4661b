// SPDX-License-Identifier: Apache-2.0
/// The fixed parts of the HTML report. Used by report_html.cpp only.
#pragma once

#include <string_view>

namespace simroot::conformance {

inline constexpr std::string_view kPageStyle = R"css(
:root{--bg:#f6f7f9;--card:#ffffff;--ink:#1c2330;--soft:#5d6878;--line:#dfe3ea;--passed:#1f9d68;--deviates:#d99a1b;
--failed:#d2423b;--skipped:#aab3c0;--code:#f0f2f6}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--card:#1a2029;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2b3340;
--passed:#35b981;--deviates:#e5b04a;--failed:#ea6a63;--skipped:#566171;--code:#222a35}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:0 0 12px}
.soft{color:var(--soft)}
.row{display:flex;flex-wrap:wrap;gap:18px;margin-top:18px}
.box{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;flex:1 1 300px;min-width:0}
.grade{display:inline-block;padding:3px 14px;border-radius:999px;color:#fff;font-weight:600}
.passed{fill:var(--passed);color:var(--passed)}.deviates{fill:var(--deviates);color:var(--deviates)}
.failed{fill:var(--failed);color:var(--failed)}.skipped{fill:var(--skipped);color:var(--skipped)}
.bg-passed{background:var(--passed)}.bg-deviates{background:var(--deviates)}.bg-failed{background:var(--failed)}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font:13px system-ui,sans-serif}svg text.soft{fill:var(--soft)}
svg .big{font-size:30px;font-weight:700}
.donut{max-width:220px;margin:0 auto}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;justify-content:center;padding:0;margin:12px 0 0}
ul.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;background:currentColor}
ul.legend span{color:var(--ink)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 14px;margin:0}dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
form{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin-bottom:12px}
input[type=search]{flex:1 1 220px;padding:8px 12px;border:1px solid var(--line);border-radius:8px;background:var(--bg);
color:var(--ink);font:inherit}
table{width:100%;border-collapse:collapse}
th{text-align:left;color:var(--soft);font-weight:500;border-bottom:1px solid var(--line);padding:6px 8px}
td{padding:7px 8px;border-bottom:1px solid var(--line);vertical-align:top}
td.n{white-space:nowrap;font-variant-numeric:tabular-nums}
td.v{white-space:nowrap;font-weight:600}
details summary{cursor:pointer}
pre{background:var(--code);border-radius:8px;padding:10px 12px;margin:8px 0 2px;white-space:pre-wrap;overflow-wrap:anywhere;
font:12.5px/1.5 ui-monospace,monospace}
@media print{form{display:none}body{background:#fff}}
)css";

inline constexpr std::string_view kPageScript = R"js(
const rows=[...document.querySelectorAll('#cases tbody tr')],search=document.querySelector('#q'),
boxes=[...document.querySelectorAll('input[name=v]')],count=document.querySelector('#count');
function filter(){const q=search.value.toLowerCase(),on=new Set(boxes.filter(b=>b.checked).map(b=>b.value));let n=0;
for(const r of rows){const show=on.has(r.dataset.v)&&r.textContent.toLowerCase().includes(q);r.hidden=!show;n+=show}
count.textContent=n+' of '+rows.length+' cases'}
search.addEventListener('input',filter);boxes.forEach(b=>b.addEventListener('change',filter));
document.querySelector('form').addEventListener('submit',e=>e.preventDefault());filter();
)js";

}  // namespace simroot::conformance
