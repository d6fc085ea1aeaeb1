/* Datagrams on the hand-off socket: what handoff_receive() gives back is whole, with all its texts
 * ended, and no descriptor gets lost. Input: how many descriptors travel along (a digit), then
 *
 *   w <text>    a wake-up as handoff_wake() writes it
 *   p <bytes>   a parked poll of the right length whose members have these bytes
 *   anything else is the datagram itself */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "fcgi-app/handoff.h"

enum { DESCRIPTORS_MAX = 3, INPUT_MAX = 80 * 1024, DATAGRAM_MAX = INPUT_MAX + 1024 };

static void send_datagram(int socket, const uint8_t *data, size_t size, int descriptors, int fd)
{
    union {
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
        struct cmsghdr header;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    const int fds[DESCRIPTORS_MAX] = {fd, fd, fd};

    if (descriptors > 0) {
        size_t length = (size_t)descriptors * sizeof fd;
        struct cmsghdr *header = &control.header;

        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(length);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(length);
        memcpy(CMSG_DATA(header), fds, length);
    }
    FUZZ_CHECK(sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size);
}

/* What to send, in `datagram`; returns its length. */
static size_t datagram_make(const uint8_t *data, size_t size, uint8_t datagram[DATAGRAM_MAX])
{
    union {
        struct handoff_park park;
        struct handoff_wake wake;
    } head = {0};

    if (size > 2 && memcmp(data, "w ", 2) == 0) {
        head.wake = (struct handoff_wake){
            .kind = HANDOFF_WAKE, .length = (uint32_t)(size - 2), .user_id = 42};
        memcpy(datagram, &head.wake, sizeof head.wake);
        memcpy(datagram + sizeof head.wake, data + 2, size - 2);
        return sizeof head.wake + size - 2;
    }
    if (size > 2 && memcmp(data, "p ", 2) == 0) {
        size_t room = sizeof head.park - sizeof head.park.kind;

        head.park.kind = HANDOFF_PARK;
        memcpy((char *)&head.park + sizeof head.park.kind, data + 2,
               size - 2 < room ? size - 2 : room);
        memcpy(datagram, &head.park, sizeof head.park);
        return sizeof head.park;
    }
    memcpy(datagram, data, size);
    return size;
}

static void check(const union handoff_message *message, size_t size, int descriptors, int fd)
{
    const struct handoff_park *park = &message->park;

    if (message->kind == HANDOFF_WAKE) {
        FUZZ_CHECK(fd == -1 && message->wake.head.length <= HANDOFF_WAKE_MAX);
        FUZZ_CHECK(message->wake.text[message->wake.head.length] == '\0');
        return;
    }
    if (message->kind == HANDOFF_LEASE) {
        FUZZ_CHECK(fd == -1 && size == sizeof message->lease);
        FUZZ_CHECK(memchr(message->lease.tab, '\0', sizeof message->lease.tab) != NULL);
        return;
    }
    FUZZ_CHECK(message->kind == HANDOFF_PARK && size == sizeof *park);
    FUZZ_CHECK((fd >= 0) == (descriptors > 0));
    FUZZ_CHECK(memchr(park->tab, '\0', sizeof park->tab) != NULL);
    FUZZ_CHECK(memchr(park->request_id, '\0', sizeof park->request_id) != NULL);
    FUZZ_CHECK(memchr(park->cursor.epoch, '\0', sizeof park->cursor.epoch) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union handoff_message *message = malloc(sizeof *message);
    int pair[2];
    int fd = -1;
    int next;
    int err;

    FUZZ_CHECK(message != NULL && handoff_pair(pair) == 0);
    if (size > 1 && size < INPUT_MAX) {
        static uint8_t datagram[DATAGRAM_MAX];
        int descriptors = data[0] % (DESCRIPTORS_MAX + 1);
        size_t length = datagram_make(data + 1, size - 1, datagram);

        send_datagram(pair[0], datagram, length, descriptors, pair[0]);
        err = handoff_receive(pair[1], message, &fd);
        FUZZ_CHECK(err == 0 || err == ERR_BAD_REQUEST);
        if (err == 0)
            check(message, length, descriptors, fd);
        if (err == 0 && fd >= 0)
            close(fd);
        FUZZ_CHECK(handoff_receive(pair[1], message, &fd) == ERR_BUSY);
    }
    next = dup(pair[1]);
    FUZZ_CHECK(next == pair[1] + 1); /* the lowest free one: nothing stayed open */
    close(next);
    close(pair[0]);
    close(pair[1]);
    free(message);
    return 0;
}
