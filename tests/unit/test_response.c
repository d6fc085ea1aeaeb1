#include "unit.h"

#include <string.h>

#include "common/err.h"
#include "fake_request.h"
#include "fcgi-app/http_status.h"

static struct response response;

static int begin(void **state)
{
    (void)state;
    response_init(&response);
    return 0;
}

static int end(void **state)
{
    (void)state;
    response_release(&response);
    return 0;
}

static void a_problem_replaces_the_body_and_keeps_the_headers(void **state)
{
    (void)state;
    buf_adds(&response.body, "{\"half\":");
    buf_adds(&response.headers, "Allow: GET\r\n");
    response_problem(&response, ERR_METHOD_NOT_ALLOWED);
    assert_int_equal(response.status, 405);
    assert_string_equal(response.type, "application/problem+json");
    assert_string_equal(response.headers.data, "Allow: GET\r\n");
    assert_string_equal(response.body.data,
                        "{\"type\":\"about:blank\",\"status\":405,\"code\":\"method_not_allowed\","
                        "\"title\":\"That method does not work here\"}");
}

static void a_problem_names_the_field_and_further_members(void **state)
{
    (void)state;
    buf_adds(&response.members, ",\"reason\":\"ahead\"");
    response_problem(&response, response_invalid(&response, "user\"name"));
    assert_int_equal(response.status, 422);
    assert_non_null(
        strstr(response.body.data, ",\"field\":\"user\\\"name\",\"reason\":\"ahead\"}"));
}

static void a_problem_that_will_pass_says_when_to_come_back(void **state)
{
    (void)state;
    response_problem(&response, ERR_UNAVAILABLE);
    assert_int_equal(response.retry_after_s, 1);
    response_clear(&response);
    response_problem(&response, ERR_RATE_LIMITED);
    assert_int_equal(response.retry_after_s, 1);
    response_clear(&response);
    response.retry_after_s = 42;
    response_problem(&response, ERR_RATE_LIMITED);
    assert_int_equal(response.retry_after_s, 42);
    response_clear(&response);
    response_problem(&response, ERR_NOT_FOUND);
    assert_int_equal(response.retry_after_s, 0);
}

static void nothing_of_a_reply_reaches_the_next(void **state)
{
    (void)state;
    buf_adds(&response.headers, "Set-Cookie: x=1\r\n");
    buf_adds(&response.members, ",\"a\":1");
    response.parked = true;
    response_problem(&response, response_invalid(&response, "f"));
    response_clear(&response);
    assert_int_equal(response.headers.length, 0);
    assert_int_equal(response.body.length, 0);
    assert_int_equal(response.members.length, 0);
    assert_int_equal(response.status, 0);
    assert_null(response.type);
    assert_null(response.field);
    assert_false(response.parked);
}

static void an_empty_reply_has_no_body(void **state)
{
    (void)state;
    buf_adds(&response.body, "{}");
    response_empty(&response);
    assert_int_equal(response.status, 204);
    assert_int_equal(response.body.length, 0);
}

static void every_status_we_send_has_a_reason_phrase(void **state)
{
    static const int fine[] = {200, 201, 204};

    (void)state;
    for (size_t i = 0; i < COUNT(fine); i++)
        assert_true(strlen(http_reason(fine[i])) > 0);
    for (int err = -1; err >= -ERR_COUNT; err--)
        if (strlen(http_reason(err_info(err)->status)) == 0)
            fail_msg("no reason phrase for %d", err_info(err)->status);
    assert_string_equal(http_reason(418), "");
}

#define response_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        response_test(a_problem_replaces_the_body_and_keeps_the_headers),
        response_test(a_problem_names_the_field_and_further_members),
        response_test(a_problem_that_will_pass_says_when_to_come_back),
        response_test(nothing_of_a_reply_reaches_the_next),
        response_test(an_empty_reply_has_no_body),
        response_test(every_status_we_send_has_a_reason_phrase),
    };

    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
