#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "common/err.h"
#include "common/listen_address.h"

#define KEY "PERCH_APP_SOCKET"

static struct listen_address parsed(const char *text)
{
    struct listen_address address;

    assert_int_equal(listen_address_parse(KEY, text, &address), 0);
    return address;
}

/* Refused with a line that names the key, the value and the reason; nothing was returned. */
static void assert_refused(const char *text, const char *why)
{
    struct listen_address address = {.length = 77};
    const char *line;

    unit_stderr_begin();
    assert_int_equal(listen_address_parse(KEY, text, &address), ERR_CONFIG);
    line = unit_stderr_end();
    assert_non_null(strstr(line, KEY "="));
    assert_non_null(strstr(line, text));
    assert_non_null(strstr(line, why));
    assert_int_equal(address.length, 77);
}

static void a_path_is_a_unix_socket(void **state)
{
    struct listen_address address = parsed("/run/perch/app.sock");
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address.socket;

    (void)state;
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/run/perch/app.sock");
    assert_true(listen_address_is_private(&address.socket));
}

static void an_ipv4_address_has_its_port_after_a_colon(void **state)
{
    struct listen_address address = parsed("10.1.2.3:9000");
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.socket;

    (void)state;
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0x0a010203);
    assert_int_equal(ntohs(v4->sin_port), 9000);
    assert_int_equal(address.length, sizeof(*v4));
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    struct listen_address address = parsed("[fd00::7]:65535");
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.socket;

    (void)state;
    assert_int_equal(v6->sin6_family, AF_INET6);
    assert_int_equal(v6->sin6_addr.s6_addr[15], 7);
    assert_int_equal(ntohs(v6->sin6_port), 65535);
    assert_int_equal(address.length, sizeof(*v6));
}

static void the_private_networks_are_taken_from_end_to_end(void **state)
{
    const char *const texts[] = {
        "127.0.0.1:1",      "127.255.255.255:1", "10.0.0.0:1",    "10.255.255.255:1",
        "172.16.0.1:1",     "172.31.255.255:1",  "192.168.0.1:1", "192.168.255.255:1",
        "100.64.0.1:1",     "100.127.255.255:1", "[::1]:1",       "[fc00::]:1",
        "[fdff:ffff::1]:1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        parsed(texts[i]);
}

static void a_public_or_wildcard_address_is_refused(void **state)
{
    const char *const texts[] = {
        "0.0.0.0:9000",      "203.0.113.7:9000", "9.255.255.255:1",   "11.0.0.0:1",
        "126.255.255.255:1", "128.0.0.1:1",      "172.15.255.255:1",  "172.32.0.0:1",
        "192.167.255.255:1", "192.169.0.0:1",    "100.63.255.255:1",  "100.128.0.0:1",
        "169.254.1.1:1",     "224.0.0.1:1",      "255.255.255.255:1", "[::]:9000",
        "[2001:db8::1]:1",   "[fe80::1]:1",      "[fbff::1]:1",       "[::ffff:127.0.0.1]:1",
        "[ff02::1]:1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_refused(texts[i], "not an address of a private network");
}

static void what_is_neither_is_refused(void **state)
{
    const char *const texts[] = {
        "app.sock",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:+80",
        "127.0.0.1: 80",
        "127.0.0.1:80 ",
        "127.0.0.1:0x50",
        "localhost:9000",
        ":9000",
        "*:9000",
        "::1:9000",
        "[::1]",
        "[::1:9000",
        "::1]:9000",
        "[127.0.0.1]:80",
        "[]:80",
        "[fd00::1%lo]:80",
        "127.1:80",
        "127.0.0.1:99999999999999999999999",
        "unix:/run/perch/app.sock",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_refused(texts[i], "use /path, ADDRESS:PORT or [IPV6]:PORT");
}

static void a_path_too_long_for_a_socket_is_refused(void **state)
{
    struct sockaddr_un at;
    char text[sizeof(at.sun_path) + 1] = "";

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[0] = '/';
    assert_refused(text, "at most 107 bytes");
    text[sizeof(text) - 2] = '\0';
    parsed(text);
}

static void only_loopback_and_unix_sockets_are_of_this_host_alone(void **state)
{
    static const struct {
        const char *text;
        bool local;
    } places[] = {
        {"/run/perch/notifier.sock", true}, {"127.0.0.1:9464", true},
        {"127.255.255.254:1", true},        {"[::1]:9464", true},
        {"10.0.0.1:9464", false},           {"[fd00::1]:9464", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        struct listen_address address = parsed(places[i].text);

        assert_int_equal(listen_address_is_local(&address.socket), places[i].local);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_a_unix_socket),
        cmocka_unit_test(an_ipv4_address_has_its_port_after_a_colon),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(the_private_networks_are_taken_from_end_to_end),
        cmocka_unit_test(only_loopback_and_unix_sockets_are_of_this_host_alone),
        cmocka_unit_test(a_public_or_wildcard_address_is_refused),
        cmocka_unit_test(what_is_neither_is_refused),
        cmocka_unit_test(a_path_too_long_for_a_socket_is_refused),
    };

    return cmocka_run_group_tests_name("listen_address", tests, NULL, NULL);
}
