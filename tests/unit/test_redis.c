#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/redis.h"

static char folder[UNIT_TMP_BYTES];
static struct redis_address server_address;
static int server = -1; /* listens in the place of Redis */
static struct redis *redis;

static int group_begin(void **state)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)state;
    sigaction(SIGPIPE, &ignore, NULL); /* as the programs do */
    unit_tmp(folder, "perch-redis");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(server_address.host, sizeof(server_address.host), "%s/s", folder);
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int begin(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    (void)state;
    memcpy(at.sun_path, server_address.host, sizeof(at.sun_path));
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    redis = redis_new(&server_address);
    return bind(server, (const struct sockaddr *)&at, sizeof(at)) || listen(server, 8);
}

static int end(void **state)
{
    (void)state;
    redis_free(redis);
    close(server);
    return unlink(server_address.host);
}

/* The server takes the connection that waits, reads what came and answers; its end. */
static int serve(const char *expected, const char *answer)
{
    char text[512] = "";
    int fd = accept(server, NULL, NULL);

    assert_true(fd >= 0);
    assert_int_equal(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(send(fd, answer, strlen(answer), 0), strlen(answer));
    return fd;
}

static void assert_address(const char *url, const char *host, int port)
{
    struct redis_address address;

    if (redis_address_parse(url, &address) != 0)
        fail_msg("'%s' was refused", url);
    assert_string_equal(address.host, host);
    assert_int_equal(address.port, port);
}

static void addresses_are_paths_or_hosts_with_ports(void **state)
{
    (void)state;
    assert_address("unix:///run/redis/redis-server.sock", "/run/redis/redis-server.sock", 0);
    assert_address("unix:///r", "/r", 0);
    assert_address("redis://localhost", "localhost", 6379);
    assert_address("redis://localhost:6380", "localhost", 6380);
    assert_address("redis://127.0.0.1:1", "127.0.0.1", 1);
    assert_address("redis://redis.example.org:65535", "redis.example.org", 65535);
}

static void other_addresses_are_refused_by_name(void **state)
{
    static const char *const urls[] = {
        "",
        "/run/redis.sock",
        "localhost:6379",
        "unix:",
        "unix://",
        "unix://run/redis.sock",
        "redis://",
        "redis://:6379",
        "redis://host:",
        "redis://host:x",
        "redis://host:0",
        "redis://host:-1",
        "redis://host:65536",
        "redis://host:99999999999",
        "redis://host:6379/0",
        "redis://host/",
        "redis://host:6379x",
        "redis://user@host",
        "redis://:password@host:6379",
        "rediss://host:6379",
        "REDIS://host",
        "http://host",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct redis_address address = {.port = 77};

        unit_stderr_begin();
        if (redis_address_parse(urls[i], &address) != ERR_CONFIG)
            fail_msg("'%s' was taken", urls[i]);
        assert_non_null(strstr(unit_stderr_end(), "PERCH_REDIS_URL"));
        assert_int_equal(address.port, 77);
    }
}

static void a_path_is_at_most_as_long_as_a_sockets(void **state)
{
    struct redis_address address;
    char url[7 + sizeof(address.host) + 1] = "unix://";

    (void)state;
    memset(url + 7, 'x', sizeof(address.host));
    url[7] = '/';
    unit_stderr_begin();
    assert_int_equal(redis_address_parse(url, &address), ERR_CONFIG);
    unit_stderr_end();
    url[sizeof(url) - 2] = '\0';
    assert_int_equal(redis_address_parse(url, &address), 0);
    assert_int_equal(strlen(address.host), sizeof(address.host) - 1);
}

static void commands_go_out_together_and_values_come_back_in_order(void **state)
{
    struct redis_value values[5];
    int fd;

    (void)state;
    redis_add(redis, "GET", "a b\r\nc", NULL);
    redis_add(redis, "INCR", "n", NULL);
    redis_add(redis, "GET", "x", NULL);
    redis_add(redis, "BAD", NULL);
    redis_add(redis, "SET", "k", "", NULL);
    redis_send(redis);
    fd = serve("*2\r\n$3\r\nGET\r\n$6\r\na b\r\nc\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
               "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*1\r\n$3\r\nBAD\r\n"
               "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
               "$5\r\nhello\r\n:42\r\n$-1\r\n-ERR unknown\r\n+OK\r\n");
    assert_int_equal(redis_exchange(redis, values, 5), 0);
    assert_int_equal(values[0].type, REDIS_TEXT);
    assert_string_equal(values[0].text, "hello");
    assert_int_equal(values[1].type, REDIS_NUMBER);
    assert_int_equal(values[1].number, 42);
    assert_int_equal(values[2].type, REDIS_NIL);
    assert_int_equal(values[3].type, REDIS_FAULT);
    assert_string_equal(values[3].text, "ERR unknown");
    assert_int_equal(values[4].type, REDIS_TEXT);
    close(fd);
}

static void texts_of_any_length_come_back_whole(void **state)
{
    enum { LENGTH = 100000 };
    struct redis_value values[3];
    char head[64];
    char *text = malloc(LENGTH + 1);
    int fd;

    (void)state;
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    redis_add(redis, "GET", "a", NULL);
    redis_add(redis, "GET", "b", NULL);
    redis_add(redis, "GET", "c", NULL);
    redis_send(redis);
    snprintf(head, sizeof(head), "$-1\r\n$%d\r\n", LENGTH);
    fd = serve("*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n"
               "*2\r\n$3\r\nGET\r\n$1\r\nc\r\n",
               head);
    assert_int_equal(send(fd, text, LENGTH, 0), LENGTH);
    assert_int_equal(send(fd, "\r\n$3\r\na\0b\r\n", 11, 0), 11);
    assert_int_equal(redis_exchange(redis, values, 3), 0);
    assert_string_equal(values[0].text, "");
    assert_int_equal(values[1].length, LENGTH);
    assert_string_equal(values[1].text, text);
    assert_int_equal(values[2].length, 3);
    assert_memory_equal(values[2].text, "a\0b", 4);
    free(text);
    close(fd);
}

static void answers_nobody_wants_are_read_away(void **state)
{
    struct redis_value value;
    int fd;

    (void)state;
    redis_add(redis, "SET", "a", "1", NULL);
    redis_send(redis);
    fd = serve("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", "+OK\r\n");
    assert_int_equal(redis_settle(redis), 0);
    assert_int_equal(redis_settle(redis), 0); /* nothing is queued */
    redis_add(redis, "GET", "a", NULL);
    assert_int_equal(send(fd, ":7\r\n", 4, 0), 4);
    assert_int_equal(redis_exchange(redis, &value, 1), 0);
    assert_int_equal(value.number, 7);
    close(fd);
}

static void a_lost_connection_is_tried_a_second_time(void **state)
{
    struct redis_value value;
    int first;
    int second;

    (void)state;
    redis_add(redis, "GET", "a", NULL);
    redis_send(redis);
    first = serve("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", ":1\r\n");
    assert_int_equal(redis_exchange(redis, &value, 1), 0);
    close(first);
    redis_add(redis, "GET", "b", NULL);
    redis_send(redis); /* fails */
    redis_send(redis); /* on a fresh connection */
    second = serve("*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", ":2\r\n");
    assert_int_equal(redis_exchange(redis, &value, 1), 0);
    assert_int_equal(value.number, 2);
    close(second);
}

static void redis_away_is_said_once_and_left_alone_for_a_while(void **state)
{
    struct redis_address nobody = {.host = "/nonexistent/redis.sock"};
    struct redis *away = redis_new(&nobody);
    struct redis_value value;
    const char *line;

    (void)state;
    unit_stderr_begin();
    for (int i = 0; i < 10; i++) {
        redis_add(away, "GET", "a", NULL);
        redis_send(away);
        assert_int_equal(redis_exchange(away, &value, 1), ERR_NO_REDIS);
    }
    line = strstr(unit_stderr_end(), "does not answer");
    assert_non_null(line);
    assert_null(strstr(line + 1, "does not answer"));
    assert_int_equal(redis_settle(away), 0);
    redis_free(away);
}

static void a_redis_that_does_not_answer_costs_little(void **state)
{
    struct redis_value value;

    (void)state;
    /* The kernel takes connections and commands, nobody reads them. */
    redis_add(redis, "GET", "a", NULL);
    unit_stderr_begin();
    assert_int_equal(redis_exchange(redis, &value, 1), ERR_NO_REDIS);
    unit_stderr_end();
}

#define redis_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_paths_or_hosts_with_ports),
        cmocka_unit_test(other_addresses_are_refused_by_name),
        cmocka_unit_test(a_path_is_at_most_as_long_as_a_sockets),
        redis_test(commands_go_out_together_and_values_come_back_in_order),
        redis_test(texts_of_any_length_come_back_whole),
        redis_test(answers_nobody_wants_are_read_away),
        redis_test(a_lost_connection_is_tried_a_second_time),
        redis_test(redis_away_is_said_once_and_left_alone_for_a_while),
        redis_test(a_redis_that_does_not_answer_costs_little),
    };

    return cmocka_run_group_tests_name("redis", tests, group_begin, group_end);
}
