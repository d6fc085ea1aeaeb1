#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "fake_request.h"
#include "fcgi-app/router.h"

static const struct {
    enum method method;
    const char *path;
    route_handler *handler;
} rows[] = {
#define ROUTE(method, path, handler, caller, body_limit, rate, pool) \
    {METHOD_##method, path, handler},
#include "fcgi-app/routes.def"
#undef ROUTE
};

/* The path of a row with `id` in the place of "{id}" or "{peer}"; has it got one? */
static bool path_make(char *text, size_t size, const char *pattern, const char *id)
{
    const char *open = strchr(pattern, '{');

    if (open == NULL)
        snprintf(text, size, "%s", pattern);
    else
        snprintf(text, size, "%.*s%s%s", (int)(open - pattern), pattern, id, strchr(open, '}') + 1);
    return open != NULL;
}

static void assert_no_route(const char *path)
{
    for (int method = METHOD_GET; method <= METHOD_OTHER; method++) {
        const struct route *route = NULL;
        unsigned allowed = 0;
        int64_t id = 0;

        if (router_find((enum method)method, path, &route, &id, &allowed) != ERR_NOT_FOUND)
            fail_msg("something answers %s", path);
        assert_null(route);
        assert_int_equal(allowed, 0);
    }
}

static void every_route_answers_its_own_method_and_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct route *route = NULL;
        unsigned allowed = 0;
        int64_t id = -1;
        char path[128];
        bool has_id = path_make(path, sizeof(path), rows[i].path, "42");

        assert_int_equal(router_find(rows[i].method, path, &route, &id, &allowed), 0);
        assert_string_equal(route->path, rows[i].path);
        assert_int_equal(route->method, rows[i].method);
        assert_ptr_equal(route->handler, rows[i].handler);
        assert_int_equal(id, has_id ? 42 : 0);
    }
}

static void ids_reach_up_to_53_bits(void **state)
{
    const struct route *route = NULL;
    unsigned allowed = 0;
    int64_t id = 0;

    (void)state;
    assert_int_equal(
        router_find(METHOD_GET, "/api/v1/users/9007199254740991", &route, &id, &allowed), 0);
    assert_int_equal(id, INT64_C(9007199254740991));
    assert_int_equal(router_find(METHOD_GET, "/api/v1/users/1", &route, &id, &allowed), 0);
    assert_int_equal(id, 1);
}

static void what_is_no_id_fits_no_route(void **state)
{
    static const char *const ids[] = {"",
                                      "0",
                                      "007",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "abc",
                                      "1a",
                                      "{id}",
                                      "{peer}",
                                      "٣",
                                      "9007199254740992",
                                      "99999999999999999",
                                      "1234567890123456789",
                                      "18446744073709551617",
                                      "00000000000000000000000000000000001"};

    (void)state;
    for (size_t row = 0; row < COUNT(rows); row++) {
        for (size_t i = 0; i < COUNT(ids); i++) {
            char path[256];

            if (path_make(path, sizeof(path), rows[row].path, ids[i]))
                assert_no_route(path);
        }
    }
}

static void a_trailing_slash_or_another_segment_is_another_path(void **state)
{
    static const char *const tails[] = {"/", "/x", "/1/2/3", "x", "%2f", " "};

    (void)state;
    for (size_t row = 0; row < COUNT(rows); row++) {
        for (size_t i = 0; i < COUNT(tails); i++) {
            char path[128];
            char longer[160];

            path_make(path, sizeof(path), rows[row].path, "42");
            snprintf(longer, sizeof(longer), "%s%s", path, tails[i]);
            assert_no_route(longer);
        }
    }
}

static void paths_are_compared_as_they_are(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "/api/v1",
        "/api/v1/",
        "api/v1/me",
        "/API/v1/me",
        "/api/v2/me",
        "/api/v1//me",
        "//api/v1/me",
        "/api/v1/ME",
        "/api/v1/m",
        "/health",
        "/api/v1/../api/v1/me",
        "/api/v1/dialogs/1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_no_route(paths[i]);
}

static unsigned allowed_of(enum method method, const char *path)
{
    const struct route *route = NULL;
    unsigned allowed = 0;
    int64_t id = 0;

    assert_int_equal(router_find(method, path, &route, &id, &allowed), ERR_METHOD_NOT_ALLOWED);
    assert_null(route);
    return allowed;
}

static void another_method_hears_which_would_do(void **state)
{
    (void)state;
    assert_int_equal(allowed_of(METHOD_OTHER, "/api/v1/sessions"),
                     1U << METHOD_GET | 1U << METHOD_POST | 1U << METHOD_DELETE);
    assert_int_equal(allowed_of(METHOD_PUT, "/api/v1/me"),
                     1U << METHOD_GET | 1U << METHOD_PATCH | 1U << METHOD_DELETE);
    assert_int_equal(allowed_of(METHOD_GET, "/api/v1/sessions/current"), 1U << METHOD_DELETE);
    assert_int_equal(allowed_of(METHOD_GET, "/api/v1/messages/7"),
                     1U << METHOD_PATCH | 1U << METHOD_DELETE);
    assert_int_equal(allowed_of(METHOD_POST, "/health/live"), 1U << METHOD_GET);
}

/* Serves a request that no handler sees. */
static void serve(struct fake_request *fake, const char *method, const char *path)
{
    fake_request_begin(fake, method, path, NULL);
    router_serve(&fake->request, &fake->response);
}

static void a_wrong_method_is_answered_with_allow(void **state)
{
    struct fake_request fake;

    (void)state;
    serve(&fake, "REQUEST_METHOD=HEAD", "DOCUMENT_URI=/api/v1/sessions");
    assert_int_equal(fake.response.status, 405);
    assert_string_equal(fake.response.headers.data, "Allow: GET, POST, DELETE\r\n");
    fake_request_end(&fake);
}

static void an_unknown_path_is_answered_404(void **state)
{
    struct fake_request fake;

    (void)state;
    serve(&fake, "REQUEST_METHOD=GET", "DOCUMENT_URI=/api/v1/nothing");
    assert_int_equal(fake.response.status, 404);
    assert_string_equal(fake.response.type, "application/problem+json");
    assert_non_null(strstr(fake.response.body.data, "\"code\":\"not_found\""));
    fake_request_end(&fake);
}

static void a_call_of_the_other_pool_is_misdirected(void **state)
{
    struct fake_request fake;

    (void)state;
    unit_stderr_begin();
    serve(&fake, "REQUEST_METHOD=POST", "DOCUMENT_URI=/api/v1/accounts");
    unit_stderr_end();
    assert_int_equal(fake.response.status, 421);
    fake_request_end(&fake);
}

static void a_request_without_parameters_is_answered(void **state)
{
    struct fake_request fake;

    (void)state;
    fake_request_begin(&fake, NULL, NULL);
    router_serve(&fake.request, &fake.response);
    assert_int_equal(fake.response.status, 404);
    fake_request_end(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_answers_its_own_method_and_path),
        cmocka_unit_test(ids_reach_up_to_53_bits),
        cmocka_unit_test(what_is_no_id_fits_no_route),
        cmocka_unit_test(a_trailing_slash_or_another_segment_is_another_path),
        cmocka_unit_test(paths_are_compared_as_they_are),
        cmocka_unit_test(another_method_hears_which_would_do),
        cmocka_unit_test(a_wrong_method_is_answered_with_allow),
        cmocka_unit_test(an_unknown_path_is_answered_404),
        cmocka_unit_test(a_call_of_the_other_pool_is_misdirected),
        cmocka_unit_test(a_request_without_parameters_is_answered),
    };

    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
