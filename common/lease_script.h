/* Who is there: leases in Redis that end by themselves unless they are renewed.
 *
 *   "<prefix>l:<user>"   a hash. "<session>:<tab>": "<expiry> <0|1 active> <acked seq> <poll>" for
 *                        each device that polls (without a tab, for each poll by its id), where
 *                        acked seq is the position up to which it has everything; "on", "act":
 *                        until when the user is online, active; "seen": the last sign of life;
 *                        "told": the state announced last, "at" when
 *   "<prefix>leases"     a sorted set of "<user>:<session>:<tab>" by expiry
 *   "<prefix>changed"    a sorted set of users whose state is not what was told, by when to tell it
 *   "<prefix>presence"   a hash. "since": from when on all leases were kept; "beat": when a hub
 *                        last looked after them
 *
 * Times are milliseconds since 1970 by Redis' clock. Leases are to be believed when `since` is
 * older than 60 s, in which every device has polled again (a poll waits for 50 at most), and `beat`
 * not older than 5; otherwise presence is unknown, and nobody is taken to be offline because of it.
 *
 * The Lua scripts here alone read and change all that. Sent whole with EVAL: a Redis that lost its
 * memory has no script to miss. All take the prefix of our keys first, and time from Redis itself,
 * so hosts need not agree about it. */
#ifndef PERCH_LEASE_SCRIPT_H
#define PERCH_LEASE_SCRIPT_H

/* (prefix, ids) -> "k" or "u" (are leases to be believed?), then "a", "i" or "0" for each id. */
extern const char lease_script_look[];

/* (prefix, user) -> "k" or "u", then for each lease of the user a line "<ms left> <0|1 active>
 * <acked seq>" (on one line). */
extern const char lease_script_devices[];

/* (prefix, changes) -> milliseconds until something is to be announced, -1: nothing is. A change is
 * one of these, each ended by a NUL:
 *   "p <user> <ttl ms> <0|1 active> <acked seq> <poll> <0|1 quiet> <session>:<tab>"   a poll waits
 *   "c <user> <ttl ms> <poll> <session>:<tab>"     its connection closed: no longer than this
 *   "d <user> <poll> <session>:<tab>"              it ended; poll 0: whichever, the tab said bye
 *   "e <user> <session>"                           the session ended
 * quiet: written again; in a Redis that lost its memory that is no news to anybody. */
extern const char lease_script_change[];

/* (prefix, most) -> "<since> <ms until the next turn is due>", then for at most so many users a
 * line "<user> <state> <claim> <seen>": claimed for 10 s by the caller, who is to announce them.
 * Takes out what has expired. */
extern const char lease_script_turn[];

/* (prefix, user, state, claim, partners) -> as lease_script_change. Publishes the state to the
 * partners ("{1,2}"), if the claim and the state still hold. */
extern const char lease_script_announce[];

#endif
