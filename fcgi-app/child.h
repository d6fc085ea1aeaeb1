/* What every child of the master does alike: signals, readiness, privileges. */
#ifndef PERCH_CHILD_H
#define PERCH_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"
#include "common/listen.h"
#include "common/redis.h"
#include "token.h"

enum { CHILD_EXIT_FATAL = 2 }; /* starting another one would not help */

/* What the master gives each of its children. */
struct child {
    const struct conf *conf;
    const struct token_keys *keys;
    struct redis_address redis_address;
    int ready_fd; /* written to once, when ready */
    pid_t master;
    bool own_sockets[2]; /* by enum pool: the listening socket ends with us */
    struct listen_file files[2];
    int hub_count;
    const int *hub_fds; /* the workers' ends of the hand-off sockets */
};

/* TERM, INT, HUP and QUIT, which the master left blocked, end the process gracefully. Before
 * FCGX_Init(), whose own handlers would race with its accept loop. */
void child_signals_init(void);
/* Has one of them come, be it blocked still? epoll_pwait() lets none through while something is
 * ready, which under load is always. */
bool child_is_ending(void);
/* Was it HUP or QUIT only: others go on in its place? */
bool child_is_replaced(void);

/* Tells the master that this child serves from now on. */
void child_ready(const struct child *child);

/* Whom children become, looked up once: a name service that fails later must not cost a child. */
struct identity {
    bool change; /* started as root */
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t groups[32];
};

/* PERCH_USER when started as root, else nobody new; ERR_CONFIG, logged. */
int child_identity_find(const struct conf *conf, struct identity *ret_identity)
    __attribute__((warn_unused_result));

/* Becomes it for good, keeping nothing; ERR_CONFIG, logged. */
int child_identity_assume(const struct identity *identity) __attribute__((warn_unused_result));

#endif
