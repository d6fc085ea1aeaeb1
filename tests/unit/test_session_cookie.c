#include "unit.h"

#include <string.h>

#include "fake_request.h"
#include "fcgi-app/session_cookie.h"

static struct fake_request fake;

/* A request that came by `scheme` (a REQUEST_SCHEME parameter). */
static void begin(const char *scheme)
{
    fake_request_begin(&fake, scheme, NULL);
    fake.conf.session_days = 180;
}

static void over_http_the_cookie_is_strict_and_not_for_scripts(void **state)
{
    (void)state;
    begin("REQUEST_SCHEME=http");
    session_cookie_set(&fake.request, &fake.response, "abc.def");
    assert_string_equal(fake.response.headers.data,
                        "Set-Cookie: perch_session=abc.def; Path=/; Max-Age=15552000; HttpOnly; "
                        "SameSite=Strict\r\n");
    fake_request_end(&fake);
}

static void over_https_the_cookie_is_bound_to_the_host(void **state)
{
    (void)state;
    begin("REQUEST_SCHEME=https");
    session_cookie_set(&fake.request, &fake.response, "abc.def");
    assert_string_equal(fake.response.headers.data,
                        "Set-Cookie: __Host-perch_session=abc.def; Path=/; Max-Age=15552000; "
                        "HttpOnly; SameSite=Strict; Secure\r\n");
    fake_request_end(&fake);
}

static void the_public_url_decides_where_it_is_set(void **state)
{
    (void)state;
    begin("REQUEST_SCHEME=http");
    fake.conf.public_url = "https://chat.example.org";
    session_cookie_clear(&fake.request, &fake.response);
    assert_string_equal(fake.response.headers.data,
                        "Set-Cookie: __Host-perch_session=; Path=/; Max-Age=0; HttpOnly; "
                        "SameSite=Strict; Secure\r\n");
    fake_request_end(&fake);
}

static void assert_agent(const char *header, const char *agent)
{
    begin(NULL);
    assert_string_equal(session_agent(&fake.request, header), agent);
    fake_request_end(&fake);
}

static void a_user_agent_is_kept_as_it_is(void **state)
{
    (void)state;
    assert_agent("Mozilla/5.0 (X11; Linux x86_64) Ёлка/1",
                 "Mozilla/5.0 (X11; Linux x86_64) Ёлка/1");
    assert_agent(NULL, "");
    assert_agent("", "");
}

static void a_long_user_agent_is_cut_between_characters(void **state)
{
    char header[302] = "a";
    const char *agent;

    (void)state;
    for (size_t i = 1; i + 2 < sizeof(header); i += 2)
        memcpy(header + i, "ж", 2);
    begin(NULL);
    agent = session_agent(&fake.request, header);
    assert_int_equal(strlen(agent), 199); /* the 200th byte is half a character */
    assert_memory_equal(agent, header, 199);
    agent = session_agent(&fake.request, header + 1);
    assert_int_equal(strlen(agent), 200);
    fake_request_end(&fake);
}

static void a_user_agent_with_control_characters_is_none(void **state)
{
    (void)state;
    assert_agent("curl\t7", "");
    assert_agent("curl\x7f", "");
    assert_agent("\xff\xfe", "");
}

static void a_user_agent_ends_where_it_is_no_longer_text(void **state)
{
    (void)state;
    assert_agent("curl/7\xff"
                 "8",
                 "curl/7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_http_the_cookie_is_strict_and_not_for_scripts),
        cmocka_unit_test(over_https_the_cookie_is_bound_to_the_host),
        cmocka_unit_test(the_public_url_decides_where_it_is_set),
        cmocka_unit_test(a_user_agent_is_kept_as_it_is),
        cmocka_unit_test(a_long_user_agent_is_cut_between_characters),
        cmocka_unit_test(a_user_agent_with_control_characters_is_none),
        cmocka_unit_test(a_user_agent_ends_where_it_is_no_longer_text),
    };

    return cmocka_run_group_tests_name("session_cookie", tests, NULL, NULL);
}
