"""Figures beside their aims: the table, and docs/BENCHMARKS.md."""

from perchtest.instance import TOP

# (what, place of the value in the figures, unit, how, aim, remark); remark: a text with {places} in it.
ROWS = (
    ("memory of nginx + perch-fcgi per waiting poll", "wait.perch_bytes", "B", "<=", "wait.nchan_bytes",
     "nchan: {wait.nchan_bytes:.0f} B; PSS at {wait.waiting} waiting, without the kernel's sockets, of which Perch has two"
     " more; nginx alone {wait.nginx_bytes:.0f} B"),
    ("memory of the hub per waiting poll", "wait.hub_bytes", "B", "<=", 512, "PSS, all hubs, as many people"),
    ("send → waiting poll, p50", "wait.p50_ms", "ms", "<=", 1.0,
     "{wait.p50_range} by round; {wait.rate}/s into {wait.waiting} polls, durable; nchan, undurable:"
     " {wait.nchan_p50_ms:.2f} ms"),
    ("send → waiting poll, p99", "wait.p99_ms", "ms", "<=", 5.0,
     "{wait.p99_range} by round; nchan, undurable: {wait.nchan_p99_ms:.2f} ms"),
    ("send → its own reply, p50", "wait.send_p50_ms", "ms", None, None,
     "p99 {wait.send_p99_ms:.2f} ms; pgbench, 1 client: {wait.pgbench_p50_ms:.2f} ms"),
    ("sends/s, 8 clients, of pgbench's", "sends.8.ratio", "", ">=", 0.5,
     "{sends.8.perch:.0f} of {sends.8.pgbench:.0f}; p50 {sends.8.p50_ms:.2f} ms, p99 {sends.8.p99_ms:.2f} ms"),
    ("sends/s, 32 clients, of pgbench's", "sends.32.ratio", "", ">=", 0.45,
     "{sends.32.perch:.0f} of {sends.32.pgbench:.0f}; p50 {sends.32.p50_ms:.2f} ms, p99 {sends.32.p99_ms:.2f} ms"),
    ("polls/s answered from the database", "polls.perch", "", ">=", 10_000,
     "pgbench, same statement: {polls.pgbench:.0f}, ratio {polls.ratio:.2f}; replies that need nothing (/health/live):"
     " {polls.nothing:.0f}"),
    ("processor time of such a poll", "polls.cpu_sum_us", "µs", None, None,
     "nginx {polls.cpu_us.nginx:.0f}, workers {polls.cpu_us.workers:.0f}, hub {polls.cpu_us.hub:.0f}, Redis"
     " {polls.cpu_us.Redis:.0f}, PostgreSQL {polls.cpu_us.PostgreSQL:.0f}"),
    ("newest page from the cache, of made anew", "cache.gain", "×", ">=", 1.0,
     "{cache.kept:.0f} of {cache.fresh:.0f} a second; every page is found, nobody writes"),
    ("50 people from the cache, of made anew", "cache.users_gain", "×", ">=", 1.1,
     "{cache.users:.0f} of {cache.users_fresh:.0f} a second; every list is found; GET /me: {cache.least:.0f}"),
    ("999 of 1000 polls wait again after stop and start", "restart.stop.seconds", "s", "<=", 15,
     "{restart.waiting} polls; the hub spreads them over {restart.spread_s:.0f} s itself"),
    ("  PostgreSQL meanwhile, of pgbench's rate", "restart.stop.ratio", "", "<=", 0.8,
     "at most {restart.stop.peak_per_second:.0f} transactions of {restart.pgbench:.0f} polls that find nothing a second"),
    ("999 of 1000 polls wait again after HUP", "restart.hup.seconds", "s", "<=", 15,
     "{restart.waiting} polls; the hub spreads them over {restart.spread_s:.0f} s itself"),
    ("  PostgreSQL meanwhile, of pgbench's rate", "restart.hup.ratio", "", "<=", 0.8,
     "at most {restart.hup.peak_per_second:.0f} transactions of {restart.pgbench:.0f} polls that find nothing a second"),
    ("p50 of a message during a log-in flood", "flood.p50_ratio", "×", "<=", 1.1,
     "{flood.with.p50_ms:.2f} ms, without {flood.without.p50_ms:.2f} ms; {flood.logins:.0f} log-ins/s"),
    ("p99 of a message during a log-in flood", "flood.p99_ratio", "×", "<=", 3.0,
     "{flood.with.p99_ms:.2f} ms, without {flood.without.p99_ms:.2f} ms"),
    ("notifications to many chats leave in", "telegram.seconds", "s", "<=", 45,
     "{telegram.chats} chats; Perch writes to 25 a second"),
    ("memory of perch-notifier, the most", "telegram.memory_mib", "MiB", "<=", 32,
     "{telegram.rows} notifications wait"),
    ("p50 of sending while so many wait and Telegram is dead", "telegram.p50_ratio", "×", "<=", 1.1,
     "{telegram.p50_ms.dead:.2f} ms, without {telegram.p50_ms.well:.2f} ms"),
    ("growth: messages reached", "growth.last.messages", "", ">=", 10_000_000,
     "and {growth.last.users} people; compared below with {growth.first.messages} and {growth.first.users}"),
    *((f"{what}, last p50 ÷ that", f"growth.ratio.{kind}", "×", "<=", 2.0,
       f"{{growth.first.ms.{kind}.p50:.2f}} ms at {{growth.first.messages}} messages, "
       f"{{growth.last.ms.{kind}.p50:.2f}} ms at {{growth.last.messages}}")
      for kind, what in (("send", "growth: send"), ("poll", "growth: poll"), ("page", "growth: newest page"),
                         ("dialogs", "growth: dialog list"))),
    ("growth: memory of perch-fcgi, last ÷ that", "growth.ratio.memory", "×", "<=", 1.5,
     "PSS {growth.first.perch_mib:.1f} MiB, then {growth.last.perch_mib:.1f} MiB"),
)


def lookup(figures, place):
    """figures["a"]["b"] for "a.b"; None where a measure was left out."""
    for part in place.split("."):
        if not isinstance(figures, dict) or part not in figures:
            return None
        figures = figures[part]
    return figures


def remark_fill(remark, figures):
    """{place:format} replaced."""
    out, rest = "", remark
    while "{" in rest:
        before, _, rest = rest.partition("{")
        place, _, rest = rest.partition("}")
        name, _, how = place.partition(":")
        value = lookup(figures, name)
        out += before + ("–" if value is None else format(value, how))
    return out + rest


def table(figures):
    """[(what, value, aim, verdict, remark)] of what was measured."""
    rows = []
    for what, place, unit, how, aim, remark in ROWS:
        value = lookup(figures, place)
        if value is None:
            continue
        reached = ""
        if isinstance(aim, str):
            aim = lookup(figures, aim)
            reached = "not measured" if aim is None else reached
        if aim is not None:
            reached = "reached" if (value >= aim if how == ">=" else value <= aim) else "MISSED"
        digits = 0 if abs(value) >= 100 else 2
        rows.append((what, f"{value:.{digits}f} {unit}".strip(),
                     "" if aim is None else f"{'≥' if how == '>=' else '≤'} {aim:{'.0f' if aim >= 100 else '.4g'}}",
                     reached, remark_fill(remark, figures)))
    return rows


def table_text(rows):
    return "\n".join(f"{what:50} {value:>10}  {aim:>9} {reached:8} {remark}".rstrip()
                     for what, value, aim, reached, remark in rows)


def growth_lines(figures):
    """Lines of plot()."""
    return {kind: [(step["messages"], step["ms"][kind]["p50"]) for step in figures["growth"]["steps"]]
            for kind in ("send", "poll", "page", "dialogs")}


def markdown(state, rows, figures, notes):
    lines = ["# Benchmarks", "", "Made by one run of `./dev bench --docs`. To repeat it: that command, on a quiet"
             " machine; it takes half an hour.", "`./dev bench` prints the same table and leaves this file alone. All figures:"
             " [benchmarks.json](benchmarks.json).", "",
             f"- date: {state['date']}", f"- commit: {state['commit']}{' (changed)' if state['changed'] else ''}",
             f"- machine: {state['cores']} × {state['processor']}, {state['memory_gib']} GiB, Linux {state['kernel']},"
             f" load {state['load_before']:.2f} before",
             f"- disk: {state['disk']}; {state['durable']}",
             f"- versions: {'; '.join(state['versions'].values())}", "",
             "The load generator, nginx, perch-fcgi, Redis and PostgreSQL share the processor's cores.", "",
             "| figure | measured | aim | | beside it |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(cell.strip() for cell in row)} |" for row in rows]
    if "growth" in figures:
        lines += ["", "![times while the installation grows](benchmarks-growth.svg)", "",
                  "| people | messages | database | loaded in | "
                  + " | ".join(f"{kind} p50 / p99" for kind in growth_lines(figures)) + " | perch-fcgi |",
                  "|---|---|---|---|---|---|---|---|---|"]
        for step in figures["growth"]["steps"]:
            times = [f"{step['ms'][kind]['p50']:.2f} / {step['ms'][kind]['p99']:.2f} ms"
                     for kind in growth_lines(figures)]
            lines.append(f"| {step['users']:,} | {step['messages']:,} | {step['bytes'] / 2**20:,.0f} MiB"
                         f" | {step['fill_s']:.0f} s | {' | '.join(times)} | {step['perch_pss'] / 2**20:.1f} MiB |")
    return "\n".join(lines) + "\n\n" + notes


def notes():
    """What no run finds out, kept by hand."""
    return (TOP / "tests/bench/notes.md").read_text()
