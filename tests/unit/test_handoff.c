#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "fcgi-app/handoff.h"

/* The hub's end is the second one. */
static int ends[2];
static union handoff_message message;

static int pair_open(void **state)
{
    (void)state;
    return handoff_pair(ends);
}

static int pair_close(void **state)
{
    (void)state;
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    return 0;
}

static struct handoff_park park_make(void)
{
    struct handoff_park park = {
        .kind = HANDOFF_PARK,
        .fcgi_id = 65535,
        .user_id = INT64_C(9007199254740991),
        .session_id = 4711,
        .deadline_ms = INT64_C(123456789012),
        .cursor = {.epoch = "0123456789abcdef", .seq = 41},
    };

    memset(park.tab, 't', HANDOFF_TAB_MAX);
    memset(park.request_id, 'r', HANDOFF_REQUEST_ID_MAX);
    return park;
}

/* Is the descriptor still this process's? */
static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void both_ends_are_non_blocking_and_close_on_exec(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(ends[i], F_GETFD) & FD_CLOEXEC);
    }
}

static void a_parked_poll_arrives_with_every_field_and_its_connection(void **state)
{
    struct handoff_park park = park_make();
    int line[2];
    int fd = -1;
    char byte = 0;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
    assert_int_equal(handoff_park(ends[0], &park, line[1]), 0);
    close(line[1]);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(message.kind, HANDOFF_PARK);
    assert_memory_equal(&message.park, &park, sizeof(park));

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fd, "!", 1), 1);
    assert_int_equal(read(line[0], &byte, 1), 1);
    assert_int_equal(byte, '!');
    close(fd);
    assert_int_equal(read(line[0], &byte, 1), 0);
    close(line[0]);
}

static void the_texts_of_a_parked_poll_end_even_if_the_sender_did_not_end_them(void **state)
{
    struct handoff_park park = park_make();
    int fd = -1;

    (void)state;
    memset(park.cursor.epoch, 'e', sizeof(park.cursor.epoch));
    memset(park.tab, 't', sizeof(park.tab));
    memset(park.request_id, 'r', sizeof(park.request_id));
    assert_int_equal(handoff_park(ends[0], &park, ends[0]), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(strlen(message.park.cursor.epoch), CURSOR_EPOCH_MAX);
    assert_int_equal(strlen(message.park.tab), HANDOFF_TAB_MAX);
    assert_int_equal(strlen(message.park.request_id), HANDOFF_REQUEST_ID_MAX);
    close(fd);
}

static void a_lease_arrives_as_it_was_sent_and_its_tab_ends(void **state)
{
    struct handoff_lease lease = {.change = LEASE_BYE,
                                  .user_id = 42,
                                  .session_id = 4711,
                                  .seq = 7,
                                  .presence = PRESENCE_ACTIVE};
    int fd = 7;

    (void)state;
    memset(lease.tab, 't', sizeof(lease.tab));
    assert_int_equal(handoff_lease(ends[0], &lease), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(message.kind, HANDOFF_LEASE);
    assert_int_equal(message.lease.change, LEASE_BYE);
    assert_int_equal(message.lease.user_id, 42);
    assert_int_equal(message.lease.session_id, 4711);
    assert_int_equal(message.lease.seq, 7);
    assert_int_equal(message.lease.presence, PRESENCE_ACTIVE);
    assert_int_equal(strlen(message.lease.tab), HANDOFF_TAB_MAX);
    assert_int_equal(fd, -1);
}

static void a_wake_up_arrives_as_it_was_sent(void **state)
{
    int fd = 7;

    (void)state;
    assert_int_equal(handoff_wake(ends[0], 42, "e a 1 {}", 8), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(message.kind, HANDOFF_WAKE);
    assert_int_equal(message.wake.head.user_id, 42);
    assert_string_equal(message.wake.text, "e a 1 {}");
    assert_int_equal(fd, -1);
}

static void a_shorter_wake_up_has_nothing_of_the_one_before(void **state)
{
    int fd = -1;

    (void)state;
    assert_int_equal(handoff_wake(ends[0], 1, "t {\"long\":1}", 12), 0);
    assert_int_equal(handoff_wake(ends[0], 1, "s 1", 3), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_string_equal(message.wake.text, "s 1");
}

static void the_longest_wake_up_passes_and_a_longer_one_does_not(void **state)
{
    char *text = malloc(HANDOFF_WAKE_MAX + 1);
    int fd = -1;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', HANDOFF_WAKE_MAX + 1);
    assert_int_equal(handoff_wake(ends[0], 1, text, HANDOFF_WAKE_MAX + 1), ERR_BUSY);
    assert_int_equal(handoff_wake(ends[0], 1, text, HANDOFF_WAKE_MAX), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(strlen(message.wake.text), HANDOFF_WAKE_MAX);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BUSY);
    free(text);
}

static void a_full_queue_answers_busy_and_leaves_the_descriptor(void **state)
{
    struct handoff_park park = park_make();
    int fd = -1;
    int sent = 0;
    int line[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
    while (handoff_park(ends[0], &park, line[1]) == 0)
        assert_true(++sent < 1000000);
    assert_int_equal(handoff_park(ends[0], &park, line[1]), ERR_BUSY);
    assert_int_equal(handoff_wake(ends[0], 1, "s 1", 3), ERR_BUSY);
    assert_true(sent >= 278);
    assert_true(is_open(line[1]));

    /* Whatever went in comes out, and then there is room again. */
    for (int i = 0; i < sent; i++) {
        assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
        close(fd);
    }
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BUSY);
    assert_int_equal(handoff_park(ends[0], &park, line[1]), 0);
    close(line[0]);
    close(line[1]);
}

/* Sends a datagram of one's own making, with a descriptor where it is not -1. */
static void send_raw(const void *bytes, size_t length, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr datagram = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        datagram.msg_control = control.bytes;
        datagram.msg_controllen = sizeof(control.bytes);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    assert_int_equal(sendmsg(ends[0], &datagram, 0), length);
}

/* Sends it with a descriptor: refused, and nobody holds the descriptor any more? */
static void assert_refused(const void *bytes, size_t length)
{
    int fd = -1;
    int line[2];
    char byte;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
    send_raw(bytes, length, line[1]);
    close(line[1]);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
    assert_int_equal(recv(line[0], &byte, 1, MSG_DONTWAIT), 0);
    close(line[0]);
    send_raw(bytes, length, -1);
}

static void a_datagram_of_the_wrong_size_is_refused_and_its_descriptor_closed(void **state)
{
    struct handoff_park park = park_make();
    char longer[sizeof(park) + 1] = "";
    int fd = -1;

    (void)state;
    memcpy(longer, &park, sizeof(park));
    assert_refused(longer, sizeof(longer));
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
    assert_refused(&park, sizeof(park) - 1);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
    assert_refused("x", 1);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
}

static void a_datagram_of_an_unknown_kind_is_refused(void **state)
{
    struct handoff_park park = park_make();
    int fd = -1;

    (void)state;
    park.kind = 3;
    assert_refused(&park, sizeof(park));
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
}

static void a_wake_up_that_lies_about_its_length_is_refused(void **state)
{
    struct {
        struct handoff_wake head;
        char text[8];
    } wake = {.head = {.kind = HANDOFF_WAKE, .length = 9}};
    int fd = -1;

    (void)state;
    send_raw(&wake, sizeof(wake), -1);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
    wake.head.length = 7;
    send_raw(&wake, sizeof(wake), -1);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
    wake.head.length = 8;
    assert_refused(&wake, sizeof(wake)); /* wake-ups bring no descriptor */
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
}

static void a_wake_up_longer_than_its_room_is_refused(void **state)
{
    static char bytes[sizeof(union handoff_message) + 64];
    int fd = -1;

    (void)state;
    for (size_t length = sizeof(struct handoff_wake) + HANDOFF_WAKE_MAX + 1; length < sizeof(bytes);
         length++) {
        struct handoff_wake head = {.kind = HANDOFF_WAKE,
                                    .length = (uint32_t)(length - sizeof(head))};

        memcpy(bytes, &head, sizeof(head));
        send_raw(bytes, length, -1);
        assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BAD_REQUEST);
    }
}

static void an_empty_queue_is_busy_and_a_closed_one_gone(void **state)
{
    int fd = -1;

    (void)state;
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_BUSY);
    assert_int_equal(handoff_wake(ends[0], 1, "s 1", 3), 0);
    close(ends[0]);
    ends[0] = -1;
    assert_int_equal(handoff_receive(ends[1], &message, &fd), 0);
    assert_int_equal(handoff_receive(ends[1], &message, &fd), ERR_GONE);
}

static void a_hub_that_is_gone_is_busy_and_leaves_the_descriptor(void **state)
{
    struct handoff_park park = park_make();
    int line[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
    close(ends[1]);
    ends[1] = -1;
    assert_int_equal(handoff_park(ends[0], &park, line[1]), ERR_BUSY);
    assert_int_equal(handoff_wake(ends[0], 1, "s 1", 3), ERR_BUSY);
    assert_true(is_open(line[1]));
    close(line[0]);
    close(line[1]);
}

/* Two connected TCP sockets on the loopback, whose receiver takes little. */
static void tcp_pair(int ret_fds[2])
{
    const int little = 4096;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(place);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&place, sizeof(place)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&place, &length), 0);
    ret_fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(ret_fds[0], SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
    assert_int_equal(connect(ret_fds[0], (struct sockaddr *)&place, sizeof(place)), 0);
    ret_fds[1] = accept(listener, NULL, NULL);
    assert_true(ret_fds[1] >= 0);
    close(listener);
}

/* A stream's beginning and one of the longest events, or a poll's reply: at once, though nobody
 * reads. */
static void a_parked_connection_takes_a_whole_reply_at_once(void **state)
{
    static const char reply[112 * 1024];
    static const char longest[64 * 1024];
    const int little = 4096;
    int line[2];

    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        if (tcp)
            tcp_pair(line);
        else
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
        setsockopt(line[1], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
        handoff_make_room(line[1]);
        assert_int_equal(send(line[1], longest, sizeof(longest), MSG_DONTWAIT), sizeof(longest));
        assert_int_equal(
            send(line[1], reply, sizeof(reply) - sizeof(longest), MSG_DONTWAIT | MSG_NOSIGNAL),
            sizeof(reply) - sizeof(longest));
        close(line[0]);
        close(line[1]);
    }
}

#define handoff_test(test) cmocka_unit_test_setup_teardown(test, pair_open, pair_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        handoff_test(both_ends_are_non_blocking_and_close_on_exec),
        handoff_test(a_parked_poll_arrives_with_every_field_and_its_connection),
        handoff_test(the_texts_of_a_parked_poll_end_even_if_the_sender_did_not_end_them),
        handoff_test(a_lease_arrives_as_it_was_sent_and_its_tab_ends),
        handoff_test(a_wake_up_arrives_as_it_was_sent),
        handoff_test(a_shorter_wake_up_has_nothing_of_the_one_before),
        handoff_test(the_longest_wake_up_passes_and_a_longer_one_does_not),
        handoff_test(a_full_queue_answers_busy_and_leaves_the_descriptor),
        handoff_test(a_datagram_of_the_wrong_size_is_refused_and_its_descriptor_closed),
        handoff_test(a_datagram_of_an_unknown_kind_is_refused),
        handoff_test(a_wake_up_that_lies_about_its_length_is_refused),
        handoff_test(a_wake_up_longer_than_its_room_is_refused),
        handoff_test(an_empty_queue_is_busy_and_a_closed_one_gone),
        handoff_test(a_hub_that_is_gone_is_busy_and_leaves_the_descriptor),
        handoff_test(a_parked_connection_takes_a_whole_reply_at_once),
    };

    return cmocka_run_group_tests_name("handoff", tests, NULL, NULL);
}
