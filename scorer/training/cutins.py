"""How would the same call read if somebody had been cut off, or had not? Made-up turns whose labels follow from how they were made."""

import random
import re
from dataclasses import replace
from typing import NamedTuple

from scorer.records import Segment, Speaker
from scorer.training.corpus import LabelledCall

CUT_CALLS = 0.3  # share of calls in which an agent is made to cut in
SPLIT_CALLS = 0.4  # share of calls in which a recogniser, or a listener's "mm-hmm", splits somebody's sentence
HELP_CALLS = 0.3  # share of calls in which an agent finds the word that a customer gropes for, or yields at once
ECHO_CUTS = 0.5  # share of cut-ins after which the customer takes up the last words again
LISTENING = ("mm-hmm", "right", "okay", "yeah", "i see", "uh-huh", "sure")
GROPING = ("uh", "um", "er", "the, the", "what is it", "how do you say", "what's it called")
YIELDING = ("oh sorry, go ahead", "sorry, go on", "no, you go ahead", "sorry, you were saying", "go on, sorry")
AGREEING = ("yes", "yeah", "exactly", "that's it", "yep", "right")
INSISTING = ("I was going to say", "I was saying", "like I said", "as I was saying", "let me finish")
YIELDS = re.compile(r"\b(go ahead|go on|carry on|you first|after you)\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.?!…]['\")\]”’]*$")
ASKED_OR_TRAILING = re.compile(r"(\?|\.\.+|…|[-–—])['\")\]”’]*$")  # an answer cuts no question off; who trails off has stopped by himself
PUNCTUATED = re.compile(r"[.,?!;:…]")
ASKS = re.compile(  # how a question starts that a recogniser left without its mark
    r"((and|so|but|well|oh|okay|ok|yeah|yes|no|hi|hello|hey|um|uh|er|right|sorry|then)\s+)*"
    r"(who|whose|whats?|which|when|wheres?|why|hows?|(ca|could|wo|will|would|shall|should|may|do|does|did|is|are|am|was|were|have|has|had)n?"
    r"('?t)?)\b",
    re.IGNORECASE,
)
GIVING_UP = 0.4  # share of the cut-ins that are heard all the same, after which the customer only answers
CLEAR_OVERLAP_S = 0.5  # a cut-in no longer than this, after a word that could end a clause, is heard by the resumption only
DANGLING = re.compile(  # words that end no clause
    r"\b(an?|the|to|of|from|with|into|and|or|because|if|than|as|is|are|was|were|be|been|has|had|will|would|should|could"
    r"|i'?m|it'?s|we'?re|they'?re|i|we|he|she|they|my|your|our|their|its|every|some|very|really|just)$",
    re.IGNORECASE,
)
MOST_CUT_WORDS = 6
FEWEST_WORDS = 6  # of an agent's turn that takes the floor: shorter ones are mostly listening or yielding, which is no interruption


class Turn(NamedTuple):
    """A segment, the labels that it carries, and those that a person judged (None: all)."""

    segment: Segment
    given: frozenset[str]
    judged: frozenset[str] | None = None


Turns = list[Turn]


def vary_turns(labelled: LabelledCall, rng: random.Random) -> LabelledCall:
    """The call with, sometimes, one cut-in more and one harmless break more; what nobody judged stays so."""
    judged = labelled.judged or (None,) * len(labelled.labels)
    turns = list(map(Turn, labelled.call.segments, labelled.labels, judged))
    if rng.random() < CUT_CALLS:
        turns = cut_in(turns, rng)
    if rng.random() < SPLIT_CALLS:
        turns = split(turns, rng)
    if rng.random() < HELP_CALLS:
        turns = help_out(turns, rng)
    call = replace(labelled.call, segments=tuple(replace(turn.segment, index=at) for at, turn in enumerate(turns)))
    judged = tuple(turn.judged for turn in turns) if labelled.judged else ()
    return replace(labelled, call=call, labels=tuple(turn.given for turn in turns), judged=judged)


def cut_in(turns: Turns, rng: random.Random) -> Turns:
    """Break off a customer's sentence, let the agent's next turn cut in there, and the customer resume after it or only answer.

    Only sentences without a label: where one is broken, the words that earned the label may lie on either side of the break.
    By the codebook the agent's turn is an interruption: a sentence broken off mid-clause, words of substance; and a resumption,
    a long overlap or a last word that must go on, by which it can be heard.
    """
    places = [at for at in range(len(turns) - 2) if _can_be_cut(turns[at : at + 3])]
    if not places:
        return turns
    at = rng.choice(places)
    (customer, signals, judged), (agent, behaviours, agent_judged), (after, rest, after_judged) = turns[at : at + 3]
    words = customer.text.split()
    lost = rng.choice(_breaks(words))
    kept = " ".join(words[:-lost]).rstrip(",;:")
    broken = _until(replace(customer, text=kept, words=()), 1 - lost / len(words))
    earlier = _seconds_to_move(broken, agent, rng)
    heard = DANGLING.search(kept) is not None or _overlap_s(broken, _moved(agent, earlier)) > CLEAR_OVERLAP_S
    gives_up = heard and rng.random() < GIVING_UP
    resumed = after.text if gives_up else _resumed(words, lost, after.text, rng)
    made = [
        Turn(broken, signals, judged),
        Turn(_moved(agent, earlier), behaviours | {"interruption"}, None if agent_judged is None else agent_judged | {"interruption"}),
        Turn(_moved(replace(after, text=resumed, words=()), earlier), rest, _both(judged, after_judged, rest)),
    ]
    return [*turns[:at], *made, *(turn._replace(segment=_moved(turn.segment, earlier)) for turn in turns[at + 3 :])]


def _both(first: frozenset[str] | None, second: frozenset[str] | None, carried: frozenset[str]) -> frozenset[str] | None:
    """What is judged of a segment that took words of an unlabelled one: a no takes two, and `carried` is a yes."""
    if first is None or second is None:
        return second if first is None else first | carried
    return first & second | carried


def split(turns: Turns, rng: random.Random) -> Turns:
    """Break an unlabelled segment in two, with or without a listener's word between; nobody interrupts."""
    places = _unlabelled_places(turns, fewest_words=6, party=rng.choice(("customer", "customer", "agent")))
    if not places:
        return turns
    at = rng.choice(places)
    segment, _, judged = turns[at]
    words = segment.text.split()
    where = rng.randint(2, len(words) - 2)
    share = where / len(words)
    first = _until(replace(segment, text=" ".join(words[:where]), words=()), share)
    second = replace(segment, text=" ".join(words[where:]), words=(), start_s=first.end_s)
    between: Turns = []
    if rng.random() < 0.6:
        between = [Turn(_spoken_over(first, rng.choice(LISTENING), rng), frozenset(), judged)]
    return [*turns[:at], Turn(first, frozenset(), judged), *between, Turn(second, frozenset(), judged), *turns[at + 1 :]]


def help_out(turns: Turns, rng: random.Random) -> Turns:
    """Let a customer grope for the last words of a segment, and the agent offer them, or yield after a false start; nobody interrupts."""
    places = [at for at in _unlabelled_places(turns, fewest_words=5) if not _is_cut_off(turns[at + 1 :])]
    offers = [(at, missing) for at in places for missing in (1, 2, 3) if _can_be_offered(turns[at].segment.text.split()[-missing:])]
    if not offers:
        return turns
    at, missing = rng.choice(offers)
    segment, _, judged = turns[at]
    words = segment.text.split()
    sought = " ".join(words[-missing:]).strip(".,?!")
    groping = rng.choice(("", *GROPING))
    first = _until(replace(segment, text=" ".join((*words[:-missing], groping)).strip(), words=()), 1 - missing / len(words))
    yields = rng.random() < 0.25
    words_offered = (
        rng.choice(YIELDING) if yields else rng.choice((f"{sought}?", sought, f"{sought}, {rng.choice(AGREEING)}", f"is it {sought}?"))
    )
    offer = _spoken_over(first, words_offered, rng)
    text = sought if yields else _in_any_order(sought, rng.choice(AGREEING), rng)
    second = _not_before(offer, replace(segment, text=text, words=(), start_s=first.end_s))
    made = [Turn(first, frozenset(), judged), Turn(offer, frozenset(), judged), Turn(second, frozenset(), judged)]
    return [*turns[:at], *made, *turns[at + 1 :]]


def _unlabelled_places(turns: Turns, *, fewest_words: int, party: Speaker = "customer") -> list[int]:
    """The segments of that party and of so many words that carry no label."""
    return [at for at, (s, given, _) in enumerate(turns) if s.speaker == party and not given and len(s.text.split()) >= fewest_words]


def _is_cut_off(after: Turns) -> bool:
    """Whether the agent's next turn interrupts: what it cuts off must stay broken off."""
    return "interruption" in next((turn.given for turn in after if turn.segment.speaker == "agent"), ())


def _can_be_offered(words: list[str]) -> bool:
    """Whether somebody could guess the words: they lie in one clause, and are more than "i"."""
    return not PUNCTUATED.search(" ".join(words).rstrip(".,?!")) and [word.strip(".,?!").casefold() for word in words] != ["i"]


def _not_before(offer: Segment, answer: Segment) -> Segment:
    """The answer, begun no earlier than the offer that it answers."""
    if answer.start_s is None or answer.end_s is None or offer.start_s is None:
        return answer
    start = max(answer.start_s, offer.start_s)
    return replace(answer, start_s=start, end_s=max(answer.end_s, start + 0.1))


def _resumed(words: list[str], lost: int, after: str, rng: random.Random) -> str:
    """What the customer says after a cut-in: the lost words, with or without those before them."""
    echoed = rng.randint(1, 3) if rng.random() < ECHO_CUTS else 0
    rest = " ".join(words[-lost - echoed :])
    if rng.random() < 0.15:
        rest = _in_any_order(rest, rng.choice(INSISTING), rng)
    return f"{rest} {after}"


def _in_any_order(first: str, second: str, rng: random.Random) -> str:
    return f"{first}, {second}" if rng.random() < 0.5 else f"{second}, {first}"


def _can_be_cut(three: Turns) -> bool:
    (customer, signals, _), (agent, given, _), (after, _, _) = three
    speakers = (customer.speaker, agent.speaker, after.speaker)
    words = customer.text.split()
    long_enough = len(words) >= 7 and len(agent.text.split()) >= FEWEST_WORDS
    open_ended = not _asks_or_trails_off(customer.text) and not YIELDS.search(agent.text) and bool(_breaks(words))
    return speakers == ("customer", "agent", "customer") and long_enough and open_ended and not signals and "interruption" not in given


def _asks_or_trails_off(text: str) -> bool:
    """Whether the turn ends as a question or trails off; without punctuation, whether it starts as a question does."""
    asks = bool(ASKS.match(text)) and not PUNCTUATED.search(text)
    return asks or bool(ASKED_OR_TRAILING.search(text.strip()))


def _breaks(words: list[str]) -> list[int]:
    """How many last words may be cut off so that the break is within a sentence."""
    return [lost for lost in range(2, min(MOST_CUT_WORDS, len(words) // 2) + 1) if not SENTENCE_END.search(words[-lost - 1])]


def _overlap_s(first: Segment, second: Segment) -> float:
    """How long both speak; 0 where there is no clock."""
    return 0.0 if first.end_s is None or second.start_s is None else max(0.0, first.end_s - second.start_s)


def _until(segment: Segment, share: float) -> Segment:
    """The segment, ended after that share of its time."""
    if segment.start_s is None or segment.end_s is None:
        return segment
    return replace(segment, end_s=segment.start_s + share * (segment.end_s - segment.start_s))


def _seconds_to_move(broken: Segment, agent: Segment, rng: random.Random) -> float:
    """How much earlier the agent speaks: into the customer's last words, or right behind them."""
    if broken.end_s is None or broken.start_s is None or agent.start_s is None:
        return 0.0
    lead = rng.uniform(0.5, 1.8) if rng.random() < 0.65 else rng.uniform(-0.3, 0.3)
    return agent.start_s - max(broken.start_s + 0.3, broken.end_s - lead)


def _moved(segment: Segment, earlier_s: float) -> Segment:
    if segment.start_s is None or segment.end_s is None:
        return replace(segment, words=())
    return replace(segment, start_s=segment.start_s - earlier_s, end_s=segment.end_s - earlier_s, words=())


def _spoken_over(first: Segment, text: str, rng: random.Random) -> Segment:
    """The other party's few words over the end of the segment."""
    start = None if first.end_s is None else max(0.0, first.end_s - rng.uniform(-0.3, 0.6))
    other: Speaker = "agent" if first.speaker == "customer" else "customer"
    return replace(first, speaker=other, text=text, start_s=start, end_s=None if start is None else start + 0.3 * len(text.split()) + 0.1)
