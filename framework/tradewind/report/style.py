"""The page's look: one palette for light and dark, the style sheet, and the script that draws and repaints the charts.

The palette is the single source of colour: the style sheet's custom properties and the charts are both made from it.
Series colours are Okabe and Ito's, which stay apart under every common colour blindness; dark mode lightens those that
would be too dim.
"""

from __future__ import annotations

LIGHT = {
    "page": "#f6f7f9",
    "card": "#ffffff",
    "ink": "#14181f",
    "soft": "#5a6472",
    "line": "#dfe3e8",
    "grid": "#e8ebef",
    "accent": "#0072b2",
    "gain": "#0072b2",
    "loss": "#d55e00",
    "pass": "#00684c",
    "fail": "#b03a00",
    "c1": "#0072b2",
    "c2": "#e69f00",
    "c3": "#009e73",
    "c4": "#cc79a7",
    "c5": "#56b4e9",
    "c6": "#d55e00",
    "c7": "#b8a90b",
    "c8": "#4b5563",
    "other": "#a3abb5",
}
DARK = LIGHT | {
    "page": "#0f1216",
    "card": "#171b21",
    "ink": "#e8ebef",
    "soft": "#9aa5b3",
    "line": "#2a313a",
    "grid": "#262c34",
    "accent": "#56b4e9",
    "gain": "#3d9bd6",
    "loss": "#e8762b",
    "pass": "#3fce9f",
    "fail": "#ff9a5c",
    "c1": "#56b4e9",
    "c5": "#2f7fb8",
    "c7": "#f0e442",
    "c8": "#c3cad3",
    "other": "#6b7480",
}
SERIES = ("c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8")


def _properties(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.items())


def style_sheet() -> str:
    """The page's CSS; light unless the reader's system or the page's button says dark."""
    dark = _properties(DARK)
    return (
        f":root{{color-scheme:light;{_properties(LIGHT)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}\n" + RULES
    )


RULES = """
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:3.5rem}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
main,header>div,nav>div{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding:36px 0 8px}
header h1{margin:0;font-size:28px;letter-spacing:-.02em;line-height:1.2}
header p{margin:6px 0 0;color:var(--soft)}
nav{position:sticky;top:0;z-index:5;background:color-mix(in srgb,var(--page) 92%,transparent);
border-bottom:1px solid var(--line);backdrop-filter:blur(8px)}
nav>div{display:flex;align-items:center;gap:2px 18px;min-height:44px;flex-wrap:wrap}
nav a{color:var(--soft);text-decoration:none;font-size:13.5px;padding:4px 0}
nav a:hover{color:var(--ink);text-decoration:underline;text-underline-offset:4px}
button{font:inherit;font-size:13px;color:var(--ink);background:var(--card);border:1px solid var(--line);
border-radius:7px;padding:4px 11px;cursor:pointer}
button[aria-pressed=true]{background:var(--ink);color:var(--card);border-color:var(--ink)}
a:focus-visible,button:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
#theme{margin-left:auto}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 24px 22px;margin:18px 0}
h2{margin:0 0 12px;font-size:18px;letter-spacing:-.01em}
h3{margin:22px 0 8px;font-size:14.5px;color:var(--soft);font-weight:600}
.strip{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0;padding:0}
.strip div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 18px}
.strip dt{color:var(--soft);font-size:13px}
.strip dd{margin:2px 0 0;font-size:26px;font-weight:600;letter-spacing:-.02em;line-height:1.25}
.strip dd small{display:block;font-size:12.5px;font-weight:400;color:var(--soft);letter-spacing:0}
figure{margin:0}
figcaption{color:var(--soft);margin:8px 0 0;max-width:112ch}
.chart{width:100%}.chart[hidden]{display:none}
.switch{display:flex;gap:6px;justify-content:flex-end;margin:-34px 0 8px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--soft);font-weight:600;font-size:13px}
tbody th{font-weight:400}
tr:last-child>*{border-bottom:0}
td.text,th.text{text-align:left;white-space:normal}
th.how{padding-left:26px}
td.how{color:var(--soft);text-align:left;font-size:13px;padding-left:26px;white-space:normal}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(430px,1fr));gap:0 40px;align-items:start}
.heat{font-size:13px}
.heat td,.heat th{padding:5px 4px;text-align:center;border:2px solid var(--card)}
.heat tbody th{text-align:left;color:var(--soft)}
.heat td{border-radius:6px;background:color-mix(in srgb,var(--tone,transparent) calc(var(--v,0)*1%),var(--card))}
.heat .up{--tone:var(--gain)}.heat .down{--tone:var(--loss)}
.heat .year{font-weight:600;background:none}
.PASS{color:var(--pass);font-weight:600}.FAIL{color:var(--fail);font-weight:600}.NOT{color:var(--soft)}.PASS,.FAIL,.NOT{white-space:nowrap}
table+.empty,.scroll+.empty{margin-top:12px}
details{margin-top:12px}summary{cursor:pointer;color:var(--soft);font-size:13.5px}
details .scroll{max-height:420px;overflow-y:auto;margin-top:8px}
pre{background:var(--page);border:1px solid var(--line);border-radius:8px;padding:12px 14px;overflow-x:auto;
font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;margin:0 0 14px;white-space:pre-wrap}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere;white-space:normal}
.empty{color:var(--soft);margin:0}
footer{color:var(--soft);font-size:13px;padding:6px 0 40px}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
@media (max-width:620px){.columns{grid-template-columns:1fr}section{padding:16px}main,header>div,nav>div{padding:0 14px}
.switch{margin:0 0 8px}th.how{padding-left:26px}
td.how{display:none}}
@media print{nav,.switch{display:none}body{background:#fff;font-size:11pt}section,.strip div{break-inside:avoid;
border-color:#ccc}details{display:none}}
"""

SCRIPT = """
(function () {
  const root = document.documentElement, button = document.getElementById("theme");
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const keep = (value) => { try { localStorage.setItem("tradewind-theme", value); } catch (e) {} };
  const kept = () => { try { return localStorage.getItem("tradewind-theme"); } catch (e) { return null; } };
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  function paint() {
    const css = getComputedStyle(root), doc = window.Bokeh && Bokeh.documents[0];
    button.setAttribute("aria-pressed", String(dark()));
    if (!doc) return;
    for (const [id, colours] of charts.paint) {
      const values = {};
      for (const key in colours) values[key] = css.getPropertyValue("--" + colours[key]).trim();
      doc.get_model_by_id(id).setv(values);
    }
  }
  if (kept()) root.dataset.theme = kept();
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    keep(root.dataset.theme);
    paint();
  });
  system.addEventListener("change", paint);
  for (const one of document.querySelectorAll("[data-show]")) one.addEventListener("click", () => {
    for (const other of one.parentNode.children) {
      const on = other === one;
      other.setAttribute("aria-pressed", String(on));
      document.getElementById(other.dataset.show).hidden = !on;
    }
  });
  if (window.Bokeh && charts.items.length) Bokeh.embed.embed_items(charts.docs, charts.items).then(paint); else paint();
})();
"""
