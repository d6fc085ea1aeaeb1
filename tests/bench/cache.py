"""What keeping the newest page of a dialog, and the list of people, gains."""

from bench.load import Load
from perchtest.presence import leases_believe

MESSAGES = 100
FRESH = 9007199254740990  # as good as the newest page, and never kept


# The same for the list of people: after everything that no name can begin with.
BEGINNING = "AQ"
NAMES = ("kept", "fresh", "users", "users_fresh", "least")


def cache_loads(instance, people):
    """By NAMES: those who ask for a page that is kept, for the same made anew, for a list of people and the same made
    anew, and for the least a call with a session can cost. `people`: an even number of them."""
    pairs = list(zip(people[::2], people[1::2]))
    instance.sql("SELECT count(*) FROM generate_series(1, %s) AS n, unnest(%s::bigint[], %s::bigint[]) AS t(one, other),"
                 " perch.send_message(CASE n %% 2 WHEN 0 THEN one ELSE other END, CASE n %% 2 WHEN 0 THEN other ELSE one"
                 " END, NULL, 'some eighty characters, as people write them to each other when they have time ' || n)",
                 MESSAGES, [one.id for one, _ in pairs], [other.id for _, other in pairs])
    instance.sql("VACUUM ANALYZE")
    leases_believe(instance)
    return (
        Load(instance, [(one, f"/api/v1/dialogs/{other.id}/messages") for one, other in pairs]),
        Load(instance, [(one, f"/api/v1/dialogs/{other.id}/messages?before={FRESH}") for one, other in pairs]),
        Load(instance, people, "/api/v1/users?limit=50"),
        Load(instance, people, f"/api/v1/users?limit=50&after={BEGINNING}"),
        Load(instance, people, "/api/v1/me"),
    )
