"""Messages while 32 people log in at once, over and over: does hashing passwords slow what everybody else does?"""

import json

from bench.load import Load

PASSWORD = "correct-horse"
LOGINS = 32


def with_password(instance, members):
    """Gives everybody the same hash, made by Perch itself. [(Member, path, json)] for perch-load."""
    person = instance.client()
    person.register(password=PASSWORD)
    instance.sql("UPDATE perch.users SET password_hash = (SELECT password_hash FROM perch.users WHERE id = %s)"
                 " WHERE id = ANY (%s)", person.id, [member.id for member in members])
    names = dict(instance.sql("SELECT id, username FROM perch.users WHERE id = ANY (%s)",
                              [member.id for member in members]))
    return [(member, "/api/v1/sessions",
             json.dumps({"username": names[member.id], "password": PASSWORD}, separators=(",", ":")))
            for member in members]


def measure_flood(instance, people, scale, say):
    """Rounds with and without the flood in turns; each the wake figures of perch-load, and the log-ins a second."""
    say(f"log-in flood: {scale.flood_rounds} rounds of 2 × {scale.seconds} s …")
    load, logins = Load(instance, people), Load(instance, with_password(instance, people[:LOGINS]))
    rows = {"without": [], "with": []}

    def quiet(before=None):
        return load.wake(waiting=scale.flood_waiting, rate=scale.flood_rate, seconds=scale.seconds, clients=8,
                         before=before)

    def flooded():
        floods = []
        # It begins just before the messages and outlasts them.
        row = quiet(lambda: floods.append(logins.start("ask", clients=LOGINS, seconds=scale.seconds + 5, warm_up=0)))
        [flood] = floods
        assert flood.poll() is None, "the flood ended before the messages did"
        row["logins"] = logins.result(flood, scale.seconds + 60)
        return row

    for i in range(scale.flood_rounds):
        for name in ("without", "with") if i % 2 == 0 else ("with", "without"):
            rows[name].append((quiet if name == "without" else flooded)())
    return rows
