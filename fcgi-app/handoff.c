#include "handoff.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

int handoff_pair(int ret_fds[2])
{
    const int size = HANDOFF_QUEUE_BYTES;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) != 0) {
        log_error("cannot make the hand-off socket: %s", strerror(errno));
        return ERR_INTERNAL;
    }
    /* Privileged processes may go beyond net.core.wmem_max; others get as much as they may. */
    if (setsockopt(ret_fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
        (void)setsockopt(ret_fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    int got = 0;
    socklen_t length = sizeof got;
    /* Linux tells the double of what was asked for. */
    if (getsockopt(ret_fds[0], SOL_SOCKET, SO_SNDBUF, &got, &length) == 0 && got / 2 < size)
        log_warn("the hand-off queue holds %d KiB instead of %d: raise net.core.wmem_max",
                 got / 2048, size / 1024);
    return 0;
}

void handoff_make_room(int fd)
{
    /* Linux doubles what is asked for, to have room for its own records, and tells the double. */
    const int half = HANDOFF_ROOM / 2;
    const int on = 1;
    const unsigned patience_ms = 30000;
    int size = 0;
    int domain = AF_UNIX;
    socklen_t length = sizeof size;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0 && size < HANDOFF_ROOM)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof half);
    length = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain == AF_UNIX)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

static int handoff_send(int socket, const struct msghdr *message)
{
    ssize_t sent;
    do
        sent = sendmsg(socket, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? ERR_BUSY : 0;
}

int handoff_park(int socket, const struct handoff_park *park, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header; /* for its alignment */
    } control = {0};
    struct handoff_park copy = *park;
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return handoff_send(socket, &message);
}

int handoff_lease(int socket, const struct handoff_lease *lease)
{
    struct handoff_lease copy = *lease;
    struct iovec part = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    copy.kind = HANDOFF_LEASE;
    return handoff_send(socket, &message);
}

int handoff_wake(int socket, int64_t user_id, const char *text, size_t length)
{
    struct handoff_wake head = {
        .kind = HANDOFF_WAKE, .length = (uint32_t)length, .user_id = user_id};
    struct iovec parts[2] = {{.iov_base = &head, .iov_len = sizeof head},
                             {.iov_base = (void *)(uintptr_t)text, .iov_len = length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return length > HANDOFF_WAKE_MAX ? ERR_BUSY : handoff_send(socket, &message);
}

/* The texts of a parked poll end where they must, whatever a worker that went mad has sent. */
static void park_texts_end(struct handoff_park *park)
{
    park->cursor.epoch[CURSOR_EPOCH_MAX] = '\0';
    park->tab[HANDOFF_TAB_MAX] = '\0';
    park->request_id[HANDOFF_REQUEST_ID_MAX] = '\0';
}

int handoff_receive(int socket, union handoff_message *ret_message, int *ret_fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec part = {.iov_base = ret_message, .iov_len = sizeof *ret_message};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_BUSY : ERR_GONE;
    if (length == 0)
        return ERR_GONE;
    *ret_fd = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
    if (ret_message->kind == HANDOFF_PARK && length == sizeof ret_message->park) {
        park_texts_end(&ret_message->park);
        return 0;
    }
    if (ret_message->kind == HANDOFF_LEASE && *ret_fd == -1 &&
        length == sizeof ret_message->lease) {
        ret_message->lease.tab[HANDOFF_TAB_MAX] = '\0';
        return 0;
    }
    if (ret_message->kind == HANDOFF_WAKE && *ret_fd == -1 &&
        ret_message->wake.head.length <= HANDOFF_WAKE_MAX &&
        (size_t)length == sizeof ret_message->wake.head + ret_message->wake.head.length) {
        ret_message->wake.text[ret_message->wake.head.length] = '\0';
        return 0;
    }
    if (*ret_fd != -1)
        close(*ret_fd);
    return ERR_BAD_REQUEST;
}
