#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/store_user.h"
#include "fake_request.h"

static struct fake_request fake;

/* Parses a query string; fake_request_end() afterwards. */
static int query_parse(const char *query)
{
    static char param[4096];

    snprintf(param, sizeof(param), "QUERY_STRING=%s", query);
    fake_request_begin(&fake, param, NULL);
    return request_parse_query(&fake.request);
}

static void assert_value(const char *query, const char *name, const char *value)
{
    if (query_parse(query) != 0)
        fail_msg("'%s' was refused", query);
    assert_non_null(request_param(&fake.request, name));
    assert_string_equal(request_param(&fake.request, name), value);
    fake_request_end(&fake);
}

static void methods_and_paths_are_taken_from_the_web_server(void **state)
{
    static const struct {
        const char *param;
        enum method method;
    } rows[] = {
        {"REQUEST_METHOD=GET", METHOD_GET},       {"REQUEST_METHOD=POST", METHOD_POST},
        {"REQUEST_METHOD=PUT", METHOD_PUT},       {"REQUEST_METHOD=PATCH", METHOD_PATCH},
        {"REQUEST_METHOD=DELETE", METHOD_DELETE}, {"REQUEST_METHOD=HEAD", METHOD_OTHER},
        {"REQUEST_METHOD=get", METHOD_OTHER},     {"REQUEST_METHOD=", METHOD_OTHER},
        {"REQUEST_METHOD=GETS", METHOD_OTHER},    {"OTHER=GET", METHOD_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_request_begin(&fake, rows[i].param, "DOCUMENT_URI=/a/b", NULL);
        assert_int_equal(fake.request.method, rows[i].method);
        assert_string_equal(fake.request.path, "/a/b");
        fake_request_end(&fake);
    }
}

static void a_request_id_is_taken_only_as_hexadecimal_digits(void **state)
{
    static const struct {
        const char *param;
        const char *id;
    } rows[] = {
        {"REQUEST_ID=0123456789abcdefABCDEF-", "0123456789abcdefABCDEF-"},
        {"REQUEST_ID=", ""},
        {"REQUEST_ID=abc\r\nSet-Cookie: x", ""},
        {"REQUEST_ID=xyz", ""},
        {"REQUEST_ID=0000000000000000000000000000000000000000000000000000000000000000",
         "0000000000000000000000000000000000000000000000000000000000000000"},
        {"REQUEST_ID=00000000000000000000000000000000000000000000000000000000000000000", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_request_begin(&fake, rows[i].param, NULL);
        assert_string_equal(fake.request.id, rows[i].id);
        fake_request_end(&fake);
    }
}

static void parameters_are_found_by_name(void **state)
{
    (void)state;
    assert_int_equal(query_parse("limit=10&after=x&q="), 0);
    assert_string_equal(request_param(&fake.request, "limit"), "10");
    assert_string_equal(request_param(&fake.request, "after"), "x");
    assert_string_equal(request_param(&fake.request, "q"), "");
    assert_null(request_param(&fake.request, "lim"));
    assert_null(request_param(&fake.request, ""));
    fake_request_end(&fake);
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    assert_value("q=a%20b", "q", "a b");
    assert_value("q=a+b", "q", "a b");
    assert_value("q=a%2Bb%2bc", "q", "a+b+c");
    assert_value("q=%D0%B6%d0%96", "q", "жЖ");
    assert_value("q=ж", "q", "ж");
    assert_value("q=%26%3D%25", "q", "&=%");
    assert_value("q=%41", "q", "A");
    assert_value("%71=1", "q", "1");
    assert_value("a+b=1", "a b", "1");
    assert_value("q=%01%0a", "q", "\x01\n");
}

static void odd_but_clear_queries_are_taken(void **state)
{
    (void)state;
    assert_value("q", "q", "");
    assert_value("q=a=b", "q", "a=b");
    assert_value("&&q=1&", "q", "1");
    assert_value("=1", "", "1");
    assert_value("q=?/:@", "q", "?/:@");
}

static void an_empty_query_has_no_parameters(void **state)
{
    (void)state;
    assert_int_equal(query_parse(""), 0);
    assert_int_equal(fake.request.param_count, 0);
    fake_request_end(&fake);
    fake_request_begin(&fake, NULL, NULL);
    assert_int_equal(request_parse_query(&fake.request), 0);
    fake_request_end(&fake);
}

static void bad_queries_are_refused(void **state)
{
    static const char *const queries[] = {
        "q=%",    "q=%4",     "q=a%",        "q=%zz",     "q=%4g",         "q=%g4",
        "q=% 41", "q=%-1",    "%=1",         "q=%00",     "q=a%00b",       "%00=1",
        "q=%ff",  "q=%c0%80", "q=%ed%a0%80", "q=%d0",     "q=\xff",        "q=%f4%90%80%80",
        "%ff=1",  "q=1&q=2",  "q=1&q",       "q=1&%71=1", "a=1&q=&b=2&q=", "q=%4&r=1",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        if (query_parse(queries[i]) != ERR_BAD_PARAMETER)
            fail_msg("'%s' was taken", queries[i]);
        fake_request_end(&fake);
    }
}

static void more_parameters_than_there_is_room_for_are_refused(void **state)
{
    struct buf query = {0};

    (void)state;
    for (int i = 0; i < REQUEST_PARAMS_MAX; i++)
        buf_addf(&query, "p%d=%d&", i, i);
    assert_int_equal(query_parse(query.data), 0);
    assert_string_equal(request_param(&fake.request, "p15"), "15");
    fake_request_end(&fake);
    buf_adds(&query, "one_more=1");
    assert_int_equal(query_parse(query.data), ERR_BAD_PARAMETER);
    fake_request_end(&fake);
    buf_release(&query);
}

static void whole_numbers_are_read_within_their_bounds(void **state)
{
    static const struct {
        const char *query;
        int err;
        int64_t number;
    } rows[] = {
        {"", 0, 20},
        {"limit=1", 0, 1},
        {"limit=100", 0, 100},
        {"limit=007", 0, 7},
        {"limit=0", ERR_BAD_PARAMETER, -5},
        {"limit=101", ERR_BAD_PARAMETER, -5},
        {"limit=", ERR_BAD_PARAMETER, -5},
        {"limit=-1", ERR_BAD_PARAMETER, -5},
        {"limit=%2B1", ERR_BAD_PARAMETER, -5},
        {"limit=+1", ERR_BAD_PARAMETER, -5},
        {"limit=1.0", ERR_BAD_PARAMETER, -5},
        {"limit=1x", ERR_BAD_PARAMETER, -5},
        {"limit=0x10", ERR_BAD_PARAMETER, -5},
        {"limit=99999999999999999", ERR_BAD_PARAMETER, -5},
        {"limit=18446744073709551617", ERR_BAD_PARAMETER, -5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t number = -5;

        assert_int_equal(query_parse(rows[i].query), 0);
        assert_int_equal(request_param_int(&fake.request, "limit", 1, 100, 20, &number),
                         rows[i].err);
        assert_int_equal(number, rows[i].number);
        fake_request_end(&fake);
    }
}

static void ids_are_positive_and_have_53_bits(void **state)
{
    int64_t id = 0;

    (void)state;
    assert_int_equal(id_parse("1", &id), 0);
    assert_int_equal(id, 1);
    assert_int_equal(id_parse("9007199254740991", &id), 0);
    assert_int_equal(id, STORE_ID_MAX);
}

static void what_is_no_id_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "0",
                                        "01",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1,2",
                                        "a",
                                        "1a",
                                        "1.5",
                                        "1e3",
                                        "٣",
                                        "9007199254740992",
                                        "9999999999999999",
                                        "10000000000000000",
                                        "18446744073709551617",
                                        "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        int64_t id = 77;

        if (id_parse(texts[i], &id) != ERR_INVALID)
            fail_msg("'%s' was taken for an id", texts[i]);
        assert_int_equal(id, 77);
    }
}

/* Sends `text` announced as `announced` bytes of `type` (a CONTENT_TYPE parameter). */
static int body_read(const char *type, const char *announced, const char *text, size_t limit)
{
    char length[64];

    snprintf(length, sizeof(length), "CONTENT_LENGTH=%s", announced);
    fake_request_begin(&fake, length, type, NULL);
    fake_request_send(&fake, text);
    return request_read_body(&fake.request, limit);
}

static const char type_json[] = "CONTENT_TYPE=application/json";

static void a_json_object_is_read(void **state)
{
    static const char *const types[] = {type_json, "CONTENT_TYPE=application/json; charset=utf-8",
                                        "CONTENT_TYPE=Application/JSON;x=y",
                                        "CONTENT_TYPE=application/json "};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        assert_int_equal(body_read(types[i], "7", "{\"a\":1}", 7), 0);
        assert_non_null(fake.request.body);
        assert_true(json_object_object_get_ex(fake.request.body, "a", NULL));
        fake_request_end(&fake);
    }
}

static void a_raw_body_is_left_to_the_handler(void **state)
{
    (void)state;
    assert_int_equal(body_read(type_json, "3", "{no", 3 | BODY_RAW), 0);
    assert_null(fake.request.body);
    assert_string_equal(fake.request.raw, "{no");
    assert_int_equal(fake.request.raw_length, 3);
    fake_request_end(&fake);
    assert_int_equal(body_read(type_json, "4", "{no}", 3 | BODY_RAW), ERR_TOO_LARGE);
    fake_request_end(&fake);
    assert_int_equal(body_read("CONTENT_TYPE=text/plain", "3", "{no", 3 | BODY_RAW),
                     ERR_MEDIA_TYPE);
    fake_request_end(&fake);
}

static void no_body_needs_no_type(void **state)
{
    static const char *const lengths[] = {"", "0"};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        assert_int_equal(body_read(NULL, lengths[i], "", 0), 0);
        assert_null(fake.request.body);
        fake_request_end(&fake);
    }
}

static void other_types_are_refused(void **state)
{
    static const char *const types[] = {NULL,
                                        "CONTENT_TYPE=",
                                        "CONTENT_TYPE=text/plain",
                                        "CONTENT_TYPE=application/jsonp",
                                        "CONTENT_TYPE=application/json-seq",
                                        "CONTENT_TYPE=application/x-www-form-urlencoded"};

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        assert_int_equal(body_read(types[i], "2", "{}", 100), ERR_MEDIA_TYPE);
        fake_request_end(&fake);
    }
}

static void a_beacon_may_call_its_json_plain_text(void **state)
{
    const size_t limit = 100 | BODY_BEACON;

    (void)state;
    assert_int_equal(body_read("CONTENT_TYPE=text/plain;charset=UTF-8", "2", "{}", limit), 0);
    fake_request_end(&fake);
    assert_int_equal(body_read("CONTENT_TYPE=application/json", "2", "{}", limit), 0);
    fake_request_end(&fake);
    assert_int_equal(body_read("CONTENT_TYPE=text/html", "2", "{}", limit), ERR_MEDIA_TYPE);
    fake_request_end(&fake);
    assert_int_equal(body_read("CONTENT_TYPE=text/plain", "101", "{}", limit), ERR_TOO_LARGE);
    fake_request_end(&fake);
}

static void a_body_beyond_the_routes_limit_is_refused(void **state)
{
    static const char *const lengths[] = {"8", "65537", "18446744073709551615",
                                          "99999999999999999999999", "-1"};

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        assert_int_equal(body_read(type_json, lengths[i], "{\"a\":12}", 7), ERR_TOO_LARGE);
        fake_request_end(&fake);
    }
    assert_int_equal(body_read(type_json, "2", "{}", 0), ERR_TOO_LARGE);
    fake_request_end(&fake);
}

static void a_body_shorter_than_announced_is_refused(void **state)
{
    (void)state;
    assert_int_equal(body_read(type_json, "8", "{\"a\":1}", 100), ERR_BAD_REQUEST);
    fake_request_end(&fake);
    assert_int_equal(body_read(type_json, "1", "", 100), ERR_BAD_REQUEST);
    fake_request_end(&fake);
}

static void what_is_no_json_object_is_refused(void **state)
{
    (void)state;
    assert_int_equal(body_read(type_json, "2", "[]", 100), ERR_INVALID);
    fake_request_end(&fake);
    assert_int_equal(body_read(type_json, "4", "null", 100), ERR_INVALID);
    fake_request_end(&fake);
    assert_int_equal(body_read(type_json, "3", "\"a\"", 100), ERR_INVALID);
    fake_request_end(&fake);
    assert_int_equal(body_read(type_json, "2", "{]", 100), ERR_BAD_JSON);
    fake_request_end(&fake);
    assert_int_equal(body_read(type_json, "13", "{\"a\":1,\"a\":2}", 100), ERR_BAD_JSON);
    fake_request_end(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_and_paths_are_taken_from_the_web_server),
        cmocka_unit_test(a_request_id_is_taken_only_as_hexadecimal_digits),
        cmocka_unit_test(parameters_are_found_by_name),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(odd_but_clear_queries_are_taken),
        cmocka_unit_test(an_empty_query_has_no_parameters),
        cmocka_unit_test(bad_queries_are_refused),
        cmocka_unit_test(more_parameters_than_there_is_room_for_are_refused),
        cmocka_unit_test(whole_numbers_are_read_within_their_bounds),
        cmocka_unit_test(ids_are_positive_and_have_53_bits),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(a_json_object_is_read),
        cmocka_unit_test(a_raw_body_is_left_to_the_handler),
        cmocka_unit_test(no_body_needs_no_type),
        cmocka_unit_test(other_types_are_refused),
        cmocka_unit_test(a_beacon_may_call_its_json_plain_text),
        cmocka_unit_test(a_body_beyond_the_routes_limit_is_refused),
        cmocka_unit_test(a_body_shorter_than_announced_is_refused),
        cmocka_unit_test(what_is_no_json_object_is_refused),
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
