"""How a page looks: system fonts, one column on a phone, two on a desk, light and dark, on paper."""

from __future__ import annotations

from anygram.reporting import styles, surprisal
from anygram.reporting.drawing import FONT_SIZE

_PAGE = """
:root{color-scheme:light dark;--ink:#1c1e21;--paper:#fff;--soft:#5a6068;--rule:#d5d9de;--ground:#f5f6f8;
--heat:217,95,2;--strong:#0067a5}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e8ea;--paper:#16181b;--soft:#a3aab3;
--rule:#3a3f46;--ground:#202328;--heat:225,95,10;--strong:#6cb6ff}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
header,nav,main{max-width:58rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.2;margin:1.5rem 0 .3rem}
h2{font-size:1.25rem;line-height:1.3;margin:2.5rem 0 .6rem;padding-top:.8rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.2rem 0 .3rem}
p,ul{max-width:44rem;margin:.6rem 0}
.subtitle,figcaption,.caption,.note{color:var(--soft)}
.strong{font-size:1.15rem;border-left:.25rem solid var(--strong);padding:.2rem 0 .2rem .8rem}
a{color:inherit}nav a{text-decoration:none}nav a:hover,nav a:focus{text-decoration:underline}
nav ol{columns:2 14rem;column-gap:3rem;padding-left:1.8rem;font-size:.92rem;margin:.5rem 0}
nav summary{font-weight:600}
.box{overflow-x:auto;max-width:100%;margin:.8rem 0}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
.caption{margin:.8rem 0 0;font-size:.92rem}.caption+.box{margin-top:0}
th,td{padding:.25rem .7rem .25rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th{font-weight:600;vertical-align:bottom}
td.number,th.number{text-align:right}
td:not(.long){white-space:nowrap}
td.long{min-width:14rem;overflow-wrap:anywhere}
figure{margin:1rem 0;max-width:36rem}
figcaption{font-size:.92rem}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--soft);font-size:.92rem}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,12.5rem),1fr));gap:.5rem 1rem}
.gallery figure{margin:0;max-width:16rem}
.pixels{width:3rem;margin:0 .25rem .25rem 0;image-rendering:pixelated}
pre,.heat{background:var(--ground);border-radius:.3rem;padding:.6rem .8rem;
font:.85rem/1.6 ui-monospace,monospace}
pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:24rem;overflow-y:auto;margin:.4rem 0}
.heat{overflow-wrap:anywhere;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.heat i{font-style:normal;padding:.1em 0}
.heat.scale i{display:inline-block;padding:0 .4em}
.passages{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 1rem}
.passages section{min-width:0}
.chart{display:block;width:100%;height:auto;overflow:visible;font:12px system-ui,sans-serif}
.chart text{fill:currentColor}
.chart .label,.chart .tick{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.chart .tick{fill:var(--soft);font-size:.93em}
.chart .grid{stroke:var(--rule);stroke-width:.7}
.chart .zero,.chart .crossing{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:3 3}
.chart .front{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
.chart .leader{stroke:var(--soft);stroke-width:.6}
.chart .line{fill:none;stroke:currentColor;stroke-width:1.8}
.chart .band{fill:currentColor;fill-opacity:.13}
.chart .whisker{stroke:currentColor;stroke-width:1.5}
.chart .dot{fill:currentColor;fill-opacity:.8}
.chart .frame{fill:none;stroke:var(--rule);stroke-width:.7}
.chart .looked{fill:rgb(var(--heat));print-color-adjust:exact;-webkit-print-color-adjust:exact}
@media (max-width:30rem){figure>.chart{font-size:FONT_SIZEpx}.gallery figure>.chart{font-size:12px}}
@media (min-width:72rem){body{display:grid;grid-template-columns:15rem minmax(0,58rem);column-gap:2rem;
justify-content:center}header{grid-column:2}header,main{width:100%}nav{grid-column:1;grid-row:1/span 2;
position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;padding:1.5rem 0 1rem}
nav ol{columns:1}main{grid-column:2}}
@page{margin:1.5cm}
@media print{html{font-size:10pt}body{display:block}header,main{max-width:none;padding:0}nav{display:none}
h2,h3{break-after:avoid}figure,tr,.strong,.gallery figure,.passages section{break-inside:avoid}
thead{display:table-header-group}.box{overflow:visible}table{font-size:8pt}th,td{padding-right:.4rem}
td.long{min-width:0}td:not(.long){white-space:normal}
figure{max-width:13cm}pre{max-height:none;overflow:visible}details:not([open])>summary{display:none}}
"""


def style_sheet() -> str:
    """Return the whole style sheet; it names nothing outside the page."""
    grounds = "".join(
        f".h{number}{{background:rgba(var(--heat),{number * 0.085:.3f})}}"
        for number in range(len(surprisal.LEVELS) + 1)
    )
    page = _PAGE.replace("FONT_SIZE", f"{FONT_SIZE:g}")
    return f"{styles.rules()}{page}{grounds}".replace("\n", "")
