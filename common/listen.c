#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "err.h"
#include "listen_address.h"
#include "log.h"

enum { SEND_BUFFER_BYTES = 256 * 1024, RECEIVE_PATIENCE_S = 5 };

static int cannot_listen(const char *path)
{
    log_error("%s: cannot listen: %s", path, strerror(errno));
    return ERR_CONFIG;
}

/* Makes the path free: nothing there, or a socket that nobody answers. */
static int path_free(const struct listen_address *address, const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? 0 : cannot_listen(path);
    if (!S_ISSOCK(info.st_mode)) {
        log_error("%s exists and is not a socket", path);
        return ERR_CONFIG;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int answered =
        connect(probe, (const struct sockaddr *)&address->socket, address->length) == 0 ||
        errno == EAGAIN;
    close(probe);
    if (answered) {
        log_error("%s: another process serves there; stop it first", path);
        return ERR_CONFIG;
    }
    return unlink(path) == 0 ? 0 : cannot_listen(path);
}

static int group_set(const char *path, const char *name)
{
    const struct group *group = getgrnam(name);
    if (group == NULL) {
        log_error("PERCH_SOCKET_GROUP=%s: there is no such group", name);
        return ERR_CONFIG;
    }
    if (chown(path, (uid_t)-1, group->gr_gid) != 0) {
        log_error("%s: cannot give it to group %s: %s", path, name, strerror(errno));
        return ERR_CONFIG;
    }
    return 0;
}

static int listen_at_path(const struct listen_address *address, const char *group, int *ret_fd)
{
    const char *path = ((const struct sockaddr_un *)&address->socket)->sun_path;
    int err = path_free(address, path);
    if (err != 0)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0117); /* 0660 from the first moment on */
    int bound = bind(fd, (const struct sockaddr *)&address->socket, address->length);
    umask(mask);
    if (fd < 0 || bound != 0)
        err = cannot_listen(path);
    if (err == 0 && group != NULL)
        err = group_set(path, group);
    /* Listening last: nobody connects before the group is right. */
    if (err == 0 && listen(fd, LISTEN_BACKLOG) != 0)
        err = cannot_listen(path);
    if (err != 0) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

/* What the connections of a TCP socket inherit. */
static void tcp_prepare(int fd)
{
    const int on = 1;
    const int size = SEND_BUFFER_BYTES;
    const struct timeval patience = {.tv_sec = RECEIVE_PATIENCE_S};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* A parked reply goes out in one write that does not block. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    /* Whoever connects and says nothing must not keep a worker. */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static int listen_at_port(const struct listen_address *address, const char *place, int *ret_fd)
{
    const int on = 1;
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A restart need not wait until the connections of before are forgotten. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    tcp_prepare(fd);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address->socket, address->length) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        int err = cannot_listen(place);
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

int listen_open(const char *key, const char *place, const char *group, int *ret_fd)
{
    struct listen_address address;
    int err = listen_address_parse(key, place, &address);
    if (err != 0)
        return err;
    return address.socket.ss_family == AF_UNIX ? listen_at_path(&address, group, ret_fd)
                                               : listen_at_port(&address, place, ret_fd);
}

int listen_adopt(const char *name, int fd)
{
    struct listen_address address = {.length = sizeof address.socket};
    int listens = 0;
    int type = 0;
    socklen_t length = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM ||
        getsockname(fd, (struct sockaddr *)&address.socket, &address.length) != 0) {
        log_error("descriptor %d (%s) was handed over and is not a listening socket", fd, name);
        return ERR_CONFIG;
    }
    if (!listen_address_is_private(&address.socket)) {
        log_error("descriptor %d (%s) was handed over and listens where strangers could connect",
                  fd, name);
        return ERR_CONFIG;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        return cannot_listen(name);
    if (address.socket.ss_family != AF_UNIX)
        tcp_prepare(fd);
    return 0;
}

/* The path of a unix socket that has one, in `address`; else NULL. */
static const char *path_of(int fd, struct sockaddr_un *address)
{
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_un){0};
    if (getsockname(fd, (struct sockaddr *)address, &length) != 0 ||
        address->sun_family != AF_UNIX || address->sun_path[0] != '/')
        return NULL;
    return address->sun_path;
}

struct listen_file listen_file(int fd)
{
    struct sockaddr_un address;
    struct stat info;
    const char *path = path_of(fd, &address);
    if (path == NULL || lstat(path, &info) != 0)
        return (struct listen_file){0};
    return (struct listen_file){.device = info.st_dev, .inode = info.st_ino};
}

static void path_end(int fd, const struct listen_file *file)
{
    struct pollfd line = {.fd = fd, .events = POLLRDHUP};
    struct sockaddr_un address;
    const struct listen_file now = listen_file(fd);
    const char *path = path_of(fd, &address);
    if (poll(&line, 1, 0) > 0 && (line.revents & POLLRDHUP) != 0)
        return; /* somebody else who shares the socket has done it */
    if (path != NULL && now.inode != 0 && now.device == file->device && now.inode == file->inode)
        unlink(path);
    (void)shutdown(fd, SHUT_RD);
}

/* A TCP socket that does not listen any more resets whoever stands in line. One that takes only
 * packets which have passed no router (TTL 255; systems send 64 or 128) drops each SYN, and keeps
 * its line; those in it have sockets of their own already. A filter would need privileges. */
void listen_end(int fd, const struct listen_file *file)
{
    const int untouched = 255;
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return;
    if (address.ss_family == AF_UNIX)
        path_end(fd, file);
    else if (address.ss_family == AF_INET)
        (void)setsockopt(fd, IPPROTO_IP, IP_MINTTL, &untouched, sizeof untouched);
    else
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &untouched, sizeof untouched);
}
