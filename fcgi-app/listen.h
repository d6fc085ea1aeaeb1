/* Listening sockets for nginx. */
#ifndef PERCH_LISTEN_H
#define PERCH_LISTEN_H

enum {
    LISTEN_BACKLOG = 4096
}; /* with 128, 1,500 connections at once overflowed into instant 502s; capped by somaxconn */

/* A non-blocking listening socket at `place` (listen_address.h), which is the value of setting
 * `key`. At a path: mode 0660, of group `group` (NULL: the process's own); a stale socket is
 * replaced, one that answers is not. ERR_CONFIG, logged with what to mend. */
int listen_open(const char *key, const char *place, const char *group, int *ret_fd)
    __attribute__((warn_unused_result));

/* Makes a listening socket that was handed over ours: non-blocking, close-on-exec. ERR_CONFIG,
 * logged with its name, where it does not listen or strangers could reach it. */
int listen_adopt(const char *name, int fd) __attribute__((warn_unused_result));

/* No new connection from here on: a path is refused at once, a port answers nothing more, and nginx
 * goes elsewhere. Those that stand in line can be accepted still. */
void listen_end(int fd);

#endif
