/* Listening sockets: nginx's way in, and the notifier's for whoever watches it. */
#ifndef PERCH_LISTEN_H
#define PERCH_LISTEN_H

#include <sys/types.h>

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

/* The file by which a socket is reached; all 0: there is none. No other file gets its number as
 * long as the socket is open. */
struct listen_file {
    dev_t device;
    ino_t inode;
};

struct listen_file listen_file(int fd);

/* No new connection from here on: a path is refused at once, a port answers nothing more, and nginx
 * goes elsewhere. Those that stand in line can be accepted still. `file` is what listen_file() said
 * when the socket was new: another socket at the same path is not ours, and stays. */
void listen_end(int fd, const struct listen_file *file);

#endif
