#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/listen.h"

static char folder[UNIT_TMP_BYTES];
static char path[UNIT_TMP_BYTES + 16];

static int group_begin(void **state)
{
    (void)state;
    unit_tmp(folder, "perch-listen");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/app.sock", folder);
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int path_remove(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static struct sockaddr_un address(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

/* Connects to the path: 0 or the errno. */
static int connect_errno(void)
{
    struct sockaddr_un to = address();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int error = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;

    close(fd);
    return error;
}

static int listen_well(void)
{
    int fd = -1;

    assert_int_equal(listen_open("PERCH_APP_SOCKET", path, NULL, &fd), 0);
    assert_true(fd >= 0);
    return fd;
}

static void end(int fd)
{
    const struct listen_file file = listen_file(fd);

    listen_end(fd, &file);
}

/* Refused with a line that says `what`; nothing was returned. */
static void assert_refused(const char *where, const char *group, const char *what)
{
    int fd = 77;

    unit_stderr_begin();
    assert_int_equal(listen_open("PERCH_APP_SOCKET", where, group, &fd), ERR_CONFIG);
    assert_non_null(strstr(unit_stderr_end(), what));
    assert_int_equal(fd, 77);
}

static void the_web_server_can_connect(void **state)
{
    int fd = listen_well();

    (void)state;
    assert_int_equal(connect_errno(), 0);
    close(fd);
}

static void the_socket_does_not_block_and_is_not_inherited(void **state)
{
    int fd = listen_well();

    (void)state;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void the_sockets_mode_is_0660_whatever_the_umask(void **state)
{
    const mode_t masks[] = {0, 022, 077};

    for (size_t i = 0; i < COUNT(masks); i++) {
        struct stat info;
        mode_t before = umask(masks[i]);
        int fd = listen_well();

        assert_int_equal(umask(before), masks[i]); /* left as it was */
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0660);
        close(fd);
        path_remove(state);
    }
}

static void the_socket_is_given_to_the_group(void **state)
{
    const struct group *group = getgrgid(getgid());
    struct stat info;
    int fd = -1;

    (void)state;
    assert_non_null(group);
    assert_int_equal(listen_open("PERCH_APP_SOCKET", path, group->gr_name, &fd), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_gid, group->gr_gid);
    assert_int_equal(connect_errno(), 0);
    close(fd);
}

static void a_group_that_does_not_exist_is_named(void **state)
{
    (void)state;
    assert_refused(path, "no-such-group", "no-such-group");
    assert_int_not_equal(connect_errno(), 0);
}

static void a_stale_socket_is_replaced(void **state)
{
    (void)state;
    close(listen_well());
    assert_int_equal(connect_errno(), ECONNREFUSED);
    int fd = listen_well();
    assert_int_equal(connect_errno(), 0);
    close(fd);
}

static void a_socket_that_answers_is_left_alone(void **state)
{
    int fd = listen_well();

    (void)state;
    assert_refused(path, NULL, "another process serves there");
    assert_int_equal(connect_errno(), 0);
    close(fd);
}

static void a_busy_socket_is_left_alone(void **state)
{
    struct sockaddr_un at = address();
    int busy = socket(AF_UNIX, SOCK_STREAM, 0);
    int waiting[64];
    size_t count = 0;

    (void)state;
    assert_int_equal(bind(busy, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(busy, 0), 0);
    do { /* until nobody can wait any more */
        assert_true(count < COUNT(waiting));
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    } while (connect(waiting[count++], (const struct sockaddr *)&at, sizeof(at)) == 0);
    assert_int_equal(errno, EAGAIN);
    assert_refused(path, NULL, "another process serves there");
    while (count > 0)
        close(waiting[--count]);
    close(busy);
}

static void what_is_not_a_socket_is_left_alone(void **state)
{
    struct stat info;
    int file = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    close(file);
    assert_refused(path, NULL, "not a socket");
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
}

static void a_link_is_left_alone(void **state)
{
    struct stat info;

    (void)state;
    assert_int_equal(symlink("/nonexistent", path), 0);
    assert_refused(path, NULL, "not a socket");
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
}

/* A free port for "127.0.0.1" or "[::1]", written into a setting. */
static const char *port_free(const char *host, int family)
{
    static char place[64];
    struct sockaddr_storage at = {.ss_family = (sa_family_t)family};
    socklen_t length = sizeof(at);
    int probe = socket(family, SOCK_STREAM, 0);

    assert_int_equal(bind(probe, (struct sockaddr *)&at, length), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&at, &length), 0);
    close(probe);
    /* Both families have it at the same place. */
    snprintf(place, sizeof(place), "%s:%d", host, ntohs(((struct sockaddr_in *)&at)->sin_port));
    return place;
}

/* One end of a connection to it, as a worker has it after accept(). */
static int accepted_from(int fd, int *ret_client)
{
    struct sockaddr_storage at;
    socklen_t length = sizeof(at);
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    *ret_client = socket(at.ss_family, SOCK_STREAM, 0);
    assert_int_equal(connect(*ret_client, (struct sockaddr *)&at, length), 0);
    assert_int_equal(poll(&ready, 1, 5000), 1);
    int server = accept(fd, NULL, NULL);
    assert_true(server >= 0);
    return server;
}

static void a_reply_over_tcp_goes_out_in_one_write(const char *host, int family)
{
    enum { REPLY = 66 * 1024 }; /* a full record and what goes with it */
    static char reply[REPLY];
    int client;
    int fd = -1;
    int nodelay = 0;
    socklen_t length = sizeof(nodelay);

    assert_int_equal(listen_open("PERCH_APP_SOCKET", port_free(host, family), NULL, &fd), 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int server = accepted_from(fd, &client);
    assert_int_equal(send(server, reply, REPLY, MSG_DONTWAIT | MSG_NOSIGNAL), REPLY);
    assert_int_equal(getsockopt(server, IPPROTO_TCP, TCP_NODELAY, &nodelay, &length), 0);
    assert_int_not_equal(nodelay, 0);
    close(client);
    close(server);
    close(fd);
}

static void a_reply_over_ipv4_goes_out_in_one_write(void **state)
{
    (void)state;
    a_reply_over_tcp_goes_out_in_one_write("127.0.0.1", AF_INET);
}

static void a_reply_over_ipv6_goes_out_in_one_write(void **state)
{
    (void)state;
    a_reply_over_tcp_goes_out_in_one_write("[::1]", AF_INET6);
}

static void a_port_in_use_is_named(void **state)
{
    const char *place = port_free("127.0.0.1", AF_INET);
    int fd = -1;

    (void)state;
    assert_int_equal(listen_open("PERCH_APP_SOCKET", place, NULL, &fd), 0);
    assert_refused(place, NULL, place);
    close(fd);
}

static void a_public_address_is_refused(void **state)
{
    (void)state;
    assert_refused("203.0.113.7:9000", NULL, "PERCH_APP_SOCKET=203.0.113.7:9000");
}

static void a_folder_that_does_not_exist_is_named(void **state)
{
    (void)state;
    assert_refused("/nonexistent/app.sock", NULL, "/nonexistent/app.sock");
}

static void a_path_below_a_file_is_named(void **state)
{
    (void)state;
    assert_refused("/dev/null/app.sock", NULL, "/dev/null/app.sock");
}

/* Whoever stands in line when the end comes is served; whoever comes then has nowhere to connect.
 */
static void an_ended_socket_serves_its_line_and_nobody_else(void **state)
{
    int fd = listen_well();
    struct sockaddr_un to = address();
    int early = socket(AF_UNIX, SOCK_STREAM, 0);
    int late = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(connect(early, (const struct sockaddr *)&to, sizeof(to)), 0);
    end(fd);
    assert_int_equal(connect(late, (const struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, ENOENT);
    int server = accept(fd, NULL, NULL);
    assert_true(server >= 0);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    /* And the place is free for another one. */
    close(listen_well());
    close(server);
    close(early);
    close(late);
    close(fd);
}

/* Of the children of a master that was killed each ends the socket, some of them late. */
static void the_next_socket_at_the_path_outlives_the_end_of_the_last(void **state)
{
    int last = listen_well();
    const struct listen_file file = listen_file(last);

    (void)state;
    listen_end(last, &file);
    int next = listen_well();
    listen_end(last, &file);
    assert_int_equal(connect_errno(), 0);
    close(last);
    close(next);
}

static void a_path_that_another_socket_has_taken_stays_its_own(void **state)
{
    int last = listen_well();
    const struct listen_file file = listen_file(last);

    path_remove(state);
    int next = listen_well();
    listen_end(last, &file);
    assert_int_equal(connect_errno(), 0);
    close(last);
    close(next);
}

static void an_ended_port_serves_its_line(const char *host, int family)
{
    int fd = -1;
    int early;
    struct sockaddr_storage at;
    socklen_t length = sizeof(at);
    int late = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_int_equal(listen_open("PERCH_APP_SOCKET", port_free(host, family), NULL, &fd), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    early = socket(family, SOCK_STREAM, 0);
    assert_int_equal(connect(early, (struct sockaddr *)&at, length), 0);
    end(fd);
    assert_int_equal(connect(late, (struct sockaddr *)&at, length), -1);
    struct pollfd connected = {.fd = late, .events = POLLOUT};
    assert_int_equal(poll(&connected, 1, 100), 0);
    int server = accept(fd, NULL, NULL);
    assert_true(server >= 0);
    assert_int_equal(send(early, "x", 1, MSG_NOSIGNAL), 1);
    char byte;
    assert_int_equal(recv(server, &byte, 1, 0), 1);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    close(server);
    close(early);
    close(late);
    close(fd);
}

static void an_ended_ipv4_port_serves_its_line_and_nobody_else(void **state)
{
    (void)state;
    an_ended_port_serves_its_line("127.0.0.1", AF_INET);
}

static void an_ended_ipv6_port_serves_its_line_and_nobody_else(void **state)
{
    (void)state;
    an_ended_port_serves_its_line("[::1]", AF_INET6);
}

#define listen_test(test) cmocka_unit_test_teardown(test, path_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        listen_test(the_web_server_can_connect),
        listen_test(the_socket_does_not_block_and_is_not_inherited),
        listen_test(the_sockets_mode_is_0660_whatever_the_umask),
        listen_test(the_socket_is_given_to_the_group),
        listen_test(a_group_that_does_not_exist_is_named),
        listen_test(a_stale_socket_is_replaced),
        listen_test(a_socket_that_answers_is_left_alone),
        listen_test(a_busy_socket_is_left_alone),
        listen_test(what_is_not_a_socket_is_left_alone),
        listen_test(a_link_is_left_alone),
        listen_test(a_reply_over_ipv4_goes_out_in_one_write),
        listen_test(a_reply_over_ipv6_goes_out_in_one_write),
        listen_test(a_port_in_use_is_named),
        listen_test(an_ended_socket_serves_its_line_and_nobody_else),
        listen_test(the_next_socket_at_the_path_outlives_the_end_of_the_last),
        listen_test(a_path_that_another_socket_has_taken_stays_its_own),
        listen_test(an_ended_ipv4_port_serves_its_line_and_nobody_else),
        listen_test(an_ended_ipv6_port_serves_its_line_and_nobody_else),
        listen_test(a_public_address_is_refused),
        listen_test(a_folder_that_does_not_exist_is_named),
        listen_test(a_path_below_a_file_is_named),
    };

    return cmocka_run_group_tests_name("listen", tests, group_begin, group_end);
}
