/* The places of the master's children: who is in each, whether they serve, when to try again. */
#ifndef PERCH_SLOTS_H
#define PERCH_SLOTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "handover.h"

enum role { ROLE_HUB, ROLE_AUTH, ROLE_WORKER, ROLES };

extern const char *const role_names[ROLES]; /* with different first letters */

enum { SLOT_BACKOFF_MIN_MS = 100, SLOT_BACKOFF_MAX_MS = 10000 };

/* A place for one child; there is always one in it, but for backoff and the end. */
struct slot {
    enum role role;
    int index;
    pid_t pid; /* 0: empty */
    bool old;  /* a child of the program that this one replaced: never filled again */
    bool ready;
    bool given_up;      /* exited with CHILD_EXIT_FATAL */
    int failures;       /* in a row, before it was ever ready */
    int64_t not_before; /* monotonic */
};

struct slots {
    struct slot *all;
    int count;
    int wanted[ROLES]; /* places that are not old */
};

/* Which of them: all that serve requests, or all hubs. */
enum slots_kind { SLOTS_WORKERS, SLOTS_HUBS };

void slots_init(struct slots *slots, const int wanted[ROLES], const struct handover *before);
void slots_release(struct slots *slots);

/* Has a hub of before ended? Nobody takes its place, and nobody reads what workers hand to it. */
bool slots_lost_old_hub(const struct slots *slots);

int slots_living(const struct slots *slots, enum slots_kind kind, bool only_old);
void slots_signal(const struct slots *slots, enum slots_kind kind, bool only_old, int signal);

void slots_note_ready(struct slots *slots, pid_t pid);
/* Does a child serve in each place that is not old? */
bool slots_are_ready(const struct slots *slots);

/* Of a child that was waited for; nothing happens if it is nobody's here. `ending`: it was told to
 * end. */
void slots_note_end(struct slots *slots, pid_t pid, int status, bool ending);

/* Is one of the roles gone for good? Then the rest only looks alive: without a hub its users' polls
 * do not wait. */
bool slots_have_given_up(const struct slots *slots);

#endif
