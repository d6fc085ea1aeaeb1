/* The Lua scripts that alone read and change leases in Redis; what they keep there is told in
 * lease.h. Sent whole with EVAL: a Redis that lost its memory has no script to miss. All take the
 * prefix of our keys first, and time from Redis itself, so hosts need not agree about it. */
#ifndef PERCH_LEASE_SCRIPT_H
#define PERCH_LEASE_SCRIPT_H

/* (prefix, ids) -> "k" or "u" (are leases to be believed?), then "a", "i" or "0" for each id. */
extern const char lease_script_look[];

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
