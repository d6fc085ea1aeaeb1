"""What a run found: lines for the terminal, a JSON file, and the table of docs/RELIABILITY.md."""

import datetime
import json
import re
import textwrap

from chaos.checker import BAD

MARKS = ("<!-- begin: written by ./dev chaos -->", "<!-- end -->")
COLUMNS = (
    ("messages", "messages"), ("acknowledged", "acknowledged"), ("during", "during the fault"), ("recovered", "recovered"),
    ("absent", "**given up**"), ("lost", "**lost**"), ("duplicated", "**twice**"), ("unexpected", "**unexpected**"),
    ("holes", "**holes**"), ("order", "**order**"), ("stale", "stale"),
)
WIDTH = 125  # of the page, but for its table
HELP = """\
*Recovered*: the answer that acknowledged a message was lost, and a repeat with the same `client_id` found the message.
*Given up*: never acknowledged and not stored. *Rate*: messages acknowledged for the first time, a second, during the fault;
people do not catch up on what they could not say. *Failed*: attempts to write or to read that got a status of 300 or more
(but for a 410), half an answer, a closed connection, or no answer in time; messages and polls are then repeated, typing and
read marks are not. *Silence*: the longest time without any acknowledgement. *Age*: from the acknowledgement of a message to
the moment a device showed it, at the 99th percentile and at worst; *stale*: how often that was more than 2 s. Both are of
desks and streams: a phone's age is mostly its own pause between two polls."""


def line(verdict, figures):
    """One fault, for the terminal."""
    bad = ", ".join(f"{kind} {getattr(verdict, kind)}" for kind in ("absent", *BAD))
    trouble = ", ".join(f"{count} × {what}" for what, count in verdict.trouble.items()) or "none"
    return (f"    {'good' if verdict.good else 'BAD'}: {verdict.messages} messages, {verdict.acknowledged} acknowledged, "
            f"{verdict.recovered} recovered, {verdict.deliveries} deliveries; {bad}\n"
            f"    {figures['acks_per_second']:.0f} a second, silence {verdict.silence:.1f} s, age p50 {verdict.age_p50:.3f} s, "
            f"p99 {verdict.age_p99:.2f} s, worst {verdict.age_worst:.1f} s, {verdict.stale} stale; {verdict.resets} resets; "
            f"failed attempts: {trouble}")


def table(found):
    head = ["fault", *[title for _, title in COLUMNS], "rate", "failed", "silence", "age p99 / worst"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join(["---", *["---:"] * (len(head) - 1)]) + "|"
    for row in found.values():
        verdict = row["verdict"]
        cells = [row["title"], *[f"{verdict[key]}" for key, _ in COLUMNS],
                 f"{row['figures']['acks_per_second']:.0f}/s", f"{sum(verdict['trouble'].values())}",
                 f"{verdict['silence']:.1f} s", f"{verdict['age_p99']:.3f} / {verdict['age_worst']:.1f} s"]
        yield "| " + " | ".join(cells) + " |"


def totals(found):
    """What a whole run may be summed up by."""
    verdicts = [row["verdict"] for row in found.values()]
    return {key: sum(verdict[key] for verdict in verdicts)
            for key in ("messages", "acknowledged", "deliveries", "recovered", "absent", "stale", *BAD)}


def refusal(state):
    """Why nothing of this may be written into the document; None: it may. What is there somebody must be able to repeat."""
    if not state["commit"]:
        return "nobody could tell which commit this was"
    return "the tree has changes that are not committed" if state["changed"] else None


def section(found, state, seed, seconds):
    date = f"{datetime.date.fromisoformat(state['date'][:10]):%-d %B %Y}"
    everything = totals(found)
    yield textwrap.fill(
        f"{date}, commit `{state['commit']}`, seed {seed}, {seconds:g} s of each fault, "
        f"{state['cores']} × {state['processor']}, Linux {state['kernel']}, {'; '.join(state['versions'].values())}. "
        f"In all {everything['acknowledged']} messages acknowledged and {everything['deliveries']} times shown.",
        WIDTH, break_long_words=False, break_on_hyphens=False)
    yield ""
    yield from table(found)
    yield ""
    yield HELP


def document_write(path, found, state, seed, seconds):
    """Puts the section between its marks."""
    assert refusal(state) is None, refusal(state)
    text = path.read_text()
    begin, end = MARKS
    assert begin in text and end in text, f"{path} has lost its marks"
    body = "\n".join(section(found, state, seed, seconds))
    path.write_text(re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{body}\n{end}", text, flags=re.S))


def json_write(path, found, state, seed, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"state": state, "seed": seed, "seconds": seconds, "totals": totals(found), "faults": found},
                               indent=1) + "\n")
