"""Are agent and customer the right way round? Asked of the words alone: who greets, who verifies, who asks for help."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scorer.records import Speaker

FEWEST = 2  # marks that speak for a swap; one may be chance, but for a greeting
TIMES = 2  # so many times more marks must speak for a swap than against it

# All are asked of text in lower case: a search that minds no case takes three times as long.
# How calls are answered: counts twice, since nobody else says it.
GREETING = re.compile(r"\bthank(?:s|\ you) for (?:calling|contacting)\b(?! (?:me|back))|\bhow (?:can|may) i (?:help|assist)\b")
# What nearly only agents say: greeting, verifying, offering, acting on an account.
AGENT = re.compile(
    r"""\bthank(?:s|\ you)\ (?:so\ much\ )?for\ (?:calling|contacting|holding|your\ patience|verifying|confirming|being\ a)
    |\b(?:can|may|could)\ i\ (?:help|assist)\b|\bmay\ i\ (?:have|ask|get)\b|\bi'll\ put\ (?:you|it|that|a)\b|\bput\ you\ (?:on|through)\b
    |\b(?:can|could|may|would)\ (?:i|you)\ (?:please\ )?(?:have|get|verify|confirm|give\ me|provide|tell\ me|spell)\ (?:me\ )?(?:your|the)\b
    |\byour\ (?:date\ of\ birth|account\ number|zip\ code|postcode|reference|confirmation\ number)
    |\byou're\ (?:through\ to|speaking\ (?:with|to))|\bthere\ anything\ else|\banything\ else\ i\ can
    |\btransfer\ you\b|\btext\ you\b|\bpull(?:ing)?\ up\ your\b|\b(?:i\ can\ see|i\ see|i\ have|i've\ got)\ your\b|\bon\ your\ account
    |\bwould\ you\ like\ (?:me\ )?to\b|\bwe\ (?:can|could)\ offer\b|\bfor\ security\b|\bsorry\ about\ that\b|\bbear\ with\ me\b
    |\bdo\ you\ want\ me\ to\b|\bam\ i\ speaking\ (?:with|to)\b|\bspeaking\b.{0,12}\bhow\ (?:can|may|are)\b""",
    re.VERBOSE,
)
# What nearly only customers say: why they call, what they want, what they paid, who told them.
CUSTOMER = re.compile(
    r"""\bi(?:'m|\ am|\ was)\ (?:just\ )?(?:calling|ringing|phoning)\ (?:about|because|to|in|regarding|for|up)\b
    |\bi(?:'d\ (?:just\ )?like|\ (?:just\ )?want(?:ed)?|\ would\ like|\ need)\ to\ (?:cancel|return|speak|talk|dispute|stop|know|pay)\b
    |\b(?:speak|talk)\ (?:to|with)\ (?:a|your|the)\ (?:manager|supervisor|human|person)|\bcancel\ my\b
    |\bdo\ i\ (?:need|have)\ to\b|\bwhat\ do\ i\ do\b|\bmy\ (?:wife|husband|mother|father|son|daughter)\b
    |\bmy\ (?:account|bill|order|card|policy|confirmation|phone|member|claim)\ number\ is\b
    |\bi\ (?:just\ )?(?:got|received)\ (?:a|an|my|your|this)\ (?:bill|charge|letter|email|notice|package|invoice|text|message)
    |\bi(?:'ve|\ have)\ been\ (?:charged|waiting|on\ hold|a\ (?:loyal\ )?customer|a\ member|trying|paying|told|with\ you)
    |\b(?:you|they)\ (?:guys\ )?(?:charged|billed|overcharged|told|promised)\ me\b
    |\bi\ (?:paid|pay|rang)\b|\bi\ don't\ want\b|\byou\ guys\b""",
    re.VERBOSE,
)
# Asked in this order, up to the first that is not found: whoever greets also talks as agents do.
MARKS: dict[Speaker, tuple[re.Pattern[str], ...]] = {"agent": (AGENT, GREETING), "customer": (CUSTOMER,)}


@dataclass(frozen=True, slots=True)
class Swap:
    """Why the roles look swapped: the segments that say so, and their share of all marks that were found."""

    segments: tuple[int, ...]
    share: float


def find_swap(speakers: Sequence[Speaker], texts: Sequence[str]) -> Swap | None:
    """The swap of agent and customer that the words speak for; None unless its marks clearly outweigh the others.

    One speaker and one text for each segment.
    """
    swaps = list(_marks(speakers, texts, of_swaps=True))
    if len(swaps) < FEWEST:
        return None
    others = sum(1 for _ in _marks(speakers, texts, of_swaps=False))
    if len(swaps) <= TIMES * others:
        return None
    return Swap(tuple(dict.fromkeys(swaps)), round(len(swaps) / (len(swaps) + others), 3))


def _marks(speakers: Sequence[Speaker], texts: Sequence[str], *, of_swaps: bool) -> Iterator[int]:
    """Each segment in which the other party is heard, or else its own, once for each mark. Machines do not count."""
    for at, (speaker, text) in enumerate(zip(speakers, texts, strict=True)):
        if speaker == "other":
            continue
        said = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        for mark in MARKS["agent" if (speaker == "customer") == of_swaps else "customer"]:
            if not mark.search(said):
                break
            yield at
