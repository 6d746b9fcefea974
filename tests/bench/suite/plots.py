"""Curves as Markdown tables, and as SVG where gnuplot is."""
import shutil
import subprocess

STYLE = """\
set terminal svg size 560,340 font 'sans,12' background 'white'
set output '{path}'
set xlabel '{x}'
set ylabel '{y}'
set yrange [0:*]
set grid
set key outside below
set format x '%.0s%c'
"""


def markdown(curve):
    lines = [f"## {curve.title}", "", curve.text, ""]
    if shutil.which("gnuplot"):
        lines += [f"![{plot.y} by {plot.x}]({file_name(plot)})" for plot in curve.plots]
    elif curve.plots:
        lines.append("(Not plotted: gnuplot is missing.)")
    lines += ["", "| " + " | ".join(curve.columns) + " |",
              "|" + "|".join(["---:"] * len(curve.columns)) + "|"]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in curve.rows
              if not curve.shown or row[0] in curve.shown]
    return "\n".join([*lines, ""])


def cell(value):
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:,.0f}" if isinstance(value, int) or value >= 10 else f"{value:.2f}"


def file_name(plot):
    return f"curves-{plot.name}.svg"


def draw(curve, folder):
    """Nothing where gnuplot is missing: markdown() says so."""
    if not shutil.which("gnuplot"):
        return
    look = "lines" if len(curve.rows) > 50 else "linespoints pointtype 7 pointsize 0.5"
    for plot in curve.plots:
        rows = "".join(" ".join("?" if value is None else str(value) for value in row) + "\n"
                       for row in curve.rows)
        lines = ", ".join(f"$data using 1:{column + 1} with {look} title '{what}'"
                          for what, column in plot.lines)
        script = (STYLE.format(path=folder / file_name(plot), x=plot.x, y=plot.y)
                  + ("set logscale x\n" if plot.log_x else "")
                  + f"$data << end\n{rows}end\nset datafile missing '?'\nplot {lines}\n")
        subprocess.run(["gnuplot"], input=script, check=True, text=True)
