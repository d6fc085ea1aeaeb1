/* What a master leaves to the program that it executes in its own place (HUP, upgrade), or systemd
 * to a program that it starts for its sockets: listening sockets, by the same variables
 * (sd_listen_fds(3)), and the children that still serve. */
#ifndef PERCH_HANDOVER_H
#define PERCH_HANDOVER_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "route.h"

enum { HANDOVER_SOCKETS = 2 };

/* The names of the sockets in LISTEN_FDNAMES, by enum pool. */
extern const char *const handover_names[HANDOVER_SOCKETS];

struct handover_socket {
    int fd;   /* -1: none */
    bool own; /* made by us and to be taken away at the end; systemd's are not */
};

struct handover_child {
    pid_t pid;
    char role; /* the first letter of its role's name */
};

struct handover {
    struct handover_socket sockets[HANDOVER_SOCKETS];
    struct handover_child *children; /* freed by handover_release() */
    int child_count;
};

/* Where this very program lies, as one would start it again: the path by which it was started, if
 * that is its own, so that a link which then points elsewhere is followed; empty if it cannot be
 * told. */
void handover_program(const char *argv0, char ret_path[PATH_MAX]);

/* Takes what was left, out of the environment, too. ERR_CONFIG, logged, for sockets that do not
 * listen, or where strangers could reach them. */
int handover_take(struct handover *ret_handover) __attribute__((warn_unused_result));
void handover_release(struct handover *handover);

/* Starts the program in a process of its own to look whether it could serve: exit code 0. Its
 * number, -1 if it cannot be started, logged. `mask` is the signal mask it gets. */
pid_t handover_check(const char *program, const sigset_t *mask);

/* Becomes the program. Returns only when that fails, logged, with everything as it was. */
void handover_execute(const char *program, const struct handover *handover);

#endif
