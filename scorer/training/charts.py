"""What does an evaluation look like? Pictures of its numbers, as SVG that needs neither network nor script.

They are drawn as wide as a phone's page, and grow with the page that shows them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert
from scipy.stats import binomtest

from scorer.labels import plain

BLUE, GREY, AMBER = "#2563a8", "#7d8792", "#b86e00"
WIDTH = 195  # of a plot with the labels' names beside it
SQUARE = 290  # with numbers beside it
SMALL = 115  # of pictures that stand two in a row
SHARE = alt.Scale(domain=[0, 1])


def f1_chart(labels: Mapping[str, Any]) -> str:
    """F1 per label as a dot with its interval, beside the two baselines; only labels that there was something to find of."""
    labels = {name: n for name, n in labels.items() if n["positives"]} or labels
    ours = [
        {"label": plain(name), "value": n["f1"], "low": n["intervals"]["f1"][0], "high": n["intervals"]["f1"][1]}
        for name, n in labels.items()
    ]
    others = [
        {"label": plain(name), "F1": n[key], "baseline": shown}
        for name, n in labels.items()
        for key, shown in (("lexicon_f1", "keyword lexicon"), ("tfidf_f1", "TF-IDF"))
        if n[key] is not None
    ]
    y = _label_axis(labels)
    x: dict[str, Any] = {"scale": SHARE, "title": "F1 (1 is perfect)"}
    kinds = ["keyword lexicon", "TF-IDF"]
    legend = alt.Legend(orient="bottom", title=None, columnPadding=40)
    marks = (
        alt.Chart(alt.InlineData(others))
        .mark_point(filled=True, size=60, opacity=1)
        .encode(
            y=y,
            x=alt.X("F1:Q", **x),
            color=alt.Color("baseline:N", scale=alt.Scale(domain=kinds, range=[GREY, AMBER]), legend=legend),
            shape=alt.Shape("baseline:N", scale=alt.Scale(domain=kinds, range=["square", "triangle-up"]), legend=legend),
        )
    )
    return svg(alt.layer(marks, *_dots_with_intervals(ours, y, x)).properties(width=WIDTH, height=30 * len(labels)))


def difference_chart(released: Mapping[str, Any]) -> str:
    """Candidate minus released model, F1 per label with the interval of the difference; filled where it is better or worse."""
    labels = released["labels"]
    rows = [
        {"label": plain(name), "value": n["difference"], "low": n["interval"][0], "high": n["interval"][1], "verdict": n["verdict"]}
        for name, n in labels.items()
    ]
    y = _label_axis(labels)
    reach = max([0.01, *(abs(end) for row in rows for end in (row["low"], row["high"]))])
    x: dict[str, Any] = {
        "title": ["difference in F1", "← worse · better →"],
        "axis": alt.Axis(tickCount=3),
        "scale": alt.Scale(domain=[-reach, reach], padding=4),
    }
    zero = alt.Chart(alt.InlineData(rows)).transform_calculate(zero="0").mark_rule(color=GREY, strokeWidth=2).encode(x=alt.X("zero:Q", **x))
    line, dot = _dots_with_intervals(rows, y, x)
    known = alt.condition("datum.verdict == 'better' || datum.verdict == 'worse'", alt.value(BLUE), alt.value("white"))
    sure = dot.encode(fill=known, stroke=alt.value(BLUE))
    return svg(alt.layer(zero, line, sure).properties(width=WIDTH, height=30 * len(labels)))


def calibration_chart(curve: Sequence[tuple[float, float, int]], confidence: float) -> str:
    """What the model says of a label against what is so: a dot for every tenth, with its interval; the diagonal is honesty."""
    rows = []
    for said, so, count in curve:
        interval = binomtest(round(so * count), count).proportion_ci(confidence, method="wilson")
        rows.append({"x": said, "y": so, "low": interval.low, "high": interval.high})
    x = alt.X("x:Q", scale=SHARE, title="probability given", axis=alt.Axis(values=[0, 0.5, 1]))
    y = alt.Y("y:Q", scale=SHARE, title="share that was so", axis=alt.Axis(values=[0, 0.5, 1]))
    base = alt.Chart(alt.InlineData(rows)).encode(x=x)
    line = base.mark_rule(color=BLUE, strokeWidth=1.5).encode(y=alt.Y("low:Q", title="share that was so"), y2="high:Q")
    dots = base.mark_point(filled=True, color=BLUE, opacity=1, size=40).encode(y=y)
    return svg(alt.layer(_diagonal(1, x, y), line, dots).properties(width=SMALL, height=SMALL), left=5)


def scores_chart(scores: Sequence[Sequence[float]]) -> str:
    """Every dev call: its score from the model's labels against its score from the true ones; on the diagonal they are the same."""
    to_100: dict[str, Any] = {"scale": alt.Scale(domain=[0, 100]), "axis": alt.Axis(values=list(range(0, 101, 20)))}
    x = alt.X("x:Q", **to_100, title="score from the true labels, of 100")
    y = alt.Y("y:Q", **to_100, title="score from the model's labels, of 100")
    calls = alt.Chart(alt.InlineData([{"x": true, "y": ours} for ours, true in scores])).encode(x=x, y=y)
    dots = calls.mark_point(color=BLUE, filled=True, size=50, opacity=0.6)
    return svg(alt.layer(_diagonal(100, x, y), dots).properties(width=SQUARE, height=SQUARE), left=5)


def curve_chart(points: Sequence[Mapping[str, Any]], title: str, subtitle: Sequence[str]) -> str:
    """F1 against the number of training calls, a picture per label, with intervals where the points have them."""
    ends = [end for point in points for name, f1 in point["f1"].items() for end in (f1, *point.get("intervals", {}).get(name, ()))]
    y: dict[str, Any] = {
        "scale": alt.Scale(domain=[math.floor(10 * min(ends)) / 10, 1], nice=False),
        "title": None,
        "axis": alt.Axis(tickCount=4),
    }
    x = alt.X(
        "calls:Q",
        scale=alt.Scale(type="log", nice=False, padding=20),
        title="training calls",
        axis=alt.Axis(values=sorted({point["calls"] for point in points}), format="d"),
    )
    pictures = [_curve(points, name, x, y).properties(width=150, height=100, title=plain(name)) for name in points[0]["f1"]]
    return svg(alt.concat(*pictures, columns=2).properties(title=alt.TitleParams(title, subtitle=list(subtitle), anchor="start")), left=5)


def _curve(points: Sequence[Mapping[str, Any]], name: str, x: Any, y: Mapping[str, Any]) -> Any:
    rows = [{"calls": point["calls"], "F1": point["f1"][name]} for point in points]
    lines = [
        {"calls": point["calls"], "low": point["intervals"][name][0], "high": point["intervals"][name][1]}
        for point in points
        if "intervals" in point
    ]
    intervals = alt.Chart(alt.InlineData(lines)).mark_rule(color=BLUE).encode(x=x, y=alt.Y("low:Q", **y), y2="high:Q")
    base = alt.Chart(alt.InlineData(rows)).encode(x=x, y=alt.Y("F1:Q", **y))
    numbers = base.mark_text(dy=-9, dx=3, align="left").encode(text=alt.Text("F1:Q", format=".2f"))
    return alt.layer(*([intervals] if lines else []), base.mark_line(color=BLUE, point={"color": BLUE, "size": 40}), numbers)


def _label_axis(labels: Mapping[str, Any]) -> Any:
    return alt.Y("label:N", sort=[plain(name) for name in labels], title=None)


def _dots_with_intervals(rows: Sequence[Mapping[str, Any]], y: Any, x: Mapping[str, Any]) -> tuple[Any, Any]:
    base = alt.Chart(alt.InlineData(list(rows))).encode(y=y)
    line = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("low:Q", **x), x2="high:Q")
    return line, base.mark_point(color=BLUE, filled=True, size=70, opacity=1).encode(x=alt.X("value:Q", **x))


def _diagonal(end: int, x: Any, y: Any) -> Any:
    ends = alt.InlineData([{"x": at, "y": at} for at in (0, end)])
    return alt.Chart(ends).mark_line(color=GREY, strokeDash=[4, 3]).encode(x=x, y=y)


def svg(chart: Any, left: int = 24) -> str:
    """The chart as an SVG element, rendered without a browser."""
    # room on both sides: the reader's font may be wider than the one that it is laid out with, most so in the labels' names
    styled = (
        chart.configure(font="system-ui, sans-serif", padding={"left": left, "right": 14, "top": 5, "bottom": 5})
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", labelLimit=200)
        .configure_legend(labelFontSize=12)
        .configure_title(fontSize=13, subtitleFontSize=12)
        .configure_text(fontSize=11)
    )
    return str(vl_convert.vegalite_to_svg(styled.to_dict()))
