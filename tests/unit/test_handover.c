#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "fcgi-app/handover.h"

enum { FIRST_FD = 3 };

/* A listening socket at this number, as an exec leaves it. */
static void listen_at(int number, uint32_t host, int family)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    int fd = socket(family, SOCK_STREAM, 0);

    if (family == AF_INET)
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    if (fd != number) {
        assert_int_equal(dup2(fd, number), number);
        close(fd);
    }
}

static void leave(pid_t pid, const char *count, const char *names, const char *children)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", (int)pid);
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDS", count, 1);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
    if (children != NULL)
        setenv("PERCH_HANDOVER", children, 1);
}

static int two_sockets(void **state)
{
    (void)state;
    listen_at(FIRST_FD, INADDR_LOOPBACK, AF_INET);
    listen_at(FIRST_FD + 1, INADDR_LOOPBACK, AF_INET);
    return 0;
}

static int sockets_close(void **state)
{
    (void)state;
    close(FIRST_FD);
    close(FIRST_FD + 1);
    return 0;
}

static struct handover taken(void)
{
    struct handover handover;

    assert_int_equal(handover_take(&handover), 0);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    assert_null(getenv("PERCH_HANDOVER"));
    return handover;
}

static void sockets_are_taken_by_name(void **state)
{
    (void)state;
    leave(getpid(), "2", "auth:app", NULL);
    struct handover handover = taken();
    assert_int_equal(handover.sockets[POOL_APP].fd, FIRST_FD + 1);
    assert_int_equal(handover.sockets[POOL_AUTH].fd, FIRST_FD);
    assert_false(handover.sockets[POOL_APP].own);
    assert_false(handover.sockets[POOL_AUTH].own);
    for (int pool = 0; pool < HANDOVER_SOCKETS; pool++) {
        assert_true(fcntl(handover.sockets[pool].fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(handover.sockets[pool].fd, F_GETFD) & FD_CLOEXEC);
    }
    handover_release(&handover);
}

static void two_without_our_names_are_taken_in_order(void **state)
{
    const char *const names[] = {NULL, "perch.socket:perch.socket", ""};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        leave(getpid(), "2", names[i], NULL);
        struct handover handover = taken();
        assert_int_equal(handover.sockets[POOL_APP].fd, FIRST_FD);
        assert_int_equal(handover.sockets[POOL_AUTH].fd, FIRST_FD + 1);
        handover_release(&handover);
    }
}

static void one_by_its_name_leaves_the_other_to_be_opened(void **state)
{
    (void)state;
    leave(getpid(), "1", "auth", NULL);
    struct handover handover = taken();
    assert_int_equal(handover.sockets[POOL_APP].fd, -1);
    assert_int_equal(handover.sockets[POOL_AUTH].fd, FIRST_FD);
    handover_release(&handover);
}

static void what_is_for_another_process_is_left_alone(void **state)
{
    (void)state;
    leave(getppid(), "2", "app:auth", "app auth w1");
    struct handover handover = taken();
    assert_int_equal(handover.sockets[POOL_APP].fd, -1);
    assert_int_equal(handover.sockets[POOL_AUTH].fd, -1);
    assert_int_equal(handover.child_count, 0);
    handover_release(&handover);
}

static void children_are_taken_and_nobody_elses(void **state)
{
    char text[64];
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(0);
    snprintf(text, sizeof(text), "app w%d h%d w1 w0 w-3 x", (int)child, (int)getppid());
    leave(getpid(), "2", "app:auth", text);
    struct handover handover = taken();
    assert_true(handover.sockets[POOL_APP].own);
    assert_false(handover.sockets[POOL_AUTH].own);
    assert_int_equal(handover.child_count, 1);
    assert_int_equal(handover.children[0].pid, child);
    assert_int_equal(handover.children[0].role, 'w');
    /* It ended long ago, and can be waited for still. */
    assert_int_equal(waitpid(child, NULL, 0), child);
    handover_release(&handover);
}

static void assert_refused(const char *what)
{
    struct handover handover;

    leave(getpid(), "1", "app", NULL);
    unit_stderr_begin();
    assert_int_equal(handover_take(&handover), ERR_CONFIG);
    assert_non_null(strstr(unit_stderr_end(), what));
    handover_release(&handover);
}

static void a_socket_where_strangers_can_connect_is_refused(void **state)
{
    (void)state;
    listen_at(FIRST_FD, INADDR_ANY, AF_INET);
    assert_refused("strangers could connect");
}

static void what_does_not_listen_is_refused(void **state)
{
    int file = open("/dev/null", O_RDONLY);

    (void)state;
    if (file != FIRST_FD)
        dup2(file, FIRST_FD);
    assert_refused("not a listening socket");
}

static void the_program_is_found_by_its_own_path(void **state)
{
    char path[PATH_MAX];

    (void)state;
    handover_program("/bin/sh", path); /* a name that is not its own */
    assert_int_equal(access(path, X_OK), 0);
    assert_non_null(strstr(path, "test_handover"));
    handover_program("test_handover", path);
    assert_int_equal(path[0], '/');
}

/* In the copy of this program that the next test starts: another file takes its place at once. */
static int replaced(const char *own)
{
    char path[PATH_MAX];

    unlink(own);
    handover_program(own, path);
    return strcmp(path, own) == 0 ? 0 : 1;
}

static void a_program_replaced_as_it_started_is_found_in_its_place(void **state)
{
    char self[PATH_MAX] = "";
    char copy[PATH_MAX + 32];
    int status = -1;
    pid_t pid;

    (void)state;
    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    snprintf(copy, sizeof(copy), "%s.copy-%d", self, (int)getpid());
    assert_int_equal(link(self, copy), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl(copy, copy, "replaced", (char *)NULL);
        _exit(2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(copy);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "replaced") == 0)
        return replaced(argv[0]);

    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sockets_are_taken_by_name, two_sockets, sockets_close),
        cmocka_unit_test_setup_teardown(two_without_our_names_are_taken_in_order, two_sockets,
                                        sockets_close),
        cmocka_unit_test_setup_teardown(one_by_its_name_leaves_the_other_to_be_opened, two_sockets,
                                        sockets_close),
        cmocka_unit_test_setup_teardown(what_is_for_another_process_is_left_alone, two_sockets,
                                        sockets_close),
        cmocka_unit_test_setup_teardown(children_are_taken_and_nobody_elses, two_sockets,
                                        sockets_close),
        cmocka_unit_test_teardown(a_socket_where_strangers_can_connect_is_refused, sockets_close),
        cmocka_unit_test_teardown(what_does_not_listen_is_refused, sockets_close),
        cmocka_unit_test(the_program_is_found_by_its_own_path),
        cmocka_unit_test(a_program_replaced_as_it_started_is_found_in_its_place),
    };

    return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
