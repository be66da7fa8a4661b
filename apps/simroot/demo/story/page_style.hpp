// SPDX-License-Identifier: Apache-2.0
/// The fixed part of the story's page. Used by page.cpp only.
#pragma once

#include <string_view>

namespace simroot::app {

inline constexpr std::string_view kStoryStyle = R"css(
:root{--bg:#f6f7f9;--box:#ffffff;--ink:#1c2330;--soft:#5d6878;--lane:#c9d0db;--line:#dfe3ea;--good:#1f7fb8;
--ok:#16825a;--bad:#c2362f}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--box:#1a2029;--ink:#e6eaf0;--soft:#9aa6b5;--lane:#3a4452;
--line:#2b3340;--good:#5ab3e8;--ok:#45c28f;--bad:#f0766f}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:26px 18px 60px}
h1{font-size:25px;margin:0 0 4px}
h2{font-size:18px;margin:0 0 2px}
p{margin:0 0 10px}
.soft{color:var(--soft)}
.verdict{font-weight:600;color:var(--ok)}
.verdict.failed{color:var(--bad)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(165px,1fr));gap:10px;margin:16px 0 4px;padding:0;
list-style:none}
.figures li,section{background:var(--box);border:1px solid var(--line);border-radius:10px}
.figures li{padding:10px 14px}
.figures b{display:block;font-size:20px;font-variant-numeric:tabular-nums}
.figures span{color:var(--soft);font-size:13px;line-height:1.3;display:block}
.legend{display:flex;flex-wrap:wrap;gap:2px 22px;font-size:13px;color:var(--soft);margin:14px 0 0}
.legend svg{display:inline-block;width:44px;height:14px;vertical-align:-3px;margin-right:6px}
section{margin-top:16px;padding:16px 18px 12px}
ol{list-style:none;margin:0;padding:0}
.row{display:grid;grid-template-columns:minmax(0,47%) minmax(0,1fr);column-gap:18px}
.lanes{position:relative;min-height:22px}
.lanes svg{position:absolute;inset:0;width:100%;height:100%;display:block;overflow:visible}
.lane{stroke:var(--lane);stroke-width:1.5}
.names{min-height:24px}
.names text{fill:var(--soft);font:600 12px system-ui,sans-serif;text-anchor:middle}
.sent{stroke:var(--good);stroke-width:2;fill:none}
.head{fill:var(--good);stroke:none}
.refused .sent{stroke:var(--bad);stroke-dasharray:5 3}
.refused .head{fill:var(--bad)}
.refused .cross{stroke:var(--bad)}
.cross{stroke-width:2.5;fill:none}
.refused.text{color:var(--bad)}
.text{font-size:14px;padding:1px 0;overflow-wrap:anywhere}
.event>.what>.text{padding-top:9px;font-size:15px}
.event>.found>.text{padding-bottom:7px;color:var(--soft);font-size:13px}
.event>.found>.text::before{content:"\2713\00a0";color:var(--ok);font-weight:700}
.event.failed>.found>.text{color:var(--bad)}
.event.failed>.found>.text::before{content:"\2717\00a0";color:var(--bad)}
time{color:var(--soft);font-variant-numeric:tabular-nums;font-size:13px;margin-right:8px}
@media (max-width:640px){
main{padding:16px 8px 40px}section{padding:12px 10px 8px}
.row{grid-template-columns:minmax(0,1fr)}
.what>.lanes,.found>.lanes,.last>.lanes{display:none}
.leg>.text{padding-left:8px}
.names text{font-size:9.5px;font-weight:500}
}
@media print{
:root{--bg:#fff;--box:#fff;--ink:#000;--soft:#444;--lane:#999;--line:#bbb;--good:#15618f;--ok:#0d6444;--bad:#a3201a}
body{font-size:11px}main{max-width:none;padding:0}.event,.figures li{break-inside:avoid}h2{font-size:14px}
h2,section>p,.names{break-after:avoid}section{margin-top:8px;padding:8px 12px 4px}.lanes{min-height:18px}
.text,.event>.what>.text{font-size:10.5px}.event>.found>.text{font-size:10px;padding-bottom:3px}
.event>.what>.text{padding-top:4px}.names text{font-size:9px;font-weight:500}.figures b{font-size:15px}time{font-size:10px}
}
)css";

}  // namespace simroot::app
