"""Are agent and customer the right way round? Asked of the words alone: who greets, who verifies, who asks for help."""

import re
from collections.abc import Iterator, Sequence

from scorer.records import Segment, Speaker

FEWEST = 2  # marks that speak for a swap; one may be chance
TIMES = 2  # so many times more marks must speak for a swap than against it

AGENT = re.compile(
    r"""thank(?:s|\ you)\ for\ (?:calling|contacting|holding|your\ patience|verifying|confirming|being\ a)
    |how\ (?:can|may|could)\ i\ (?:help|assist|be\ of)|what\ can\ i\ (?:do|help)\b.{0,20}\b(?:you|today)
    |\b(?:can|could|may|would)\ (?:i|you)\ (?:please\ )?(?:have|get|verify|confirm|give\ me|provide|tell\ me|spell)\ (?:me\ )?
        (?:your|the)\ (?:full\ |first\ |last\ |account|name|date|phone|order|email|address|zip|card|policy|member|social)
    |(?:anything|something)\ else\ (?:i|we)\ can\ (?:help|do|assist)
    |\b(?:place|put)\ you\ on\ (?:a\ )?(?:brief\ )?hold|\btransfer\ you\b
    |\blet\ me\ (?:pull|bring)\ (?:that|up|your|this)|\bi(?:'m|\ am)\ (?:pulling|bringing)\ up\ your
    |\bi\ (?:can\ )?see\ (?:here\ )?(?:that\ )?(?:your|you\ have)\b|\bfor\ security\ purposes
    |\bhave\ a\ (?:great|good|nice|wonderful)\ (?:day|rest|evening|weekend)\b.{0,40}\bcalling""",
    re.IGNORECASE | re.VERBOSE,
)
CUSTOMER = re.compile(
    r"""\bi(?:'m|\ am|\ was)\ (?:just\ )?calling\ (?:about|because|to|in|regarding|for)\b
    |\bi(?:'d|\ would)?\ (?:want|like|need)\ to\ (?:cancel|return|speak|talk|dispute|complain|make\ a\ claim|file|report)\b
    |\b(?:speak|talk)\ (?:to|with)\ (?:a|your|the)\ (?:manager|supervisor|human|person)
    |\bmy\ (?:account|bill|order|card|policy|confirmation|phone|member|claim)\ number\ is\b
    |\bi\ (?:just\ )?(?:got|received)\ (?:a|an|my|your|this)\ (?:bill|charge|letter|email|notice|package|invoice|text)
    |\bi(?:'ve|\ have)\ been\ (?:charged|waiting|on\ hold|a\ (?:loyal\ )?customer|a\ member|trying\ to)
    |\b(?:you|they)\ (?:guys\ )?(?:charged|billed|overcharged)\ me\b""",
    re.IGNORECASE | re.VERBOSE,
)


def swapped_at(segments: Sequence[Segment]) -> tuple[int, ...]:
    """Positions of the segments that speak for a swap of agent and customer; empty unless they clearly outweigh the others."""
    marks = list(_marks(segments))
    against = sum(party == segments[at].speaker for at, party in marks)
    swaps = [at for at, party in marks if party != segments[at].speaker]
    return tuple(dict.fromkeys(swaps)) if len(swaps) >= FEWEST and len(swaps) > TIMES * against else ()


def _marks(segments: Sequence[Segment]) -> Iterator[tuple[int, Speaker]]:
    """Each segment in which a party is heard, with the party that talks so. Machines do not count."""
    for at, segment in enumerate(segments):
        if segment.speaker == "other":
            continue
        text = segment.text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        if AGENT.search(text):
            yield at, "agent"
        if CUSTOMER.search(text):
            yield at, "customer"
