#include "listen.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

static int cannot_listen(const char *path)
{
    log_error("%s: cannot listen: %s", path, strerror(errno));
    return ERR_CONFIG;
}

/* Makes the path free: nothing there, or a socket that nobody answers. */
static int path_free(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0)
        return errno == ENOENT ? 0 : cannot_listen(address->sun_path);
    if (!S_ISSOCK(info.st_mode)) {
        log_error("%s exists and is not a socket", address->sun_path);
        return ERR_CONFIG;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int answered =
        connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    close(probe);
    if (answered) {
        log_error("%s: another process serves there; stop it first", address->sun_path);
        return ERR_CONFIG;
    }
    return unlink(address->sun_path) == 0 ? 0 : cannot_listen(address->sun_path);
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

int listen_open(const char *path, const char *group, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        log_error("%s: a socket's path has at most %zu bytes", path, sizeof address.sun_path - 1);
        return ERR_CONFIG;
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int err = path_free(&address);
    if (err != 0)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0117); /* 0660 from the first moment on */
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
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
