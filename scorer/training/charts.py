"""What does an evaluation look like? Pictures of its numbers, as SVG that needs neither network nor script."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

BLUE, GREY, AMBER = "#2563a8", "#9aa3ad", "#c77700"
WIDTH = 560


def f1_chart(labels: Mapping[str, Any]) -> str:
    """F1 per label as a dot with its interval, beside the two baselines."""
    ours = [{"label": name, "F1": n["f1"], "low": n["intervals"]["f1"][0], "high": n["intervals"]["f1"][1]} for name, n in labels.items()]
    others = [
        {"label": name, "F1": n[key], "baseline": shown}
        for name, n in labels.items()
        for key, shown in (("lexicon_f1", "keyword lexicon"), ("tfidf_f1", "TF-IDF"))
        if n[key] is not None
    ]
    y = alt.Y("label:N", sort=list(labels), title=None)
    x = alt.X("F1:Q", scale=alt.Scale(domain=[0, 1]), title="F1")
    colours = alt.Scale(domain=["keyword lexicon", "TF-IDF"], range=[GREY, AMBER])
    interval = alt.Chart(alt.InlineData(ours)).mark_rule(color=BLUE, strokeWidth=2).encode(y=y, x=alt.X("low:Q", title="F1"), x2="high:Q")
    dot = alt.Chart(alt.InlineData(ours)).mark_point(color=BLUE, filled=True, size=70, opacity=1).encode(y=y, x=x)
    tick = (
        alt.Chart(alt.InlineData(others))
        .mark_tick(thickness=3)
        .encode(y=y, x=x, color=alt.Color("baseline:N", scale=colours, title="baseline"))
    )
    return svg(alt.layer(interval, dot, tick).properties(width=WIDTH, height=30 * len(labels)))


def calibration_chart(labels: Mapping[str, Any]) -> str:
    """For every label: what the model says against what is so; the diagonal is honesty, a dot's size the number of segments."""
    rows = [
        {"label": name, "said": said, "so": so, "segments": count}
        for name, numbers in labels.items()
        for said, so, count in numbers["calibration_curve"]
    ]
    data = alt.InlineData(rows)
    axis = alt.Scale(domain=[0, 1])
    base = alt.Chart(data).encode(
        x=alt.X("said:Q", scale=axis, title="probability given"), y=alt.Y("so:Q", scale=axis, title="share that was so")
    )
    honest = alt.Chart(data).transform_calculate(x="0", y="0", x2="1", y2="1").mark_rule(color=GREY, strokeDash=[4, 3])
    diagonal = honest.encode(x=alt.X("x:Q", scale=axis), y=alt.Y("y:Q", scale=axis), x2="x2:Q", y2="y2:Q")
    dots = base.mark_point(filled=True, color=BLUE, opacity=0.8).encode(
        size=alt.Size("segments:Q", title="segments", scale=alt.Scale(type="sqrt"))
    )
    layers = alt.layer(diagonal, base.mark_line(color=BLUE), dots).properties(width=150, height=150)
    return svg(layers.facet(facet=alt.Facet("label:N", sort=list(labels), title=None), columns=4))


def difference_chart(released: Mapping[str, Any]) -> str:
    """Candidate minus released model, F1 per label with the interval of the difference."""
    labels = released["labels"]
    rows = [{"label": name, "difference": n["difference"], "low": n["interval"][0], "high": n["interval"][1]} for name, n in labels.items()]
    data = alt.InlineData(rows)
    y = alt.Y("label:N", sort=list(labels), title=None)
    zero = (
        alt.Chart(data)
        .transform_calculate(zero="0")
        .mark_rule(color=GREY)
        .encode(x=alt.X("zero:Q", title="difference in F1 (right: the candidate is better)", axis=alt.Axis(tickCount=6)))
    )
    line = alt.Chart(data).mark_rule(color=BLUE, strokeWidth=2).encode(y=y, x=alt.X("low:Q"), x2="high:Q")
    dot = alt.Chart(data).mark_point(color=BLUE, filled=True, size=70, opacity=1).encode(y=y, x=alt.X("difference:Q"))
    return svg(alt.layer(zero, line, dot).properties(width=WIDTH, height=30 * len(labels)))


def scores_chart(scores: Sequence[Sequence[float]]) -> str:
    """Every dev call: its score from the model's labels against its score from the true ones."""
    data = alt.InlineData([{"from true labels": true, "from the model": ours} for ours, true in scores])
    axis = alt.Scale(domain=[0, 100])
    encoding = alt.Chart(data).encode(x=alt.X("from true labels:Q", scale=axis), y=alt.Y("from the model:Q", scale=axis))
    return svg(encoding.mark_point(color=BLUE, filled=True, size=50, opacity=0.6).properties(width=300, height=300))


def slices_chart(slices: Sequence[Mapping[str, Any]], by: str) -> str:
    """F1 of every label in every slice of one kind, as shades; slices with too few positives are left out."""
    rows = [
        {"slice": f"{row['value']} ({row['calls']})", "label": name, "F1": n["f1"], "shown": f"{n['f1']:.2f}"}
        for row in slices
        if row["by"] == by
        for name, n in row["labels"].items()
        if n["f1"] is not None
    ]
    labels = list(slices[0]["labels"])
    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("label:N", sort=labels, title=None, axis=alt.Axis(labelAngle=-30)), y=alt.Y("slice:N", title=None)
    )
    shade = base.mark_rect().encode(color=alt.Color("F1:Q", scale=alt.Scale(domain=[0.4, 1], scheme="blues"), legend=None))
    written = base.mark_text(fontSize=11).encode(
        text="shown:N", color=alt.condition("datum.F1 > 0.75", alt.value("white"), alt.value("#111"))
    )
    return svg((shade + written).properties(width=WIDTH))


def curve_chart(points: Sequence[Mapping[str, Any]]) -> str:
    """F1 per label against the number of training calls."""
    rows = [{"calls": point["calls"], "label": name, "F1": value} for point in points for name, value in point["f1"].items()]
    chart = alt.Chart(alt.InlineData(rows)).mark_line(point=True)
    x = alt.X(
        "calls:Q",
        scale=alt.Scale(type="log", nice=False, padding=20),
        title="training calls",
        axis=alt.Axis(values=sorted({row["calls"] for row in rows})),
    )
    y = alt.Y("F1:Q", scale=alt.Scale(zero=False))
    return svg(chart.encode(x=x, y=y, color=alt.Color("label:N", title=None)).properties(width=WIDTH, height=320))


def svg(chart: Any) -> str:
    """The chart as an SVG element, rendered without a browser."""
    # room on both sides: the reader's font may be wider than the one that it is laid out with
    styled = chart.configure(font="system-ui, sans-serif", padding={"left": 30, "right": 40, "top": 5, "bottom": 5}).configure_view(
        stroke=None
    )
    return str(vl_convert.vegalite_to_svg(styled.to_dict()))
