"""What should the model's owner see first? Whether it is better and where, how sure that is, and what it still gets wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from scorer.labels import plain

WEAKEST = 3  # labels whose mistakes are named


def summary(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """Questions in the order of their weight, each with sentences that answer it."""
    return {
        **({"Is it better?": _better(report["released"])} if report["released"] or chosen_on(report) else {}),
        "How good is it, and how sure is that?": _good(report),
        "What does it still get wrong?": _wrong(report["labels"]),
        "Would people see the same calls?": _calls(report["agreement"]),
    }


def _better(released: Mapping[str, Any] | None) -> list[str]:
    if not released:
        return ["There was no model in use to compare with."]
    labels = released["labels"]
    if not labels:
        return [f"{released['name']}, which was in use, knows none of its labels."]
    found = {verdict: [plain(name) for name, n in labels.items() if n["verdict"] == verdict] for verdict in ("better", "worse", "unclear")}
    known = [f"{verdict} at {listed(found[verdict])}" for verdict in ("better", "worse") if found[verdict]]
    within = [max(abs(end - n["difference"]) for end in n["interval"]) for n in labels.values()]
    return [
        f"Against {released['name']}: {'; '.join(known) or 'neither better nor worse at any label'}."
        + (f" Unclear at {listed(found['unclear'])}." if known and found["unclear"] else ""),
        f"A difference in F1 is known to within {max(within):.2f} or less, depending on the label.",
    ]


def _good(report: Mapping[str, Any]) -> list[str]:
    low, high = report["mean_f1_interval"]
    errors = {name: n["calibration_error"] for name, n in report["labels"].items()}
    most = max(errors, key=lambda name: errors[name])
    rivals = [("keywords", report["mean_lexicon_f1"]), ("TF-IDF", report["mean_tfidf_f1"])]
    shared = len(report["shared_calls"])
    unknown = [plain(name) for name, n in report["labels"].items() if not n["positives"]]
    return [
        f"Mean F1 of {listed([plain(x) for x in report['behaviours']])}: {report['mean_f1_of_behaviours']:.3f}, "
        f"with a {100 * report['confidence']:.0f} % interval of {low:.2f} to {high:.2f} over {report['calls']['dev']} calls ("
        + ", ".join(f"{name}: {'not known' if value is None else f'{value:.2f}'}" for name, value in rivals)
        + ").",
        f"Probabilities are off by at most {errors[most]:.3f} on average ({plain(most)}).",
        *([f"No segment of these calls carries {listed(unknown)}: whether it would be found is not known."] if unknown else []),
        *([f"Calls that were seen in training: {shared}; the numbers flatter it."] if shared else []),
    ]


def _wrong(labels: Mapping[str, Any]) -> list[str]:
    """The weakest labels that were there to be found, weakest first."""
    there = [name for name in labels if labels[name]["positives"]]
    return [_mistakes(name, labels[name]) for name in sorted(there, key=lambda name: labels[name]["f1"])[:WEAKEST]]


def _mistakes(name: str, n: Mapping[str, Any]) -> str:
    right = round(n["recall"] * n["positives"])
    given = round(right / n["precision"]) if n["precision"] else 0
    wrong = f"{given - right} of the {given} that it gives are wrong" if right else "nothing that it gives is right"
    return f"{plain(name).capitalize()} (F1 {n['f1']:.2f}): {n['positives'] - right} of {n['positives']} are missed, {wrong}."


def _calls(agreement: Mapping[str, Any]) -> list[str]:
    flagged = agreement["flagged_calls"]
    right = round((flagged["recall"] or 0) * flagged["truth"])
    apart, same = agreement["mean_score_difference"], agreement["same_band"]
    return [
        f"{flagged['model']} calls are flagged, {right} of them rightly, of {flagged['truth']} that should be.",
        *([] if same is None else [f"{100 * same:.0f} % of {agreement['calls']} calls land in the same band."]),
        *([] if apart is None else [f"Scores are {apart:.0f} points of 100 apart on average."]),
    ]


def chosen_on(report: Mapping[str, Any]) -> bool:
    """Whether settings were chosen with these calls in sight; so it is of every report from before models could be only measured."""
    return bool(report.get("settings_chosen_on_them", True))


def measured(numbers: Mapping[str, Any], key: str) -> float | None:
    """A number of a label; None where these calls cannot give it, since no segment carries the label or none was judged for it."""
    there = numbers["segments"] if key == "calibration_error" else numbers["positives"]
    return numbers[key] if there else None


def listed(words: Sequence[str]) -> str:
    """Words as a sentence has them: a, b and c."""
    *first, last = words or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last
