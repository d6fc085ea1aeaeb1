"""What a run found: lines for the terminal, a JSON file, and the table of docs/RELIABILITY.md."""

import datetime
import json
import re

from chaos.checker import BAD

MARKS = ("<!-- begin: written by ./dev chaos -->", "<!-- end -->")
COLUMNS = (
    ("messages", "messages"), ("acknowledged", "acknowledged"), ("during", "during the fault"), ("recovered", "recovered"),
    ("absent", "**given up**"), ("lost", "**lost**"), ("duplicated", "**twice**"), ("unexpected", "**unexpected**"),
    ("holes", "**holes**"), ("order", "**order**"), ("stale", "stale"),
)
HELP = """\
*Rate*: acknowledgements a second during the fault; people do not catch up on what they could not say. *Recovered*: the answer
that acknowledged it was lost, and a repeat with the same `client_id` found the message. *Given up*: never acknowledged and not
stored. *Silence*: the longest time without any acknowledgement. *Age*: from the acknowledgement of a message to the moment a
device showed it, at the 99th percentile and at worst; *stale*: how often that was more than 2 s. *Failed*: attempts that got
5xx, a closed connection, or no answer, and were repeated."""


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
                 f"{verdict['silence']:.1f} s", f"{verdict['age_p99']:.2f} / {verdict['age_worst']:.1f} s"]
        yield "| " + " | ".join(cells) + " |"


def totals(found):
    """What a whole run may be summed up by."""
    verdicts = [row["verdict"] for row in found.values()]
    return {key: sum(verdict[key] for verdict in verdicts)
            for key in ("messages", "acknowledged", "deliveries", "recovered", "absent", "stale", *BAD)}


def section(found, state, seed, seconds):
    commit = f"`{state['commit']}`{' with local changes' if state['changed'] else ''}" if state["commit"] else "unknown"
    everything = totals(found)
    yield (f"{datetime.date.fromisoformat(state['date'][:10]):%-d %B %Y}, commit {commit}, seed {seed}, {seconds:g} s of each "
           f"fault, {state['cores']} × {state['processor']}, Linux {state['kernel']}, {'; '.join(state['versions'].values())}. "
           f"In all {everything['acknowledged']} messages acknowledged and {everything['deliveries']} times shown.")
    yield ""
    yield from table(found)
    yield ""
    yield HELP


def document_write(path, found, state, seed, seconds):
    """Puts the section between its marks."""
    text = path.read_text()
    begin, end = MARKS
    assert begin in text and end in text, f"{path} has lost its marks"
    body = "\n".join(section(found, state, seed, seconds))
    path.write_text(re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{body}\n{end}", text, flags=re.S))


def json_write(path, found, state, seed, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"state": state, "seed": seed, "seconds": seconds, "totals": totals(found), "faults": found},
                               indent=1) + "\n")
